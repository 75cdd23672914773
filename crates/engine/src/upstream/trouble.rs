//! What can go wrong at a provider, what the person sees of it, and what the client is told.

use std::borrow::Cow;
use std::fmt;

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::Timestamp;

use super::provider::Provider;
use crate::Engine;
use crate::authorize::{Browser, Interaction, Next};
use crate::failure::{Failure, Fault};

/// Something that went wrong; the request it was for is still there.
#[derive(Clone)]
pub struct Trouble {
    /// What.
    pub what: What,
    /// What people know the provider as.
    pub provider: String,
    /// Its name, to go there once more.
    pub name: String,
    /// The sealed request, for another try.
    pub request: String,
    /// What the client is told of it when the person leaves.
    pub code: ErrorCode,
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trouble({:?} at {}: {})", self.what, self.name, self.code)
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The provider cannot be reached, or not be understood.
    Unreachable,
    /// It said no, or the person did there.
    Refused,
    /// What it gave as a proof is none.
    Unproved,
    /// Somebody is there, who is nobody here.
    NotAdmitted,
}

/// Why a sign-in came to nothing: what the person sees, and what the log gets.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    what: What,
    code: ErrorCode,
    why: Cow<'static, str>,
    /// Whether it says that the person is not there (any more).
    gone: bool,
}

impl Broken {
    pub(super) fn unreachable(why: impl Into<Cow<'static, str>>) -> Self {
        Self { what: What::Unreachable, code: ErrorCode::TemporarilyUnavailable, why: why.into(), gone: false }
    }

    pub(super) fn unproved(why: impl Into<Cow<'static, str>>) -> Self {
        Self { what: What::Unproved, code: ErrorCode::AccessDenied, why: why.into(), gone: false }
    }

    /// What was presented for somebody counts no more, or is about somebody else.
    pub(super) fn gone(why: impl Into<Cow<'static, str>>) -> Self {
        Self { gone: true, ..Self::unproved(why) }
    }

    /// Whether it says that the person is not there any more.
    pub(super) const fn says_no(&self) -> bool {
        self.gone
    }

    /// Whether somebody was refused, and not only kept waiting.
    pub(super) fn is_refusal(&self) -> bool {
        self.what != What::Unreachable
    }

    /// For the log.
    pub(super) fn why(&self) -> &str {
        &self.why
    }

    pub(super) fn not_admitted(why: impl Into<Cow<'static, str>>) -> Self {
        Self { what: What::NotAdmitted, code: ErrorCode::AccessDenied, why: why.into(), gone: false }
    }

    /// An error that came in place of a code (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
    pub(super) fn answered(error: &str) -> Self {
        let refused = |code| Self { what: What::Refused, code, why: format!("it answered {code}").into(), gone: false };
        match error {
            "login_required" | "interaction_required" | "account_selection_required" | "consent_required" => {
                refused(ErrorCode::LoginRequired)
            }
            "unmet_authentication_requirements" => refused(ErrorCode::UnmetAuthenticationRequirements),
            "access_denied" => refused(ErrorCode::AccessDenied),
            "temporarily_unavailable" => Self::unreachable("it is temporarily unavailable, as it says"),
            "server_error" => Self::unreachable("something broke there, as it says"),
            // Nobody but us is to blame for a request that it does not take.
            _ => Self {
                what: What::Refused,
                code: ErrorCode::ServerError,
                why: "it answered with an error that says that our request was wrong".into(),
                gone: false,
            },
        }
    }

    /// What the person sees of it.
    pub(super) fn trouble(
        self,
        engine: &Engine,
        browser: &Browser,
        provider: &Provider,
        interaction: &Interaction,
    ) -> Result<Trouble, Fault> {
        let Self { what, code, why, .. } = self;
        if what == What::Unreachable {
            tracing::warn!(upstream = %provider.name, %why, "an identity provider does not answer");
        } else {
            tracing::info!(upstream = %provider.name, %why, "nobody was signed in by an identity provider");
        }
        let request = interaction.seal(engine, browser)?;
        Ok(Trouble { what, provider: provider.label().to_owned(), name: provider.name.clone(), request, code })
    }
}

/// Somebody leaves after something went wrong: the client learns what. A device goes on waiting.
pub async fn leave(
    engine: &Engine,
    browser: &Browser,
    request: &str,
    code: &str,
    now: Timestamp,
) -> Result<Next, Failure> {
    let (interaction, client) = Interaction::resume(engine, browser, request, now).await?;
    // The code comes back from our own page; any but these is somebody's invention.
    let told = [
        ErrorCode::LoginRequired,
        ErrorCode::ServerError,
        ErrorCode::TemporarilyUnavailable,
        ErrorCode::UnmetAuthenticationRequirements,
    ];
    let code = told.into_iter().find(|known| known.as_str() == code).unwrap_or(ErrorCode::AccessDenied);
    let denied = Denied::new(code, "the person was not signed in by the identity provider");
    interaction.give_up(engine, client, &denied, now).await
}

//! Back from a provider (OpenID Connect Core §3.1.2.5).

use std::sync::Arc;

use firman_proto::error::invalid_request;
use firman_proto::form::Form;
use firman_proto::jose::Claims;
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::upstream::{ProviderMetadata, TokenAnswer};
use firman_store::record::{Account, Once, OnceNamespace, Subject, UpstreamSignIn};
use firman_store::{Change, Commit};

use super::errand::{Errand, unknown};
use super::exchange::{Asked, Desk};
use super::go::max_age;
use super::kept::Kept;
use super::person::{self, Arrival};
use super::provider::Provider;
use super::redirect_uri;
use super::said::Said;
use super::trouble::{Broken, Trouble};
use crate::Engine;
use crate::authorize::{Browser, LoggedIn, welcome};
use crate::failure::Failure;
use crate::ports::{ProvedThere, User};
use crate::sign_in::half;

/// How long a state is remembered that was used, whatever is set: by it every node looks in the same day.
const REMEMBERED: Lifetime = Lifetime::from_seconds(3600);

/// A longer ID token is not kept: it travels in addresses, to the page of a second step and to where its person signs out.
const LONGEST_HINT: usize = 2048;

/// What came of somebody who returned.
pub enum Returned {
    /// They go on with what they came for; and what they are called here.
    Welcome(LoggedIn, String),
    /// They are not signed in.
    Trouble(Trouble),
}

/// Takes the answer of a provider. `errand` is what the browser carries for the state of the answer.
pub async fn back(
    engine: &Engine,
    browser: &Browser,
    (name, form, errand): (&str, &Form<'_>, Option<&str>),
    now: Timestamp,
) -> Result<Returned, Failure> {
    let state = form.required("state")?;
    let errand = Errand::open(engine, browser, (state, errand), now).await?;
    // RFC 9700 §4.4.2: an answer that came to another provider's address is another provider's.
    let provider = engine.policy.upstream.providers.find(&errand.provider).filter(|provider| provider.name == name);
    let provider = provider.ok_or_else(|| unknown("the answer came to another provider's address"))?;
    let came = Came { engine, provider, errand: &errand, form, now };
    match came.user(state).await {
        Ok(user) => {
            let client = errand.interaction.client(engine, now).await?;
            // Whoever has asked for a second step here is asked for it wherever they come from.
            let request = errand.interaction.seal(engine, browser)?;
            if let Some(half) = half(engine, browser, &user, request, now).await? {
                return Ok(Returned::Welcome(LoggedIn::Second(half), user.username));
            }
            let next = welcome(engine, browser, errand.interaction.clone(), &client, &user, now).await?;
            Ok(Returned::Welcome(next, user.username))
        }
        Err(Stop::Broken(broken)) => {
            if broken.is_refusal() {
                engine.upstream_refused(None, &provider.name, broken.why(), now).await;
            }
            Ok(Returned::Trouble(broken.trouble(engine, browser, provider, &errand.interaction)?))
        }
        Err(Stop::Failure(failure)) => Err(failure),
    }
}

/// Why nobody is signed in.
enum Stop {
    /// Something at the provider.
    Broken(Broken),
    /// Something of ours, or nothing that a person could go on from.
    Failure(Failure),
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl<F: Into<Failure>> From<F> for Stop {
    fn from(failure: F) -> Self {
        Self::Failure(failure.into())
    }
}

struct Came<'a> {
    engine: &'a Engine,
    provider: &'a Arc<Provider>,
    errand: &'a Errand,
    form: &'a Form<'a>,
    now: Timestamp,
}

impl Came<'_> {
    /// Whoever it was, after everything about the answer was found good.
    async fn user(&self, state: &str) -> Result<User, Stop> {
        let Self { engine, provider, errand, form, now } = *self;
        let metadata = engine.upstreams.of(engine, provider, now).await?;
        must_be_of(provider, &metadata, form.get("iss"))?;
        if let Some(error) = form.get("error") {
            return Err(Broken::answered(error).into());
        }
        let code = form.get("code").ok_or_else(|| invalid_request("code: missing"))?;
        let desk = Desk { engine, provider, metadata: &metadata, now };
        let answer = desk
            .tokens(&[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", &redirect_uri(engine, provider)),
                ("code_verifier", &errand.verifier),
            ])
            .await?;
        let max_age = max_age(errand).map(|seconds| Lifetime::from_seconds(i64::from(seconds)));
        // Somebody who proves anew who they are does it while they are there.
        let max_age = if errand.anew { Some(now.since(errand.begun_at)) } else { max_age };
        let claims = desk.verified(&answer, Asked { nonce: Some(&errand.nonce), max_age }).await?;
        let userinfo = desk.userinfo(&answer, claims.sub.as_deref().unwrap_or_default()).await?;
        let said = Said::of(provider, &claims, userinfo).map_err(Broken::unproved)?;
        self.must_be_new(state).await?;
        let arrival =
            Arrival { provider, said: &said, refresh_token: answer.refresh_token.as_ref().map(|token| token.as_str()) };
        let (subject, username) = person::admit(engine, &arrival, now).await?.map_err(Stop::Broken)?;
        let sid = claims.text("sid").filter(|sid| sid.len() <= 255).map(str::to_owned);
        let id_token = self.kept(&subject, &answer);
        let at = UpstreamSignIn { provider: provider.name.clone(), subject: said.subject, sid, id_token };
        Ok(User {
            subject,
            username,
            amr: self.amr(&claims),
            epochs: None,
            upstream: Some(ProvedThere { at, auth_time: self.auth_time(&claims) }),
        })
    }

    /// What comes of one answer comes of it once.
    async fn must_be_new(&self, state: &str) -> Result<(), Failure> {
        let Self { engine, provider, errand, .. } = *self;
        let once = Once {
            namespace: OnceNamespace::UpstreamState,
            digest: Once::digest(engine.number, provider.name.as_bytes(), state),
            expires_at: errand.begun_at.plus(REMEMBERED),
        };
        match engine.commit(vec![Change::InsertOnce(once)]).await? {
            Commit::Done => Ok(()),
            Commit::Conflict(_) => Err(unknown("it was completed before").into()),
        }
    }

    /// What the provider says of how they proved it, and what that counts as here (RFC 8176).
    fn amr(&self, claims: &Claims) -> Vec<String> {
        let mut amr = self.provider.amr.clone();
        let said = claims.rest.get("amr").and_then(serde_json::Value::as_array);
        amr.extend(said.into_iter().flatten().filter_map(|method| method.as_str().map(str::to_owned)));
        let acr = claims.text("acr");
        for (ours, _) in self.provider.acr.iter().filter(|(_, theirs)| acr == Some(theirs)) {
            amr.extend(self.engine.policy.acr.methods_of(ours).iter().cloned());
        }
        amr.retain(|method| method.len() <= 64);
        let mut known = std::collections::HashSet::new();
        amr.retain(|method| known.insert(method.clone()));
        amr.truncate(16);
        amr
    }

    /// What says there at the end whose session it is (OpenID Connect RP-Initiated Logout §2 `id_token_hint`).
    fn kept(&self, subject: &Subject, answer: &TokenAnswer) -> Option<String> {
        let Self { engine, provider, .. } = *self;
        let id_token = answer.id_token.as_ref().filter(|token| provider.logout && token.len() <= LONGEST_HINT)?;
        Kept::IdToken.seal(engine, Account::id_of(subject, engine.number), id_token)
    }

    /// When they proved it there.
    fn auth_time(&self, claims: &Claims) -> Timestamp {
        let Self { errand, now, .. } = *self;
        let at = claims.rest.get("auth_time").and_then(serde_json::Value::as_i64).map_or(now, Timestamp::from_seconds);
        // Clocks differ, and theirs counts in whole seconds: what was found fresh enough is.
        let asked = &errand.interaction;
        let not_before = match asked.request.max_age {
            _ if errand.anew || asked.request.prompt.select_account => Some(asked.started_at),
            Some(seconds) => Some(now.minus(Lifetime::from_seconds(i64::from(seconds)))),
            None => None,
        };
        not_before.map_or(at, |earliest| at.max(earliest)).min(now)
    }
}

/// RFC 9207 §2.4: the issuer of the answer is the one that was asked; where it says that it always says so, it must.
fn must_be_of(provider: &Provider, metadata: &ProviderMetadata, iss: Option<&str>) -> Result<(), Failure> {
    let right = match iss {
        Some(iss) => iss == provider.issuer,
        None => !metadata.authorization_response_iss_parameter_supported,
    };
    if right { Ok(()) } else { Err(unknown("the answer is another issuer's").into()) }
}

//! People who sign in at another identity provider (OpenID Connect Core, as a relying party).
//!
//! A sign-in there is an errand: where it goes, for which request, and its own secrets. The errand travels sealed in a cookie of the
//! browser that is sent off; the provider sees no more than a random handle of it. Nothing is written before the proof is there.

mod again;
mod back;
mod check;
mod directory;
mod errand;
mod exchange;
mod go;
mod kept;
mod person;
mod provider;
mod said;
mod scopes;
mod sign_out;
mod trouble;

pub(crate) use again::still_there;
pub use back::{Returned, back};
pub use check::{Grade, Seen, check};
pub(crate) use directory::Directory;
pub use go::{Departure, Went, at_once, go};
pub(crate) use person::link_name;
pub use provider::{Authentication, ClientSecret, Mode, OnRefusal, Provider, Providers, SubjectFrom};
pub(crate) use scopes::{Permitted, may_allow};
pub(crate) use sign_out::sign_out;
pub use sign_out::{There, signed_out};
pub use trouble::{Trouble, What, leave};

use firman_proto::time::Lifetime;

/// Where, below the issuer, providers send people back to: each to its own address, which has its name behind it, so that the
/// answer of one is not taken for another's (RFC 9700 §4.4.2).
pub const CALLBACK: &str = "/login/upstream/callback";

/// Where, below the issuer, they send people back to who have signed out there.
pub const SIGNED_OUT: &str = "/logout/upstream";

/// How people of other identity providers sign in.
#[derive(Clone, Debug)]
pub struct UpstreamPolicy {
    /// The providers.
    pub providers: Providers,
    /// Whether people sign in with accounts of this server too.
    pub local: bool,
    /// How long somebody may take at a provider.
    pub life: Lifetime,
}

impl Default for UpstreamPolicy {
    fn default() -> Self {
        Self { providers: Providers::default(), local: true, life: Lifetime::from_seconds(600) }
    }
}

/// Where a provider sends people back to.
pub fn redirect_uri(engine: &crate::Engine, provider: &Provider) -> String {
    engine.issuer.endpoint(&format!("{CALLBACK}/{}", provider.name))
}

/// Where a provider sends people back to who have signed out there, if they are sent there for it.
pub fn post_logout_redirect_uri(engine: &crate::Engine, provider: &Provider) -> Option<String> {
    provider.logout.then(|| engine.issuer.endpoint(SIGNED_OUT))
}

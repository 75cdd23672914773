//! A login app of the operator's own: it shows the pages, and an API here takes its answers.
//!
//! The browser goes there with a reference: the request, sealed, with the digest of the cookie of the browser that was sent. The app
//! reads what is asked, accepts or rejects it, and gets an address for the browser to come back to. What stands in that address is
//! sealed for the same browser and taken once, so nobody can be signed in with a link.

mod answer;
mod hand_off;
mod told;

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::Lifetime;

use crate::asker::Asker;

pub use answer::{Accept, Reject, Resumed, accept, reject, resume};
pub use hand_off::{Kind, hand_off, read};
pub(crate) use told::Told;
pub use told::{ClaimsOf, ToldAccounts};

/// The scope of an access token of ours that lets its holder answer for people who sign in.
pub const SCOPE: &str = "firman.login";

/// Which pages are somebody else's, and whose.
#[derive(Clone, Debug)]
pub struct LoginAppPolicy {
    /// Where browsers are sent; none: the pages here are used.
    pub url: Option<String>,
    /// The client ids that it authenticates with, if it does not come with a token.
    pub clients: Vec<String>,
    /// Whether it asks for consent, too.
    pub consent: bool,
    /// Whether it asks who wants to sign out, too.
    pub logout: bool,
    /// How long it may take with one person.
    pub life: Lifetime,
}

impl Default for LoginAppPolicy {
    fn default() -> Self {
        Self { url: None, clients: Vec::new(), consent: false, logout: false, life: Lifetime::from_seconds(900) }
    }
}

impl LoginAppPolicy {
    /// Where browsers go for this, if not to a page of ours.
    pub fn takes(&self, kind: Kind) -> Option<&str> {
        let taken = match kind {
            Kind::Login => true,
            Kind::Consent => self.consent,
            Kind::Logout => self.logout,
        };
        self.url.as_deref().filter(|_| taken)
    }

    /// Refuses everybody but the app: the client that settings name, or whoever has a token with [`SCOPE`].
    fn must_be_the_app(&self, asker: &Asker) -> Result<(), Denied> {
        asker.must_be_confidential()?;
        let is_it = match asker {
            // Its token has the scope, or it would not be here.
            Asker::Holder(_) => true,
            Asker::Client(client) => self.clients.contains(&client.record().client_id),
            Asker::Resource(_) => false,
        };
        let denied = || Denied::new(ErrorCode::UnauthorizedClient, "this client is not the login app");
        is_it.then_some(()).ok_or_else(denied)
    }
}

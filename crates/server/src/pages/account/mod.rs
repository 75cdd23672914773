//! The pages on which people see and change what is theirs.

mod allowed;
mod api_keys;
mod clients;
mod sessions;

pub use allowed::{Allowed, AllowedApp, AllowedApps, RememberedAt};
pub use api_keys::{ApiKeyEntry, ApiKeys, Choice, NewApiKey};
pub use clients::{ClientForm, HeldGrant, NewSecret, OwnClient, OwnClients};
pub use sessions::{Place, Sessions};

/// What stands above every page of the account: who it is, and the way to the others.
#[derive(Clone, Debug)]
pub struct Menu {
    /// Who is signed in.
    pub username: String,
    /// Which page this is.
    pub here: Here,
    /// The pages there are, and where.
    pub pages: Vec<(Here, String)>,
    /// Where they sign out.
    pub sign_out: String,
}

/// A page of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Here {
    /// What somebody allowed.
    Apps,
    /// Where they are signed in.
    Sessions,
    /// How they sign in.
    Security,
    /// What waits for them.
    Requests,
    /// Their API keys.
    ApiKeys,
    /// Their clients.
    Clients,
}

impl Here {
    /// What the menu calls it.
    pub(super) fn name(self) -> &'static str {
        let t = super::look::texts();
        match self {
            Self::Apps => t.apps.title,
            Self::Sessions => t.sessions.title,
            Self::Security => t.account.security,
            Self::Requests => t.account.requests,
            Self::ApiKeys => t.api_keys.title,
            Self::Clients => t.clients.title,
        }
    }

    /// Its id in the menu.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Apps => "menu-apps",
            Self::Sessions => "menu-sessions",
            Self::Security => "menu-security",
            Self::Requests => "menu-requests",
            Self::ApiKeys => "menu-keys",
            Self::Clients => "menu-clients",
        }
    }
}

/// Where forms of a page are posted to, and what they carry.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The address.
    pub action: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
}

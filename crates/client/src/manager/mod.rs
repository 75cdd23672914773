//! The token manager: tokens of other servers, kept, renewed and given out.

mod claims;
mod error;
mod get;
pub mod keeper;
mod learn;
mod register;

use std::fmt;
use std::sync::Arc;

use firman_proto::scope::Scope;
use firman_proto::time::Lifetime;

use crate::secret::Secret;
use crate::wire::{Desk, Wire};

#[cfg(feature = "conformance")]
pub use crate::keeper_conformance as conformance;
pub use error::ManagerError;
pub use keeper::{FileKeeper, Held, KeepError, Keeper, KeyPlace, Kind, MemoryKeeper, SealingKey, StoreKeeper, Whose};

/// Keeps, renews and gives out the tokens of a client. A clone is the same manager.
///
/// Of any number of callers, tasks and processes that need a token of the same person, client and server at once, one renews it,
/// and all get what that brought.
#[derive(Clone)]
pub struct Manager {
    wire: Arc<Wire>,
    keeper: Arc<dyn Keeper>,
    settings: Arc<Settings>,
}

/// How a manager works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server is asked about a token of which something is missing: whose it is, or until when it is good.
    pub auto_introspect: bool,
    /// What a server said of a token is not asked again within this time.
    pub introspect_interval: Lifetime,
    /// Nor what it said of a person.
    pub userinfo_interval: Lifetime,
    /// A token that is deleted here is revoked there too.
    pub revoke_on_delete: bool,
    /// A token with a broader scope serves who needs a narrower one. Otherwise each scope has tokens of its own.
    pub broader_will_do: bool,
    /// A token is renewed before its end by at most so long and at least half of it, by chance, or a quarter of its life if that is
    /// less. While that fails, the one there is will do.
    pub renew_before: Lifetime,
    /// A token of which nobody says how long it is good is taken to be good for so long.
    pub assumed_life: Lifetime,
    /// A server in trouble is asked so often before its error is told.
    pub attempts: u32,
    /// How long to wait for another that renews.
    pub patience: Lifetime,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auto_introspect: true,
            introspect_interval: Lifetime::from_seconds(30),
            userinfo_interval: Lifetime::from_seconds(30),
            revoke_on_delete: true,
            broader_will_do: true,
            renew_before: Lifetime::from_seconds(60),
            assumed_life: Lifetime::from_seconds(300),
            attempts: 3,
            patience: Lifetime::from_seconds(60),
        }
    }
}

/// Whose token is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A person's, by their subject at the server.
    Subject(String),
    /// The client's own (RFC 6749 §4.4).
    Client,
}

impl Who {
    fn whose<'a>(&'a self, desk: &'a Desk) -> Whose<'a> {
        match self {
            Self::Subject(subject) => Whose::Subject(subject),
            Self::Client => Whose::Client(&desk.client.id),
        }
    }

    fn subject(&self) -> Option<&str> {
        match self {
            Self::Subject(subject) => Some(subject),
            Self::Client => None,
        }
    }
}

/// What token is needed.
#[derive(Clone, Debug)]
pub struct Need {
    /// Whose.
    pub who: Who,
    /// What it must be good for; `None`: anything.
    pub scope: Option<Scope>,
    /// The resource servers that it is for (RFC 8707).
    pub resource: Vec<String>,
    /// One that will not do, because a resource server has refused it.
    pub not: Option<Secret>,
}

impl Need {
    /// Any token of theirs.
    pub fn of(who: Who) -> Self {
        Self { who, scope: None, resource: Vec::new(), not: None }
    }
}

impl Manager {
    /// A manager.
    pub fn new(wire: Arc<Wire>, keeper: Arc<dyn Keeper>, settings: Settings) -> Self {
        Self { wire, keeper, settings: Arc::new(settings) }
    }

    /// What it asks over.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Where it keeps.
    pub fn keeper(&self) -> &dyn Keeper {
        &*self.keeper
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

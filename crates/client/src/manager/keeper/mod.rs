//! Where tokens of other servers are kept: the contract, and who keeps it.

#[cfg(feature = "conformance")]
pub mod conformance;
mod data;
mod file;
mod memory;
mod sealing;
mod stored;

use std::fmt;

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Advice;
use crate::flow::introspection::TokenFacts;
use crate::flow::token::TokenType;
use crate::secret::Secret;

pub use file::{FileKeeper, KeyPlace};
pub use memory::MemoryKeeper;
pub use sealing::SealingKey;
pub use stored::StoreKeeper;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It opens resources.
    Access,
    /// It gets other tokens.
    Refresh,
}

/// Whose tokens of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose<'a> {
    /// Those about a person, whichever client they were issued to.
    Subject(&'a str),
    /// Those that a client has for itself (RFC 6749 §4.4).
    Client(&'a str),
}

/// A token that is kept.
#[derive(Clone, PartialEq)]
pub struct Held {
    /// What it is for.
    pub kind: Kind,
    /// The token.
    pub token: Secret,
    /// How it is presented.
    pub token_type: TokenType,
    /// The server that it is from.
    pub issuer: String,
    /// What is known of it. Its client is `client_id`, its person `sub`.
    pub facts: TokenFacts,
    /// When something new was learnt of it.
    pub updated_at: Timestamp,
}

impl Held {
    /// Whose it is; `None` if neither a person nor a client is known. A subject that is the client itself is no person: so some
    /// servers write tokens that a client has for itself (RFC 9068 §2.2).
    pub fn whose(&self) -> Option<Whose<'_>> {
        let client = self.facts.client_id.as_deref();
        let person = self.facts.sub.as_deref().filter(|sub| Some(*sub) != client);
        person.map(Whose::Subject).or(client.map(Whose::Client))
    }

    /// Whether it is good at `now`, as far as is known.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.facts.is_valid(now)
    }

    /// What it is good for; `None` if that is not known.
    pub fn scope(&self) -> Option<Scope> {
        self.facts.scope.as_deref().and_then(|scope| Scope::parse(scope).ok())
    }

    /// The thumbprint of the key that it is bound to, if that is known (RFC 9449 §6.1, §6.2).
    pub fn bound_to(&self) -> Option<&str> {
        self.facts.rest.get(Self::CONFIRMATION)?.get("jkt")?.as_str()
    }

    /// The member of its facts that says what it is bound to (RFC 7800 §3.1).
    pub(super) const CONFIRMATION: &'static str = "cnf";

    /// When it ends, if that is known.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.facts.exp.map(Timestamp::from_seconds)
    }
}

/// Without the token, and without what is known of its person.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({:?} of {}, updated {})", self.kind, self.issuer, self.updated_at.millis())
    }
}

/// Claims of a person, and when they came.
pub type ClaimsAt = (Map<String, Value>, Timestamp);

/// Keeps tokens, and what servers say of people. A clone of it elsewhere, in another process or on another machine, sees the same.
///
/// Promises, proved by the suite `client::manager::conformance!`:
///
/// - **Absence is a value.** An error is a fault of the keeper, never something that is not there.
/// - **Put replaces, delete is repeatable.** A token is there once, whatever its kind's neighbours are.
/// - **An access token that has ended is not given out**, and leaves. A refresh token that has ended is found by itself, and in no
///   list.
/// - **An exchange is one step**: the spent refresh token and all that it brought change together, or not at all.
/// - **A lease has one holder**, in all processes, and its holder's death ends it.
/// - **Nothing is readable** where it is kept outside of this process.
#[async_trait]
pub trait Keeper: Send + Sync + 'static {
    /// A token by itself. An access token that is not valid is `None`.
    async fn token(&self, kind: Kind, token: &Secret, now: Timestamp) -> Result<Option<Held>, KeepError>;

    /// The valid tokens of somebody at a server, the newest first.
    async fn tokens(&self, kind: Kind, issuer: &str, whose: Whose<'_>, now: Timestamp) -> Result<Vec<Held>, KeepError>;

    /// Keeps a token, in the place of what was known of it.
    async fn put_token(&self, held: Held) -> Result<(), KeepError>;

    /// Forgets a token; one that is not there is forgotten already.
    async fn delete_token(&self, kind: Kind, token: &Secret) -> Result<(), KeepError>;

    /// Forgets a spent refresh token, if there is one, and keeps what came for it, in one step.
    async fn exchange(&self, spent: Option<&Secret>, gained: Vec<Held>) -> Result<(), KeepError>;

    /// The claims of a person at a server.
    async fn claims(&self, issuer: &str, subject: &str) -> Result<Option<ClaimsAt>, KeepError>;

    /// Keeps claims; the ID token stays.
    async fn put_claims(
        &self,
        issuer: &str,
        subject: &str,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), KeepError>;

    /// The latest ID token of a person, also one that has expired: it is what a sign-out shows.
    async fn id_token(&self, issuer: &str, subject: &str) -> Result<Option<Secret>, KeepError>;

    /// Keeps an ID token; the claims and their time stay.
    async fn put_id_token(
        &self,
        issuer: &str,
        subject: &str,
        id_token: &Secret,
        now: Timestamp,
    ) -> Result<(), KeepError>;

    /// Forgets everything about a person at a server except their tokens.
    async fn delete_person(&self, issuer: &str, subject: &str) -> Result<(), KeepError>;

    /// Becomes the one that does something; `None` if another still does it after so long.
    async fn lease(&self, what: Digest16, patience: Lifetime) -> Result<Option<Box<dyn Lease>>, KeepError>;
}

/// Held by one at a time, until it is dropped or its holder dies.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Gives it back now, so that the next need not wait.
    async fn release(self: Box<Self>);
}

/// Why a keeper cannot do what it is asked. Says nothing of what it keeps.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeepError {
    /// The store, the disk or its permissions.
    #[error("{place}: {why}")]
    Fault {
        /// Which file or table.
        place: String,
        /// What happened.
        why: String,
        /// Whether the same may succeed later.
        temporary: bool,
    },
    /// The file is not one of ours, is damaged, or was sealed under another key. It was moved aside, and is not lost.
    #[error(
        "{place} cannot be read: it is damaged, or of another key or program; it is kept as {aside}: sign in again, or put back \
         the key that it was sealed with"
    )]
    Refused {
        /// Which file.
        place: String,
        /// Where it is now.
        aside: String,
    },
}

impl KeepError {
    /// What to do.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Fault { temporary: true, .. } => Advice::AskAgain(Lifetime::ZERO),
            Self::Fault { .. } => Advice::ChangeSettings,
            Self::Refused { .. } => Advice::AskThePerson,
        }
    }
}

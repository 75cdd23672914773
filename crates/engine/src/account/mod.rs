//! What people see of their own and change: what they allowed, where they are signed in, their API keys, and their clients.

pub mod allowed;
pub mod api_keys;
pub mod clients;
pub mod sessions;

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Event, EventKind, Subject};
use firman_store::{Change, SignedIn};

use crate::Engine;
use crate::authorize::{Browser, signed_in, touch};
use crate::failure::{Failure, Fault};
use crate::sign_in::is_own;

/// How many rows a page of a list has.
const PAGE: u32 = 50;

/// How often a record that was edited meanwhile is read again.
const LOOKS: usize = 4;

/// What people may do for themselves.
#[derive(Clone, Debug)]
pub struct AccountPolicy {
    /// The most that API keys may be for; the empty scope: there are none.
    pub api_key_scope: Scope,
    /// How long an API key lives for which nothing is said.
    pub api_key: Lifetime,
    /// How long an API key may live.
    pub api_key_most: Lifetime,
    /// Who may have clients of their own.
    pub client_owners: Owners,
}

impl Default for AccountPolicy {
    fn default() -> Self {
        Self {
            api_key_scope: Scope::default(),
            api_key: Lifetime::from_days(30),
            api_key_most: Lifetime::from_days(366),
            client_owners: Owners::default(),
        }
    }
}

/// Who may have clients of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Owners {
    /// Nobody.
    #[default]
    Nobody,
    /// Whoever has an account.
    Everybody,
    /// Those who sign in by these names.
    Named(Vec<String>),
}

impl Owners {
    /// Whether somebody of this name is one of them.
    pub fn include(&self, username: &str) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everybody => true,
            Self::Named(names) => names.iter().any(|name| name == username),
        }
    }
}

/// Somebody who is signed in with the browser that asks. Made only by [`person`].
#[derive(Debug)]
pub struct Person {
    signed_in: SignedIn,
    may_own: bool,
}

/// The same, having signed in just now. Made only by [`Person::fresh`].
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'p>(&'p Person);

/// Who is signed in with this browser.
pub async fn person(engine: &Engine, browser: &Browser, now: Timestamp) -> Result<Option<Person>, Failure> {
    let Some(signed_in) = signed_in(engine, browser, None, now).await? else { return Ok(None) };
    if let Some(touch) = touch(&signed_in.session, now) {
        engine.commit(vec![touch]).await?;
    }
    let may_own = may_own(engine, &signed_in, now).await?;
    Ok(Some(Person { signed_in, may_own }))
}

/// Whether settings let somebody have clients of their own: under a name that is theirs, and not only what a provider calls them.
async fn may_own(engine: &Engine, signed_in: &SignedIn, now: Timestamp) -> Result<bool, Fault> {
    let (owners, session) = (&engine.policy.account.client_owners, &signed_in.session);
    let username = &session.details.username;
    let by_name = matches!(owners, Owners::Named(_));
    Ok(owners.include(username) && (!by_name || is_own(engine, &session.subject, username, now).await?))
}

impl Person {
    /// The name to greet them with.
    pub fn username(&self) -> &str {
        &self.signed_in.session.details.username
    }

    /// Whether they may have clients of their own.
    pub fn may_own(&self) -> bool {
        self.may_own
    }

    /// Who they are.
    pub fn subject(&self) -> &Subject {
        &self.signed_in.session.subject
    }

    /// The session of the browser that asks.
    pub fn session(&self) -> RecordId {
        self.signed_in.session.id
    }

    /// Themselves for what would help a thief, if they have proved lately who they are.
    pub fn fresh(&self, engine: &Engine, now: Timestamp) -> Option<Fresh<'_>> {
        let since = now.since(self.signed_in.session.auth_time);
        (since <= engine.policy.fresh_sign_in).then_some(Fresh(self))
    }

    fn key(&self, engine: &Engine) -> Digest16 {
        self.subject().key(engine.number)
    }

    /// A line of the audit trail about what they did.
    fn did(&self, engine: &Engine, kind: EventKind, about: RecordId, now: Timestamp) -> Result<Event, Fault> {
        let mut event = engine.event(kind, about, now)?;
        event.subject = Some(self.subject().to_string());
        event.details.insert("by".to_owned(), "subject".into());
        Ok(event)
    }
}

impl std::ops::Deref for Fresh<'_> {
    type Target = Person;

    fn deref(&self) -> &Person {
        self.0
    }
}

/// A page of a list, and where the next begins.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What the next page comes after, if there is one.
    pub next: Option<RecordId>,
}

/// Where the page after these rows begins: after the last one, if there were as many as fit.
fn next_after(rows: usize, last: Option<RecordId>) -> Option<RecordId> {
    last.filter(|_| rows >= PAGE as usize)
}

/// A change, and the line of the audit trail about it.
fn noted(change: Change, event: Event) -> [Change; 2] {
    [change, Change::Append(Box::new(event))]
}

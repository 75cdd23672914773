//! The contract every backend keeps.

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::{Day, Timestamp};

use crate::change::{CommitId, RowKey, Transaction};
use crate::record::{
    Account, Client, Consent, Delivery, Deployment, Epochs, Event, Flow, Grant, HeldClaims, HeldKind, HeldToken, Name,
    Namespace, Resource, SealKey, Session, SigningKey, TokenTrace,
};

/// Where records are kept.
///
/// Promises of every implementation, proved by [`mod@crate::conformance`]:
///
/// - **All or nothing.** The changes of a transaction happen together or not at all, and a reader sees all of them or none.
/// - **Guards are in the write.** A change happens only if its guard holds at that moment; of any number of rivals for one
///   guard exactly one wins. Losing is [`Commit::Conflict`], a value.
/// - **Acknowledged is durable.** After [`Commit::Done`] the changes survive a crash of the process; of durable backends, a
///   loss of power too.
/// - **A read sees what was acknowledged before it began.** A read error is a [`StoreError`], never absence.
/// - **No clock.** Time comes in by argument.
/// - **Edits are announced.** A commit that edits a client, a key or the deployment advances the edition in the same step
///   ([`Transaction::with_edition`]).
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Makes the changes of a transaction, in order, if every guard holds.
    ///
    /// `Conflict(i)` names the first change whose guard did not hold; then nothing happened.
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError>;

    /// The commit that last won a row; `None` if the row is not there.
    async fn winner(&self, row: RowKey) -> Result<Option<CommitId>, StoreError>;

    /// The client of a key ([`Client::key`]). A caching store may lag by its stated bound.
    async fn client(&self, key: Digest16) -> Result<Option<Arc<Client>>, StoreError>;

    /// The client with this record id. A caching store may lag by its stated bound.
    async fn client_by_id(&self, id: RecordId) -> Result<Option<Arc<Client>>, StoreError>;

    /// Clients in the order of their ids.
    async fn clients(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Client>, StoreError>;

    /// Clients of an owner, in the order of their ids.
    async fn clients_of(&self, owner: String, page: Page) -> Result<Vec<Client>, StoreError>;

    /// A flow, whatever its state, and the epochs of now. Epochs never lag.
    async fn flow(&self, id: RecordId) -> Result<Option<Standing<Flow>>, StoreError>;

    /// A grant, whatever its state, and everything its life depends on, in one round trip. Nothing of it lags.
    ///
    /// With a `trace`, also whether that token or one it was weakened from was revoked.
    async fn grant(&self, id: RecordId, trace: Option<TokenTrace>) -> Result<Option<Standing<Grant>>, StoreError>;

    /// Grants of a subject or client, in the order of their ids.
    async fn grants(&self, of: GrantsOf, page: Page) -> Result<Vec<Grant>, StoreError>;

    /// A session, whatever its state, the epochs of now, and the consent its person gave this client, in one round trip.
    async fn session(&self, id: RecordId, client: Option<RecordId>) -> Result<Option<SignedIn>, StoreError>;

    /// Sessions of a subject ([`crate::record::Subject::key`]), in the order of their ids, whatever their state.
    async fn sessions_of(&self, subject: Digest16, page: Page) -> Result<Vec<Session>, StoreError>;

    /// The clients that took part in a session, which ends at this time at the latest, in the order of their ids.
    async fn session_clients(&self, session: RecordId, expires_at: Timestamp) -> Result<Vec<RecordId>, StoreError>;

    /// What a subject ([`crate::record::Subject::key`]) allowed once and for all, in the order of the clients' ids, which the page
    /// goes by.
    async fn consents_of(&self, subject: Digest16, page: Page) -> Result<Vec<Consent>, StoreError>;

    /// Flows that began on a day, the newest first: a page is what comes before its id.
    async fn flows_of(&self, day: Day, page: Page) -> Result<Vec<Flow>, StoreError>;

    /// Clients whose client id begins with a text.
    async fn search_clients(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Client>, StoreError>;

    /// Accounts whose user name begins with a text.
    async fn search_accounts(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Account>, StoreError>;

    /// Resources whose identifier begins with a text.
    async fn search_resources(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Resource>, StoreError>;

    /// The epochs of everything, of a client and of a subject ([`crate::record::Subject::key`]), now.
    async fn epochs(&self, client: Option<RecordId>, subject: Option<Digest16>) -> Result<Epochs, StoreError>;

    /// The account with this id.
    async fn account(&self, id: RecordId) -> Result<Option<Account>, StoreError>;

    /// The account that holds a name at `now`.
    async fn account_by_name(
        &self,
        namespace: Namespace,
        digest: Digest16,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError>;

    /// Accounts in the order of their ids.
    async fn accounts(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Account>, StoreError>;

    /// Who holds a name, whether or not their time is up.
    async fn name(&self, namespace: Namespace, digest: Digest16) -> Result<Option<Name>, StoreError>;

    /// The resource of a key ([`Resource::key`]). A caching store may lag by its stated bound.
    async fn resource(&self, key: Digest16) -> Result<Option<Arc<Resource>>, StoreError>;

    /// Resources in the order of their ids.
    async fn resources(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Resource>, StoreError>;

    /// Every key and the deployment, in one round trip.
    async fn keys(&self) -> Result<Keys, StoreError>;

    /// How often a client, a key or the deployment was edited: one cheap read. While it stays the same, so do they all.
    async fn edition(&self) -> Result<u64, StoreError>;

    /// The audit trail about one record, or all of it, oldest first.
    async fn events(&self, about: Option<RecordId>, page: Page) -> Result<Vec<Event>, StoreError>;

    /// The audit trail, the newest first: a page is what comes before its id.
    async fn latest_events(&self, page: Page) -> Result<Vec<Event>, StoreError>;

    /// A delivery, whatever its state.
    async fn delivery(&self, id: RecordId) -> Result<Option<Delivery>, StoreError>;

    /// Deliveries, the newest first, whatever their state: a page is what comes before its id.
    async fn deliveries(&self, page: Page) -> Result<Vec<Delivery>, StoreError>;

    /// Deliveries that are due at `now`, those that wait longest first, at most so many.
    async fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<Delivery>, StoreError>;

    /// A token of another server, whatever its time, by its key.
    async fn held_token(&self, key: Digest16) -> Result<Option<HeldToken>, StoreError>;

    /// Tokens of another server by whose they are ([`crate::record::Holder::key`]), in the order of their keys, whatever their time.
    async fn held_tokens(&self, holder: Digest16, kind: HeldKind, page: HeldPage)
    -> Result<Vec<HeldToken>, StoreError>;

    /// What another server has said of a person ([`crate::record::Holder::key`]).
    async fn held_claims(&self, holder: Digest16) -> Result<Option<HeldClaims>, StoreError>;

    /// Deletes at most `limit` rows (in all) that ended before their cutoff, and in time the grants that never end of clients that
    /// are gone. Calling it again goes on.
    async fn sweep(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError>;

    /// What [`Store::sweep`] would delete, counted to at most `limit` in each table, so that it stays cheap.
    async fn overdue(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError>;

    /// Whether the store can serve: one cheap read and, where it is writable, no write.
    async fn check(&self) -> Result<(), StoreError>;
}

/// Where time comes from. Read once per request; everything below takes `now`. Only decorators that age what they hold keep
/// a clock of their own.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// All changes happened, durably.
    Done,
    /// The guard of the change at this place did not hold; nothing happened.
    Conflict(usize),
}

/// Why it is not known that a commit happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing happened.
    #[error(transparent)]
    NotApplied(StoreError),
    /// It may have happened: [`crate::settle`] finds out.
    #[error("the commit may or may not have happened: {0}")]
    Unknown(StoreError),
}

/// A fault of the world: the store cannot be read or written. Never shown to a client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct StoreError {
    /// What was attempted.
    pub what: &'static str,
    /// What the backend says. Never holds a value of a record.
    pub cause: String,
    /// Whether the same attempt may succeed later (locked, full, unreachable) rather than never (corrupt, foreign).
    pub temporary: bool,
}

/// A record and what its life depends on, as of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing<R> {
    /// The record.
    pub record: R,
    /// The epochs of its client and subject, and of everything, now.
    pub epochs: Epochs,
    /// Whether the client is there and enabled.
    pub client_enabled: bool,
    /// What matters of the record it was delegated from; not of that record's own parent. `None` without a parent.
    pub parent: Option<ParentStanding>,
    /// Whether the traced token was revoked.
    pub token_revoked: bool,
}

/// What matters of the grant another was delegated from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentStanding {
    /// Dead at any time: revoked or gone, its client disabled or gone, or its epochs no longer the current ones.
    pub revoked: bool,
    /// Its absolute end.
    pub expires_at: Timestamp,
}

impl Standing<Grant> {
    /// Whether the grant is live at `now`: itself, its parent, its client, its epochs, and the traced token.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.record.is_live(now)
            && self.record.epochs == self.epochs
            && self.client_enabled
            && !self.token_revoked
            && self.parent.is_none_or(|parent| !parent.revoked && now < parent.expires_at)
    }
}

impl Standing<Flow> {
    /// Whether the approval still stands, whatever the state of the flow: client enabled, epochs unmoved.
    pub fn approval_stands(&self) -> bool {
        self.client_enabled && self.record.approval.as_ref().is_some_and(|approval| approval.epochs == self.epochs)
    }
}

/// A browser session and what goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// The epochs of its subject, of the client asked about, and of everything, now.
    pub epochs: Epochs,
    /// What the person allowed the client asked about.
    pub consent: Option<Consent>,
}

impl SignedIn {
    /// Whether the session is good at `now` when it may lie idle for `idle`.
    pub fn is_live(&self, now: Timestamp, idle: firman_proto::time::Lifetime) -> bool {
        self.session.is_live(now)
            && now < self.session.last_seen.plus(idle)
            && self.session.epochs.subject == self.epochs.subject
            && self.session.epochs.everything == self.epochs.everything
    }
}

/// Every key of the store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys {
    /// None before the store is set up.
    pub deployment: Option<Deployment>,
    /// Keys that sign ID tokens, in the order of their ids.
    pub signing: Vec<SigningKey>,
    /// Keys that seal tokens, in the order of their numbers.
    pub seal: Vec<SealKey>,
}

/// Whose grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantsOf {
    /// Those a subject allowed, by [`crate::record::Subject::key`].
    Subject(Digest16),
    /// Those a client has.
    Client(RecordId),
    /// All.
    Everybody,
}

/// A page of a list: what comes after a record id, at most so many.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The last id of the page before; `None` for the first page.
    pub after: Option<RecordId>,
    /// At most so many records.
    pub limit: u32,
}

impl Page {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

/// A page of tokens that are kept: what comes after a key, at most so many.
#[derive(Clone, Copy, Debug)]
pub struct HeldPage {
    /// The last key of the page before; `None` for the first page.
    pub after: Option<Digest16>,
    /// At most so many.
    pub limit: u32,
}

impl HeldPage {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

/// What begins with a text, in the order of the bytes of what is searched, and of ids where that is the same.
#[derive(Clone, Debug)]
pub struct Search {
    /// The beginning; upper and lower case tell texts apart.
    pub prefix: String,
    /// The text and the id of the last record of the page before; `None` for the first page.
    pub after: Option<(String, RecordId)>,
    /// At most so many records.
    pub limit: u32,
}

impl Search {
    /// The first page.
    pub fn first(prefix: impl Into<String>, limit: u32) -> Self {
        Self { prefix: prefix.into(), after: None, limit }
    }
}

/// What ended before these may be deleted, each named after what it is for. The caller has taken retention and 60 s of clock
/// skew off. What is done or revoked before its time still stays until its time is up: a used code must be known as used for
/// as long as it would have been good, and a revoked grant for as long as its last token would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "each is named after the records it is for")]
pub struct Cutoffs {
    /// Now: a store that sets places aside for the days to come begins here.
    pub now: Timestamp,
    pub flows: Timestamp,
    pub grants: Timestamp,
    pub revoked_tokens: Timestamp,
    pub once: Timestamp,
    pub sessions: Timestamp,
    pub names: Timestamp,
    pub keys: Timestamp,
    pub events: Timestamp,
    pub deliveries: Timestamp,
    pub held_tokens: Timestamp,
}

impl Cutoffs {
    /// The same for everything: whatever has ended by then.
    pub const fn all(at: Timestamp) -> Self {
        Self {
            now: at,
            flows: at,
            grants: at,
            revoked_tokens: at,
            once: at,
            sessions: at,
            names: at,
            keys: at,
            events: at,
            deliveries: at,
            held_tokens: at,
        }
    }
}

/// What a sweep deleted or would delete, in rows per table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named after the records it counts")]
pub struct Swept {
    pub flows: u64,
    pub grants: u64,
    pub revoked_tokens: u64,
    pub once: u64,
    pub sessions: u64,
    pub names: u64,
    pub events: u64,
    pub deliveries: u64,
    pub session_clients: u64,
    pub held_tokens: u64,
    pub keys: u64,
}

impl Swept {
    /// Rows in all.
    pub const fn total(&self) -> u64 {
        self.flows
            + self.grants
            + self.revoked_tokens
            + self.once
            + self.sessions
            + self.names
            + self.events
            + self.deliveries
            + self.session_clients
            + self.held_tokens
            + self.keys
    }
}

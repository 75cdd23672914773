//! What the server decides. Async over ports; no HTTP framework, no SQL.
//!
//! One token request passes `token` (who asks, and may they?), `grant` (load, decide, commit) and `issue` (seal).

mod access_token;
pub mod account;
pub mod accounts;
pub mod acting;
pub mod admin;
pub mod asker;
mod attempts;
pub mod authenticate;
pub mod authorize;
pub mod backchannel;
pub mod bearer;
pub mod client_document;
mod counts;
pub mod details;
pub mod device;
pub mod discovery;
pub mod dpop;
mod encrypt;
mod envelope;
mod failure;
pub mod feed;
mod fetch;
mod grant;
mod guesses;
mod here;
pub mod hooks;
mod id_token_hint;
pub mod introspect;
mod issue;
mod key_sets;
pub mod keys;
pub mod login_app;
pub mod logout;
pub mod mail;
pub mod operator;
pub mod outbox;
pub mod par;
pub mod passkeys;
mod person;
mod policy;
mod ports;
mod presented;
pub mod random;
mod refusals;
pub mod registration;
mod request_object;
pub mod revoke;
mod sector;
pub mod security;
mod sender;
pub mod sessions;
pub mod sign_in;
pub mod sign_up;
mod software_statement;
mod step_up;
mod subject;
mod target;
pub mod token;
pub mod trust;
pub mod upstream;
pub mod userinfo;
pub mod webhooks;

pub use attempts::{Pace, SignInLimits};
pub use failure::{Failure, Fault};
pub use fetch::{Call, Document, Fetch, FetchError, NoFetch, Reply, Wanted};
pub use firman_store::Clock;
pub use guesses::GuessLimits;
pub use hooks::Hooks;
pub use policy::Policy;
pub use ports::{Accounts, Entropy, ProvedThere, SystemClock, SystemEntropy, User};
pub use refusals::AuditPolicy;
pub use step_up::StepUp;

use std::sync::Arc;

use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::issuer::Issuer;
use firman_proto::seal::MasterKey;
use firman_proto::time::Timestamp;
use firman_store::record::{Event, EventKind, Grant, Resource, TokenTrace};
use firman_store::{Change, Commit, CommitId, ParentStanding, Standing, Store, Transaction, settle};

use attempts::Attempts;
use backchannel::Notify;
use guesses::Guesses;
use key_sets::KeySets;
use keys::{KeyPolicy, Keychain, MakeKeys};
use refusals::Refusals;
use registration::Door;

/// One issuer: its store, its keys, its policy, and the ports to the world.
pub struct Engine {
    pub(crate) issuer: Issuer,
    pub(crate) number: IssuerNumber,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) notify: Arc<dyn Notify>,
    pub(crate) hooks: Option<Arc<dyn Hooks>>,
    pub(crate) key_sets: KeySets,
    pub(crate) upstreams: upstream::Directory,
    pub(crate) door: Door,
    pub(crate) keys: Keychain,
    pub(crate) code_guesses: Guesses,
    pub(crate) attempts: Attempts,
    pub(crate) refusals: Refusals,
    pub(crate) policy: Policy,
    pub(crate) key_policy: KeyPolicy,
    pub(crate) feed: feed::Hub,
    /// Rings when something was put into the outbox.
    pub(crate) bell: tokio::sync::Notify,
    /// The resource that the admin API is, if there is one.
    pub(crate) admin: Option<Arc<Resource>>,
}

/// What an engine is made of.
pub struct Parts {
    /// The issuer identifier.
    pub issuer: Issuer,
    /// Its number in the store.
    pub number: IssuerNumber,
    /// Where records are kept.
    pub store: Arc<dyn Store>,
    /// Who the user is.
    pub accounts: Arc<dyn Accounts>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Documents of others.
    pub fetch: Arc<dyn Fetch>,
    /// Tells people that somebody waits for them.
    pub notify: Arc<dyn Notify>,
    /// What an embedder has to say before something is issued.
    pub hooks: Option<Arc<dyn Hooks>>,
    /// What keys are wrapped under.
    pub master: MasterKey,
    /// How long things live.
    pub policy: Policy,
    /// How keys rotate.
    pub key_policy: KeyPolicy,
}

impl Engine {
    /// Sets the store up where it is new, and loads the keys.
    pub async fn start(parts: Parts, now: Timestamp) -> Result<Self, Fault> {
        let make = MakeKeys {
            store: &*parts.store,
            entropy: &*parts.entropy,
            master: &parts.master,
            issuer: parts.number,
            policy: &parts.key_policy,
            tokens: &parts.policy,
        };
        keys::setup(&make, now).await?;
        let keys = Keychain::load(parts.issuer.clone(), parts.number, parts.master, &*parts.store, now).await?;
        let admin = parts.policy.admin.is_some().then(|| operator::resource(parts.number, parts.issuer.as_str()));
        let Parts { issuer, number, store, accounts, entropy, fetch, notify, hooks, policy, key_policy, .. } = parts;
        Ok(Self {
            issuer,
            number,
            store,
            accounts,
            entropy,
            fetch,
            notify,
            hooks,
            key_sets: KeySets::default(),
            upstreams: upstream::Directory::default(),
            door: Door::default(),
            keys,
            code_guesses: Guesses::default(),
            attempts: Attempts::default(),
            refusals: Refusals::default(),
            policy,
            key_policy,
            feed: feed::Hub::default(),
            bell: tokio::sync::Notify::new(),
            admin,
        })
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The issuer's number in the store.
    pub fn number(&self) -> IssuerNumber {
        self.number
    }

    /// Where records are kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys in use.
    pub fn keys(&self) -> &Keychain {
        &self.keys
    }

    /// What was withdrawn, for those who listen.
    pub fn feed(&self) -> &feed::Hub {
        &self.feed
    }

    /// Makes and rotates keys of this issuer.
    pub fn make_keys(&self) -> MakeKeys<'_> {
        MakeKeys {
            store: &*self.store,
            entropy: &*self.entropy,
            master: self.keys.master(),
            issuer: self.number,
            policy: &self.key_policy,
            tokens: &self.policy,
        }
    }

    /// A grant, whatever its state, and everything its life depends on: also those between it and the first it was delegated from.
    pub(crate) async fn grant(
        &self,
        id: RecordId,
        trace: Option<TokenTrace>,
    ) -> Result<Option<Standing<Grant>>, Fault> {
        let Some(mut standing) = self.store.grant(id, trace).await? else { return Ok(None) };
        for link in &standing.record.terms.via {
            let link = self.store.grant(*link, None).await?;
            let lives = |link: &Standing<Grant>| {
                link.record.revoked_at.is_none() && link.record.epochs == link.epochs && link.client_enabled
            };
            if !link.as_ref().is_some_and(lives) {
                let dead = ParentStanding { revoked: true, expires_at: Timestamp::from_millis(0) };
                standing.parent = Some(dead);
                break;
            }
        }
        Ok(Some(standing))
    }

    /// How a client knows a session (`sid`).
    pub(crate) fn sid(&self, session: RecordId, client: RecordId) -> Result<String, Fault> {
        let sid = self.keys.sid().seal(session, client);
        sid.map_err(|error| Fault::lasting("name a session", error.to_string()))
    }

    /// Commits, and finds out what happened if the acknowledgement is lost.
    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<Commit, Fault> {
        let id = CommitId(random::bytes(&*self.entropy)?);
        let changes = webhooks::with_deliveries(&self.packer(), changes)?;
        let changes = if self.policy.feed.enabled { feed::with_notice(changes)? } else { changes };
        let sends = changes.iter().any(|change| matches!(change, Change::InsertDelivery(_)));
        let outcome = settle(&*self.store, Transaction { id, changes }).await?;
        if sends && outcome == Commit::Done {
            self.bell.notify_one();
        }
        Ok(outcome)
    }

    /// A line of the audit trail.
    pub(crate) fn event(&self, kind: EventKind, about: RecordId, now: Timestamp) -> Result<Event, Fault> {
        let id = random::record_id(&*self.entropy, now)?;
        Ok(Event { id, about, kind, at: now, client: None, subject: None, details: acting::details() })
    }
}

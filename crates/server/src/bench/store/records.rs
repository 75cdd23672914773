//! The records a store is filled with: grants of a thousand clients, each of another person, in no order.

use std::sync::atomic::{AtomicU64, Ordering};

use firman_proto::authorize::{AuthorizationRequest, Hints, Prompt};
use firman_proto::client::ClientMetadata;
use firman_proto::credentials::AuthMethod;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::pkce::{Challenge, ChallengeMethod};
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::response::{ResponseMode, ResponseType};
use firman_proto::scope::Scope;
use firman_proto::seal::Salt;
use firman_proto::time::{Lifetime, Timestamp};
use firman_sql::SqlStore;
use firman_store::record::{
    Approval, AuthContext, Client, ClientPolicy, Epochs, Event, EventKind, Flow, FlowRequest, FlowState, Grant,
    GrantKind, LastAccess, Origin, Refresh, RefreshStep, Rest, Subject, Terms,
};
use firman_store::{Change, Commit, CommitId, Editable, Rotation, Store, Transaction};
use futures_util::future::try_join_all;

use super::StoreBenchError;

/// The time in which everything happens.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
/// Commits at once while the store is filled.
const AT_ONCE: usize = 1000;
const CLIENTS: usize = 1000;

/// The grants of a store, in random order, and the generation each is at.
#[derive(Default)]
pub(super) struct Grants {
    clients: Vec<RecordId>,
    grants: Vec<(RecordId, AtomicU64)>,
}

impl Grants {
    /// Adds grants until there are so many.
    pub(super) async fn fill(
        &mut self,
        store: &SqlStore,
        count: usize,
        tick: &(dyn Fn() + Sync),
    ) -> Result<(), StoreBenchError> {
        if self.clients.is_empty() {
            let clients: Vec<Client> = (0..CLIENTS).map(client).collect();
            self.clients = clients.iter().map(|client| client.id).collect();
            done(store, clients.into_iter().map(|one| Change::Insert(Editable::Client(Box::new(one)))).collect())
                .await?;
        }
        while self.grants.len() < count {
            let first = self.grants.len();
            let clients = self.clients.iter().cycle().skip(first % CLIENTS);
            let clients = clients.take(AT_ONCE.min(count - first)).zip(first..);
            let made: Vec<Grant> = clients.map(|(client, number)| grant(*client, number)).collect();
            self.grants.extend(made.iter().map(|grant| (grant.id, AtomicU64::new(0))));
            each_done(store, made.into_iter().map(|grant| Change::InsertGrant(Box::new(grant)))).await?;
            tick();
        }
        for place in (1..self.grants.len()).rev() {
            self.grants.swap(place, usize::try_from(random() >> 1).unwrap_or(0) % (place + 1));
        }
        Ok(())
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.grants.len()
    }

    /// The grant of a task's turn: tasks share none, and the turns go through all of a task's in the end.
    pub(super) fn of(&self, task: usize, tasks: usize, turn: usize) -> RecordId {
        self.at(task, tasks, turn).map_or(RecordId::from_bytes([0; 16]), |(id, _)| *id)
    }

    /// The next rotation of that grant.
    pub(super) fn next_rotation(&self, task: usize, tasks: usize, turn: usize) -> Rotation {
        let (id, from) = self.at(task, tasks, turn).map_or((RecordId::from_bytes([0; 16]), 0), |(id, generation)| {
            (*id, generation.fetch_add(1, Ordering::Relaxed))
        });
        let last_access = LastAccess { serial: random(), expires_at: later(300) };
        Rotation { id, from, to: RefreshStep { salt: salt(), since: NOW }, seal_key: 1, last_access, expires_at: None }
    }

    fn at(&self, task: usize, tasks: usize, turn: usize) -> Option<&(RecordId, AtomicU64)> {
        let each = (self.grants.len() / tasks.max(1)).max(1);
        self.grants.get((task * each + turn % each) % self.grants.len().max(1))
    }
}

/// People, each with some grants of different clients, which lie apart in the table.
pub(super) struct People {
    people: Vec<Subject>,
    each: usize,
}

impl People {
    /// Fills an empty store with so many grants, some for each person.
    pub(super) async fn fill(
        store: &SqlStore,
        count: usize,
        each: usize,
        tick: &(dyn Fn() + Sync),
    ) -> Result<Self, StoreBenchError> {
        let people: Vec<Subject> = (0..count / each.max(1)).filter_map(|_| subject()).collect();
        let clients: Vec<Client> = (0..CLIENTS).map(client).collect();
        let ids: Vec<RecordId> = clients.iter().map(|client| client.id).collect();
        done(store, clients.into_iter().map(|one| Change::Insert(Editable::Client(Box::new(one)))).collect()).await?;
        let whose = people.iter().cycle().take(people.len() * each).zip(ids.iter().cycle()).enumerate();
        let mut made = whose.map(|(number, (person, client))| {
            let of_person = Grant { subject: Some(person.clone()), ..grant(*client, number) };
            Change::InsertGrant(Box::new(of_person))
        });
        loop {
            let some: Vec<Change> = made.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            each_done(store, some).await?;
            tick();
        }
        drop(made);
        Ok(Self { people, each })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.people.len()
    }

    /// How many grants they have.
    pub(super) fn grants(&self) -> usize {
        self.people.len() * self.each
    }

    /// Somebody.
    pub(super) fn any(&self) -> Option<&Subject> {
        self.get(usize::try_from(random() >> 1).unwrap_or(0))
    }

    /// Everybody, one after the other, and again.
    pub(super) fn get(&self, place: usize) -> Option<&Subject> {
        self.people.get(place % self.people.len().max(1))
    }
}

/// Something that happened to a record.
pub(super) fn event(kind: EventKind, about: RecordId) -> Event {
    Event { id: id(NOW), about, kind, at: NOW, client: None, subject: None, details: Rest::new() }
}

/// Commits, and insists that it happened.
pub(super) async fn done(store: &dyn Store, changes: Vec<Change>) -> Result<(), StoreBenchError> {
    match store.commit(Transaction { id: CommitId(bytes()), changes }).await? {
        Commit::Done => Ok(()),
        Commit::Conflict(place) => Err(StoreBenchError::Wrong(format!("change {place} of a commit was refused"))),
    }
}

/// Commits each by itself, all at once, so that they travel together.
async fn each_done(store: &dyn Store, changes: impl IntoIterator<Item = Change>) -> Result<(), StoreBenchError> {
    try_join_all(changes.into_iter().map(|change| done(store, vec![change]))).await.map(drop)
}

fn later(seconds: i64) -> Timestamp {
    NOW.plus(Lifetime::from_seconds(seconds))
}

pub(super) fn days_before(days: i64) -> Timestamp {
    NOW.minus(Lifetime::from_days(days))
}

/// Numbers that look random: nothing here is secret.
fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    let mut mixed = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    let halves = [random().to_be_bytes(), random().to_be_bytes()];
    for (to, from) in bytes.iter_mut().zip(halves.iter().flatten()) {
        *to = *from;
    }
    bytes
}

fn id(made_at: Timestamp) -> RecordId {
    let mut tail = [0; 10];
    for (to, from) in tail.iter_mut().zip(bytes()) {
        *to = from;
    }
    RecordId::new(made_at, tail)
}

fn salt() -> Salt {
    Salt::from_bytes(bytes())
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap_or_default()
}

fn subject() -> Option<Subject> {
    Subject::new(id(NOW).to_string())
}

fn client(number: usize) -> Client {
    let mut metadata = ClientMetadata::new(&format!("Client {number}"), AuthMethod::ClientSecretBasic);
    metadata.scope = scope("openid profile offline_access");
    Client {
        id: id(NOW),
        issuer: IssuerNumber(0),
        client_id: format!("bench-{number}"),
        enabled: true,
        owner: None,
        secrets: Vec::new(),
        metadata,
        origin: Origin::Configured,
        policy: ClientPolicy::default(),
        registration: None,
        created_at: NOW,
        updated_at: NOW,
        revision: 0,
    }
}

/// Made a millisecond after the one before: keys are in the order of time, as they are in life.
fn grant(client: RecordId, number: usize) -> Grant {
    Grant {
        id: id(NOW.plus(Lifetime::from_millis(i64::try_from(number).unwrap_or(0)))),
        issuer: IssuerNumber(0),
        kind: GrantKind::AuthorizationCode,
        client,
        subject: subject(),
        session: Some(id(NOW)),
        scope: scope("offline_access openid profile"),
        salt: salt(),
        refresh: Some(Refresh {
            generation: 0,
            current: RefreshStep { salt: salt(), since: NOW },
            before: None,
            earlier: None,
            seal_key: 1,
            last_access: LastAccess { serial: random(), expires_at: later(300) },
            retry_closed: false,
        }),
        epochs: Epochs::default(),
        parent: None,
        expires_at: later(30 * 86_400),
        revoked_at: None,
        reason: None,
        auth: AuthContext {
            auth_time: Some(NOW),
            acr: None,
            amr: vec!["pwd".to_owned()],
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
        },
        terms: Terms::default(),
        last_used_at: None,
        rest: Rest::new(),
    }
}

/// An approved authorization request that was made so many days before now.
fn flow(client: RecordId, days_ago: i64) -> Option<Flow> {
    let made_at = days_before(days_ago);
    Some(Flow {
        id: id(made_at),
        issuer: IssuerNumber(0),
        client,
        request: FlowRequest::Code(AuthorizationRequest {
            response_type: ResponseType::CODE,
            response_mode: ResponseMode::default(),
            redirect_uri: RedirectUri::parse("https://app.example/cb").ok()?,
            redirect_uri_given: true,
            state: Some("af0ifjsldkj".to_owned()),
            scope: scope("openid profile"),
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
            prompt: Prompt::default(),
            max_age: None,
            acr_values: Vec::new(),
            login_hint: None,
            idp_hint: None,
            challenge: Some(Challenge { method: ChallengeMethod::S256, value: "x".repeat(43) }),
            resource: Vec::new(),
            authorization_details: None,
            claims: None,
            claims_locales: None,
            hints: Hints::default(),
            dpop_jkt: None,
        }),
        approval: Some(Approval {
            subject: subject()?,
            session: Some(id(NOW)),
            auth_time: made_at,
            acr: None,
            amr: vec!["pwd".to_owned()],
            scope: scope("openid profile"),
            epochs: Epochs::default(),
        }),
        state: FlowState::Ready,
        misses: 0,
        salt: salt(),
        expires_at: made_at.plus(Lifetime::from_seconds(60)),
        certificate_thumbprint: None,
        upstream: None,
        rest: Rest::new(),
    })
}

/// Adds flows of one day.
pub(super) async fn fill_flows(store: &SqlStore, count: usize, days_ago: i64) -> Result<(), StoreBenchError> {
    let client = id(NOW);
    let mut left = count;
    while left > 0 {
        let flows = (0..AT_ONCE.min(left)).filter_map(|_| flow(client, days_ago));
        let changes: Vec<Change> = flows.map(|flow| Change::InsertFlow(Box::new(flow))).collect();
        left = left.saturating_sub(changes.len().max(1));
        each_done(store, changes).await?;
    }
    Ok(())
}

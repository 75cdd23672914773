//! Records to try a store with, and short ways to commit them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use firman_proto::authorize::{AuthorizationRequest, Display, Hints, Prompt};
use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::jws::{Algorithm, PublicJwk};
use firman_proto::pkce::{Challenge, ChallengeMethod};
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::response::{Carrier, ResponseMode, ResponseType};
use firman_proto::scope::Scope;
use firman_proto::seal::Salt;
use firman_proto::time::{Lifetime, Timestamp};

use crate::record::{
    Account, Approval, Attempts, AuthContext, Client, ClientPolicy, ClientSecret, Consent, Delivery, DeliveryKind,
    DeliveryState, Deployment, Epochs, Event, EventKind, Factors, FirstAccess, Flow, FlowRequest, FlowState, Grant,
    GrantKind, LastAccess, Once, OnceNamespace, Origin, Passkey, PolledRequest, Refresh, RefreshStep, Registration,
    Resource, Rest, Schedule, SealKey, Session, SessionDetails, SigningKey, Subject, Terms, TokenFormat, Totp,
    UpstreamLink, UpstreamSignIn, Upstreams,
};
use crate::{Change, Commit, CommitId, Editable, FlowApproval, Rotation, Store, Transaction};

pub type Shared = Arc<dyn Store>;

/// The time of every case.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
pub const ISSUER: IssuerNumber = IssuerNumber(0);

pub fn later(seconds: i64) -> Timestamp {
    NOW.plus(Lifetime::from_seconds(seconds))
}

/// Distinct bytes for every call: ids and salts need to differ, not to be random.
pub fn distinct<const N: usize>() -> [u8; N] {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let mut bytes = [0xa5; N];
    for (to, from) in bytes.iter_mut().rev().zip(count.iter().rev()) {
        *to = *from;
    }
    bytes
}

pub fn id() -> RecordId {
    RecordId::new(NOW, distinct())
}

pub fn id_made_at(at: Timestamp) -> RecordId {
    RecordId::new(at, distinct())
}

pub fn salt() -> Salt {
    Salt::from_bytes(distinct())
}

pub fn commit_id() -> CommitId {
    CommitId(distinct())
}

pub fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub fn subject() -> Subject {
    Subject::new(id().to_string()).unwrap()
}

pub fn rest() -> Rest {
    let serde_json::Value::Object(rest) = serde_json::json!({"later": {"a": [1, null, "ü"]}}) else { unreachable!() };
    rest
}

pub fn client() -> Client {
    let mut metadata = ClientMetadata::new("Bücher & \"Co\"", AuthMethod::ClientSecretBasic);
    metadata.redirect_uris = vec![RedirectUri::parse("https://app.example/cb?x=1").unwrap()];
    metadata.grant_types = GrantType::ALL.to_vec();
    metadata.scope = scope("openid profile offline_access");
    metadata.logo_uri = Some("https://app.example/logo.png".to_owned());
    metadata.id_token_signed_response_alg = Some(Algorithm::EdDSA);
    metadata.rest = rest();
    let id = id();
    Client {
        id,
        issuer: ISSUER,
        client_id: format!("client-{id}"),
        enabled: true,
        owner: Some("owner".to_owned()),
        secrets: vec![ClientSecret {
            digest: distinct(),
            created_at: NOW,
            expires_at: Some(later(5)),
            sealed: Some("c2VhbGVk".to_owned()),
        }],
        metadata,
        origin: Origin::Configured,
        policy: ClientPolicy { require_pkce: Some(true), skip_consent: true, rest: rest(), ..ClientPolicy::default() },
        registration: Some(Registration { salt: Salt::from_bytes([9; 16]), used: true }),
        created_at: NOW,
        updated_at: NOW,
        revision: 0,
    }
}

pub fn account() -> Account {
    let id = id();
    Account {
        id,
        issuer: ISSUER,
        username: format!("user-{id}"),
        enabled: true,
        password: Some("$argon2id$v=19$...".to_owned()),
        claims: rest(),
        factors: factors(),
        created_at: NOW,
        updated_at: NOW,
        upstreams: upstreams(),
        attempts: Attempts::default(),
        revision: 0,
        rest: rest(),
    }
}

fn upstreams() -> Upstreams {
    let link = UpstreamLink {
        provider: "uni".to_owned(),
        issuer: "https://idp.example".to_owned(),
        subject: "alice".to_owned(),
        since: NOW,
        checked_at: later(5),
        asked_at: Some(later(6)),
        refused_at: Some(later(7)),
        claims: rest(),
        refresh_token: Some("c2VhbGVk".to_owned()),
        rest: rest(),
    };
    Upstreams { subject: Subject::new("uni:alice"), links: vec![link], rest: rest() }
}

fn factors() -> Factors {
    let passkey = Passkey {
        id: "Y3JlZA".to_owned(),
        key: "a2V5".to_owned(),
        counter: 7,
        backup_eligible: true,
        transports: vec!["internal".to_owned()],
        name: "Telephone".to_owned(),
        added_at: NOW,
        last_used_at: Some(NOW),
    };
    Factors {
        totp: Some(Totp { wrapped: "d3JhcHBlZA".to_owned(), last_step: 59_833_333, added_at: NOW }),
        recovery_codes: vec!["00ff".to_owned()],
        passkeys: vec![passkey],
        misses: Attempts { count: 2, locked_until: Some(NOW) },
        rest: rest(),
    }
}

pub fn flow_of(client: RecordId) -> Flow {
    Flow {
        id: id(),
        issuer: ISSUER,
        client,
        request: FlowRequest::Code(request()),
        approval: Some(approval()),
        state: FlowState::Ready,
        misses: 0,
        salt: salt(),
        expires_at: later(60),
        certificate_thumbprint: None,
        upstream: None,
        rest: rest(),
    }
}

pub fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        response_type: ResponseType::parse("code id_token").unwrap_or_default(),
        response_mode: ResponseMode { carrier: Carrier::FormPost, signed: true },
        redirect_uri: RedirectUri::parse("https://app.example/cb").unwrap(),
        redirect_uri_given: true,
        state: Some("s".to_owned()),
        scope: scope("openid profile"),
        nonce: Some("n-'\"\\".to_owned()),
        prompt: Prompt { consent: true, ..Prompt::default() },
        max_age: Some(60),
        acr_values: vec!["urn:x:high".to_owned(), "1".to_owned()],
        login_hint: None,
        hints: Hints {
            subjects: vec!["a subject".to_owned()],
            ui_locales: vec!["de-AT".to_owned()],
            display: Some(Display::Popup),
        },
        idp_hint: Some("uni".to_owned()),
        challenge: Some(Challenge { method: ChallengeMethod::S256, value: "x".repeat(43) }),
        resource: vec!["https://a.example/x?y=%20".to_owned(), "urn:b".to_owned()],
        authorization_details: Some(serde_json::json!([{"type": "payment", "amount": "1"}])),
        claims: Some(serde_json::json!({"userinfo": {"email": null}})),
        claims_locales: Some("se fr-CA".to_owned()),
        dpop_jkt: Some("j".repeat(43)),
    }
}

pub fn approval() -> Approval {
    Approval {
        subject: subject(),
        session: Some(id()),
        auth_time: NOW,
        acr: Some("1".to_owned()),
        amr: vec!["pwd".to_owned()],
        scope: scope("openid"),
        epochs: Epochs::default(),
    }
}

pub fn flow() -> Flow {
    flow_of(id())
}

/// One that waits for somebody to answer.
pub fn pending(request: FlowRequest) -> Flow {
    let certificate_thumbprint = Some("t".repeat(43));
    Flow { request, approval: None, state: FlowState::Pending, certificate_thumbprint, ..flow() }
}

pub fn polled() -> PolledRequest {
    PolledRequest {
        scope: scope("openid profile"),
        resource: vec!["https://a.example/".to_owned()],
        authorization_details: Some(serde_json::json!([])),
        dpop_jkt: Some("j".repeat(43)),
        acr_values: vec!["urn:a b".to_owned()],
        login_hint: Some("someone".to_owned()),
        binding_message: Some("W4-\u{1F511}".to_owned()),
        interval: Lifetime::from_seconds(5),
        polled_at: None,
    }
}

pub fn once() -> Once {
    Once { namespace: OnceNamespace::DpopProof, digest: Digest16(distinct()), expires_at: later(60) }
}

pub fn resource() -> Resource {
    let id = id();
    Resource {
        id,
        issuer: ISSUER,
        identifier: format!("https://api.example/{id}"),
        enabled: true,
        name: "Bücher & \"Co\"".to_owned(),
        secrets: vec![ClientSecret { digest: distinct(), created_at: NOW, expires_at: None, sealed: None }],
        scope: scope("read write"),
        token_format: Some(TokenFormat::Jwt),
        access_token_seconds: Some(60),
        enforces: vec!["path".to_owned(), "method".to_owned()],
        created_at: NOW,
        updated_at: NOW,
        revision: 0,
        rest: rest(),
    }
}

pub fn terms() -> Terms {
    Terms {
        resource: vec!["https://a.example/".to_owned(), "urn:b".to_owned()],
        authorization_details: Some(serde_json::json!([{"type": "payment"}])),
        claims: Some(serde_json::json!({"id_token": {"acr": {"essential": true}}})),
        dpop_jkt: Some("j".repeat(43)),
        certificate_thumbprint: Some("t".repeat(43)),
        name: Some("backup key".to_owned()),
        idle_seconds: Some(86_400),
        ends_at: Some(later(7200)),
        actor: Some(serde_json::json!({"sub": "agent", "act": {"sub": "ü"}})),
        via: vec![id()],
        first_access: Some(FirstAccess { serial: u64::MAX, issued_at: NOW, expires_at: later(300), seal_key: 3 }),
        upstream: Some("uni".to_owned()),
    }
}

pub fn grant_of(client: RecordId, subject: &Subject) -> Grant {
    Grant {
        id: id(),
        issuer: ISSUER,
        kind: GrantKind::AuthorizationCode,
        client,
        subject: Some(subject.clone()),
        session: Some(id()),
        scope: scope("openid profile"),
        salt: salt(),
        refresh: Some(Refresh {
            generation: 0,
            current: RefreshStep { salt: salt(), since: NOW },
            before: None,
            earlier: None,
            seal_key: 1,
            last_access: LastAccess { serial: u64::MAX, expires_at: later(300) },
            retry_closed: false,
        }),
        epochs: Epochs::default(),
        parent: None,
        expires_at: later(3600),
        revoked_at: None,
        reason: None,
        auth: AuthContext {
            auth_time: Some(NOW),
            acr: None,
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
            nonce: Some("n".to_owned()),
        },
        terms: Terms::default(),
        last_used_at: None,
        rest: rest(),
    }
}

pub fn grant() -> Grant {
    grant_of(id(), &subject())
}

pub fn standing_grant(client: RecordId) -> Grant {
    Grant {
        id: client,
        kind: GrantKind::ClientCredentials,
        client,
        subject: None,
        session: None,
        refresh: None,
        expires_at: Timestamp::NEVER,
        auth: AuthContext::default(),
        ..grant()
    }
}

pub fn session() -> Session {
    Session {
        id: id(),
        issuer: ISSUER,
        subject: subject(),
        salt: salt(),
        auth_time: NOW,
        last_seen: NOW,
        expires_at: later(3600),
        ended_at: None,
        epochs: Epochs::default(),
        details: details("pwd"),
    }
}

pub fn details(amr: &str) -> SessionDetails {
    let signed_in = UpstreamSignIn {
        provider: "uni".to_owned(),
        subject: "alice".to_owned(),
        sid: None,
        id_token: Some("sealed".to_owned()),
    };
    SessionDetails {
        username: "someone".to_owned(),
        acr: None,
        amr: vec![amr.to_owned()],
        upstream: Some(signed_in),
        rest: rest(),
    }
}

pub fn consent(subject: &Subject, client: RecordId) -> Consent {
    Consent {
        issuer: ISSUER,
        subject: subject.clone(),
        client,
        scope: scope("openid"),
        updated_at: NOW,
        revision: 0,
        rest: rest(),
    }
}

pub fn schedule() -> Schedule {
    Schedule { made_at: NOW, current_from: later(1), retired_from: later(2), ends_at: later(3) }
}

pub fn signing_key() -> SigningKey {
    let jwk = PublicJwk {
        kty: "OKP".to_owned(),
        crv: Some("Ed25519".to_owned()),
        x: Some("x".to_owned()),
        y: None,
        n: None,
        e: None,
        kid: id().to_string(),
        alg: Algorithm::EdDSA,
        usage: "sig".to_owned(),
    };
    SigningKey {
        id: id(),
        issuer: ISSUER,
        algorithm: Algorithm::EdDSA,
        jwk,
        sealed: vec![0, 1, 255],
        schedule: schedule(),
        revision: 0,
    }
}

pub fn seal_key(number: u32) -> SealKey {
    SealKey { issuer: ISSUER, number, sealed: vec![9; 60], schedule: schedule(), revision: 0 }
}

pub fn deployment() -> Deployment {
    Deployment { id: distinct(), created_at: NOW, revision: 0 }
}

pub fn event(about: RecordId) -> Event {
    Event {
        id: id(),
        about,
        kind: EventKind::CodeRedeemed,
        at: NOW,
        client: Some(id()),
        subject: Some("someone".to_owned()),
        details: rest(),
    }
}

/// One that was due since then.
pub fn delivery_due(at: Timestamp) -> Delivery {
    Delivery {
        id: id(),
        issuer: ISSUER,
        kind: DeliveryKind::Webhook,
        client: Some(id()),
        state: DeliveryState::Due { at },
        attempts: 0,
        expires_at: later(3600),
        sealed: vec![0, 1, 255],
        error: None,
        rest: rest(),
    }
}

pub fn insert_delivery(delivery: &Delivery) -> Change {
    Change::InsertDelivery(Box::new(delivery.clone()))
}

pub fn rotation(grant: &Grant, from: u64, at: Timestamp) -> Rotation {
    Rotation {
        id: grant.id,
        from,
        to: RefreshStep { salt: salt(), since: at },
        seal_key: 2,
        last_access: LastAccess { serial: 7 + from, expires_at: at.plus(Lifetime::from_seconds(300)) },
        expires_at: None,
    }
}

pub fn insert_client(client: &Client) -> Change {
    Change::Insert(Editable::Client(Box::new(client.clone())))
}

pub fn insert_account(account: &Account) -> Change {
    Change::Insert(Editable::Account(Box::new(account.clone())))
}

pub fn insert_flow(flow: &Flow) -> Change {
    Change::InsertFlow(Box::new(flow.clone()))
}

pub fn insert_resource(resource: &Resource) -> Change {
    Change::Insert(Editable::Resource(Box::new(resource.clone())))
}

/// A flow is used up, whatever became of the session in which it was allowed.
pub fn claim(flow: &Flow, now: Timestamp) -> Change {
    Change::ClaimFlow { id: flow.id, session: None, now }
}

/// Somebody allows a pending flow at a time; its code is good for another minute.
pub fn approve(flow: &Flow, approval: &Approval, now: Timestamp) -> Change {
    let expires_at = now.plus(Lifetime::from_seconds(60));
    let (id, issuer, approval) = (flow.id, flow.issuer, approval.clone());
    let approval = FlowApproval { id, issuer, approval, expires_at, upstream: None, now };
    Change::ApproveFlow(Box::new(approval))
}

pub fn insert_grant(grant: &Grant) -> Change {
    Change::InsertGrant(Box::new(grant.clone()))
}

pub fn transaction(changes: Vec<Change>) -> Transaction {
    Transaction { id: commit_id(), changes }
}

/// Commits and gives the outcome.
pub async fn commit(store: &Shared, changes: Vec<Change>) -> Commit {
    store.commit(transaction(changes)).await.expect("the store can be written")
}

/// Commits what must succeed.
pub async fn done(store: &Shared, changes: Vec<Change>) {
    assert_eq!(commit(store, changes).await, Commit::Done);
}

/// Commits one change that must lose.
pub async fn conflict(store: &Shared, change: Change) {
    assert_eq!(commit(store, vec![change]).await, Commit::Conflict(0));
}

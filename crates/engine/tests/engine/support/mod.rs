//! A world to try the engine in: a fixed time, people who can sign in, clients, and short ways to ask.

pub(crate) mod authenticator;
mod guest;
mod idp;
mod library;
mod local;
mod people;
mod signer;
mod store;
mod walk;

pub(crate) use guest::{Away, providers, world_of, world_with};
pub(crate) use idp::{IDP, Idp};
pub(crate) use library::Library;
pub(crate) use local::Local;
pub(crate) use people::{Dice, PASSWORD, People};
pub(crate) use signer::{Signer, mac};
pub(crate) use store::{Op, Watched, When};
pub(crate) use walk::{Ask, VERIFIER, Visitor, parameter};

use std::sync::Arc;

use firman_engine::admin::clients::{self, NewClient};
use firman_engine::admin::resources::{self, NewResource, Settings};
use firman_engine::asker;
use firman_engine::backchannel::NoNotify;
use firman_engine::keys::KeyPolicy;
use firman_engine::{Engine, Failure, Fault, NoFetch, Parts, Policy};
use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::{AuthMethod, Credentials};
use firman_proto::error::ErrorCode;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::introspection::PresentedToken;
use firman_proto::issuer::Issuer;
use firman_proto::jws::Algorithm;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::scope::Scope;
use firman_proto::seal::MasterKey;
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::token::{ClientCredentialsRequest, CodeRequest, RefreshRequest, TokenRequest, TokenResponse};
use firman_store::record::{Client, Event, EventKind, Flow, Grant};
use firman_store::{Change, Commit, CommitId, Editable, Page, Standing, Store, Transaction};
use zeroize::Zeroizing;

pub(crate) const ISSUER: &str = "https://login.example";
pub(crate) const CALLBACK: &str = "https://app.example/callback";
/// Everything an [`App`] may ask for.
pub(crate) const SCOPE: &str = "openid profile email offline_access read write";

/// So many seconds after the beginning of the world.
pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_000_000 + seconds)
}

pub(crate) const fn seconds(seconds: i64) -> Lifetime {
    Lifetime::from_seconds(seconds)
}

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

/// An engine and what it stands on.
pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<Watched>,
    pub(crate) people: Arc<People>,
}

/// A client and its credentials.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) id: RecordId,
    pub(crate) client_id: String,
    pub(crate) credentials: Credentials,
}

pub(crate) fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes(&Zeroizing::new([byte; 32])).unwrap()
}

/// The parts of the next node over a store.
pub(crate) fn parts(store: &Arc<Watched>, people: &Arc<People>) -> Parts {
    Parts {
        issuer: Issuer::parse(ISSUER).unwrap(),
        number: IssuerNumber::default(),
        store: Arc::clone(store) as Arc<dyn Store>,
        accounts: Arc::clone(people) as _,
        entropy: Dice::new(store.next_node()),
        fetch: Arc::new(NoFetch),
        notify: Arc::new(NoNotify),
        hooks: None,
        master: master(7),
        policy: Policy::default(),
        key_policy: KeyPolicy { algorithms: vec![Algorithm::ES256], ..KeyPolicy::default() },
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Another deployment.
    pub(crate) async fn elsewhere() -> Self {
        Self::with(|parts| parts.entropy = Dice::new(u64::MAX)).await
    }

    pub(crate) async fn with(edit: impl FnOnce(&mut Parts)) -> Self {
        let (store, people) = (Arc::default(), Arc::default());
        let mut parts = parts(&store, &people);
        edit(&mut parts);
        Self { engine: Arc::new(Engine::start(parts, at(0)).await.unwrap()), store, people }
    }

    /// Another engine over the same store, as on another node.
    pub(crate) async fn neighbour(&self, now: Timestamp) -> Self {
        self.neighbour_with(now, |_| {}).await.unwrap()
    }

    pub(crate) async fn neighbour_with(&self, now: Timestamp, edit: impl FnOnce(&mut Parts)) -> Result<Self, Fault> {
        let (store, people) = (Arc::clone(&self.store), Arc::clone(&self.people));
        let mut parts = parts(&store, &people);
        edit(&mut parts);
        Ok(Self { engine: Arc::new(Engine::start(parts, now).await?), store, people })
    }

    /// A confidential client that may do everything.
    pub(crate) async fn app(&self, client_id: &str) -> App {
        self.app_with(client_id, |_| {}).await
    }

    /// A client without a secret.
    pub(crate) async fn public_app(&self, client_id: &str) -> App {
        self.app_with(client_id, |new| {
            new.metadata.token_endpoint_auth_method = AuthMethod::None;
            new.metadata.grant_types.retain(|grant| *grant != GrantType::ClientCredentials);
        })
        .await
    }

    pub(crate) async fn app_with(&self, client_id: &str, edit: impl FnOnce(&mut NewClient)) -> App {
        let (client_id, new) = (client_id.to_owned(), new_client(client_id, edit));
        let method = new.metadata.token_endpoint_auth_method;
        let (client, secret) = clients::create(&self.engine, new, at(0)).await.unwrap();
        let secret = secret.map(|secret| secret.to_string());
        let credentials = Credentials {
            client_id: client_id.clone(),
            method,
            secret,
            assertion: None,
            certificate: None,
            dpop: None,
        };
        App { id: client.id, client_id, credentials }
    }

    /// Edits a client behind the engine's back, as another node's operator does.
    pub(crate) async fn edit_client(&self, app: &App, edit: impl FnOnce(&mut Client)) {
        let client = self.store.client_by_id(app.id).await.unwrap().unwrap();
        let mut edited = Client::clone(&client);
        edit(&mut edited);
        let record = Editable::Client(Box::new(edited));
        self.commit(Change::Replace { record, if_revision: client.revision }).await;
    }

    pub(crate) async fn commit(&self, change: Change) {
        let transaction = Transaction { id: CommitId([0xee; 16]), changes: vec![change] };
        assert_eq!(self.store.commit(transaction).await.unwrap(), Commit::Done);
    }

    /// Asks the token endpoint.
    pub(crate) async fn token(
        &self,
        app: &App,
        request: TokenRequest,
        now: Timestamp,
    ) -> Result<TokenResponse, Failure> {
        firman_engine::token::token(&self.engine, &app.credentials, request, now).await
    }

    pub(crate) async fn redeem(&self, app: &App, code: &str, now: Timestamp) -> Result<TokenResponse, Failure> {
        self.token(app, redemption(code), now).await
    }

    pub(crate) async fn refresh(&self, app: &App, token: &str, now: Timestamp) -> Result<TokenResponse, Failure> {
        self.token(app, refreshment(token, None), now).await
    }

    pub(crate) async fn client_credentials(
        &self,
        app: &App,
        asked: Option<&str>,
        now: Timestamp,
    ) -> Result<TokenResponse, Failure> {
        let request = ClientCredentialsRequest { scope: asked.map(scope), resource: Vec::new() };
        self.token(app, TokenRequest::ClientCredentials(request), now).await
    }

    /// Asks the introspection endpoint, and gives what goes over the wire.
    pub(crate) async fn introspect(&self, app: &App, token: &str, now: Timestamp) -> serde_json::Value {
        self.introspect_as(&app.credentials, token, now).await
    }

    /// The same for whoever these credentials belong to.
    pub(crate) async fn introspect_as(
        &self,
        credentials: &Credentials,
        token: &str,
        now: Timestamp,
    ) -> serde_json::Value {
        let asker = asker::known(&self.engine, credentials, now).await.unwrap();
        let presented = PresentedToken { token: token.to_owned() };
        let answer = firman_engine::introspect::introspect(&self.engine, &asker, &presented, now).await.unwrap();
        serde_json::to_value(answer).unwrap()
    }

    /// Registers a resource, and gives what it asks with.
    pub(crate) async fn resource(&self, identifier: &str, edit: impl FnOnce(&mut Settings)) -> Credentials {
        let mut settings = Settings::default();
        edit(&mut settings);
        let new = NewResource { identifier: identifier.to_owned(), settings, secret: true };
        let (resource, secret) = resources::add(&self.engine, new, at(0)).await.unwrap();
        Credentials {
            client_id: resource.identifier,
            method: AuthMethod::ClientSecretBasic,
            secret: secret.map(|secret| secret.to_string()),
            assertion: None,
            certificate: None,
            dpop: None,
        }
    }

    pub(crate) async fn is_active(&self, app: &App, token: &str, now: Timestamp) -> bool {
        let answer = self.introspect(app, token, now).await;
        let active = answer["active"].as_bool().unwrap();
        assert!(active || answer == serde_json::json!({"active": false}), "a dead token gets no other member");
        active
    }

    pub(crate) async fn revoke(&self, app: &App, token: &str, now: Timestamp) -> Result<(), Failure> {
        let asker = asker::known(&self.engine, &app.credentials, now).await.unwrap();
        let presented = PresentedToken { token: token.to_owned() };
        firman_engine::revoke::revoke(&self.engine, &asker, &presented, now).await
    }

    /// The only grant of a client that a person allowed.
    pub(crate) async fn grant(&self, app: &App) -> Standing<Grant> {
        let grants = self.store.grants(firman_store::GrantsOf::Client(app.id), Page::first(9)).await.unwrap();
        let mut grants = grants.into_iter().filter(|grant| grant.subject.is_some());
        let (grant, None) = (grants.next().expect("a grant"), grants.next()) else { panic!("more than one grant") };
        self.store.grant(grant.id, None).await.unwrap().unwrap()
    }

    /// The flow of the last code.
    pub(crate) async fn flow(&self) -> Flow {
        let approved = self.events(EventKind::Approved).await.pop().expect("an approval");
        self.store.flow(approved.about).await.unwrap().unwrap().record
    }

    pub(crate) async fn generation(&self, app: &App) -> u64 {
        self.grant(app).await.record.refresh.expect("a refresh chain").generation
    }

    pub(crate) async fn events(&self, kind: EventKind) -> Vec<Event> {
        let events = self.store.events(None, Page::first(1000)).await.unwrap();
        events.into_iter().filter(|event| event.kind == kind).collect()
    }
}

/// What is registered for a confidential client that may do everything, unless it is edited.
pub(crate) fn new_client(client_id: &str, edit: impl FnOnce(&mut NewClient)) -> NewClient {
    let mut metadata = ClientMetadata::new(client_id, AuthMethod::ClientSecretBasic);
    metadata.redirect_uris = vec![RedirectUri::parse(CALLBACK).unwrap()];
    metadata.grant_types = Policy::default().grant_types().collect();
    metadata.scope = scope(SCOPE);
    let policy = firman_store::record::ClientPolicy::default();
    let mut new = NewClient { client_id: Some(client_id.to_owned()), metadata, policy, owner: None, secret: None };
    edit(&mut new);
    new
}

pub(crate) fn redemption(code: &str) -> TokenRequest {
    redemption_with(code, Some(CALLBACK), Some(VERIFIER))
}

pub(crate) fn redemption_with(code: &str, redirect_uri: Option<&str>, verifier: Option<&str>) -> TokenRequest {
    let (redirect_uri, verifier) = (redirect_uri.map(str::to_owned), verifier.map(str::to_owned));
    let (code, resource, authorization_details) = (code.to_owned(), Vec::new(), None);
    TokenRequest::AuthorizationCode(CodeRequest { code, redirect_uri, verifier, resource, authorization_details })
}

/// The same client with another secret.
pub(crate) fn with_secret(app: &App, secret: &str) -> App {
    let mut app = app.clone();
    app.credentials.secret = Some(secret.to_owned());
    app
}

pub(crate) fn refreshment(token: &str, asked: Option<&str>) -> TokenRequest {
    let (token, scope, resource) = (token.to_owned(), asked.map(scope), Vec::new());
    TokenRequest::RefreshToken(RefreshRequest { token, scope, resource, authorization_details: None })
}

/// The code of a refusal; a fault or an answer is a failed test.
pub(crate) fn refused<T>(result: Result<T, Failure>) -> ErrorCode {
    match result {
        Err(Failure::Denied(denied)) => denied.code,
        Err(Failure::Fault(fault)) => panic!("a fault: {fault}"),
        Ok(_) => panic!("not refused"),
    }
}

/// The fault of a request that broke.
pub(crate) fn fault<T>(result: Result<T, Failure>) -> Fault {
    match result {
        Err(Failure::Fault(fault)) => fault,
        Err(Failure::Denied(denied)) => panic!("refused: {denied}"),
        Ok(_) => panic!("answered"),
    }
}

pub(crate) fn refresh_token(response: &TokenResponse) -> String {
    response.refresh_token.clone().expect("a refresh token")
}

//! A server in this process over a store that breaks, and a browser and a client that talk to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman::http::App;
use firman::pages::brand::Brand;
use firman_engine::accounts::{LocalAccounts, Passwords};
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::admin::clients::{self, NewClient};
use firman_engine::keys::KeyPolicy;
use firman_engine::{Clock, Engine, Entropy, NoFetch, Parts, Policy, SystemEntropy};
use firman_proto::client::ClientMetadata;
use firman_proto::credentials::AuthMethod;
use firman_proto::id::IssuerNumber;
use firman_proto::issuer::Issuer;
use firman_proto::jws::Algorithm;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::scope::Scope;
use firman_proto::seal::MasterKey;
use firman_proto::time::Timestamp;
use firman_store::record::Rest;
use firman_store::{FaultyStore, GrantsOf, MemoryStore, Page, Store};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use zeroize::Zeroizing;

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
pub(crate) const ISSUER: &str = "https://login.example";
pub(crate) const CALLBACK: &str = "https://app.example/callback";
/// Where the client wants people to be who are signed out.
pub(crate) const BACK: &str = "https://app.example/bye";
pub(crate) const CLIENT: &str = "the-client";
pub(crate) const USERNAME: &str = "reader";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Stands still until a test moves it.
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Every standard claim, for the one account.
fn claims() -> Rest {
    let serde_json::Value::Object(claims) = serde_json::json!({
        "name": "Ada Reader", "family_name": "Reader", "given_name": "Ada", "middle_name": "B.", "nickname": "ada",
        "preferred_username": USERNAME, "profile": "https://people.example/ada", "picture": "https://people.example/ada.png",
        "website": "https://ada.example", "gender": "female", "birthdate": "1970-01-01", "zoneinfo": "Europe/Vienna",
        "locale": "en-GB", "updated_at": 1_700_000_000, "email": "ada@people.example", "email_verified": true,
        "address": {"formatted": "1 Main Street"}, "phone_number": "+43 1 000", "phone_number_verified": false,
    }) else {
        panic!("an object")
    };
    claims
}

/// A request that can be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) form: Vec<(String, String)>,
    /// A JSON body, where there is no form.
    pub(crate) json: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) path: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    clock: Arc<Hands>,
    pub(crate) store: Arc<FaultyStore>,
    works: Arc<MemoryStore>,
    router: Router,
    client_secret: String,
    /// What the browser keeps.
    cookies: Mutex<BTreeMap<String, String>>,
    /// What must not be shown.
    sent: Mutex<Vec<String>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    /// Of other parts, with another client.
    pub(crate) async fn with(edit: impl FnOnce(&mut Parts, &mut NewClient)) -> Self {
        Self::branded(Brand::default(), edit).await
    }

    /// The same under an operator's name.
    pub(crate) async fn branded(brand: Brand, edit: impl FnOnce(&mut Parts, &mut NewClient)) -> Self {
        let works = Arc::new(MemoryStore::new());
        let store = Arc::new(FaultyStore::new(Arc::clone(&works) as Arc<dyn Store>));
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
        let passwords = Arc::new(Passwords::new(1, Arc::clone(&entropy)));
        let number = IssuerNumber(0);
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let mut parts = Parts {
            issuer: Issuer::parse(ISSUER).unwrap(),
            number,
            store: Arc::clone(&shared),
            accounts: Arc::new(LocalAccounts::new(shared, number, Arc::clone(&passwords))),
            entropy,
            fetch: Arc::new(NoFetch),
            notify: Arc::new(firman_engine::backchannel::NoNotify),
            hooks: None,
            master: MasterKey::from_bytes(&Zeroizing::new([7; 32])).unwrap(),
            policy: Policy::default(),
            key_policy: KeyPolicy { algorithms: vec![Algorithm::ES256], ..KeyPolicy::default() },
        };
        let mut new_client = client();
        edit(&mut parts, &mut new_client);
        let engine = Arc::new(Engine::start(parts, NOW).await.unwrap());
        let new = NewAccount { username: USERNAME.to_owned(), password: PASSWORD.to_owned(), claims: claims() };
        accounts::create(&engine, &passwords, new, NOW).await.unwrap();
        let (_, secret) = clients::create(&engine, new_client, NOW).await.unwrap();
        let clock = Arc::new(Hands(AtomicI64::new(NOW.millis())));
        let app = App {
            engine: Arc::clone(&engine),
            clock: Arc::clone(&clock) as _,
            max_body: 65_536,
            secure_cookies: true,
            forwarded: false,
            brand: Arc::new(brand),
        };
        let router = firman::router::router(app, Router::new());
        let client_secret = secret.unwrap().to_string();
        let sent = Mutex::new(vec![client_secret.clone(), PASSWORD.to_owned()]);
        Self { engine, clock, store, works, router, client_secret, cookies: Mutex::default(), sent }
    }

    /// The time on the server's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets so many seconds pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Everything that was sent and is a secret.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn keep_secret(&self, secret: &str) {
        self.sent.lock().unwrap().push(secret.to_owned());
    }

    pub(crate) fn basic(&self) -> (&'static str, String) {
        let credentials = STANDARD.encode(format!("{CLIENT}:{}", self.client_secret));
        (AUTHORIZATION.as_str(), format!("Basic {credentials}"))
    }

    pub(crate) fn cookie(&self) -> (&'static str, String) {
        let cookies = self.cookies.lock().unwrap();
        let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (COOKIE.as_str(), pairs.join("; "))
    }

    /// Another browser.
    pub(crate) fn forget_cookies(&self) {
        self.change_browser(BTreeMap::new());
    }

    /// Another browser, with these cookies; gives those of the one before.
    pub(crate) fn change_browser(&self, cookies: BTreeMap<String, String>) -> BTreeMap<String, String> {
        std::mem::replace(&mut *self.cookies.lock().unwrap(), cookies)
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn send(&self, ask: &Ask) -> Reply {
        let mut request = Request::builder().method(ask.method.clone()).uri(&ask.path);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let body = if let Some(json) = &ask.json {
            request = request.header(CONTENT_TYPE, "application/json");
            Body::from(json.clone())
        } else if ask.form.is_empty() {
            Body::empty()
        } else {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            Body::from(encoded(&ask.form))
        };
        self.give(request.body(body).unwrap()).await
    }

    /// Gives a request to the router, whatever it is.
    pub(crate) async fn give(&self, request: Request<Body>) -> Reply {
        let path = request.uri().path().to_owned();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        Reply { path, status: head.status, headers: head.headers, body }
    }

    /// Sends as a browser does, and keeps the cookies.
    pub(crate) async fn browse(&self, ask: &Ask) -> Reply {
        let reply = self.send(ask).await;
        for cookie in reply.headers.get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
            self.keep_secret(value);
        }
        reply
    }

    /// What is in the store, counted.
    pub(crate) async fn left(&self) -> BTreeMap<String, u64> {
        let mut left = BTreeMap::new();
        let mut count = |what: String| *left.entry(what).or_default() += 1;
        for event in self.works.events(None, Page::first(1000)).await.unwrap() {
            count(format!("event {:?}", event.kind));
        }
        for client in self.works.clients(IssuerNumber(0), Page::first(1000)).await.unwrap() {
            count(format!("client {:?}", client.metadata.client_name));
        }
        for grant in self.works.grants(GrantsOf::Everybody, Page::first(1000)).await.unwrap() {
            let generation = grant.refresh.as_ref().map(|refresh| refresh.generation);
            let flow = self.works.flow(grant.id).await.unwrap().map(|flow| flow.record.state);
            let closed = grant.refresh.is_some_and(|refresh| refresh.retry_closed);
            count(format!("{:?} {generation:?} {flow:?} {closed} {:?}", grant.kind, grant.reason));
        }
        left
    }
}

pub(crate) fn encoded(pairs: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        firman_proto::form::append(&mut text, name, value);
    }
    text
}

pub(crate) fn client() -> NewClient {
    let mut metadata = ClientMetadata::new("The client", AuthMethod::ClientSecretBasic);
    metadata.redirect_uris = vec![RedirectUri::parse(CALLBACK).unwrap()];
    metadata.grant_types = firman_engine::Policy::default().grant_types().collect();
    metadata.scope = Scope::parse("openid profile offline_access").unwrap();
    metadata.logout.post_logout_redirect_uris = vec![BACK.to_owned()];
    NewClient {
        client_id: Some(CLIENT.to_owned()),
        metadata,
        policy: firman_store::record::ClientPolicy::default(),
        owner: None,
        secret: None,
    }
}

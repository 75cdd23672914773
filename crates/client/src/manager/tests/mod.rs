//! The manager against a server that rotates, and that ends everything when an old token comes back.

mod people;
mod trouble;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use firman_proto::jws::HeldKey;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::*;
use crate::error::Advice;
use crate::exchange::{Request, Response, Unreachable};
use crate::flow::answer::tests::{NOW, answer, json as answered};
use crate::flow::dpop::DpopKey;
use crate::flow::encrypted;
use crate::flow::party::tests::{ISSUER, key, sent};
use crate::flow::party::{Authentication, Client};
use crate::flow::token::{self, Target, TokenType, Tokens};
use crate::wire::tests::published::Broken;
use crate::wire::tests::{Hand, Server, desk, wire};

/// A server with one grant of alice.
struct Rotating {
    /// The refresh token that is good; none when the grant is dead.
    current: Mutex<Option<u32>>,
    down: AtomicBool,
    /// What comes of the next question at the token endpoint, instead of an answer.
    instead: Mutex<Option<Result<Response, Unreachable>>>,
    /// What it says of everything it is asked about.
    told: Mutex<Value>,
    key: Arc<HeldKey>,
    /// Who its ID tokens are about, if it gives any at a refresh.
    id_token_of: Mutex<Option<&'static str>>,
    issued: AtomicU32,
}

impl Rotating {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            current: Mutex::new(Some(0)),
            down: AtomicBool::new(false),
            instead: Mutex::default(),
            told: Mutex::new(json!({"active": true, "sub": "alice", "scope": "a b"})),
            key: key(),
            id_token_of: Mutex::default(),
            issued: AtomicU32::new(0),
        })
    }

    fn answer(&self, request: &Request) -> Result<Response, Unreachable> {
        if self.down.load(Ordering::Relaxed) {
            return Err(Unreachable::Connection { url: request.url.clone(), why: "refused".into() });
        }
        Ok(match request.url.strip_prefix(ISSUER).unwrap() {
            "/token" => match self.instead.lock().unwrap().take() {
                Some(instead) => return instead,
                None => self.token(request),
            },
            "/introspect" => answered(200, &self.told.lock().unwrap()),
            "/userinfo" if request.headers[AUTHORIZATION] == "Bearer refused" => {
                answered(401, &json!({"error": "invalid_token"}))
            }
            "/userinfo" => answered(200, &json!({"sub": "alice", "email": "new@example.org", "name": "Alice"})),
            "/jwks" => answered(200, &json!({"keys": [self.key.jwk()]})),
            "/revoke" => answer(200, &[], ""),
            other => panic!("asked for {other}"),
        })
    }

    fn token(&self, request: &Request) -> Response {
        let number = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        let mut body = json!({"access_token": format!("at-{number}"), "token_type": "Bearer", "expires_in": 300});
        if request.headers.contains_key("dpop") {
            body["token_type"] = "DPoP".into();
        }
        if let Some(who) = *self.id_token_of.lock().unwrap() {
            body["id_token"] = self.id_token(who, &[]).into();
        }
        if let Some(scope) = sent(request, "scope") {
            body["scope"] = scope.into();
        }
        if let Some(presented) = sent(request, "refresh_token") {
            let mut current = self.current.lock().unwrap();
            if current.is_none_or(|current| presented != format!("rt-{current}")) {
                *current = None;
                return answered(400, &json!({"error": "invalid_grant"}));
            }
            let next = current.map(|current| current + 1);
            *current = next;
            body["refresh_token"] = format!("rt-{}", next.unwrap()).into();
        }
        answered(200, &body)
    }

    fn id_token(&self, sub: &str, more: &[(&str, Value)]) -> String {
        let mut claims =
            json!({"iss": ISSUER, "sub": sub, "aud": "app", "iat": NOW.seconds(), "exp": NOW.seconds() + 300});
        for (name, value) in more {
            claims[*name] = value.clone();
        }
        self.key.sign(&claims).unwrap()
    }
}

struct Stage {
    rotating: Arc<Rotating>,
    server: Arc<Server>,
    manager: Manager,
    desk: Desk,
    hand: Arc<Hand>,
}

fn stage(settings: Settings) -> Stage {
    let rotating = Rotating::new();
    let answering = Arc::clone(&rotating);
    let server = Server::new(move |request| answering.answer(request));
    let (wire, hand) = wire(&server);
    let manager = Manager::new(Arc::new(wire), Arc::new(MemoryKeeper::default()), settings);
    Stage { rotating, server, manager, desk: desk(Authentication::None), hand }
}

impl Stage {
    /// Alice has signed in: an access token for 300 s, and the first refresh token.
    async fn signed_in() -> Self {
        let stage = stage(Settings::default());
        stage.sign_in(&[]).await;
        stage
    }

    async fn sign_in(&self, edit: &[(&str, Value)]) {
        let target = Target { scope: Some(scope("a b")), ..Target::default() };
        self.manager.register(&self.desk, &tokens(edit), &target, Some("alice")).await.unwrap();
    }

    async fn get(&self) -> Result<String, ManagerError> {
        self.with(Need::of(alice())).await
    }

    async fn with(&self, need: Need) -> Result<String, ManagerError> {
        self.manager.get(&self.desk, &need).await.map(|held| held.token.reveal().to_owned())
    }
}

fn alice() -> Who {
    Who::Subject("alice".into())
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

fn wanting(text: &str) -> Need {
    Need { scope: Some(scope(text)), ..Need::of(alice()) }
}

fn tokens(edit: &[(&str, Value)]) -> Tokens {
    let mut body = json!({"access_token": "at-0", "token_type": "Bearer", "expires_in": 300, "refresh_token": "rt-0",
        "scope": "a b"});
    for (name, value) in edit {
        body[*name] = value.clone();
    }
    token::read("u", &answered(200, &body), &Target::default(), false, NOW).unwrap()
}

// RFC 6749 §6.
#[tokio::test]
async fn of_64_who_need_a_token_at_once_one_renews_it() {
    let stage = Stage::signed_in().await;
    assert_eq!(stage.get().await.unwrap(), "at-0");
    stage.hand.forward(300);
    for expected in ["at-1", "at-2"] {
        let all = (0..64).map(|_| {
            let (manager, desk) = (stage.manager.clone(), stage.desk.clone());
            tokio::spawn(async move { manager.get(&desk, &Need::of(alice())).await.unwrap().token })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap().reveal(), expected);
        }
        stage.hand.forward(300);
    }
    assert_eq!(stage.server.asked("/token"), 2, "and the second time with the refresh token of the first");
}

#[tokio::test]
async fn a_broader_token_serves_a_narrower_need_unless_it_is_set_otherwise() {
    let stage = Stage::signed_in().await;
    assert_eq!(stage.with(wanting("a")).await.unwrap(), "at-0");
    let more = stage.with(wanting("a c")).await.unwrap_err();
    assert!(matches!(more, ManagerError::Nothing { reduced: true, .. }) && more.to_string().contains("allow that too"));
    assert_eq!(stage.server.asked("/token"), 0);

    let exact = super::tests::stage(Settings { broader_will_do: false, ..Settings::default() });
    exact.sign_in(&[]).await;
    assert_eq!(exact.with(wanting("a")).await.unwrap(), "at-1");
    assert_eq!(sent(&exact.server.requests()[0], "scope").unwrap(), "a");
    assert_eq!(exact.with(wanting("b a")).await.unwrap(), "at-0");
    assert_eq!(exact.with(wanting("a")).await.unwrap(), "at-1");
}

// RFC 8707 §2.
#[tokio::test]
async fn a_token_for_one_resource_serves_no_other() {
    let stage = Stage::signed_in().await;
    let need = |at: &str| Need { resource: vec![at.into()], ..Need::of(alice()) };
    assert_eq!(stage.with(need("https://a.example")).await.unwrap(), "at-1");
    assert_eq!(stage.with(need("https://b.example")).await.unwrap(), "at-2");
    assert_eq!(stage.with(need("https://a.example")).await.unwrap(), "at-1");
    assert_eq!(stage.get().await.unwrap(), "at-0");
}

// RFC 6750 §3.1.
#[tokio::test]
async fn a_token_that_was_refused_will_not_do() {
    let stage = Stage::signed_in().await;
    let not = |token: &str| Need { not: Some(token.into()), ..Need::of(alice()) };
    let both = tokio::join!(stage.with(not("at-0")), stage.with(not("at-0")));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), ("at-1".into(), "at-1".into()));
    assert_eq!(stage.server.asked("/token"), 1);
    assert_eq!(stage.with(not("at-1")).await.unwrap(), "at-2", "and not the first again");
}

// RFC 9449 §5, §6.1, §7.1.
#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_given_to_who_has_the_key() {
    let stage = stage(Settings::default());
    let [own, other] = [(), ()].map(|()| Some(Arc::new(DpopKey::generate().unwrap())));
    let with = |dpop: &Option<Arc<DpopKey>>, authentication: &Authentication| {
        let client = Client::new("app", authentication.clone());
        Desk { dpop: dpop.clone(), client, ..stage.desk.clone() }
    };
    let get = async |desk: &Desk| stage.manager.get(desk, &Need::of(alice())).await.map(|held| held.token);
    let bound = tokens(&[("token_type", json!("DPoP"))]);
    let public = Authentication::None;
    stage.manager.register(&with(&own, &public), &bound, &Target::default(), Some("alice")).await.unwrap();
    assert_eq!(get(&with(&own, &public)).await.unwrap().reveal(), "at-0");
    assert!(matches!(get(&with(&other, &public)).await, Err(ManagerError::Nothing { .. })), "nor its refresh token");
    assert!(matches!(get(&with(&None, &public)).await, Err(ManagerError::Nothing { .. })));
    // The refresh token of who has a secret too is bound to that alone.
    let secret = Authentication::SecretPost("hush".into());
    stage.manager.register(&with(&own, &secret), &bound, &Target::default(), Some("alice")).await.unwrap();
    assert_eq!(get(&with(&other, &secret)).await.unwrap().reveal(), "at-1");
    let held = stage.manager.kept(&with(&other, &secret), &Need::of(alice())).await.unwrap().unwrap();
    assert_eq!(held.bound_to(), other.as_deref().map(DpopKey::thumbprint));
}

// RFC 6749 §4.4.2.
#[tokio::test]
async fn a_client_has_tokens_of_its_own() {
    let stage = Stage::signed_in().await;
    let own = || stage.with(Need { scope: Some(scope("a")), ..Need::of(Who::Client) });
    let both = tokio::join!(own(), own());
    assert_eq!((both.0.unwrap(), both.1.unwrap()), ("at-1".into(), "at-1".into()));
    assert_eq!(stage.get().await.unwrap(), "at-0", "and they are nobody else's");
    stage.hand.forward(300);
    assert_eq!(own().await.unwrap(), "at-2");
    assert!(stage.server.requests().iter().all(|request| sent(request, "grant_type").unwrap() == "client_credentials"));
}

// RFC 9449 §5.
#[tokio::test]
async fn who_has_a_key_is_given_no_token_that_is_bound_to_none() {
    let stage = stage(Settings::default());
    let bound = Desk { dpop: Some(Arc::new(DpopKey::generate().unwrap())), ..stage.desk.clone() };
    let own = Need::of(Who::Client);
    let get = async |desk: &Desk| {
        let held = stage.manager.get(desk, &own).await.unwrap();
        (held.token.reveal().to_owned(), held.token_type)
    };
    for _ in 0..2 {
        assert_eq!(get(&stage.desk).await, ("at-1".to_owned(), TokenType::Bearer));
        assert_eq!(get(&bound).await, ("at-2".to_owned(), TokenType::Dpop));
    }
}

// RFC 7662 §2.2.
#[tokio::test]
async fn a_token_that_its_server_calls_dead_is_forgotten() {
    let stage = Stage::signed_in().await;
    let held = stage.manager.get(&stage.desk, &Need::of(alice())).await.unwrap();
    *stage.rotating.told.lock().unwrap() = json!({"active": false});
    assert_eq!(stage.manager.introspect(&stage.desk, &held).await.unwrap().active, Some(false));
    assert_eq!(stage.get().await.unwrap(), "at-1");
    *stage.rotating.told.lock().unwrap() = json!({"active": true, "exp": NOW.seconds() + 9999});
    let held = stage.manager.get(&stage.desk, &Need::of(alice())).await.unwrap();
    let facts = stage.manager.introspect(&stage.desk, &held).await.unwrap();
    assert_eq!((facts.exp, facts.sub.as_deref()), (Some(NOW.seconds() + 9999), Some("alice")));
    let held = stage.manager.get(&stage.desk, &Need::of(alice())).await.unwrap();
    stage.hand.forward(29);
    stage.manager.introspect(&stage.desk, &held).await.unwrap();
    assert_eq!(stage.server.asked("/introspect"), 2, "not again within 30 s");
    stage.hand.forward(1);
    stage.manager.introspect(&stage.desk, &held).await.unwrap();
    assert_eq!(stage.server.asked("/introspect"), 3);
}

#[tokio::test]
async fn a_token_that_says_no_end_is_good_for_a_while() {
    let stage = stage(Settings { auto_introspect: false, ..Settings::default() });
    stage.sign_in(&[("expires_in", Value::Null)]).await;
    assert_eq!(stage.get().await.unwrap(), "at-0");
    stage.hand.forward(300);
    assert_eq!(stage.get().await.unwrap(), "at-1");
}

//! The manager against a server that rotates, and that ends everything when an old token comes back.

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
use crate::flow::token::{self, Target, Tokens};
use crate::wire::tests::{Hand, Server, desk, wire};

/// A server with one grant of alice.
struct Rotating {
    /// The refresh token that is good; none when the grant is dead.
    current: Mutex<Option<u32>>,
    down: AtomicBool,
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
            "/token" => self.token(request),
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

// RFC 6749 §5.2.
#[tokio::test]
async fn a_dead_grant_is_told_once_and_then_the_person_is_asked() {
    let stage = Stage::signed_in().await;
    *stage.rotating.current.lock().unwrap() = None;
    stage.hand.forward(300);
    let refused = stage.get().await.unwrap_err();
    assert!(matches!(&refused, ManagerError::Wire(error) if error.code() == Some("invalid_grant")), "{refused}");
    let nothing = stage.get().await.unwrap_err();
    assert!(matches!(nothing, ManagerError::Nothing { reduced: false, .. }) && nothing.to_string().contains("sign in"));
    assert_eq!((refused.advice(), nothing.advice()), (Advice::AskThePerson, Advice::AskThePerson));
    assert_eq!(stage.server.asked("/token"), 1);
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

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_early_and_in_an_outage_used_to_its_end() {
    let stage = Stage::signed_in().await;
    stage.hand.forward(239);
    assert_eq!(stage.get().await.unwrap(), "at-0");
    stage.hand.forward(31);
    stage.rotating.down.store(true, Ordering::Relaxed);
    assert_eq!(stage.get().await.unwrap(), "at-0", "30 s before its end");
    stage.rotating.down.store(false, Ordering::Relaxed);
    // Nobody asks a server that has just failed three times.
    stage.hand.forward(10);
    assert_eq!(stage.get().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_as_one_and_costs_nothing() {
    let stage = Stage::signed_in().await;
    stage.hand.forward(300);
    stage.rotating.down.store(true, Ordering::Relaxed);
    let error = stage.get().await.unwrap_err();
    assert!(matches!(error.advice(), Advice::AskAgain(_)), "{error}");
    stage.rotating.down.store(false, Ordering::Relaxed);
    stage.hand.forward(60);
    assert_eq!(stage.get().await.unwrap(), "at-1");
}

#[tokio::test]
async fn what_was_begun_is_kept_though_nobody_waits_for_it() {
    let stage = Stage::signed_in().await;
    stage.hand.forward(300);
    {
        // Dropped at its first rest: with the request on its way.
        let mut get = Box::pin(stage.get());
        for _ in 0..4 {
            assert!(futures_poll(&mut get).await.is_none());
            if stage.server.asked("/token") == 1 {
                break;
            }
        }
    }
    assert_eq!(stage.get().await.unwrap(), "at-1");
    assert_eq!(stage.server.asked("/token"), 1);
}

/// One look at a future, after which others have their turn.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let looked = std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await;
    tokio::task::yield_now().await;
    looked
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
async fn who_a_token_is_about_is_asked_where_nobody_says() {
    let stage = stage(Settings::default());
    let target = Target::default();
    let held = stage.manager.register(&stage.desk, &tokens(&[("scope", Value::Null)]), &target, None).await.unwrap();
    assert_eq!((held.facts.sub.as_deref(), held.facts.scope.as_deref()), (Some("alice"), Some("a b")));
    assert_eq!(stage.get().await.unwrap(), "at-0");
    *stage.rotating.told.lock().unwrap() = json!({"active": false});
    let dead = stage.manager.register(&stage.desk, &tokens(&[("access_token", json!("x"))]), &target, None).await;
    assert!(dead.is_err());
}

#[tokio::test]
async fn a_token_that_says_no_end_is_good_for_a_while() {
    let stage = stage(Settings { auto_introspect: false, ..Settings::default() });
    stage.sign_in(&[("expires_in", Value::Null)]).await;
    assert_eq!(stage.get().await.unwrap(), "at-0");
    stage.hand.forward(300);
    assert_eq!(stage.get().await.unwrap(), "at-1");
}

// OpenID Connect Core §12.2.
#[tokio::test]
async fn an_id_token_of_another_person_spoils_what_came_with_it_and_no_more() {
    let stage = Stage::signed_in().await;
    stage.hand.forward(300);
    *stage.rotating.id_token_of.lock().unwrap() = Some("mallory");
    assert!(stage.get().await.is_err());
    *stage.rotating.id_token_of.lock().unwrap() = Some("alice");
    assert_eq!(stage.get().await.unwrap(), "at-2", "the refresh token was kept");
    assert!(stage.manager.id_token(&stage.desk, "alice").await.unwrap().is_some());
    assert!(stage.manager.id_token(&stage.desk, "mallory").await.unwrap().is_none());
}

// OpenID Connect Core §10.2.
#[tokio::test]
async fn an_id_token_that_is_encrypted_for_the_client_is_kept_as_it_was_signed() {
    let stage = stage(Settings::default());
    let desk = Desk { client: encrypted::tests::app(), ..stage.desk.clone() };
    let signed = stage.rotating.id_token("alice", &[("zoneinfo", json!("UTC"))]);
    let sealed = encrypted::tests::encrypted(&signed);
    assert_eq!(stage.manager.register_id_token(&desk, &sealed.as_str().into()).await.unwrap(), "alice");
    assert_eq!(stage.manager.id_token(&desk, "alice").await.unwrap().unwrap().reveal(), signed);
    let refused = stage.manager.register_id_token(&stage.desk, &sealed.into()).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be decrypted"), "{refused}");
}

// OpenID Connect Core §2, §5.3.
#[tokio::test]
async fn claims_come_of_userinfo_and_id_token_and_the_later_holds() {
    let stage = Stage::signed_in().await;
    let old = stage
        .rotating
        .id_token("alice", &[("email", json!("old@example.org")), ("zoneinfo", json!("UTC")), ("acr", json!("1"))]);
    stage.manager.register_id_token(&stage.desk, &old.into()).await.unwrap();
    let claims = stage.manager.claims(&stage.desk, "alice").await.unwrap();
    assert_eq!(
        (&claims["email"], &claims["zoneinfo"], claims.get("acr")),
        (&json!("new@example.org"), &json!("UTC"), None)
    );
    stage.hand.forward(29);
    let later =
        stage.rotating.id_token("alice", &[("email", json!("newest@example.org")), ("iat", json!(NOW.seconds() + 29))]);
    stage.manager.register_id_token(&stage.desk, &later.into()).await.unwrap();
    let claims = stage.manager.claims(&stage.desk, "alice").await.unwrap();
    assert_eq!((&claims["email"], &claims["name"]), (&json!("newest@example.org"), &json!("Alice")));
    assert_eq!(stage.server.asked("/userinfo"), 1);
    stage.hand.forward(1);
    stage.manager.claims(&stage.desk, "alice").await.unwrap();
    assert_eq!(stage.server.asked("/userinfo"), 2);
    let stranger = key().sign(&json!({"iss": ISSUER})).unwrap();
    assert!(stage.manager.register_id_token(&stage.desk, &stranger.into()).await.is_err());
}

// RFC 6750 §3.1.
#[tokio::test]
async fn userinfo_that_refuses_a_token_gets_another_once() {
    let stage = stage(Settings::default());
    stage.sign_in(&[("access_token", json!("refused"))]).await;
    assert_eq!(stage.manager.claims(&stage.desk, "alice").await.unwrap()["sub"], "alice");
    assert_eq!((stage.server.asked("/userinfo"), stage.server.asked("/token")), (2, 1));
}

// RFC 7009 §2.1.
#[tokio::test]
async fn all_of_a_person_is_forgotten_and_ended_refresh_tokens_first() {
    let stage = Stage::signed_in().await;
    stage.manager.claims(&stage.desk, "alice").await.unwrap();
    stage.manager.delete_all(&stage.desk, &alice()).await.unwrap();
    let ended: Vec<_> = stage.server.requests().iter().filter_map(|request| sent(request, "token")).collect();
    assert_eq!(ended, ["rt-0", "at-0"]);
    assert!(matches!(stage.get().await, Err(ManagerError::Nothing { .. })));
    assert!(stage.manager.keeper().claims(ISSUER, "alice").await.unwrap().is_none());

    stage.sign_in(&[]).await;
    stage.rotating.down.store(true, Ordering::Relaxed);
    assert!(stage.manager.delete_all(&stage.desk, &alice()).await.is_err());
    assert!(matches!(stage.get().await, Err(ManagerError::Nothing { .. })), "forgotten all the same");
}

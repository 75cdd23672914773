//! The wire against a server of the test's own.

pub(crate) mod published;

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use firman_proto::dpop;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderName, StatusCode};
use serde_json::json;

use super::*;
use crate::exchange::Unreachable;
use crate::flow::answer::tests::{NOW, answer, json as answered};
use crate::flow::party::tests::{key, sent, server};
use crate::flow::party::{AssertionFor, Authentication};
use crate::world::tests::Counted;

/// A clock that a test moves.
#[derive(Default)]
pub(crate) struct Hand(AtomicI64);

impl Hand {
    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        NOW.plus(Lifetime::from_millis(self.0.load(Ordering::Relaxed)))
    }
}

type Answering = Box<dyn Fn(&Request) -> Result<Response, Unreachable> + Send + Sync>;

/// A server that answers as it is told, and remembers what it was asked.
pub(crate) struct Server {
    answering: Answering,
    asked: Mutex<Vec<Request>>,
}

impl Server {
    pub(crate) fn new(
        answering: impl Fn(&Request) -> Result<Response, Unreachable> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answering: Box::new(answering), asked: Mutex::default() })
    }

    /// How often this path was asked.
    pub(crate) fn asked(&self, path: &str) -> usize {
        lock(&self.asked).iter().filter(|request| request.url.ends_with(path)).count()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.asked).clone()
    }
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, request: Request) -> Result<Response, Unreachable> {
        lock(&self.asked).push(request.clone());
        // Others have their turn, as with a real network.
        tokio::task::yield_now().await;
        (self.answering)(&request)
    }
}

pub(crate) fn wire(server: &Arc<Server>) -> (Wire, Arc<Hand>) {
    let hand = Arc::new(Hand::default());
    let transport: Arc<dyn Transport> = Arc::<Server>::clone(server);
    (Wire::new(transport, Arc::<Hand>::clone(&hand), Arc::new(Counted::default())), hand)
}

pub(crate) fn desk(authentication: Authentication) -> Desk {
    Desk { server: Arc::new(server()), client: Client::new("app", authentication), dpop: None }
}

const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

// RFC 9449 §5, §8, §8.2, RFC 7523 §3.
#[tokio::test]
async fn a_proof_is_repeated_once_with_the_nonce_and_everything_in_it_is_new() {
    let server = Server::new(|request| {
        let proof = request.headers["dpop"].to_str().unwrap();
        let expected = dpop::Expected {
            method: "POST",
            uri: "https://as.example/token",
            access_token: None,
            window: Lifetime::from_seconds(60),
        };
        let proof = dpop::Proof::check(proof, &expected, NOW).unwrap();
        if proof.nonce.as_deref() == Some("n-1") {
            return Ok(answered(200, &json!({"access_token": "at", "token_type": "DPoP", "expires_in": 60})));
        }
        let mut refused = answered(400, &json!({"error": "use_dpop_nonce"}));
        refused.headers.insert(NONCE, "n-1".parse().unwrap());
        Ok(refused)
    });
    let (wire, _) = wire(&server);
    let dpop = Some(Arc::new(DpopKey::generate().unwrap()));
    let desk = Desk { dpop, ..desk(Authentication::PrivateKeyJwt(key(), AssertionFor::Issuer)) };
    let tokens = wire.tokens(&desk, &Presented::ClientCredentials, &Target::default()).await.unwrap();
    assert_eq!(tokens.token_type, TokenType::Dpop);
    let assertions: Vec<_> =
        server.requests().iter().map(|request| sent(request, "client_assertion").unwrap()).collect();
    assert!(assertions.len() == 2 && assertions[0] != assertions[1]);
    wire.tokens(&desk, &Presented::ClientCredentials, &Target::default()).await.unwrap();
    assert_eq!(server.asked("/token"), 3, "the nonce is known now");
}

// RFC 9449 §8.
#[tokio::test]
async fn a_server_that_always_wants_another_nonce_is_asked_twice() {
    let server = Server::new(|_| {
        let mut refused = answered(400, &json!({"error": "use_dpop_nonce"}));
        refused.headers.insert(NONCE, "n".parse().unwrap());
        Ok(refused)
    });
    let (wire, _) = wire(&server);
    let desk = Desk { dpop: Some(Arc::new(DpopKey::generate().unwrap())), ..desk(Authentication::None) };
    let error = wire.tokens(&desk, &Presented::ClientCredentials, &Target::default()).await.unwrap_err();
    assert_eq!((error.code(), server.asked("/token")), (Some("use_dpop_nonce"), 2));
}

// RFC 9449 §10, §10.1.
#[tokio::test]
async fn who_has_a_key_binds_the_code_to_it() {
    let server = Server::new(|_| Ok(answered(201, &json!({"request_uri": "urn:x", "expires_in": 60}))));
    let (wire, _) = wire(&server);
    let key = Arc::new(DpopKey::generate().unwrap());
    let desk = Desk { dpop: Some(Arc::clone(&key)), ..desk(Authentication::None) };
    let (_, address) = wire.begin(&desk, &Wish::default()).await.unwrap();
    assert!(address.contains(&format!("dpop_jkt={}", key.thumbprint())), "{address}");
    wire.begin(&desk, &Wish { push: true, ..Wish::default() }).await.unwrap();
    let pushed = &server.requests()[0];
    assert_eq!(sent(pushed, "dpop_jkt").as_deref(), Some(key.thumbprint()));
    assert!(pushed.headers.contains_key("dpop"));
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_failures_ends_with_few_questions() {
    let server = Server::new(|_| Ok(answer(503, &[], "<html>")));
    let (wire, hand) = wire(&server);
    let desk = desk(Authentication::None);
    for _ in 0..100 {
        let target = Target::default();
        let outcome = wire.tokens_patiently(&desk, &Presented::ClientCredentials, &target, 3).await;
        assert!(outcome.unwrap_err().is_outage());
    }
    assert_eq!(server.asked("/token"), 3, "then it is left alone");
    hand.forward(60);
    assert!(wire.tokens(&desk, &Presented::ClientCredentials, &Target::default()).await.is_err());
    assert_eq!(server.asked("/token"), 4, "one tries again");
}

#[tokio::test(start_paused = true)]
async fn who_is_patient_gets_the_answer_after_a_failure_and_a_refusal_at_once() {
    let server = Server::new({
        let failed = std::sync::atomic::AtomicBool::new(false);
        move |request| match sent(request, "grant_type").as_deref() {
            Some("client_credentials") if !failed.swap(true, Ordering::Relaxed) => {
                Err(Unreachable::Connection { url: request.url.clone(), why: "reset".into() })
            }
            Some("client_credentials") => Ok(answered(200, &json!({"access_token": "at", "token_type": "Bearer"}))),
            _ => Ok(answered(400, &json!({"error": "invalid_grant"}))),
        }
    });
    let (wire, _) = wire(&server);
    let desk = desk(Authentication::None);
    let (presented, target) = (Presented::ClientCredentials, Target::default());
    wire.tokens_patiently(&desk, &presented, &target, 3).await.unwrap();
    assert_eq!(server.asked("/token"), 2);
    let dead = Secret::from("dead");
    let presented = Presented::RefreshToken(&dead);
    let error = wire.tokens_patiently(&desk, &presented, &target, 3).await.unwrap_err();
    assert_eq!((error.code(), server.asked("/token")), (Some("invalid_grant"), 3));
}

// OpenID Connect Core §3.1.3.7, §10.1.
#[tokio::test]
async fn a_key_that_is_not_known_is_asked_for_again() {
    let (old, new) = (key(), key());
    let sets = [json!({"keys": [old.jwk()]}), json!({"keys": [old.jwk(), new.jwk()]})];
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::new(move |_| Ok(answered(200, &sets[asked.fetch_add(1, Ordering::Relaxed).min(1)])));
    let (wire, hand) = wire(&server);
    let desk = desk(Authentication::None);
    let tokens = |signer: &firman_proto::jws::HeldKey| {
        let claims = json!({"iss": desk.server.issuer, "sub": "alice", "aud": "app", "iat": NOW.seconds(),
            "exp": NOW.seconds() + 300});
        let body = json!({"access_token": "at", "token_type": "Bearer", "id_token": signer.sign(&claims).unwrap()});
        token::read("u", &answered(200, &body), &Target::default(), false, NOW).unwrap()
    };
    assert!(wire.verified(&desk, &tokens(&old), Asked::default()).await.unwrap().is_some());
    hand.forward(11);
    assert!(wire.verified(&desk, &tokens(&new), Asked::default()).await.unwrap().is_some());
    assert!(wire.verified(&desk, &tokens(&key()), Asked::default()).await.is_err());
    assert_eq!(server.asked("/jwks"), 2, "a stranger's token brings no third question within ten seconds");
}

// RFC 8414 §3.
#[tokio::test]
async fn a_server_is_asked_for_its_metadata_once_by_many() {
    let server = Server::new(|request| {
        let found = request.url.ends_with("/.well-known/oauth-authorization-server");
        let document = json!({"issuer": "https://as.example", "token_endpoint": "https://as.example/token"});
        Ok(if found { answered(200, &document) } else { answer(StatusCode::NOT_FOUND.as_u16(), &[], "") })
    });
    let (wire, hand) = wire(&server);
    let get = || wire.server("https://as.example", First::OpenId);
    let all = tokio::join!(get(), get(), get());
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok());
    assert_eq!(server.requests().len(), 2);
    hand.forward(301);
    get().await.unwrap();
    assert_eq!(server.requests().len(), 3, "it is asked for where it was");
}

// RFC 9110 §13.1.2, RFC 9111 §4.3.4.
#[tokio::test]
async fn documents_that_have_not_changed_are_not_sent_again() {
    let key = key();
    let jwks = json!({"keys": [key.jwk()]});
    let server = Server::new(move |request| {
        if request.headers.get(IF_NONE_MATCH).is_some_and(|tag| tag == "\"7\"") {
            return Ok(answer(304, &[], ""));
        }
        let metadata = serde_json::to_value(crate::flow::party::tests::server()).unwrap();
        let mut found = answered(200, if request.url.ends_with("/jwks") { &jwks } else { &metadata });
        found.headers.insert(ETAG, "\"7\"".parse().unwrap());
        Ok(found)
    });
    let (wire, hand) = wire(&server);
    for round in 1..=3 {
        let metadata = wire.server("https://as.example", First::OpenId).await.unwrap();
        assert_eq!(wire.keys(&metadata, None).await.unwrap().keys().len(), 1);
        assert_eq!(server.requests().len(), 2 * round);
        hand.forward(301);
    }
    let told = server.requests().iter().filter(|request| request.headers.contains_key(IF_NONE_MATCH)).count();
    assert_eq!(told, 4);
}

// OpenID Connect Core §5.3.2, §10.1.
#[tokio::test]
async fn userinfo_signed_by_a_new_key_has_the_keys_asked_for_again() {
    let (old, new) = (key(), key());
    let sets = [json!({"keys": [old.jwk()]}), json!({"keys": [new.jwk()]})];
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let claims = json!({"iss": "https://as.example", "aud": "app", "sub": "alice"});
    let server = Server::new(move |request| {
        Ok(if request.url.ends_with("/jwks") {
            answered(200, &sets[asked.fetch_add(1, Ordering::Relaxed).min(1)])
        } else {
            answer(200, &[(CONTENT_TYPE, "application/jwt")], &new.sign(&claims).unwrap())
        })
    });
    let (wire, hand) = wire(&server);
    let desk = desk(Authentication::None);
    wire.keys(&desk.server, None).await.unwrap();
    hand.forward(11);
    let told = wire.userinfo(&desk, (&"at".into(), TokenType::Bearer), "alice").await.unwrap();
    assert_eq!((&told["sub"], server.asked("/jwks")), (&json!("alice"), 2));
}

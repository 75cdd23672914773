//! An issuer, its keys, a clock, and requests.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use firman_client::exchange::{Request, Response, Transport, Unreachable};
use firman_client::guard::{Access, Builder, Guard, Refusal, Requirement, Shown};
use firman_proto::digest::sha256;
use firman_proto::jws::{Algorithm, HeldKey};
use firman_proto::seal::Thumbprint;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Clock;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://as.example";
pub const RESOURCE: &str = "https://api.example";
const START: i64 = 1_795_000_000;

/// What an issuer answers, and what it was asked.
pub struct Issuer {
    pub metadata: Mutex<Value>,
    /// Status, content type, body of the key set.
    pub keys: Mutex<(u16, &'static str, String)>,
    /// For how long the key set says that it is good, in seconds.
    pub max_age: AtomicI64,
    /// What introspection answers: one after the other, the last again and again.
    pub told: Mutex<VecDeque<(u16, &'static str, String)>>,
    pub asked: Mutex<Vec<Request>>,
    /// Nobody answers.
    pub down: Mutex<bool>,
}

#[async_trait]
impl Transport for Issuer {
    async fn send(&self, request: Request) -> Result<Response, Unreachable> {
        let url = request.url.clone();
        let known = request.headers.get(IF_NONE_MATCH).cloned();
        self.asked.lock().unwrap().push(request);
        // As on a network, others have their turn while this waits.
        tokio::task::yield_now().await;
        if *self.down.lock().unwrap() {
            return Err(Unreachable::Connection { url, why: "refused".to_owned() });
        }
        let (status, media_type, body) = match url.strip_prefix(ISSUER).unwrap_or_default() {
            "/.well-known/oauth-authorization-server" => {
                (200, "application/json", self.metadata.lock().unwrap().to_string())
            }
            "/jwks" => self.keys.lock().unwrap().clone(),
            "/introspect" => {
                let mut told = self.told.lock().unwrap();
                if told.len() > 1 { told.pop_front().unwrap() } else { told[0].clone() }
            }
            _ => (404, "text/html", "<html>".to_owned()),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        let max_age = format!("max-age={}", self.max_age.load(Ordering::Relaxed));
        headers.insert(CACHE_CONTROL, max_age.parse().unwrap());
        // RFC 9110 §8.8.3, §15.4.5.
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256(body.as_bytes())));
        let same = status == 200 && known.is_some_and(|known| known == tag.as_str());
        headers.insert(ETAG, tag.parse().unwrap());
        let (status, body) = if same { (304, String::new()) } else { (status, body) };
        Ok(Response { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from(body) })
    }
}

impl Issuer {
    pub fn publishes(&self, keys: &[&HeldKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        self.answers_keys(200, "application/json", json!({ "keys": keys }).to_string());
    }

    pub fn answers_keys(&self, status: u16, media_type: &'static str, body: String) {
        *self.keys.lock().unwrap() = (status, media_type, body);
    }

    pub fn tells(&self, value: &Value) {
        *self.told.lock().unwrap() = VecDeque::from([(200, "application/json", value.to_string())]);
    }

    pub fn is_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    /// How often this path was asked for.
    pub fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|request| request.url == format!("{ISSUER}{path}")).count()
    }
}

#[derive(Default)]
pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

pub struct World {
    pub issuer: Arc<Issuer>,
    pub clock: Arc<TestClock>,
    pub key: HeldKey,
}

pub fn es256() -> HeldKey {
    let der = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    HeldKey::from_pkcs8(Algorithm::ES256, der.as_ref()).unwrap()
}

pub fn eddsa() -> HeldKey {
    HeldKey::from_pkcs8(Algorithm::EdDSA, Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap().as_ref()).unwrap()
}

impl World {
    pub fn new() -> Self {
        let key = es256();
        let metadata = json!({
            "issuer": ISSUER,
            "jwks_uri": format!("{ISSUER}/jwks"),
            "introspection_endpoint": format!("{ISSUER}/introspect"),
        });
        let issuer = Issuer {
            metadata: Mutex::new(metadata),
            keys: Mutex::default(),
            max_age: AtomicI64::new(600),
            told: Mutex::new(VecDeque::from([(200, "application/json", json!({"active": false}).to_string())])),
            asked: Mutex::default(),
            down: Mutex::new(false),
        };
        issuer.publishes(&[&key]);
        Self { issuer: Arc::new(issuer), clock: Arc::new(TestClock(AtomicI64::new(START * 1000))), key }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn pass(&self, time: Lifetime) {
        self.clock.0.fetch_add(time.millis(), Ordering::Relaxed);
    }

    pub fn builder(&self) -> Builder {
        Guard::of(RESOURCE, ISSUER).clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.issuer) as Arc<dyn Transport>
    }

    pub fn verifier(&self) -> Guard {
        self.builder().verifies(self.transport()).build().unwrap()
    }

    pub fn asker(&self) -> Guard {
        self.builder().asks(self.transport(), RESOURCE, "a secret").build().unwrap()
    }

    /// The claims of a token that is good for five minutes.
    pub fn claims(&self) -> Value {
        let now = self.now().seconds();
        json!({
            "iss": ISSUER, "sub": "alice", "client_id": "app", "aud": RESOURCE, "scope": "books.read",
            "iat": now, "exp": now + 300, "jti": "one",
        })
    }

    /// A token that says this beside the usual.
    pub fn token(&self, more: &Value) -> String {
        self.signed_by(&self.key, more)
    }

    pub fn signed_by(&self, key: &HeldKey, more: &Value) -> String {
        key.sign_as("at+jwt", &merged(self.claims(), more)).unwrap()
    }
}

/// One object over another; null takes a member away.
pub fn merged(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    base
}

/// Sends a GET for `/v1/books` with these headers.
pub async fn send(guard: &Guard, headers: &[(&'static str, String)], needed: &Requirement) -> Result<Access, Refusal> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let shown = Shown { method: "GET", path: "/v1/books", headers: &map, certificate: None };
    guard.check(&shown, needed).await
}

/// The same with a bearer token, where anything will do.
pub async fn bearer(guard: &Guard, token: &str) -> Result<Access, Refusal> {
    send(guard, &[(AUTHORIZATION.as_str(), format!("Bearer {token}"))], &Requirement::any()).await
}

/// What a bearer token gets: 200, or the status of the refusal.
pub async fn status(guard: &Guard, token: &str) -> u16 {
    bearer(guard, token).await.map_or_else(|refusal| refusal.status(), |_| 200)
}

/// A key that proves itself (RFC 9449).
pub struct Prover {
    pair: EcdsaKeyPair,
    jwk: Value,
}

impl Prover {
    pub fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        Self { pair, jwk }
    }

    /// RFC 7638 §3.2.
    pub fn thumbprint(&self) -> Thumbprint {
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, self.jwk["x"], self.jwk["y"]);
        Thumbprint::from_bytes(sha256(text.as_bytes()))
    }

    pub fn proof(&self, token: &str, jti: &str, now: Timestamp, more: &Value) -> String {
        let claims = json!({
            "jti": jti, "htm": "GET", "htu": format!("{RESOURCE}/v1/books"), "iat": now.seconds(),
            "ath": URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk});
        let input = format!("{}.{}", part(&header), part(&merged(claims, more)));
        #[allow(clippy::disallowed_methods, reason = "a client's randomness")]
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

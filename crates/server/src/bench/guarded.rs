//! The server that `firman bench guard` measures: one route, unguarded and behind a guard of each kind. Its issuer is in the same process,
//! so that no network is measured.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use firman_client::exchange::{Request, Response, Transport, Unreachable};
use firman_client::guard::{Access, Builder, Guard, Memory};
use firman_engine::{Clock as _, SystemClock};
use firman_proto::access_token::TYP;
use firman_proto::introspection::{ActiveToken, Introspection};
use firman_proto::jws::{Algorithm, HeldKey};
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::{Introspect, IntrospectError};
use serde_json::{Value, json};

const ISSUER: &str = "https://as.example";
const RESOURCE: &str = "https://api.example";
/// So many tokens of each kind take turns.
const TOKENS: usize = 256;

/// An issuer that answers at once.
struct Issuer {
    keys: String,
    told: String,
}

#[async_trait]
impl Transport for Issuer {
    async fn send(&self, request: Request) -> Result<Response, Unreachable> {
        let body = match request.url.strip_prefix(ISSUER).unwrap_or_default() {
            "/jwks" => self.keys.clone(),
            "/introspect" => self.told.clone(),
            _ => json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks"),
                        "introspection_endpoint": format!("{ISSUER}/introspect")})
            .to_string(),
        };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Ok(Response { status: StatusCode::OK, headers, body: Bytes::from(body) })
    }
}

/// A server in this process that has all it needs at hand: what the engine costs beside that is measured as introspection is.
struct Here;

#[async_trait]
impl Introspect for Here {
    async fn introspect(&self, resource: &str, _: &str, now: Timestamp) -> Result<Introspection, IntrospectError> {
        Ok(Introspection::Active(Box::new(ActiveToken {
            active: true,
            scope: Scope::parse("books.read").unwrap_or_default(),
            client_id: "app".to_owned(),
            exp: Some(now.seconds() + 300),
            iat: now.seconds(),
            sub: Some("somebody".to_owned()),
            aud: vec![resource.to_owned()],
            iss: ISSUER.to_owned(),
            jti: "one".to_owned(),
            ..ActiveToken::default()
        })))
    }
}

fn key(algorithm: Algorithm) -> Result<HeldKey, String> {
    let broken = |_| "no key can be made".to_owned();
    let der = if algorithm == Algorithm::EdDSA {
        Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8()).map_err(broken)?.as_ref().to_vec()
    } else {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(broken)?;
        pair.to_pkcs8v1().map_err(broken)?.as_ref().to_vec()
    };
    HeldKey::from_pkcs8(algorithm, &der).map_err(|error| error.to_string())
}

fn claims(n: usize, now: Timestamp) -> Value {
    json!({"iss": ISSUER, "sub": "somebody", "client_id": "app", "aud": RESOURCE, "scope": "books.read",
           "iat": now.seconds(), "exp": now.seconds() + 86_400, "jti": n.to_string()})
}

/// What it serves, and tokens for each route.
pub(crate) fn guarded() -> Result<(Router, BTreeMap<String, Vec<String>>), String> {
    let now = SystemClock.now();
    let (es256, eddsa) = (key(Algorithm::ES256)?, key(Algorithm::EdDSA)?);
    let mut told = claims(0, now);
    told.as_object_mut().and_then(|members| members.insert("active".to_owned(), json!(true)));
    let keys = json!({"keys": [es256.jwk(), eddsa.jwk()]}).to_string();
    let issuer: Arc<dyn Transport> = Arc::new(Issuer { keys, told: told.to_string() });
    let guard = || Guard::of(RESOURCE, ISSUER);
    let jwt = || guard().verifies(Arc::clone(&issuer));
    // Longer than a run: what is measured is remembering, not asking.
    let memory = Memory { active: Lifetime::from_days(1), ..Memory::default() };
    let signed = |key: &HeldKey| {
        let sign = |n| key.sign_as(TYP, &claims(n, now)).map_err(|error| error.to_string());
        (0..TOKENS).map(sign).collect::<Result<Vec<_>, _>>()
    };
    let opaque: Vec<_> = (0..TOKENS).map(|n| format!("an-opaque-token-of-an-honest-length-{n:032}")).collect();
    let (of_es256, of_eddsa) = (signed(&es256)?, signed(&eddsa)?);
    let kinds: [(&str, Builder, Vec<String>); 6] = [
        ("/jwt-es256-cached", jwt(), of_es256.clone()),
        ("/jwt-eddsa-cached", jwt(), of_eddsa.clone()),
        ("/opaque-cached", guard().asks(Arc::clone(&issuer), RESOURCE, "s").memory(memory), opaque.clone()),
        ("/in-process", guard().asks_here(Arc::new(Here)), opaque),
        ("/jwt-es256-verified-each-time", jwt().remembers(0), of_es256),
        ("/jwt-eddsa-verified-each-time", jwt().remembers(0), of_eddsa),
    ];
    let mut router = Router::new().route("/open", get(|| async { "the books of somebody\n" }));
    let mut tokens = BTreeMap::new();
    for (path, builder, of_kind) in kinds {
        let guard = builder.build().map_err(|error| error.to_string())?;
        let layer = guard.require("books.read").map_err(|error| error.to_string())?;
        router = router.route(path, get(|_: Access| async { "the books of somebody\n" }).layer(layer));
        tokens.insert(path.to_owned(), of_kind);
    }
    Ok((router, tokens))
}

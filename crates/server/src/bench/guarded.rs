//! The server that `firman bench guard` measures: one route, unguarded and behind a guard of each kind. The issuer of JWTs and of what is
//! remembered is in the same process, so that no network is measured; the guard in process asks an engine on SQLite.

use std::collections::BTreeMap;
use std::path::Path;
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
use firman_engine::admin::clients::{self, NewClient};
use firman_engine::admin::resources::{self, NewResource};
use firman_engine::{Engine, token};
use firman_proto::access_token::TYP;
use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::{AuthMethod, Credentials};
use firman_proto::form::Form;
use firman_proto::jws::{Algorithm, HeldKey};
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Introspect;
use firman_store::record::ClientPolicy;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config::Settings;
use crate::demo::Folder;
use crate::start::{Running, start};

const ISSUER: &str = "https://as.example";
const RESOURCE: &str = "https://api.example";
const SCOPE: &str = "books.read";
const SECRET: &str = "the-secret-of-the-benchmark";
/// So many tokens of each kind take turns.
const TOKENS: usize = 256;
/// For a run of any length.
const LIFE: Lifetime = Lifetime::from_days(1);

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
    json!({"iss": ISSUER, "sub": "somebody", "client_id": "app", "aud": RESOURCE, "scope": SCOPE,
           "iat": now.seconds(), "exp": now.plus(LIFE).seconds(), "jti": n.to_string()})
}

/// A server in this folder, without an address of its own.
pub(crate) async fn issuer(folder: &Path) -> Result<Running, String> {
    let broken = |error: &dyn std::fmt::Display| error.to_string();
    let folder = Folder::open(folder).map_err(|error| broken(&error))?;
    let key = folder.master_key().map_err(|error| broken(&error))?;
    let settings = [
        ("server.issuer", ISSUER.to_owned()),
        ("store.url", format!("sqlite:{}", folder.database().display())),
        ("secrets.master_key", key.to_string()),
        ("tokens.access_token_seconds", LIFE.seconds().to_string()),
    ];
    let settings = Settings::load(None, std::iter::empty(), &settings).map_err(|error| broken(&error))?;
    start(&settings).await.map_err(|error| broken(&error))
}

/// Tokens of a client of this server for the resource, registered with it.
async fn issued(engine: &Engine, now: Timestamp) -> Result<Vec<String>, String> {
    let broken = |error: &dyn std::fmt::Display| error.to_string();
    let settings = resources::Settings::default();
    let resource = NewResource { identifier: RESOURCE.to_owned(), settings, secret: false };
    resources::add(engine, resource, now).await.map_err(|error| broken(&error))?;
    let mut metadata = ClientMetadata::new("App", AuthMethod::ClientSecretPost);
    metadata.grant_types = vec![GrantType::ClientCredentials];
    metadata.scope = Scope::parse(SCOPE).map_err(|error| broken(&error))?;
    let (client_id, secret) = (Some("app".to_owned()), Some(Zeroizing::new(SECRET.to_owned())));
    let client = NewClient { client_id, metadata, policy: ClientPolicy::default(), owner: None, secret };
    clients::create(engine, client, now).await.map_err(|error| broken(&error))?;
    let form = format!("grant_type=client_credentials&client_id=app&client_secret={SECRET}&resource={RESOURCE}");
    let form = Form::parse(form.as_bytes()).map_err(|error| broken(&error.text))?;
    let credentials = Credentials::find(None, &form).map_err(|error| broken(&error.text))?;
    let mut tokens = Vec::with_capacity(TOKENS);
    for _ in 0..TOKENS {
        let request = token::read(engine, &form).map_err(|error| broken(&error))?;
        let made = token::token(engine, &credentials, request, now).await.map_err(|error| broken(&error))?;
        tokens.push(made.access_token);
    }
    Ok(tokens)
}

/// What it serves, and tokens for each route.
pub(crate) async fn guarded(server: &Running) -> Result<(Router, BTreeMap<String, Vec<String>>), String> {
    let now = server.now();
    let (es256, eddsa) = (key(Algorithm::ES256)?, key(Algorithm::EdDSA)?);
    let mut told = claims(0, now);
    told.as_object_mut().and_then(|members| members.insert("active".to_owned(), json!(true)));
    let keys = json!({"keys": [es256.jwk(), eddsa.jwk()]}).to_string();
    let issuer: Arc<dyn Transport> = Arc::new(Issuer { keys, told: told.to_string() });
    let guard = || Guard::of(RESOURCE, ISSUER);
    let jwt = || guard().verifies(Arc::clone(&issuer));
    // Longer than a run: what is measured is remembering, not asking.
    let memory = Memory { active: LIFE, ..Memory::default() };
    let signed = |key: &HeldKey| {
        let sign = |n| key.sign_as(TYP, &claims(n, now)).map_err(|error| error.to_string());
        (0..TOKENS).map(sign).collect::<Result<Vec<_>, _>>()
    };
    let opaque: Vec<_> = (0..TOKENS).map(|n| format!("an-opaque-token-of-an-honest-length-{n:032}")).collect();
    let (of_es256, of_eddsa) = (signed(&es256)?, signed(&eddsa)?);
    let in_process = issued(&server.engine, now).await?;
    let kinds: [(&str, Builder, Vec<String>); 6] = [
        ("/jwt-es256-cached", jwt(), of_es256.clone()),
        ("/jwt-eddsa-cached", jwt(), of_eddsa.clone()),
        ("/opaque-cached", guard().asks(Arc::clone(&issuer), RESOURCE, "s").memory(memory), opaque),
        ("/in-process", guard().asks_here(Arc::clone(&server.engine) as Arc<dyn Introspect>), in_process),
        ("/jwt-es256-verified-each-time", jwt().remembers(0), of_es256),
        ("/jwt-eddsa-verified-each-time", jwt().remembers(0), of_eddsa),
    ];
    let mut router = Router::new().route("/open", get(|| async { "the books of somebody\n" }));
    let mut tokens = BTreeMap::new();
    for (path, builder, of_kind) in kinds {
        let guard = builder.build().map_err(|error| error.to_string())?;
        let layer = guard.require(SCOPE).map_err(|error| error.to_string())?;
        router = router.route(path, get(|_: Access| async { "the books of somebody\n" }).layer(layer));
        tokens.insert(path.to_owned(), of_kind);
    }
    Ok((router, tokens))
}

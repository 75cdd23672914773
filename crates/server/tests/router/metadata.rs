//! What the discovery document says, against what router and engine do: all that it names works, and what it does not name is
//! refused.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use firman_engine::admin::clients::{self, NewClient};
use firman_engine::client_document::TrustedHosts;
use firman_engine::registration::Mode;
use firman_engine::{Document, Fetch, FetchError, Parts, Wanted};
use firman_proto::form::{self, Form};
use firman_proto::issuer::Issuer;
use firman_proto::jws::Algorithm;
use firman_proto::metadata::path;
use firman_proto::response::ResponseType;
use firman_proto::time::Timestamp;
use serde_json::{Value, json};

use crate::authentication::certificate;
use crate::endpoints::{asked, redeem};
use crate::signer::{Signer, jti};
use crate::world::{Ask, CLIENT, ISSUER, NOW, Reply, World, client};

/// An internet in which nobody answers.
struct Nobody;

#[async_trait]
impl Fetch for Nobody {
    async fn get(&self, _: &Wanted<'_>, _: Timestamp) -> Result<Arc<Document>, FetchError> {
        Err(FetchError::Failed("nobody is there".into()))
    }
}

/// Everything that can be switched on.
fn everything(parts: &mut Parts, client: &mut NewClient) {
    parts.fetch = Arc::new(Nobody);
    parts.policy.front_channel_tokens = true;
    parts.policy.registration.mode = Mode::Open;
    parts.policy.registration.scope = client.metadata.scope.clone();
    parts.policy.client_documents = TrustedHosts(vec!["*".to_owned()]);
    (parts.policy.client_certificates, parts.policy.certificate_authorities) = (true, true);
    client.metadata.response_types = ResponseType::ALL.into_iter().map(|of| of.as_str().to_owned()).collect();
}

/// A server as it is, and one with everything that can be switched on.
pub(crate) async fn servers() -> [World; 2] {
    [World::new().await, World::with(everything).await]
}

async fn get(world: &World, path: &str) -> Reply {
    world.give(Request::get(path).body(Body::empty()).unwrap()).await
}

pub(crate) async fn told(world: &World) -> Value {
    serde_json::from_str(&get(world, path::OPENID_CONFIGURATION).await.body).unwrap()
}

pub(crate) fn list<'t>(told: &'t Value, name: &str) -> Vec<&'t str> {
    told[name].as_array().unwrap_or_else(|| panic!("no {name}")).iter().map(|word| word.as_str().unwrap()).collect()
}

pub(crate) fn post(path: &str, form: &[(&str, &str)]) -> Request<Body> {
    let mut body = String::new();
    for (name, value) in form {
        form::append(&mut body, name, value);
    }
    Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.into()).unwrap()
}

pub(crate) fn error(reply: &Reply) -> String {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    body["error"].as_str().unwrap_or_default().to_owned()
}

/// The authorization request of the client, with these parameters in place of its own.
fn authorization(changes: &[(&str, &str)]) -> Ask {
    let asked = asked();
    let query = asked.path.split_once('?').unwrap().1.to_owned();
    let form = Form::parse(query.as_bytes()).unwrap();
    let kept = form.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let mut query = String::new();
    for (name, value) in kept.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty())) {
        form::append(&mut query, name, value);
    }
    Ask { path: format!("{}?{query}", path::AUTHORIZE), ..asked }
}

/// What comes of an authorization request: the error that the client is sent, or nothing where somebody has to sign in first.
async fn refusal(world: &World, changes: &[(&str, &str)]) -> Option<String> {
    let reply = world.send(&authorization(changes)).await;
    let posted =
        reply.body.split_once("name=\"error\" value=\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
    let Some(location) = reply.headers.get(LOCATION) else {
        return posted.or_else(|| panic!("{} {}", reply.status, reply.body));
    };
    let location = location.to_str().unwrap();
    if location.starts_with(&format!("{ISSUER}/login")) {
        return None;
    }
    let members = location.split_once(['?', '#']).unwrap().1;
    let members = Form::parse(members.as_bytes()).unwrap();
    let signed = members.get("response").map(|jwt| {
        let claims = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&claims).unwrap()["error"].as_str().unwrap().to_owned()
    });
    Some(signed.unwrap_or_else(|| members.required("error").unwrap().to_owned()))
}

// RFC 8414 §2, OpenID Connect Discovery §3.
#[tokio::test]
async fn every_endpoint_that_is_named_answers_and_what_is_not_named_is_not_there() {
    for world in servers().await {
        let told = told(&world).await;
        for (name, url) in told.as_object().unwrap() {
            let (true, Some(url)) = (name.ends_with("_endpoint") || name == "jwks_uri", url.as_str()) else { continue };
            let path = url.strip_prefix(ISSUER).unwrap();
            let right = match name.as_str() {
                "jwks_uri" | "revocation_feed_endpoint" => vec![Method::GET],
                "authorization_endpoint" | "userinfo_endpoint" | "end_session_endpoint" => {
                    vec![Method::GET, Method::POST]
                }
                _ => vec![Method::POST],
            };
            for method in [Method::GET, Method::POST, Method::PATCH] {
                let request = Request::builder().method(&method).uri(path).body(Body::empty()).unwrap();
                let reply = world.give(request).await;
                assert_ne!(reply.status, StatusCode::NOT_FOUND, "{method} {url}");
                assert!(!reply.status.is_server_error(), "{method} {url}: {}", reply.body);
                let refused = reply.status == StatusCode::METHOD_NOT_ALLOWED;
                assert_eq!(refused, !right.contains(&method), "{method} {url}: {}", reply.status);
            }
        }
        for (name, path) in [
            ("registration_endpoint", path::REGISTER),
            ("end_session_endpoint", "/oauth2/logout"),
            ("backchannel_authentication_endpoint", "/oauth2/bc-authorize"),
            ("check_session_iframe", "/oauth2/check_session"),
        ] {
            let reply = world.give(post(path, &[])).await;
            assert_eq!(told.get(name).is_none(), reply.status == StatusCode::NOT_FOUND, "{name}: {}", reply.status);
        }
    }
}

// RFC 8414 §3, §3.1, OpenID Connect Discovery §4.
#[tokio::test]
async fn an_issuer_with_a_path_is_described_at_all_three_addresses() {
    let issuer = "https://login.example/some/tenant";
    let world = World::with(|parts, _| parts.issuer = Issuer::parse(issuer).unwrap()).await;
    let mut documents = Vec::new();
    for path in [
        "/.well-known/oauth-authorization-server/some/tenant",
        "/.well-known/openid-configuration/some/tenant",
        "/some/tenant/.well-known/openid-configuration",
    ] {
        let reply = get(&world, path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        documents.push(serde_json::from_str::<Value>(&reply.body).unwrap());
    }
    assert!(documents.iter().all(|document| *document == documents[0] && document["issuer"] == issuer));
    for (name, url) in documents[0].as_object().unwrap().iter().filter(|(_, value)| value.is_string()) {
        let path = url.as_str().unwrap().strip_prefix("https://login.example").unwrap();
        assert!(path.starts_with("/some/tenant"), "{name}: {url}");
        if name != "issuer" {
            assert_ne!(get(&world, path).await.status, StatusCode::NOT_FOUND, "{name}: {url}");
        }
    }
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/oauth2/token",
        "/some/oauth2/token",
    ] {
        assert_eq!(get(&world, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

// RFC 8414 §2.
#[tokio::test]
async fn a_grant_type_is_known_if_it_is_named() {
    const EVERY: [&str; 11] = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "urn:openid:params:grant-type:ciba",
        "magic",
    ];
    for world in servers().await {
        let told = told(&world).await;
        let named = list(&told, "grant_types_supported");
        assert!(named.iter().all(|name| EVERY.contains(name)), "{named:?}");
        for grant_type in EVERY.into_iter().filter(|name| *name != "implicit") {
            let mut request = post(path::TOKEN, &[("grant_type", grant_type)]);
            request.headers_mut().insert(AUTHORIZATION, world.basic().1.parse().unwrap());
            let reply = world.give(request).await;
            assert_eq!(error(&reply) != "unsupported_grant_type", named.contains(&grant_type), "{grant_type}");
        }
    }
}

// RFC 8414 §2, OpenID Connect Discovery §3, Multiple Response Types §5.
#[tokio::test]
async fn a_response_type_and_its_modes_are_taken_if_they_are_named() {
    for world in servers().await {
        let told = told(&world).await;
        let named = list(&told, "response_types_supported");
        for of in ResponseType::ALL.into_iter().map(ResponseType::as_str).chain(["device", "code code", "Code"]) {
            let refused = refusal(&world, &[("response_type", of), ("nonce", "n")]).await;
            let known = refused.as_deref() != Some("unsupported_response_type");
            assert_eq!(known, named.contains(&of), "{of}: {refused:?}");
        }
        let named = list(&told, "response_modes_supported");
        for mode in [
            "query",
            "fragment",
            "form_post",
            "jwt",
            "query.jwt",
            "fragment.jwt",
            "form_post.jwt",
            "web_message",
            "okta_post",
            "Query",
            "post",
        ] {
            let refused = refusal(&world, &[("response_mode", mode)]).await;
            assert_eq!(refused.is_none(), named.contains(&mode), "{mode}: {refused:?}");
        }
    }
}

// RFC 8414 §2, OpenID Connect Discovery §3, OpenID Connect Core §5.6, Initiating User Registration §4.
#[tokio::test]
async fn a_prompt_and_a_challenge_method_are_taken_if_they_are_named() {
    let world = World::new().await;
    let told = told(&world).await;
    let named = list(&told, "prompt_values_supported");
    for prompt in ["none", "login", "consent", "select_account", "create", "magic"] {
        let refused = refusal(&world, &[("prompt", prompt)]).await;
        assert_eq!(refused.as_deref() != Some("invalid_request"), named.contains(&prompt), "{prompt}: {refused:?}");
    }
    // Claims come from here and nowhere else, and pages fit every display.
    assert_eq!(
        (list(&told, "claim_types_supported"), told["claims_parameter_supported"].clone()),
        (vec!["normal"], json!(true))
    );
    for display in list(&told, "display_values_supported") {
        assert_eq!(refusal(&world, &[("display", display)]).await, None);
    }
    let named = list(&told, "code_challenge_methods_supported");
    for method in ["S256", "plain", "S384", "s256"] {
        let refused = refusal(&world, &[("code_challenge_method", method)]).await;
        assert_eq!(refused.is_none(), named.contains(&method), "{method}: {refused:?}");
    }
    for (name, parameter) in
        [("request_parameter_supported", "request"), ("request_uri_parameter_supported", "request_uri")]
    {
        let refused = refusal(&world, &[(parameter, "https://app.example/x")]).await.unwrap();
        assert_eq!(told[name] == true, !refused.ends_with("_not_supported"), "{name}: {refused}");
    }
    let silent = world.send(&authorization(&[("prompt", "none")])).await;
    let answer = silent.headers[LOCATION].to_str().unwrap();
    assert_eq!(told["authorization_response_iss_parameter_supported"] == true, answer.contains("&iss="), "{answer}");
}

// RFC 9449 §5.
#[tokio::test]
async fn a_proof_is_taken_under_the_algorithms_that_are_named() {
    let world = World::new().await;
    let told = told(&world).await;
    let taken = async |alg: &str, signer: &Signer, jwk: Value| {
        let header = json!({"typ": "dpop+jwt", "alg": alg, "jwk": jwk});
        let claims =
            json!({"jti": jti(), "htm": "POST", "htu": format!("{ISSUER}{}", path::TOKEN), "iat": NOW.seconds()});
        let mut request = post(path::TOKEN, &[("grant_type", "client_credentials")]);
        request.headers_mut().insert(AUTHORIZATION, world.basic().1.parse().unwrap());
        request.headers_mut().insert("dpop", signer.sign(&header, &claims).parse().unwrap());
        let reply = world.give(request).await;
        (reply.status == StatusCode::OK)
            .then(|| serde_json::from_str::<Value>(&reply.body).unwrap()["token_type"].clone())
    };
    for alg in list(&told, "dpop_signing_alg_values_supported") {
        let signer = Signer::of(alg);
        assert_eq!(taken(alg, &signer, signer.jwk()).await, Some(json!("DPoP")), "{alg}");
    }
    let secret = Signer::Secret("s".repeat(64));
    for alg in ["HS256", "HS512", "none"] {
        assert_eq!(taken(alg, &secret, json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("s".repeat(64))})).await, None);
        assert_eq!(taken(alg, &secret, Signer::of("ES256").jwk()).await, None, "{alg}");
    }
}

fn header_of(jwt: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap()).unwrap()
}

// OpenID Connect Discovery §3, OpenID Connect Registration §2, JARM §3, §4, RFC 9701 §7.
#[tokio::test]
async fn what_is_signed_is_signed_as_it_is_told() {
    for alg in Algorithm::ALL {
        let world = World::with(|parts, client| {
            parts.key_policy.algorithms = vec![*alg];
            client.metadata.id_token_signed_response_alg = Some(*alg);
            client.metadata.jose.authorization_signed_response_alg = Some(alg.as_str().to_owned());
        })
        .await;
        let told = told(&world).await;
        for name in [
            "id_token_signing_alg_values_supported",
            "authorization_signing_alg_values_supported",
            "introspection_signing_alg_values_supported",
        ] {
            assert_eq!(list(&told, name), [alg.as_str()]);
        }
        let ask = redeem(&world).await;
        let tokens: Value = serde_json::from_str(&world.send(&ask).await.body).unwrap();
        assert_eq!(header_of(tokens["id_token"].as_str().unwrap())["alg"], alg.as_str());
        let keys: Value = serde_json::from_str(&get(&world, path::JWKS).await.body).unwrap();
        let kid = &header_of(tokens["id_token"].as_str().unwrap())["kid"];
        assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == *kid && key["alg"] == alg.as_str()));
        let silent = world.send(&authorization(&[("prompt", "none"), ("response_mode", "jwt")])).await;
        let (_, response) = silent.headers[LOCATION].to_str().unwrap().split_once("response=").unwrap();
        assert_eq!(header_of(response)["alg"], alg.as_str());
    }
}

// RFC 8705 §3.3, Client ID Metadata Document §5, RFC 9126 §5.
#[tokio::test]
async fn each_flag_says_what_is_so() {
    for (world, on) in servers().await.into_iter().zip([false, true]) {
        let told = told(&world).await;
        // A client whose id is an address is looked up, or is nobody.
        assert_eq!(told["client_id_metadata_document_supported"], on);
        let reply = world.send(&authorization(&[("client_id", "https://app.example/client.json")])).await;
        let looked_up = reply.status == StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(looked_up, on, "{} {}", reply.status, reply.body);

        assert_eq!(told["tls_client_certificate_bound_access_tokens"], on);
        if on {
            let mut request = post(path::TOKEN, &[("grant_type", "client_credentials")]);
            request.headers_mut().insert(AUTHORIZATION, world.basic().1.parse().unwrap());
            let mut client = clients::find(&world.engine, CLIENT).await.unwrap().metadata.clone();
            client.tls.tls_client_certificate_bound_access_tokens = true;
            let bound = NewClient { client_id: Some("bound".to_owned()), metadata: client, ..self::client() };
            let secret = clients::create(&world.engine, bound, NOW).await.unwrap().1.unwrap();
            let basic = format!("Basic {}", STANDARD.encode(format!("bound:{}", *secret)));
            request.headers_mut().insert(AUTHORIZATION, basic.parse().unwrap());
            request.extensions_mut().insert(certificate());
            let token: Value = serde_json::from_str(&world.give(request).await.body).unwrap();
            let mut ask = post(path::INTROSPECT, &[("token", token["access_token"].as_str().unwrap())]);
            ask.headers_mut().insert(AUTHORIZATION, basic.parse().unwrap());
            let shown: Value = serde_json::from_str(&world.give(ask).await.body).unwrap();
            assert!(shown["cnf"]["x5t#S256"].is_string(), "{shown}");
        }
        assert_eq!(told["require_pushed_authorization_requests"], false);
        assert_eq!(refusal(&world, &[]).await, None);
    }
    let strict = World::with(|parts, _| parts.policy.require_pushed = true).await;
    assert_eq!(told(&strict).await["require_pushed_authorization_requests"], true);
    assert_eq!(refusal(&strict, &[]).await.as_deref(), Some("invalid_request"));
}

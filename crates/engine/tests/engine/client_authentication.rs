//! How clients prove who they are: assertions under keys and secrets, certificates, and what is bound to those.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_engine::admin::{AdminError, clients};
use firman_engine::authenticate::authenticate;
use firman_engine::{Failure, discovery, userinfo};
use firman_proto::certificate::Certificate;
use firman_proto::client::GrantType;
use firman_proto::credentials::{AuthMethod, Credentials, JWT_BEARER};
use firman_proto::error::ErrorCode::{
    InvalidClient, InvalidGrant, InvalidRequest, InvalidToken, TemporarilyUnavailable,
};
use firman_proto::form::Form;
use serde_json::{Value, json};

use crate::support::{App, ISSUER, Library, Signer, World, at, mac, new_client, refused, seconds};

const KEYS: &str = "https://app.example/jwks";

fn claims(jti: &str) -> Value {
    json!({"iss": "app", "sub": "app", "aud": ISSUER, "exp": at(60).seconds(), "iat": at(0).seconds(), "jti": jti})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims(name);
    claims[name] = value;
    claims
}

/// As a request brings it.
fn asserting(assertion: &str) -> Credentials {
    let kind = JWT_BEARER.replace(':', "%3A");
    let body = format!("client_assertion={assertion}&client_assertion_type={kind}");
    Credentials::find(None, &Form::parse(body.as_bytes()).unwrap()).unwrap()
}

async fn present(world: &World, assertion: &str) -> Result<(), Failure> {
    authenticate(&world.engine, &asserting(assertion), at(0)).await.map(|_| ())
}

async fn signing_app(world: &World, signer: &Signer) -> App {
    let edit = |new: &mut clients::NewClient| {
        new.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        new.metadata.jwks = Some(signer.jwks());
    };
    world.app_with("app", edit).await
}

// RFC 7523 §2.2, §3, OpenID Connect Core §9.
#[tokio::test]
async fn a_client_signs_who_it_is_and_each_assertion_is_taken_once() {
    let (world, signer) = (World::new().await, Signer::new());
    let app = signing_app(&world, &signer).await;
    assert_eq!(app.credentials.secret, None, "it has no secret");
    let one = signer.sign(&claims("1"));
    present(&world, &one).await.unwrap();
    assert_eq!(refused(present(&world, &one).await), InvalidClient);
    assert_eq!(refused(present(&world, &signer.sign(&with("jti", json!("1")))).await), InvalidClient, "by its jti");
    present(&world, &signer.sign(&claims("2"))).await.unwrap();
    // On another node too.
    let neighbour = world.neighbour(at(1)).await;
    assert_eq!(refused(present(&neighbour, &one).await), InvalidClient);
}

// RFC 7523 §3, OpenID Connect Core §9.
#[tokio::test]
async fn an_assertion_that_is_not_this_clients_for_us_is_refused() {
    let (world, signer) = (World::new().await, Signer::new());
    signing_app(&world, &signer).await;
    for bad in [
        with("iss", json!("other")),
        with("iss", json!("")),
        with("aud", json!("https://elsewhere.example")),
        with("aud", json!([ISSUER, "https://elsewhere.example"])),
        with("aud", json!(format!("{ISSUER}/oauth2/token"))),
        with("exp", json!(at(-31).seconds())),
        with("exp", json!(at(3631).seconds())),
        with("iat", json!(at(31).seconds())),
        with("nbf", json!(at(31).seconds())),
        with("jti", json!("")),
        with("jti", json!("j".repeat(257))),
        with("nonce", json!("an ID token has one")),
        with("at_hash", json!("and this")),
    ] {
        assert_eq!(refused(present(&world, &signer.sign(&bad)).await), InvalidClient, "{bad}");
    }
    let stranger = Signer::new();
    assert_eq!(refused(present(&world, &stranger.sign(&claims("1"))).await), InvalidClient);
    let id_token = json!({"iss": ISSUER, "sub": "app", "aud": "app", "exp": at(60).seconds(), "jti": "1"});
    assert_eq!(refused(present(&world, &signer.sign(&id_token)).await), InvalidClient);
    present(&world, &signer.sign(&claims("1"))).await.unwrap();
}

// RFC 7523 §3.
#[tokio::test]
async fn an_assertion_for_the_token_endpoint_is_taken_from_clients_that_may() {
    let (world, signer) = (World::new().await, Signer::new());
    let edit = |new: &mut clients::NewClient| {
        new.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        new.metadata.jwks = Some(signer.jwks());
        new.policy.endpoint_audience = true;
    };
    world.app_with("app", edit).await;
    for (jti, aud) in [("1", json!(format!("{ISSUER}/oauth2/token"))), ("2", json!(ISSUER)), ("3", json!([ISSUER]))] {
        let mut claims = claims(jti);
        claims["aud"] = aud;
        present(&world, &signer.sign(&claims)).await.unwrap();
    }
    assert_eq!(refused(present(&world, &signer.sign(&with("aud", json!(format!("{ISSUER}/"))))).await), InvalidClient);
}

// RFC 7591 §2, RFC 6749 §2.1, §2.3, §3.2.1, OpenID Connect Core §9, RFC 8725 §3.1.
#[tokio::test]
async fn each_client_uses_the_one_method_it_is_registered_for() {
    let (world, signer) = (World::new().await, Signer::new());
    let plain = world.app("plain").await;
    let public = world.public_app("public").await;
    signing_app(&world, &signer).await;
    let of = |client_id: &str, secret: Option<&str>| {
        let mut form = format!("client_id={client_id}");
        if let Some(secret) = secret {
            form.push_str("&client_secret=");
            form.push_str(secret);
        }
        Credentials::find(None, &Form::parse(form.as_bytes()).unwrap()).unwrap()
    };
    let secret = plain.credentials.secret.as_deref().unwrap();
    for credentials in [of("app", Some(secret)), of("app", None), of("plain", None), of("public", Some(secret))] {
        let answer = authenticate(&world.engine, &credentials, at(0)).await.map(|_| ());
        assert_eq!(refused(answer), InvalidClient, "{credentials:?}");
    }
    for (client_id, secret) in [("plain", secret), ("public", secret)] {
        let mut claims = claims("1");
        (claims["iss"], claims["sub"]) = (client_id.into(), client_id.into());
        assert_eq!(refused(present(&world, &mac(secret, &claims)).await), InvalidClient, "{client_id}");
        assert_eq!(refused(present(&world, &signer.sign(&claims)).await), InvalidClient, "{client_id}");
    }
    authenticate(&world.engine, &of("public", None), at(0)).await.unwrap();
    authenticate(&world.engine, &public.credentials, at(0)).await.unwrap();
}

// RFC 7517 §8.5.
#[tokio::test]
async fn a_key_that_was_published_since_is_found_and_one_that_was_withdrawn_is_not() {
    let library = Arc::new(Library::default());
    let world = World::with(|parts| parts.fetch = Arc::clone(&library) as _).await;
    let (old, new) = (Signer::new(), Signer::new());
    library.put(KEYS, "application/json", &old.jwks());
    let edit = |new: &mut clients::NewClient| {
        new.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        new.metadata.jwks_uri = Some(KEYS.to_owned());
    };
    world.app_with("app", edit).await;
    present(&world, &old.sign(&claims("1"))).await.unwrap();
    present(&world, &old.sign(&claims("2"))).await.unwrap();
    assert_eq!(library.fetched(KEYS), 1);

    library.put(KEYS, "application/jwk-set+json", &new.jwks());
    let rotated = asserting(&new.sign(&claims("3")));
    authenticate(&world.engine, &rotated, at(1)).await.unwrap();
    assert_eq!(library.fetched(KEYS), 2);
    let withdrawn = authenticate(&world.engine, &asserting(&old.sign(&claims("4"))), at(1)).await;
    assert_eq!(refused(withdrawn.map(|_| ())), InvalidClient);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_nobodys_fault() {
    let world = World::with(|parts| parts.fetch = Arc::new(Library::default())).await;
    let edit = |new: &mut clients::NewClient| {
        new.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        new.metadata.jwks_uri = Some(KEYS.to_owned());
    };
    world.app_with("app", edit).await;
    assert_eq!(refused(present(&world, &Signer::new().sign(&claims("1"))).await), TemporarilyUnavailable);
}

// OpenID Connect Core §9.
#[tokio::test]
async fn a_secret_signs_by_hmac_is_sealed_in_the_store_and_overlaps_when_it_is_replaced() {
    let world = World::new().await;
    let edit = |new: &mut clients::NewClient| new.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretJwt;
    let app = world.app_with("app", edit).await;
    let first = app.credentials.secret.unwrap();
    let stored = format!("{:?}", clients::find(&world.engine, "app").await.unwrap());
    assert!(!stored.contains(&first) && stored.contains("sealed: Some"));
    present(&world, &mac(&first, &claims("1"))).await.unwrap();
    assert_eq!(refused(present(&world, &mac(&first, &claims("1"))).await), InvalidClient);
    assert_eq!(refused(present(&world, &mac(&"x".repeat(49), &claims("2"))).await), InvalidClient);

    let (_, second) = clients::rotate_secret(&world.engine, "app", seconds(20), at(0)).await.unwrap();
    present(&world, &mac(&second, &claims("3"))).await.unwrap();
    present(&world, &mac(&first, &claims("4"))).await.unwrap();
    let late = authenticate(&world.engine, &asserting(&mac(&first, &claims("5"))), at(20)).await;
    assert_eq!(refused(late.map(|_| ())), InvalidClient);
    authenticate(&world.engine, &asserting(&mac(&second, &claims("6"))), at(20)).await.unwrap();
}

/// A certificate that nobody vouches for, or that somebody does.
fn certificate(name: &str, trusted: bool) -> Arc<Certificate> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    Arc::new(Certificate::new(made.cert.der(), trusted).unwrap())
}

async fn world_of_certificates() -> World {
    let edit = |parts: &mut firman_engine::Parts| {
        (parts.policy.client_certificates, parts.policy.certificate_authorities) = (true, true);
    };
    World::with(edit).await
}

async fn show(world: &World, app: &App, certificate: Option<&Arc<Certificate>>) -> Result<(), Failure> {
    let credentials = app.credentials.clone().with_certificate(certificate.cloned());
    authenticate(&world.engine, &credentials, at(0)).await.map(|_| ())
}

// RFC 8705 §2, §2.1.
#[tokio::test]
async fn a_certificate_with_the_registered_name_must_be_vouched_for() {
    let world = world_of_certificates().await;
    let edit = |new: &mut clients::NewClient| {
        new.metadata.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
        new.metadata.tls.tls_client_auth_san_dns = Some("client.example".to_owned());
    };
    let app = world.app_with("app", edit).await;
    show(&world, &app, Some(&certificate("client.example", true))).await.unwrap();
    for other in
        [certificate("client.example", false), certificate("evil.example", true), certificate("*.example", true)]
    {
        assert_eq!(refused(show(&world, &app, Some(&other)).await), InvalidClient);
    }
    assert_eq!(refused(show(&world, &app, None).await), InvalidClient);
}

// RFC 8705 §2.2, §2.2.2, RFC 7517 §4.7.
#[tokio::test]
async fn a_certificate_that_the_client_registered_needs_nobody_to_vouch() {
    let (world, signer) = (world_of_certificates().await, Signer::new());
    let own = certificate("client.example", false);
    let mut jwks = signer.jwks();
    jwks["keys"][0]["x5c"] = json!([STANDARD.encode(own.der())]);
    let edit = |new: &mut clients::NewClient| {
        new.metadata.token_endpoint_auth_method = AuthMethod::SelfSignedTlsClientAuth;
        new.metadata.jwks = Some(jwks);
    };
    let app = world.app_with("app", edit).await;
    show(&world, &app, Some(&own)).await.unwrap();
    for other in [certificate("client.example", false), certificate("client.example", true)] {
        assert_eq!(refused(show(&world, &app, Some(&other)).await), InvalidClient);
    }
}

// RFC 8705 §3, §3.1, §3.2, §3.4, §4.
#[tokio::test]
async fn a_token_bound_to_a_certificate_is_good_only_beside_it() {
    let world = world_of_certificates().await;
    let edit = |new: &mut clients::NewClient| {
        new.metadata.token_endpoint_auth_method = AuthMethod::None;
        new.metadata.grant_types.retain(|grant| *grant != GrantType::ClientCredentials);
        new.metadata.tls.tls_client_certificate_bound_access_tokens = true;
    };
    let app = world.app_with("app", edit).await;
    let (own, other) = (certificate("client.example", false), certificate("client.example", false));
    let bound = |shown: &Arc<Certificate>| {
        let credentials = app.credentials.clone().with_certificate(Some(Arc::clone(shown)));
        App { credentials, ..app.clone() }
    };
    let code = world.code(&app, "openid offline_access", at(0)).await;
    assert_eq!(refused(world.redeem(&app, &code, at(0)).await), InvalidRequest, "no certificate, no token");
    let tokens = world.redeem(&bound(&own), &code, at(0)).await.unwrap();

    let resource = world.app_with("resource", |new| new.policy.introspect_any = true).await;
    let shown = world.introspect(&resource, &tokens.access_token, at(1)).await;
    assert_eq!(shown["cnf"]["x5t#S256"], own.thumbprint().to_string());

    for (certificate, good) in [(Some(&*own), true), (Some(&*other), false), (None, false)] {
        let answer = userinfo::userinfo(&world.engine, &tokens.access_token, "GET", certificate, at(1)).await;
        if good { drop(answer.unwrap()) } else { assert_eq!(refused(answer), InvalidToken) }
    }

    let refresh = tokens.refresh_token.unwrap();
    for stranger in [bound(&other), app.clone()] {
        assert!(matches!(refused(world.refresh(&stranger, &refresh, at(2)).await), InvalidGrant | InvalidRequest));
    }
    let next = world.refresh(&bound(&own), &refresh, at(2)).await.unwrap();
    // An old token in the hands of somebody with another certificate harms nobody.
    assert_eq!(refused(world.refresh(&bound(&other), &refresh, at(500)).await), InvalidGrant);
    world.refresh(&bound(&own), &next.refresh_token.unwrap(), at(501)).await.unwrap();
}

// RFC 7591 §2.
#[tokio::test]
async fn what_is_not_offered_is_not_registered_and_not_told() {
    type Edit = fn(&mut clients::NewClient);
    let world = World::new().await;
    let told = serde_json::to_value(discovery::metadata(&world.engine, at(0))).unwrap();
    let methods = told["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("private_key_jwt")) && methods.contains(&json!("client_secret_jwt")));
    assert!(!methods.iter().any(|method| method.as_str().unwrap().contains("tls")));
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], false);
    let algorithms = told["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("ES256")) && algorithms.contains(&json!("HS256")));
    assert!(!algorithms.contains(&json!("none")) && !algorithms.contains(&json!("HS512")));

    let edits: [Edit; 7] = [
        |new| new.metadata.token_endpoint_auth_method = AuthMethod::TlsClientAuth,
        |new| new.metadata.jwks = None,
        |new| new.metadata.jwks = Some(json!({"keys": []})),
        |new| new.metadata.jwks = Some(json!([])),
        |new| new.metadata.jwks = Some(json!({"keys": [{"kty": "oct", "k": "AAAA"}]})),
        |new| new.metadata.jwks_uri = Some(KEYS.to_owned()),
        |new| (new.metadata.jwks, new.metadata.jwks_uri) = (None, Some("keys".to_owned())),
    ];
    for (place, edit) in edits.into_iter().enumerate() {
        let new = new_client("client", |new| {
            new.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            new.metadata.jwks = Some(Signer::new().jwks());
            edit(new);
        });
        let answer = clients::create(&world.engine, new, at(0)).await;
        assert!(matches!(answer, Err(AdminError::Refused(denied)) if denied.code == InvalidRequest), "{place}");
    }
}

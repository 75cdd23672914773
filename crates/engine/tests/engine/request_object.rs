//! Authorization requests that the client has signed (RFC 9101).

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::Next;
use firman_engine::{Failure, discovery, par};
use firman_proto::digest::sha256;
use firman_proto::error::ErrorCode::{self, InvalidRequest, InvalidRequestObject, InvalidRequestUri, InvalidTarget};
use firman_proto::form::Form;
use firman_proto::jws::{Algorithm, HeldKey};
use firman_proto::pkce::Challenge;
use serde_json::{Value, json};

use crate::support::{App, Ask, CALLBACK, ISSUER, Library, Signer, VERIFIER, Visitor, World, at, parameter, refused};

const KEYS: &str = "https://app.example/jwks";
const PLACE: &str = "https://app.example/request.jwt";
const MEDIA_TYPE: &str = "application/oauth-authz-req+jwt";

struct Signing {
    world: World,
    app: App,
    signer: Signer,
    library: Arc<Library>,
}

async fn signing() -> Signing {
    let (signer, library) = (Signer::new(), Arc::new(Library::default()));
    library.put(KEYS, "application/json", &signer.jwks());
    let world = World::with(|parts| parts.fetch = Arc::clone(&library) as _).await;
    let app = world
        .app_with("app", |new| {
            new.metadata.jwks_uri = Some(KEYS.to_owned());
            new.metadata.request_uris = vec![PLACE.to_owned()];
        })
        .await;
    Signing { world, app, signer, library }
}

/// What a good request object says.
fn claims(app: &App) -> Value {
    json!({
        "iss": app.client_id, "aud": ISSUER, "client_id": app.client_id, "redirect_uri": CALLBACK,
        "nbf": at(0).seconds(), "exp": at(300).seconds(),
        "response_type": "code", "scope": "openid read", "state": "a signed state", "nonce": "n", "max_age": 1000,
        "code_challenge": Challenge::s256(VERIFIER), "code_challenge_method": "S256",
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn come(app: &App, object: impl Into<String>) -> Ask {
    Ask::empty().with("client_id", app.client_id.clone()).with("request", object)
}

impl Signing {
    async fn push(&self, ask: &Ask) -> Result<String, Failure> {
        let query = ask.query();
        let client = authenticate(&self.world.engine, &self.app.credentials, at(0)).await?;
        let form = Form::parse(query.as_bytes()).unwrap();
        Ok(par::push(&self.world.engine, &client, &form, at(0)).await?.request_uri)
    }

    async fn refused(&self, ask: &Ask) -> ErrorCode {
        refused(self.world.authorize(&Visitor::new(&self.world), ask, at(0)).await)
    }
}

// RFC 9101 §6.3.
#[tokio::test]
async fn nothing_beside_a_request_object_counts() {
    let s = signing().await;
    let ask = come(&s.app, s.signer.sign(&claims(&s.app)))
        .with("scope", "openid write")
        .with("state", "another")
        .with("response_type", "token")
        .with("redirect_uri", "https://evil.example/");
    let (_, url) = s.world.walk(&ask, "somebody", at(1)).await;
    assert!(url.starts_with(CALLBACK));
    assert_eq!(parameter(&url, "state").as_deref(), Some("a signed state"));
    let response = s.world.redeem(&s.app, &parameter(&url, "code").unwrap(), at(2)).await.unwrap();
    assert_eq!(response.scope.as_str(), "openid read");
    // What is not in it was not said.
    let mut silent = claims(&s.app);
    silent.as_object_mut().unwrap().remove("state");
    let ask = come(&s.app, s.signer.sign(&silent)).with("state", "outside");
    let (_, url) = s.world.walk(&ask, "somebody", at(1)).await;
    assert_eq!(parameter(&url, "state"), None);
}

// RFC 6749 §3.1.
#[tokio::test]
async fn no_parameter_beside_it_is_given_twice() {
    let s = signing().await;
    let ask = come(&s.app, s.signer.sign(&claims(&s.app))).and("state", "one").and("state", "two");
    let query = ask.query();
    let form = Form::parse_redirectable(query.as_bytes()).unwrap();
    let visitor = Visitor::new(&s.world);
    let answer = firman_engine::authorize::authorize(&s.world.engine, &visitor.browser(), &form, at(0)).await;
    assert_eq!(refused(answer), InvalidRequest);
}

// RFC 9126 §3.
#[tokio::test]
async fn a_request_object_may_be_pushed() {
    let s = signing().await;
    let ask = come(&s.app, s.signer.sign(&claims(&s.app))).with("scope", "openid write");
    let request_uri = s.push(&ask).await.unwrap();
    let ask = Ask::empty().with("client_id", s.app.client_id.clone()).with("request_uri", request_uri);
    let (_, url) = s.world.walk(&ask, "somebody", at(1)).await;
    let response = s.world.redeem(&s.app, &parameter(&url, "code").unwrap(), at(2)).await.unwrap();
    assert_eq!(response.scope.as_str(), "openid read");
    // RFC 9126 §2.1, RFC 9101 §5.
    let both = ask.with("request", s.signer.sign(&claims(&s.app)));
    assert_eq!(refused(s.push(&both).await), InvalidRequest);
    assert_eq!(s.refused(&both).await, InvalidRequest);
}

// RFC 9101 §4, §5, §6.2, §10.8.
#[tokio::test]
async fn what_is_no_request_of_this_client_for_us_is_refused() {
    let s = signing().await;
    let good = claims(&s.app);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let forged = |header: Value| format!("{}.{}.", part(&header), part(&good));
    let mut objects = vec![
        "x".to_owned(),
        "a.b.c".to_owned(),
        "a.b.c.d.e".to_owned(),
        "x".repeat(20_000),
        forged(json!({"alg": "none"})),
        forged(json!({"alg": "NONE"})),
        forged(json!({"alg": "HS256"})),
        Signer::new().sign(&good),
        s.signer.sign(&good).replace('.', ".."),
        crate::support::mac("secret", &good),
    ];
    for (name, value) in [
        ("iss", json!("other")),
        ("iss", Value::Null),
        ("aud", json!("https://other.example")),
        ("aud", Value::Null),
        ("sub", json!(s.app.client_id)),
        ("client_id", json!("other")),
        ("client_id", Value::Null),
        ("exp", json!(at(-31).seconds())),
        ("exp", json!(at(3700).seconds())),
        ("nbf", json!(at(-3700).seconds())),
        ("nbf", json!(at(40).seconds())),
        ("iat", json!(at(40).seconds())),
        ("exp", json!("soon")),
        ("request", json!("a.b.c")),
        ("request_uri", json!(PLACE)),
        ("state", json!("a\u{0}b")),
    ] {
        objects.push(s.signer.sign(&with(good.clone(), name, value)));
    }
    for object in objects {
        assert_eq!(s.refused(&come(&s.app, object.clone())).await, InvalidRequestObject, "{object}");
        assert_eq!(refused(s.push(&come(&s.app, object.clone())).await), InvalidRequestObject, "{object}");
    }
    // RFC 7519 §4.1.3: one of several audiences is us; clocks differ by seconds.
    for edited in
        [with(good.clone(), "aud", json!([ISSUER, "https://other.example"])), with(good, "nbf", json!(at(8).seconds()))]
    {
        s.push(&come(&s.app, s.signer.sign(&edited))).await.unwrap();
    }
}

// RFC 9101 §10.8, RFC 8725 §3.11.
#[tokio::test]
async fn another_type_or_a_header_that_chooses_its_key_is_refused() {
    let s = signing().await;
    let document = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let jwk = json!(HeldKey::from_pkcs8(Algorithm::ES256, document.as_ref()).unwrap().jwk());
    s.library.put(KEYS, "application/json", &json!({"keys": [jwk]}));
    #[allow(clippy::disallowed_methods, reason = "a client has randomness of its own")]
    let random = SystemRandom::new();
    let signed = |header: &Value| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(&claims(&s.app)));
        let signature = pair.sign(&random, input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    };
    let good = json!({"alg": "ES256", "kid": jwk["kid"]});
    for (name, value) in [("alg", json!("ES256")), ("typ", json!("oauth-authz-req+jwt")), ("typ", json!("JWT"))] {
        s.push(&come(&s.app, signed(&with(good.clone(), name, value)))).await.unwrap();
    }
    for (name, value) in [
        ("typ", json!("at+jwt")),
        ("typ", json!("client-authentication+jwt")),
        ("typ", json!(1)),
        ("alg", json!("RS256")),
        ("kid", json!("another")),
        ("jwk", jwk.clone()),
        ("jku", json!(KEYS)),
        ("x5u", json!(KEYS)),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let object = signed(&with(good.clone(), name, value));
        assert_eq!(refused(s.push(&come(&s.app, object)).await), InvalidRequestObject, "{name}");
    }
}

#[tokio::test]
async fn its_parameters_are_looked_at_as_any_others() {
    let s = signing().await;
    let visitor = Visitor::new(&s.world);
    for (name, value) in
        [("redirect_uri", json!("https://evil.example/")), ("redirect_uri", Value::Null), ("redirect_uri", json!(7))]
    {
        let ask = come(&s.app, s.signer.sign(&with(claims(&s.app), name, value)));
        assert_eq!(s.refused(&ask).await, InvalidRequest);
    }
    for (name, value, error) in [
        ("response_type", Value::Null, "invalid_request"),
        ("scope", json!("openid admin"), "invalid_scope"),
        ("max_age", json!(-1), "invalid_request"),
        ("prompt", json!("maybe"), "invalid_request"),
    ] {
        let ask = come(&s.app, s.signer.sign(&with(claims(&s.app), name, value)));
        let Ok(Next::Client(url)) = s.world.authorize(&visitor, &ask, at(0)).await else { panic!("{name}") };
        assert_eq!(parameter(&url, "error").as_deref(), Some(error));
        assert_eq!(parameter(&url, "state").as_deref(), Some("a signed state"));
    }
}

// RFC 6749 §4.1.2.1.
#[tokio::test]
async fn that_an_object_is_refused_is_told_to_a_redirect_uri_of_the_client_and_to_no_other() {
    let s = signing().await;
    let ask = come(&s.app, "a.b.c").with("response_type", "code").with("state", "s");
    let told = ask.clone().with("redirect_uri", CALLBACK);
    let next = s.world.authorize(&Visitor::new(&s.world), &told, at(0)).await;
    let Ok(Next::Client(url)) = next else { panic!("{next:?}") };
    assert_eq!(parameter(&url, "error").as_deref(), Some("invalid_request_object"));
    assert_eq!(s.refused(&ask.with("redirect_uri", "https://evil.example/")).await, InvalidRequestObject);
}

// RFC 9101 §10.5, FAPI 2.0 Message Signing §5.3.1.
#[tokio::test]
async fn where_requests_must_be_signed_no_other_is_taken() {
    let signer = Signer::new();
    let keys = || Some(signer.jwks());
    let world = World::with(|parts| parts.policy.require_signed_request = true).await;
    let app = world.app_with("app", |new| new.metadata.jwks = keys()).await;
    let of_all = Signing { world, app, signer: Signer::new(), library: Arc::default() };
    let world = World::new().await;
    let app = world
        .app_with("app", |new| {
            new.metadata.jwks = keys();
            new.metadata.require_signed_request_object = true;
        })
        .await;
    let of_one = Signing { world, app, signer: Signer::new(), library: Arc::default() };
    for s in [&of_all, &of_one] {
        let ask = Ask::new(&s.app, "openid");
        let Ok(Next::Client(url)) = s.world.authorize(&Visitor::new(&s.world), &ask, at(0)).await else { panic!() };
        assert_eq!(parameter(&url, "error").as_deref(), Some("invalid_request"));
        assert_eq!(refused(s.push(&ask).await), InvalidRequest);
        // FAPI 2.0 Message Signing §5.3.1: such objects say from when and until when they are good.
        for name in ["exp", "nbf"] {
            let mut claims = claims(&s.app);
            claims.as_object_mut().unwrap().remove(name);
            assert_eq!(s.refused(&come(&s.app, signer.sign(&claims))).await, InvalidRequestObject, "{name}");
        }
        s.push(&come(&s.app, signer.sign(&claims(&s.app)))).await.unwrap();
    }
    assert!(discovery::metadata(&of_all.world.engine, at(0)).require_signed_request_object);
    assert!(!discovery::metadata(&of_one.world.engine, at(0)).require_signed_request_object);
}

// OpenID Connect Registration §2.
#[tokio::test]
async fn the_registered_algorithm_is_the_only_one() {
    let s = signing().await;
    let ask = come(&s.app, s.signer.sign(&claims(&s.app)));
    for (name, taken) in [("ES256", true), ("PS256", false), ("RS256", false)] {
        let alg = Some(name.to_owned());
        s.world.edit_client(&s.app, |client| client.metadata.jose.request_object_signing_alg = alg).await;
        assert_eq!(s.push(&ask).await.is_ok(), taken, "{name}");
    }
}

#[tokio::test]
async fn a_key_that_was_published_since_is_found() {
    let s = signing().await;
    s.push(&come(&s.app, s.signer.sign(&claims(&s.app)))).await.unwrap();
    let newer = Signer::new();
    s.library.put(KEYS, "application/json", &newer.jwks());
    let ask = come(&s.app, newer.sign(&claims(&s.app)));
    // The library holds what it has for five minutes unless it is asked for something newer.
    let next = s.world.authorize(&Visitor::new(&s.world), &ask, at(1)).await;
    assert!(matches!(next, Ok(Next::Login(_))), "{next:?}");
    assert_eq!(s.library.fetched(KEYS), 2);
}

// RFC 9101 §5.2, §10.4.
#[tokio::test]
async fn an_object_is_fetched_from_a_registered_address_and_from_no_other() {
    let s = signing().await;
    let object = s.signer.sign(&claims(&s.app));
    s.library.put_text(PLACE, MEDIA_TYPE, &object);
    let come = |uri: &str| Ask::empty().with("client_id", s.app.client_id.clone()).with("request_uri", uri);
    let (_, url) = s.world.walk(&come(PLACE), "somebody", at(1)).await;
    assert_eq!(parameter(&url, "state").as_deref(), Some("a signed state"));
    let too_long = format!("{PLACE}#{}", "x".repeat(512));
    for uri in ["https://app.example/other", "http://127.0.0.1/", "file:///etc/passwd", "x", "urn:x:y", &too_long] {
        assert_eq!(s.refused(&come(uri)).await, InvalidRequestUri, "{uri}");
        assert_eq!(s.library.fetched(uri), 0);
    }
    // RFC 9126 §2.1.
    assert_eq!(refused(s.push(&come(PLACE)).await), InvalidRequest);
}

// RFC 9101 §5.2.3, §7.
#[tokio::test]
async fn what_is_no_object_or_cannot_be_had_is_an_invalid_request_uri_or_object() {
    let s = signing().await;
    let ask = Ask::empty().with("client_id", s.app.client_id.clone()).with("request_uri", PLACE);
    assert_eq!(s.refused(&ask).await, InvalidRequestUri);
    s.library.put_text(PLACE, "text/html", "<p>");
    assert_eq!(s.refused(&ask).await, InvalidRequestUri);
    s.library.put_text(PLACE, MEDIA_TYPE, "a.b.c");
    assert_eq!(s.refused(&ask).await, InvalidRequestObject);
}

// OpenID Connect Core §6.2.
#[tokio::test]
async fn the_hash_in_the_fragment_tells_a_newer_object_from_what_is_held() {
    let s = signing().await;
    let come = |fragment: &str| {
        Ask::empty().with("client_id", s.app.client_id.clone()).with("request_uri", format!("{PLACE}#{fragment}"))
    };
    let hash = |object: &str| URL_SAFE_NO_PAD.encode(sha256(object.as_bytes()));
    let first = s.signer.sign(&claims(&s.app));
    s.library.put_text(PLACE, MEDIA_TYPE, &first);
    for second in [1, 2] {
        s.world.walk(&come(&hash(&first)), "somebody", at(second)).await;
    }
    assert_eq!(s.library.fetched(PLACE), 1);
    let second = s.signer.sign(&with(claims(&s.app), "state", json!("another state")));
    s.library.put_text(PLACE, MEDIA_TYPE, &second);
    let (_, url) = s.world.walk(&come(&hash(&second)), "somebody", at(3)).await;
    assert_eq!(parameter(&url, "state").as_deref(), Some("another state"));
}

#[tokio::test]
async fn discovery_says_what_request_objects_may_be() {
    let s = signing().await;
    let told = serde_json::to_value(discovery::metadata(&s.world.engine, at(0))).unwrap();
    for (name, value) in [
        ("request_parameter_supported", json!(true)),
        ("request_uri_parameter_supported", json!(true)),
        ("require_request_uri_registration", json!(true)),
        ("require_signed_request_object", json!(false)),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    let algorithms = told["request_object_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("RS256")) && !algorithms.contains(&json!("none")));
}

// RFC 8707 §2.1.
#[tokio::test]
async fn the_resources_in_a_request_object_are_those_of_the_token() {
    const A: &str = "https://a.example";
    const B: &str = "https://b.example/api";
    let s = signing().await;
    s.world.resource(A, |_| {}).await;
    s.world.resource(B, |_| {}).await;
    let signed = |resource: Value| come(&s.app, s.signer.sign(&with(claims(&s.app), "resource", resource)));
    // What is named beside the object does not count.
    for (ask, audience) in [(signed(json!([B, A])), json!([A, B])), (signed(json!(A)).with("resource", B), json!([A]))]
    {
        let pushed = Ask::empty().with("client_id", s.app.client_id.clone());
        let pushed = pushed.with("request_uri", s.push(&ask).await.unwrap());
        for ask in [ask, pushed] {
            let code = s.world.code_for(&ask, at(1)).await;
            let token = s.world.redeem(&s.app, &code, at(2)).await.unwrap().access_token;
            assert_eq!(s.world.introspect(&s.app, &token, at(3)).await["aud"], audience);
        }
    }
    let unknown = signed(json!(["https://c.example"]));
    let Ok(Next::Client(url)) = s.world.authorize(&Visitor::new(&s.world), &unknown, at(0)).await else { panic!() };
    assert_eq!(parameter(&url, "error").as_deref(), Some("invalid_target"));
    assert_eq!(refused(s.push(&unknown).await), InvalidTarget);
}

//! Dynamic: clients that register themselves and authenticate with their keys.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::CALLBACK;
use super::suite::{Client, Person, STATE, Suite};
use crate::signer::{Signer, jti};
use crate::world::ISSUER;

const KEYS: &str = "https://rp.example/jwks";
const SECTOR: &str = "https://rp.example/sector.json";

fn named(signer: &Signer, kid: &str) -> Value {
    let mut jwk = signer.jwk();
    jwk["kid"] = kid.into();
    jwk["use"] = "sig".into();
    jwk
}

/// Redeems with an assertion of this key (RFC 7523 §2.2).
async fn redeem(
    suite: &Suite,
    client: &Client,
    code: &str,
    (signer, kid): (&Signer, &str),
    aud: &str,
) -> (StatusCode, Value) {
    let now = suite.world.now().seconds();
    let claims = json!({"iss": client.id, "sub": client.id, "aud": aud, "jti": jti(), "iat": now, "exp": now + 60});
    let assertion = signer.sign(&json!({"alg": "RS256", "kid": kid, "typ": "JWT"}), &claims);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ];
    suite.token(&Client { id: client.id.clone(), secret: None }, &form).await
}

fn header(jwt: &str) -> Value {
    use base64::Engine as _;
    let part = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&part).unwrap()
}

#[tokio::test]
async fn a_client_that_says_no_algorithm_gets_rs256_with_a_kid() {
    let suite = Suite::new().await;
    for members in [json!({}), json!({"id_token_signed_response_alg": "RS256"})] {
        let client = suite.register(members).await;
        let back = suite.go(&mut Person::default(), &client, &[]).await;
        let tokens = suite.redeem(&client, back.code()).await;
        let text = tokens["id_token"].as_str().unwrap();
        suite.id_token(&client, text).await;
        assert!(header(text)["alg"] == "RS256" && header(text)["kid"].is_string());
    }
    let none = suite.try_register(json!({"id_token_signed_response_alg": "none"})).await;
    assert_eq!(none.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn userinfo_is_signed_with_rs256_where_that_is_registered() {
    let suite = Suite::new().await;
    let client = suite.register(json!({"userinfo_signed_response_alg": "RS256"})).await;
    let back = suite.go(&mut Person::default(), &client, &[]).await;
    let tokens = suite.redeem(&client, back.code()).await;
    let reply = suite.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(reply.headers["content-type"], "application/jwt");
    assert_eq!(header(&reply.body)["alg"], "RS256");
    let keys = serde_json::from_value(suite.document("/oauth2/jwks").await).unwrap();
    let claims: Value = firman_proto::jws::verify(&reply.body, &keys).unwrap();
    assert_eq!((&claims["iss"], &claims["aud"], &claims["nonce"]), (&json!(ISSUER), &json!(client.id), &Value::Null));
}

#[tokio::test]
async fn redirect_uris_are_compared_whole_and_registered_without_fragment() {
    let suite = Suite::new().await;
    let with_query = format!("{CALLBACK}?foo=bar");
    let client = suite.register(json!({"redirect_uris": [CALLBACK, with_query]})).await;
    let asked = Suite::ask(&client, &[("redirect_uri", &with_query)]);
    let back = suite.send(&mut Person::default(), &asked, Method::GET).await.unwrap();
    assert_eq!((back.get("foo"), back.get("state")), (Some("bar"), Some(STATE)));
    for wrong in ["", &format!("{CALLBACK}?foo=baz"), &format!("{CALLBACK}?foo=bar&more=1"), &format!("{CALLBACK}/x")] {
        let asked = Suite::ask(&client, &[("redirect_uri", wrong)]);
        let page = suite.send(&mut Person::default(), &asked, Method::GET).await.unwrap_err();
        assert!(page.body.contains("id=\"oauth-error\""), "{wrong}: {}", page.body);
    }
    let (status, refused) = suite.try_register(json!({"redirect_uris": [format!("{CALLBACK}#x")]})).await;
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_redirect_uri")));
}

#[tokio::test]
async fn the_login_page_shows_the_client_s_logo_and_links() {
    let suite = Suite::new().await;
    let shown = ["https://rp.example/logo.png", "https://rp.example/policy", "https://rp.example/terms"];
    let client = suite.register(json!({"logo_uri": shown[0], "policy_uri": shown[1], "tos_uri": shown[2]})).await;
    let mut person = Person::default();
    let query = super::suite::encoded(&Suite::ask(&client, &[]));
    let reply = suite.browse(&mut person, Method::GET, &format!("/oauth2/authorize?{query}"), None).await;
    let location = reply.headers["location"].to_str().unwrap().strip_prefix(ISSUER).unwrap().to_owned();
    let page = suite.browse(&mut person, Method::GET, &location, None).await.body;
    assert!(shown.iter().all(|address| page.contains(&format!("\"{address}\""))), "{page}");
    for id in ["login-form", "username", "password", "login-submit"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(page.contains("Sign in"));
}

#[tokio::test]
async fn keys_are_taken_from_where_they_are_published_and_looked_for_again_when_they_change() {
    let suite = Suite::new().await;
    let (old, new) = (Signer::of("RS256"), Signer::of("RS256"));
    suite.web.put(KEYS, "application/json", &json!({"keys": [named(&old, "old")]}));
    let members = json!({"jwks_uri": KEYS, "token_endpoint_auth_method": "private_key_jwt"});
    let client = suite.register(members).await;
    let mut person = Person::default();
    for aud in [ISSUER.to_owned(), format!("{ISSUER}/oauth2/token")] {
        let back = suite.go(&mut person, &client, &[]).await;
        let (status, tokens) = redeem(&suite, &client, back.code(), (&old, "old"), &aud).await;
        assert_eq!(status, StatusCode::OK, "{aud}: {tokens}");
    }
    suite.web.put(KEYS, "application/json", &json!({"keys": [named(&new, "new")]}));
    let back = suite.go(&mut person, &client, &[]).await;
    let (status, tokens) = redeem(&suite, &client, back.code(), (&new, "new"), ISSUER).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
}

#[tokio::test]
async fn a_sector_is_good_where_it_lists_every_redirect_uri() {
    let suite = Suite::new().await;
    let members = json!({"subject_type": "pairwise", "sector_identifier_uri": SECTOR});
    suite.web.put(SECTOR, "application/json", &json!(["https://other.example/callback"]));
    let (status, refused) = suite.try_register(members.clone()).await;
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")));
    suite.web.put(SECTOR, "application/json", &json!([CALLBACK]));
    let client = suite.register(members).await;
    let back = suite.go(&mut Person::default(), &client, &[]).await;
    let tokens = suite.redeem(&client, back.code()).await;
    let id_token = suite.id_token(&client, tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(suite.claims(tokens["access_token"].as_str().unwrap()).await["sub"], id_token["sub"]);
}

#[tokio::test]
async fn a_rotation_publishes_a_new_key_and_keeps_the_old_one() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let kid = async || {
        let back = suite.go(&mut Person::default(), &client, &[]).await;
        let tokens = suite.redeem(&client, back.code()).await;
        let text = tokens["id_token"].as_str().unwrap().to_owned();
        suite.id_token(&client, &text).await;
        header(&text)["kid"].as_str().unwrap().to_owned()
    };
    let before = kid().await;
    suite.world.engine.make_keys().rotate_signing_now(suite.world.now()).await.unwrap();
    suite.world.engine.keys().reload(&**suite.world.engine.store(), suite.world.now()).await.unwrap();
    let after = kid().await;
    assert_ne!(before, after);
    let keys = suite.document("/oauth2/jwks").await;
    for kid in [before, after] {
        assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == *kid), "{kid}");
    }
}

#[tokio::test]
async fn a_signed_request_is_fetched_from_a_registered_address_with_a_fragment() {
    let suite = Suite::new().await;
    let signer = Signer::of("RS256");
    let place = "https://rp.example/request.jwt#A1b2";
    let members = json!({"jwks": {"keys": [named(&signer, "k")]}, "request_uris": [place], "request_object_signing_alg": "RS256"});
    let client = suite.register(members).await;
    let claims = json!({"iss": client.id, "aud": ISSUER, "client_id": client.id, "response_type": "code", "scope": "openid",
        "redirect_uri": CALLBACK, "state": STATE, "nonce": "signed"});
    let object = signer.sign(&json!({"alg": "RS256", "kid": "k"}), &claims);
    suite.web.put("https://rp.example/request.jwt", "application/oauth-authz-req+jwt", &object);
    let back = suite.go(&mut Person::default(), &client, &[("request_uri", place)]).await;
    let tokens = suite.redeem(&client, back.code()).await;
    assert_eq!(suite.id_token(&client, tokens["id_token"].as_str().unwrap()).await["nonce"], "signed");
    assert_eq!(suite.discovery().await["request_uri_parameter_supported"], true);
}

#[tokio::test]
async fn a_registration_ends_when_its_client_says_so() {
    let suite = Suite::new().await;
    let (_, made) = suite.try_register(json!({})).await;
    let path = made["registration_client_uri"].as_str().unwrap().strip_prefix(ISSUER).unwrap();
    let token = format!("Bearer {}", made["registration_access_token"].as_str().unwrap());
    let request = axum::http::Request::delete(path).header("authorization", token).body(axum::body::Body::empty());
    assert_eq!(suite.world.give(request.unwrap()).await.status, StatusCode::NO_CONTENT);
}

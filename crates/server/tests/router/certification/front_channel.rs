//! Implicit, Hybrid and Form Post.

use axum::http::Method;
use firman_proto::id_token::half_hash;
use firman_proto::jws::Algorithm;
use serde_json::{Value, json};

use super::suite::{Back, Client, Person, STATE, Suite};

const FRONT: [&str; 5] = ["id_token", "id_token token", "code id_token", "code token", "code id_token token"];

fn header(jwt: &str) -> Value {
    use base64::Engine as _;
    let part = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&part).unwrap()
}

/// Looks at an ID token that came through the browser beside what else did.
async fn look_at(suite: &Suite, client: &Client, back: &Back) -> Option<Value> {
    let text = back.get("id_token")?;
    let claims = suite.id_token(client, text).await;
    let hash = |of: Option<&str>| of.map_or(Value::Null, |of| half_hash(of, Algorithm::RS256).into());
    assert_eq!(header(text)["alg"], "RS256");
    assert_eq!((&claims["at_hash"], &claims["c_hash"]), (&hash(back.get("access_token")), &hash(back.get("code"))));
    assert_eq!(claims["nonce"], "a nonce");
    Some(claims)
}

#[tokio::test]
async fn each_front_channel_flow_brings_what_belongs_together() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    for response_type in FRONT {
        let asked = [("response_type", response_type), ("scope", "openid email")];
        let back = suite.go(&mut Person::default(), &client, &asked).await;
        assert_eq!((back.by, back.get("state")), ("fragment", Some(STATE)), "{response_type}");
        let first = look_at(&suite, &client, &back).await;
        if let (Some(token), Some(claims)) = (back.get("access_token"), &first) {
            assert_eq!(suite.claims(token).await["sub"], claims["sub"]);
        }
        // What scopes ask for is in the ID token only where there is no userinfo to ask.
        let alone = response_type == "id_token";
        assert_eq!(first.as_ref().is_some_and(|claims| claims["email"].is_string()), alone, "{response_type}");
        if back.get("code").is_some() {
            let tokens = suite.redeem(&client, back.code()).await;
            let second = suite.id_token(&client, tokens["id_token"].as_str().unwrap()).await;
            if let Some(first) = first {
                assert_eq!((&first["iss"], &first["sub"]), (&second["iss"], &second["sub"]));
            }
            suite.claims(tokens["access_token"].as_str().unwrap()).await;
        }
    }
}

#[tokio::test]
async fn without_a_nonce_no_id_token_comes_through_the_browser() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    for response_type in FRONT.into_iter().filter(|of| of.contains("id_token")) {
        let asked = [("response_type", response_type), ("nonce", "")];
        let back = suite.go(&mut Person::default(), &client, &asked).await;
        assert_eq!((back.by, back.get("error")), ("fragment", Some("invalid_request")), "{response_type}");
    }
}

#[tokio::test]
async fn an_essential_claim_is_in_the_id_token_that_comes_alone() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let claims = json!({"id_token": {"name": {"essential": true}}}).to_string();
    let asked = [("response_type", "id_token"), ("claims", &claims)];
    let back = suite.go(&mut Person::default(), &client, &asked).await;
    assert!(suite.id_token(&client, back.get("id_token").unwrap()).await["name"].is_string());
}

#[tokio::test]
async fn answers_and_errors_are_posted_where_that_is_asked_for() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    for response_type in FRONT.into_iter().chain(["code"]) {
        let form_post = [("response_type", response_type), ("response_mode", "form_post")];
        let ask = Suite::ask(&client, &form_post);
        let back = suite.send(&mut Person::default(), &ask, Method::GET).await.unwrap();
        assert_eq!((back.by, back.get("state")), ("form_post", Some(STATE)), "{response_type}");
        for part in response_type.split(' ') {
            let member = if part == "token" { "access_token" } else { part };
            assert!(back.get(member).is_some(), "{response_type}: {back:?}");
        }
        let silent: Vec<_> = ask.into_iter().chain([("prompt".to_owned(), "none".to_owned())]).collect();
        let back = suite.send(&mut Person::default(), &silent, Method::GET).await.unwrap();
        assert_eq!((back.by, back.get("error"), back.get("state")), ("form_post", Some("login_required"), Some(STATE)));
    }
}

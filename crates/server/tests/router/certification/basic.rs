//! Basic: the code flow.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request, StatusCode};
use firman_proto::claims::SCOPE_CLAIMS;
use serde_json::{Value, json};

use super::suite::{Person, STATE, Suite};

#[tokio::test]
async fn the_code_flow_brings_tokens_and_userinfo_of_one_person() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let mut person = Person::default();
    let back = suite.go(&mut person, &client, &[]).await;
    assert_eq!((back.by, back.get("state"), person.seen.as_slice()), ("query", Some(STATE), &["login", "consent"][..]));
    assert!(back.code().len() >= 43, "more than 128 random bits");
    let tokens = suite.redeem(&client, back.code()).await;
    let id_token = suite.id_token(&client, tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token["nonce"], "a nonce");
    assert_eq!(suite.claims(tokens["access_token"].as_str().unwrap()).await, json!({"sub": id_token["sub"]}));
    // Nothing that nobody asked for.
    let known = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];
    assert!(id_token.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())), "{id_token}");
}

#[tokio::test]
async fn a_request_without_a_nonce_or_in_another_order_or_with_unknown_parameters_is_one_too() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let back = suite.go(&mut Person::default(), &client, &[("nonce", "")]).await;
    let tokens = suite.redeem(&client, back.code()).await;
    assert!(suite.id_token(&client, tokens["id_token"].as_str().unwrap()).await["nonce"].is_null());
    let mut turned = Suite::ask(&client, &[("scope", "email openid"), ("extra", "foobar")]);
    turned.reverse();
    suite.send(&mut Person::default(), &turned, Method::GET).await.unwrap().code();
    for (name, value) in [
        ("display", "page"),
        ("display", "popup"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("login_hint", "bob@example.com"),
        ("acr_values", "1 2"),
    ] {
        suite.go(&mut Person::default(), &client, &[(name, value)]).await.code();
    }
    suite.send(&mut Person::default(), &Suite::ask(&client, &[]), Method::POST).await.unwrap().code();
}

#[tokio::test]
async fn a_missing_response_type_is_told_in_the_query_and_a_foreign_redirect_uri_never_followed() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let back = suite.go(&mut Person::default(), &client, &[("response_type", "")]).await;
    assert_eq!((back.by, back.get("error"), back.get("state")), ("query", Some("invalid_request"), Some(STATE)));
    let foreign = Suite::ask(&client, &[("redirect_uri", "https://evil.example/callback")]);
    let page = suite.send(&mut Person::default(), &foreign, Method::GET).await.unwrap_err();
    assert!(page.status.is_client_error() && page.body.contains("id=\"oauth-error\""), "{}", page.body);
    assert!(page.body.contains("cannot continue") && page.body.contains("invalid_request"));
    assert_eq!(page.path, "/oauth2/authorize", "the page of an error stays where it is");
}

#[tokio::test]
async fn userinfo_answers_to_get_and_to_post_by_header_and_by_body() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let back = suite.go(&mut Person::default(), &client, &[]).await;
    let token = suite.redeem(&client, back.code()).await["access_token"].as_str().unwrap().to_owned();
    let header = Request::post("/oauth2/userinfo").header(AUTHORIZATION, format!("Bearer {token}"));
    let body = Request::post("/oauth2/userinfo").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    for request in [header.body(Body::empty()), body.body(Body::from(format!("access_token={token}")))] {
        let reply = suite.world.give(request.unwrap()).await;
        assert_eq!(
            (reply.status, &reply.headers["content-type"].to_str().unwrap()),
            (StatusCode::OK, &"application/json")
        );
    }
}

#[tokio::test]
async fn each_scope_shows_every_claim_of_its_own_and_each_is_of_its_type() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    for (scope, claims) in SCOPE_CLAIMS {
        let back = suite.go(&mut Person::default(), &client, &[("scope", &format!("openid {scope}"))]).await;
        let tokens = suite.redeem(&client, back.code()).await;
        let shown = suite.claims(tokens["access_token"].as_str().unwrap()).await;
        let mut expected: Vec<&str> = claims.iter().copied().chain(["sub"]).collect();
        expected.sort_unstable();
        assert_eq!(shown.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), expected);
        for (name, value) in shown.as_object().unwrap() {
            let right = match name.as_str() {
                "updated_at" => value.is_i64(),
                "email_verified" | "phone_number_verified" => value.is_boolean(),
                "address" => value["formatted"].is_string(),
                _ => value.is_string(),
            };
            assert!(right, "{name}: {value}");
        }
        let id_token = suite.id_token(&client, tokens["id_token"].as_str().unwrap()).await;
        assert!(claims.iter().all(|claim| id_token[*claim].is_null()), "not asked for there: {id_token}");
    }
    let every = "openid profile email address phone";
    let back = suite.go(&mut Person::default(), &client, &[("scope", every)]).await;
    let tokens = suite.redeem(&client, back.code()).await;
    let shown = suite.claims(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(shown.as_object().unwrap().len(), 20, "19 claims and sub");
}

#[tokio::test]
async fn prompt_and_max_age_sign_in_again_when_they_say_so_and_never_else() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let auth_time = async |person: &mut Person, changes: &[(&str, &str)]| {
        person.seen.clear();
        let back = suite.go(person, &client, changes).await;
        let tokens = suite.redeem(&client, back.code()).await;
        let claims = suite.id_token(&client, tokens["id_token"].as_str().unwrap()).await;
        (claims["auth_time"].as_i64().unwrap(), claims["sub"].clone(), person.seen.contains(&"login"))
    };
    let mut person = Person::default();
    let (first, sub, _) = auth_time(&mut person, &[("max_age", "15000")]).await;
    suite.world.wait(2);
    let silent = auth_time(&mut person, &[("prompt", "none")]).await;
    assert_eq!(silent, (first, sub.clone(), false));
    assert_eq!(auth_time(&mut person, &[("max_age", "10000")]).await, (first, sub.clone(), false));
    assert_eq!(auth_time(&mut person, &[("max_age", "1")]).await, (first + 2, sub.clone(), true));
    suite.world.wait(1);
    assert_eq!(auth_time(&mut person, &[("prompt", "login")]).await, (first + 3, sub, true));
}

#[tokio::test]
async fn prompt_none_fails_where_nobody_is_signed_in_and_succeeds_for_whom_the_hint_means() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let back = suite.go(&mut Person::default(), &client, &[("prompt", "none")]).await;
    assert_eq!((back.get("error"), back.get("state"), back.get("code")), (Some("login_required"), Some(STATE), None));
    let mut person = Person::default();
    let first = suite.go(&mut person, &client, &[]).await;
    let tokens = suite.redeem(&client, first.code()).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let again = suite.go(&mut person, &client, &[("prompt", "none"), ("id_token_hint", hint)]).await;
    let again = suite.redeem(&client, again.code()).await;
    let (one, two) =
        (suite.id_token(&client, hint).await, suite.id_token(&client, again["id_token"].as_str().unwrap()).await);
    assert_eq!(one["sub"], two["sub"]);
}

#[tokio::test]
async fn a_code_that_comes_twice_is_refused_and_what_it_brought_is_dead() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    for wait in [0, 30] {
        let back = suite.go(&mut Person::default(), &client, &[]).await;
        let tokens = suite.redeem(&client, back.code()).await;
        suite.world.wait(wait);
        let form = [("grant_type", "authorization_code"), ("code", back.code()), ("redirect_uri", super::CALLBACK)];
        let (status, refused) = suite.token(&client, &form).await;
        assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        assert_eq!(suite.userinfo(tokens["access_token"].as_str().unwrap()).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_client_that_posts_its_secret_and_one_that_uses_pkce_get_tokens() {
    let suite = Suite::new().await;
    let client = suite.register(json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let back = suite.go(&mut Person::default(), &client, &[]).await;
    let (id, secret) = (client.id.clone(), client.secret.clone().unwrap());
    let nobody = super::suite::Client { id: String::new(), secret: None };
    let form = [
        ("grant_type", "authorization_code"),
        ("code", back.code()),
        ("redirect_uri", super::CALLBACK),
        ("client_id", &id),
        ("client_secret", &secret),
    ];
    assert_eq!(suite.token(&nobody, &form).await.0, StatusCode::OK);
    let client = suite.register(json!({})).await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = firman_proto::pkce::Challenge::s256(verifier);
    let pkce = [("code_challenge", &*challenge), ("code_challenge_method", "S256")];
    let back = suite.go(&mut Person::default(), &client, &pkce).await;
    let form = [("grant_type", "authorization_code"), ("code", back.code()), ("redirect_uri", super::CALLBACK)];
    assert_eq!(suite.token(&client, &form).await.0, StatusCode::BAD_REQUEST, "without its verifier");
    let form: Vec<_> = form.into_iter().chain([("code_verifier", verifier)]).collect();
    assert_eq!(suite.token(&client, &form).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_unsigned_request_object_is_refused_by_name_and_not_overlooked() {
    let suite = Suite::new().await;
    assert!(
        suite.discovery().await["request_object_signing_alg_values_supported"]
            .as_array()
            .unwrap()
            .iter()
            .all(|alg| alg != "none")
    );
    let client = suite.register(json!({})).await;
    let back = suite.go(&mut Person::default(), &client, &[("request", "eyJhbGciOiJub25lIn0.e30.")]).await;
    assert_eq!(back.get("error"), Some("invalid_request_object"));
    let uri = ("request_uri", "https://rp.example/request.jwt");
    let back = suite.go(&mut Person::default(), &client, &[uri]).await;
    assert_eq!(back.get("error"), Some("invalid_request_uri"));
}

#[tokio::test]
async fn an_essential_claim_is_at_userinfo_and_not_in_the_id_token() {
    let suite = Suite::new().await;
    let client = suite.register(json!({})).await;
    let claims = json!({"userinfo": {"name": {"essential": true}}}).to_string();
    let back = suite.go(&mut Person::default(), &client, &[("claims", &claims)]).await;
    let tokens = suite.redeem(&client, back.code()).await;
    assert!(suite.claims(tokens["access_token"].as_str().unwrap()).await["name"].is_string());
    assert!(suite.id_token(&client, tokens["id_token"].as_str().unwrap()).await["name"].is_null());
}

#[tokio::test]
async fn a_refresh_token_is_its_client_s_alone_and_brings_the_same_person() {
    let suite = Suite::new().await;
    let (one, two) = (suite.register(json!({})).await, suite.register(json!({})).await);
    let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
    let back = suite.go(&mut Person::default(), &one, &offline).await;
    let tokens = suite.redeem(&one, back.code()).await;
    let first = suite.id_token(&one, tokens["id_token"].as_str().unwrap()).await;
    suite.world.wait(1);
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let (status, refused) = suite.token(&two, &form).await;
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    let (status, again) = suite.token(&one, &form).await;
    assert_eq!(status, StatusCode::OK, "{again}");
    assert_eq!(again["token_type"], "Bearer");
    assert_ne!(again["access_token"], tokens["access_token"]);
    let second: Value = suite.id_token(&one, again["id_token"].as_str().unwrap()).await;
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    assert!(second["iat"].as_i64() > first["iat"].as_i64());
}

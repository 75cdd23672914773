//! JWT access tokens, verified at the guard.

use std::sync::atomic::Ordering;

use firman_client::guard::Requirement;
use firman_proto::error::ErrorCode;
use firman_proto::jose::Alg;
use firman_proto::time::Lifetime;
use http::header::IF_NONE_MATCH;
use serde_json::json;

use crate::world::{World, bearer, eddsa, es256, merged, send, status};

// RFC 9068 §4.
#[tokio::test]
async fn a_good_token_is_let_through_and_tells_whose_it_is() {
    let world = World::new();
    let guard = world.verifier();
    for _ in 0..2 {
        let access = bearer(&guard, &world.token(&json!({"tenant": "t"}))).await.unwrap();
        assert_eq!((access.subject(), access.client_id()), (Some("alice"), Some("app")));
        assert!(access.scope().contains("books.read"));
        assert_eq!(access.facts().claims["tenant"], "t");
    }
    assert_eq!(world.issuer.count("/jwks"), 1);
    let other = eddsa();
    world.issuer.publishes(&[&world.key, &other]);
    world.pass(Lifetime::from_seconds(10));
    assert_eq!(status(&guard, &world.signed_by(&other, &json!({}))).await, 200);
}

// RFC 9068 §4, RFC 8725 §3.1, §3.9, §3.11.
#[tokio::test]
async fn a_token_that_was_made_for_another_or_as_something_else_is_refused() {
    let world = World::new();
    let guard = world.verifier();
    for more in [
        json!({"iss": "https://evil.example"}),
        json!({"iss": "https://as.example/"}),
        json!({"aud": "https://other.example"}),
        json!({"aud": []}),
        json!({"exp": world.now().seconds() - 30}),
        json!({"iat": world.now().seconds() + 31}),
        json!({"nbf": world.now().seconds() + 31}),
        json!({"exp": null}),
        json!({"sub": null}),
        json!({"client_id": null}),
        json!({"iat": null}),
        json!({"jti": null}),
        json!({"cnf": {"kid": "x"}}),
    ] {
        let refusal = bearer(&guard, &world.token(&more)).await.unwrap_err();
        assert_eq!(refusal.code(), Some(ErrorCode::InvalidToken), "{more}: {refusal}");
    }
    let claims = merged(world.claims(), &json!({}));
    for typ in ["JWT", "dpop+jwt", "logout+jwt", "token-introspection+jwt"] {
        assert_eq!(status(&guard, &world.key.sign_as(typ, &claims).unwrap()).await, 401, "{typ}");
    }
    assert_eq!(status(&guard, &world.key.sign_as("application/at+jwt", &claims).unwrap()).await, 200);
    let good = world.token(&json!({}));
    let none = good.replacen(good.split('.').next().unwrap(), "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0", 1);
    let mut forged = good.clone().into_bytes();
    let place = forged.len() - 20;
    forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
    for wrong in [none, String::from_utf8(forged).unwrap(), "ey.ey.ey".to_owned(), "opaque".to_owned()] {
        assert_eq!(status(&guard, &wrong).await, 401, "{wrong}");
    }
    let only_eddsa = world.builder().verifies(world.transport()).algorithms(&[Alg::EdDSA]).build().unwrap();
    assert_eq!(status(&only_eddsa, &good).await, 401);
}

// RFC 6750 §3.1.
#[tokio::test]
async fn a_scope_that_is_missing_is_told_and_asked_for() {
    let world = World::new();
    let guard = world.verifier();
    let token = world.token(&json!({}));
    let needed = Requirement::all_of("books.read books.write").unwrap();
    let refusal = send(&guard, &[("authorization", format!("Bearer {token}"))], &needed).await.unwrap_err();
    assert_eq!(refusal.status(), 403);
    let headers = refusal.headers(guard.door());
    let told = headers["www-authenticate"].to_str().unwrap();
    assert!(told.contains(r#"scope="books.read books.write""#), "{told}");
    assert!(told.contains(r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource""#), "{told}");
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_for_all_and_not_more_often_than_the_bound() {
    let world = World::new();
    let guard = world.verifier();
    assert_eq!(status(&guard, &world.token(&json!({}))).await, 200);
    let strangers: Vec<_> = (0..50).map(|_| world.signed_by(&es256(), &json!({}))).collect();
    let all = futures_util::future::join_all(strangers.iter().map(|token| status(&guard, token))).await;
    assert_eq!((all, world.issuer.count("/jwks")), (vec![401; 50], 1));
    let new = es256();
    world.issuer.publishes(&[&world.key, &new]);
    world.pass(Lifetime::from_seconds(10));
    let tokens = (0..50).map(|n| world.signed_by(&new, &json!({"jti": n.to_string()}))).collect::<Vec<_>>();
    let all = futures_util::future::join_all(tokens.iter().map(|token| status(&guard, token))).await;
    assert_eq!((all, world.issuer.count("/jwks")), (vec![200; 50], 2));
}

// RFC 9111 §4.2.
#[tokio::test]
async fn a_set_that_is_no_longer_fresh_is_used_while_a_newer_one_is_fetched() {
    let world = World::new();
    world.issuer.max_age.store(60, Ordering::Relaxed);
    let guard = world.verifier();
    let new = es256();
    assert_eq!(status(&guard, &world.token(&json!({}))).await, 200);
    world.issuer.publishes(&[&new]);
    world.pass(Lifetime::from_seconds(60));
    // The key that is gone is still good for this one request, which did not wait.
    let old = world.token(&json!({"jti": "two"}));
    assert_eq!((status(&guard, &old).await, world.issuer.count("/jwks")), (200, 1));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.issuer.count("/jwks"), 2);
    assert_eq!(
        status(&guard, &old).await,
        401,
        "a key that is no longer published is gone, also for tokens that were verified"
    );
    assert_eq!(status(&guard, &world.signed_by(&new, &json!({}))).await, 200);
}

// RFC 9110 §13.1.2, §15.4.5, RFC 9111 §4.3.4.
#[tokio::test]
async fn a_set_that_has_not_changed_is_not_sent_again_and_is_fresh_again() {
    let world = World::new();
    let guard = world.verifier();
    let again = || world.token(&json!({"jti": world.now().seconds().to_string()}));
    for fetched in 1..=3 {
        // The first that finds it stale does not wait.
        for _ in 0..2 {
            assert_eq!(status(&guard, &again()).await, 200);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(world.issuer.count("/jwks"), fetched);
        world.pass(Lifetime::from_seconds(600));
    }
    let asked = world.issuer.asked.lock().unwrap();
    let by_version = asked.iter().filter(|request| request.url.ends_with("/jwks"));
    let by_version: Vec<_> = by_version.map(|request| request.headers.contains_key(IF_NONE_MATCH)).collect();
    assert_eq!(by_version, [false, true, true]);
}

#[tokio::test]
async fn while_the_issuer_is_away_its_keys_are_used_up_to_the_stated_bound() {
    let world = World::new();
    let guard = world.verifier();
    assert_eq!(status(&guard, &world.token(&json!({}))).await, 200);
    world.issuer.is_down(true);
    world.pass(Lifetime::from_millis(86_400_000 - 1));
    assert_eq!(status(&guard, &world.token(&json!({}))).await, 200);
    world.pass(Lifetime::from_millis(1));
    let refusal = bearer(&guard, &world.token(&json!({}))).await.unwrap_err();
    assert_eq!((refusal.status(), refusal.code()), (503, None), "{refusal}");
    world.issuer.is_down(false);
    world.pass(Lifetime::from_seconds(120));
    assert_eq!(status(&guard, &world.token(&json!({}))).await, 200);
}

// RFC 7519 §4.1.4, §4.1.5.
#[tokio::test]
async fn clocks_may_differ_by_what_is_set() {
    let world = World::new();
    for skew in [0, 30, 300] {
        let guard = world.builder().verifies(world.transport()).skew(Lifetime::from_seconds(skew)).build().unwrap();
        let now = world.now().seconds();
        let ended = |ago: i64| world.token(&json!({"exp": now - ago, "iat": now - 600}));
        let begins = |ahead: i64| world.token(&json!({"nbf": now + ahead, "exp": now + 600}));
        assert_eq!((status(&guard, &ended(skew - 1)).await, status(&guard, &begins(skew)).await), (200, 200), "{skew}");
        assert_eq!((status(&guard, &ended(skew)).await, status(&guard, &begins(skew + 1)).await), (401, 401), "{skew}");
    }
}

// RFC 7517 §4.5.
#[tokio::test]
async fn a_name_that_another_key_has_now_vouches_for_nothing_that_the_old_one_signed() {
    let world = World::new();
    let guard = world.verifier();
    let old = world.token(&json!({}));
    assert_eq!(status(&guard, &old).await, 200);
    let named = merged(serde_json::to_value(es256().jwk()).unwrap(), &json!({"kid": world.key.jwk().kid}));
    world.issuer.answers_keys(200, "application/json", json!({"keys": [named]}).to_string());
    world.pass(Lifetime::from_seconds(601));
    // This one does not wait for the newer set; from then on nothing of the old one counts.
    let again = || world.token(&json!({"exp": world.now().seconds() + 300, "jti": "again"}));
    assert_eq!(status(&guard, &again()).await, 200);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!((status(&guard, &again()).await, status(&guard, &old).await), (401, 401));
}

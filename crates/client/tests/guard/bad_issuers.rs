//! Issuers that are somebody else, broken, or lie.

use firman_proto::time::Lifetime;
use serde_json::json;

use crate::world::{ISSUER, World, bearer, es256, merged, status};

// RFC 8414 §3.3.
#[tokio::test]
async fn metadata_of_another_issuer_is_never_followed() {
    let world = World::new();
    *world.issuer.metadata.lock().unwrap() =
        json!({"issuer": "https://evil.example", "jwks_uri": format!("{ISSUER}/jwks")});
    let guard = world.verifier();
    let refusal = bearer(&guard, &world.token(&json!({}))).await.unwrap_err();
    assert_eq!((refusal.status(), world.issuer.count("/jwks")), (503, 0));
    assert!(refusal.to_string().contains("https://evil.example"), "{refusal}");
}

#[tokio::test]
async fn a_set_that_cannot_be_one_changes_nothing_until_the_bound_is_over() {
    let world = World::new();
    let guard = world.verifier();
    let known = world.token(&json!({}));
    let unknown = world.signed_by(&es256(), &json!({}));
    assert_eq!(status(&guard, &known).await, 200);
    let jwk = serde_json::to_value(world.key.jwk()).unwrap();
    let private = merged(jwk.clone(), &json!({"d": "AAAA"}));
    let fat = json!({"keys": [jwk], "fat": "x".repeat(70_000)}).to_string();
    for (status_code, media_type, body, why) in [
        (200, "application/json", json!({"keys": []}).to_string(), "shrunk to nothing"),
        (200, "application/json", json!({"keys": [{"kty": "oct", "k": "AAAA"}]}).to_string(), "a secret"),
        (200, "application/json", json!({"keys": [private]}).to_string(), "a private key"),
        (200, "application/json", json!({"keys": [jwk, jwk]}).to_string(), "one name twice"),
        (200, "application/json", json!({"keys": "all"}).to_string(), "no list"),
        (200, "application/json", fat, "huge"),
        (200, "text/html", "<html>sign in</html>".to_owned(), "a page"),
        (302, "application/json", "{}".to_owned(), "a redirect"),
        (500, "application/json", "{}".to_owned(), "broken"),
        (404, "application/json", "{}".to_owned(), "gone"),
    ] {
        world.issuer.answers_keys(status_code, media_type, body);
        // Longer than any rest after failures.
        world.pass(Lifetime::from_seconds(61));
        let before = world.issuer.count("/jwks");
        assert_eq!(status(&guard, &unknown).await, 503, "{why}: nobody knows whose key that is");
        assert_eq!(world.issuer.count("/jwks"), before + 1, "{why}");
        assert_eq!(status(&guard, &world.token(&json!({}))).await, 200, "{why}");
    }
}

#[tokio::test]
async fn a_storm_of_failures_is_answered_with_patience() {
    let world = World::new();
    world.issuer.told.lock().unwrap()[0] = (503, "application/json", "{}".to_owned());
    let guard = world.asker();
    for second in 0..600 {
        assert_eq!(status(&guard, &format!("token-{second}")).await, 503);
        world.pass(Lifetime::from_millis(100));
    }
    let asked = world.issuer.count("/introspect");
    // A minute of ten requests a second: three accidents, then waits of 0.25 s to 60 s that double.
    assert!((5..=14).contains(&asked), "{asked}");
    world.issuer.tells(&json!({"active": false}));
    world.pass(Lifetime::from_seconds(61));
    assert_eq!(status(&guard, "token").await, 401);
    assert_eq!(status(&guard, "another").await, 401);
}

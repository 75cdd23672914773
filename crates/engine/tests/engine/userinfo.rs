//! Userinfo.

use firman_engine::Failure;
use firman_engine::admin::grants;
use firman_proto::error::ErrorCode::{InsufficientScope, InvalidToken};
use firman_proto::seal::{Caveat, attenuate};
use serde_json::{Map, Value, json};

use crate::support::{App, ISSUER, Op, People, World, at, fault, refresh_token, refused};

const PRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// A world, a client, and an access token of this scope, made at 0.
async fn world(scope: &str) -> (World, App, String) {
    let world = World::new().await;
    world.people.set_claims("somebody", json!({"name": "N", "email": "e@app.example", "secret": 1}));
    let app = world.app("app").await;
    let token = world.tokens(&app, scope, at(0)).await.access_token;
    (world, app, token)
}

async fn userinfo(world: &World, token: &str) -> Result<Map<String, Value>, Failure> {
    firman_engine::userinfo::userinfo(&world.engine, token, "GET", None, at(1)).await
}

fn weakened(token: &str, caveat: &str) -> String {
    attenuate(token, &Caveat::parse(caveat).expect(caveat)).unwrap()
}

// OpenID Connect Core §5.3, §5.3.2, §5.4.
#[tokio::test]
async fn the_claims_of_the_scope_are_shown_and_no_others() {
    let sub = People::subject("somebody").to_string();
    for (scope, expected) in [
        ("openid", json!({"sub": sub})),
        ("openid profile", json!({"sub": sub, "name": "N"})),
        ("openid profile email", json!({"sub": sub, "name": "N", "email": "e@app.example"})),
    ] {
        let (world, _, token) = world(scope).await;
        assert_eq!(Value::Object(userinfo(&world, &token).await.unwrap()), expected);
    }
}

// OpenID Connect Core §5.3, RFC 6750 §3.1.
#[tokio::test]
async fn a_token_without_openid_reaches_less_far() {
    let (world, app, token) = world("profile").await;
    assert_eq!(refused(userinfo(&world, &token).await), InsufficientScope);
    let own = world.client_credentials(&app, None, at(0)).await.unwrap().access_token;
    assert_eq!(refused(userinfo(&world, &own).await), InsufficientScope);
}

// RFC 6750 §3.1.
#[tokio::test]
async fn what_is_not_a_live_access_token_is_invalid() {
    let (world, app, token) = world("openid offline_access").await;
    let elsewhere = World::elsewhere().await;
    let foreign = elsewhere.tokens(&elsewhere.app("app").await, "openid", at(0)).await.access_token;
    let refresh = refresh_token(&world.tokens(&world.app("other").await, "read", at(0)).await);
    for dead in ["", "x", "fm_at_", &token[..50], &foreign, &refresh] {
        assert_eq!(refused(userinfo(&world, dead).await), InvalidToken, "{dead}");
    }
    let expired = firman_engine::userinfo::userinfo(&world.engine, &token, "GET", None, at(300)).await;
    assert_eq!(refused(expired), InvalidToken);
    userinfo(&world, &token).await.unwrap();
    grants::revoke(&world.engine, world.grant(&app).await.record.id, at(1)).await.unwrap();
    assert_eq!(refused(userinfo(&world, &token).await), InvalidToken);
}

#[tokio::test]
async fn a_revoked_token_is_invalid() {
    let (world, app, token) = world("openid").await;
    let weak = weakened(&token, "scope = openid");
    world.revoke(&app, &weak, at(1)).await.unwrap();
    userinfo(&world, &token).await.unwrap();
    assert_eq!(refused(userinfo(&world, &weak).await), InvalidToken);
}

#[tokio::test]
async fn somebody_who_is_gone_has_no_claims() {
    let (world, _, token) = world("openid profile").await;
    world.people.leave("somebody");
    assert_eq!(refused(userinfo(&world, &token).await), InvalidToken);
}

#[tokio::test]
async fn caveats_hold_here() {
    let (world, _, token) = world("openid profile").await;
    let shown = |caveat: &str| {
        let (world, token) = (&world, weakened(&token, caveat));
        async move { userinfo(world, &token).await }
    };
    assert_eq!(shown("scope = openid").await.unwrap().get("name"), None);
    assert_eq!(refused(shown("scope = profile").await), InsufficientScope);
    for met in
        [&format!("aud = {ISSUER}"), "method = GET", "path = /oauth2", "path = /oauth2/userinfo", "before = 1795000002"]
    {
        assert_eq!(shown(met).await.unwrap()["name"], "N", "{met}");
    }
    for unmet in [
        "aud = https://api.example",
        "method = POST",
        "path = /v1",
        "path = /oauth2/userinfo/x",
        "before = 1795000001",
        &format!("cnf.jkt = {PRINT}"),
        &format!("cnf.x5t#S256 = {PRINT}"),
    ] {
        assert_eq!(refused(shown(unmet).await), InvalidToken, "{unmet}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_a_fault_and_no_invalid_token() {
    let (world, _, token) = world("openid").await;
    world.store.fail(Some(Op::Grant));
    assert!(fault(userinfo(&world, &token).await).temporary);
}

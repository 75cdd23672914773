//! Token introspection.

use firman_engine::admin::grants;
use firman_proto::error::ErrorCode::{InvalidClient, InvalidToken};
use firman_proto::introspection::PresentedToken;
use firman_proto::seal::{Access, Caveat, Reference, Salt, attenuate};
use firman_proto::time::Timestamp;
use serde_json::{Value, json};

use crate::support::{App, ISSUER, People, World, at, refresh_token, refused};

const PRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const OTHER_PRINT: &str = "1ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// A world, a client, and an access token of `openid read write`, made at 0.
async fn world() -> (World, App, String) {
    let world = World::new().await;
    let app = world.app("app").await;
    let token = world.tokens(&app, "openid read write", at(0)).await.access_token;
    (world, app, token)
}

fn weakened(token: &str, caveats: &[&str]) -> String {
    caveats.iter().fold(token.to_owned(), |token, text| attenuate(&token, &Caveat::parse(text).expect(text)).unwrap())
}

#[tokio::test]
async fn a_live_access_token_is_told_in_full() {
    let (world, app, token) = world().await;
    let mut told = world.introspect(&app, &token, at(1)).await;
    let jti = told["jti"].take();
    assert!(jti.as_str().unwrap().starts_with(&world.grant(&app).await.record.id.to_string()));
    assert_eq!(
        told,
        json!({
            "active": true,
            "scope": "openid read write",
            "client_id": "app",
            "token_type": "Bearer",
            "exp": at(300).seconds(),
            "iat": at(0).seconds(),
            "sub": People::subject("somebody").to_string(),
            "aud": [ISSUER],
            "iss": ISSUER,
            "jti": null,
            "auth_time": at(0).seconds(),
        })
    );
}

#[tokio::test]
async fn a_live_refresh_token_is_told_until_it_is_rotated() {
    let world = World::new().await;
    let app = world.app("app").await;
    let first = refresh_token(&world.tokens(&app, "read", at(0)).await);
    let told = world.introspect(&app, &first, at(1)).await;
    assert_eq!((&told["exp"], &told["scope"]), (&at(30 * 86400).seconds().into(), &"read".into()));
    assert_eq!(told.get("token_type"), None);
    let second = refresh_token(&world.refresh(&app, &first, at(2)).await.unwrap());
    assert!(!world.is_active(&app, &first, at(2)).await);
    assert!(world.is_active(&app, &second, at(2)).await);
}

#[tokio::test]
async fn a_token_is_live_while_now_is_before_its_expiry() {
    let (world, app, token) = world().await;
    assert!(world.is_active(&app, &token, at(299)).await);
    let last = Timestamp::from_millis(at(300).millis() - 1);
    assert!(world.is_active(&app, &token, last).await);
    assert!(!world.is_active(&app, &token, at(300)).await);
}

#[tokio::test]
async fn a_token_of_a_revoked_grant_is_dead() {
    let (world, app, token) = world().await;
    grants::revoke(&world.engine, world.grant(&app).await.record.id, at(1)).await.unwrap();
    assert!(!world.is_active(&app, &token, at(1)).await);
}

#[tokio::test]
async fn what_is_foreign_forged_or_of_another_kind_is_dead_before_the_store_is_asked() {
    let (world, app, token) = world().await;
    let elsewhere = World::elsewhere().await;
    let same_app = elsewhere.app("app").await;
    let foreign = elsewhere.tokens(&same_app, "read", at(0)).await.access_token;
    assert!(elsewhere.is_active(&same_app, &foreign, at(1)).await);
    let code = world.code(&app, "openid", at(0)).await;
    let rekinded = token.replacen("fm_at_", "fm_rt_", 1);
    for dead in [&foreign, &code, &rekinded, &token[..60], &format!("{token}A"), "", "fm_at_", "fm_rt_", "x"] {
        world.store.forget_calls();
        assert!(!world.is_active(&app, dead, at(1)).await, "{dead}");
        assert_eq!(world.store.calls(), 1, "only the asker was looked up");
    }
}

#[tokio::test]
async fn a_client_is_told_of_its_own_tokens_only() {
    let (world, app, token) = world().await;
    let other = world.app("other").await;
    let refresh = refresh_token(&world.tokens(&world.app("third").await, "read", at(0)).await);
    assert!(!world.is_active(&other, &token, at(1)).await);
    assert!(!world.is_active(&app, &refresh, at(1)).await);
    let resource = world.app_with("resource", |new| new.policy.introspect_any = true).await;
    assert_eq!(world.introspect(&resource, &token, at(1)).await, world.introspect(&app, &token, at(1)).await);
    assert!(world.is_active(&resource, &refresh, at(1)).await);
}

#[tokio::test]
async fn who_proves_nothing_is_told_nothing() {
    let world = World::new().await;
    let public = world.public_app("public").await;
    let token = world.tokens(&public, "read", at(0)).await.access_token;
    let asker = firman_engine::asker::known(&world.engine, &public.credentials, at(1)).await.unwrap();
    let presented = PresentedToken { token };
    let answer = firman_engine::introspect::introspect(&world.engine, &asker, &presented, at(1)).await;
    assert_eq!(refused(answer), InvalidClient);
}

#[tokio::test]
async fn scope_audience_and_time_caveats_are_folded_into_the_standard_members() {
    let (world, app, token) = world().await;
    let audience = format!("aud = https://api.example {ISSUER}");
    let before = format!("before = {}", at(100).seconds());
    let weak = weakened(&token, &["scope = read write", "scope = email read", &audience, &before]);
    let mut expected = world.introspect(&app, &token, at(1)).await;
    expected["scope"] = "read".into();
    expected["exp"] = at(100).seconds().into();
    assert_eq!(world.introspect(&app, &weak, at(1)).await, expected);
    assert!(world.is_active(&app, &weak, at(99)).await);
    assert!(!world.is_active(&app, &weak, at(100)).await);
    assert!(world.is_active(&app, &token, at(100)).await, "the stronger one is none the weaker");
}

#[tokio::test]
async fn a_time_caveat_never_lengthens() {
    let (world, app, token) = world().await;
    let later = weakened(&token, &[&format!("before = {}", at(1000).seconds())]);
    assert_eq!(world.introspect(&app, &later, at(1)).await["exp"], at(300).seconds());
    assert!(!world.is_active(&app, &later, at(300)).await);
}

#[tokio::test]
async fn a_token_weakened_to_no_audience_of_ours_is_dead() {
    let (world, app, token) = world().await;
    let elsewhere = "aud = https://api.example";
    let both = [elsewhere, &format!("aud = {ISSUER}")];
    for caveats in [&[elsewhere][..], &["aud = "], &both] {
        assert!(!world.is_active(&app, &weakened(&token, caveats), at(1)).await, "{caveats:?}");
    }
}

#[tokio::test]
async fn a_token_bound_to_a_key_is_told_with_its_key() {
    let (world, app, token) = world().await;
    let caveat = format!("cnf.jkt = {PRINT}");
    let told = world.introspect(&app, &weakened(&token, &[&caveat]), at(1)).await;
    assert_eq!((&told["token_type"], &told["cnf"]), (&"DPoP".into(), &json!({"jkt": PRINT})));
    assert_eq!(world.introspect(&app, &weakened(&token, &[&caveat, &caveat]), at(1)).await, told);
    let torn = weakened(&token, &[&caveat, &format!("cnf.jkt = {OTHER_PRINT}")]);
    assert!(!world.is_active(&app, &torn, at(1)).await, "nobody holds two keys");
}

#[tokio::test]
async fn a_token_bound_to_a_certificate_is_told_with_its_certificate() {
    let (world, app, token) = world().await;
    let caveat = format!("cnf.x5t#S256 = {PRINT}");
    let told = world.introspect(&app, &weakened(&token, &[&caveat]), at(1)).await;
    assert_eq!((&told["token_type"], &told["cnf"]), (&"Bearer".into(), &json!({"x5t#S256": PRINT})));
    let both = weakened(&token, &[&caveat, &format!("cnf.jkt = {OTHER_PRINT}")]);
    let told = world.introspect(&app, &both, at(1)).await;
    assert_eq!((&told["token_type"], &told["cnf"]), (&"DPoP".into(), &json!({"jkt": OTHER_PRINT, "x5t#S256": PRINT})));
    let torn = weakened(&token, &[&caveat, &format!("cnf.x5t#S256 = {OTHER_PRINT}")]);
    assert!(!world.is_active(&app, &torn, at(1)).await);
}

#[tokio::test]
async fn a_caveat_that_the_asker_could_not_enforce_makes_the_answer_inactive() {
    let (world, app, token) = world().await;
    for caveat in ["method = GET", "path = /v1", "method = "] {
        assert!(!world.is_active(&app, &weakened(&token, &[caveat]), at(1)).await, "{caveat}");
    }
}

#[tokio::test]
async fn a_token_of_everything_weakened_to_nothing_has_no_scope_left() {
    let (world, app, token) = world().await;
    let told = world.introspect(&app, &weakened(&token, &["scope = email"]), at(1)).await;
    assert_eq!(told["active"], true);
    assert_eq!(told.get("scope").unwrap_or(&Value::Null), &Value::Null);
}

#[tokio::test]
async fn a_seal_key_without_the_grants_salt_makes_no_token() {
    let (world, app, token) = world().await;
    let grant = world.grant(&app).await.record;
    let keys = world.engine.keys().current();
    let sealed_with = |salt: &Salt| {
        let (serial, expires_at) = (7, Some(at(300)));
        let reference = Reference { record: grant.id, serial, issued_at: at(0), expires_at, salt };
        keys.keyring.seal::<Access>(&reference).reveal().to_owned()
    };
    assert!(world.is_active(&app, &sealed_with(&grant.salt), at(1)).await);
    let forged = sealed_with(&Salt::from_bytes([1; 16]));
    assert!(!world.is_active(&app, &forged, at(1)).await);
    world.revoke(&app, &forged, at(1)).await.unwrap();
    let userinfo = firman_engine::userinfo::userinfo(&world.engine, &forged, "GET", None, at(1)).await;
    assert_eq!(refused(userinfo), InvalidToken);
    assert!(world.is_active(&app, &token, at(1)).await);
}

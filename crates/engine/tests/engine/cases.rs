//! Cases in which servers differ from each other or go wrong, and what this one answers.

use firman_engine::Failure;
use firman_engine::admin::grants::sign_out_everywhere;
use firman_engine::authorize::Next;
use firman_engine::registration::{self, Mode, RegistrationPolicy};
use firman_proto::error::ErrorCode::{self, InvalidGrant};
use firman_store::record::EpochKey;
use serde_json::{Value, json};

use crate::support::{Ask, CALLBACK, People, Visitor, World, at, refresh_token, refused, scope};

/// What the client is told: the code and the text.
fn told<T>(result: Result<T, Failure>) -> (ErrorCode, String) {
    match result {
        Err(Failure::Denied(denied)) => (denied.code, denied.text.into_owned()),
        Err(Failure::Fault(fault)) => panic!("a fault: {fault}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test]
async fn an_expired_a_used_and_an_unknown_code_are_told_the_same() {
    let world = World::new().await;
    let (app, other) = (world.app("app").await, world.app("other").await);
    let unknown = told(world.redeem(&app, "fm_ac_AAAA", at(0)).await);
    assert_eq!(unknown.0, InvalidGrant);
    let expired = world.code(&app, "read", at(0)).await;
    assert_eq!(told(world.redeem(&app, &expired, at(60)).await), unknown);
    let foreign = world.code(&other, "read", at(0)).await;
    assert_eq!(told(world.redeem(&app, &foreign, at(1)).await), unknown);
    let used = world.code(&app, "read", at(0)).await;
    world.redeem(&app, &used, at(1)).await.unwrap();
    assert_eq!(told(world.redeem(&app, &used, at(2)).await), unknown);
}

#[tokio::test]
async fn a_code_that_expired_or_whose_subject_signed_out_or_of_another_client_is_an_invalid_grant() {
    let world = World::new().await;
    let (app, other) = (world.app("app").await, world.app("other").await);
    let code = world.code(&app, "read", at(0)).await;
    assert_eq!(refused(world.redeem(&other, &code, at(1)).await), InvalidGrant);
    assert_eq!(refused(world.redeem(&app, &code, at(60)).await), InvalidGrant);
    let code = world.code(&app, "read", at(100)).await;
    let epoch = EpochKey::subject(world.engine.number(), &People::subject("somebody"));
    sign_out_everywhere(&world.engine, epoch, at(101)).await.unwrap();
    assert_eq!(refused(world.redeem(&app, &code, at(102)).await), InvalidGrant);
}

#[tokio::test]
async fn a_yes_is_remembered_when_its_grant_has_expired() {
    let world = World::new().await;
    let app = world.app("app").await;
    let first = world.tokens(&app, "openid read", at(0)).await;
    let later = at(90 * 86_400);
    assert!(!world.is_active(&app, &first.access_token, later).await);
    for (asked, remembered) in [("openid read", true), ("openid read write", false)] {
        let mut visitor = Visitor::new(&world);
        let next = world.authorize(&visitor, &Ask::new(&app, asked), later).await.unwrap();
        let Next::Login(request) = next else { panic!("no login: {next:?}") };
        let next = world.sign_in(&mut visitor, &request, "somebody", later).await.unwrap();
        assert_eq!(matches!(next, Next::Client(_)), remembered, "{asked}: {next:?}");
    }
}

#[tokio::test]
async fn an_edit_of_a_registration_touches_no_other_and_one_that_changes_nothing_nothing() {
    let world = World::with(|parts| {
        let scope = scope("openid read");
        parts.policy.registration = RegistrationPolicy { mode: Mode::Open, scope, ..RegistrationPolicy::default() };
    })
    .await;
    let wanted = json!({"redirect_uris": [CALLBACK], "client_name": "One", "scope": "openid"});
    let register = async || {
        let made = registration::register(&world.engine, None, wanted.to_string().as_bytes(), at(0)).await.unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("client_id"), text("registration_access_token"))
    };
    let (one, other) = (register().await, register().await);
    let read =
        async |(id, token): &(String, String)| registration::read(&world.engine, id, token, at(1)).await.unwrap();
    let update = async |(id, token): &(String, String), name: &str| {
        let mut body = wanted.clone();
        (body["client_name"], body["client_id"]) = (Value::from(name), Value::from(id.as_str()));
        registration::update(&world.engine, id, token, body.to_string().as_bytes(), at(1)).await.unwrap()
    };
    let (before, others) = (read(&one).await, read(&other).await);
    update(&one, "One").await;
    assert_eq!(read(&one).await, before);
    update(&one, "Another name").await;
    assert_eq!(read(&one).await["client_name"], "Another name");
    assert_eq!(read(&other).await, others);
}

#[tokio::test]
async fn a_clock_that_went_back_undoes_nothing_that_was_done() {
    let world = World::new().await;
    let app = world.app("app").await;
    // A node whose clock is behind takes what another has just made.
    let code = world.code(&app, "openid read offline_access", at(100)).await;
    let first = world.redeem(&app, &code, at(90)).await.unwrap();
    assert!(world.is_active(&app, &first.access_token, at(80)).await);
    let second = world.refresh(&app, &refresh_token(&first), at(80)).await.unwrap();
    let retry = world.refresh(&app, &refresh_token(&first), at(70)).await.unwrap();
    assert_eq!((retry.refresh_token, &retry.access_token), (second.refresh_token.clone(), &second.access_token));
    // What is revoked stays so, and a used code stays used.
    world.revoke(&app, &refresh_token(&second), at(60)).await.unwrap();
    for time in [0, 50, 60, 80, 100] {
        assert!(!world.is_active(&app, &second.access_token, at(time)).await, "{time}");
        assert_eq!(refused(world.refresh(&app, &refresh_token(&second), at(time)).await), InvalidGrant, "{time}");
        assert_eq!(refused(world.redeem(&app, &code, at(time)).await), InvalidGrant, "{time}");
    }
}

//! Devices without a browser (RFC 8628).

use std::net::IpAddr;
use std::sync::Arc;

use firman_engine::authenticate::authenticate;
use firman_engine::authorize::{Decision, DeviceEnd, Next, consent};
use firman_engine::device::{Entered, authorize, enter};
use firman_engine::sessions::SessionGrants;
use firman_engine::{Failure, GuessLimits, Parts};
use firman_proto::client::GrantType;
use firman_proto::device::DeviceResponse;
use firman_proto::error::ErrorCode::{
    self, AccessDenied, AuthorizationPending, ExpiredToken, InvalidClient, InvalidGrant, InvalidScope, SlowDown,
    TemporarilyUnavailable, UnauthorizedClient,
};
use firman_proto::form::Form;
use firman_proto::time::Timestamp;
use firman_proto::token::{DeviceCodeRequest, TokenRequest, TokenResponse};
use firman_store::Change;
use firman_store::record::{EpochKey, GrantKind};

use crate::support::{App, Op, Visitor, When, World, at, refused, seconds, with_secret};

async fn world() -> (World, App) {
    let world = World::new().await;
    let app = world.public_app("tv").await;
    (world, app)
}

async fn begin(world: &World, app: &App, form: &str, now: Timestamp) -> Result<DeviceResponse, Failure> {
    let form = Form::parse(form.as_bytes()).unwrap();
    let client = authenticate(&world.engine, &app.credentials, now).await?;
    authorize(&world.engine, &client, &form, now).await
}

async fn ask(world: &World, app: &App, device: &DeviceResponse, now: Timestamp) -> Result<TokenResponse, Failure> {
    let device_code = device.device_code.clone();
    let request = DeviceCodeRequest { device_code, resource: Vec::new(), authorization_details: None };
    world.token(app, TokenRequest::DeviceCode(request), now).await
}

async fn told(world: &World, app: &App, device: &DeviceResponse, now: Timestamp) -> ErrorCode {
    refused(ask(world, app, device, now).await)
}

/// Somebody types the code and signs in, and is asked.
async fn asked(world: &World, typed: &str, now: Timestamp) -> (Visitor, String) {
    let mut visitor = Visitor::new(world);
    let entered = enter(&world.engine, &visitor.browser(), None, typed, now).await.unwrap();
    let Entered::Next(Next::Login(request)) = entered else { panic!("no login: {entered:?}") };
    let next = world.sign_in(&mut visitor, &request, "somebody", now).await.unwrap();
    let Next::Consent(request) = next else { panic!("no consent: {next:?}") };
    (visitor, request)
}

async fn answer(world: &World, typed: &str, decision: Decision, now: Timestamp) -> Result<Next, Failure> {
    let (visitor, request) = asked(world, typed, now).await;
    consent(&world.engine, &visitor.browser(), &request, decision, now).await
}

// RFC 8628 §3.1, §3.2, §3.3, §3.4, §3.5.
#[tokio::test]
async fn a_device_is_let_in_by_somebody_with_a_browser() {
    let (world, app) = world().await;
    let device = begin(&world, &app, "scope=openid+read+offline_access", at(0)).await.unwrap();
    assert_eq!((device.expires_in, device.interval), (600, 5));
    assert!(device.device_code.starts_with("fm_dc_"));
    assert_eq!(device.user_code.len(), 9);
    assert_eq!(device.verification_uri_complete, format!("{}?user_code={}", device.verification_uri, device.user_code));
    assert_eq!(told(&world, &app, &device, at(1)).await, AuthorizationPending);
    let typed = device.user_code.to_lowercase().replace('-', " ");
    let next = answer(&world, &typed, Decision::Allow, at(2)).await.unwrap();
    assert_eq!(next, Next::Device(DeviceEnd::Allowed));
    let tokens = ask(&world, &app, &device, at(6)).await.unwrap();
    assert!(tokens.refresh_token.is_some() && tokens.id_token.is_some());
    let grant = world.grant(&app).await.record;
    assert_eq!((grant.kind, grant.scope.as_str()), (GrantKind::DeviceCode, "offline_access openid read"));
    world.refresh(&app, &tokens.refresh_token.unwrap(), at(7)).await.unwrap();
    // Claimed once.
    assert_eq!(told(&world, &app, &device, at(12)).await, InvalidGrant);
}

// RFC 8628 §3.5.
#[tokio::test]
async fn who_asks_too_soon_waits_longer() {
    let (world, app) = world().await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    for (now, error) in [
        (0, AuthorizationPending),
        (4, SlowDown),
        // Ten seconds from the last question on.
        (13, SlowDown),
        (28, AuthorizationPending),
        (43, AuthorizationPending),
    ] {
        assert_eq!(told(&world, &app, &device, at(now)).await, error, "at {now}");
    }
    answer(&world, &device.user_code, Decision::Allow, at(44)).await.unwrap();
    // An answer is never held back.
    ask(&world, &app, &device, at(45)).await.unwrap();
}

#[tokio::test]
async fn a_question_is_one_read_and_one_commit_at_most() {
    let (world, app) = world().await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    for second in 0..40 {
        world.store.forget_calls();
        ask(&world, &app, &device, at(second)).await.unwrap_err();
        assert_eq!(world.store.count(Op::Flow), 1);
        assert!(world.store.count(Op::Commit) <= 1);
    }
    // Whoever does not listen costs no write any more.
    world.store.forget_calls();
    assert_eq!(told(&world, &app, &device, at(41)).await, SlowDown);
    assert_eq!(world.store.count(Op::Commit), 0);
}

// RFC 8628 §3.5.
#[tokio::test]
async fn saying_no_is_told_to_the_device() {
    let (world, app) = world().await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    let next = answer(&world, &device.user_code, Decision::Deny, at(1)).await.unwrap();
    assert_eq!(next, Next::Device(DeviceEnd::Denied));
    assert_eq!(told(&world, &app, &device, at(2)).await, AccessDenied);
    // Nobody can say yes after that.
    let entered = enter(&world.engine, &Visitor::new(&world).browser(), None, &device.user_code, at(3)).await.unwrap();
    assert!(matches!(entered, Entered::Unknown));
}

#[tokio::test]
async fn of_two_answers_the_first_counts() {
    let (world, app) = world().await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    let (one, other) = (asked(&world, &device.user_code, at(1)).await, asked(&world, &device.user_code, at(1)).await);
    consent(&world.engine, &one.0.browser(), &one.1, Decision::Allow, at(2)).await.unwrap();
    for decision in [Decision::Allow, Decision::Deny] {
        let late = consent(&world.engine, &other.0.browser(), &other.1, decision, at(3)).await;
        assert_eq!(refused(late), ExpiredToken);
    }
    ask(&world, &app, &device, at(6)).await.unwrap();
}

#[tokio::test]
async fn who_signs_in_after_it_was_answered_is_not_asked() {
    let (world, app) = world().await;
    for decision in [Decision::Allow, Decision::Deny] {
        let device = begin(&world, &app, "", at(0)).await.unwrap();
        let mut late = Visitor::new(&world);
        let entered = enter(&world.engine, &late.browser(), None, &device.user_code, at(1)).await.unwrap();
        let Entered::Next(Next::Login(request)) = entered else { panic!("no login: {entered:?}") };
        answer(&world, &device.user_code, decision, at(2)).await.unwrap();
        assert_eq!(refused(world.sign_in(&mut late, &request, "another", at(3)).await), ExpiredToken);
    }
}

#[tokio::test]
async fn of_a_yes_and_a_no_at_once_one_counts() {
    for (slow, fast) in [(Decision::Allow, Decision::Deny), (Decision::Deny, Decision::Allow)] {
        let (world, app) = world().await;
        let world = Arc::new(world);
        let device = begin(&world, &app, "", at(0)).await.unwrap();
        let one = asked(&world, &device.user_code, at(1)).await;
        let (visitor, request) = asked(&world, &device.user_code, at(1)).await;
        let rival = Arc::clone(&world);
        world.store.interrupt(When::Before, Op::Commit, move || async move {
            consent(&rival.engine, &visitor.browser(), &request, fast, at(2)).await.unwrap();
        });
        let late = consent(&world.engine, &one.0.browser(), &one.1, slow, at(2)).await;
        assert_eq!(refused(late), ExpiredToken);
        let answer = ask(&world, &app, &device, at(6)).await;
        match fast {
            Decision::Allow => drop(answer.unwrap()),
            Decision::Deny => assert_eq!(refused(answer), AccessDenied),
        }
    }
}

// RFC 8628 §3.5.
#[tokio::test]
async fn a_device_that_waited_too_long_begins_again() {
    let (world, app) = world().await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    let (visitor, request) = asked(&world, &device.user_code, at(599)).await;
    assert_eq!(told(&world, &app, &device, at(600)).await, ExpiredToken);
    let late = consent(&world.engine, &visitor.browser(), &request, Decision::Allow, at(600)).await;
    assert_eq!(refused(late), ExpiredToken);
    let entered = enter(&world.engine, &visitor.browser(), None, &device.user_code, at(600)).await.unwrap();
    assert!(matches!(entered, Entered::Unknown));
    // Allowed in time and asked for too late.
    let device = begin(&world, &app, "", at(1000)).await.unwrap();
    answer(&world, &device.user_code, Decision::Allow, at(1001)).await.unwrap();
    assert_eq!(told(&world, &app, &device, at(1600)).await, ExpiredToken);
}

// RFC 8628 §5.4.
#[tokio::test]
async fn the_page_asks_even_whoever_has_allowed_the_client_before() {
    let (world, app) = world().await;
    let trusted = world.app_with("trusted", |new| new.policy.skip_consent = true).await;
    for app in [&app, &app, &trusted] {
        let device = begin(&world, app, "scope=openid", at(0)).await.unwrap();
        answer(&world, &device.user_code, Decision::Allow, at(1)).await.unwrap();
    }
}

// RFC 8628 §3.1, §3.4, RFC 6749 §5.2.
#[tokio::test]
async fn wrong_requests_get_their_errors() {
    let (world, app) = world().await;
    let other = world.app("other").await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    assert_eq!(refused(begin(&world, &app, "scope=admin", at(0)).await), InvalidScope);
    assert_eq!(refused(begin(&world, &with_secret(&other, "wrong"), "", at(0)).await), InvalidClient);
    let silent = world.app_with("silent", |new| new.metadata.grant_types = vec![GrantType::AuthorizationCode]).await;
    assert_eq!(refused(begin(&world, &silent, "", at(0)).await), UnauthorizedClient);
    assert_eq!(told(&world, &silent, &device, at(1)).await, UnauthorizedClient);
    assert_eq!(told(&world, &other, &device, at(1)).await, InvalidGrant);
    for wrong in ["", "x", &device.device_code.replace("fm_dc_", "fm_ac_"), &format!("{}A", device.device_code)] {
        let wrong = DeviceResponse { device_code: wrong.to_owned(), ..device.clone() };
        assert_eq!(told(&world, &app, &wrong, at(1)).await, InvalidGrant);
    }
    // A device code is no authorization code.
    let code = device.device_code.replace("fm_dc_", "fm_ac_");
    assert_eq!(refused(world.redeem(&app, &code, at(1)).await), InvalidGrant);
    assert_eq!(told(&world, &app, &device, at(1)).await, AuthorizationPending);
}

// RFC 8628 §5.1.
#[tokio::test]
async fn wrong_codes_are_counted_and_end_in_a_pause_for_who_typed_them() {
    let limits = GuessLimits { each: 3, all: 7 };
    let world = World::with(|parts: &mut Parts| parts.policy.device.guesses = limits).await;
    let app = world.public_app("tv").await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    let visitor = Visitor::new(&world);
    let enter = async |from: u8, typed: &str, now| {
        let from = Some(IpAddr::from([192, 0, 2, from]));
        enter(&world.engine, &visitor.browser(), from, typed, now).await
    };
    for wrong in ["", "BCDF-GHJK", "not one"] {
        assert!(matches!(enter(1, wrong, at(1)).await, Ok(Entered::Unknown)));
    }
    world.store.forget_calls();
    assert_eq!(refused(enter(1, &device.user_code, at(2)).await), TemporarilyUnavailable);
    assert_eq!(world.store.count(Op::Name), 0);
    // Nobody else waits for that; and what is right does not count.
    for _ in 0..10 {
        assert!(matches!(enter(2, &device.user_code, at(2)).await, Ok(Entered::Next(_))));
    }
    assert!(matches!(enter(1, &device.user_code, at(61)).await, Ok(Entered::Next(_))));
    // Many together end at the limit of all.
    for from in 10..17 {
        assert!(matches!(enter(from, "not one", at(62)).await, Ok(Entered::Unknown)));
    }
    assert_eq!(refused(enter(2, &device.user_code, at(63)).await), TemporarilyUnavailable);
}

#[tokio::test]
async fn signing_out_everywhere_kills_what_was_allowed_to_a_device() {
    let (world, app) = world().await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    answer(&world, &device.user_code, Decision::Allow, at(1)).await.unwrap();
    let subject = crate::support::People::subject("somebody");
    world.commit(Change::AdvanceEpoch(EpochKey::subject(world.engine.number(), &subject))).await;
    assert_eq!(told(&world, &app, &device, at(2)).await, InvalidGrant);
}

#[tokio::test]
async fn what_a_device_was_allowed_ends_with_the_session_only_where_everything_does() {
    for (policy, ends) in [(SessionGrants::Keep, false), (SessionGrants::Online, false), (SessionGrants::All, true)] {
        let world = World::with(|parts| parts.policy.session_grants = policy).await;
        let app = world.public_app("tv").await;
        let device = begin(&world, &app, "", at(0)).await.unwrap();
        let (visitor, request) = asked(&world, &device.user_code, at(1)).await;
        consent(&world.engine, &visitor.browser(), &request, Decision::Allow, at(1)).await.unwrap();
        let session = world.flow().await.approval.unwrap().session.unwrap();
        world.commit(Change::EndSession { id: session, now: at(2) }).await;
        if ends {
            assert_eq!(told(&world, &app, &device, at(3)).await, InvalidGrant);
        } else {
            ask(&world, &app, &device, at(3)).await.unwrap();
        }
    }
}

// RFC 8628 §6.1.
#[tokio::test]
async fn codes_are_drawn_from_the_alphabet_that_is_set() {
    let world = World::with(|parts: &mut Parts| {
        parts.policy.device.alphabet = firman_proto::device::Alphabet::new("0123456789").unwrap();
        parts.policy.device.length = 6;
        parts.policy.device.life = seconds(60);
    })
    .await;
    let app = world.public_app("tv").await;
    let device = begin(&world, &app, "", at(0)).await.unwrap();
    assert!(device.user_code.bytes().all(|b| b.is_ascii_digit() || b == b'-'), "{}", device.user_code);
    assert_eq!((device.user_code.len(), device.expires_in), (7, 60));
}

//! Signing out (OpenID Connect RP-Initiated Logout): who is asked, who is signed out, and who is sent where.

use firman_engine::Failure;
use firman_engine::logout::{self, Arrived, Asked, Left};
use firman_engine::sessions::SessionGrants;
use firman_proto::error::ErrorCode;
use firman_proto::form::{self, Form};
use firman_proto::id_token::IdToken;
use firman_proto::jws;
use firman_proto::logout::LogoutRequest;
use firman_proto::time::Timestamp;
use firman_store::record::{EventKind, RevokeReason};

use crate::support::{App, Ask, Op, Visitor, World, at, new_client, parameter, refused};

pub(crate) const BACK: &str = "https://app.example/bye?from=here";

pub(crate) async fn app(world: &World, client_id: &str) -> App {
    world.app_with(client_id, |new| new.metadata.logout.post_logout_redirect_uris = vec![BACK.to_owned()]).await
}

/// Somebody who is signed in at a client, and the ID token it got.
pub(crate) async fn signed_in(world: &World, app: &App, username: &str, now: Timestamp) -> (Visitor, String) {
    let (visitor, url) = world.walk(&Ask::new(app, "openid"), username, now).await;
    let response = world.redeem(app, &parameter(&url, "code").unwrap(), now).await.unwrap();
    (visitor, response.id_token.unwrap())
}

/// What a request becomes that travels through the browser.
pub(crate) async fn sealed(world: &World, asked: &[(&str, &str)], now: Timestamp) -> String {
    let mut query = String::new();
    for (name, value) in asked {
        form::append(&mut query, name, value);
    }
    let request = LogoutRequest::parse(&Form::parse(query.as_bytes()).unwrap()).unwrap();
    logout::request(&world.engine, &request, now).await.unwrap()
}

async fn arrive(world: &World, visitor: &Visitor, asked: &[(&str, &str)], now: Timestamp) -> Arrived {
    let sealed = sealed(world, asked, now).await;
    logout::arrive(&world.engine, &visitor.browser(), &sealed, now).await.unwrap()
}

pub(crate) async fn leave(world: &World, visitor: &Visitor, asked: &[(&str, &str)], now: Timestamp) -> Left {
    match arrive(world, visitor, asked, now).await {
        Arrived::Left(left) => left,
        Arrived::Ask(_) => panic!("somebody is asked"),
    }
}

async fn ask(world: &World, visitor: &Visitor, asked: &[(&str, &str)], now: Timestamp) -> Asked {
    match arrive(world, visitor, asked, now).await {
        Arrived::Ask(asked) => *asked,
        Arrived::Left(_) => panic!("nobody is asked"),
    }
}

async fn is_signed_in(world: &World, visitor: &Visitor, app: &App, now: Timestamp) -> bool {
    let silent = Ask::new(app, "openid").with("prompt", "none");
    let next = world.authorize(visitor, &silent, now).await.unwrap();
    let firman_engine::authorize::Next::Client(url) = next else { panic!("{next:?}") };
    match parameter(&url, "error").as_deref() {
        None => true,
        Some("login_required") => false,
        Some(other) => panic!("{other}"),
    }
}

// OpenID Connect RP-Initiated Logout §2, §3.
#[tokio::test]
async fn a_client_with_a_hint_signs_its_person_out_and_gets_the_browser_back() {
    let world = World::new().await;
    let app = app(&world, "app").await;
    let (visitor, id_token) = signed_in(&world, &app, "somebody", at(10)).await;
    assert!(is_signed_in(&world, &visitor, &app, at(20)).await);
    let state = "s p+c".repeat(20);
    // OpenID Connect RP-Initiated Logout §4: it has long expired.
    let asked = [("id_token_hint", &*id_token), ("post_logout_redirect_uri", BACK), ("state", &*state)];
    let left = leave(&world, &visitor, &asked, at(4000)).await;
    let to = left.to.unwrap();
    assert!(to.starts_with(&format!("{BACK}&state=")) && to.matches('&').count() == 1, "{to}");
    assert_eq!(parameter(&to, "state").as_deref(), Some(&*state));
    assert!(!is_signed_in(&world, &visitor, &app, at(4001)).await);
    let events = world.events(EventKind::SessionEnded).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details["reason"], "signed_out");
    assert_eq!(events[0].subject.as_deref(), Some("subject-of-somebody"));

    // Who is signed out goes back again, and nothing happens twice.
    let left = leave(&world, &visitor, &asked[..2], at(4002)).await;
    assert_eq!(left.to.as_deref(), Some(BACK), "no state is made up");
    assert_eq!(world.events(EventKind::SessionEnded).await.len(), 1);
}

// OpenID Connect RP-Initiated Logout §2.
#[tokio::test]
async fn without_a_hint_of_this_person_they_are_asked() {
    let world = World::new().await;
    let app = app(&world, "app").await;
    let (visitor, _) = signed_in(&world, &app, "somebody", at(10)).await;
    let (_, of_another) = signed_in(&world, &app, "another", at(11)).await;
    for (asked, means_another) in [
        (&[][..], false),
        (&[("state", "s")][..], false),
        (&[("client_id", "app")][..], false),
        (&[("client_id", "app"), ("logout_hint", "somebody")][..], false),
        (&[("client_id", "app"), ("logout_hint", "subject-of-somebody")][..], false),
        (&[("client_id", "app"), ("logout_hint", "another")][..], true),
        (&[("id_token_hint", &*of_another)][..], true),
    ] {
        let page = ask(&world, &visitor, asked, at(20)).await;
        assert_eq!(page.username, "somebody");
        assert_eq!(page.means_another, means_another, "{asked:?}");
        assert_eq!(page.problem, None, "{asked:?}");
        let names_it = asked.iter().any(|(name, _)| matches!(*name, "client_id" | "id_token_hint"));
        assert_eq!(page.client.is_some(), names_it, "{asked:?}");
    }
    assert!(is_signed_in(&world, &visitor, &app, at(21)).await, "asking changes nothing");

    let sealed = sealed(&world, &[("client_id", "app"), ("post_logout_redirect_uri", BACK)], at(22)).await;
    let left = logout::confirm(&world.engine, &visitor.browser(), &sealed, at(23)).await.unwrap();
    assert_eq!(left.to.as_deref(), Some(BACK));
    assert!(!is_signed_in(&world, &visitor, &app, at(24)).await);
}

// OpenID Connect RP-Initiated Logout §4.
#[tokio::test]
async fn what_cannot_be_verified_is_not_used_and_nobody_is_sent_on() {
    let world = World::new().await;
    let elsewhere = World::elsewhere().await;
    let (app, other) = (app(&world, "app").await, world.app("other").await);
    let (visitor, id_token) = signed_in(&world, &app, "somebody", at(10)).await;
    let foreign = {
        let app = self::app(&elsewhere, "app").await;
        signed_in(&elsewhere, &app, "somebody", at(10)).await.1
    };
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", id_token.split('.').nth(1).unwrap());
    let access = world.tokens(&other, "openid", at(11)).await.access_token;
    let added = format!("{BACK}&x=y");
    for asked in [
        // -bad-post-logout-redirect-uri, -query-added-to-post-logout-redirect-uri
        &[("id_token_hint", &*id_token), ("post_logout_redirect_uri", "https://evil.example/")][..],
        &[("id_token_hint", &id_token), ("post_logout_redirect_uri", &added)],
        &[("id_token_hint", &id_token), ("post_logout_redirect_uri", "https://app.example/bye")],
        // -modified-id-token-hint, -bad-id-token-hint, -no-id-token-hint
        &[("id_token_hint", &unsigned), ("post_logout_redirect_uri", BACK)],
        &[("id_token_hint", &foreign), ("post_logout_redirect_uri", BACK)],
        &[("id_token_hint", &access), ("post_logout_redirect_uri", BACK)],
        &[("post_logout_redirect_uri", BACK), ("state", "s")],
        // Another client's.
        &[("id_token_hint", &id_token), ("client_id", "other"), ("post_logout_redirect_uri", BACK)],
        &[("client_id", "other"), ("post_logout_redirect_uri", BACK)],
        &[("client_id", "nobody"), ("post_logout_redirect_uri", BACK)],
    ] {
        let page = ask(&world, &visitor, asked, at(20)).await;
        assert!(page.problem.is_some(), "{asked:?}");
        assert!(is_signed_in(&world, &visitor, &app, at(20)).await, "{asked:?}");
        // Where nobody is signed in there is nothing to ask, and still nobody is sent on.
        let left = leave(&world, &Visitor::new(&world), asked, at(20)).await;
        assert!(left.to.is_none() && left.problem.is_some(), "{asked:?}");
    }
    let bad = [("id_token_hint", &*id_token), ("post_logout_redirect_uri", "https://evil.example/")];
    let sealed = sealed(&world, &bad, at(21)).await;
    let left = logout::confirm(&world.engine, &visitor.browser(), &sealed, at(22)).await.unwrap();
    assert_eq!(left.to, None, "they are signed out, and stay here");
    assert!(!is_signed_in(&world, &visitor, &app, at(23)).await);
}

#[tokio::test]
async fn a_page_to_sign_out_on_expires() {
    let world = World::new().await;
    let sealed = sealed(&world, &[], at(0)).await;
    let browser = Visitor::new(&world).browser();
    assert!(logout::arrive(&world.engine, &browser, &sealed, at(899)).await.is_ok());
    for (text, now) in [(&*sealed, at(900)), (&sealed[1..], at(1)), ("", at(1))] {
        refused(logout::arrive(&world.engine, &browser, text, now).await);
        refused(logout::confirm(&world.engine, &browser, text, now).await);
    }
}

/// The code that somebody who is signed in gets for a client.
async fn approved(world: &World, visitor: &Visitor, ask: &Ask, now: Timestamp) -> String {
    let next = match world.authorize(visitor, ask, now).await.unwrap() {
        firman_engine::authorize::Next::Consent(request) => world.allow(visitor, &request, now).await.unwrap(),
        other => other,
    };
    let firman_engine::authorize::Next::Client(url) = next else { panic!("{next:?}") };
    parameter(&url, "code").unwrap()
}

// OpenID Connect Back-Channel Logout §2.7.
#[tokio::test]
async fn what_was_allowed_in_a_session_ends_with_it_as_the_operator_says() {
    for (policy, kept, ended) in [
        (SessionGrants::Keep, &["openid", "openid offline_access", "read"][..], 0),
        (SessionGrants::Online, &["openid offline_access"], 3),
        (SessionGrants::All, &[], 4),
    ] {
        let world = World::with(|parts| parts.policy.session_grants = policy).await;
        let app = app(&world, "app").await;
        let (visitor, id_token) = signed_in(&world, &app, "somebody", at(10)).await;
        let mut tokens = Vec::new();
        for scope in ["openid", "openid offline_access", "read"] {
            let code = approved(&world, &visitor, &Ask::new(&app, scope), at(11)).await;
            let response = world.redeem(&app, &code, at(12)).await.unwrap();
            tokens.push((scope, response.access_token));
        }
        // What the same person allowed in another browser is not of this session.
        let elsewhere = world.tokens(&app, "openid", at(12)).await.access_token;
        leave(&world, &visitor, &[("id_token_hint", &id_token)], at(20)).await;
        for (scope, token) in tokens {
            assert_eq!(world.is_active(&app, &token, at(21)).await, kept.contains(&scope), "{policy:?} {scope}");
        }
        assert!(world.is_active(&app, &elsewhere, at(21)).await, "{policy:?}");
        let revoked = world.events(EventKind::GrantRevoked).await;
        assert!(revoked.iter().all(|event| event.details["reason"] == "session"));
        assert_eq!(revoked.len(), ended, "{policy:?}");
        for event in revoked {
            let grant = world.engine.store().grant(event.about, None).await.unwrap().unwrap().record;
            assert_eq!(grant.reason, Some(RevokeReason::SessionEnded));
        }
    }
}

// OpenID Connect Back-Channel Logout §2.7.
#[tokio::test]
async fn a_code_of_a_session_ends_with_it_as_its_grant_would() {
    for (policy, kept) in [
        (SessionGrants::Keep, &["openid", "openid offline_access"][..]),
        (SessionGrants::Online, &["openid offline_access"]),
        (SessionGrants::All, &[]),
    ] {
        let world = World::with(|parts| parts.policy.session_grants = policy).await;
        let app = app(&world, "app").await;
        let (visitor, id_token) = signed_in(&world, &app, "somebody", at(10)).await;
        let (elsewhere, _) = signed_in(&world, &app, "somebody", at(10)).await;
        let mut codes = Vec::new();
        for scope in ["openid", "openid offline_access"] {
            codes.push((scope, approved(&world, &visitor, &Ask::new(&app, scope), at(11)).await));
        }
        let other = approved(&world, &elsewhere, &Ask::new(&app, "openid"), at(11)).await;
        leave(&world, &visitor, &[("id_token_hint", &id_token)], at(12)).await;
        for (scope, code) in codes {
            // Twice: a refusal is no redemption.
            for now in [at(13), at(14)] {
                world.store.forget_calls();
                match world.redeem(&app, &code, now).await {
                    Ok(_) => {
                        assert!(kept.contains(&scope), "{policy:?} {scope}");
                        break;
                    }
                    Err(failure) => {
                        let Failure::Denied(denied) = failure else { panic!("{failure:?}") };
                        assert!(!kept.contains(&scope), "{policy:?} {scope}: {denied}");
                        assert_eq!(denied.code, ErrorCode::InvalidGrant);
                        assert_eq!(denied.why, "the session in which it was approved has ended since");
                        assert_eq!(world.store.count(Op::Commit), 1);
                    }
                }
            }
        }
        world.redeem(&app, &other, at(13)).await.unwrap();
        assert_eq!(world.events(EventKind::CodeRedeemed).await.len(), 3 + kept.len(), "{policy:?}");
    }
}

#[tokio::test]
async fn who_signs_in_with_anothers_browser_ends_what_was_theirs() {
    let world = World::new().await;
    let app = app(&world, "app").await;
    let (mut visitor, url) = world.walk(&Ask::new(&app, "openid"), "somebody", at(10)).await;
    let token = world.redeem(&app, &parameter(&url, "code").unwrap(), at(11)).await.unwrap().access_token;
    let again = Ask::new(&app, "openid").with("prompt", "login");
    let firman_engine::authorize::Next::Login(request) = world.authorize(&visitor, &again, at(12)).await.unwrap()
    else {
        panic!("no login page")
    };
    world.sign_in(&mut visitor, &request, "another", at(13)).await.unwrap();
    assert!(!world.is_active(&app, &token, at(14)).await);
    let events = world.events(EventKind::SessionEnded).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details["reason"], "replaced");
}

// OpenID Connect Core §8.1.
#[tokio::test]
async fn two_clients_know_one_session_by_two_names() {
    let world = World::new().await;
    let (one, other) = (app(&world, "one").await, app(&world, "other").await);
    let (visitor, first) = signed_in(&world, &one, "somebody", at(10)).await;
    let next = world.authorize(&visitor, &Ask::new(&other, "openid"), at(11)).await.unwrap();
    let firman_engine::authorize::Next::Consent(request) = next else { panic!("{next:?}") };
    let next = world.allow(&visitor, &request, at(12)).await.unwrap();
    let firman_engine::authorize::Next::Client(url) = next else { panic!("{next:?}") };
    let response = world.redeem(&other, &parameter(&url, "code").unwrap(), at(12)).await.unwrap();
    assert_ne!(sid_of(&world, &first), sid_of(&world, &response.id_token.unwrap()));
}

const FRAME: &str = "https://app.example/out?of=here";

/// A client that browsers tell, and one that they do not.
async fn told_by_browsers(world: &World) -> (App, App) {
    let told = world
        .app_with("told", |new| {
            new.metadata.logout.frontchannel_logout_uri = Some(FRAME.to_owned());
            new.metadata.logout.post_logout_redirect_uris = vec![BACK.to_owned()];
        })
        .await;
    (told, world.app("untold").await)
}

/// The same person at another client.
async fn also_at(world: &World, visitor: &Visitor, app: &App, now: Timestamp) -> String {
    let next = world.authorize(visitor, &Ask::new(app, "openid"), now).await.unwrap();
    let next = match next {
        firman_engine::authorize::Next::Consent(request) => world.allow(visitor, &request, now).await.unwrap(),
        other => other,
    };
    let firman_engine::authorize::Next::Client(url) = next else { panic!("{next:?}") };
    world.redeem(app, &parameter(&url, "code").unwrap(), now).await.unwrap().id_token.unwrap()
}

fn sid_of(world: &World, id_token: &str) -> String {
    let claims: IdToken = jws::verify_id_token(id_token, world.engine.keys().current().published()).unwrap();
    claims.sid.unwrap()
}

// OpenID Connect Front-Channel Logout §2, §3.
#[tokio::test]
async fn clients_of_the_session_are_told_by_the_browser_who_signed_out_where() {
    let world = World::new().await;
    let (told, untold) = told_by_browsers(&world).await;
    let (visitor, _) = signed_in(&world, &untold, "somebody", at(10)).await;
    let id_token = also_at(&world, &visitor, &told, at(11)).await;
    // Twice is once, and others' sessions are others'.
    also_at(&world, &visitor, &told, at(12)).await;
    signed_in(&world, &told, "another", at(13)).await;
    let left =
        leave(&world, &visitor, &[("id_token_hint", &id_token), ("post_logout_redirect_uri", BACK)], at(20)).await;
    assert_eq!(left.to.as_deref(), Some(BACK));
    assert_eq!(left.frames.len(), 1);
    let frame = &left.frames[0];
    assert_eq!(frame.origin, "https://app.example");
    assert!(frame.url.starts_with(&format!("{FRAME}&iss=")), "{}", frame.url);
    assert_eq!(parameter(&frame.url, "iss").as_deref(), Some(world.engine.issuer().as_str()));
    assert_eq!(parameter(&frame.url, "sid"), Some(sid_of(&world, &id_token)));

    // Once: nobody is signed in who could sign out again.
    let again = leave(&world, &visitor, &[("id_token_hint", &id_token)], at(21)).await;
    assert!(again.frames.is_empty());
}

#[tokio::test]
async fn who_was_not_in_the_session_or_is_disabled_is_not_told() {
    let world = World::new().await;
    let (told, untold) = told_by_browsers(&world).await;
    let (visitor, id_token) = signed_in(&world, &untold, "somebody", at(10)).await;
    assert!(leave(&world, &visitor, &[("id_token_hint", &id_token)], at(20)).await.frames.is_empty());

    let (visitor, id_token) = signed_in(&world, &told, "somebody", at(30)).await;
    firman_engine::admin::clients::delete(&world.engine, "told", at(31)).await.unwrap();
    let sealed = sealed(&world, &[("id_token_hint", &id_token)], at(32)).await;
    let left = logout::confirm(&world.engine, &visitor.browser(), &sealed, at(33)).await.unwrap();
    assert!(left.frames.is_empty());
}

// OpenID Connect Front-Channel Logout §2, OpenID Connect Back-Channel Logout §2.2.
#[tokio::test]
async fn a_client_is_told_at_its_own_addresses_only() {
    let world = World::new().await;
    for (member, uri, taken) in [
        ("front", FRAME, true),
        ("front", "https://app.example:8443/out", false),
        ("front", "http://app.example/out", false),
        ("front", "https://other.example/out", false),
        ("front", "https://app.example/out#here", false),
        ("front", "javascript:alert(1)", false),
        ("back", "https://anywhere.example/out?x=y", true),
        ("back", "https://anywhere.example/out#here", false),
        ("back", "anywhere", false),
    ] {
        let new = new_client("app", |new| {
            let logout = &mut new.metadata.logout;
            let place = if member == "front" {
                &mut logout.frontchannel_logout_uri
            } else {
                &mut logout.backchannel_logout_uri
            };
            *place = Some(uri.to_owned());
        });
        let made = firman_engine::admin::clients::create(&world.engine, new, at(0)).await;
        assert_eq!(made.is_ok(), taken, "{member} {uri}");
        if taken {
            firman_engine::admin::clients::delete(&world.engine, "app", at(1)).await.unwrap();
        }
    }
}

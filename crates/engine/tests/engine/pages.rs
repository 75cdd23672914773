//! The login and consent pages: what they carry, who may post them, and what comes of it.

use std::sync::Arc;

use firman_engine::admin::grants::sign_out_everywhere;
use firman_engine::authorize::{self, Browser, Decision, Interaction, LoggedIn, Next, SignIn};
use firman_engine::{Failure, Parts};
use firman_proto::error::ErrorCode::{InvalidRequest, UnauthorizedClient};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Store as _;
use firman_store::record::EpochKey;

use crate::support::{App, Ask, Op, PASSWORD, People, Visitor, When, World, at, parameter, refused, scope, seconds};

/// A world, a visitor, and the request that the login page carries.
async fn at_the_login_page() -> (Arc<World>, App, Visitor, String) {
    let world = World::new().await;
    let app = world.app("app").await;
    let visitor = Visitor::new(&world);
    let request = login_page(&world, &app, &visitor, at(0)).await;
    (Arc::new(world), app, visitor, request)
}

async fn login_page(world: &World, app: &App, visitor: &Visitor, now: Timestamp) -> String {
    let ask = Ask::new(app, "openid read").with("prompt", "login");
    let next = world.authorize(visitor, &ask, now).await.unwrap();
    let Next::Login(request) = next else { panic!("no login page: {next:?}") };
    request
}

async fn at_the_consent_page() -> (Arc<World>, App, Visitor, String) {
    let (world, app, mut visitor, request) = at_the_login_page().await;
    let next = world.sign_in(&mut visitor, &request, "somebody", at(1)).await.unwrap();
    let Next::Consent(request) = next else { panic!("no consent page: {next:?}") };
    (world, app, visitor, request)
}

async fn is_signed_in(world: &World, app: &App, visitor: &Visitor, now: Timestamp) -> bool {
    let ask = Ask::new(app, "openid read").with("prompt", "none");
    let Next::Client(url) = world.authorize(visitor, &ask, now).await.unwrap() else { panic!("a page") };
    parameter(&url, "error").as_deref() != Some("login_required")
}

fn error(next: &Next) -> Option<String> {
    let Next::Client(url) = next else { panic!("not sent to the client: {next:?}") };
    parameter(url, "error")
}

async fn log_in(world: &World, visitor: &Visitor, form: SignIn<'_>, now: Timestamp) -> Result<LoggedIn, Failure> {
    authorize::login(&world.engine, &visitor.browser(), form, now).await
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again() {
    let (world, app, visitor, request) = at_the_login_page().await;
    for (username, password) in [("somebody", "guess"), ("somebody", ""), ("", PASSWORD)] {
        world.people.leave("");
        let form = SignIn { request: &request, username, password, cancelled: false };
        assert!(matches!(log_in(&world, &visitor, form, at(1)).await.unwrap(), LoggedIn::Wrong));
    }
    assert!(!is_signed_in(&world, &app, &visitor, at(1)).await);
}

// RFC 6749 §4.1.2.1.
#[tokio::test]
async fn who_cancels_or_says_no_goes_back_with_access_denied() {
    let (world, _, visitor, request) = at_the_login_page().await;
    let form = SignIn { request: &request, username: "", password: "", cancelled: true };
    let LoggedIn::Cancelled(next) = log_in(&world, &visitor, form, at(1)).await.unwrap() else { panic!("no cancel") };
    assert_eq!(error(&next).as_deref(), Some("access_denied"));

    let (world, app, visitor, request) = at_the_consent_page().await;
    let next = authorize::consent(&world.engine, &visitor.browser(), &request, Decision::Deny, at(2)).await.unwrap();
    assert_eq!(error(&next).as_deref(), Some("access_denied"));
    assert!(is_signed_in(&world, &app, &visitor, at(2)).await);
    let again = world.authorize(&visitor, &Ask::new(&app, "openid"), at(3)).await.unwrap();
    assert!(matches!(again, Next::Consent(_)), "no is not remembered");
}

#[tokio::test]
async fn a_page_shows_who_asks_for_what_and_who_is_signed_in() {
    let (world, _, visitor, request) = at_the_consent_page().await;
    let view = Interaction::view(&world.engine, &visitor.browser(), &request, at(2)).await.unwrap();
    assert_eq!((view.client.client_id.as_str(), view.username.as_deref()), ("app", Some("somebody")));
    assert_eq!(view.interaction.request.scope, scope("openid read"));
}

#[tokio::test]
async fn a_request_sealed_for_another_browser_is_refused() {
    let (world, _, visitor, request) = at_the_consent_page().await;
    let thief = Visitor { session: visitor.session.clone(), ..Visitor::new(&world) };
    for browser in [thief.browser(), Browser::first_seen(&world.engine).unwrap()] {
        let form = SignIn { request: &request, username: "another", password: PASSWORD, cancelled: false };
        assert_eq!(refused(authorize::login(&world.engine, &browser, form, at(2)).await), InvalidRequest);
        let allowed = authorize::consent(&world.engine, &browser, &request, Decision::Allow, at(2)).await;
        assert_eq!(refused(allowed), InvalidRequest);
        assert_eq!(refused(Interaction::view(&world.engine, &browser, &request, at(2)).await), InvalidRequest);
    }
    world.allow(&visitor, &request, at(2)).await.unwrap();
}

#[tokio::test]
async fn a_request_that_was_changed_or_has_expired_is_refused() {
    let (world, _, visitor, request) = at_the_consent_page().await;
    let changed = format!("{}{}", &request[..request.len() - 1], if request.ends_with('A') { "E" } else { "A" });
    for bad in ["", "x", &changed, &request[..40], visitor.session.as_deref().unwrap()] {
        assert_eq!(refused(world.allow(&visitor, bad, at(2)).await), InvalidRequest, "{bad}");
    }
    assert_eq!(refused(world.allow(&visitor, &request, at(900)).await), InvalidRequest);
    world.allow(&visitor, &request, at(899)).await.unwrap();
}

#[tokio::test]
async fn a_request_of_a_client_that_was_disabled_meanwhile_is_refused() {
    let (world, app, visitor, request) = at_the_consent_page().await;
    world.edit_client(&app, |client| client.enabled = false).await;
    assert_eq!(refused(world.allow(&visitor, &request, at(2)).await), UnauthorizedClient);
}

#[tokio::test]
async fn a_request_sealed_by_a_node_with_a_newer_key_opens() {
    let world = World::new().await;
    let app = world.app("app").await;
    let neighbour = world.neighbour(at(0)).await;
    world.engine.make_keys().rotate_sealing(Lifetime::ZERO, at(10)).await.unwrap();
    world.engine.keys().reload(&*world.store, at(10)).await.unwrap();
    let mut visitor = Visitor::new(&world);
    let request = login_page(&world, &app, &visitor, at(11)).await;
    neighbour.sign_in(&mut visitor, &request, "somebody", at(12)).await.unwrap();
}

// RFC 9700 §4.7.
#[tokio::test]
async fn a_form_is_taken_from_the_page_and_browser_it_was_given_to() {
    let world = World::new().await;
    let (visitor, other) = (Visitor::new(&world), Visitor::new(&world));
    let csrf = visitor.browser().csrf(&world.engine, "login");
    visitor.browser().must_have_sent(&world.engine, "login", Some(&csrf)).unwrap();
    for (browser, page, sent) in [
        (visitor.browser(), "login", None),
        (visitor.browser(), "login", Some("")),
        (visitor.browser(), "consent", Some(csrf.as_str())),
        (other.browser(), "login", Some(csrf.as_str())),
    ] {
        assert_eq!(browser.must_have_sent(&world.engine, page, sent).unwrap_err().code, InvalidRequest);
    }
    // The same on every node, and after the keys have rotated.
    world.engine.make_keys().rotate_sealing(Lifetime::ZERO, at(1)).await.unwrap();
    let neighbour = world.neighbour(at(2)).await;
    visitor.browser().must_have_sent(&neighbour.engine, "login", Some(&csrf)).unwrap();
}

#[tokio::test]
async fn a_malformed_browser_id_is_as_good_as_none() {
    let world = World::new().await;
    let good = Visitor::new(&world).id;
    for id in [None, Some(""), Some("x"), Some(&good[1..]), Some(&format!("{good}AAAA"))] {
        assert!(Browser::new(id, None).is_none());
    }
    assert!(Browser::new(Some(&good), None).is_some());
}

#[tokio::test]
async fn signing_in_again_renews_the_session_and_kills_its_old_cookie() {
    let (world, app, mut visitor, request) = at_the_consent_page().await;
    world.allow(&visitor, &request, at(2)).await.unwrap();
    let (old, session) = (visitor.clone(), world.flow().await.approval.unwrap().session);
    let request = login_page(&world, &app, &visitor, at(10)).await;
    world.sign_in(&mut visitor, &request, "somebody", at(11)).await.unwrap();
    assert_eq!(world.flow().await.approval.unwrap().session, session, "it is still the same session");
    assert_ne!(old.session, visitor.session);
    assert!(!is_signed_in(&world, &app, &old, at(12)).await);
    assert!(is_signed_in(&world, &app, &visitor, at(12)).await);
}

#[tokio::test]
async fn another_person_signing_in_ends_the_first_ones_session() {
    let (world, app, mut visitor, _) = at_the_consent_page().await;
    let old = visitor.clone();
    let request = login_page(&world, &app, &visitor, at(10)).await;
    let next = world.sign_in(&mut visitor, &request, "another", at(11)).await.unwrap();
    let Next::Consent(request) = next else { panic!("the first one's consent is not the second's: {next:?}") };
    world.allow(&visitor, &request, at(12)).await.unwrap();
    assert_eq!(world.flow().await.approval.unwrap().subject, People::subject("another"));
    assert!(!is_signed_in(&world, &app, &old, at(12)).await);
}

#[tokio::test]
async fn a_session_ends_when_it_lies_idle_and_at_its_absolute_end() {
    let edit = |parts: &mut Parts| {
        parts.policy.session_idle = seconds(1000);
        parts.policy.session = seconds(2500);
    };
    let world = World::with(edit).await;
    let app = world.app("app").await;
    let (visitor, _) = world.walk(&Ask::new(&app, "openid read"), "somebody", at(0)).await;
    assert!(!is_signed_in(&world, &app, &visitor, at(1000)).await);
    // Used, it lives on: each use is seen to within a minute.
    for time in [999, 1998, 2499] {
        assert!(is_signed_in(&world, &app, &visitor, at(time)).await, "{time}");
    }
    assert!(!is_signed_in(&world, &app, &visitor, at(2500)).await);
}

#[tokio::test]
async fn a_session_in_use_writes_at_most_once_a_minute() {
    let (world, app, visitor, request) = at_the_consent_page().await;
    world.allow(&visitor, &request, at(2)).await.unwrap();
    let session = world.flow().await.approval.unwrap().session.unwrap();
    for (time, seen) in [(30, 1), (60, 1), (61, 61), (100, 61), (200, 200)] {
        assert!(is_signed_in(&world, &app, &visitor, at(time)).await);
        let session = world.store.session(session, None).await.unwrap().unwrap().session;
        assert_eq!(session.last_seen, at(seen), "at {time}");
    }
}

#[tokio::test]
async fn a_session_that_ended_while_the_consent_page_was_open_asks_for_a_new_sign_in() {
    let (world, _, mut visitor, request) = at_the_consent_page().await;
    let everybody = EpochKey::subject(world.engine.number(), &People::subject("somebody"));
    sign_out_everywhere(&world.engine, everybody, at(2)).await.unwrap();
    let next = world.allow(&visitor, &request, at(3)).await.unwrap();
    let Next::Login(request) = next else { panic!("approved by nobody: {next:?}") };
    let next = world.sign_in(&mut visitor, &request, "somebody", at(4)).await.unwrap();
    assert!(matches!(next, Next::Consent(_)));
}

#[tokio::test]
async fn signing_out_everywhere_beats_a_sign_in_under_way() {
    for op in [Op::Commit, Op::Session] {
        let (world, app, mut visitor, request) = at_the_login_page().await;
        let engine = Arc::clone(&world.engine);
        // After the person has proved who they are, before the answer.
        world.store.interrupt(When::Before, op, move || async move {
            let subject = EpochKey::subject(engine.number(), &People::subject("somebody"));
            sign_out_everywhere(&engine, subject, at(1)).await.unwrap();
        });
        let next = world.sign_in(&mut visitor, &request, "somebody", at(1)).await.unwrap();
        assert!(matches!(next, Next::Login(_)), "{op:?}: {next:?}");
        assert!(!is_signed_in(&world, &app, &visitor, at(2)).await, "{op:?}");
    }
}

#[tokio::test]
async fn two_pages_of_one_person_may_be_allowed_at_once() {
    for remembered in ["", "openid"] {
        let (world, app, visitor, request) = at_the_consent_page().await;
        if !remembered.is_empty() {
            let request = request.clone();
            world.allow(&visitor, &request, at(2)).await.unwrap();
        }
        let (rival, rivals_visitor, rivals_request) = (Arc::clone(&world), visitor.clone(), request.clone());
        world.store.interrupt(When::Before, Op::Commit, move || async move {
            let next = rival.allow(&rivals_visitor, &rivals_request, at(3)).await.unwrap();
            assert_eq!(error(&next), None);
        });
        let next = world.allow(&visitor, &request, at(3)).await.unwrap();
        let Next::Client(url) = next else { panic!("not sent back: {next:?}") };
        world.redeem(&app, &parameter(&url, "code").unwrap(), at(4)).await.unwrap();
    }
}

#[tokio::test]
async fn a_form_posted_twice_at_once_signs_in() {
    let (world, app, mut visitor, request) = at_the_login_page().await;
    world.sign_in(&mut visitor, &request, "somebody", at(1)).await.unwrap();
    let request = login_page(&world, &app, &visitor, at(2)).await;
    let (rival, mut rivals_visitor, rivals_request) = (Arc::clone(&world), visitor.clone(), request.clone());
    world.store.interrupt(When::Before, Op::Commit, move || async move {
        rival.sign_in(&mut rivals_visitor, &rivals_request, "somebody", at(3)).await.unwrap();
    });
    world.sign_in(&mut visitor, &request, "somebody", at(3)).await.unwrap();
    assert!(is_signed_in(&world, &app, &visitor, at(4)).await);
}

#[tokio::test]
async fn a_consent_page_is_answered_by_whoever_it_was_shown_to() {
    let (world, app, mut visitor, request) = at_the_consent_page().await;
    // In the same browser somebody else signs in meanwhile.
    let login = login_page(&world, &app, &visitor, at(2)).await;
    world.sign_in(&mut visitor, &login, "another", at(3)).await.unwrap();
    for decision in [Decision::Allow, Decision::Deny] {
        let answered = authorize::consent(&world.engine, &visitor.browser(), &request, decision, at(4)).await;
        assert_eq!(refused(answered), InvalidRequest);
    }
    assert_eq!(refused(Interaction::view(&world.engine, &visitor.browser(), &request, at(4)).await), InvalidRequest);
}

#[tokio::test]
async fn a_consent_page_tells_what_was_allowed_before() {
    let (world, app, visitor, request) = at_the_consent_page().await;
    world.allow(&visitor, &request, at(2)).await.unwrap();
    let ask = Ask::new(&app, "openid read write email");
    let next = world.authorize(&visitor, &ask, at(3)).await.unwrap();
    let Next::Consent(request) = next else { panic!("something is new: {next:?}") };
    let view = Interaction::view(&world.engine, &visitor.browser(), &request, at(3)).await.unwrap();
    assert_eq!(view.known, scope("openid read"));
    // What was allowed once is not asked again, and neither is both together.
    world.allow(&visitor, &request, at(4)).await.unwrap();
    for asked in ["openid read", "write email", "openid write"] {
        let next = world.authorize(&visitor, &Ask::new(&app, asked), at(5)).await.unwrap();
        assert!(matches!(next, Next::Client(_)), "{asked}: {next:?}");
    }
}

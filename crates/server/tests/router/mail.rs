//! The pages for passwords that were forgotten and for addresses that are proved, with the mails that they send.

use axum::http::StatusCode;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, REFERRER_POLICY, RETRY_AFTER};
use firman_engine::mail::{About, Mail};
use firman_engine::outbox::{self, Outcome, Taken};

use crate::endpoints::{form, hidden};
use crate::people::{leads_to, open, send, sign_in};
use crate::world::{ISSUER, PASSWORD, Reply, USERNAME, World};

const FORGOT: &str = "/login/forgot";
const RESET: &str = "/login/reset";
const NEW: &str = "another password";

pub(crate) async fn with_mail() -> World {
    World::with(|parts, _| parts.policy.mail = true).await
}

/// What lies in the outbox, taken out of it.
pub(crate) async fn letters(world: &World) -> Vec<Mail> {
    // What is written off the answer's path is written by now.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    let (engine, now, mut mails) = (&world.engine, world.now(), Vec::new());
    for delivery in outbox::due(engine, 100, now).await.unwrap() {
        let Taken::Letter(letter) = outbox::take(engine, &delivery, now).await.unwrap() else { panic!("not taken") };
        mails.push(serde_json::from_slice(&letter.body).unwrap());
        outbox::conclude(engine, &letter, &Outcome::Done, now).await.unwrap();
    }
    mails
}

/// Says who has forgotten a password.
async fn forgets(world: &World, typed: &str) -> Reply {
    let page = open(world, FORGOT).await;
    send(world, &page, FORGOT, &[("username", typed)]).await
}

/// The page a mail leads to.
async fn follow(world: &World, mail: &Mail) -> Reply {
    open(world, mail.link.strip_prefix(ISSUER).unwrap()).await
}

async fn resets(world: &World, page: &Reply, new: &str, again: &str) -> Reply {
    let token = hidden(&page.body, "token");
    send(world, page, RESET, &[("token", &token), ("new", new), ("again", again)]).await
}

// NIST SP 800-63B §3.1.1.2.
#[tokio::test]
async fn a_forgotten_password_is_replaced_by_the_link_of_a_mail() {
    let world = with_mail().await;
    let login = crate::people::login_page(&world).await.0;
    assert!(login.body.contains("id=\"forgot-password\""));
    world.forget_cookies();
    let known = forgets(&world, USERNAME).await;
    let mail = letters(&world).await.remove(0);
    assert_eq!((&*mail.to, &*mail.language), ("ada@people.example", "en"));
    let nobody = forgets(&world, "nobody").await;
    assert_eq!(
        (known.status, &known.body),
        (nobody.status, &nobody.body),
        "nobody is told whether there is an account"
    );
    assert_eq!(letters(&world).await, []);
    // On another device.
    world.forget_cookies();
    let page = follow(&world, &mail).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers[REFERRER_POLICY], "no-referrer");
    assert_eq!(page.headers[CACHE_CONTROL], "no-store");
    assert!(page.body.contains(USERNAME));
    for (new, again) in [(NEW, "a third one"), ("short", "short")] {
        let refused = resets(&world, &page, new, again).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{new}");
        assert!(refused.body.contains("id=\"reset-problem\""));
    }
    let done = resets(&world, &page, NEW, NEW).await;
    assert_eq!(leads_to(&done), "/account/security");
    assert_eq!(resets(&world, &page, PASSWORD, PASSWORD).await.status, StatusCode::GONE, "the link was used");
    assert_eq!(follow(&world, &mail).await.status, StatusCode::GONE);
    assert_eq!(sign_in(&world, PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(leads_to(&sign_in(&world, NEW).await), "/account/security");
}

// RFC 9700 §4.7.
#[tokio::test]
async fn no_other_site_sends_these_forms() {
    let world = with_mail().await;
    open(&world, FORGOT).await;
    for path in [FORGOT, RESET, "/account/email", "/account/security/email"] {
        for csrf in [vec![], vec![("csrf", "x")]] {
            let fields = [&[("username", USERNAME), ("token", "x")], &*csrf].concat();
            assert_eq!(
                world.browse(&form(path, world.cookie(), &fields)).await.status,
                StatusCode::BAD_REQUEST,
                "{path}"
            );
        }
    }
    assert_eq!(letters(&world).await, []);
}

#[tokio::test]
async fn an_address_is_proved_by_pressing_the_button_of_its_link() {
    let world = with_mail().await;
    let signed_in = sign_in(&world, PASSWORD).await;
    assert_eq!(leads_to(&signed_in), "/account/security");
    let page = open(&world, "/account/security").await;
    assert!(page.body.contains("id=\"security-email\">ada@people.example<"));
    let page = open(&world, "/account/security/email").await;
    let odd = send(&world, &page, "/account/security/email", &[("email", "a@b\r\nBcc: c@d.example")]).await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    let sent = send(&world, &page, "/account/security/email", &[("email", "new@people.example")]).await;
    assert_eq!(sent.status, StatusCode::OK);
    let mail = letters(&world).await.remove(0);
    world.forget_cookies();
    let page = follow(&world, &mail).await;
    assert!(page.body.contains("new@people.example") && page.body.contains(USERNAME));
    // Programs that look at links before people do have proved nothing.
    let again = follow(&world, &mail).await;
    let token = hidden(&again.body, "token");
    let done = send(&world, &again, "/account/email", &[("token", &token)]).await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(send(&world, &again, "/account/email", &[("token", &token)]).await.status, StatusCode::GONE);
    sign_in(&world, PASSWORD).await;
    assert!(open(&world, "/account/security").await.body.contains("id=\"security-email\">new@people.example<"));
}

#[tokio::test]
async fn who_changes_a_password_is_told_in_the_language_of_the_page() {
    let world = with_mail().await;
    sign_in(&world, PASSWORD).await;
    let path = "/account/security/password";
    let page = open(&world, path).await;
    let (csrf, mut ask) = (hidden(&page.body, "csrf"), form(path, world.cookie(), &[]));
    let fields = [("csrf", &*csrf), ("current", PASSWORD), ("new", NEW), ("again", NEW)];
    ask.form = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    ask.headers.push((ACCEPT_LANGUAGE.as_str(), "de".to_owned()));
    assert_eq!(world.browse(&ask).await.status, StatusCode::OK);
    let mail = letters(&world).await.remove(0);
    assert_eq!((&*mail.to, mail.about, &*mail.language), ("ada@people.example", About::PasswordChanged, "de"));
    assert_eq!(mail.link, format!("{ISSUER}/account/security"));
}

#[tokio::test]
async fn whoever_asks_too_often_waits() {
    let world = with_mail().await;
    for _ in 0..3 {
        assert_eq!(forgets(&world, "nobody").await.status, StatusCode::OK);
    }
    let wait = forgets(&world, "nobody").await;
    assert_eq!(wait.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(wait.headers[RETRY_AFTER], "600");
    world.wait(600);
    assert_eq!(forgets(&world, "nobody").await.status, StatusCode::OK);
}

#[tokio::test]
async fn where_no_mail_is_sent_nothing_promises_one() {
    let world = World::new().await;
    let login = crate::people::login_page(&world).await.0;
    assert!(!login.body.contains("forgot-password") && !login.body.contains("id=\"sign-up\""));
    for path in [FORGOT, "/account/email", "/account/security/email", "/login/sign-up"] {
        assert_eq!(open(&world, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    sign_in(&world, PASSWORD).await;
    assert!(!open(&world, "/account/security").await.body.contains("email-change"));
}

//! The pages for passwords that were forgotten and for addresses that are proved, with the mails that they send.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE};
use firman_engine::admin::account_edits::{self, Edit};
use firman_engine::admin::accounts;
use firman_engine::mail::{About, Mail};
use firman_engine::outbox::{self, Outcome, Taken};

use crate::endpoints::{asked, form, hidden};
use crate::people::{add_app, leads_to, open, send, sign_in};
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

/// Somebody who forgot their password while they were signing in for a client: the page that says a mail is on its way, and the mail.
async fn forgets_midway(world: &World) -> (Reply, Mail) {
    world.forget_cookies();
    let away = open(world, &format!("{}&ui_locales=de", asked().path)).await;
    let login = open(world, leads_to(&away)).await;
    let page = open(world, &linked(&login, "forgot-password")).await;
    let request = hidden(&page.body, "request");
    let sent = send(world, &page, FORGOT, &[("username", USERNAME), ("request", &request)]).await;
    assert!(page.body.contains("<html lang=\"de\"") && sent.body.contains("<html lang=\"de\""), "{}", sent.body);
    let mail = letters(world).await.remove(0);
    assert!(mail.link.len() < 500, "mail programs break long links: {}", mail.link);
    (sent, mail)
}

/// Where a link of a page leads.
fn linked(page: &Reply, id: &str) -> String {
    let (_, after) =
        page.body.split_once(&format!("id=\"{id}\" href=\"{ISSUER}")).unwrap_or_else(|| panic!("{}", page.body));
    after.split('"').next().unwrap().to_owned()
}

/// Signs in on the page of a request, which goes on.
async fn goes_on(world: &World, address: &str) {
    let login = open(world, address).await;
    let request = hidden(&login.body, "request");
    let done = send(world, &login, "/login", &[("request", &request), ("username", USERNAME), ("password", NEW)]).await;
    assert!(leads_to(&done).starts_with("/consent?"), "{}", leads_to(&done));
}

#[tokio::test]
async fn who_forgot_a_password_on_the_way_to_a_client_goes_on_to_it() {
    let world = with_mail().await;
    let (_, mail) = forgets_midway(&world).await;
    let page = follow(&world, &mail).await;
    let done = resets(&world, &page, NEW, NEW).await;
    assert!(leads_to(&done).starts_with("/login?request="), "{}", leads_to(&done));
    let kept: Vec<_> = done.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
    assert!(kept.len() == 1 && kept[0].contains("Max-Age=0"), "it is forgotten: {kept:?}");
    goes_on(&world, leads_to(&done)).await;
}

#[tokio::test]
async fn in_another_browser_they_are_told_to_go_back_and_there_they_go_on() {
    let world = with_mail().await;
    let (sent, mail) = forgets_midway(&world).await;
    let first = world.change_browser(BTreeMap::new());
    // Somebody else, who is on the way to the client with that browser.
    let (_, others) = forgets_midway(&world).await;
    let page = follow(&world, &mail).await;
    let done = resets(&world, &page, NEW, NEW).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.body.contains("Go back to the browser in which you were signing in"), "{}", done.body);
    assert_eq!(follow(&world, &others).await.status, StatusCode::GONE, "of the password before");
    world.change_browser(first);
    goes_on(&world, &linked(&sent, "forgot-back")).await;
}

#[tokio::test]
async fn what_has_expired_or_is_of_another_browser_is_not_gone_on_with() {
    let world = with_mail().await;
    let (_, mail) = forgets_midway(&world).await;
    world.wait(901);
    let page = follow(&world, &mail).await;
    let done = resets(&world, &page, NEW, NEW).await;
    assert!(done.status == StatusCode::OK && done.body.contains("Go back"), "{} {}", done.status, done.body);
    // A request that somebody else began, given to them.
    let away = open(&world, &asked().path).await;
    let (address, _) = (leads_to(&away).replace("/login", FORGOT), world.change_browser(BTreeMap::new()));
    let page = open(&world, &address).await;
    assert!(page.status == StatusCode::OK && !page.body.contains("name=\"request\""), "{}", page.body);
    let (_, request) = address.split_once("request=").unwrap();
    let sent = send(&world, &page, FORGOT, &[("username", USERNAME), ("request", request)]).await;
    assert!(
        sent.status == StatusCode::OK && !sent.body.contains("forgot-back") && !sent.headers.contains_key(SET_COOKIE)
    );
    let mail = letters(&world).await.into_iter().find(|mail| mail.about == About::Reset).unwrap();
    let page = follow(&world, &mail).await;
    assert_eq!(leads_to(&resets(&world, &page, PASSWORD, PASSWORD).await), "/account/security");
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
    let seen = accounts::find(&world.engine, USERNAME, world.now()).await.unwrap();
    let mut claims = seen.claims.clone();
    assert_eq!(claims.remove("locale"), Some("en-GB".into()), "which would say it");
    let edit = Edit { username: USERNAME.to_owned(), enabled: true, claims };
    account_edits::edit(&world.engine, &seen, edit, world.now()).await.unwrap();
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

#[tokio::test]
async fn whoever_has_another_second_step_is_mailed_of_it() {
    let world = with_mail().await;
    sign_in(&world, PASSWORD).await;
    add_app(&world).await;
    let added = letters(&world).await;
    let page = open(&world, "/account/security").await;
    send(&world, &page, "/account/security/recovery", &[]).await;
    let made = letters(&world).await;
    send(&world, &page, "/account/security/app/remove", &[]).await;
    let removed = letters(&world).await;
    for (mails, about) in [(added, About::AppAdded), (made, About::RecoveryCodesMade), (removed, About::AppRemoved)] {
        let [mail] = &*mails else { panic!("{about:?}: {mails:?}") };
        assert_eq!(mail.about, about);
        assert_eq!((&*mail.to, &*mail.username, &*mail.language), ("ada@people.example", USERNAME, "en-GB"));
        assert!(
            follow(&world, mail).await.body.contains("id=\"password-change\""),
            "it leads to where it can be changed"
        );
    }
}

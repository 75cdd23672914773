//! Passkeys through the pages (Web Authentication), with an authenticator in software.

use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;

use crate::authenticator::Authenticator;
use crate::endpoints::{asked, form, hidden};
use crate::people::{leads_to, login_page, open, send, sign_in};
use crate::world::{ISSUER, PASSWORD, Reply, World};

const PASSKEYS: &str = "/account/security/passkeys";
const SHOW: &str = "/login/passkey";

/// The form that asks for a passkey, and what its script gives to the browser.
fn question(page: &Reply) -> (&str, String) {
    let (_, form) = page.body.split_once("id=\"passkey-form\"").unwrap_or_else(|| panic!("{}", page.body));
    let (_, options) = form.split_once("data-options=\"").unwrap();
    let options = options.split('"').next().unwrap().replace("&#34;", "\"").replace("&#39;", "'");
    (form, options.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&"))
}

/// Sends the form with an answer, as the script does.
async fn answer(world: &World, page: &Reply, path: &str, fields: &[(&str, &str)]) -> Reply {
    let (form_of, _) = question(page);
    let (question, csrf) = (hidden(form_of, "question"), hidden(form_of, "csrf"));
    let own = [("question", &*question), ("csrf", &*csrf)];
    let fields: Vec<_> = own.iter().chain(fields).copied().collect();
    world.browse(&form(path, world.cookie(), &fields)).await
}

/// Adds a passkey to the account of whoever is signed in.
async fn add(world: &World, name: &str) -> (Authenticator, Reply) {
    let page = open(world, PASSKEYS).await;
    let mut key = Authenticator::new(ISSUER, name);
    let said = key.create(&question(&page).1);
    let done = answer(world, &page, PASSKEYS, &[("answer", &said), ("name", name)]).await;
    (key, done)
}

// Web Authentication §5.1.8, Web Authentication §5.1.9.
#[tokio::test]
async fn a_passkey_is_added_and_signs_in_to_a_page_of_ours_and_to_a_client() {
    let world = World::new().await;
    assert!(leads_to(&open(&world, PASSKEYS).await).starts_with("/login?request="));
    sign_in(&world, PASSWORD).await;
    let (mut key, done) = add(&world, "Key <one>").await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert!(done.body.contains("id=\"security-news\"") && done.body.contains("Key &#60;one&#62;"), "{}", done.body);
    // To a page of ours.
    let (page, request) = login_page(&world).await;
    let policy = page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("script-src 'self';") && policy.starts_with("default-src 'none'"), "{policy}");
    let said = key.get(&question(&page).1);
    let done = answer(&world, &page, SHOW, &[("request", &request), ("answer", &said)]).await;
    assert_eq!(leads_to(&done), "/account/security");
    let again = answer(&world, &page, SHOW, &[("request", &request), ("answer", &said)]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a second time");
    assert!(again.body.contains("id=\"login-problem\"") && again.body.contains("id=\"passkey-form\""));
    // On the way to a client.
    world.forget_cookies();
    let on_the_way = world.browse(&asked()).await;
    let page = open(&world, leads_to(&on_the_way)).await;
    let request = hidden(question(&page).0, "request");
    let said = key.get(&question(&page).1);
    let wrong = answer(&world, &page, SHOW, &[("request", &request), ("answer", "{}")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("id=\"login-problem\""), "{}", wrong.body);
    let done = answer(&world, &page, SHOW, &[("request", &request), ("answer", &said)]).await;
    assert!(leads_to(&done).starts_with("/consent?"), "{}", leads_to(&done));
}

#[tokio::test]
async fn a_passkey_is_renamed_and_removed_on_the_page_that_lists_it() {
    let world = World::new().await;
    sign_in(&world, PASSWORD).await;
    let (mut key, page) = add(&world, "One").await;
    let id = key.id();
    let fields = [("id", &*id), ("name", "Another name")];
    let renamed = send(&world, &page, "/account/security/passkeys/rename", &fields).await;
    assert!(renamed.body.contains("<bdi class=\"passkey-name\">Another name</bdi>"), "{}", renamed.body);
    let removed = send(&world, &renamed, "/account/security/passkeys/remove", &[("id", &id)]).await;
    assert!(!removed.body.contains("passkey-name") && removed.body.contains("id=\"passkey-new\""));
    let gone = send(&world, &renamed, "/account/security/passkeys/remove", &[("id", &id)]).await;
    assert_eq!(gone.status, StatusCode::BAD_REQUEST);
    let (page, request) = login_page(&world).await;
    let said = key.get(&question(&page).1);
    let refused = answer(&world, &page, SHOW, &[("request", &request), ("answer", &said)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_answer_for_another_site_adds_nothing() {
    let world = World::new().await;
    sign_in(&world, PASSWORD).await;
    let page = open(&world, PASSKEYS).await;
    let mut key = Authenticator::new("https://evil.example", "One");
    let said = key.create(&question(&page).1);
    let refused = answer(&world, &page, PASSKEYS, &[("answer", &said), ("name", "One")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("id=\"passkeys-problem\""), "{}", refused.body);
    assert!(!open(&world, "/account/security").await.body.contains("passkey-name"));
}

// RFC 9700 §4.7.
#[tokio::test]
async fn a_form_for_passkeys_of_another_site_changes_nothing() {
    let world = World::new().await;
    sign_in(&world, PASSWORD).await;
    let (key, page) = add(&world, "One").await;
    let id = key.id();
    for path in [PASSKEYS, "/account/security/passkeys/rename", "/account/security/passkeys/remove", SHOW] {
        let fields = [("id", &*id), ("name", "x"), ("question", "x"), ("answer", "{}")];
        let without = world.browse(&form(path, world.cookie(), &fields)).await;
        assert_eq!(without.status, StatusCode::BAD_REQUEST, "{path}");
        let csrf = hidden(&page.body, "csrf");
        let mut foreign = form(path, world.cookie(), &[("csrf", &csrf), ("id", &id), ("name", "x")]);
        foreign.headers.push(("sec-fetch-site", "cross-site".to_owned()));
        assert_eq!(world.browse(&foreign).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    assert!(open(&world, "/account/security").await.body.contains(">One</bdi>"));
}

//! In which language pages speak: the one an application asks for, or else the one of the browser.

use axum::http::StatusCode;
use axum::http::header::ACCEPT_LANGUAGE;

use crate::endpoints::{ASKED, asked, form, get, hidden};
use crate::metadata::told;
use crate::people::{add_app, leads_to, open, send, shown, sign_in};
use crate::world::{PASSWORD, Reply, USERNAME, World};

fn language(page: &Reply) -> &str {
    let (_, rest) = page.body.split_once("<html lang=\"").unwrap_or_else(|| panic!("no page: {page:?}"));
    rest.split('"').next().unwrap()
}

async fn signing_in(world: &World, ui_locales: &str) -> Reply {
    world.forget_cookies();
    let away = open(world, &format!("{}&ui_locales={ui_locales}", asked().path)).await;
    assert!(!leads_to(&away).contains("ui_locales"), "{away:?}");
    open(world, leads_to(&away)).await
}

// OpenID Connect Discovery §3.
#[tokio::test]
async fn every_language_of_the_metadata_is_spoken() {
    let world = World::new().await;
    let languages = told(&world).await["ui_locales_supported"].clone();
    assert_eq!(languages, serde_json::json!(["en", "de"]));
    for tag in ["en", "de"] {
        assert_eq!(language(&world.send(&get(format!("/?ui_locales={tag}"))).await), tag);
    }
    let quiet = World::with(|parts, _| parts.policy.pages = false).await;
    assert!(told(&quiet).await.get("ui_locales_supported").is_none());
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn every_page_of_a_request_speaks_what_the_request_asks_for() {
    let world = World::new().await;
    let page = signing_in(&world, "tlh%20de-AT").await;
    assert_eq!(language(&page), "de");
    let request = hidden(&page.body, "request");
    let typed = |password| [("request", &*request), ("username", USERNAME), ("password", password)];
    let again = send(&world, &page, "/login", &typed("wrong")).await;
    assert_eq!((again.status, language(&again)), (StatusCode::UNPROCESSABLE_ENTITY, "de"));
    assert!(again.body.contains("Benutzername oder Passwort ist falsch."), "{}", again.body);
    let welcome = send(&world, &again, "/login", &typed(PASSWORD)).await;
    let consent = open(&world, leads_to(&welcome)).await;
    assert_eq!(language(&consent), "de");
    assert!(consent.body.contains("Wissen, dass Sie es sind"), "{}", consent.body);
    // Nobody else is spoken to in it.
    assert_eq!(language(&open(&world, "/account").await), "en");
    assert_eq!(language(&signing_in(&world, "tlh").await), "en");
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn so_does_the_page_of_the_second_step() {
    let world = World::new().await;
    sign_in(&world, PASSWORD).await;
    let (secret, _) = add_app(&world).await;
    let page = signing_in(&world, "de").await;
    let request = hidden(&page.body, "request");
    let typed = [("request", &*request), ("username", USERNAME), ("password", PASSWORD)];
    let half = send(&world, &page, "/login", &typed).await;
    let page = open(&world, leads_to(&half)).await;
    assert!(page.body.contains("id=\"second-form\"") && language(&page) == "de", "{}", page.body);
    let half = hidden(&page.body, "half");
    let again = send(&world, &page, "/login/code", &[("half", &half), ("code", "000000")]).await;
    assert_eq!((again.status, language(&again)), (StatusCode::UNPROCESSABLE_ENTITY, "de"));
    let done = send(&world, &page, "/login/code", &[("half", &half), ("code", &shown(&secret, 1))]).await;
    assert_eq!(language(&open(&world, leads_to(&done)).await), "de");
}

// OpenID Connect Core §3.1.2.1. Form Post Response Mode §2.
#[tokio::test]
async fn so_does_the_page_that_brings_an_answer_without_a_question() {
    let world = World::with(|_, client| client.policy.skip_consent = true).await;
    let page = signing_in(&world, "en").await;
    let request = hidden(&page.body, "request");
    send(&world, &page, "/login", &[("request", &request), ("username", USERNAME), ("password", PASSWORD)]).await;
    for (scope, member) in [("openid", "code"), ("everything", "error")] {
        let mut fields: Vec<_> = ASKED.into_iter().filter(|(name, _)| *name != "scope").collect();
        fields.extend([("scope", scope), ("response_mode", "form_post"), ("ui_locales", "tlh de")]);
        // Nothing of it is in the address.
        let page = world.browse(&form("/oauth2/authorize", world.cookie(), &fields)).await;
        assert!(page.body.contains(&format!("name=\"{member}\"")), "{}", page.body);
        assert_eq!(language(&page), "de", "{scope}");
    }
}

// OpenID Connect RP-Initiated Logout §2.
#[tokio::test]
async fn so_does_every_page_of_signing_out() {
    let world = World::new().await;
    let page = signing_in(&world, "en").await;
    let request = hidden(&page.body, "request");
    let typed = [("request", &*request), ("username", USERNAME), ("password", PASSWORD)];
    send(&world, &page, "/login", &typed).await;
    let away = open(&world, "/oauth2/logout?ui_locales=de").await;
    let page = open(&world, leads_to(&away)).await;
    assert_eq!(language(&page), "de");
    let request = hidden(&page.body, "request");
    let stayed = send(&world, &page, "/logout", &[("request", &request), ("cancel", "1")]).await;
    assert_eq!(language(&open(&world, leads_to(&stayed)).await), "de");
    let left = send(&world, &page, "/logout", &[("request", &request)]).await;
    assert!(leads_to(&left).starts_with("/logout/done"), "{left:?}");
    assert_eq!(language(&open(&world, leads_to(&left)).await), "de");
}

// RFC 9110 §12.5.4.
#[tokio::test]
async fn where_no_application_asks_the_browser_says() {
    let world = World::new().await;
    for (accept, expected) in [("tlh, de-CH;q=0.8, en;q=0.5", "de"), ("fr", "en"), ("\u{e9}", "en")] {
        let mut ask = get("/");
        ask.headers.push((ACCEPT_LANGUAGE.as_str(), accept.to_owned()));
        assert_eq!(language(&world.send(&ask).await), expected, "{accept}");
    }
}

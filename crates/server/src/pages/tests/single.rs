//! What single pages say, and the ids and names by which scripts know it.

use super::samples::{consent, consent_to_a_device, details, login, logout, signed_out};
use crate::pages::{Client, Consent, Device, ErrorPage, Home, Login, ScopeLine, SignedOut};

#[test]
fn login_has_the_ids_and_names_that_scripts_know() {
    let page = login("plain");
    for id in ["login-form", "username", "password", "login-submit", "login-cancel", "login-problem"] {
        assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id} in {page}");
    }
    let form = &page[page.find("<form").unwrap()..page.find("</form>").unwrap()];
    for name in ["request", "csrf", "username", "password", "cancel"] {
        assert_eq!(form.matches(&format!(" name=\"{name}\"")).count(), 1, "{name} in {form}");
    }
    let other = &page[page.find("id=\"upstream-form\"").unwrap()..];
    for name in ["request", "csrf", "upstream"] {
        assert_eq!(other.matches(&format!(" name=\"{name}\"")).count(), 1, "{name} in {other}");
    }
    assert!(form.contains("<h1>Sign in</h1>") && form.contains(">Sign in</button>"), "{form}");
    assert!(page.contains("autocomplete=\"username\"") && page.contains("autocomplete=\"current-password\""));
    // Enter presses the first button of a form.
    assert!(form.find("login-submit") < form.find("login-cancel"), "{form}");
}

#[test]
fn logout_has_the_ids_that_scripts_know() {
    let page = logout("plain");
    for id in ["logout-page", "logout-confirm", "logout-cancel", "logout-username"] {
        assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id} in {page}");
    }
    let page = SignedOut::default().render().unwrap();
    assert!(page.contains("id=\"signed-out\"") && page.contains("signed out") && !page.contains("problem"), "{page}");
    for nothing in ["<script", "<iframe", "http-equiv"] {
        assert!(!page.contains(nothing), "{nothing} in {page}");
    }
    let page = signed_out("https://a.example/b");
    assert!(
        page.contains("<noscript><meta http-equiv=\"refresh\" content=\"5; url=https://a.example/b\"></noscript>"),
        "{page}"
    );
    assert_eq!(page.matches("<iframe hidden ").count(), 2, "{page}");
    assert_eq!(page.matches(" id=\"signed-out-next\"").count(), 1, "{page}");
    // Who is to read something is not sent on before they have.
    let stays = SignedOut { to: Some(("/b", "a.example")), stays: Some("The lab"), ..SignedOut::default() };
    let page = stays.render().unwrap();
    assert!(page.contains("id=\"signed-out-stays\"") && page.contains("id=\"signed-out-next\""), "{page}");
    assert!(!page.contains("<script") && !page.contains("http-equiv"), "{page}");
}

#[test]
fn login_shows_no_problem_where_there_is_none() {
    let client = Client { name: "Ledger", ..Client::default() };
    let page = Login {
        client: Some(client),
        again: false,
        login_hint: None,
        problem: None,
        request: "r",
        csrf: "c",
        action: "/login",
        upstreams: &[],
        upstream_action: "/login/upstream",
        upstream_csrf: "c",
        by_name: true,
        password: true,
        password_needed: true,
        forgot: None,
        sign_up: None,
        passkey: None,
    };
    let page = page.render().unwrap();
    for word in ["login-problem", "aria-invalid", "Problem", "client-links", "<img"] {
        assert!(!page.contains(word), "{word} in {page}");
    }
}

#[test]
fn a_client_cannot_link_anything_but_the_web() {
    let page = login("javascript:alert(1)");
    assert!(!page.contains("href=\"javascript") && !page.contains("src=\"javascript"), "{page}");
    assert!(!page.contains("client-links"), "{page}");
}

#[test]
fn consent_says_who_asks_for_what_and_where_it_goes() {
    let scopes = ["openid", "email", "invoices:read"].map(ScopeLine::of).to_vec();
    let client = Client { name: "Ledger", ..Client::default() };
    let (redirect_host, username, user_code) = ("ledger.example", "alice", None);
    let page = Consent {
        client,
        redirect_host,
        user_code,
        username,
        scopes,
        known: vec![],
        details: details("Pay"),
        resources: vec!["Books".to_owned()],
        request: "r",
        csrf: "c",
        action: "/consent",
    };
    let page = page.render().unwrap();
    for text in [
        "Ledger",
        "alice",
        "ledger.example",
        "<bdi>Books</bdi>",
        "See your e-mail address",
        "<code>invoices:read</code>",
        "Pay of",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    for (id, value) in [("consent-allow", "allow"), ("consent-deny", "deny")] {
        let button = page.find(&format!("id=\"{id}\"")).unwrap();
        assert!(page[button..].contains(&format!("name=\"decision\" value=\"{value}\"")), "{page}");
    }
}

#[test]
fn consent_tells_what_is_new_from_what_was_allowed_before() {
    let scopes = |names: &[&'static str]| names.iter().map(|name| ScopeLine::of(name)).collect();
    let client = Client { name: "Ledger", verified: true, ..Client::default() };
    let page = Consent {
        client,
        redirect_host: "ledger.example",
        user_code: None,
        username: "alice",
        scopes: scopes(&["email"]),
        known: scopes(&["openid"]),
        details: vec![],
        resources: vec![],
        request: "r",
        csrf: "c",
        action: "/consent",
    };
    let page = page.render().unwrap();
    let (new, known) = page.split_once("id=\"consent-known\"").unwrap();
    assert!(new.contains("now also asks") && new.contains("See your e-mail address"), "{new}");
    assert!(!new.contains("Know that it is you") && known.contains("Know that it is you"), "{known}");
    assert!(page.contains("id=\"consent-verified\"") && consent("x", vec![]).contains("id=\"consent-unverified\""));
}

#[test]
fn consent_to_a_device_shows_its_code_and_no_host() {
    let page = consent_to_a_device("WDJB-MJHT");
    assert!(page.contains("id=\"consent-user-code\"><code>WDJB-MJHT</code>"), "{page}");
    assert!(!page.contains("not shown") && !page.contains("consent-redirect-host"), "{page}");
}

#[test]
fn the_page_for_devices_has_the_ids_and_names_that_scripts_know() {
    let page = Device { user_code: "WDJB-MJHT", problem: None, qr: "data:,", csrf: "c", action: "/device" };
    let page = page.render().unwrap();
    for id in ["device-form", "user-code", "device-submit", "device-qr"] {
        assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id} in {page}");
    }
    for text in [" name=\"user_code\"", " name=\"csrf\"", "value=\"WDJB-MJHT\""] {
        assert_eq!(page.matches(text).count(), 1, "{text} in {page}");
    }
    assert!(!page.contains("device-problem"), "{page}");
}

#[test]
fn consent_without_scopes_says_so() {
    assert!(consent("plain", vec![]).contains("without any permission in particular"));
}

#[test]
fn an_error_says_that_it_cannot_continue_and_the_code() {
    let page = ErrorPage { code: "invalid_request", text: "redirect_uri is not registered.", incident: None };
    let page = page.render().unwrap();
    let from = page.find("id=\"oauth-error\"").unwrap();
    let section = &page[from..page.find("</section>").unwrap()];
    for text in ["cannot continue", "invalid_request", "redirect_uri is not registered."] {
        assert!(section.contains(text), "{text} in {section}");
    }
    assert!(!page.contains("Incident"), "{page}");
}

// OpenID Connect Discovery §4.
#[test]
fn home_links_discovery() {
    for issuer in ["https://id.example", "https://id.example/"] {
        let page = Home { issuer, account: "/account" }.render().unwrap();
        assert!(page.contains("href=\"https://id.example/.well-known/openid-configuration\""), "{page}");
    }
}

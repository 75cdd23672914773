//! What every page must keep: escaped texts, stable ids, no script, no inline style.

use firman_proto::authorization_details::Described;
use firman_proto::time::Timestamp;

use super::account::{
    Allowed, AllowedApp, AllowedApps, ApiKeyEntry, ApiKeys, Choice, ClientForm, Form, HeldGrant, Here, Menu, NewApiKey,
    NewSecret, OwnClient, OwnClients, Place, RememberedAt, Sessions,
};
use super::when::When;
use super::{
    Client, Consent, Device, ErrorPage, Home, Login, Logout, Message, PasskeyForm, Post, Requests, ScopeLine,
    SignedOut, Upstream, Waiting,
};

/// Breaks out of text, of a quoted attribute, and of a tag, wherever it is not escaped.
const HOSTILE: &str = "\"'><script>x</script><p style=\"x\">&amp;{{ 7*7 }}";

fn client(text: &str) -> Client<'_> {
    Client {
        name: text,
        logo: Some(text),
        uri: Some(text),
        policy_uri: Some(text),
        tos_uri: Some(text),
        verified: false,
    }
}

fn login(text: &str) -> String {
    login_with(text, None)
}

fn login_with<'t>(text: &'t str, passkey: Option<PasskeyForm<'t>>) -> String {
    let (login_hint, problem) = (Some(text), Some(text));
    let offered = [Upstream { name: "uni", label: text, logo: None }];
    Login {
        client: Some(client(text)),
        again: false,
        login_hint,
        problem,
        request: text,
        csrf: text,
        action: text,
        upstreams: &offered,
        upstream_action: text,
        upstream_csrf: text,
        by_name: true,
        password: true,
        password_needed: true,
        forgot: Some("/login/forgot"),
        sign_up: Some("/login/sign-up"),
        passkey,
    }
    .render()
    .unwrap()
}

fn passkey(text: &str) -> PasskeyForm<'_> {
    PasskeyForm { kind: "get", options: text, question: text, hidden: &[], csrf: text, action: text }
}

fn details(text: &str) -> Vec<Described> {
    vec![Described { title: text.to_owned(), facts: vec![(format!("{text} of"), text.to_owned())] }]
}

fn consent(text: &str, scopes: Vec<ScopeLine<'_>>) -> String {
    let (redirect_host, username, user_code) = (text, text, None);
    let (client, resources) = (client(text), vec![text.to_owned()]);
    Consent {
        client,
        redirect_host,
        user_code,
        username,
        scopes,
        known: vec![],
        details: vec![],
        resources,
        request: text,
        csrf: text,
        action: text,
    }
    .render()
    .unwrap()
}

fn consent_to_a_device(text: &str) -> String {
    let (redirect_host, username, user_code) = ("not shown", text, Some(text));
    let (client, scopes) = (client(text), vec![]);
    Consent {
        client,
        redirect_host,
        user_code,
        username,
        scopes,
        known: vec![],
        details: details(text),
        resources: vec![],
        request: text,
        csrf: text,
        action: text,
    }
    .render()
    .unwrap()
}

fn post(text: &str) -> String {
    Post { action: text, host: text, members: &[("code", text.to_owned())] }.render().unwrap()
}

fn requests(text: &str) -> String {
    let scopes = vec![ScopeLine { name: text, text: None }];
    let waiting = [Waiting {
        id: text.to_owned(),
        client_name: text,
        scopes,
        details: &details(text),
        resources: &[],
        binding_message: Some(text),
    }];
    let menu = menu(text);
    Requests { menu: &menu, requests: &waiting, news: Some(text), csrf: text, action: text }.render().unwrap()
}

fn logout(text: &str) -> String {
    Logout {
        client: Some(client(text)),
        username: text,
        means_another: true,
        problem: Some(text),
        request: text,
        csrf: text,
        action: text,
    }
    .render()
    .unwrap()
}

fn signed_out(text: &str) -> String {
    SignedOut { problem: Some(text), frames: &[text, text], to: Some((text, text)), stays: None }.render().unwrap()
}

fn every_page(text: &str) -> Vec<String> {
    let mut pages = vec![
        login(text),
        login_with(text, Some(passkey(text))),
        consent(text, vec![ScopeLine::of(text), ScopeLine { name: "x", text: Some(text) }]),
        Device { user_code: text, problem: Some(text), qr: text, csrf: text, action: text }.render().unwrap(),
        consent_to_a_device(text),
        ErrorPage { code: text, text, incident: Some(text) }.render().unwrap(),
        Home { issuer: text, account: text }.render().unwrap(),
        Message { title: text, text }.render().unwrap(),
        post(text),
        logout(text),
        signed_out(text),
        SignedOut { to: Some((text, text)), stays: Some(text), ..SignedOut::default() }.render().unwrap(),
        requests(text),
        Login {
            client: None,
            passkey: Some(passkey(text)),
            forgot: None,
            sign_up: None,
            again: true,
            login_hint: Some(text),
            problem: None,
            request: text,
            csrf: text,
            action: text,
            upstreams: &[],
            upstream_action: text,
            upstream_csrf: text,
            by_name: true,
            password: true,
            password_needed: true,
        }
        .render()
        .unwrap(),
    ];
    pages.extend(account(text));
    pages
}

fn menu(text: &str) -> Menu {
    let pages = [Here::Apps, Here::Sessions, Here::Security, Here::ApiKeys, Here::Clients];
    let pages = pages.map(|page| (page, text.to_owned())).to_vec();
    Menu { username: text.to_owned(), here: Here::Apps, pages, sign_out: text.to_owned() }
}

/// The pages of the account, with something of everything on them.
fn account(text: &str) -> Vec<String> {
    let (when, line) = (When(Timestamp::from_seconds(0)), ScopeLine { name: text, text: None });
    let form = Form { action: text, csrf: text };
    let (details, resources) = (details(text), vec![text.to_owned()]);
    let allowed = Allowed {
        kind: text,
        scopes: vec![line],
        details: &details,
        resources: &resources,
        since: when,
        last_used: Some(when),
        until: when,
    };
    let remembered = RememberedAt { resource: Some(text), scopes: vec![line], at: when };
    let app = AllowedApp {
        id: text.to_owned(),
        client: client(text),
        open: Some(text.to_owned()),
        grants: vec![allowed],
        remembered: vec![remembered],
    };
    let (next, news, problem) = (Some(text.to_owned()), Some(text), Some(text));
    let apps = AllowedApps { menu: menu(text), apps: vec![app], next: next.clone(), news, form };
    let place = Place { id: text.to_owned(), here: false, since: when, last_seen: when, ways: vec![text.to_owned()] };
    let places = vec![place.clone(), Place { here: true, ..place }];
    let sessions = Sessions { menu: menu(text), places, next: next.clone(), news, form };
    let key = ApiKeyEntry {
        id: text.to_owned(),
        name: text,
        scopes: vec![line],
        resources: &resources,
        since: when,
        last_used: None,
        until: when,
    };
    let made = Some((text, text));
    let keys = ApiKeys { menu: menu(text), keys: vec![key], made, new: text, next: next.clone(), news, form };
    let choice = Choice { value: text, text: Some(text), chosen: true };
    let new_key = NewApiKey {
        menu: menu(text),
        name: text,
        days: text,
        most_days: 366,
        scopes: vec![choice],
        resources: vec![choice],
        problem,
        form,
    };
    let line_of = (text.to_owned(), text.to_owned(), text.to_owned());
    let clients = OwnClients { menu: menu(text), clients: vec![line_of], new: text, next: next.clone(), news };
    let fields =
        ClientForm { name: text, redirect_uris: text, client_uri: text, scopes: vec![choice], confidential: true };
    let held = HeldGrant { scopes: vec![line], since: when, last_used: None };
    let (secret, grants) = (Some(NewSecret(text)), vec![held]);
    let client_id = Some(text);
    let one = OwnClient { menu: menu(text), client_id, fields, secret, grants, next, news, problem, form };
    let new = OwnClient { client_id: None, secret: None, grants: vec![], next: None, ..one.clone() };
    [apps.render(), sessions.render(), keys.render(), new_key.render(), clients.render(), one.render(), new.render()]
        .map(Result::unwrap)
        .to_vec()
}

#[test]
fn every_text_is_escaped() {
    let web = format!("https://a.example/{HOSTILE}");
    for (clean, hostile) in every_page("https://a.example/").iter().zip(every_page(&web)) {
        // The same tags and as many quotes: nothing that came in as data became markup.
        for mark in ["<", ">", "\"", "'"] {
            assert_eq!(clean.matches(mark).count(), hostile.matches(mark).count(), "{mark} in {hostile}");
        }
        assert!(hostile.contains("&#60;script&#62;") && hostile.contains("&#38;amp;"), "{hostile}");
    }
}

#[test]
fn no_page_has_script_or_inline_style_but_those_that_go_on_by_themselves_and_those_that_ask_for_a_passkey() {
    let script = |url| format!("<script src=\"{url}\"></script>");
    let (posts, leaves) = (script(super::assets::post_url()), script(super::assets::signed_out_url()));
    let asks = format!("<script src=\"{}\" defer></script>", super::assets::passkey_url());
    assert!(post("plain").contains(&posts) && signed_out("plain").contains(&leaves));
    assert!(login_with("plain", Some(passkey("plain"))).contains(&asks) && !login("plain").contains(&asks));
    for page in every_page("plain") {
        let page = page.replace(&posts, "").replace(&leaves, "").replace(&asks, "");
        for word in ["<script", "style=", "<style", "javascript:", "onload=", "onclick=", "onsubmit="] {
            assert!(!page.contains(word), "{word} in {page}");
        }
    }
}

#[test]
fn every_page_has_its_language_and_one_main_heading() {
    for page in every_page("plain") {
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"), "{page}");
        assert_eq!(page.matches("<h1").count(), 1, "{page}");
        assert_eq!(page.matches("<main").count(), 1, "{page}");
        assert!(page.contains("<link rel=\"stylesheet\" href=\"/assets/firman.css?v="), "{page}");
    }
}

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

#[test]
fn every_pair_of_colours_has_the_contrast_of_wcag_aa() {
    let css = super::assets::find("/assets/firman.css").unwrap().body;
    let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
    // WCAG 2.2 §1.4.3: text 4.5; §1.4.11: borders of controls and the focus ring 3.
    let texts = [("ink", "paper"), ("soft", "paper"), ("soft", "desk"), ("link", "paper"), ("ink", "tint")];
    let marks = [("edge", "paper"), ("alert", "paper"), ("focus", "paper"), ("wax-light", "wax")];
    for palette in [light, dark] {
        for (pairs, least) in [(&texts[..], 4.5), (&marks[..], 3.0)] {
            for (front, back) in pairs {
                let (front_light, back_light) = (luminance(palette, front), luminance(palette, back));
                let ratio = (front_light.max(back_light) + 0.05) / (front_light.min(back_light) + 0.05);
                assert!(ratio >= least, "{front} on {back}: {ratio:.2}");
            }
        }
    }
}

/// Relative luminance (WCAG 2.2) of a custom property.
fn luminance(css: &str, name: &str) -> f64 {
    let (_, rest) = css.split_once(&format!("--{name}: #")).unwrap();
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&rest[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

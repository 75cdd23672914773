//! The pages on which people sign in to their own account, take a second step, and change how they sign in.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::header::{CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{Method, StatusCode};
use firman_engine::{Accounts, Fault, User};
use firman_proto::time::Timestamp;
use firman_store::record::{Rest, Subject};

use crate::endpoints::{form, get, hidden};
use crate::world::{Ask, ISSUER, PASSWORD, Reply, USERNAME, World};

const SECURITY: &str = "/account/security";
const LOGIN: &str = "/login";

pub(crate) async fn open(world: &World, path: &str) -> Reply {
    let mut ask = get(path);
    if !world.cookie().1.is_empty() {
        ask.headers.push(world.cookie());
    }
    world.browse(&ask).await
}

/// Sends a form with what is hidden in its page.
pub(crate) async fn send(world: &World, page: &Reply, path: &str, fields: &[(&str, &str)]) -> Reply {
    let csrf = hidden(&page.body, "csrf");
    let fields: Vec<_> = [("csrf", &*csrf)].iter().chain(fields).copied().collect();
    world.browse(&form(path, world.cookie(), &fields)).await
}

pub(crate) fn leads_to(reply: &Reply) -> &str {
    let location = reply.headers.get(LOCATION).unwrap_or_else(|| panic!("{} {}", reply.status, reply.body));
    location.to_str().unwrap().strip_prefix(ISSUER).unwrap()
}

/// The login page that somebody sees who wants to see a page of ours, in a browser that was not here before.
pub(crate) async fn login_page(world: &World) -> (Reply, String) {
    world.forget_cookies();
    let away = open(world, SECURITY).await;
    let page = open(world, leads_to(&away)).await;
    let request = hidden(&page.body, "request");
    (page, request)
}

pub(crate) async fn sign_in(world: &World, password: &str) -> Reply {
    let (page, request) = login_page(world).await;
    send(world, &page, LOGIN, &[("request", &request), ("username", USERNAME), ("password", password)]).await
}

/// What an app shows one step after the time of every test.
pub(crate) fn shown(secret: &str, step: i64) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = secret.chars().map(|letter| alphabet.find(letter).unwrap());
    let bits: Vec<usize> = letters.flat_map(|five| (0..5).rev().map(move |bit| five >> bit & 1)).collect();
    let byte = |bits: &[usize]| u8::try_from(bits.iter().fold(0, |byte, bit| byte << 1 | bit)).unwrap();
    let key: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let mac = aws_lc_rs::hmac::sign(&key, &(crate::world::NOW.seconds() / 30 + step).to_be_bytes());
    let offset = usize::from(mac.as_ref()[19] & 15);
    let word = u32::from_be_bytes(mac.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

fn after<'t>(text: &'t str, mark: &str) -> &'t str {
    text.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {text}")).1
}

fn all_shown(page: &Reply, class: &str) -> Vec<String> {
    let mark = format!("<code class=\"{class}\">");
    let parts = page.body.split(&mark).skip(1);
    parts.map(|part| part.split('<').next().unwrap().to_owned()).collect()
}

/// Adds an app, and gives its key and the recovery codes.
pub(crate) async fn add_app(world: &World) -> (String, Vec<String>) {
    let page = open(world, "/account/security/app").await;
    assert!(page.body.contains("id=\"app-qr\" src=\"data:image/svg+xml"), "{}", page.body);
    let secret = all_shown(&page, "app-shown").remove(0);
    let enrolment = hidden(&page.body, "enrolment");
    let wrong = send(world, &page, "/account/security/app", &[("enrolment", &enrolment), ("code", "000000")]).await;
    assert_eq!(
        (wrong.status, all_shown(&wrong, "app-shown")),
        (StatusCode::UNPROCESSABLE_ENTITY, vec![secret.clone()])
    );
    let code = shown(&secret, 0);
    let done = send(world, &page, "/account/security/app", &[("enrolment", &enrolment), ("code", &code)]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    (secret, all_shown(&done, "recovery-shown"))
}

#[tokio::test]
async fn a_page_of_ours_asks_who_is_there_and_goes_on() {
    let world = World::new().await;
    for path in [SECURITY, "/account/security/password", "/account/security/app"] {
        assert!(leads_to(&open(&world, path).await).starts_with("/login?request="), "{path}");
    }
    let wrong = sign_in(&world, "a guess").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("id=\"login-problem\"") && wrong.body.contains(&format!("value=\"{USERNAME}\"")));
    let right = sign_in(&world, PASSWORD).await;
    assert_eq!((right.status, leads_to(&right)), (StatusCode::SEE_OTHER, SECURITY));
    let cookies: Vec<_> = right.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
    for name in ["__Host-fm_session", "__Host-fm_device"] {
        let cookie = cookies.iter().find(|cookie| cookie.starts_with(name)).unwrap_or_else(|| panic!("{cookies:?}"));
        assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age="), "{cookie}");
    }
    let page = open(&world, SECURITY).await;
    assert!(page.body.contains("id=\"password-change\"") && page.body.contains(USERNAME), "{}", page.body);
    let policy = page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
}

// RFC 9700 §4.11.
#[tokio::test]
async fn no_address_in_a_request_is_gone_to() {
    let world = World::new().await;
    for to in ["https://evil.example", "//evil.example", "/\\evil.example", "account/../../evil", ""] {
        let unsealed = open(&world, &format!("{LOGIN}?request={}", to.replace('/', "%2F"))).await;
        assert_eq!(unsealed.status, StatusCode::BAD_REQUEST, "{to}");
        let (page, request) = login_page(&world).await;
        let typed = [("username", USERNAME), ("password", PASSWORD), ("to", to), ("page", to)];
        let unsealed = send(&world, &page, LOGIN, &[&typed[..], &[("request", to)]].concat()).await;
        assert_eq!(unsealed.status, StatusCode::BAD_REQUEST, "{to}");
        let sealed = send(&world, &page, LOGIN, &[&typed[..], &[("request", &request)]].concat()).await;
        assert_eq!(leads_to(&sealed), SECURITY, "{to}");
    }
}

#[tokio::test]
async fn too_many_wrong_passwords_wait_with_a_page_that_says_so_whoever_is_meant() {
    let mut texts = Vec::new();
    for username in [USERNAME, "nobody"] {
        let world = World::new().await;
        let (page, request) = login_page(&world).await;
        let fields = [("request", &*request), ("username", username), ("password", "a guess")];
        for _ in 0..10 {
            assert_eq!(send(&world, &page, LOGIN, &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let late = send(&world, &page, LOGIN, &fields).await;
        assert_eq!((late.status, &late.headers[RETRY_AFTER]), (StatusCode::TOO_MANY_REQUESTS, &"60".parse().unwrap()));
        let csrf = hidden(&late.body, "csrf");
        // What it asks a passkey is another each time, for everybody.
        let (before, asked) = late.body.split_once("<form id=\"passkey-form\"").unwrap();
        let (_, after) = asked.split_once("</form>").unwrap();
        texts.push(format!("{before}{after}").replace(username, "").replace(&csrf, "").replace(&request, ""));
        let login = world.browse(&crate::endpoints::login(&world).await).await;
        assert_eq!(login.status.is_redirection(), username == "nobody", "so do those on the way to a client");
    }
    assert_eq!(texts[0], texts[1]);
}

// RFC 6238 §5.2.
#[tokio::test]
async fn with_an_app_signing_in_takes_a_second_step() {
    let world = World::new().await;
    sign_in(&world, PASSWORD).await;
    let (secret, codes) = add_app(&world).await;
    assert_eq!(codes.len(), 10);
    // On the way to a client, in another browser.
    world.forget_cookies();
    let reply = world.browse(&crate::endpoints::login(&world).await).await;
    let address = leads_to(&reply).to_owned();
    assert!(address.starts_with("/login/code?half="), "{address}");
    let page = open(&world, &address).await;
    let half = hidden(&page.body, "half");
    let used = send(&world, &page, "/login/code", &[("half", &half), ("code", &shown(&secret, 0))]).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY, "the code that was shown when the app was added");
    let done = send(&world, &page, "/login/code", &[("half", &half), ("code", &shown(&secret, 1))]).await;
    assert!(leads_to(&done).starts_with("/consent?"), "{}", leads_to(&done));
    // On the way to a page of ours, with a recovery code.
    let reply = sign_in(&world, PASSWORD).await;
    let page = open(&world, leads_to(&reply)).await;
    let half = hidden(&page.body, "half");
    let done = send(&world, &page, "/login/code", &[("half", &half), ("code", &codes[0])]).await;
    assert_eq!(leads_to(&done), SECURITY);
    let page = open(&world, SECURITY).await;
    assert!(after(&page.body, "id=\"codes-left\"").starts_with(">9<") && page.body.contains("2026-11-18 11:06 UTC"));
    let new = send(&world, &page, "/account/security/recovery", &[]).await;
    assert_eq!(all_shown(&new, "recovery-shown").len(), 10);
    let removed = send(&world, &page, "/account/security/app/remove", &[]).await;
    assert!(removed.body.contains("id=\"app-add\""), "{}", removed.body);
    assert_eq!(leads_to(&sign_in(&world, PASSWORD).await), SECURITY, "the password is enough again");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let world = World::new().await;
    sign_in(&world, PASSWORD).await;
    let page = open(&world, "/account/security/password").await;
    for (current, new, again, problem) in [
        ("a guess", "another password", "another password", "is wrong"),
        (PASSWORD, "another password", "another passwort", "not the same"),
        (PASSWORD, "short", "short", "at least 8 characters"),
        (PASSWORD, "password1", "password1", "tries this one first"),
    ] {
        let fields = [("current", current), ("new", new), ("again", again)];
        let reply = send(&world, &page, "/account/security/password", &fields).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert!(
            after(&reply.body, "id=\"password-problem\"").split('<').next().unwrap().contains(problem),
            "{problem}"
        );
        assert!(!reply.body.contains(PASSWORD) && !reply.body.contains("another pass"), "{problem}");
    }
    let fields = [("current", PASSWORD), ("new", "another password"), ("again", "another password")];
    let done = send(&world, &page, "/account/security/password", &fields).await;
    assert!(done.body.contains("id=\"security-news\""), "{} {}", done.status, done.body);
    assert!(open(&world, SECURITY).await.body.contains("id=\"password-change\""), "still signed in here");
    assert_eq!(sign_in(&world, PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(leads_to(&sign_in(&world, "another password").await), SECURITY);
}

// RFC 9700 §4.7.
#[tokio::test]
async fn a_form_of_another_page_or_site_changes_nothing() {
    let world = World::new().await;
    sign_in(&world, PASSWORD).await;
    let overview = open(&world, "/account/security/app").await;
    let fields = [("current", PASSWORD), ("new", "another password"), ("again", "another password")];
    let swapped = send(&world, &overview, "/account/security/password", &fields).await;
    assert_eq!(swapped.status, StatusCode::BAD_REQUEST, "the token of another page");
    for path in [
        "/account/security/password",
        "/account/security/app",
        "/account/security/app/remove",
        "/account/security/recovery",
        LOGIN,
        "/login/code",
    ] {
        let without = world.browse(&form(path, world.cookie(), &fields)).await;
        assert_eq!(without.status, StatusCode::BAD_REQUEST, "{path}");
        let csrf = hidden(&overview.body, "csrf");
        let mut foreign: Ask = form(path, world.cookie(), &[("csrf", &csrf)]);
        foreign.headers.push(("sec-fetch-site", "cross-site".to_owned()));
        assert_eq!(world.browse(&foreign).await.status, StatusCode::BAD_REQUEST, "{path}");
        let by_link = Ask { method: Method::GET, ..form(path, world.cookie(), &[]) };
        assert!(world.browse(&by_link).await.status != StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
    assert_eq!(leads_to(&sign_in(&world, PASSWORD).await), SECURITY);
}

/// People whom somebody else keeps.
struct Elsewhere;

#[async_trait]
impl Accounts for Elsewhere {
    async fn authenticate(&self, username: &str, _: &str, _: Timestamp) -> Result<Option<User>, Fault> {
        let subject = Subject::new("elsewhere-1").unwrap();
        let amr = vec!["pwd".to_owned()];
        Ok(Some(User { subject, username: username.to_owned(), amr, epochs: None, upstream: None }))
    }

    async fn claims(&self, _: &Subject) -> Result<Option<Rest>, Fault> {
        Ok(Some(Rest::new()))
    }
}

#[tokio::test]
async fn who_has_their_account_elsewhere_changes_nothing_here_and_is_told_so() {
    let world = World::with(|parts, _| parts.accounts = Arc::new(Elsewhere)).await;
    let signed_in = sign_in(&world, "whatever").await;
    assert_eq!(leads_to(&signed_in), SECURITY);
    for path in [SECURITY, "/account/security/password", "/account/security/app", "/account/security/passkeys"] {
        let page = open(&world, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.body.contains("Your account is kept by another service."), "{path}: {}", page.body);
        assert!(!page.body.contains("<form"), "{path}: {}", page.body);
    }
}

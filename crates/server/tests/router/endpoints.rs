//! Every address of the router, with a request that it answers.
#![allow(clippy::unused_async, reason = "what is done before a request is waited for, in every row of the table")]

mod device;
pub(crate) mod logout;
mod registration;

use std::pin::Pin;

use axum::http::Method;
use axum::http::header::{AUTHORIZATION, LOCATION};

use crate::world::{Ask, CALLBACK, CLIENT, ISSUER, PASSWORD, Reply, USERNAME, World, encoded};

type Prepared<'a> = Pin<Box<dyn Future<Output = Ask> + 'a>>;

/// One address, and what is asked of it.
pub(crate) struct Endpoint {
    pub(crate) name: &'static str,
    /// Does everything before the request, and gives the request.
    pub(crate) prepare: for<'a> fn(&'a World) -> Prepared<'a>,
    /// Whether this is the answer it should get.
    pub(crate) good: fn(&Reply) -> bool,
}

/// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) const ASKED: [(&str, &str); 7] = [
    ("client_id", CLIENT),
    ("redirect_uri", CALLBACK),
    ("response_type", "code"),
    ("scope", "openid profile offline_access"),
    ("state", "s"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

macro_rules! endpoints {
    ($($name:literal, $prepare:expr, $good:expr;)*) => {
        pub(crate) const ENDPOINTS: &[Endpoint] = &[$(Endpoint {
            name: $name,
            prepare: |world| Box::pin($prepare(world)),
            good: $good,
        }),*];
    };
}

endpoints! {
    "authorize", authorize, |reply| leads_to(reply, "/login");
    "authorize when signed in", authorize_signed_in, |reply| leads_to(reply, "/consent");
    "authorize when allowed before", authorize_allowed, |reply| leads_to(reply, "code=");
    "login page", login_page, |reply| reply.body.contains("login-submit");
    "login", login, |reply| leads_to(reply, "/consent");
    "login with a wrong password", login_wrong, |reply| reply.body.contains("login-problem");
    "login again", login_again, |reply| leads_to(reply, "/consent");
    "login cancelled", login_cancelled, |reply| leads_to(reply, "error=access_denied");
    "select page", select_page, |reply| reply.body.contains("select-form");
    "select the same account", select_same, |reply| leads_to(reply, "code=");
    "select another account", select_another, |reply| leads_to(reply, "/login?");
    "consent page", consent_page, |reply| reply.body.contains("consent-form");
    "consent", allow, |reply| leads_to(reply, "code=");
    "consent denied", deny, |reply| leads_to(reply, "error=access_denied");
    "code", redeem, |reply| reply.body.contains("\"refresh_token\"");
    "code with a wrong verifier", redeem_wrong, |reply| reply.body.contains("invalid_grant");
    "refresh", refresh, |reply| reply.body.contains("\"refresh_token\"");
    "refresh retried", refresh_retried, |reply| reply.body.contains("\"refresh_token\"");
    "first client credentials", client_credentials, |reply| reply.body.contains("\"access_token\"");
    "more client credentials", more_client_credentials, |reply| reply.body.contains("\"access_token\"");
    "introspect an access token", introspect_access, |reply| reply.body.contains("\"active\":true");
    "introspect a refresh token", introspect_refresh, |reply| reply.body.contains("\"active\":true");
    "revoke an access token", revoke_access, |reply| reply.status.is_success();
    "revoke a refresh token", revoke_refresh, |reply| reply.status.is_success();
    "revoke a rotated refresh token", revoke_rotated, |reply| reply.status.is_success();
    "pushed request", push, |reply| reply.body.contains("request_uri");
    "authorize what was pushed", authorize_pushed, |reply| leads_to(reply, "/login");
    "consent to what was pushed", allow_pushed, |reply| leads_to(reply, "code=");
    "device", device::begin, |reply| reply.body.contains("\"user_code\"");
    "device code typed", device::typed, |reply| leads_to(reply, "/login");
    "device code unknown", device::unknown, |reply| reply.body.contains("device-problem");
    "device consent", device::allow, |reply| leads_to(reply, "/device/allowed");
    "device consent denied", device::deny, |reply| leads_to(reply, "/device/denied");
    "device waits", device::wait, |reply| reply.body.contains("authorization_pending");
    "device code", device::redeem, |reply| reply.body.contains("\"refresh_token\"");
    "register", registration::register, |reply| reply.body.contains("\"registration_access_token\"");
    "read a registration", registration::read, |reply| reply.body.contains("\"client_name\":\"A\"");
    "change a registration", registration::change, |reply| reply.body.contains("\"client_name\":\"B\"");
    "end a registration", registration::end, |reply| reply.status.is_success();
    "userinfo", userinfo, |reply| reply.body.contains("\"sub\"");
    "logout request", logout::begin, |reply| leads_to(reply, "/logout?request=");
    "logout with a hint", logout::with_hint, |reply| logout::is_gone(reply, "?state=s");
    "logout page", logout::without_hint, |reply| reply.body.contains("id=\"logout-confirm\"");
    "logout confirmed", logout::confirm, |reply| logout::is_gone(reply, "");
    "ready", ready, |reply| reply.body == "ok\n";
}

#[tokio::test]
async fn what_asks_no_store_has_no_fault() {
    let paths = [
        "/oauth2/jwks",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/",
        "/health/live",
        "/nowhere",
        "/device",
        "/device/allowed",
        "/device/denied",
        "/oauth2/logout",
        "/logout",
        "/logout/done",
        "/logout/stayed",
    ];
    let world = World::new().await;
    world.store.work();
    for path in paths {
        let reply = world.send(&get(path)).await;
        assert!(!reply.status.is_server_error(), "{path}");
        assert_eq!(world.store.calls(), 0, "{path}");
    }
}

fn leads_to(reply: &Reply, part: &str) -> bool {
    reply.headers.get(LOCATION).is_some_and(|location| location.to_str().unwrap().contains(part))
}

pub(crate) fn get(path: impl Into<String>) -> Ask {
    Ask { method: Method::GET, path: path.into(), form: vec![], json: None, headers: vec![] }
}

pub(crate) fn form(path: &str, header: (&'static str, String), fields: &[(&str, &str)]) -> Ask {
    let form = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ask { method: Method::POST, path: path.to_owned(), form, json: None, headers: vec![header] }
}

pub(crate) async fn authorize(world: &World) -> Ask {
    // Whoever comes for the first time gets a new id each time: here is a browser that was here before.
    let mut ask = asked();
    if world.cookie().1.is_empty() {
        world.browse(&ask).await;
    }
    ask.headers.push(world.cookie());
    ask
}

pub(crate) fn asked() -> Ask {
    let fields = ASKED.map(|(name, value)| (name.to_owned(), value.to_owned()));
    get(format!("/oauth2/authorize?{}", encoded(&fields)))
}

/// The page that an answer leads to, of the same browser.
fn next(world: &World, reply: &Reply) -> Ask {
    let location = reply.headers.get(LOCATION).unwrap_or_else(|| panic!("{} {}", reply.status, reply.body));
    let mut ask = get(location.to_str().unwrap().strip_prefix(ISSUER).unwrap());
    ask.headers.push(world.cookie());
    ask
}

/// A request that was sent ahead (RFC 9126).
async fn push(world: &World) -> Ask {
    let fields: Vec<_> = ASKED.iter().copied().filter(|(name, _)| *name != "client_id").collect();
    form("/oauth2/par", world.basic(), &fields)
}

async fn authorize_pushed(world: &World) -> Ask {
    // Here is a browser that was here before.
    world.browse(&asked()).await;
    let ask = push(world).await;
    let uri = member(world, ask, "request_uri").await;
    let fields =
        [("client_id", CLIENT), ("request_uri", &*uri)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut ask = get(format!("/oauth2/authorize?{}", encoded(&fields)));
    ask.headers.push(world.cookie());
    ask
}

async fn allow_pushed(world: &World) -> Ask {
    let ask = authorize_pushed(world).await;
    let reply = world.browse(&ask).await;
    let page = next(world, &reply);
    sign_in_and_decide(world, page, "allow").await
}

async fn login_page(world: &World) -> Ask {
    let ask = authorize(world).await;
    let reply = world.browse(&ask).await;
    next(world, &reply)
}

/// The hidden field of a page.
pub(crate) fn hidden(html: &str, name: &str) -> String {
    let (_, after) = html.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
    after.split('"').next().unwrap().to_owned()
}

async fn login_with(world: &World, page: Ask, fields: &[(&str, &str)]) -> Ask {
    let html = world.browse(&page).await.body;
    let (request, csrf) = (hidden(&html, "request"), hidden(&html, "csrf"));
    let fields: Vec<_> = [("request", &*request), ("csrf", &*csrf)].iter().chain(fields).copied().collect();
    form("/login", world.cookie(), &fields)
}

pub(crate) async fn login(world: &World) -> Ask {
    let page = login_page(world).await;
    login_with(world, page, &[("username", USERNAME), ("password", PASSWORD)]).await
}

async fn login_wrong(world: &World) -> Ask {
    let page = login_page(world).await;
    login_with(world, page, &[("username", USERNAME), ("password", "a guess")]).await
}

async fn login_cancelled(world: &World) -> Ask {
    let page = login_page(world).await;
    login_with(world, page, &[("cancel", "1")]).await
}

/// The same person in the same browser, who has to prove it anew. The first form is sent again.
async fn login_again(world: &World) -> Ask {
    let mut ask = login(world).await;
    world.browse(&ask).await;
    ask.headers = vec![world.cookie()];
    ask
}

async fn authorize_signed_in(world: &World) -> Ask {
    let ask = login(world).await;
    world.browse(&ask).await;
    authorize(world).await
}

async fn consent_page(world: &World) -> Ask {
    let ask = login(world).await;
    let reply = world.browse(&ask).await;
    next(world, &reply)
}

async fn decide(world: &World, decision: &str) -> Ask {
    let page = consent_page(world).await;
    answer(world, page, decision).await
}

/// From the login page through to the answer to the question that follows.
async fn sign_in_and_decide(world: &World, page: Ask, decision: &str) -> Ask {
    let ask = login_with(world, page, &[("username", USERNAME), ("password", PASSWORD)]).await;
    let reply = world.browse(&ask).await;
    let page = next(world, &reply);
    answer(world, page, decision).await
}

async fn answer(world: &World, page: Ask, decision: &str) -> Ask {
    let html = world.browse(&page).await.body;
    let (request, csrf) = (hidden(&html, "request"), hidden(&html, "csrf"));
    form("/consent", world.cookie(), &[("request", &request), ("csrf", &csrf), ("decision", decision)])
}

async fn allow(world: &World) -> Ask {
    decide(world, "allow").await
}

async fn deny(world: &World) -> Ask {
    decide(world, "deny").await
}

async fn authorize_allowed(world: &World) -> Ask {
    let ask = allow(world).await;
    world.browse(&ask).await;
    authorize(world).await
}

async fn select_page(world: &World) -> Ask {
    let mut ask = authorize_allowed(world).await;
    // Whoever has signed in at this very moment has chosen.
    world.wait(1);
    ask.path.push_str("&prompt=select_account");
    let reply = world.browse(&ask).await;
    next(world, &reply)
}

async fn select(world: &World, account: &str) -> Ask {
    let page = select_page(world).await;
    let html = world.browse(&page).await.body;
    let (request, csrf) = (hidden(&html, "request"), hidden(&html, "csrf"));
    form("/login/select", world.cookie(), &[("request", &request), ("csrf", &csrf), ("account", account)])
}

async fn select_same(world: &World) -> Ask {
    select(world, "same").await
}

async fn select_another(world: &World) -> Ask {
    select(world, "another").await
}

async fn redeem_with(world: &World, verifier: &str) -> Ask {
    let ask = allow(world).await;
    let reply = world.browse(&ask).await;
    let location = reply.headers[LOCATION].to_str().unwrap();
    let (_, code) = location.split_once("code=").unwrap();
    let code = code.split('&').next().unwrap();
    world.keep_secret(code);
    let fields =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", verifier)];
    form("/oauth2/token", world.basic(), &fields)
}

pub(crate) async fn redeem(world: &World) -> Ask {
    redeem_with(world, VERIFIER).await
}

async fn redeem_wrong(world: &World) -> Ask {
    redeem_with(world, &"x".repeat(43)).await
}

/// A member of an answer.
async fn member(world: &World, ask: Ask, name: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(&world.send(&ask).await.body).unwrap();
    answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// A token of an answer.
async fn token(world: &World, ask: Ask, member: &str) -> String {
    let token = self::member(world, ask, member).await;
    world.keep_secret(&token);
    token
}

async fn refresh(world: &World) -> Ask {
    let ask = redeem(world).await;
    let token = token(world, ask, "refresh_token").await;
    form("/oauth2/token", world.basic(), &[("grant_type", "refresh_token"), ("refresh_token", &token)])
}

async fn refresh_retried(world: &World) -> Ask {
    let ask = refresh(world).await;
    world.send(&ask).await;
    ask
}

async fn client_credentials(world: &World) -> Ask {
    form("/oauth2/token", world.basic(), &[("grant_type", "client_credentials")])
}

async fn more_client_credentials(world: &World) -> Ask {
    let ask = client_credentials(world).await;
    world.send(&ask).await;
    ask
}

async fn at_token(world: &World, path: &str, member: &str) -> Ask {
    let ask = redeem(world).await;
    let token = token(world, ask, member).await;
    form(path, world.basic(), &[("token", &token)])
}

async fn introspect_access(world: &World) -> Ask {
    at_token(world, "/oauth2/introspect", "access_token").await
}

async fn introspect_refresh(world: &World) -> Ask {
    at_token(world, "/oauth2/introspect", "refresh_token").await
}

async fn revoke_access(world: &World) -> Ask {
    at_token(world, "/oauth2/revoke", "access_token").await
}

async fn revoke_refresh(world: &World) -> Ask {
    at_token(world, "/oauth2/revoke", "refresh_token").await
}

async fn revoke_rotated(world: &World) -> Ask {
    let ask = refresh(world).await;
    let old = ask.form[1].1.clone();
    world.send(&ask).await;
    form("/oauth2/revoke", world.basic(), &[("token", &old)])
}

async fn userinfo(world: &World) -> Ask {
    let ask = redeem(world).await;
    let token = token(world, ask, "access_token").await;
    let mut ask = get("/oauth2/userinfo");
    ask.headers.push((AUTHORIZATION.as_str(), format!("Bearer {token}")));
    ask
}

async fn ready(_: &World) -> Ask {
    get("/health/ready")
}

//! The map of the server: every address and who answers it.

use axum::Router;
use axum::handler::Handler as _;
use axum::http::Method;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use axum::middleware;
use axum::routing::{get, post};
use firman_engine::account::Owners;
use firman_engine::registration::Mode;
use firman_engine::upstream::{CALLBACK, SIGNED_OUT};
use firman_proto::metadata::path;
use firman_proto::webfinger;
use tower_http::cors::{Any, CorsLayer};

use crate::http::{self, App};
use crate::pages::assets;
use crate::pages::brand::Brand;

/// Everything below the issuer, the well-known addresses that are above it, and what a mode of its own adds (the demo).
pub fn router(app: App, extra: Router<App>) -> Router {
    let issuer = app.engine.issuer().clone();
    let prefix = issuer.path().to_owned();
    let at = |path: &str| issuer.route(path);
    let has_pages = app.engine.policy().pages;

    // Called by scripts in pages of other origins: no cookie is ever looked at here.
    let api = Router::new()
        .route(&at(path::TOKEN), post(http::token::token))
        .route(&at(path::INTROSPECT), post(http::introspect::introspect))
        .route(&at(path::REVOKE), post(http::revoke::revoke))
        .route(&at(path::USERINFO), get(http::userinfo::get).post(http::userinfo::post))
        .route(&at(path::JWKS), get(http::discovery::jwks))
        .merge(registration(&app))
        .merge(feed(&app))
        // Here, so that the layer is around it: what is not allowed by method includes the question before a request.
        .method_not_allowed_fallback(http::answer::method_not_allowed)
        .layer(cors());
    let pushed = Router::new()
        .route(&at(path::PAR), post(http::par::push))
        .route(&at(path::DEVICE_AUTHORIZATION), post(http::device::authorize))
        .merge(backchannel(&app))
        .method_not_allowed_fallback(http::answer::method_not_allowed)
        .layer(cors());
    let api = discovery_paths(&prefix)
        .into_iter()
        .fold(Router::new(), |router, path| router.route(&path, get(http::discovery::metadata)))
        .route(webfinger::PATH, get(http::discovery::webfinger))
        .method_not_allowed_fallback(http::answer::method_not_allowed)
        .layer(cors())
        .merge(api);

    // Called by browsers: cookies, forms, pages.
    let pages = Router::new()
        .route(&at(path::AUTHORIZE), get(http::authorize::get).post(http::authorize::post))
        .route(&at(http::login::PATH), get(http::login::page).post(http::login::submit))
        .route(&at(http::select::PATH), get(http::select::page).post(http::select::submit))
        .merge(upstreams(&app))
        .route(&at(http::consent::PATH), get(http::consent::page).post(http::consent::submit))
        .route(&at(path::END_SESSION), get(http::logout::get).post(http::logout::post))
        .route(&at(http::logout::PATH), get(http::logout::page).post(http::logout::submit))
        .route(&at(http::logout::DONE), get(http::logout::done))
        .route(&at(http::logout::STAYED), get(http::logout::stayed))
        .route(&at(path::DEVICE), get(http::device::page).post(http::device::submit))
        .route(&at(http::device::ALLOWED), get(http::device::allowed))
        .route(&at(http::device::DENIED), get(http::device::denied))
        .merge(check_session(&app))
        .merge(requests(&app))
        .merge(people_of_ours(&app))
        .merge(login_app(&app))
        .merge(mail(&app))
        .merge(account(&app))
        .route(&at("/"), get(http::home::page));
    let pages = assets::paths().into_iter().fold(pages, |router, path| router.route(path, get(http::home::asset)));
    let pages = Brand::PATHS.into_iter().fold(pages, |router, path| router.route(path, get(http::home::brand)));

    let health =
        Router::new().route("/health/live", get(http::health::live)).route("/health/ready", get(http::health::ready));

    // Where there are no pages, what would end at one is not there either.
    let look = || middleware::from_fn_with_state(app.clone(), http::look::around);
    let people = if has_pages { pages.layer(look()).merge(pushed) } else { Router::new() };

    Router::new()
        .merge(api)
        .merge(people)
        .merge(health)
        .merge(extra.layer(look()))
        .fallback(http::home::not_found.layer(look()))
        .method_not_allowed_fallback(http::answer::method_not_allowed)
        .with_state(app)
}

/// Where clients register themselves, if they may.
fn registration(app: &App) -> Router<App> {
    if app.engine.policy().registration.mode == Mode::Off {
        return Router::new();
    }
    let all = app.engine.issuer().route(path::REGISTER);
    let one = format!("{all}/{{client_id}}");
    let own = get(http::register::show).put(http::register::replace).delete(http::register::remove);
    Router::new().route(&all, post(http::register::register)).route(&one, own)
}

/// Where resource servers are told of what is withdrawn, if they are.
fn feed(app: &App) -> Router<App> {
    let path = app.engine.issuer().route(path::REVOCATIONS);
    let on = app.engine.policy().feed.enabled;
    if on { Router::new().route(&path, get(http::revocations::revocations)) } else { Router::new() }
}

/// Where clients have people asked, if they may.
fn backchannel(app: &App) -> Router<App> {
    let path = app.engine.issuer().route(path::BACKCHANNEL);
    let on = app.engine.policy().backchannel.enabled;
    if on { Router::new().route(&path, post(http::backchannel::authenticate)) } else { Router::new() }
}

/// Where clients ask whether somebody has signed in or out, if they may.
fn check_session(app: &App) -> Router<App> {
    let path = app.engine.issuer().route(path::CHECK_SESSION);
    let on = app.engine.policy().session_management;
    if on { Router::new().route(&path, get(http::check_session::frame)) } else { Router::new() }
}

/// Where people take the second step, and change how they sign in.
fn people_of_ours(app: &App) -> Router<App> {
    use http::{passkey, passkeys, security, sign_in};
    let at = |path: &str| app.engine.issuer().route(path);
    Router::new()
        .route(&at(sign_in::SECOND), get(sign_in::second).post(sign_in::submit_second))
        .route(&at(passkey::PATH), post(passkey::submit))
        .route(&at(passkeys::PATH), get(passkeys::page).post(passkeys::submit))
        .route(&at(passkeys::RENAME), post(passkeys::rename))
        .route(&at(passkeys::REMOVE), post(passkeys::remove))
        .route(&at(security::PATH), get(security::overview))
        .route(&at(security::PASSWORD), get(security::password).post(security::submit_password))
        .route(&at(security::APP), get(security::app).post(security::submit_app))
        .route(&at(security::REMOVE_APP), post(security::remove_app))
        .route(&at(security::RECOVERY), post(security::new_codes))
        .route(&at(security::UNLINK), post(security::unlink))
}

/// Where links in mails lead, where people ask for them, and where they make an account.
fn mail(app: &App) -> Router<App> {
    use http::{mail, sign_up};
    let (policy, at) = (app.engine.policy(), |path: &str| app.engine.issuer().route(path));
    // Operators make such links, too.
    let mut pages = Router::new().route(&at(mail::RESET), get(mail::reset).post(mail::submit_reset));
    if policy.mail {
        pages = pages
            .route(&at(mail::FORGOT), get(mail::forgot).post(mail::submit_forgot))
            .route(&at(mail::ADDRESS), get(mail::address).post(mail::submit_address))
            .route(&at(mail::CONFIRM), get(mail::confirm).post(mail::submit_confirm));
    }
    if policy.sign_up {
        pages = pages.route(&at(sign_up::PATH), get(sign_up::page).post(sign_up::submit));
    }
    pages
}

/// Where those people answer.
fn requests(app: &App) -> Router<App> {
    let path = app.engine.issuer().route(path::REQUESTS);
    let page = get(http::backchannel::page).post(http::backchannel::submit);
    if app.engine.policy().backchannel.enabled { Router::new().route(&path, page) } else { Router::new() }
}

/// Where a login app asks and answers, if there is one.
fn login_app(app: &App) -> Router<App> {
    use http::login_app::{ACCEPT, REJECT, REQUEST, RETURN, accept, back, reject, request};
    let at = |path: &str| app.engine.issuer().route(path);
    if app.engine.policy().login_app.url.is_none() {
        return Router::new();
    }
    Router::new()
        .route(&at(REQUEST), get(request))
        .route(&at(ACCEPT), post(accept))
        .route(&at(REJECT), post(reject))
        .route(&at(RETURN), get(back))
}

/// Where people come by who sign in at other identity providers.
fn upstreams(app: &App) -> Router<App> {
    let policy = &app.engine.policy().upstream;
    let at = |path: &str| app.engine.issuer().route(path);
    if policy.providers.is_empty() {
        return Router::new();
    }
    let back = get(http::upstream::back).post(http::upstream::posted_back);
    Router::new()
        .route(&at(http::upstream::PATH), post(http::upstream::go))
        .route(&at(http::upstream::LEAVE), post(http::upstream::leave))
        .route(&format!("{}/{{name}}", at(CALLBACK)), back)
        .route(&at(SIGNED_OUT), get(http::logout::back))
}

/// Where people see and change what is theirs.
fn account(app: &App) -> Router<App> {
    use http::account::{PATH, allowed, api_keys, clients, sessions};
    let at = |path: &str| app.engine.issuer().route(path);
    let policy = &app.engine.policy().account;
    let mut pages = Router::new()
        .route(&at(PATH), get(allowed::page).post(allowed::submit))
        .route(&at(sessions::PATH), get(sessions::page).post(sessions::submit));
    if !policy.api_key_scope.is_empty() {
        pages = pages
            .route(&at(api_keys::PATH), get(api_keys::page).post(api_keys::submit))
            .route(&at(api_keys::NEW), get(api_keys::new_page).post(api_keys::create));
    }
    if policy.client_owners != Owners::Nobody {
        pages = pages
            .route(&at(clients::PATH), get(clients::page))
            .route(&at(clients::NEW), get(clients::new_page).post(clients::create))
            .route(&at(clients::ONE), get(clients::one_page).post(clients::submit));
    }
    pages
}

/// RFC 8414 §3.1 puts the issuer's path behind the well-known part, OpenID Connect Discovery §4 before it; clients try both.
fn discovery_paths(prefix: &str) -> Vec<String> {
    let mut paths = vec![
        format!("{}{prefix}", path::OAUTH_SERVER),
        format!("{}{prefix}", path::OPENID_CONFIGURATION),
        format!("{prefix}{}", path::OPENID_CONFIGURATION),
    ];
    paths.dedup();
    paths
}

/// For what scripts of other origins may call.
pub(crate) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("dpop")])
        .expose_headers([HeaderName::from_static("dpop-nonce"), WWW_AUTHENTICATE])
}

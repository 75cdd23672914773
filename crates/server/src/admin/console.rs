//! The console: files of the program that use nothing but the API, and sign in as any client does.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use firman_engine::admin::console::{CLIENT, PATH};
use firman_engine::operator::{all_scopes, identifier};
use firman_proto::metadata::path;
use serde::Serialize;

use super::Shared;
use super::problem::Problem;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Every file: name, type, content.
const FILES: &[(&str, &str, &str)] = &[
    ("", "text/html; charset=utf-8", include_str!("console/index.html")),
    ("accounts.js", SCRIPT, include_str!("console/accounts.js")),
    ("clients.js", SCRIPT, include_str!("console/clients.js")),
    ("console.css", STYLE, include_str!("console/console.css")),
    ("dom.js", SCRIPT, include_str!("console/dom.js")),
    ("figures.js", SCRIPT, include_str!("console/figures.js")),
    ("firman.css", STYLE, include_str!("../pages/firman.css")),
    ("firman.svg", "image/svg+xml", include_str!("../pages/icon.svg")),
    ("grants.js", SCRIPT, include_str!("console/grants.js")),
    ("keys.js", SCRIPT, include_str!("console/keys.js")),
    ("list.js", SCRIPT, include_str!("console/list.js")),
    ("main.js", SCRIPT, include_str!("console/main.js")),
    ("resources.js", SCRIPT, include_str!("console/resources.js")),
    ("session.js", SCRIPT, include_str!("console/session.js")),
    ("trail.js", SCRIPT, include_str!("console/trail.js")),
    ("trust.js", SCRIPT, include_str!("console/trust.js")),
    ("upstreams.js", SCRIPT, include_str!("console/upstreams.js")),
];

/// The files of the console, and what it must know to sign in.
pub(super) fn router() -> Router<Shared> {
    let files = FILES.iter().fold(Router::new(), |router, (name, kind, content)| {
        router.route(&format!("{PATH}{name}"), get(async move |State(admin)| file(&admin, kind, content)))
    });
    files
        .route(&format!("{PATH}settings.json"), get(settings))
        .route("/", get(home))
        .route(PATH.trim_end_matches('/'), get(home))
}

async fn home() -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, HeaderValue::from_static(PATH))]).into_response()
}

fn file(admin: &Shared, kind: &'static str, content: &'static str) -> Response {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // Asked for again each time: a file of another version would not fit the others.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Nothing but ourselves, and the issuer's token endpoint.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {}; form-action 'none'; \
         frame-ancestors 'none'; base-uri 'none'",
        admin.engine.issuer().origin()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What the console must know. None of it is a secret.
#[derive(Serialize)]
struct Settings {
    issuer: String,
    client_id: &'static str,
    redirect_uri: String,
    resource: String,
    scope: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
}

async fn settings(State(admin): State<Shared>) -> Result<Json<Settings>, Problem> {
    let issuer = admin.engine.issuer();
    let Some(policy) = &admin.engine.policy().admin else { return Err(Problem::not_found("there is no console")) };
    Ok(Json(Settings {
        issuer: issuer.to_string(),
        client_id: CLIENT,
        redirect_uri: format!("{}{PATH}", policy.address),
        resource: identifier(issuer.as_str()),
        scope: format!("{} offline_access", all_scopes()),
        authorization_endpoint: issuer.endpoint(path::AUTHORIZE),
        token_endpoint: issuer.endpoint(path::TOKEN),
        revocation_endpoint: issuer.endpoint(path::REVOKE),
    }))
}

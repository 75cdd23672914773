//! The documents by which clients find everything else.

use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use firman_engine::discovery;
use firman_proto::error::invalid_request;
use firman_proto::form::Form;
use firman_proto::webfinger;

use super::{App, answer};
use crate::pages::texts::SPOKEN;

/// Clients may keep both documents this long; keys are announced for days before they are used.
const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document of the issuer (OpenID Connect Discovery §4, RFC 8414 §3).
pub async fn metadata(State(app): State<App>) -> Response {
    let mut metadata = discovery::metadata(&app.engine, app.now());
    if app.engine.policy().pages {
        metadata.ui_locales_supported = SPOKEN.iter().map(|texts| texts.lang).collect();
    }
    cacheable(answer::json(&metadata))
}

/// The public keys (RFC 7517 §5).
pub async fn jwks(State(app): State<App>) -> Response {
    cacheable(answer::json(discovery::published_keys(&app.engine).document()))
}

/// Which issuer somebody has (OpenID Connect Discovery §2).
pub async fn webfinger(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let asked = Form::parse_redirectable(query.as_bytes());
    let Ok(form) = asked else { return answer::client_error(&app, invalid_request("the query cannot be read")) };
    // RFC 7033 §4.2: without a resource, 400; for one of somebody else, 404.
    let Some(resource) = form.get("resource") else {
        return answer::client_error(&app, invalid_request("resource: missing"));
    };
    match webfinger::answer(app.engine.issuer(), resource, form.all("rel")) {
        Some(told) => cacheable(answer::signed(webfinger::MEDIA_TYPE, told.to_string())),
        None => answer::not_found(),
    }
}

fn cacheable(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, FIVE_MINUTES);
    response.headers_mut().remove(axum::http::header::PRAGMA);
    response
}

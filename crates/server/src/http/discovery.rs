//! The documents by which clients find everything else.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use firman_client::published::unless_known;
use firman_engine::discovery;
use firman_proto::error::invalid_request;
use firman_proto::form::Form;
use firman_proto::webfinger;
use serde::Serialize;

use super::{App, answer};
use crate::pages::texts::SPOKEN;

const JSON: &str = "application/json";

/// Clients may keep the documents this long; keys are announced for days before they are used.
const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document of the issuer (OpenID Connect Discovery §4, RFC 8414 §3).
pub async fn metadata(State(app): State<App>, asked: HeaderMap) -> Response {
    let mut metadata = discovery::metadata(&app.engine, app.now());
    if app.engine.policy().pages {
        metadata.ui_locales_supported = SPOKEN.iter().map(|texts| texts.lang).collect();
    }
    published(&asked, JSON, &metadata)
}

/// The public keys (RFC 7517 §5).
pub async fn jwks(State(app): State<App>, asked: HeaderMap) -> Response {
    published(&asked, JSON, discovery::published_keys(&app.engine).document())
}

/// Which issuer somebody has (OpenID Connect Discovery §2).
pub async fn webfinger(State(app): State<App>, RawQuery(query): RawQuery, asked: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    let Ok(form) = Form::parse_redirectable(query.as_bytes()) else {
        return answer::client_error(&app, invalid_request("the query cannot be read"));
    };
    // RFC 7033 §4.2: without a resource, 400; for one of somebody else, 404.
    let Some(resource) = form.get("resource") else {
        return answer::client_error(&app, invalid_request("resource: missing"));
    };
    match webfinger::answer(app.engine.issuer(), resource, form.all("rel")) {
        Some(told) => published(&asked, webfinger::MEDIA_TYPE, &told),
        None => answer::not_found(),
    }
}

fn published(asked: &HeaderMap, media_type: &'static str, document: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_vec(document) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut response = Response::new(body);
    response.headers_mut().extend([
        (CACHE_CONTROL, FIVE_MINUTES),
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]);
    unless_known(asked, response).map(Body::from)
}

//! The documents by which clients find everything else.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use firman_engine::discovery;

use super::{App, answer};

/// Clients may keep both documents this long; keys are announced for days before they are used.
const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document of the issuer (OpenID Connect Discovery §4, RFC 8414 §3).
pub async fn metadata(State(app): State<App>) -> Response {
    cacheable(answer::json(&discovery::metadata(&app.engine, app.now())))
}

/// The public keys (RFC 7517 §5).
pub async fn jwks(State(app): State<App>) -> Response {
    cacheable(answer::json(discovery::published_keys(&app.engine).document()))
}

fn cacheable(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, FIVE_MINUTES);
    response.headers_mut().remove(axum::http::header::PRAGMA);
    response
}

//! `/oauth2/register` (RFC 7591) and `/oauth2/register/{client_id}` (RFC 7592).

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use firman_engine::{Failure, registration};
use firman_proto::credentials::bearer;
use firman_proto::error::{Denied, ErrorCode, invalid_request};

use super::{App, answer, read};

/// Whom the address names. What is no text names nobody, as the empty text does.
#[derive(Debug)]
pub struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::from_request_parts(parts, state).await;
        Ok(Self(path.map(|Path(name)| name).unwrap_or_default()))
    }
}

/// Registers a client.
pub async fn register(State(app): State<App>, request: Request) -> Response {
    let (head, body) = match read::json_body(&app, request).await {
        Ok(read) => read,
        Err(unreadable) => return answer::unreadable(&app, unreadable),
    };
    let made = match token(&head) {
        Ok(token) => registration::register(&app.engine, token, &body, app.now()).await,
        Err(denied) => Err(denied.into()),
    };
    // RFC 7591 §3.2.1: 201.
    made.map_or_else(|failure| refused(&app, failure), |information| answer::created(&information))
}

/// Shows a registration to its client.
pub async fn show(State(app): State<App>, Named(client_id): Named, headers: HeaderMap) -> Response {
    let shown = match needed(&headers) {
        Ok(token) => registration::read(&app.engine, &client_id, token, app.now()).await,
        Err(denied) => Err(denied.into()),
    };
    shown.map_or_else(|failure| refused(&app, failure), |information| answer::json(&information))
}

/// Replaces a registration.
pub async fn replace(State(app): State<App>, Named(client_id): Named, request: Request) -> Response {
    let (head, body) = match read::json_body(&app, request).await {
        Ok(read) => read,
        Err(unreadable) => return answer::unreadable(&app, unreadable),
    };
    let shown = match needed(&head) {
        Ok(token) => registration::update(&app.engine, &client_id, token, &body, app.now()).await,
        Err(denied) => Err(denied.into()),
    };
    shown.map_or_else(|failure| refused(&app, failure), |information| answer::json(&information))
}

/// Ends a registration.
pub async fn remove(State(app): State<App>, Named(client_id): Named, headers: HeaderMap) -> Response {
    let gone = match needed(&headers) {
        Ok(token) => registration::delete(&app.engine, &client_id, token, app.now()).await,
        Err(denied) => Err(denied.into()),
    };
    // RFC 7592 §2.3: 204.
    gone.map_or_else(|failure| refused(&app, failure), |()| StatusCode::NO_CONTENT.into_response())
}

/// What is wrong with the token is told as at every resource, what is wrong with the metadata as JSON.
fn refused(app: &App, failure: Failure) -> Response {
    match &failure {
        Failure::Denied(denied) if matches!(denied.code, ErrorCode::InvalidToken | ErrorCode::InsufficientScope) => {
            answer::bearer_error_for(app, failure, registration::SCOPE)
        }
        _ => answer::client_error(app, failure),
    }
}

fn token(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let Some(header) = read::authorization(headers).map_err(|denied| invalid_request(denied.text))? else {
        return Ok(None);
    };
    let malformed = || Denied::new(ErrorCode::InvalidToken, "the Authorization header has no bearer token");
    bearer(header).map(Some).ok_or_else(malformed)
}

fn needed(headers: &HeaderMap) -> Result<&str, Denied> {
    token(headers)?.ok_or_else(|| Denied::new(ErrorCode::InvalidToken, "a registration access token is needed"))
}

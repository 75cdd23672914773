//! `/oauth2/userinfo` (OpenID Connect Core §5.3).

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::userinfo::{self, Answer};
use firman_proto::credentials::{bearer, dpop_bound};
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::form::Form;

use super::{App, answer, read};

/// The token in the header (RFC 6750 §2.1, RFC 9449 §7.1).
pub async fn get(State(app): State<App>, request: Request) -> Response {
    let head = read::Head::of(&request);
    if let Some(token) = bound(&head) {
        return show_bound(&app, token, "GET", &head).await;
    }
    match in_header(&head) {
        Ok(Some(token)) => show(&app, token, "GET", &head).await,
        Ok(None) => answer::bearer_missing(&app),
        Err(denied) => answer::bearer_error(&app, denied),
    }
}

/// The token in the header, or in the form (RFC 6750 §2.2).
pub async fn post(State(app): State<App>, request: Request) -> Response {
    let head = read::Head::of(&request);
    if let Some(token) = bound(&head) {
        return show_bound(&app, token, "POST", &head).await;
    }
    let in_header = match in_header(&head) {
        Ok(token) => token,
        Err(denied) => return answer::bearer_error(&app, denied),
    };
    if let Some(token) = in_header {
        // RFC 6750 §2: clients must not use more than one method; what else is in the body is not looked at.
        return show(&app, token, "POST", &head).await;
    }
    let body = match read::form_body(&app, request).await {
        Ok((_, body)) => body,
        Err(read::Unreadable::TooLarge) => return answer::unreadable(&app, read::Unreadable::TooLarge),
        Err(read::Unreadable::Denied(_)) => return answer::bearer_missing(&app),
    };
    match Form::parse(&body) {
        Ok(form) => match form.get("access_token") {
            Some(token) => show(&app, token, "POST", &head).await,
            None => answer::bearer_missing(&app),
        },
        Err(denied) => answer::bearer_error(&app, denied),
    }
}

async fn show(app: &App, token: &str, method: &str, head: &read::Head) -> Response {
    answered(app, userinfo::answer(&app.engine, token, method, (head.certificate.as_deref(), None), app.now()).await)
}

/// OpenID Connect Core §5.3.2: application/json, or application/jwt where it is signed or encrypted.
fn answered(app: &App, told: Result<Answer, Failure>) -> Response {
    match told {
        Ok(Answer::Plain(claims)) => answer::json(&claims),
        Ok(Answer::Jwt(text)) => answer::signed("jwt", text),
        Err(failure) => answer::bearer_error(app, failure),
    }
}

/// The token that is said to be bound to a key.
fn bound(headers: &HeaderMap) -> Option<&str> {
    dpop_bound(read::authorization(headers).ok().flatten()?)
}

async fn show_bound(app: &App, token: &str, method: &str, head: &read::Head) -> Response {
    // RFC 9449 §7.1: the proof is beside it.
    let missing = || Denied::new(ErrorCode::InvalidDpopProof, "no DPoP header beside the token");
    let proof = match read::dpop(head).and_then(|proof| proof.ok_or_else(missing)) {
        Ok(proof) => proof,
        Err(denied) => return answer::bearer_error(app, denied),
    };
    let with = (head.certificate.as_deref(), Some(proof));
    answered(app, userinfo::answer(&app.engine, token, method, with, app.now()).await)
}

fn in_header(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let Some(header) = read::authorization(headers).map_err(|denied| invalid_request(denied.text))? else {
        return Ok(None);
    };
    let malformed = || Denied::new(ErrorCode::InvalidToken, "the Authorization header has no bearer token");
    bearer(header).map(Some).ok_or_else(malformed)
}

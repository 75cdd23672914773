//! Answers for programs: JSON that nobody may cache, and errors from one table.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use firman_engine::{Failure, Fault, dpop};
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::jose::Alg;
use serde::Serialize;
use serde_json::json;

use super::App;
use super::read::{self, Head, Unreadable};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Reads the form of a client and answers it.
pub async fn taken(
    app: &App,
    request: Request,
    take: impl AsyncFnOnce(&Head, &[u8]) -> Result<Response, Failure>,
) -> Response {
    match read::form_body(app, request).await {
        Ok((head, body)) => take(&head, &body).await.unwrap_or_else(|failure| client_error(app, failure)),
        Err(why) => unreadable(app, why),
    }
}

/// A JSON answer that nobody may keep (RFC 6749 §5.1).
pub fn json(value: &impl Serialize) -> Response {
    json_with(StatusCode::OK, value)
}

/// The same for what was made (201).
pub fn created(value: &impl Serialize) -> Response {
    json_with(StatusCode::CREATED, value)
}

fn json_with(status: StatusCode, value: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_vec(value) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// There is nothing at this address, said to a program.
pub fn not_found() -> Response {
    json_with(StatusCode::NOT_FOUND, &error_body(ErrorCode::InvalidRequest, "there is nothing at this address"))
}

/// An error at an endpoint that clients call with their own credentials.
pub fn client_error(app: &App, failure: impl Into<Failure>) -> Response {
    match failure.into() {
        Failure::Denied(denied) => {
            tracing::info!(code = %denied.code, why = %denied.why, "refused");
            denied_response(app, &denied)
        }
        Failure::Fault(fault) => fault_response(&fault),
    }
}

/// An error while a request was read.
pub fn unreadable(app: &App, unreadable: Unreadable) -> Response {
    match unreadable {
        Unreadable::TooLarge => {
            let text = format!("the request body is larger than {} bytes", app.max_body);
            let mut response = json_with(StatusCode::PAYLOAD_TOO_LARGE, &error_body(ErrorCode::InvalidRequest, &text));
            // What is left of the body is not read, so nothing more can be said on this connection.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
        Unreadable::Denied(denied) => client_error(app, denied),
    }
}

fn denied_response(app: &App, denied: &Denied) -> Response {
    let mut response = json_with(status_of(denied.code), &error_body(denied.code, &denied.text));
    give_nonce(app, denied, &mut response);
    if denied.code == ErrorCode::InvalidClient {
        // RFC 6749 §5.2, RFC 9110 §15.5.2: a 401 names the scheme to use.
        let challenge = format!("Basic realm=\"{}\"", app.engine.issuer());
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
    }
    response
}

/// A signed answer, of this media type (without `application/`), that nobody may keep.
pub fn signed(media_type: &str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("application/{media_type}")) {
        headers.insert(CONTENT_TYPE, value);
    }
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An error at an endpoint that takes bearer tokens (RFC 6750 §3) of OpenID requests.
pub fn bearer_error(app: &App, failure: impl Into<Failure>) -> Response {
    bearer_error_for(app, failure, "openid")
}

/// The same where another scope is needed.
pub fn bearer_error_for(app: &App, failure: impl Into<Failure>, scope: &str) -> Response {
    let denied = match failure.into() {
        Failure::Denied(denied) => denied,
        Failure::Fault(fault) => return fault_response(&fault),
    };
    tracing::info!(code = %denied.code, why = %denied.why, "refused");
    let needed = match denied.code {
        ErrorCode::InsufficientScope => format!(", scope=\"{scope}\""),
        // RFC 9470 §3: what another sign-in must be.
        ErrorCode::InsufficientUserAuthentication => app.engine.policy().userinfo.challenge(),
        _ => String::new(),
    };
    // RFC 9449 §7.1: errors about proofs are told in its own scheme, with the algorithms that are taken.
    let about_proof = matches!(denied.code, ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce);
    let (scheme, status) =
        if about_proof { ("DPoP", StatusCode::UNAUTHORIZED) } else { ("Bearer", status_of(denied.code)) };
    let algs = if about_proof { format!(", algs=\"{}\"", dpop_algorithms()) } else { String::new() };
    let challenge = format!(
        "{scheme} realm=\"{}\", error=\"{}\", error_description=\"{}\"{needed}{algs}",
        app.engine.issuer(),
        denied.code,
        denied.text
    );
    let mut response = json_with(status, &error_body(denied.code, &denied.text));
    give_nonce(app, &denied, &mut response);
    with_challenge(response, &challenge)
}

/// RFC 9449 §8, §9: whoever must repeat a nonce is given one.
fn give_nonce(app: &App, denied: &Denied, response: &mut Response) {
    let nonce = (denied.code == ErrorCode::UseDpopNonce).then(|| dpop::nonce(&app.engine, app.now()));
    if let Some(Ok(nonce)) = nonce.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
}

/// RFC 6750 §3.1: a request without any authentication learns the scheme and no error code.
pub fn bearer_missing(app: &App) -> Response {
    let response = StatusCode::UNAUTHORIZED.into_response();
    with_challenge(response, &format!("Bearer realm=\"{}\"", app.engine.issuer()))
}

fn with_challenge(mut response: Response, challenge: &str) -> Response {
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn dpop_algorithms() -> String {
    Alg::PUBLIC.iter().map(|alg| alg.as_str()).collect::<Vec<_>>().join(" ")
}

/// A fault is logged with a number; the answer has the number and nothing else of it.
fn fault_response(fault: &Fault) -> Response {
    let incident = incident(fault);
    if fault.temporary {
        let body =
            error_body(ErrorCode::TemporarilyUnavailable, &format!("try again in a moment (incident {incident})"));
        let mut response = json_with(StatusCode::SERVICE_UNAVAILABLE, &body);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return response;
    }
    let body = error_body(ErrorCode::ServerError, &format!("something broke on our side (incident {incident})"));
    json_with(StatusCode::INTERNAL_SERVER_ERROR, &body)
}

/// Logs a fault and gives the number under which it stands in the log.
pub fn incident(fault: &Fault) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let incident = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    tracing::error!(incident, %fault, temporary = fault.temporary, "a fault");
    incident
}

/// The status of an error code.
pub fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

fn error_body(code: ErrorCode, text: &str) -> serde_json::Value {
    json!({"error": code.as_str(), "error_description": text})
}

/// The body of a 405; the router has put `Allow` beside it.
pub async fn method_not_allowed(State(_): State<App>, request: Request) -> Response {
    let text = format!("the method {} is not allowed here; see the Allow header", request.method());
    let denied = invalid_request(text);
    json_with(StatusCode::METHOD_NOT_ALLOWED, &error_body(denied.code, &denied.text))
}

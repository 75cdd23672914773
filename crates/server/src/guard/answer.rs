//! What is answered.

use std::fmt::Write as _;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use firman_client::guard::Access;
use serde_json::json;

use super::Behind;

/// What a service, or the proxy before it, is told of whoever is let through. Nobody else can say these: they are taken off what comes in.
pub(super) const TOLD: [&str; 5] =
    ["x-firman-subject", "x-firman-client", "x-firman-scope", "x-firman-acr", "x-firman-issuer"];

/// What is told of an access.
pub(super) fn told(access: &Access) -> HeaderMap {
    let facts = access.facts();
    let values = [
        access.subject(),
        access.client_id(),
        Some(access.scope().as_str()),
        facts.acr.as_deref(),
        Some(facts.issuer.as_str()),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in TOLD.into_iter().zip(values) {
        let value =
            value.filter(|value| !value.is_empty()).and_then(|value| HeaderValue::from_str(&visible(value)).ok());
        headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
    }
    headers
}

/// Visible ASCII; every other byte, and the percent sign, as RFC 3986 §2.1 escapes it.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

pub(super) fn allowed(access: Option<&Access>) -> Response {
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().extend(access.map(told).unwrap_or_default());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn problem(status: StatusCode, text: &str) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, json!({ "error": "invalid_request", "error_description": text }).to_string()).into_response()
}

pub(super) fn no_rule() -> Response {
    problem(StatusCode::FORBIDDEN, "no rule of the guard is for this address")
}

pub(super) fn two_faced() -> Response {
    problem(StatusCode::BAD_REQUEST, "this path could be read in more than one way")
}

pub(super) fn nothing_here() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing at this address")
}

pub(super) fn not_told(behind: Behind) -> Response {
    let (method, address) = behind.headers();
    problem(
        StatusCode::BAD_REQUEST,
        &format!("the proxy must say once which request it asks about: {method}, {address}"),
    )
}

pub(super) fn unreachable() -> Response {
    problem(StatusCode::BAD_GATEWAY, "the service behind the guard does not answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 3986 §2.1.
    #[test]
    fn any_name_can_be_told_in_a_header() {
        assert_eq!(visible("alice b"), "alice b");
        assert_eq!(visible("a%\r\nä"), "a%25%0D%0A%C3%A4");
    }
}

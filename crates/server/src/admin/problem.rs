//! What an answer says that is none (RFC 9457).

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use firman_engine::admin::AdminError;
use firman_engine::{Failure, Fault};
use firman_proto::error::Denied;
use firman_store::StoreError;
use serde::Serialize;

use crate::http::answer::{incident, status_of};

/// What went wrong (RFC 9457).
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    /// What the status means.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// What is wrong, for programs.
    code: &'static str,
    /// What a repeated request needs, said in a header.
    #[serde(skip)]
    challenge: Option<String>,
    /// The nonce that a repeated proof needs (RFC 9449 §9).
    #[serde(skip)]
    nonce: Option<String>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or_default();
        Self { title, status: status.as_u16(), detail: detail.into(), code, challenge: None, nonce: None }
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", detail)
    }

    /// With what a repeated request needs.
    pub(super) fn challenging(self, challenge: String, nonce: Option<String>) -> Self {
        Self { challenge: Some(challenge), nonce, ..self }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        tracing::info!(code = %denied.code, why = %denied.why, "refused");
        Self::new(status_of(denied.code), denied.code.as_str(), denied.text)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let incident = incident(&fault);
        if fault.temporary {
            let text = format!("try again in a moment (incident {incident})");
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", text);
        }
        let text = format!("something broke on our side (incident {incident})");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", text)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Denied(denied) => denied.into(),
            Failure::Fault(fault) => fault.into(),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            // What follows a semicolon is for the command line.
            AdminError::NotFound(text) => Self::not_found(text.split(';').next().unwrap_or(text)),
            AdminError::Refused(denied) => denied.into(),
            AdminError::Edited(_) => Self::new(StatusCode::PRECONDITION_FAILED, "edited_meanwhile", error.to_string()),
            AdminError::Fault(fault) => fault.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(Ok(challenge)) = self.challenge.as_deref().map(HeaderValue::from_str) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(Ok(nonce)) = self.nonce.as_deref().map(HeaderValue::from_str) {
            headers.insert("dpop-nonce", nonce);
        }
        response
    }
}

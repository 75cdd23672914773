//! Edits that do not overwrite another's: the revision of a record is its entity tag (RFC 9110 §8.8.3), and an edit must say which it saw.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Shared;
use super::problem::Problem;

/// The revision that an editor saw; `None` is a tag that is none of ours and matches nothing (RFC 9110 §13.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IfMatch(Option<u64>);

impl IfMatch {
    /// Refuses to edit what is not what the editor saw.
    pub(super) fn must_be(self, revision: u64) -> Result<(), Problem> {
        if self.0 == Some(revision) {
            return Ok(());
        }
        let text = "it was edited since; look at it again";
        Err(Problem::new(StatusCode::PRECONDITION_FAILED, "edited_meanwhile", text))
    }
}

impl FromRequestParts<Shared> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all(IF_MATCH).iter();
        let Some(tag) = given.next() else {
            // RFC 6585 §3.
            let text = "if-match: say which revision is edited, with the ETag of its answer";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", text));
        };
        Ok(Self(tag.to_str().ok().filter(|_| given.next().is_none()).and_then(revision_of)))
    }
}

fn revision_of(tag: &str) -> Option<u64> {
    let digits = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A record with its tag.
pub(super) struct Tagged<T>(pub(super) StatusCode, pub(super) u64, pub(super) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Self(status, revision, body) = self;
        let mut response = (status, Json(body)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9110 §8.8.3.
    #[test]
    fn a_tag_is_a_revision_in_quotes() {
        assert_eq!(revision_of("\"12\""), Some(12));
        for other in ["12", "W/\"12\"", "\"x\"", "*", "\"+1\"", "\"\"", "\"99999999999999999999\""] {
            assert_eq!(revision_of(other), None, "{other}");
        }
    }
}

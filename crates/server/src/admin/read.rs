//! Reading requests strictly: what is not known, too large or twice there is refused with a problem that says so.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use firman_proto::id::RecordId;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::Shared;
use super::problem::Problem;

/// The longest refusal that repeats what a reader said, in characters.
const LONGEST_TEXT: usize = 200;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Shared) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_json = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json");
        // Read even if it is refused: a connection on which half a body waits cannot be used again.
        let body = match Limited::new(request.into_body(), admin.max_body).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let text = format!("the request body is larger than {} bytes", admin.max_body);
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text));
            }
            Err(_) => return Err(Problem::invalid("the request body broke off")),
        };
        if !is_json {
            let text = "content-type: must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", text));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| Problem::invalid(short(&error)))
    }
}

/// The query.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Shared) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, admin).await;
        query.map(|Query(asked)| Self(asked)).map_err(|error| Problem::invalid(short(&error.body_text())))
    }
}

/// The one thing that is named in the path.
pub(super) struct Named(pub(super) String);

impl FromRequestParts<Shared> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Shared) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, admin).await;
        path.map(|Path(name)| Self(name)).map_err(|error| Problem::invalid(short(&error.body_text())))
    }
}

/// The record whose id is in the path.
pub(super) struct Id(pub(super) RecordId);

impl FromRequestParts<Shared> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Shared) -> Result<Self, Problem> {
        let Named(text) = Named::from_request_parts(parts, admin).await?;
        // What has another form is the id of nothing.
        RecordId::parse(&text).map(Self).ok_or_else(|| Problem::not_found("no record has such an id"))
    }
}

fn short(text: &impl ToString) -> String {
    text.to_string().chars().take(LONGEST_TEXT).collect()
}

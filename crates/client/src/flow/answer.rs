//! Answers as the flows read them: JSON or a refusal, and nothing that only looks like one of them.

use firman_proto::jose;
use firman_proto::time::Timestamp;
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::freshness::retry_after;
use crate::error::{Breach, Error, Refusal, ServerTrouble, shown};
use crate::exchange::Response;

/// The members of a JSON answer with a status of success.
pub(crate) fn members(url: &str, response: &Response, now: Timestamp) -> Result<Map<String, Value>, Error> {
    success(url, response, now)?;
    object(response).map_err(|breach| Error::breach(url, breach))
}

/// Members read into a type.
pub(crate) fn typed<T: DeserializeOwned>(url: &str, members: Map<String, Value>) -> Result<T, Error> {
    serde_json::from_value(Value::Object(members)).map_err(|error| malformed(url, &error.to_string()))
}

pub(crate) fn malformed(url: &str, why: &str) -> Error {
    Error::breach(url, Breach::Malformed(shown(why)))
}

/// Whether the request succeeded; else why not.
pub(crate) fn success(url: &str, response: &Response, now: Timestamp) -> Result<(), Error> {
    let status = response.status;
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        let to = response.headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("nowhere");
        return Err(Error::breach(url, Breach::Redirect(shown(to))));
    }
    let refusal = refusal(response);
    // RFC 9110 §15.6; RFC 6749 §4.1.2.1: these two are told with other statuses too.
    let busy = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || refusal.as_ref().is_some_and(|no| matches!(no.code.as_str(), "temporarily_unavailable" | "server_error"));
    if busy {
        let (trouble, wait) = (ServerTrouble::Status(status.as_u16()), retry_after(&response.headers, now));
        return Err(Error::Server { url: url.to_owned(), trouble, wait });
    }
    Err(match refusal {
        Some(refusal) => Error::Permission { url: url.to_owned(), refusal },
        None => Error::breach(url, Breach::Status(status.as_u16())),
    })
}

/// RFC 6749 §5.2 in the body, or RFC 6750 §3 in the header.
fn refusal(response: &Response) -> Option<Refusal> {
    let status = response.status.as_u16();
    if let Ok(body) = object(response)
        && let Some(code) = body.get("error").and_then(Value::as_str).filter(|code| !code.is_empty())
    {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        return Some(Refusal::new(status, code, text("error_description").unwrap_or_default(), text("error_uri")));
    }
    let challenges = response.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut of_ours = challenges.filter(|challenge| {
        let scheme = challenge.split(' ').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("Bearer") || scheme.eq_ignore_ascii_case("DPoP")
    });
    of_ours.find_map(|challenge| {
        let text = parameter(challenge, "error_description").unwrap_or_default();
        Some(Refusal::new(status, parameter(challenge, "error")?, text, None))
    })
}

/// The value of a quoted parameter of a challenge (RFC 9110 §11.2); none with an escape in it is needed here.
pub(crate) fn parameter<'c>(challenge: &'c str, name: &str) -> Option<&'c str> {
    let at = |rest: &&'c str| rest.trim_start().strip_prefix(name).and_then(|rest| rest.strip_prefix("=\"")).is_some();
    let (_, parameters) = challenge.split_once(' ')?;
    let mut pieces = parameters.split(',');
    let piece = pieces.find(at)?.trim_start();
    piece.get(name.len() + 2..)?.split('"').next()
}

fn object(response: &Response) -> Result<Map<String, Value>, Breach> {
    let media_type = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let said = || Breach::NotJson(if media_type.is_empty() { "nothing known".to_owned() } else { shown(media_type) });
    if media_type.eq_ignore_ascii_case("text/html") {
        return Err(said());
    }
    jose::object(&response.body).map_err(|_| match response.body.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => Breach::Malformed("it is not one object whose members are there once".to_owned()),
        _ => said(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;
    use crate::error::Advice;

    pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    /// An answer of this status with these headers.
    pub(crate) fn answer(status: u16, headers: &[(HeaderName, &'static str)], body: &str) -> Response {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let status = StatusCode::from_u16(status).unwrap();
        Response { status, headers, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    /// A JSON answer.
    pub(crate) fn json(status: u16, body: &Value) -> Response {
        answer(status, &[(CONTENT_TYPE, "application/json")], &body.to_string())
    }

    fn error(response: &Response) -> Error {
        members("https://as.example/x", response, NOW).unwrap_err()
    }

    // RFC 6749 §4.1.2.1, §5.2, RFC 6750 §3, RFC 9110 §10.2.3, §15.6.
    #[test]
    fn each_kind_of_failure_is_told_apart() {
        let html = answer(200, &[(CONTENT_TYPE, "text/html; charset=utf-8")], "<html>{}</html>");
        assert!(matches!(error(&html), Error::Protocol { breach: Breach::NotJson(what), .. } if what == "text/html"));
        let page = answer(200, &[(CONTENT_TYPE, "application/json")], "<html>");
        assert!(matches!(error(&page), Error::Protocol { breach: Breach::NotJson(_), .. }));
        let twice = answer(200, &[(CONTENT_TYPE, "application/json")], r#"{"a":1,"a":2}"#);
        assert!(matches!(error(&twice), Error::Protocol { breach: Breach::Malformed(_), .. }));
        let away = answer(302, &[(LOCATION, "https://evil.example/")], "");
        assert!(
            matches!(error(&away), Error::Protocol { breach: Breach::Redirect(to), .. } if to == "https://evil.example/")
        );
        let busy = error(&answer(503, &[(http::header::RETRY_AFTER, "7")], "<html>"));
        assert_eq!(busy.advice(), Advice::AskAgain(firman_proto::time::Lifetime::from_seconds(7)));
        assert!(error(&answer(429, &[], "")).is_outage());
        let soon = json(400, &serde_json::json!({"error": "temporarily_unavailable"}));
        assert!(error(&soon).is_outage());
        let no = error(&json(400, &serde_json::json!({"error": "invalid_grant", "error_description": "gone"})));
        assert!(no.code() == Some("invalid_grant") && no.to_string().contains("gone"));
        let bearer = error(&answer(
            401,
            &[(WWW_AUTHENTICATE, r#"Bearer realm="x", error="invalid_token", error_description="old""#)],
            "",
        ));
        assert_eq!(bearer.code(), Some("invalid_token"));
        assert!(matches!(error(&answer(404, &[], "no")), Error::Protocol { breach: Breach::Status(404), .. }));
    }

    // RFC 9110 §11.2.
    #[test]
    fn a_parameter_of_a_challenge_is_found_by_its_whole_name() {
        let challenge = r#"DPoP algs="ES256", error_description="error=x", error="use_dpop_nonce""#;
        assert_eq!(parameter(challenge, "error"), Some("use_dpop_nonce"));
        assert_eq!((parameter(challenge, "realm"), parameter("Bearer", "error")), (None, None));
    }
}

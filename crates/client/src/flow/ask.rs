//! Requests as the flows send them.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};

use crate::error::Error;
use crate::exchange::Request;
use crate::secret::Secret;

/// What answers should be.
pub(crate) const JSON: &str = "application/json";

/// A GET.
pub(crate) fn get(url: &str, accept: &'static str) -> Request {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
    Request { method: Method::GET, url: url.to_owned(), headers, body: Bytes::new() }
}

/// A POST of a form.
pub(crate) fn form(url: &str, body: &str) -> Request {
    post(url, "application/x-www-form-urlencoded", body)
}

/// A POST of a body of this type.
pub(crate) fn post(url: &str, content_type: &'static str, body: &str) -> Request {
    let headers = [(ACCEPT, HeaderValue::from_static(JSON)), (CONTENT_TYPE, HeaderValue::from_static(content_type))];
    let body = Bytes::copy_from_slice(body.as_bytes());
    Request { method: Method::POST, url: url.to_owned(), headers: HeaderMap::from_iter(headers), body }
}

/// The value of a header that no log shows.
pub(crate) fn secret_value(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Error::Local("a token or secret has characters that no header can have".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// How a bearer token is presented (RFC 6750 §2.1).
pub(crate) fn bearer(token: &Secret) -> Result<HeaderValue, Error> {
    secret_value(&format!("Bearer {}", token.reveal()))
}

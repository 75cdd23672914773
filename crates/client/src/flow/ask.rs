//! Requests as the flows send them.

use bytes::Bytes;
use http::header::{ACCEPT, HeaderValue};
use http::{HeaderMap, Method};

use crate::exchange::Request;

/// What answers should be.
pub(crate) const JSON: &str = "application/json";

/// A GET.
pub(crate) fn get(url: &str, accept: &'static str) -> Request {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
    Request { method: Method::GET, url: url.to_owned(), headers, body: Bytes::new() }
}

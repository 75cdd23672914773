//! Reading requests, with limits.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;

use axum::body::HttpBody as _;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Request};
use firman_proto::certificate::Certificate;
use firman_proto::credentials::Credentials;
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::form::Form;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::App;
use crate::client_certificate::Peer;

/// Why a request could not be read.
#[derive(Debug)]
pub enum Unreadable {
    /// More than the configured number of bytes.
    TooLarge,
    /// It is not what the endpoint takes.
    Denied(Denied),
}

impl From<Denied> for Unreadable {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// What stands before a body: the headers, and the certificate of the connection.
#[derive(Clone, Debug)]
pub struct Head {
    headers: HeaderMap,
    /// What the client has shown that it holds (RFC 8705), here or to a front that we trust.
    pub certificate: Option<Arc<Certificate>>,
    peer: Option<IpAddr>,
}

impl Head {
    /// Of a request.
    pub fn of<B>(request: &Request<B>) -> Self {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
        Self { headers: request.headers().clone(), certificate: request.extensions().get().cloned(), peer }
    }

    /// Where a request comes from, as far as that is known: behind a proxy, what that has noted last.
    pub fn address(&self, app: &App) -> Option<IpAddr> {
        self.address_behind(app.forwarded)
    }

    /// The same, where it is known whether a proxy in front says who asked it.
    pub fn address_behind(&self, forwarded: bool) -> Option<IpAddr> {
        if !forwarded {
            return self.peer;
        }
        let noted = self.headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        let last = noted.rsplit(',').next()?.trim();
        let with_port = || last.parse().map(|address: SocketAddr| address.ip());
        last.parse().or_else(|_| with_port()).ok()
    }
}

impl Deref for Head {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        &self.headers
    }
}

/// Reads a form body: its type, its size, its bytes.
pub async fn form_body(app: &App, request: Request<Body>) -> Result<(Head, Bytes), Unreadable> {
    form_within(app.max_body, request).await
}

/// Reads a form body of at most so many bytes.
pub(crate) async fn form_within(max_body: usize, request: Request<Body>) -> Result<(Head, Bytes), Unreadable> {
    let (head, body) = body_within(max_body, request).await?;
    // RFC 6749 §3.2: parameters come as application/x-www-form-urlencoded.
    if !is_of(&head, "application/x-www-form-urlencoded") {
        return Err(invalid_request("content-type: must be application/x-www-form-urlencoded").into());
    }
    Ok((head, body))
}

async fn body_within(max_body: usize, request: Request<Body>) -> Result<(Head, Bytes), Unreadable> {
    let (head, body) = (Head::of(&request), request.into_body());
    if body.size_hint().lower() > max_body as u64 {
        return Err(Unreadable::TooLarge);
    }
    // Read even if it is refused: a connection on which half a body waits cannot be used again.
    let body = match Limited::new(body, max_body).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Unreadable::TooLarge),
        Err(_) => return Err(invalid_request("the request body broke off").into()),
    };
    Ok((head, body))
}

/// Reads a JSON body: its type, its size, its bytes.
pub async fn json_body(app: &App, request: Request<Body>) -> Result<(Head, Bytes), Unreadable> {
    let (head, body) = body_within(app.max_body, request).await?;
    // RFC 7591 §3.1: metadata comes as application/json.
    if is_of(&head, "application/json") {
        return Ok((head, body));
    }
    Err(invalid_request("content-type: must be application/json").into())
}

fn is_of(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(media_type)
}

/// The `Authorization` header. More than one is refused, not chosen from.
pub fn authorization(headers: &HeaderMap) -> Result<Option<&[u8]>, Denied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next().map(axum::http::HeaderValue::as_bytes);
    if values.next().is_some() {
        return Err(invalid_request("authorization: more than one header"));
    }
    Ok(first)
}

/// The proof of a key beside the request (RFC 9449 §4.1).
pub fn dpop(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let wrong = |text| Denied::new(ErrorCode::InvalidDpopProof, text);
    let mut values = headers.get_all("dpop").iter();
    let Some(first) = values.next() else { return Ok(None) };
    // RFC 9449 §4.3 (1): not more than one.
    if values.next().is_some() {
        return Err(wrong("more than one DPoP header"));
    }
    first.to_str().map(Some).map_err(|_| wrong("the DPoP header is no text"))
}

/// The client's credentials in header, form or connection.
pub fn credentials(head: &Head, form: &Form<'_>) -> Result<Credentials, Denied> {
    Ok(Credentials::find(authorization(head)?, form)?.with_certificate(head.certificate.clone()))
}

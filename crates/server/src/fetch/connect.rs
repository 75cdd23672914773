//! One connection for one request, and one attempt to get one document.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    USER_AGENT,
};
use axum::http::{Request, Response, StatusCode};
use firman_engine::FetchError;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use url::Host;

use super::address::is_public;
use super::cache::{Got, New, Validators};
use super::target::Target;
use super::{Web, freshness};

/// Room for the head of an answer, in bytes.
const LARGEST_HEAD: usize = 16 * 1024;

pub(super) fn failed(what: &'static str) -> FetchError {
    FetchError::Failed(what.into())
}

pub(super) async fn attempt(
    web: &Web,
    target: &Target,
    types: &[&str],
    known: Option<&Validators>,
) -> Result<Got, FetchError> {
    let (answer, _driver) = exchange(web, target, request(target, types, known)?).await?;
    take(answer, types, web.options.max_bytes).await
}

/// Sends one request over a connection of its own, which ends with the driver.
pub(super) async fn exchange(
    web: &Web,
    target: &Target,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, Driver), FetchError> {
    let stream = reach(web, target).await?;
    if !target.tls {
        return ask(stream, request).await;
    }
    let name = match &target.host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| failed("no name for a certificate"))?,
        Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
        Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
    };
    let encrypted = web.tls.connect(name, stream).await;
    let encrypted = encrypted.map_err(|error| FetchError::Failed(format!("no TLS: {error}").into()))?;
    ask(encrypted, request).await
}

/// Connects to an address that was checked: there is no second look-up that could give another.
async fn reach(web: &Web, target: &Target) -> Result<TcpStream, FetchError> {
    let addresses = match &target.host {
        Host::Domain(name) => web.resolver.addresses(name).await.map_err(|_| failed("the name has no address"))?,
        Host::Ipv4(address) => vec![IpAddr::V4(*address)],
        Host::Ipv6(address) => vec![IpAddr::V6(*address)],
    };
    let may_reach = |address: &IpAddr| {
        let allowed = web.options.allowed.contain(*address);
        // Plain HTTP is for networks an operator has named.
        allowed || (target.tls && is_public(*address))
    };
    // One address that may not be reached among others means that somebody tries something.
    if !addresses.iter().all(may_reach) {
        return Err(FetchError::Refused("the name leads to an address that may not be reached".into()));
    }
    for address in addresses {
        if let Ok(stream) = TcpStream::connect(SocketAddr::new(address, target.port)).await {
            return Ok(stream);
        }
    }
    Err(failed("nobody is there"))
}

fn request(target: &Target, types: &[&str], known: Option<&Validators>) -> Result<Request<Full<Bytes>>, FetchError> {
    let mut request = Request::get(&target.path)
        .header(HOST, target.authority())
        .header(ACCEPT, types.join(", "))
        .header(USER_AGENT, concat!("firman/", env!("CARGO_PKG_VERSION")));
    if let Some(etag) = known.and_then(|known| known.etag.as_ref()) {
        request = request.header(IF_NONE_MATCH, etag);
    }
    if let Some(since) = known.and_then(|known| known.last_modified.as_ref()) {
        request = request.header(IF_MODIFIED_SINCE, since);
    }
    request.body(Full::default()).map_err(|_| FetchError::Refused("the address cannot be asked for".into()))
}

/// The connection ends with its request, however that ends.
pub(super) struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, Driver), FetchError> {
    let mut http = hyper::client::conn::http1::Builder::new();
    http.max_buf_size(LARGEST_HEAD);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(|_| failed("no HTTP"))?;
    let driver = Driver(tokio::spawn(async move { drop(connection.await) }));
    let answer = sender.send_request(request).await.map_err(|_| failed("no HTTP answer"))?;
    Ok((answer, driver))
}

/// What an answer brings, if it is one of these types and no larger than that.
async fn take(answer: Response<Incoming>, types: &[&str], max_bytes: usize) -> Result<Got, FetchError> {
    let lifetime = freshness::lifetime(answer.headers());
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED => return Ok(Got::Same(lifetime)),
        // A redirect would lead to an address that nobody has registered.
        status => return Err(FetchError::Failed(format!("the answer is {status}").into())),
    }
    let media_type = media_type(answer.headers());
    if !types.contains(&media_type.as_str()) {
        return Err(failed("its content-type is another"));
    }
    // Nothing was asked to be compressed; unpacked, it could be of any size.
    if answer.headers().contains_key(CONTENT_ENCODING) {
        return Err(failed("it is compressed"));
    }
    let validators = Validators {
        etag: answer.headers().get(ETAG).cloned(),
        last_modified: answer.headers().get(LAST_MODIFIED).cloned(),
    };
    let body = body(answer, max_bytes).await?;
    Ok(Got::New(New { body, media_type, lifetime, validators }))
}

pub(super) async fn body(answer: Response<Incoming>, longest: usize) -> Result<Vec<u8>, FetchError> {
    // What is announced to be too large is not even begun.
    if answer.body().size_hint().lower() > longest as u64 {
        return Err(failed("it is too large"));
    }
    match Limited::new(answer.into_body(), longest).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(failed("it is too large")),
        Err(_) => Err(failed("it broke off")),
    }
}

/// RFC 9110 §8.3.1: type and subtype, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

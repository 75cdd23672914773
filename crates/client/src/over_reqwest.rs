//! Requests sent by reqwest.

use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;

use crate::exchange::{Request, Response, Transport, Unreachable};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 1024 * 1024;
/// How long a whole exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A transport over reqwest: TLS by rustls, no redirects, no cookies, at most 1 MiB in at most 10 s.
#[derive(Debug, Clone)]
pub struct OverReqwest {
    client: reqwest::Client,
}

impl OverReqwest {
    /// What `builder` says about TLS and proxies; redirects are never followed.
    ///
    /// # Errors
    ///
    /// The library cannot be set up, e.g. with the certificates given.
    pub fn new(builder: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        choose_cryptography();
        let client = builder.redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build()?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Transport for OverReqwest {
    async fn send(&self, request: Request) -> Result<Response, Unreachable> {
        let url = request.url;
        let failed = |error: &reqwest::Error| unreachable(&url, error);
        let mut answer = self
            .client
            .request(request.method, &url)
            .headers(request.headers)
            .body(request.body)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > LONGEST {
                return Err(Unreachable::Huge { url, limit: LONGEST });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status: answer.status(), headers: std::mem::take(answer.headers_mut()), body: body.freeze() })
    }
}

/// Where TLS is not set up by a builder, the library wants its cryptography chosen for the process. Who comes second finds the first's.
pub(crate) fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

pub(crate) fn unreachable(url: &str, error: &reqwest::Error) -> Unreachable {
    if error.is_timeout() {
        let millis = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        return Unreachable::Slow { url: url.to_owned(), millis };
    }
    // The cause says what happened; the outermost error says only that sending failed.
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Unreachable::Connection { url: url.to_owned(), why: cause.to_string() }
}

//! Feeds carried by reqwest.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Pieces, Streams};
use crate::exchange::{Request, Unreachable};
use crate::over_reqwest::{choose_cryptography, unreachable};

/// How long a feed may say nothing: it says something every second.
const SILENCE: Duration = Duration::from_secs(15);

/// Opens feeds over reqwest: TLS by rustls, no redirects, no end.
#[derive(Clone, Debug)]
pub struct FeedOverReqwest(reqwest::Client);

impl FeedOverReqwest {
    /// What `builder` says about TLS and proxies; redirects are never followed.
    ///
    /// # Errors
    ///
    /// The library cannot be set up, e.g. with the certificates given.
    pub fn new(builder: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        choose_cryptography();
        let builder = builder.redirect(reqwest::redirect::Policy::none());
        Ok(Self(builder.connect_timeout(SILENCE).read_timeout(SILENCE).build()?))
    }
}

#[async_trait]
impl Streams for FeedOverReqwest {
    async fn open(&self, request: Request) -> Result<(http::StatusCode, Box<dyn Pieces>), Unreachable> {
        let url = request.url;
        let sent = self.0.request(request.method, &url).headers(request.headers).send().await;
        let answer = sent.map_err(|error| unreachable(&url, &error, SILENCE))?;
        Ok((answer.status(), Box::new(Answer { answer, url })))
    }
}

struct Answer {
    answer: reqwest::Response,
    url: String,
}

#[async_trait]
impl Pieces for Answer {
    async fn next(&mut self) -> Result<Option<Bytes>, Unreachable> {
        self.answer.chunk().await.map_err(|error| unreachable(&self.url, &error, SILENCE))
    }
}

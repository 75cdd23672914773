//! A request and its answer as values, and who carries them.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

/// What is sent to a server. It may hold secrets, so it shows neither its headers nor its body.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty if there is none.
    pub body: Bytes,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("method", &self.method).field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a server answered. It may hold secrets, so it shows neither its headers nor its body.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, bounded by the transport.
    pub body: Bytes,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unreachable {
    /// No connection, or it broke.
    #[error("{url} cannot be reached: {why}")]
    Connection {
        /// The address.
        url: String,
        /// What the library said.
        why: String,
    },
    /// No answer in time.
    #[error("{url} did not answer within {millis} ms")]
    Slow {
        /// The address.
        url: String,
        /// The limit, in milliseconds.
        millis: u64,
    },
    /// More than the limit.
    #[error("{url} answered more than {limit} bytes")]
    Huge {
        /// The address.
        url: String,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Carries requests: bounded in time and size, follows no redirect.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends one request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// There is no whole answer.
    async fn send(&self, request: Request) -> Result<Response, Unreachable>;
}

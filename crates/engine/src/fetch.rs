//! The port to others: their documents (key sets, client documents, request objects), and what they are told or asked.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::time::Timestamp;

/// Gets documents by HTTP, and sends what must be sent.
///
/// Promises of every implementation:
///
/// - Addresses are given by strangers. It never reaches what only this machine or its network can reach, unless an operator
///   named that network; it follows no redirect; it connects to the very address it has checked.
/// - A document is bounded in size, an attempt in time, and what is asked of one address in number: what was got is kept for as
///   long as its HTTP headers say (within bounds), a failure for a short while, and who asks meanwhile gets the same answer.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// The document at an address.
    async fn get(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<Arc<Document>, FetchError>;

    /// Sends a request, by the same rules about addresses, size and time. Nothing is kept, nothing is tried twice, and whatever the
    /// status, it is an answer. By default nothing is sent.
    async fn send(&self, _call: &Call<'_>) -> Result<Reply, FetchError> {
        Err(FetchError::Refused("this server sends nothing".into()))
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its address: an absolute URI.
    pub url: &'a str,
    /// The media types that are taken, without parameters, in lower case.
    pub types: &'a [&'a str],
    /// Ask again if what is held was fetched before this; no more often than once a minute, all the same.
    pub fetched_since: Option<Timestamp>,
}

/// A request to somebody else's server. Its Debug shows where it goes and nothing of what it says.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The address: an absolute URI.
    pub url: &'a str,
    /// Header fields: lower-case names, and values that may be secret.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is posted: its media type, and its bytes. Nothing to post is a question (`GET`).
    pub body: Option<(&'a str, &'a [u8])>,
    /// Whether the body of the answer is wanted; else it is not even read.
    pub wants_body: bool,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.split('?').next().unwrap_or_default();
        write!(f, "{} {address}", if self.body.is_some() { "POST" } else { "GET" })
    }
}

/// The answer to a request. Its Debug shows nothing of the body: there may be tokens in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body, without parameters, in lower case.
    pub media_type: String,
    /// The body, if it was wanted.
    pub body: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {:?}, {} bytes)", self.status, self.media_type, self.body.len())
    }
}

/// A document and until when it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub body: Vec<u8>,
    /// Its media type, without parameters, in lower case.
    pub media_type: String,
    /// When it was fetched, or last said to be still the same.
    pub fetched_at: Timestamp,
    /// Until when it is fresh (RFC 9111 §4.2), within our bounds.
    pub fresh_until: Timestamp,
}

/// Why there is no document. For the log; strangers learn no more than that there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address may not be fetched from.
    #[error("not fetched: {0}")]
    Refused(Cow<'static, str>),
    /// Nobody answered, or not in time, or not with what was asked for.
    #[error("cannot be fetched: {0}")]
    Failed(Cow<'static, str>),
}

/// Fetches nothing: for a server that must not call out.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFetch;

#[async_trait]
impl Fetch for NoFetch {
    async fn get(&self, _: &Wanted<'_>, _: Timestamp) -> Result<Arc<Document>, FetchError> {
        Err(FetchError::Refused("this server fetches nothing".into()))
    }
}

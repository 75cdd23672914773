//! The issuer's revocation feed, followed: tokens that are verified here die within a second of their revocation.
//!
//! What is held is about 50 bytes for each withdrawal of the issuer's window (an hour, unless its settings say otherwise), at most
//! [`Follow::most`] of them. While the feed is silent, the guard cannot know what was revoked since; what then happens is
//! [`Follow::on_loss`].

mod events;
#[cfg(feature = "reqwest")]
mod over_reqwest;
mod run;
mod state;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use firman_proto::time::Lifetime;

use crate::exchange::{Request, Unreachable};

#[cfg(feature = "reqwest")]
pub use over_reqwest::FeedOverReqwest;
pub use state::Knowledge;
pub(super) use state::{State, Verdict};

pub(super) use run::run;

/// Opens answers that have no end.
#[async_trait]
pub trait Streams: Send + Sync + 'static {
    /// Sends a request; gives the status of the answer and its body, piece by piece.
    ///
    /// # Errors
    ///
    /// There is no answer.
    async fn open(&self, request: Request) -> Result<(http::StatusCode, Box<dyn Pieces>), Unreachable>;
}

/// A body that has no end.
#[async_trait]
pub trait Pieces: Send {
    /// The next piece; `None` where it has ended after all.
    ///
    /// # Errors
    ///
    /// The connection broke, or nothing came for longer than the transport waits.
    async fn next(&mut self) -> Result<Option<Bytes>, Unreachable>;
}

/// What happens to requests while it cannot be known what was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLoss {
    /// They are let through by what was known last.
    Open,
    /// The same, until the feed has been silent for so long; then nobody is let through (503).
    ClosedAfter(Lifetime),
}

/// How the feed is followed.
#[derive(Clone)]
pub struct Follow {
    /// Who carries it.
    pub streams: Arc<dyn Streams>,
    /// Who asks: the identifier and secret of the resource server, or of a client that may introspect any token.
    pub id: String,
    /// See `id`.
    pub secret: String,
    /// What happens while nothing can be known.
    pub on_loss: OnLoss,
    /// A feed that says nothing for so long is silent. It says something every second.
    pub silence: Lifetime,
    /// The most withdrawals that are held; with more, nothing can be known.
    pub most: usize,
}

impl Follow {
    /// Closed after 30 s, of which 5 s make a silence; at most a million withdrawals (50 MB).
    pub fn new(streams: Arc<dyn Streams>, id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            streams,
            id: id.into(),
            secret: secret.into(),
            on_loss: OnLoss::ClosedAfter(Lifetime::from_seconds(30)),
            silence: Lifetime::from_seconds(5),
            most: 1_000_000,
        }
    }
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Follow({}, {:?})", self.id, self.on_loss)
    }
}

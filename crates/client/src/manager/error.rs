use firman_proto::time::Lifetime;

use super::KeepError;
use crate::error::{Advice, Error};

/// Why there is no token. The text says what happened and what cures it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ManagerError {
    /// The network, the server, its no, or what it answered.
    #[error(transparent)]
    Wire(#[from] Error),
    /// Where tokens are kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// Nothing is kept that would do, or brings what would.
    #[error("no token of {issuer} for {client_id} is kept that {wanted}: sign in{again}", again = if *.reduced { " and allow that too" } else { "" })]
    Nothing {
        /// The server.
        issuer: String,
        /// The client.
        client_id: String,
        /// What for.
        wanted: String,
        /// There is one, for less.
        reduced: bool,
    },
    /// Another renews, and for too long.
    #[error("another process renews the token, and has not come to an end; ask again")]
    Busy,
}

impl ManagerError {
    /// What to do.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Wire(error) => error.advice(),
            Self::Keep(error) => error.advice(),
            Self::Nothing { .. } => Advice::AskThePerson,
            Self::Busy => Advice::AskAgain(Lifetime::ZERO),
        }
    }
}

use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use serde::{Deserialize, Serialize};

use super::Subject;

/// What an epoch counts for: advancing it kills every grant made under the one before, at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EpochKey {
    /// Everything in the store.
    Everything,
    /// Everything issued to a client.
    Client(RecordId),
    /// Everything a subject allowed, by [`Subject::key`].
    Subject(Digest16),
    /// No grant lives under it: it counts the edits of clients and keys, so that a node knows when what it remembers of them is
    /// out of date. Advanced by the store, in the commit of the edit.
    Edition,
}

impl EpochKey {
    /// The key of a subject's epoch.
    pub fn subject(issuer: IssuerNumber, subject: &Subject) -> Self {
        Self::Subject(subject.key(issuer))
    }

    /// The kind and the key in the database.
    pub const fn parts(&self) -> (u8, [u8; 16]) {
        match self {
            Self::Everything => (0, [0; 16]),
            Self::Client(id) => (1, *id.as_bytes()),
            Self::Subject(digest) => (2, digest.0),
            Self::Edition => (3, [0; 16]),
        }
    }
}

/// The counters a grant lives under. One that was never advanced is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    /// Of everything.
    pub everything: u64,
    /// Of the client.
    pub client: u64,
    /// Of the subject; 0 where there is none.
    pub subject: u64,
}

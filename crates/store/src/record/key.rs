use std::fmt;

use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::jws::{Algorithm, PublicJwk};
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

/// When a key is what. Its state follows from the time, so that every node agrees without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Made and published, not yet used.
    pub made_at: Timestamp,
    /// Used from then.
    pub current_from: Timestamp,
    /// No longer used, still trusted.
    pub retired_from: Timestamp,
    /// No longer trusted; may be purged.
    pub ends_at: Timestamp,
}

/// What a key is at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published so that everybody knows it before it is used.
    Next,
    /// In use.
    Current,
    /// Trusted for what it signed or sealed.
    Retired,
    /// Trusted for nothing.
    Ended,
}

impl Schedule {
    /// What the key is at `now`.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if now >= self.ends_at {
            KeyState::Ended
        } else if now >= self.retired_from {
            KeyState::Retired
        } else if now >= self.current_from {
            KeyState::Current
        } else {
            KeyState::Next
        }
    }

    /// When the key next becomes something else; `None` if it stays what it is.
    pub fn next_turn(&self, now: Timestamp) -> Option<Timestamp> {
        let turns = [self.current_from, self.retired_from, self.ends_at];
        turns.into_iter().filter(|turn| now < *turn && *turn != Timestamp::NEVER).min()
    }
}

/// A key that signs ID tokens. The private half is sealed under the master key.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SigningKey {
    /// Its id.
    pub id: RecordId,
    /// The issuer.
    pub issuer: IssuerNumber,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The public half.
    pub jwk: PublicJwk,
    /// PKCS #8, sealed under the master key.
    pub sealed: Vec<u8>,
    /// When it is what.
    pub schedule: Schedule,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
}

/// A key that seals tokens, itself sealed under the master key.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SealKey {
    /// The issuer; with the number it is the key.
    pub issuer: IssuerNumber,
    /// Its number, as it stands in the clear in every token.
    pub number: u32,
    /// 32 bytes, sealed under the master key.
    pub sealed: Vec<u8>,
    /// When it is what.
    pub schedule: Schedule,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
}

/// The one record that tells this store from every other, a copy of it included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Deployment {
    /// Random; part of the derivation of every seal key; renewed when a store is cloned.
    pub id: [u8; 16],
    /// When the store was set up.
    pub created_at: Timestamp,
    /// Counts renewals.
    pub revision: u64,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.algorithm, self.jwk.kid)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.number)
    }
}

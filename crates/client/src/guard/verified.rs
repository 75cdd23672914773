//! JWTs whose signature was verified: not verified again while they and the keys last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::digest::Digest16;
use firman_proto::jose::Jwks;
use firman_proto::time::Timestamp;

use super::facts::Facts;

/// Facts by the marks of tokens, in two generations; tokens themselves are not kept.
#[derive(Debug)]
pub(super) struct Verified {
    most: usize,
    known: Mutex<Known>,
}

type Entry = (Arc<Facts>, Arc<Jwks>);

#[derive(Debug, Default)]
struct Known {
    now: HashMap<Digest16, Entry>,
    before: HashMap<Digest16, Entry>,
}

impl Verified {
    /// Keeps at most so many in each generation; none: every signature is verified each time.
    pub(super) fn new(most: usize) -> Self {
        Self { most, known: Mutex::default() }
    }

    /// What a token says, and by which keys that was verified; until it ends.
    pub(super) fn get(&self, key: &Digest16, now: Timestamp) -> Option<Entry> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.now.get(key).or_else(|| known.before.get(key))?;
        entry.0.expires_at.is_some_and(|end| now < end).then(|| entry.clone())
    }

    pub(super) fn keep(&self, key: Digest16, facts: Arc<Facts>, keys: Arc<Jwks>, now: Timestamp) {
        if self.most == 0 || facts.expires_at.is_none_or(|end| end <= now) {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.now.len() >= self.most {
            known.before = std::mem::take(&mut known.now);
        }
        known.now.insert(key, (facts, keys));
    }
}

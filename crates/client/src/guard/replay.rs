//! Which proofs were used: each is good once (RFC 9449 §11.1).

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};

/// Proofs that were seen, in two generations, so that forgetting costs nothing: a proof is remembered for one period at least
/// and two at most. 16 bytes and a little each.
#[derive(Debug)]
pub(super) struct Replays {
    period: Lifetime,
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    since: Timestamp,
    now: HashSet<Digest16>,
    before: HashSet<Digest16>,
}

/// What came of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It was never seen.
    First,
    /// It was seen before.
    Again,
    /// So many came that no more can be remembered; whether this one is new cannot be known later.
    Full,
}

impl Replays {
    /// Remembers for a period at least, at most so many in each of two.
    pub(super) fn new(period: Lifetime, most: usize) -> Self {
        Self { period, most, seen: Mutex::default() }
    }

    /// Remembers a proof by its key and its id.
    pub(super) fn note(&self, jkt: &[u8], jti: &str, now: Timestamp) -> Use {
        let proof = Digest16::of(&[jkt, jti.as_bytes()]);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.since(seen.since);
        if age >= self.period {
            let ended = std::mem::take(&mut seen.now);
            let two = Lifetime::from_millis(self.period.millis().saturating_mul(2));
            seen.before = if age < two { ended } else { HashSet::new() };
            seen.since = now;
        }
        if seen.before.contains(&proof) || seen.now.contains(&proof) {
            return Use::Again;
        }
        if seen.now.len() >= self.most {
            return Use::Full;
        }
        seen.now.insert(proof);
        Use::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9449 §11.1.
    #[test]
    fn a_proof_is_good_once_for_as_long_as_it_is_good() {
        let replays = Replays::new(Lifetime::from_seconds(90), 2);
        let at = |seconds: i64| Timestamp::from_seconds(1000 + seconds);
        assert_eq!(replays.note(b"k", "1", at(0)), Use::First);
        assert_eq!(replays.note(b"k", "1", at(1)), Use::Again);
        assert_eq!(replays.note(b"l", "1", at(80)), Use::First);
        assert_eq!(replays.note(b"m", "1", at(81)), Use::Full);
        assert_eq!(replays.note(b"l", "1", at(169)), Use::Again);
        assert_eq!(replays.note(b"m", "1", at(169)), Use::First);
        assert_eq!(replays.note(b"l", "1", at(400)), Use::First);
    }
}

//! How many wrong codes may be typed (RFC 8628 §5.1).

use std::sync::{Mutex, PoisonError};

use firman_proto::time::{Lifetime, Timestamp};

const MINUTE: Lifetime = Lifetime::from_seconds(60);

/// Counts wrong codes, minute by minute. In memory: a guess writes nothing, and every node has its own count.
#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    since: Timestamp,
    wrong: u32,
}

impl Guesses {
    /// Whether another code may be looked up.
    pub(super) fn may_try(&self, limit: u32, now: Timestamp) -> bool {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= count.since.plus(MINUTE) || now < count.since {
            *count = Count { since: now, wrong: 0 };
        }
        count.wrong < limit
    }

    /// One was wrong.
    pub(super) fn wrong(&self) {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count.wrong = count.wrong.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_wrong_in_a_minute_and_no_more() {
        let (guesses, at) = (Guesses::default(), Timestamp::from_seconds);
        for _ in 0..3 {
            assert!(guesses.may_try(3, at(100)));
            guesses.wrong();
        }
        assert!(!guesses.may_try(3, at(159)));
        assert!(guesses.may_try(3, at(160)));
        assert!(!guesses.may_try(0, at(160)));
    }
}

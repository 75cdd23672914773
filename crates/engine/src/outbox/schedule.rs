//! When something is tried again, and when no more.

use firman_proto::time::{Lifetime, Timestamp};

/// How long and how often what is in the outbox is tried.
#[derive(Clone, Copy, Debug)]
pub struct OutboxPolicy {
    /// It is given up after so many attempts.
    pub attempts: u32,
    /// It is given up when it is so old.
    pub life: Lifetime,
    /// About how long the first pause is; each is twice the one before.
    pub first_pause: Lifetime,
    /// The longest pause.
    pub longest_pause: Lifetime,
    /// How long one attempt may take.
    pub attempt: Lifetime,
}

impl Default for OutboxPolicy {
    fn default() -> Self {
        Self {
            attempts: 20,
            life: Lifetime::from_days(3),
            first_pause: Lifetime::from_seconds(5),
            longest_pause: Lifetime::from_seconds(6 * 3600),
            attempt: Lifetime::from_seconds(10),
        }
    }
}

impl OutboxPolicy {
    /// For how long whoever takes a delivery has it to themselves: longer than an attempt, and than clocks differ.
    pub(super) fn lease(&self) -> Lifetime {
        Lifetime::from_millis(self.attempt.millis().saturating_mul(2).saturating_add(60_000))
    }

    /// How long to wait after so many attempts: somewhere between half of the pause and all of it, as `dice` falls, so that what
    /// failed together is not tried together.
    pub(super) fn pause(&self, attempts: u32, dice: u32) -> Lifetime {
        let doubled = 1_i64.checked_shl(attempts.saturating_sub(1)).filter(|factor| *factor > 0).unwrap_or(i64::MAX);
        let pause = self.first_pause.millis().saturating_mul(doubled).min(self.longest_pause.millis());
        let half = pause / 2;
        Lifetime::from_millis(half + i64::from(dice) % (pause - half + 1).max(1))
    }

    /// Whether it is over for what was tried so often.
    pub(super) fn is_over(&self, attempts: u32, expires_at: Timestamp, now: Timestamp) -> bool {
        attempts >= self.attempts || now >= expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_half_of_each_is_chance() {
        let policy = OutboxPolicy::default();
        let range =
            |attempts| (policy.pause(attempts, 0).seconds(), (0..9_999).map(|n| policy.pause(attempts, n * 997)).max());
        assert_eq!(range(1), (2, Some(Lifetime::from_millis(5_000))));
        assert_eq!(range(3).0, 10);
        for attempts in [14, 20, 64, 65, u32::MAX] {
            assert_eq!(policy.pause(attempts, 0), Lifetime::from_seconds(3 * 3600), "{attempts}");
            assert!(policy.pause(attempts, u32::MAX) <= policy.longest_pause);
        }
        let at_once = OutboxPolicy { first_pause: Lifetime::ZERO, ..policy };
        assert_eq!(at_once.pause(5, 7), Lifetime::ZERO);
    }

    #[test]
    fn it_is_over_by_number_or_by_age() {
        let (policy, end) = (OutboxPolicy::default(), Timestamp::from_seconds(100));
        let just_before = Timestamp::from_seconds(99);
        assert!(!policy.is_over(19, end, just_before));
        assert!(policy.is_over(20, end, just_before));
        assert!(policy.is_over(0, end, end));
    }
}

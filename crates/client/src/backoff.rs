//! How long to wait before asking again, and when not to ask at all: values, with time and randomness as arguments.

use firman_proto::time::{Lifetime, Timestamp};

use crate::error::{Error, ServerTrouble};

/// Waits that double from `first` to `most`, each cut at random to between a half and the whole, so that those who failed
/// together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait.
    pub first: Lifetime,
    /// The longest wait.
    pub most: Lifetime,
}

impl Default for Backoff {
    /// From half a second to a minute.
    fn default() -> Self {
        Self { first: Lifetime::from_millis(500), most: Lifetime::from_seconds(60) }
    }
}

impl Backoff {
    /// How long to wait after so many failures in a row (1 is the first).
    pub fn wait(&self, failures: u32, random: u64) -> Lifetime {
        let doubled = self.first.millis().saturating_mul(1 << failures.saturating_sub(1).min(32));
        jittered(Lifetime::from_millis(doubled.min(self.most.millis())), random)
    }
}

/// Between a half and the whole of `whole`.
pub fn jittered(whole: Lifetime, random: u64) -> Lifetime {
    let half = whole.millis() / 2;
    let cut = i64::try_from(random % (u64::try_from(half).unwrap_or_default() + 1)).unwrap_or_default();
    Lifetime::from_millis(whole.millis() - cut)
}

/// Leaves a server alone that has failed several times in a row: until its wait is over nobody asks, then one at a time, until
/// one of them has an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    /// Nobody asks before.
    until: Timestamp,
}

impl Breaker {
    /// So many failures in a row are taken for accidents.
    pub const ACCIDENTS: u32 = 3;
    /// How long who was let through may take before the next is.
    const TRIAL: Lifetime = Lifetime::from_seconds(30);

    /// Whether the server at `url` may be asked now. Who is let through after a rest tries for all: the next comes through when
    /// it has succeeded, or after 30 s.
    pub fn permit(&mut self, url: &str, now: Timestamp) -> Result<(), Error> {
        if self.failures < Self::ACCIDENTS {
            return Ok(());
        }
        if now < self.until {
            let trouble = ServerTrouble::Resting(self.failures);
            return Err(Error::Server { url: url.to_owned(), trouble, wait: Some(self.until.since(now)) });
        }
        self.until = now.plus(Self::TRIAL);
        Ok(())
    }

    /// What came of asking. A refusal is an answer too: only what is wrong with the server counts.
    pub fn heard<T>(&mut self, outcome: &Result<T, Error>, backoff: &Backoff, now: Timestamp, random: u64) {
        match outcome {
            Err(error) if error.is_outage() => {
                self.failures = self.failures.saturating_add(1);
                let told = match error {
                    Error::Server { wait, .. } => wait.unwrap_or_default(),
                    _ => Lifetime::ZERO,
                };
                let over = self.failures.saturating_sub(Self::ACCIDENTS - 1);
                self.until = now.plus(backoff.wait(over, random).max(told));
            }
            _ => *self = Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Unreachable;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    #[test]
    fn waits_double_up_to_a_bound_and_differ() {
        let backoff = Backoff::default();
        let longest: Vec<_> = (1..=10).map(|failures| backoff.wait(failures, 0).millis()).collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        assert_eq!(backoff.wait(1, 250).millis(), 250);
        assert_eq!(backoff.wait(u32::MAX, 30_000).millis(), 30_000);
        assert!((0..1000).all(|random| (250..=500).contains(&backoff.wait(1, random * 7919).millis())));
    }

    #[test]
    fn a_server_that_fails_in_a_row_is_left_alone_and_then_tried_by_one() {
        let (mut breaker, backoff) = (Breaker::default(), Backoff::default());
        let dead: Result<(), _> = Err(Unreachable::Slow { url: String::new(), millis: 1 }.into());
        let at = |millis| NOW.plus(Lifetime::from_millis(millis));
        for _ in 0..Breaker::ACCIDENTS {
            breaker.permit("u", NOW).unwrap();
            breaker.heard(&dead, &backoff, NOW, 0);
        }
        let refused = breaker.permit("https://as.example", at(499)).unwrap_err();
        assert!(
            matches!(refused, Error::Server { trouble: ServerTrouble::Resting(3), wait: Some(wait), .. } if wait.millis() == 1)
        );
        breaker.permit("u", at(500)).unwrap();
        assert!(breaker.permit("u", at(500)).is_err(), "one tries for all");
        breaker.heard(&dead, &backoff, at(600), 0);
        assert!(breaker.permit("u", at(1599)).is_err() && breaker.permit("u", at(1600)).is_ok());
        breaker.heard(&Ok(()), &backoff, at(1700), 0);
        assert!((0..9).all(|_| breaker.permit("u", at(1700)).is_ok()));
    }

    // RFC 9110 §10.2.3.
    #[test]
    fn how_long_the_server_asks_to_wait_is_kept_and_a_refusal_is_health() {
        let (mut breaker, backoff) = (Breaker::default(), Backoff::default());
        let wait = Some(Lifetime::from_seconds(90));
        let busy: Result<(), _> = Err(Error::Server { url: String::new(), trouble: ServerTrouble::Status(503), wait });
        for _ in 0..Breaker::ACCIDENTS {
            breaker.heard(&busy, &backoff, NOW, 0);
        }
        assert!(breaker.permit("u", NOW.plus(Lifetime::from_seconds(89))).is_err());
        let refusal = crate::error::Refusal::new(400, "invalid_grant", "", None);
        breaker.heard::<()>(&Err(Error::Permission { url: String::new(), refusal }), &backoff, NOW, 0);
        breaker.permit("u", NOW).unwrap();
    }
}

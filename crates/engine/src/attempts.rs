//! How often somebody may be wrong at a secret of a person's, and how long they wait then.
//!
//! Whoever is wrong too often waits; nobody is locked out. What is counted at an account from browsers that it was never signed in
//! with is counted apart from each browser that it was, so that strangers who guess do not keep its owner away.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};

use crate::Engine;

/// More counts than these are not kept of one generation; those of the generation before are forgotten then.
const MOST: usize = 50_000;

/// How many attempts may be wrong at once, and how long until there is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At once.
    pub burst: u32,
    /// Then one in this time.
    pub every: Lifetime,
}

impl Pace {
    /// How long until there is room for another, where the last would have been due then.
    pub(crate) fn wait(self, due: Timestamp, now: Timestamp) -> Lifetime {
        let room = Lifetime::from_millis(self.every.millis().saturating_mul(i64::from(self.burst.saturating_sub(1))));
        due.minus(room).since(now)
    }
}

/// What holds for guesses at people's secrets, on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInLimits {
    /// At one account, from all browsers together that it was never signed in with.
    pub account: Pace,
    /// At one account, from one browser that it was signed in with.
    pub device: Pace,
    /// From one address, at whatever account; eight times as many from one IPv6 site (/48).
    pub address: Pace,
    /// At the second step of one account, which only who knows the password gets to.
    pub second: Pace,
}

impl Default for SignInLimits {
    fn default() -> Self {
        let minute = Lifetime::from_seconds(60);
        Self {
            account: Pace { burst: 10, every: minute },
            device: Pace { burst: 10, every: minute },
            address: Pace { burst: 30, every: Lifetime::from_seconds(10) },
            second: Pace { burst: 5, every: Lifetime::from_seconds(300) },
        }
    }
}

/// Counts attempts. In memory, bounded; every node has its own count.
///
/// Of each there is one time: when the last of its attempts would have been due at the pace of the limit.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Digest16, Timestamp>,
    old: HashMap<Digest16, Timestamp>,
}

/// An attempt under way: it counts as wrong until it is known to be right.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    counted: Vec<(Digest16, Pace)>,
}

impl Attempts {
    /// Another attempt, if each of these counts leaves room for one; else how long until it does.
    pub(crate) fn begin(&self, counts: Vec<(Digest16, Pace)>, now: Timestamp) -> Result<Attempt<'_>, Lifetime> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait =
            counts.iter().map(|(key, pace)| pace.wait(generations.due(key), now)).max().unwrap_or(Lifetime::ZERO);
        if wait > Lifetime::ZERO {
            return Err(wait);
        }
        for (key, pace) in &counts {
            let due = generations.due(key).max(now).plus(pace.every);
            generations.set(*key, due, now);
        }
        Ok(Attempt { attempts: self, counted: counts })
    }
}

impl Attempt<'_> {
    /// It does not count.
    pub(crate) fn was_right(self) {
        let mut generations = self.attempts.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, pace) in &self.counted {
            if let Some(due) = generations.young.get_mut(key) {
                *due = due.minus(pace.every);
            }
        }
    }
}

impl Generations {
    fn due(&self, key: &Digest16) -> Timestamp {
        self.young.get(key).or_else(|| self.old.get(key)).copied().unwrap_or_default()
    }

    fn set(&mut self, key: Digest16, due: Timestamp, now: Timestamp) {
        if self.young.len() >= MOST && !self.young.contains_key(&key) {
            self.young.retain(|_, due| *due > now);
            if self.young.len() >= MOST {
                self.old = std::mem::take(&mut self.young);
            }
        }
        self.young.insert(key, due);
    }
}

/// The counts of where a request comes from, as far as it is known.
pub(crate) fn places(engine: &Engine, from: Option<IpAddr>) -> Vec<(Digest16, Pace)> {
    from.map(|from| of_address(from, engine.policy.sign_in.address)).unwrap_or_default()
}

/// The counts of an address: of IPv6, the network and the site, because the rest is whatever its owner likes.
pub(crate) fn of_address(address: IpAddr, pace: Pace) -> Vec<(Digest16, Pace)> {
    match address.to_canonical() {
        IpAddr::V4(address) => vec![(Digest16::of(&[b"address 4", &address.octets()]), pace)],
        IpAddr::V6(address) => {
            let prefix = |bits: u32| Ipv6Addr::from_bits(address.to_bits() >> (128 - bits) << (128 - bits)).octets();
            let site =
                Pace { burst: pace.burst.saturating_mul(8), every: Lifetime::from_millis(pace.every.millis() / 8) };
            let (network, of_site) = (prefix(64), prefix(48));
            vec![(Digest16::of(&[b"address 6", &network]), pace), (Digest16::of(&[b"address 6 site", &of_site]), site)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { burst: 3, every: Lifetime::from_seconds(60) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn key(name: &str) -> Vec<(Digest16, Pace)> {
        vec![(Digest16::of(&[name.as_bytes()]), PACE)]
    }

    #[test]
    fn so_many_are_wrong_at_once_and_then_one_at_a_time() {
        let attempts = Attempts::default();
        for _ in 0..3 {
            assert!(attempts.begin(key("a"), at(0)).is_ok());
        }
        assert_eq!(attempts.begin(key("a"), at(0)).unwrap_err(), Lifetime::from_seconds(60));
        assert_eq!(attempts.begin(key("a"), at(45)).unwrap_err(), Lifetime::from_seconds(15));
        assert!(attempts.begin(key("a"), at(60)).is_ok());
        assert!(attempts.begin(key("a"), at(60)).is_err(), "waiting gives one");
        for _ in 0..3 {
            assert!(attempts.begin(key("a"), at(600)).is_ok(), "a long time gives no more than at first");
        }
        assert!(attempts.begin(key("a"), at(600)).is_err());
        assert!(attempts.begin(key("b"), at(600)).is_ok());
    }

    #[test]
    fn a_right_one_does_not_count() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            attempts.begin(key("a"), at(0)).unwrap().was_right();
        }
    }

    #[test]
    fn what_one_count_refuses_is_counted_by_none() {
        let attempts = Attempts::default();
        while attempts.begin(key("full"), at(0)).is_ok() {}
        for _ in 0..9 {
            assert!(attempts.begin([key("full"), key("other")].concat(), at(0)).is_err());
        }
        for _ in 0..3 {
            assert!(attempts.begin(key("other"), at(0)).is_ok());
        }
    }

    #[test]
    fn the_counts_are_bounded_and_the_latest_are_kept() {
        let attempts = Attempts::default();
        while attempts.begin(key("guessed"), at(0)).is_ok() {}
        for number in 0..MOST {
            attempts.begin(key(&number.to_string()), at(1)).unwrap();
        }
        assert!(attempts.begin(key("guessed"), at(1)).is_err(), "of the generation before");
        let generations = attempts.0.lock().unwrap();
        assert!(generations.young.len() <= MOST && generations.old.len() <= MOST);
    }

    #[test]
    fn an_address_of_a_network_is_every_address_of_it() {
        let of = |text: &str| of_address(text.parse().unwrap(), PACE);
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        let (one, other) = (of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert!(one[0] != other[0] && one[1] == other[1], "another network of one site");
        assert_ne!(one[1], of("2001:db8:1::1")[1]);
    }
}

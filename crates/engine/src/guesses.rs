//! How many wrong guesses at a secret that people type (RFC 6749 §4.3.2, RFC 8628 §5.1).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};

const MINUTE: Lifetime = Lifetime::from_seconds(60);

/// More guessers than this are not told apart in one minute: the later ones share the limit of all.
const MOST: usize = 10_000;

/// How many guesses may be wrong in a minute, on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuessLimits {
    /// Of one guesser, or at one name.
    pub each: u32,
    /// Of all together.
    pub all: u32,
}

/// Counts guesses, minute by minute. In memory: a guess writes nothing, and every node has its own count.
#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    since: Timestamp,
    all: u32,
    each: HashMap<Digest16, u32>,
}

/// A guess under way: it counts as wrong until it is known to be right.
#[derive(Debug)]
pub(crate) struct Guess<'g> {
    guesses: &'g Guesses,
    since: Timestamp,
    by: Option<Digest16>,
}

impl Guesses {
    /// Another guess, if there may be one; `by` is who makes it, or at what.
    pub(crate) fn begin(&self, by: Option<Digest16>, limits: GuessLimits, now: Timestamp) -> Option<Guess<'_>> {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= count.since.plus(MINUTE) || now < count.since {
            *count = Count { since: now, ..Count::default() };
        }
        if count.all >= limits.all {
            return None;
        }
        let by = by.filter(|by| count.each.len() < MOST || count.each.contains_key(by));
        if let Some(by) = by {
            let own = count.each.entry(by).or_default();
            if *own >= limits.each {
                return None;
            }
            *own += 1;
        }
        count.all += 1;
        Some(Guess { guesses: self, since: count.since, by })
    }
}

impl Guess<'_> {
    /// It does not count.
    pub(crate) fn was_right(self) {
        let mut count = self.guesses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if count.since != self.since {
            return;
        }
        count.all = count.all.saturating_sub(1);
        if let Some(own) = self.by.and_then(|by| count.each.get_mut(&by)) {
            *own = own.saturating_sub(1);
        }
    }
}

/// Who guesses, by address; the lower half of an IPv6 address is whatever its owner likes.
pub(crate) fn of_address(address: IpAddr) -> Digest16 {
    match address.to_canonical() {
        IpAddr::V4(address) => Digest16::of(&[b"4", &address.octets()]),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            Digest16::of(&[b"6", &network.octets()])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GuessLimits = GuessLimits { each: 3, all: 5 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn from(address: &str) -> Digest16 {
        of_address(address.parse().unwrap())
    }

    #[test]
    fn so_many_are_wrong_in_a_minute_and_no_more() {
        let guesses = Guesses::default();
        for _ in 0..3 {
            assert!(guesses.begin(Some(from("192.0.2.1")), LIMITS, at(100)).is_some());
        }
        assert!(guesses.begin(Some(from("192.0.2.1")), LIMITS, at(159)).is_none());
        assert!(guesses.begin(Some(from("192.0.2.1")), LIMITS, at(160)).is_some());
        assert!(guesses.begin(Some(from("192.0.2.1")), GuessLimits { each: 0, all: 9 }, at(160)).is_none());
    }

    #[test]
    fn one_guesser_does_not_keep_others_out() {
        let guesses = Guesses::default();
        while guesses.begin(Some(from("2001:db8::1")), LIMITS, at(0)).is_some() {}
        assert!(guesses.begin(Some(from("2001:db8::ffff:1")), LIMITS, at(0)).is_none(), "the same network");
        assert!(guesses.begin(Some(from("2001:db8:0:1::1")), LIMITS, at(0)).is_some());
        assert!(guesses.begin(None, LIMITS, at(0)).is_some());
        assert!(guesses.begin(Some(from("192.0.2.1")), LIMITS, at(0)).is_none(), "the limit of all");
    }

    #[test]
    fn a_right_guess_does_not_count() {
        let guesses = Guesses::default();
        for _ in 0..100 {
            guesses.begin(Some(from("192.0.2.1")), LIMITS, at(0)).unwrap().was_right();
        }
        // One of the minute before takes nothing off.
        let late = guesses.begin(Some(from("192.0.2.1")), LIMITS, at(1)).unwrap();
        let limits = GuessLimits { each: 1, all: 1 };
        let own = guesses.begin(Some(from("192.0.2.1")), limits, at(100));
        late.was_right();
        assert!(own.is_some() && guesses.begin(None, limits, at(100)).is_none());
    }

    #[test]
    fn the_guessers_of_a_minute_are_bounded() {
        let guesses = Guesses::default();
        let many = GuessLimits { each: 1, all: u32::MAX };
        for number in 0..=u32::try_from(MOST).unwrap() {
            assert!(guesses.begin(Some(of_address(IpAddr::from(number.to_be_bytes()))), many, at(0)).is_some());
        }
        assert_eq!(guesses.0.lock().unwrap().each.len(), MOST);
    }
}

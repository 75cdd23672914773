//! Time as a value: Unix milliseconds that come in by argument, never from a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400_000;

/// A point in time, in milliseconds since the Unix epoch.
///
/// Something is valid while `now < expires_at`; on the wire, times are whole seconds, rounded down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The end of time: what carries it never expires by itself.
    pub const NEVER: Self = Self(i64::MAX);

    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From whole seconds since the Unix epoch, as they stand in a JWT (RFC 7519 §2 `NumericDate`).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The UTC day this instant falls in.
    #[allow(clippy::cast_possible_truncation, reason = "the quotient is clamped to what an i32 holds")]
    pub const fn day(self) -> Day {
        let day = self.0.div_euclid(DAY);
        Day(if day > i32::MAX as i64 { i32::MAX } else { day as i32 })
    }

    /// How long from `earlier` to here; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Lifetime {
        let span = self.0.saturating_sub(earlier.0);
        Lifetime(if span < 0 { 0 } else { span })
    }

    /// Later by `lifetime`, without running past [`Timestamp::NEVER`].
    #[must_use]
    pub const fn plus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_add(lifetime.0))
    }

    /// Earlier by `lifetime`.
    #[must_use]
    pub const fn minus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_sub(lifetime.0))
    }
}

/// A span of time in milliseconds, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lifetime(i64);

impl Lifetime {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From milliseconds; a negative number is zero.
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// From seconds; a negative number is zero.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// From days.
    pub const fn from_days(days: i64) -> Self {
        Self::from_millis(days.saturating_mul(DAY))
    }

    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0 / 1000
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// A UTC day, counted from the Unix epoch: the first part of the keys of what expires by day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i32);

impl Day {
    /// The day with this number since the Unix epoch.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Days since the Unix epoch.
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_on_the_wire_are_the_floor() {
        assert_eq!(Timestamp::from_millis(1999).seconds(), 1);
        assert_eq!(Timestamp::from_millis(-1).seconds(), -1);
    }

    #[test]
    fn nothing_runs_past_the_end_of_time() {
        assert_eq!(Timestamp::NEVER.plus(Lifetime::from_days(1)), Timestamp::NEVER);
        assert_eq!(Timestamp::NEVER.day(), Day::from_number(i32::MAX));
    }

    #[test]
    fn a_span_is_never_negative() {
        assert_eq!(Timestamp::from_millis(1).since(Timestamp::from_millis(5)), Lifetime::ZERO);
    }
}

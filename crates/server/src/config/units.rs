//! Lengths of time, each in the unit its key is named after.

use std::time::Duration;

use super::raw::Raw;
use super::schema::Kind;
use super::value::Value;

macro_rules! unit {
    ($(#[doc = $about:literal] $Unit:ident: $millis:literal;)+) => {$(
        #[doc = $about]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $Unit(pub u32);

        impl $Unit {
            /// In milliseconds, as times are counted.
            pub fn millis(self) -> i64 {
                i64::from(self.0) * $millis
            }

            /// As the standard library has it.
            pub fn duration(self) -> Duration {
                Duration::from_millis(u64::from(self.0) * $millis)
            }
        }

        impl Value for $Unit {
            const KIND: Kind = Kind::Whole;

            fn from_raw(raw: &Raw) -> Result<Self, String> {
                u32::from_raw(raw).map(Self)
            }

            fn to_raw(&self) -> Raw {
                self.0.to_raw()
            }
        }
    )+};
}

unit! {
    /// A number of milliseconds.
    Milliseconds: 1;
    /// A number of seconds.
    Seconds: 1_000;
    /// A number of days of 24 hours.
    Days: 86_400_000;
}

impl Seconds {
    /// In seconds, as they go over the wire.
    pub fn seconds(self) -> i64 {
        i64::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_times_fit() {
        assert_eq!(Days(u32::MAX).millis(), 4_294_967_295 * 86_400_000);
        assert_eq!(Seconds(61).duration(), Duration::from_secs(61));
        assert_eq!((Seconds(60).millis(), Seconds(60).seconds(), Milliseconds(60).millis()), (60_000, 60, 60));
    }
}

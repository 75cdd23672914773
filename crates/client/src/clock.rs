//! The clock of the machine: everything else takes `now`.

use firman_proto::time::Timestamp;

/// What time it is.
#[allow(clippy::disallowed_methods, reason = "the one place of this crate that reads the clock")]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The same for who keeps a clock.
#[cfg(feature = "guard")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(feature = "guard")]
impl firman_store::Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

//! How often and after how long something is tried again. The one place that says so.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// How often a commit that others made fail is replayed, while its turn lasts. Who meets five others at the nodes of a cluster may
/// lose a dozen times; who loses this often meets something else.
pub(super) const REPLAYS: u32 = 100;

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long to wait before a replay: a random time below a bound that doubles, 1 ms at first, 64 ms at last.
pub(super) async fn before_replay(attempt: u32) {
    let bound = 1_000_u64 << attempt.min(6);
    tokio::time::sleep(Duration::from_micros(jitter() % bound)).await;
}

/// The pause after so many connections in a row failed: 50 ms, doubling, 2 s at most, each a little different so that many
/// nodes do not come back as one.
pub(super) fn pause_after(failures: u32) -> Duration {
    let pause = Duration::from_millis(50 << failures.min(6)).min(LONGEST_PAUSE);
    pause / 2 + pause.mul_f64(f64::from(u32::try_from(jitter() % 1000).unwrap_or(0)) / 2000.0)
}

/// A number that differs each time; it decides nothing but pauses.
fn jitter() -> u64 {
    RandomState::new().build_hasher().finish()
}

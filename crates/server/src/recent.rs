//! What was answered lately, and how quickly: figures of the last ten minutes, for people who look at them now.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long each window is, in seconds.
pub const WINDOW_SECONDS: u64 = 10;
/// How many windows are kept.
const WINDOWS: usize = 60;
/// Four for each doubling of a microsecond, up to half a minute.
const BUCKETS: usize = 100;

/// Requests of the last windows. Two threads that begin a window at once may lose a request of it.
pub struct Recent {
    begun: Instant,
    windows: Box<[Window; WINDOWS]>,
}

struct Window {
    /// Which one is counted here.
    number: AtomicU64,
    failed: AtomicU64,
    /// Requests by how long they took.
    buckets: [AtomicU64; BUCKETS],
}

/// One window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// How many seconds ago it began.
    pub seconds_ago: u64,
    /// Requests answered.
    pub requests: u64,
    /// Those answered with a 5xx.
    pub failed: u64,
    /// Half of them, 9 of 10 and 99 of 100 took no longer, to a fifth; zero where there were none.
    pub quantiles: [Duration; 3],
}

const QUANTILES: [u64; 3] = [50, 90, 99];

impl Default for Recent {
    fn default() -> Self {
        let window = |_| Window {
            number: AtomicU64::new(u64::MAX),
            failed: AtomicU64::new(0),
            buckets: array::from_fn(|_| AtomicU64::new(0)),
        };
        Self { begun: Instant::now(), windows: Box::new(array::from_fn(window)) }
    }
}

impl Recent {
    /// Counts a request that began then and is answered now.
    pub fn count(&self, begun: Instant, now: Instant, failed: bool) {
        let number = self.number(now);
        let Some(window) = self.windows.get(place(number)) else { return };
        let before = window.number.load(Ordering::Relaxed);
        if before != number
            && window.number.compare_exchange(before, number, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            window.failed.store(0, Ordering::Relaxed);
            window.buckets.iter().for_each(|bucket| bucket.store(0, Ordering::Relaxed));
        }
        if failed {
            window.failed.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(bucket) = window.buckets.get(bucket_of(now.duration_since(begun))) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The windows, the oldest first; the last is under way.
    pub fn seen(&self, now: Instant) -> Vec<Seen> {
        let current = self.number(now);
        let into = now.duration_since(self.begun).as_secs() % WINDOW_SECONDS;
        let first = current.saturating_sub(WINDOWS as u64 - 1);
        (first..=current)
            .map(|number| Seen { seconds_ago: into + (current - number) * WINDOW_SECONDS, ..self.window(number) })
            .collect()
    }

    fn window(&self, number: u64) -> Seen {
        let window = self.windows.get(place(number)).filter(|window| window.number.load(Ordering::Relaxed) == number);
        let Some(window) = window else { return Seen::default() };
        let counts: Vec<u64> = window.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let requests = counts.iter().sum();
        let quantiles = QUANTILES.map(|of| quantile(&counts, requests, of));
        Seen { seconds_ago: 0, requests, failed: window.failed.load(Ordering::Relaxed), quantiles }
    }

    fn number(&self, at: Instant) -> u64 {
        at.duration_since(self.begun).as_secs() / WINDOW_SECONDS
    }
}

#[allow(clippy::cast_possible_truncation, reason = "less than the number of windows")]
const fn place(number: u64) -> usize {
    (number % WINDOWS as u64) as usize
}

/// The bucket of a time: a quarter of a doubling wide.
#[allow(clippy::cast_possible_truncation, reason = "at most four times 64")]
fn bucket_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let doubling = micros.ilog2();
    // The two bits below the highest.
    let quarter = if doubling >= 2 { (micros >> (doubling - 2)) & 3 } else { (micros << (2 - doubling)) & 3 };
    (doubling as usize * 4 + quarter as usize).min(BUCKETS - 1)
}

/// The longest time of a bucket.
fn end_of(bucket: usize) -> Duration {
    let (doubling, quarter) = (bucket / 4, bucket as u64 % 4);
    let base = 1u64 << doubling.min(60);
    Duration::from_micros(base + base * (quarter + 1) / 4)
}

fn quantile(counts: &[u64], requests: u64, of: u64) -> Duration {
    let wanted = (requests * of).div_ceil(100);
    let mut seen = 0;
    for (bucket, count) in counts.iter().enumerate() {
        seen += count;
        if wanted > 0 && seen >= wanted {
            return end_of(bucket);
        }
    }
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_a_fifth() {
        for micros in [1, 2, 3, 7, 100, 999, 12_345, 1_000_000, 20_000_000] {
            let took = Duration::from_micros(micros);
            let told = end_of(bucket_of(took));
            assert!(told >= took && told.as_secs_f64() <= took.as_secs_f64() * 1.26 + 2e-6, "{took:?}: {told:?}");
        }
        assert_eq!(bucket_of(Duration::from_hours(1)), BUCKETS - 1);
    }

    #[test]
    fn each_window_has_its_own_requests_and_old_ones_leave() {
        let recent = Recent::default();
        let at = |millis| recent.begun + Duration::from_millis(millis);
        for millis in [1, 1, 1, 1, 1, 1, 1, 1, 1, 200] {
            recent.count(at(0), at(millis), millis == 200);
        }
        let seen = recent.seen(at(300));
        let [last] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((last.requests, last.failed), (10, 1));
        assert!(last.quantiles[0] < Duration::from_millis(2) && last.quantiles[2] >= Duration::from_millis(200));
        recent.count(at(10_300), at(10_300), false);
        let requests: Vec<_> = recent.seen(at(10_300)).iter().map(|seen| (seen.seconds_ago, seen.requests)).collect();
        assert_eq!(requests, [(10, 10), (0, 1)]);
        let later = 10_300 + 1000 * WINDOW_SECONDS * WINDOWS as u64;
        assert!(recent.seen(at(later)).iter().all(|seen| seen.requests == 0));
        recent.count(at(later), at(later), false);
        assert_eq!(recent.seen(at(later)).iter().map(|seen| seen.requests).sum::<u64>(), 1, "a window is used anew");
    }
}

//! Latencies in constant memory: buckets that grow with what they hold, each within 1/64 of its value.

use std::time::Duration;

const SUB: usize = 64;
const SUB_BITS: u32 = SUB.trailing_zeros();
/// Powers of two of nanoseconds above the first: enough for 18 minutes.
const POWERS: usize = 35;

/// How long answers took.
pub(super) struct Latencies {
    buckets: Vec<u64>,
    count: u64,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self { buckets: vec![0; SUB * (POWERS + 1)], count: 0 }
    }

    pub(super) fn record(&mut self, latency: Duration) {
        let place = place(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX)).min(self.buckets.len() - 1);
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket += 1;
            self.count += 1;
        }
    }

    /// Takes these up.
    pub(super) fn add(&mut self, others: &Self) {
        self.count += others.count;
        for (bucket, more) in self.buckets.iter_mut().zip(&others.buckets) {
            *bucket += more;
        }
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The latency that this share of all answers did not exceed, in microseconds.
    #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "a share")]
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.buckets.iter().position(|bucket| {
            seen += bucket;
            seen >= wanted.max(1)
        });
        found.map_or(0.0, |place| upper(place) as f64 / 1e3)
    }
}

/// Values below 64 have a bucket each; above, each power of two has 64.
fn place(value: u64) -> usize {
    let power = (value | 1).ilog2().saturating_sub(SUB_BITS);
    let sub = usize::try_from(value >> power).unwrap_or(usize::MAX);
    power as usize * SUB + sub
}

/// The largest value of a bucket.
fn upper(place: usize) -> u64 {
    if place < 2 * SUB {
        return place as u64;
    }
    let power = place / SUB - 1;
    let sub = (place - power * SUB) as u64;
    ((sub + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_within_a_64th_of_the_truth() {
        let mut latencies = Latencies::new();
        (1..=100_000).for_each(|micros| latencies.record(Duration::from_micros(micros)));
        for (share, truth) in [(0.5, 50_000.0), (0.99, 99_000.0), (1.0, 100_000.0)] {
            let got = latencies.quantile(share);
            assert!(got >= truth && got <= truth * (1.0 + 1.0 / 64.0), "{share}: {got}");
        }
        assert_eq!(latencies.count(), 100_000);
    }

    #[test]
    fn latencies_of_several_tasks_are_those_of_all() {
        let (mut all, mut others) = (Latencies::new(), Latencies::new());
        all.record(Duration::from_micros(1));
        others.record(Duration::from_millis(1));
        all.add(&others);
        assert_eq!(all.count(), 2);
        assert!(all.quantile(0.5) < 2.0 && all.quantile(1.0) >= 1_000.0);
    }

    #[test]
    fn every_value_is_in_the_bucket_whose_bound_it_does_not_exceed() {
        for value in (0..5_000).chain([1 << 30, (1 << 40) - 1]) {
            let place = place(value);
            assert!(upper(place) >= value, "{value}");
            assert!(place == 0 || upper(place - 1) < value, "{value}");
        }
    }
}

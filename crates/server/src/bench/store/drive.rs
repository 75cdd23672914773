//! Doing something many times at once for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::StoreBenchError;
use crate::bench::latency::Latencies;

/// How far apart two runs begin: a prime.
const FAR: usize = 1_000_003;

/// What came of it.
pub(super) struct Run {
    /// How long each took.
    pub(super) latencies: Latencies,
    /// From the first to the last.
    pub(super) took: Duration,
}

impl Run {
    /// How many a second.
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    pub(super) fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Runs `work(task, turn)` in so many tasks, each one after the other, until the time is over.
pub(super) async fn drive<W, F>(tasks: usize, time: Duration, work: W) -> Result<Run, StoreBenchError>
where
    W: Fn(usize, usize) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), String>> + Send,
{
    // Each run begins elsewhere, or a short one would never see more than the same few records.
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    let first = BEGUN.fetch_add(FAR, Ordering::Relaxed);
    let (work, began) = (Arc::new(work), Instant::now());
    let task = |task: usize| {
        let work = Arc::clone(&work);
        tokio::spawn(async move {
            let (mut latencies, mut turn) = (Latencies::new(), first);
            while began.elapsed() < time {
                let since = Instant::now();
                work(task, turn).await?;
                latencies.record(since.elapsed());
                turn += 1;
                // A driver whose answers are always there already would keep the others from their turn.
                if turn % 64 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            Ok::<_, String>(latencies)
        })
    };
    let tasks: Vec<_> = (0..tasks).map(task).collect();
    let mut latencies = Latencies::new();
    for task in tasks {
        let ended = task.await.map_err(|error| StoreBenchError::Wrong(error.to_string()))?;
        latencies.add(&ended.map_err(StoreBenchError::Wrong)?);
    }
    Ok(Run { latencies, took: began.elapsed() })
}

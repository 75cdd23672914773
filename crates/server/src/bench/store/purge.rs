//! What a purge does to the commits that run beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use firman_sql::SqlStore;
use firman_store::{Cutoffs, Store};
use serde::Serialize;

use super::StoreBenchError;
use super::drive::drive;
use super::records::{Grants, fill_flows, later};
use super::side::Side;
use crate::bench::latency::Latencies;
use crate::bench::progress::Progress;

/// How many commits are on their way at once.
const TASKS: usize = 8;
/// How long it is quiet, and how long the load runs at least beside the purge.
const QUIET: Duration = Duration::from_secs(10);
/// Rows of one call, as the server's own sweep has them.
const BITE: u32 = 5_000;
/// Days the records are spread over; the first has ended.
const DAYS: i64 = 5;

/// How long commits took, without and with a purge beside them.
#[derive(Serialize)]
pub(super) struct Purge {
    pub(super) short_lived: usize,
    pub(super) purged: u64,
    pub(super) seconds: f64,
    pub(super) quiet_p99_us: f64,
    pub(super) purging_p99_us: f64,
    pub(super) longest_us: f64,
}

pub(super) async fn measure(
    store: &Arc<SqlStore>,
    grants: &Arc<Grants>,
    short_lived: usize,
    progress: &Progress,
) -> Result<Purge, StoreBenchError> {
    // Partitions for the days to come are made as the server would, before there are rows.
    sweep(store, DAYS + 1, 1).await?;
    for day in 0..DAYS {
        progress.say(format!("making {short_lived} short-lived records, day {} of {DAYS}", day + 1));
        fill_flows(store, short_lived / usize::try_from(DAYS).unwrap_or(1), DAYS - day).await?;
        progress.tick();
    }
    progress.say("commits without a purge");
    let quiet = load(store, grants, QUIET).await?;
    progress.say("commits beside a purge");
    let began = Instant::now();
    let purging = {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut purged = 0;
            loop {
                let gone = sweep(&store, DAYS - 1, BITE).await?;
                if gone == 0 {
                    return Ok::<_, StoreBenchError>((purged, began.elapsed()));
                }
                purged += gone;
            }
        })
    };
    let mut beside = Latencies::new();
    // The whole purge, however long it is; if it is over at once, what comes right after it too.
    loop {
        beside.add(&load(store, grants, Duration::from_millis(500)).await?);
        if purging.is_finished() {
            break;
        }
    }
    let (purged, took) = purging.await.map_err(|error| StoreBenchError::Wrong(error.to_string()))??;
    Ok(Purge {
        short_lived,
        purged,
        seconds: took.as_secs_f64(),
        quiet_p99_us: quiet.quantile(0.99),
        purging_p99_us: beside.quantile(0.99),
        longest_us: beside.quantile(1.0),
    })
}

/// Sweeps what ended before the day so many days ago.
async fn sweep(store: &SqlStore, days_ago: i64, rows: u32) -> Result<u64, StoreBenchError> {
    let records = later(-86_400 * days_ago);
    let cutoffs = Cutoffs { records, events: later(-86_400 * 365) };
    Ok(store.sweep(cutoffs, rows).await?.flows)
}

async fn load(store: &Arc<SqlStore>, grants: &Arc<Grants>, time: Duration) -> Result<Latencies, StoreBenchError> {
    let (side, grants) = (Side::Store(Arc::clone(store)), Arc::clone(grants));
    let run = drive(TASKS, time, move |task, turn| {
        let (side, rotation) = (side.clone(), grants.next_rotation(task, TASKS, turn));
        async move { side.rotate(task, rotation).await }
    });
    Ok(run.await?.latencies)
}

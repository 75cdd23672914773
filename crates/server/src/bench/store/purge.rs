//! What a purge does to the commits that run beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use firman_proto::time::Timestamp;
use firman_sql::SqlStore;
use firman_store::{Cutoffs, Store};
use serde::Serialize;

use super::StoreBenchError;
use super::drive::drive;
use super::records::{Grants, NOW, days_before, fill_flows};
use super::side::Side;
use crate::bench::latency::Latencies;
use crate::progress::Progress;
use crate::retention;

/// How many commits are on their way at once.
const TASKS: usize = 8;
/// The load runs so long at a time; whether the purge is over is asked in between.
const STRETCH: Duration = Duration::from_millis(500);
/// Days the records are spread over; the first has ended.
const DAYS: i64 = 5;
/// Steps of progress.
pub(super) const STEPS: usize = 5;

/// How long commits took, without and with a purge beside them.
#[derive(Serialize)]
pub(super) struct Purge {
    pub(super) short_lived: u64,
    pub(super) purged: u64,
    pub(super) seconds: f64,
    pub(super) quiet_p99_us: f64,
    pub(super) quiet_longest_us: f64,
    pub(super) purging_p99_us: f64,
    pub(super) longest_us: f64,
}

pub(super) async fn measure(
    store: &Arc<SqlStore>,
    grants: &Arc<Grants>,
    short_lived: usize,
    quiet: Duration,
    progress: &Progress,
) -> Result<Purge, StoreBenchError> {
    for day in 0..DAYS {
        progress.say(format!("making {short_lived} short-lived records, day {} of {DAYS}", day + 1));
        // A server makes the parts of the days to come before there are rows.
        store.sweep(Cutoffs { now: days_before(DAYS - day), ..Cutoffs::all(LONG_AGO) }, 1).await?;
        fill_flows(store, short_lived / usize::try_from(DAYS).unwrap_or(1), DAYS - day).await?;
        progress.step();
    }
    progress.say("commits without a purge");
    let quiet = load(store, grants, quiet).await?;
    let before = store.stats().await?.flows;
    progress.say("commits beside a purge");
    let purging = tokio::spawn({
        let store = Arc::clone(store);
        let cutoffs = Cutoffs { now: NOW, flows: days_before(DAYS - 1), ..Cutoffs::all(LONG_AGO) };
        async move {
            let began = Instant::now();
            retention::sweep(&*store, cutoffs, 0, |_| ()).await.map(|()| began.elapsed())
        }
    });
    let mut beside = Latencies::new();
    // The whole purge, however long it is; where it is over at once, what comes right after it too.
    loop {
        beside.add(&load(store, grants, STRETCH).await?);
        progress.tick();
        if purging.is_finished() {
            break;
        }
    }
    let took = purging.await.map_err(|error| StoreBenchError::Wrong(error.to_string()))??;
    let purged = before.saturating_sub(store.stats().await?.flows);
    if purged == 0 {
        return Err(StoreBenchError::Wrong("the purge found nothing".to_owned()));
    }
    Ok(Purge {
        short_lived: before,
        purged,
        seconds: took.as_secs_f64(),
        quiet_p99_us: quiet.quantile(0.99),
        quiet_longest_us: quiet.quantile(1.0),
        purging_p99_us: beside.quantile(0.99),
        longest_us: beside.quantile(1.0),
    })
}

/// Nothing is as old as this.
const LONG_AGO: Timestamp = Timestamp::from_millis(0);

async fn load(store: &Arc<SqlStore>, grants: &Arc<Grants>, time: Duration) -> Result<Latencies, StoreBenchError> {
    let (side, grants) = (Side::Store(Arc::clone(store)), Arc::clone(grants));
    let run = drive(TASKS, time, move |task, turn| {
        let (side, rotation) = (side.clone(), grants.next_rotation(task, TASKS, turn));
        async move { side.rotate(task, rotation).await }
    });
    Ok(run.await?.latencies)
}

//! Point reads and commits a second, of the store and of the driver alone, in turns.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::StoreBenchError;
use super::drive::{Run, drive};
use super::records::Grants;
use super::side::{Side, Sides};
use crate::bench::report::median;
use crate::progress::Progress;

/// How often the sides take turns.
const ROUNDS: u32 = 3;
/// Sides that are compared.
const MEASURED: usize = 5;

/// What so many at once did, medians over the rounds.
#[derive(Serialize)]
pub(super) struct Points {
    pub(super) grants: usize,
    pub(super) in_flight: usize,
    pub(super) reads: Rate,
    pub(super) raw_reads: Rate,
    pub(super) merged: Rate,
    pub(super) unmerged: Rate,
    pub(super) raw_commits: Rate,
}

/// A rate and how long each took.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
}

pub(super) async fn measure(
    sides: &Sides,
    grants: &Arc<Grants>,
    in_flight: usize,
    time: Duration,
    progress: &Progress,
) -> Result<Points, StoreBenchError> {
    let slice = time / ROUNDS;
    let mut runs: [Vec<Run>; MEASURED] = Default::default();
    for _ in 0..ROUNDS {
        let all = [
            (true, &sides.store, "reads"),
            (true, &sides.raw_reads, "reads by the driver alone"),
            (false, &sides.store, "commits"),
            (false, &sides.unmerged, "commits, each alone"),
            (false, &sides.raw_commits, "commits by the driver alone"),
        ];
        for (runs, (reads, side, what)) in runs.iter_mut().zip(all) {
            progress.say(format!("{} grants, {in_flight} in flight: {what}", grants.count()));
            runs.push(if reads {
                read(side, grants, in_flight, slice).await?
            } else {
                rotate(side, grants, in_flight, slice).await?
            });
            progress.tick();
        }
    }
    let [reads, raw_reads, merged, unmerged, raw_commits] = runs.map(|runs| rate(&runs));
    Ok(Points { grants: grants.count(), in_flight, reads, raw_reads, merged, unmerged, raw_commits })
}

async fn read(side: &Side, grants: &Arc<Grants>, tasks: usize, time: Duration) -> Result<Run, StoreBenchError> {
    let (side, grants) = (side.clone(), Arc::clone(grants));
    drive(tasks, time, move |task, turn| {
        let (side, id) = (side.clone(), grants.of(task, tasks, turn));
        async move { side.read(task, id).await }
    })
    .await
}

pub(super) async fn rotate(
    side: &Side,
    grants: &Arc<Grants>,
    tasks: usize,
    time: Duration,
) -> Result<Run, StoreBenchError> {
    let (side, grants) = (side.clone(), Arc::clone(grants));
    drive(tasks, time, move |task, turn| {
        let (side, rotation) = (side.clone(), grants.next_rotation(task, tasks, turn));
        async move { side.rotate(task, rotation).await }
    })
    .await
}

fn rate(runs: &[Run]) -> Rate {
    let of = |figure: &dyn Fn(&Run) -> f64| median(runs.iter().map(figure));
    Rate {
        per_second: of(&Run::rate),
        p50_us: of(&|run| run.latencies.quantile(0.5)),
        p99_us: of(&|run| run.latencies.quantile(0.99)),
    }
}

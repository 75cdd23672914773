//! What many refreshes of few grants leave behind: no row, and little file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use firman_sql::SqlStore;
use serde::Serialize;

use super::StoreBenchError;
use super::records::Grants;
use super::side::{Side, Sides};

/// How many grants are refreshed, over and over.
const REFRESHED: usize = 1000;
/// How many at once.
const TASKS: usize = 250;

/// Rows and bytes before and after.
#[derive(Serialize)]
pub(super) struct Growth {
    pub(super) refreshes: usize,
    pub(super) seconds: f64,
    pub(super) rows_before: u64,
    pub(super) rows_after: u64,
    pub(super) bytes_before: u64,
    pub(super) bytes_after: u64,
}

pub(super) async fn measure(
    sides: &Sides,
    store: &Arc<SqlStore>,
    grants: &Arc<Grants>,
    refreshes: usize,
) -> Result<Growth, StoreBenchError> {
    let (rows_before, bytes_before) = (store.stats().await?.rows(), sides.size().await?);
    let began = Instant::now();
    let made = Arc::new(AtomicUsize::new(0));
    let (each, tasks) = (REFRESHED.min(grants.count()).div_ceil(TASKS), TASKS.min(grants.count()));
    let task = |task: usize| {
        let (side, grants, made) = (Side::Store(Arc::clone(store)), Arc::clone(grants), Arc::clone(&made));
        tokio::spawn(async move {
            let mut turn = 0;
            while made.fetch_add(1, Ordering::Relaxed) < refreshes {
                side.rotate(task, grants.next_rotation(task, tasks, turn % each)).await?;
                turn += 1;
            }
            Ok::<_, String>(())
        })
    };
    let running: Vec<_> = (0..tasks).map(task).collect();
    for task in running {
        let ended = task.await.map_err(|error| StoreBenchError::Wrong(error.to_string()))?;
        ended.map_err(StoreBenchError::Wrong)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let (rows_after, bytes_after) = (store.stats().await?.rows(), sides.size().await?);
    Ok(Growth { refreshes, seconds, rows_before, rows_after, bytes_before, bytes_after })
}

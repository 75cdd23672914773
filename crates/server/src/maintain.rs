//! What a running server does by itself: keys rotate, and what has ended leaves.

use std::time::Duration;

use firman_engine::{Clock, Engine, registration};
use firman_proto::time::Timestamp;
use tokio::time::MissedTickBehavior;

use crate::config::Retention;
use crate::metrics::Metrics;
use crate::retention::{cutoffs, sweep};

/// How often a node looks at the keys: a key made by another node is known this soon.
const KEYS: Duration = Duration::from_secs(5);
/// How often what has ended is swept and counted.
const SWEEP: Duration = Duration::from_mins(1);
/// The most rows that are counted in a table: beyond that, the gauge only says that there are many.
const COUNTED: u32 = 100_000;

/// Looks after the keys until the task is dropped.
pub async fn keep_keys(engine: &Engine, clock: &dyn Clock) {
    let mut ticks = every(KEYS);
    loop {
        ticks.tick().await;
        if let Err(fault) = keys(engine, clock.now()).await {
            tracing::error!(%fault, "cannot look after the keys");
        }
    }
}

/// Deletes what has ended, and counts what has not been deleted yet, until the task is dropped.
pub async fn keep_tidy(engine: &Engine, clock: &dyn Clock, retention: &Retention, metrics: &Metrics) {
    let mut ticks = every(SWEEP);
    loop {
        ticks.tick().await;
        let (store, cutoffs) = (&**engine.store(), cutoffs(retention, clock.now()));
        match store.overdue(cutoffs, COUNTED).await {
            Ok(overdue) => metrics.show_overdue(overdue),
            Err(fault) => tracing::warn!(%fault, "cannot count what has ended"),
        }
        if retention.rows_per_second == 0 {
            continue;
        }
        let mut rows = 0;
        let mut each = |swept: firman_store::Swept| rows += swept.total();
        if let Err(fault) = sweep(store, cutoffs, retention.rows_per_second, &mut each).await {
            tracing::warn!(%fault, "cannot sweep");
        }
        match registration::tidy(engine, clock.now()).await {
            Ok(0) => {}
            Ok(left) => tracing::info!(left, "clients that nobody has used since they registered left"),
            Err(failure) => tracing::warn!(%failure, "cannot look after clients that registered themselves"),
        }
        if rows > 0 {
            tracing::debug!(rows, "swept what has ended");
        }
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn keys(engine: &Engine, now: Timestamp) -> Result<(), firman_engine::Fault> {
    if engine.make_keys().rotate_what_is_due(now).await? {
        tracing::info!("announced new keys");
    }
    engine.keys().reload(&**engine.store(), now).await
}

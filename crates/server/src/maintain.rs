//! What a running server does by itself: keys rotate, and what has ended leaves.

use std::time::Duration;

use firman_engine::{Clock, Engine};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Cutoffs;
use tokio::time::MissedTickBehavior;

/// How often a node looks at the keys: a key made by another node is known this soon.
const KEYS: Duration = Duration::from_secs(5);
/// How often what has ended is swept, in ticks of [`KEYS`].
const SWEEP_EVERY: u32 = 60;
/// Rows in one step of a sweep, and the pause after it: requests go first.
const STEP: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);
/// Clocks of several nodes differ.
const SKEW: Lifetime = Lifetime::from_seconds(60);
/// How long finished records stay, to explain what became of them.
const KEEP_RECORDS: Lifetime = Lifetime::from_days(1);
/// How long the audit trail stays.
const KEEP_EVENTS: Lifetime = Lifetime::from_days(365);

/// Runs until the task is dropped.
pub async fn maintain(engine: &Engine, clock: &dyn Clock) {
    let mut ticks = tokio::time::interval(KEYS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        ticks.tick().await;
        let now = clock.now();
        if let Err(fault) = keys(engine, now).await {
            tracing::error!(%fault, "cannot look after the keys");
        }
        if count.is_multiple_of(SWEEP_EVERY) {
            sweep(engine, now).await;
        }
        count = count.wrapping_add(1);
    }
}

async fn keys(engine: &Engine, now: Timestamp) -> Result<(), firman_engine::Fault> {
    if engine.make_keys().rotate_what_is_due(now).await? {
        tracing::info!("announced new keys");
    }
    engine.keys().reload(&**engine.store(), now).await
}

async fn sweep(engine: &Engine, now: Timestamp) {
    let cutoff = |keep: Lifetime| now.minus(keep).minus(SKEW);
    let cutoffs = Cutoffs { records: cutoff(KEEP_RECORDS), events: cutoff(KEEP_EVENTS) };
    loop {
        match engine.store().sweep(cutoffs, STEP).await {
            Ok(swept) if swept.total() == 0 => return,
            Ok(swept) => tracing::debug!(rows = swept.total(), "swept what has ended"),
            Err(fault) => return tracing::warn!(%fault, "cannot sweep"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

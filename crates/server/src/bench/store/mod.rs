//! `firman bench store`: how fast the store is on a database, as a share of what the database's driver does with the same
//! statements, and what the store costs on disk.

mod drive;
mod growth;
pub(crate) mod listing;
mod points;
mod purge;
mod records;
mod report;
mod side;

use std::sync::Arc;
use std::time::Duration;

use firman_sql::{OpenError, SqlStore};
use firman_store::{CommitError, StoreError};

use self::records::Grants;
pub(crate) use self::report::Report;
use self::side::Sides;
use crate::progress::Progress;

/// What to measure.
pub(crate) struct Options {
    /// Which database, which must be empty, and the names in it.
    pub(crate) database: firman_sql::Options,
    /// How many grants there are, one measurement for each.
    pub(crate) grants: Vec<usize>,
    /// How many requests are on their way at once, one measurement for each.
    pub(crate) in_flight: Vec<usize>,
    /// How long each side of a measurement runs.
    pub(crate) time: Duration,
    /// How many refreshes of a thousand grants the growth is measured over; 0 leaves it out.
    pub(crate) refreshes: usize,
    /// How many records are short-lived, of which a fifth is purged; 0 leaves it out.
    pub(crate) short_lived: usize,
    /// Whether to show how far it is.
    pub(crate) progress: bool,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreBenchError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It holds something.
    #[error("the database is not empty: a benchmark needs one of its own, and leaves its records in it")]
    NotEmpty,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// What was measured did not do what it should.
    #[error("{0}")]
    Wrong(String),
}

/// Runs every measurement.
pub(crate) async fn run(options: &Options) -> Result<Report, StoreBenchError> {
    let store = SqlStore::open(options.database.clone()).await?;
    let sides = Sides::open(&store, &options.database).await?;
    let measured = measure(options, &store, &sides).await;
    sides.close().await;
    store.close().await;
    measured
}

async fn measure(options: &Options, store: &Arc<SqlStore>, sides: &Sides) -> Result<Report, StoreBenchError> {
    if store.stats().await?.grants > 0 {
        return Err(StoreBenchError::NotEmpty);
    }
    let points = options.grants.len() * options.in_flight.len();
    let steps = options.grants.len() + points + usize::from(options.refreshes > 0) + purge::STEPS;
    let progress = Progress::new(steps as u64, options.progress);
    let mut report = Report::new(options, sides.size().await?);
    let mut grants = Arc::new(Grants::default());
    for &count in &options.grants {
        progress.say(format!("making {count} grants"));
        // Whoever had a share of them is done.
        let filled =
            Arc::get_mut(&mut grants).ok_or_else(|| StoreBenchError::Wrong("the grants are in use".to_owned()))?;
        filled.fill(store, count, &|| progress.tick()).await?;
        report.size(count, sides.size().await?);
        progress.step();
        for &in_flight in &options.in_flight {
            report.points(points::measure(sides, &grants, in_flight, options.time, &progress).await?);
            progress.step();
        }
    }
    if options.refreshes > 0 {
        progress.say(format!("{} refreshes of a thousand grants", options.refreshes));
        report.growth(growth::measure(sides, store, &grants, options.refreshes).await?);
        progress.step();
    }
    if options.short_lived > 0 {
        report.purge(purge::measure(store, &grants, options.short_lived, options.time, &progress).await?);
    }
    Ok(report)
}

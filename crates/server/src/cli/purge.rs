//! `firman purge`.

use clap::Args;
use firman_engine::Fault;
use firman_store::Swept;
use serde_json::{Map, Value, json};

use super::output::{Failed, Printer, table};
use crate::config::Retention;
use crate::progress::Progress;
use crate::retention::{by_table, cutoffs, plus, sweep};
use crate::start::Running;

/// Delete what has ended and outlived its retention, as the server does by itself in the background.
///
/// What may be deleted stands under [retention] in the settings. A code stays known as used, and a grant as revoked, for at
/// least as long as it would have been good. Safe beside running servers; when interrupted, what is deleted is deleted and
/// the next purge goes on.
#[derive(Args)]
pub(super) struct Purge {
    /// Only count what would be deleted.
    #[arg(long)]
    dry_run: bool,
    /// Delete at most so many rows a second; without this as many as the database can.
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
}

impl Purge {
    pub(super) async fn run(self, running: &Running, retention: &Retention, printer: Printer) -> Result<(), Failed> {
        let (store, cutoffs) = (&**running.engine.store(), cutoffs(retention, running.now()));
        let overdue = store.overdue(cutoffs, u32::MAX).await.map_err(Fault::from)?;
        if self.dry_run {
            return show(printer, overdue, true);
        }
        let progress = Progress::new(overdue.total(), !printer.json);
        progress.say("deleting what has ended");
        let mut purged = Swept::default();
        let each = |swept: Swept| {
            progress.advance(swept.total());
            purged = plus(purged, swept);
        };
        sweep(store, cutoffs, self.rate.unwrap_or(0), each).await.map_err(Fault::from)?;
        drop(progress);
        show(printer, purged, false)
    }
}

fn show(printer: Printer, rows: Swept, dry_run: bool) -> Result<(), Failed> {
    let counted: Map<String, Value> =
        by_table(rows).into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    let value = json!({"dry_run": dry_run, "rows": counted, "total": rows.total()});
    printer.done(&value, || {
        let cells: Vec<_> =
            by_table(rows).into_iter().map(|(name, count)| vec![name.into(), count.to_string()]).collect();
        let head = if dry_run { "WOULD BE DELETED" } else { "DELETED" };
        table(&["TABLE", head], &cells)
    })
}

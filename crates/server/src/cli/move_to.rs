//! `firman move`.

use clap::Args;
use firman_sql::{Options, SqlStore};
use serde_json::json;

use super::Common;
use super::backup::{counted, rows_in};
use super::output::{Failed, Printer};
use super::restore::to_be_filled;
use crate::backup::{self, describe};
use crate::config::StoreUrl;
use crate::progress::Progress;
use crate::start::{StartError, database};

/// Copy everything into an empty database of another kind or at another place; tokens stay good.
///
/// Stop every server first: what is written during the move would be lost, and the command fails if something was. The old
/// database stays as it is. Then set store.url to the new one, and start.
#[derive(Args)]
pub(super) struct Move {
    /// The new database, as in store.url. Tables and columns are called as in [store.names].
    #[arg(long, value_name = "URL", env = "FIRMAN_MOVE_TO", hide_env_values = true, value_parser = url)]
    to: StoreUrl,
}

fn url(text: &str) -> Result<StoreUrl, String> {
    StoreUrl::from_text(text).ok_or_else(|| format!("give {}", StoreUrl::expected()))
}

impl Move {
    pub(super) async fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let settings = common.settings(&[])?;
        let options = Options { url: self.to.as_str().to_owned(), ..database(&settings) };
        if self.to == settings.store.url {
            return Err(Failed::refused("--to names the database that everything is in already"));
        }
        let from = SqlStore::open(database(&settings)).await.map_err(StartError::from)?;
        let to = to_be_filled(options).await?;
        let progress = Progress::new(rows_in(&from).await?, !printer.json);
        progress.say("copying");
        let moved = backup::move_to(&from, &to, |rows| progress.advance(rows)).await;
        from.close().await;
        to.close().await;
        let tally = moved?;
        drop(progress);
        let value = json!({"rows": tally.total(), "tables": describe(&tally)});
        printer.done(&value, || format!("{}\n\nNow set store.url to the new database, and start.", counted(&tally)))
    }
}

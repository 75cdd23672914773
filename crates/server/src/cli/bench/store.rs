//! `firman bench store`.

use std::time::Duration;

use clap::Args;

use super::super::output::{Failed, Printer};
use super::super::serve;
use crate::bench::store::{self, Options, StoreBenchError};
use crate::config::StoreUrl;

/// For a statement that counts millions of rows.
const PATIENCE: Duration = Duration::from_mins(5);

const AFTER_HELP: &str = "\
Without --url it measures SQLite in a temporary folder. A database on the network must be empty, and be this benchmark's
own: it gets its tables, and is left full. `tests/bench-store` starts throwaway servers and measures each.

How to read it: the figures are this machine's, the ratios are the store's. UNMERGED says what it brings that commits which
wait together travel together, DRIVER what the store costs over the database's own driver. With millions of grants it takes
half an hour and some GiB; try `--grants 10000 --refreshes 0 --purge 0` first.";

/// Measure the store on a database: point reads and commits a second, merged and not, against the driver alone.
///
/// Then what many refreshes leave behind on disk, and what a purge does to the commits beside it.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Store {
    /// The database, as in store.url; without it a SQLite file that is removed afterwards.
    #[arg(long, value_name = "URL", env = "FIRMAN_BENCH_URL", hide_env_values = true, value_parser = url)]
    url: Option<StoreUrl>,
    /// How many grants there are, in rising order; everything is measured with each number of them.
    #[arg(long, value_name = "COUNT,…", value_delimiter = ',', default_value = "10000,5000000",
          value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    grants: Vec<u32>,
    /// How many requests are on their way at once.
    #[arg(long, value_name = "COUNT,…", value_delimiter = ',', default_value = "1,8,64,512",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    in_flight: Vec<u32>,
    /// How long each figure is measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Refreshes of a thousand grants over which rows and bytes are compared; 0 leaves it out.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    refreshes: u32,
    /// Short-lived records of which a fifth is purged beside commits; 0 leaves it out.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000_000)]
    purge: u32,
}

fn url(text: &str) -> Result<StoreUrl, String> {
    StoreUrl::from_text(text).ok_or_else(|| format!("give {}", StoreUrl::expected()))
}

impl Store {
    pub(super) async fn run(self, printer: Printer) -> Result<(), Failed> {
        let folder = tempfile::Builder::new().prefix("firman-bench-").tempdir();
        let folder = folder.map_err(|error| Failed::broke(format!("cannot make a temporary folder: {error}")))?;
        let file = || format!("sqlite:{}", folder.path().join("bench.db").display());
        let url = self.url.map_or_else(file, |url| url.as_str().to_owned());
        let mut grants: Vec<usize> = self.grants.iter().map(|count| *count as usize).collect();
        grants.sort_unstable();
        let options = Options {
            database: firman_sql::Options { migrate: true, lock_wait: PATIENCE, ..firman_sql::Options::new(url) },
            grants,
            in_flight: self.in_flight.iter().map(|count| *count as usize).collect(),
            time: Duration::from_secs(self.seconds.into()),
            refreshes: self.refreshes as usize,
            short_lived: self.purge as usize,
            progress: !printer.json,
        };
        let stop = serve::signals()?;
        let report = tokio::select! {
            report = store::run(&options) => report?,
            () = stop => return Err(Failed::broke("interrupted")),
        };
        printer.done(&report, || report.text())
    }
}

impl From<StoreBenchError> for Failed {
    fn from(error: StoreBenchError) -> Self {
        match error {
            StoreBenchError::Open(error) => crate::start::StartError::from(error).into(),
            StoreBenchError::NotEmpty => Self::refused(error.to_string()),
            error => Self::broke(error.to_string()),
        }
    }
}

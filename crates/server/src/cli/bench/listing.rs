//! `firman bench listing`.

use clap::Args;

use super::super::output::{Failed, Printer};
use super::super::serve;
use crate::bench::store::listing::{self, Options};

/// Measure what somebody sees of what they allowed, and withdraws, with few and with many grants in the table (SQLite).
///
/// With five million grants it takes some minutes and 4 GiB of disk, which are freed afterwards.
#[derive(Args)]
pub(super) struct Listing {
    /// How many grants there are, in rising order, each in a file of its own; the last is compared with the first.
    #[arg(long, value_name = "COUNT,…", value_delimiter = ',', default_value = "10000,5000000",
          value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    grants: Vec<u32>,
    /// How many grants each person has.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    each: u32,
    /// How many people are listed in each of three rounds; a tenth as many withdraw everything.
    #[arg(long, value_name = "COUNT", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    samples: u32,
}

impl Listing {
    pub(super) async fn run(self, printer: Printer) -> Result<(), Failed> {
        let folder = tempfile::Builder::new().prefix("firman-bench-").tempdir();
        let folder = folder.map_err(|error| Failed::broke(format!("cannot make a temporary folder: {error}")))?;
        let mut grants: Vec<usize> = self.grants.iter().map(|count| *count as usize).collect();
        grants.sort_unstable();
        let (each, samples) = (self.each as usize, self.samples as usize);
        let options = Options { grants, each, samples, progress: !printer.json };
        let stop = serve::signals()?;
        let report = tokio::select! {
            report = listing::run(&options, folder.path()) => report?,
            () = stop => return Err(Failed::broke("interrupted")),
        };
        printer.done(&report, || report.text())
    }
}

//! `firman bench`, and the child that it starts for the ceiling.

mod guard;
mod listing;
mod store;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

pub(super) use guard::BenchGuarded;

use super::output::{Failed, Printer, table};
use super::serve;
use crate::bench::{self, BenchError, Name, Options};
use crate::config::Settings;

/// Measure this build on this machine: a server on one core, load from another, as a share of what the HTTP stack can do.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Bench {
    #[command(subcommand)]
    part: Option<Part>,
    /// How long each measurement takes.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Keep-alive connections, each with one request on its way.
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// How often ceiling and measurement alternate; medians are shown.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=25))]
    rounds: u8,
    /// Only this scenario; may be given several times.
    #[arg(long, value_name = "SCENARIO", visible_alias = "scenario")]
    only: Vec<Name>,
    /// Succeed although the server's core was not busy enough for the ratios to count.
    #[arg(long)]
    lenient: bool,
}

#[derive(Subcommand)]
enum Part {
    Guard(guard::Guard),
    Listing(listing::Listing),
    Store(store::Store),
}

impl Bench {
    pub(super) fn run(self, printer: Printer) -> Result<(), Failed> {
        match self.part {
            Some(Part::Guard(guard)) => return guard.run(printer),
            Some(Part::Listing(listing)) => return super::runtime()?.block_on(listing.run(printer)),
            Some(Part::Store(store)) => return super::runtime()?.block_on(store.run(printer)),
            None => {}
        }
        let names = Name::ALL.into_iter().filter(|name| self.only.is_empty() || self.only.contains(name));
        let options = Options {
            names: names.collect(),
            time: Duration::from_secs(self.seconds.into()),
            connections: self.connections.into(),
            rounds: self.rounds.into(),
            progress: !printer.json,
        };
        let report = bench::run(&options)?;
        let (head, rows) = report.rows();
        printer.done(&report, || format!("{}\n\n{}", table(&head, &rows), report.notes()))?;
        let not_counted = report.not_counted();
        if not_counted.is_empty() || self.lenient {
            return Ok(());
        }
        let list = not_counted.join("; ");
        Err(Failed::broke(format!("the server's core was less than 95 % busy, so these do not count: {list}")))
    }
}

impl From<BenchError> for Failed {
    fn from(error: BenchError) -> Self {
        Self::broke(error.to_string())
    }
}

/// The HTTP stack alone, with the limits of a server without settings.
#[derive(Args)]
pub(super) struct BenchCeiling;

impl BenchCeiling {
    pub(super) async fn run() -> Result<(), Failed> {
        let settings = Settings::load(None, std::iter::empty(), &[])?;
        let listener = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr().map_err(|error| Failed::broke(error.to_string()))?;
        let stop = serve::signals()?;
        Printer { json: true }.done(&json!({"listen": address}), String::new)?;
        let max_body = settings.server.max_body_bytes as usize;
        bench::ceiling::run(listener, max_body, serve::limits(&settings), stop).await;
        Ok(())
    }
}

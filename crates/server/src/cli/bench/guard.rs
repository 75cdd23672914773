//! `firman bench guard`, and the child that it starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::super::output::{Failed, Printer, table};
use super::super::serve;
use crate::bench::guard::{self, Options, Ready};
use crate::bench::guarded::{guarded, issuer};
use crate::config::Settings;
use crate::listen;

/// Measure a guarded route beside the same route unguarded: JWTs and opaque tokens that were seen before, and a server in process; and how
/// long it takes until a guard refuses what was revoked.
#[derive(Args)]
pub(super) struct Guard {
    /// How long each measurement takes.
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Keep-alive connections, each with one request on its way.
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// How often unguarded and guarded alternate; medians are shown.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=25))]
    rounds: u8,
    /// So many tokens are revoked one after the other, and refused.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    tokens: u16,
    /// So many other revocations stand when that is done again.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    revocations: u32,
    /// Succeed although the server's core was not busy enough for the ratios to count.
    #[arg(long)]
    lenient: bool,
}

impl Guard {
    pub(super) fn run(&self, printer: Printer) -> Result<(), Failed> {
        let options = Options {
            time: Duration::from_secs(self.seconds.into()),
            connections: self.connections.into(),
            rounds: self.rounds.into(),
            tokens: self.tokens.into(),
            revocations: self.revocations as usize,
            progress: !printer.json,
        };
        let report = guard::run(&options)?;
        let ((head, rows), (feed_head, feed_rows)) = (report.rows(), report.feed_rows());
        printer.done(&report, || format!("{}\n\n{}", table(&head, &rows), table(&feed_head, &feed_rows)))?;
        let not_counted = report.not_counted();
        if not_counted.is_empty() || self.lenient {
            return Ok(());
        }
        let list = not_counted.join("; ");
        Err(Failed::broke(format!("the server's core was less than 95 % busy, so these do not count: {list}")))
    }
}

/// The server that is measured.
#[derive(Args)]
pub(in crate::cli) struct BenchGuarded;

impl BenchGuarded {
    pub(in crate::cli) async fn run() -> Result<(), Failed> {
        let settings = Settings::load(None, std::iter::empty(), &[])?;
        let server = issuer(Path::new(".")).await.map_err(Failed::broke)?;
        let (router, tokens) = guarded(&server).await.map_err(Failed::broke)?;
        let listener = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let listen = listener.local_addr().map_err(|error| Failed::broke(error.to_string()))?;
        let stop = serve::signals()?;
        Printer { json: true }.done(&Ready { listen, tokens }, String::new)?;
        listen::serve(listener, None, router, serve::limits(&settings), stop).await;
        server.database.close().await;
        Ok(())
    }
}

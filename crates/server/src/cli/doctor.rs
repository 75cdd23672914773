//! `firman doctor`.

use std::path::PathBuf;

use clap::Args;
use firman_engine::{Clock as _, SystemClock};
use url::Url;

use super::Common;
use super::output::{Failed, Printer};
use crate::doctor::{Finding, Level, Report, Wire, examine};

#[derive(Args)]
#[command(after_help = "Exit codes: 0 nothing is wrong; 5 something is, or with --strict there is a warning.")]
pub(super) struct Doctor {
    /// The issuer: the address under which clients know the server; with --dir the demo's.
    #[arg(required_unless_present = "dir")]
    url: Option<Url>,
    /// PEM file with authorities to trust beside those of the system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Let a warning count as an error.
    #[arg(long)]
    strict: bool,
    /// Say what is good, too.
    #[arg(long)]
    all: bool,
}

impl Doctor {
    pub(super) fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let url = if let Some(url) = &self.url {
            url.clone()
        } else {
            let issuer = common.settings(&[])?.issuer()?.to_string();
            Url::parse(&issuer).map_err(|error| Failed::refused(error.to_string()))?
        };
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(Failed::refused("give the issuer: an https address without query and fragment"));
        }
        let wire = Wire::new(self.ca_file.as_deref()).map_err(Failed::refused)?;
        let report = examine(&url, &wire, &|| SystemClock.now());
        printer.done(&report, || lines(&report, self.all))?;
        let (wrong, warnings) = (report.count(Level::Wrong), report.count(Level::Warning));
        if wrong > 0 || (self.strict && warnings > 0) {
            return Err(Failed::refused(format!("{wrong} wrong, {warnings} warnings")));
        }
        Ok(())
    }
}

fn lines(report: &Report, all: bool) -> String {
    let mut lines: Vec<_> =
        report.findings.iter().filter(|finding| all || finding.level > Level::Good).map(line).collect();
    let good = report.count(Level::Good);
    lines.push(format!("{}: {good} of {} checks are good", report.issuer, report.findings.len()));
    lines.join("\n")
}

fn line(finding: &Finding) -> String {
    let word = match finding.level {
        Level::Good => "good   ",
        Level::Warning => "WARNING",
        Level::Wrong => "WRONG  ",
    };
    let cure = finding.cure.map_or_else(String::new, |cure| format!("\n                           -> {cure}"));
    format!("{word}  {:<16}  {}{cure}", finding.check, finding.what)
}

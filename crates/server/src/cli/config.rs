//! `firman config`.

use clap::Args;

use super::Common;
use super::output::{Failed, Printer};

/// Show the settings in force.
#[derive(Args)]
pub(super) struct Config {}

impl Config {
    #[allow(clippy::unused_self, reason = "every command is run the same way")]
    pub(super) fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let settings = common.settings(&[])?;
        printer.done(&settings.to_json(), || settings.describe())
    }
}

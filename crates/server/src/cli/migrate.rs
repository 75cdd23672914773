//! `firman migrate`.

use clap::Subcommand;
use firman_sql::{Migrations, SqlStore};
use serde_json::{Value, json};

use super::Common;
use super::output::{Failed, Printer, table};
use crate::start::{StartError, database};

pub(super) const AFTER_HELP: &str = "\
A SQLite file is brought up to date whenever it is opened. A database on the network is so by `firman migrate up` only; `serve`
refuses it until then. Two versions of Firman that follow each other can serve one database: migrate first, then replace the
servers one after the other. Whoever may not create tables gives the output of `plan` to somebody who may.";

#[derive(Subcommand)]
pub(super) enum Migrate {
    /// Show which migrations were applied, and whether any are missing; changes nothing.
    Status,
    /// Print the SQL that is missing, in order; changes nothing.
    Plan,
    /// Apply what is missing. One node does, others that try at the same time wait.
    Up,
}

impl Migrate {
    pub(super) async fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let options = database(&common.settings(&[])?);
        let found = match self {
            Self::Status | Self::Plan => SqlStore::migrations(&options).await,
            Self::Up => SqlStore::migrate(&options).await,
        };
        let found = found.map_err(StartError::from)?;
        printer.done(&view(&found), || match self {
            Self::Plan => plan(&found),
            Self::Status | Self::Up => status(&found),
        })
    }
}

fn view(found: &Migrations) -> Value {
    let applied: Vec<_> =
        found.applied.iter().map(|one| json!({"version": one.version, "program": one.program})).collect();
    json!({"applied": applied, "known": found.known, "pending": found.pending})
}

fn status(found: &Migrations) -> String {
    let row = |one: &firman_sql::Applied| vec![one.version.to_string(), one.program.clone()];
    let applied = table(&["VERSION", "APPLIED BY"], &found.applied.iter().map(row).collect::<Vec<_>>());
    let state = match found.pending.len() {
        0 => "The schema is up to date.".to_owned(),
        count => {
            format!("{count} statements are missing: `firman migrate plan` shows them, `firman migrate up` runs them.")
        }
    };
    format!("{applied}\n\n{state}")
}

fn plan(found: &Migrations) -> String {
    if found.pending.is_empty() {
        return "-- The schema is up to date.".to_owned();
    }
    found.pending.iter().map(|statement| format!("{statement};")).collect::<Vec<_>>().join("\n")
}

//! `firman token`.

use std::io::Read as _;

use clap::Subcommand;
use firman_engine::admin::tokens::{self, TokenReport};
use zeroize::Zeroizing;

use super::output::{Failed, Printer};
use crate::start::Running;

#[derive(Subcommand)]
pub(super) enum Token {
    /// Explain an access or refresh token of this server.
    Inspect {
        /// The token, or - to read it from standard input, where nobody else sees it.
        token: String,
    },
    /// Make a token dead: an access token alone, a refresh token with its whole grant.
    Revoke {
        /// The token, or - to read it from standard input.
        token: String,
    },
}

impl Token {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let (engine, now) = (&running.engine, running.now());
        let report = match self {
            Self::Inspect { token } => tokens::inspect(engine, &given(token)?, now).await?,
            Self::Revoke { token } => tokens::revoke(engine, &given(token)?, now).await?,
        };
        printer.done(&report, || describe(&report))
    }
}

fn given(token: String) -> Result<Zeroizing<String>, Failed> {
    let mut token = Zeroizing::new(token);
    if *token == "-" {
        token.clear();
        std::io::stdin()
            .read_to_string(&mut token)
            .map_err(|error| Failed::broke(format!("standard input: {error}")))?;
    }
    Ok(Zeroizing::new(token.trim().to_owned()))
}

fn describe(report: &TokenReport) -> String {
    let state = report.why.map_or_else(|| "live".to_owned(), |why| format!("dead: {why}"));
    let ends = report.expires_at.map_or_else(|| "when its grant ends".to_owned(), |end| end.to_string());
    let caveats = if report.caveats.is_empty() { "none".to_owned() } else { report.caveats.join("; ") };
    format!(
        "{}, {state}\ngrant      {}\nserial     {}\nissued at  {}\nexpires    {ends}\nseal key   {}\ncaveats    {caveats}",
        report.kind, report.grant, report.serial, report.issued_at, report.seal_key
    )
}

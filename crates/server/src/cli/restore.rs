//! `firman restore`.

use std::path::PathBuf;

use clap::Args;
use firman_engine::{Clock as _, SystemClock, SystemEntropy};
use firman_sql::{Options, SqlStore};
use serde_json::json;

use super::Common;
use super::backup::{SecretArgs, counted};
use super::output::{Failed, Printer};
use crate::backup::{self, Tokens, describe};
use crate::progress::Progress;
use crate::start::{StartError, database};

const THE_CHOICE: &str = "\
say what becomes of the tokens. A backup does not know what was revoked after it was made: restored as it is, a stolen token that
was withdrawn since would be good again.
  --revoke-tokens  every token, code and session from before is dead; people sign in again, and clients keep their
                   secrets. The restored store is another deployment: right after a break-in, and for a copy to try things with.
  --keep-tokens    every token is as good as when the backup was made. Right only if nothing was revoked since, or if
                   you revoke it again before the server is started.";

/// Fill an empty database from a backup.
///
/// The database is the one of the settings (store.url), of whatever kind; the tables are made. The backup is read to
/// its end before the first row is written.
#[derive(Args)]
pub(super) struct Restore {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    secret: SecretArgs,
    /// Every token, code and session from before is dead, and the store is another deployment.
    #[arg(long, conflicts_with = "keep_tokens")]
    revoke_tokens: bool,
    /// Every token is as good as when the backup was made, also one that was revoked since.
    #[arg(long)]
    keep_tokens: bool,
}

impl Restore {
    pub(super) async fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let tokens = match (self.revoke_tokens, self.keep_tokens) {
            (true, false) => Tokens::Revoke,
            (false, true) => Tokens::Keep,
            _ => return Err(Failed::refused(THE_CHOICE)),
        };
        let settings = common.settings(&[])?;
        let secret = self.secret.read(&settings)?;
        let store = to_be_filled(database(&settings)).await?;
        let progress = Progress::spinner(!printer.json);
        progress.say("rows: reading, then writing");
        let (entropy, now) = (SystemEntropy::default(), SystemClock.now());
        let each = |rows| progress.advance(rows);
        let restored = backup::restore(&store, &self.file, &secret, tokens, (&entropy, now), each).await;
        store.close().await;
        let tally = restored?;
        drop(progress);
        let revoked = tokens == Tokens::Revoke;
        let value = json!({"rows": tally.total(), "tokens_revoked": revoked, "tables": describe(&tally)});
        printer.done(&value, || {
            let said = if revoked { "Every token from before is dead." } else { "Tokens are as they were." };
            format!("{}\n\n{said} The server needs the master key of before.", counted(&tally))
        })
    }
}

/// Opens a database and makes its tables.
pub(super) async fn to_be_filled(options: Options) -> Result<std::sync::Arc<SqlStore>, Failed> {
    Ok(SqlStore::open(Options { migrate: true, ..options }).await.map_err(StartError::from)?)
}

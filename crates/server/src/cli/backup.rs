//! `firman backup`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use firman_engine::{Clock as _, SystemClock, SystemEntropy};
use firman_sql::{SqlStore, Tally};
use serde_json::json;
use zeroize::Zeroizing;

use super::Common;
use super::output::{Failed, Printer, table};
use crate::backup::{self, BackupError, describe};
use crate::config::{Settings, key_from_text};
use crate::progress::Progress;
use crate::start::{StartError, database};

/// The shortest passphrase that a backup is made with, in characters.
const SHORTEST_PASSPHRASE: usize = 12;

const AFTER_HELP: &str = "\
The file holds every record as of one moment, encrypted, and is read again before the command ends. It does not hold the master
key: without that key the restored signing and seal keys open nothing. Keep the three apart: backup, passphrase, master key.

  head -c 32 /dev/urandom | base64 > backup.key && chmod 600 backup.key
  firman backup firman-monday.backup --key-file backup.key";

/// Write everything in the database into a new encrypted file, while servers go on.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Backup {
    /// The file to make; one that is there is never written over.
    file: PathBuf,
    #[command(flatten)]
    secret: SecretArgs,
}

/// What opens a backup: never from the command line, where others could read it.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct SecretArgs {
    /// Read a passphrase of at least 12 characters from standard input, up to the first line end.
    #[arg(long)]
    passphrase_stdin: bool,
    /// A file with the base64 of 32 random bytes; not the master key's.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl SecretArgs {
    pub(super) fn read(&self, settings: &Settings) -> Result<backup::Secret, Failed> {
        let Some(path) = &self.key_file else { return Ok(backup::Secret::Passphrase(passphrase()?)) };
        let unreadable = |error: &dyn std::fmt::Display| Failed::refused(format!("{}: {error}", path.display()));
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| unreadable(&error))?);
        let key = key_from_text(text.trim()).map_err(|error| unreadable(&error))?;
        if settings.secrets.master_key.as_ref().is_some_and(|master| master.reveal() == key.reveal()) {
            return Err(Failed::refused(
                "this is the master key: whoever had it and a backup would have everything; make another",
            ));
        }
        Ok(backup::Secret::Key(Zeroizing::new(*key.reveal())))
    }
}

fn passphrase() -> Result<Zeroizing<String>, Failed> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().read_to_string(&mut text).map_err(|error| Failed::broke(format!("standard input: {error}")))?;
    let line = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
    if line.chars().count() < SHORTEST_PASSPHRASE {
        return Err(Failed::refused(format!("a passphrase has at least {SHORTEST_PASSPHRASE} characters")));
    }
    Ok(line)
}

impl Backup {
    pub(super) async fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let settings = common.settings(&[])?;
        let secret = self.secret.read(&settings)?;
        let store = SqlStore::open(database(&settings)).await.map_err(StartError::from)?;
        let progress = Progress::new(2 * rows_in(&store).await?, !printer.json);
        progress.say("writing, then reading again");
        let each = |rows| progress.advance(rows);
        let entropy = SystemEntropy::default();
        let written = backup::write(&store, &self.file, &secret, &entropy, SystemClock.now(), each).await;
        store.close().await;
        let written = written?;
        drop(progress);
        let value = json!({"file": self.file, "bytes": written.bytes, "rows": written.tally.total(), "tables": describe(&written.tally)});
        printer.done(&value, || {
            format!("{}\n\n{}: {} bytes, verified", counted(&written.tally), shown(&self.file), written.bytes)
        })
    }
}

/// About how many rows there are: for a bar.
pub(super) async fn rows_in(store: &SqlStore) -> Result<u64, Failed> {
    let stats = store.stats().await.map_err(firman_engine::Fault::from)?;
    Ok(stats.rows())
}

/// Rows, table by table.
pub(super) fn counted(tally: &Tally) -> String {
    let row = |(name, copied): (&str, firman_sql::Copied)| vec![name.to_owned(), copied.rows.to_string()];
    table(&["TABLE", "ROWS"], &tally.tables().map(row).collect::<Vec<_>>())
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}

impl From<BackupError> for Failed {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Exists(_)
            | BackupError::NotABackup
            | BackupError::Newer(_)
            | BackupError::OtherSecret(_)
            | BackupError::Locked
            | BackupError::NotEmpty
            | BackupError::Changed => Self::refused(error.to_string()),
            BackupError::File { .. } | BackupError::Damaged(_) | BackupError::Different(_) => {
                Self::broke(error.to_string())
            }
            BackupError::Store(fault) => firman_engine::Fault::from(fault).into(),
            BackupError::Fault(fault) => fault.into(),
        }
    }
}

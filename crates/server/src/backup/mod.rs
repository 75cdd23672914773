//! A whole store in one encrypted file, out of any database and into any other. `docs/decisions/backup.md` has the format.

mod chunks;
mod key;
mod read;
mod restore;
mod write;

pub use key::Secret;
pub use read::{Reader, verify};
pub use restore::{Tokens, move_to, restore};
pub use write::{Written, write};

use std::path::PathBuf;

use firman_engine::Fault;
use firman_sql::Tally;
use firman_store::StoreError;
use serde_json::{Map, Value, json};

/// The version of the format. One that is higher is refused.
const VERSION: u8 = 1;

/// The first bytes of every backup.
const MAGIC: [u8; 8] = *b"FIRMANBK";

/// What a frame inside the encryption holds.
mod frame {
    /// Rows of one table.
    pub(super) const ROWS: u8 = 1;
    /// The end: what was counted.
    pub(super) const END: u8 = 2;
    /// No frame is longer, in bytes: a page of rows is far shorter.
    pub(super) const LONGEST: usize = 256 * 1024 * 1024;
}

/// Why there is no backup, or nothing restored from it; every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file or its folder cannot be used.
    #[error("{path}: {cause}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is there already.
    #[error("{0}: is there already; a backup is never written over another: choose another name")]
    Exists(PathBuf),
    /// The file is something else.
    #[error("not a backup of Firman")]
    NotABackup,
    /// A later version wrote it.
    #[error("written in version {0} of the format, and this program knows version {VERSION}; use a newer program")]
    Newer(u8),
    /// It was made with the other kind of secret.
    #[error("this backup was made with {0}")]
    OtherSecret(&'static str),
    /// The secret does not open it.
    #[error("the passphrase or key is wrong, or the beginning of the file is damaged")]
    Locked,
    /// It was changed, cut short, or put together from parts.
    #[error("the backup is damaged: {0}; use another copy")]
    Damaged(&'static str),
    /// What was read again is not what was written.
    #[error("{0} does not hold what was read from the database; the disk or the database is damaged")]
    Different(&'static str),
    /// The database to be filled has something in it.
    #[error("the database is not empty; name a new one in store.url, or empty this one: nothing is ever mixed")]
    NotEmpty,
    /// The source was written to during a move.
    #[error(
        "the source was written to during the move; stop every server on it, empty the new database, and move again"
    )]
    Changed,
    /// A database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Cryptography or randomness fails.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What was counted, as it stands at the end of a backup and is printed.
pub fn describe(tally: &Tally) -> Value {
    let table = |(name, copied): (&'static str, firman_sql::Copied)| {
        (name.to_owned(), json!({"rows": copied.rows, "sha256": copied.sha256()}))
    };
    Value::Object(tally.tables().map(table).collect::<Map<_, _>>())
}

fn crypto() -> Fault {
    Fault::lasting("encrypt a backup", "the cryptographic library refused")
}

#[cfg(test)]
mod tests;

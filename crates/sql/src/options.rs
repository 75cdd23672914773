//! How a store is opened, and why it cannot be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::names::NameError;

/// Which database, and how it is used.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite:` and the path of a file. `sqlite::memory:` is a database for a test: in a private folder, gone with the store.
    pub url: String,
    /// How many connections read at once; at least 1. More than there are threads that ask are of no use.
    pub readers: usize,
    /// Other names for tables and columns: `table` or `table.column` → the name in the database.
    pub names: BTreeMap<String, String>,
    /// How long to wait for a lock that another program holds before a commit fails.
    pub lock_wait: Duration,
}

impl Options {
    /// This database, four readers, the names as they are, and five seconds of patience.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), readers: 4, names: BTreeMap::new(), lock_wait: Duration::from_secs(5) }
    }
}

/// Why a store cannot be opened; every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of no known kind.
    #[error("store.url \"{0}\": not \"sqlite:\" and the path of a file")]
    Url(String),
    /// A configured name is wrong.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The file or its folder cannot be used.
    #[error("{path}: {cause}; the folder must exist and the file be readable and writable")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is something else.
    #[error("{path}: not a SQLite database, or damaged; move it away, or restore a backup")]
    NotADatabase {
        /// Which file.
        path: PathBuf,
    },
    /// The database belongs to another program.
    #[error("{path}: a database of another program (application id {application_id:#x}); choose another path")]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What its header says; Firman's is 0x4669726d.
        application_id: i32,
    },
    /// A newer version of this program has been here.
    #[error(
        "{path}: schema version {found}, and this program knows versions up to {known}; run the newer program, or restore a \
         backup from before it ran"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The version in the database.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The tables are called otherwise than configured.
    #[error(
        "{path}: {cause}; have [store.names] changed since the database was made? rename the tables and columns too"
    )]
    Names {
        /// Which file.
        path: PathBuf,
        /// What the database says.
        cause: String,
    },
    /// Somebody else holds it.
    #[error("{path}: locked by another program; end it, or wait until it is done")]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// A write-ahead log cannot be kept there.
    #[error("{path}: the file system does not support SQLite's write-ahead log (a network drive?); use a local one")]
    NoWal {
        /// Which file.
        path: PathBuf,
    },
    /// Anything else the database says.
    #[error("{path}: {cause}")]
    Database {
        /// Which file.
        path: PathBuf,
        /// What the database says.
        cause: String,
    },
    /// A defect of this program.
    #[error("internal error: {0}")]
    Defect(String),
}

//! How a store is opened, and why it cannot be.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::names::NameError;

/// Which database, and how it is used.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:` and the path of a file. `sqlite::memory:` is a database for a test: in a private folder, gone with the store.
    ///
    /// `postgres://user:password@host:port/database`. Several hosts may be named, with commas between: the one that takes writes
    /// is used. `sslmode` is `verify-full`, and `disable` where all hosts are this machine; `sslrootcert` is a file of
    /// certificates to trust instead of the system's.
    ///
    /// `mysql://user:password@host:port/database`, for MariaDB too. Several hosts are the nodes of one cluster: the first that can
    /// serve is used. `ssl-mode` is `verify-identity`, and `disabled` where all hosts are this machine; `ssl-ca` is a file of
    /// certificates to trust instead of the system's.
    pub url: String,
    /// How many connections read at once; at least 1. More than there are threads that ask are of no use.
    pub readers: usize,
    /// How many connections to a database on the network write when many commits wait; at least 1. A few commits at once have one
    /// each, up to eight. A file has one.
    pub writers: usize,
    /// The most commits that share one transaction; with 1 each has its own.
    pub longest_batch: usize,
    /// Other names for tables and columns: `table` or `table.column` → the name in the database.
    pub names: BTreeMap<String, String>,
    /// How long to wait for a lock that another program holds before a commit fails; on the network also for a turn, and for
    /// an answer.
    pub lock_wait: Duration,
    /// Whether a database on the network is brought up to date when it is opened. A file always is.
    pub migrate: bool,
}

/// Without what may be a password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &without_password(&self.url))
            .field("readers", &self.readers)
            .field("writers", &self.writers)
            .field("longest_batch", &self.longest_batch)
            .field("names", &self.names)
            .field("lock_wait", &self.lock_wait)
            .field("migrate", &self.migrate)
            .finish()
    }
}

/// A URL without user, password and parameters.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if scheme.is_empty() {
        return url.to_owned();
    }
    // After a question mark an @ may belong to a password that is not written as it must be.
    if rest.split_once('?').is_some_and(|(_, parameters)| parameters.contains('@')) {
        return format!("{scheme}://");
    }
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{}", host.split('?').next().unwrap_or_default())
}

impl Options {
    /// This database, four readers, two writers with batches of at most 256 commits, the names as they are, and five seconds of
    /// patience.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            readers: 4,
            writers: 2,
            longest_batch: 256,
            names: BTreeMap::new(),
            lock_wait: Duration::from_secs(5),
            migrate: false,
        }
    }
}

/// Why a store cannot be opened; every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of no known kind.
    #[error("store.url \"{}\": not \"sqlite:\" and the path of a file, nor \"postgres://user:password@host/database\", nor \"mysql://user:password@host/database\"", without_password(.0))]
    Url(String),
    /// The URL of a database on the network is wrong.
    #[error("store.url: {0}")]
    Target(String),
    /// A database on the network does not answer.
    #[error("{place}: {cause}; is the database running, and are host and port in store.url right?")]
    Unreachable {
        /// Which database.
        place: String,
        /// What the system says.
        cause: String,
    },
    /// A database on the network does not let us in, or not do what we must.
    #[error(
        "{place}: {cause}; check user, password, database and certificates in store.url, and what this user may do"
    )]
    Denied {
        /// Which database.
        place: String,
        /// What it says.
        cause: String,
    },
    /// The tables are older than this program, or are not there yet.
    #[error("{place}: schema version {found}, and this program needs {known}; run `firman migrate up`")]
    Behind {
        /// Which database.
        place: String,
        /// The version in the database; 0 if there is nothing.
        found: i64,
        /// The version needed.
        known: i64,
    },
    /// Tables with our names are there, and are not ours.
    #[error(
        "{place}: there is a table {table} of another program; use another database or schema, or other [store.names]"
    )]
    ForeignTable {
        /// Which database.
        place: String,
        /// Its name.
        table: String,
    },
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

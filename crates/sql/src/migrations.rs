//! What the schema of a database is and what it lacks.

use crate::options::{OpenError, Options};
use crate::store::SqlStore;

/// The schema of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrations {
    /// What was applied, oldest first.
    pub applied: Vec<Applied>,
    /// The newest version this program knows.
    pub known: i64,
    /// The statements that bring it up to date, in order; none if it is.
    pub pending: Vec<String>,
}

/// A migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: i64,
    /// The version of the program that applied it.
    pub program: String,
}

impl SqlStore {
    /// What the schema of a database is and what it lacks; changes nothing. A file that is not there is an empty database.
    pub async fn migrations(options: &Options) -> Result<Migrations, OpenError> {
        if crate::postgres::is_meant(&options.url) {
            return crate::postgres::migrations(options, false).await;
        }
        if crate::mysql::is_meant(&options.url) {
            return crate::mysql::migrations(options, false).await;
        }
        let options = options.clone();
        let read = tokio::task::spawn_blocking(move || crate::sqlite::migrations(&options));
        read.await.map_err(|fault| OpenError::Defect(fault.to_string()))?
    }

    /// Brings the schema of a database up to date and says what it is now. Nodes that do so at once wait for each other.
    pub async fn migrate(options: &Options) -> Result<Migrations, OpenError> {
        if crate::postgres::is_meant(&options.url) {
            return crate::postgres::migrations(options, true).await;
        }
        if crate::mysql::is_meant(&options.url) {
            return crate::mysql::migrations(options, true).await;
        }
        // The embedded database is brought up to date whenever it is opened.
        Self::open(options.clone()).await?.close().await;
        Self::migrations(options).await
    }
}

//! What a database driver does: run statements. It knows no records.

use async_trait::async_trait;
use firman_store::{CommitError, StoreError};

use crate::plan::Plan;
use crate::row::Row;
use crate::value::Query;

/// What is done with each row of each query, by the place of the query.
pub(crate) type Each<'a> = &'a mut (dyn FnMut(usize, &dyn Row) -> Result<(), StoreError> + Send);

/// How a plan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// All of it happened, durably; it changed so many rows.
    Done(u64),
    /// The guarded step at this place changed no row; nothing happened.
    Conflict(usize),
}

/// Everything in a database as of one moment, on a connection of its own.
#[async_trait]
pub(crate) trait View: Send {
    /// Runs a query and shows its rows.
    async fn read(&mut self, query: Query<'_>, each: Each<'_>) -> Result<(), StoreError>;
}

/// A connection, or several, to one database.
#[async_trait]
pub(crate) trait Driver: Send + Sync + 'static {
    /// Runs queries as of one moment, in one round trip, and shows their rows.
    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), StoreError>;

    /// Runs the steps of a plan in one transaction. Plans that wait together may travel together, each winning or losing on
    /// its own.
    async fn write(&self, plan: Plan) -> Result<Written, CommitError>;

    /// A view of everything as of this moment, for as long as it is held; others go on reading and writing.
    ///
    /// SQLite: a read transaction. PostgreSQL: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`. MariaDB: `START TRANSACTION WITH
    /// CONSISTENT SNAPSHOT, READ ONLY`.
    async fn snapshot(&self) -> Result<Box<dyn View>, StoreError>;

    /// How many pages of written data wait to be moved to their place; 0 where there is no such thing.
    fn pending_pages(&self) -> u64;

    /// Finishes what was begun and lets go of the database. What comes afterwards is an error.
    async fn close(&self);
}

//! What a database driver does: run statements. It knows no records.

use async_trait::async_trait;
use firman_proto::time::{Day, Timestamp};
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

/// A table whose rows leave by the day at the front of their key, by its default name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayTable {
    pub(crate) name: &'static str,
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
    async fn snapshot(&self) -> Result<Box<dyn View>, StoreError>;

    /// Makes the parts for this day and some after it of a table that is split by day, where that is done.
    async fn make_days(&self, _table: DayTable, _from: Day) -> Result<(), StoreError> {
        Ok(())
    }

    /// Drops the oldest part of a table that is split by day, if its day is before this one and all in it has ended. Gives how
    /// many rows it had, as far as `most`; `None` if nothing was dropped.
    async fn drop_day(
        &self,
        _table: DayTable,
        _before: Day,
        _ended: Option<Timestamp>,
        _most: u32,
    ) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    /// How many pages of written data wait to be moved to their place; 0 where there is no such thing.
    fn pending_pages(&self) -> u64;

    /// Finishes what was begun and lets go of the database. What comes afterwards is an error.
    async fn close(&self);
}

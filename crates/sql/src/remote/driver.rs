//! A driver for any database on the network.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firman_proto::time::{Day, Timestamp};
use firman_store::{CommitError, StoreError};

use super::desk::Desk;
use super::partitions::Partitions;
use super::pool::Pool;
use super::view::RemoteView;
use super::wire::Connector;
use crate::driver::{DayTable, Driver, Each, View, Written};
use crate::plan::Plan;
use crate::value::Query;

/// Connections for reads of several queries as of one moment, which have a connection to themselves.
const SNAPSHOTS: usize = 2;

/// How much of a database is used, and how long it is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections that write when many commits wait. Two: one batch is under way while the next gathers; more make batches
    /// smaller.
    pub(crate) writers: usize,
    /// The most commits of one batch.
    pub(crate) batch: usize,
    /// Connections that read.
    pub(crate) readers: usize,
    /// How long a commit or read waits for its turn before it is given up as a temporary fault.
    pub(crate) turn: Duration,
    /// How long the database may take for one answer, or to let us in, before the connection counts as lost.
    pub(crate) answer: Duration,
}

/// Connections to one database on the network.
pub(crate) struct Remote<C: Connector> {
    desk: Arc<Desk<C>>,
    single: Pool<C>,
    snapshots: Pool<C>,
    partitions: Partitions<C>,
    connector: Arc<C>,
    limits: Limits,
}

impl<C: Connector> Remote<C> {
    /// Makes no connection yet: each is made when it is first needed.
    pub(crate) fn start(connector: &Arc<C>, limits: Limits, partitions: Partitions<C>) -> Self {
        Self {
            desk: Arc::new(Desk::new(connector, limits)),
            single: Pool::new(connector, limits.readers, C::READS_AT_ONCE, limits.answer),
            snapshots: Pool::new(connector, SNAPSHOTS, 1, limits.answer),
            partitions,
            connector: Arc::clone(connector),
            limits,
        }
    }
}

#[async_trait]
impl<C: Connector> Driver for Remote<C> {
    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), StoreError> {
        let pool = if queries.len() == 1 { &self.single } else { &self.snapshots };
        pool.read(queries, each).await
    }

    async fn write(&self, plan: Plan) -> Result<Written, CommitError> {
        self.desk.write(plan).await
    }

    async fn snapshot(&self) -> Result<Box<dyn View>, StoreError> {
        Ok(Box::new(RemoteView::begin(&self.connector, self.limits.answer).await?))
    }

    async fn make_days(&self, table: DayTable, from: Day) -> Result<(), StoreError> {
        self.partitions.make(table, from).await
    }

    async fn drop_day(
        &self,
        table: DayTable,
        before: Day,
        ended: Option<Timestamp>,
        most: u32,
    ) -> Result<Option<u64>, StoreError> {
        self.partitions.drop_oldest(table, before, ended, most).await
    }

    fn pending_pages(&self) -> u64 {
        0
    }

    async fn close(&self) {
        self.desk.close().await;
        self.single.close().await;
        self.snapshots.close().await;
    }
}

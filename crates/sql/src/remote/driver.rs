//! A driver for any database on the network.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as Shared, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use firman_proto::time::{Day, Timestamp};
use firman_store::{CommitError, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::member::{Member, next_batch, too_many};
use super::merge::Merger;
use super::partitions::Partitions;
use super::pool::Pool;
use super::view::RemoteView;
use super::wire::Connector;
use crate::driver::{DayTable, Driver, Each, View, Written};
use crate::plan::Plan;
use crate::value::Query;

/// The most commits that wait; whoever comes then waits for a place, and not for long.
const LONGEST_QUEUE: usize = 1024;

/// Connections for reads of several queries as of one moment, which have a connection to themselves.
const SNAPSHOTS: usize = 2;

/// How much of a database is used, and how long it is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections that write. Two: one batch is under way while the next gathers; more make batches smaller.
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
    queue: Shared<Option<mpsc::Sender<Member>>>,
    writers: Shared<Vec<JoinHandle<()>>>,
    single: Pool<C>,
    snapshots: Pool<C>,
    partitions: Partitions<C>,
    connector: Arc<C>,
    limits: Limits,
}

impl<C: Connector> Remote<C> {
    /// Makes no connection yet: each is made when it is first needed. Must be called within a runtime.
    pub(crate) fn start(connector: &Arc<C>, limits: Limits, partitions: Partitions<C>) -> Self {
        let (queue, jobs) = mpsc::channel(LONGEST_QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        let writer = |_| {
            let merger = Merger::new(Arc::clone(connector), limits.answer, limits.turn);
            tokio::spawn(write_all(Arc::clone(&jobs), merger, limits))
        };
        Self {
            queue: Shared::new(Some(queue)),
            writers: Shared::new((0..limits.writers.max(1)).map(writer).collect()),
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
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(queue) = queue else { return Err(CommitError::NotApplied(closed())) };
        let since = Instant::now();
        let place =
            timeout(self.limits.turn, queue.reserve()).await.map_err(|_| CommitError::NotApplied(too_many()))?;
        let place = place.map_err(|_| CommitError::NotApplied(closed()))?;
        let (answer, answered) = oneshot::channel();
        place.send(Member { plan, answer, since });
        answered.await.unwrap_or_else(|_| Err(CommitError::Unknown(gone())))
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
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writers = std::mem::take(&mut *self.writers.lock().unwrap_or_else(PoisonError::into_inner));
        for writer in writers {
            writer.await.ok();
        }
        self.single.close().await;
        self.snapshots.close().await;
    }
}

/// Writes what is in the queue until the queue is closed and empty.
async fn write_all<C: Connector>(jobs: Arc<Mutex<mpsc::Receiver<Member>>>, mut merger: Merger<C>, limits: Limits) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let mut jobs = jobs.lock().await;
            let Some(member) = jobs.recv().await else { return };
            waiting.push_back(member);
            gather(&mut jobs, &mut waiting, limits.batch);
        } else if let Ok(mut jobs) = jobs.try_lock() {
            gather(&mut jobs, &mut waiting, limits.batch);
        }
        let batch = next_batch(&mut waiting, limits.batch, limits.turn);
        merger.run(batch).await;
    }
}

fn gather(jobs: &mut mpsc::Receiver<Member>, waiting: &mut VecDeque<Member>, most: usize) {
    while waiting.len() < most.max(1) {
        let Ok(member) = jobs.try_recv() else { return };
        waiting.push_back(member);
    }
}

fn closed() -> StoreError {
    StoreError { what: "commit", cause: "the store is closed".to_owned(), temporary: false }
}

/// A writer has ended without an answer: it panicked, and may have done so after the commit.
fn gone() -> StoreError {
    let cause = "the task that writes has failed; the log says why".to_owned();
    StoreError { what: "commit", cause, temporary: true }
}

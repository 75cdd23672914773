//! The one thread that writes, and how commits reach it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use firman_store::{CommitError, StoreError};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Member};
use super::checkpoint::{Log, Restarts};
use super::error::closed;
use crate::driver::Written;
use crate::plan::Plan;
use crate::texts::Texts;

/// The most commits that wait; whoever comes then waits for a place.
const LONGEST_QUEUE: usize = 1024;

enum Job {
    Write(Member),
    /// Nothing more will be taken.
    Close,
    /// Something done to the connection, by a test.
    #[cfg(test)]
    Run(Box<dyn FnOnce(&Connection) + Send>),
}

/// The way to the thread that writes.
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread; at most `longest` commits share one transaction. `others` are ended with it.
    pub(super) fn start(
        conn: Connection,
        longest: usize,
        texts: Arc<Texts>,
        restarts: Restarts,
        others: Vec<JoinHandle<()>>,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(LONGEST_QUEUE);
        let builder = std::thread::Builder::new().name("firman-writer".to_owned());
        let thread = builder.spawn(move || {
            run(&conn, longest.max(1), &texts, restarts, jobs);
            end(conn, others);
        })?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Hands a plan to the thread and waits for what becomes of it.
    pub(super) async fn write(&self, plan: Plan) -> Result<Written, CommitError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Write(Member { plan, answer });
        self.queue.send(job).await.map_err(|_| CommitError::NotApplied(closed("commit")))?;
        answered.await.unwrap_or_else(|_| Err(CommitError::Unknown(gone())))
    }

    /// How many jobs wait in the queue.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Does something to the connection that writes, between batches.
    #[cfg(test)]
    pub(super) async fn run(&self, job: impl FnOnce(&Connection) + Send + 'static) {
        self.queue.send(Job::Run(Box::new(job))).await.ok();
    }

    /// Waits until everything in the queue is written and the threads have ended.
    pub(super) async fn close(&self) {
        self.queue.send(Job::Close).await.ok();
        self.queue.closed().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let joined = tokio::task::spawn_blocking(|| thread.map(JoinHandle::join));
        joined.await.ok();
    }
}

/// The thread has ended without an answer: it panicked, and may have done so after the commit.
fn gone() -> StoreError {
    let cause = "the thread that writes has failed; the log says why".to_owned();
    StoreError { what: "commit", cause, temporary: false }
}

fn run(conn: &Connection, longest: usize, texts: &Texts, mut restarts: Restarts, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Batch::new(conn, texts);
    let mut members = Vec::with_capacity(longest);
    while let Some(job) = jobs.blocking_recv() {
        let mut next = Some(job);
        while let Some(job) = next.take() {
            match job {
                Job::Write(member) => members.push(member),
                // What is already in the queue is still written.
                Job::Close => jobs.close(),
                #[cfg(test)]
                Job::Run(job) => job(conn),
            }
            if members.len() < longest {
                next = jobs.try_recv().ok();
            }
        }
        batch.run(&mut members);
        restarts.if_long(conn);
    }
    drop(batch);
    restarts.finish(conn);
}

/// Closes the connection after those of the other threads: who closes last removes the log, and of two that close at once neither is the last.
fn end(mut conn: Connection, others: Vec<JoinHandle<()>>) {
    if Log::unwatch(&mut conn).is_ok() {
        for other in others {
            drop(other.join());
        }
    }
}

//! The one thread that writes. Entries that wait while it syncs are written together: one sync for all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use firman_store::{Commit, CommitError, MemoryStore, StoreError, Swept};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::file::{File, NotWritten};
use crate::{Entry, apply, fault};

/// The most entries that share a sync; as many may wait.
const LONGEST_BATCH: usize = 256;

/// What became of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Commit(Commit),
    Sweep(Swept),
}

type Answer = oneshot::Sender<Result<Outcome, CommitError>>;

/// The way to the thread.
pub(crate) struct Writer {
    queue: Mutex<Option<mpsc::Sender<(Entry, Answer)>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    broken: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(file: File, maps: Arc<MemoryStore>) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(LONGEST_BATCH);
        let broken = Arc::new(AtomicBool::new(false));
        let failed = |error: std::io::Error| fault("start the journal", error, true);
        let runtime = Builder::new_current_thread().build().map_err(failed)?;
        let seen = Arc::clone(&broken);
        let run = move || runtime.block_on(run(file, &maps, jobs, &seen));
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), broken })
    }

    /// Hands an entry to the thread and waits for what becomes of it.
    pub(crate) async fn write(&self, entry: Entry) -> Result<Outcome, CommitError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (answer, answered) = oneshot::channel();
        let not_applied = || CommitError::NotApplied(fault("write", "the journal is closed", false));
        queue.ok_or_else(not_applied)?.send((entry, answer)).await.map_err(|_| not_applied())?;
        answered
            .await
            .unwrap_or_else(|_| Err(CommitError::Unknown(fault("write", "the journal's thread is gone", false))))
    }

    /// Whether entries can be written.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) { Err(broken()) } else { Ok(()) }
    }

    /// Waits until everything in the queue is written and the thread has ended.
    pub(crate) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let joined = tokio::task::spawn_blocking(move || thread.map(JoinHandle::join));
        joined.await.ok();
    }
}

async fn run(mut file: File, maps: &MemoryStore, mut jobs: mpsc::Receiver<(Entry, Answer)>, stop: &AtomicBool) {
    let (mut entries, mut answers) = (Vec::new(), Vec::new());
    while let Some(job) = jobs.recv().await {
        let mut next = Some(job);
        while let Some((entry, answer)) = next.take() {
            entries.push(entry);
            answers.push(answer);
            next = if entries.len() < LONGEST_BATCH { jobs.try_recv().ok() } else { None };
        }
        // On the disk first: what a reader sees has survived a crash already.
        let error = if stop.load(Ordering::SeqCst) {
            Some(CommitError::NotApplied(broken()))
        } else {
            append(&mut file, &entries, stop)
        };
        for (entry, answer) in entries.drain(..).zip(answers.drain(..)) {
            let outcome = match &error {
                None => apply(maps, entry).await.map_err(CommitError::Unknown),
                Some(error) => Err(error.clone()),
            };
            // Whoever asked may have gone.
            let _ = answer.send(outcome);
        }
    }
}

/// Writes entries; what to tell those who asked if it cannot be done.
fn append(file: &mut File, entries: &[Entry], stop: &AtomicBool) -> Option<CommitError> {
    let NotWritten { error, taken_back } = file.append(entries).err()?;
    if taken_back {
        return Some(CommitError::NotApplied(fault("write", error, true)));
    }
    // Nobody knows what is in the file now. Whatever came after might be read differently the next time.
    stop.store(true, Ordering::SeqCst);
    Some(CommitError::Unknown(fault("write", error, false)))
}

fn broken() -> StoreError {
    fault("write", "the journal could not be written; start again", false)
}

//! Moving the write-ahead log into the database file, off the writer's path.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

/// From this size on, in pages, the log is moved by the checkpoint thread.
const MOVE_FROM: u64 = 1_000;
/// From this size on, in pages, the writer waits for readers and starts the log anew.
pub(super) const RESTART_FROM: u64 = 16_000;

/// What the thread is told.
pub(super) enum Wake {
    /// The log is long.
    Move,
    /// The database is being closed.
    End,
}

/// How long the log is, and who is told when it is long.
pub(super) struct Log {
    pages: AtomicU64,
    wake: SyncSender<Wake>,
}

impl Log {
    pub(super) fn new() -> (Self, Receiver<Wake>) {
        let (wake, woken) = sync_channel(1);
        (Self { pages: AtomicU64::new(0), wake }, woken)
    }

    /// Pages in the log after the last commit.
    pub(super) fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// Called after every commit.
    pub(super) fn grown(&self, pages: i32) {
        let pages = u64::try_from(pages).unwrap_or(0);
        self.pages.store(pages, Ordering::Relaxed);
        if pages >= MOVE_FROM {
            // One that is full has been told already.
            self.wake.try_send(Wake::Move).ok();
        }
    }

    /// Called by the writer between batches: a log that the thread cannot keep up with is moved to its end, with the writer
    /// waiting, so that the next commit starts it anew.
    pub(super) fn restart_if_long(&self, conn: &Connection) {
        if self.pages() >= RESTART_FROM {
            checkpoint(conn, CheckpointMode::RESTART);
        }
    }

    /// Called by the writer at the end: nothing is left in the log, and the thread ends.
    pub(super) fn finish(&self, conn: &Connection) {
        self.wake.send(Wake::End).ok();
        checkpoint(conn, CheckpointMode::TRUNCATE);
        self.pages.store(0, Ordering::Relaxed);
    }
}

fn checkpoint(conn: &Connection, mode: CheckpointMode) {
    if let Err(error) = conn.wal_checkpoint_v2(DEFAULT_NAME, mode) {
        tracing::warn!(%error, "the write-ahead log cannot be moved into the database");
    }
}

/// Moves what can be moved without making anybody wait, each time it is woken, until it is told to end.
pub(super) fn start(conn: Connection, woken: Receiver<Wake>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("firman-checkpoint".to_owned()).spawn(move || {
        while let Ok(Wake::Move) = woken.recv() {
            checkpoint(&conn, CheckpointMode::PASSIVE);
        }
    })
}

//! Moving the write-ahead log into the database file, off the writer's path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::JoinHandle;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

/// From this size on, in pages, the log is moved by the checkpoint thread.
const MOVE_FROM: u64 = 1_000;
/// From this size on, in pages, the writer waits for readers and starts the log anew.
pub(super) const RESTART_FROM: u64 = 16_000;

/// How long the log is, in pages, as of the last commit.
#[derive(Default)]
pub(super) struct Log(AtomicU64);

impl Log {
    /// Pages in the log after the last commit.
    pub(super) fn pages(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Watches the commits of a connection. Whoever holds the other end of `wake` is told when the log is long; the channel
    /// ends with the connection.
    pub(super) fn watch(self: &Arc<Self>, conn: &mut Connection, wake: SyncSender<()>) -> rusqlite::Result<()> {
        let log = Arc::clone(self);
        conn.wal_hook(Some(move |_: &mut Wal, pages| {
            let pages = u64::try_from(pages).unwrap_or(0);
            log.0.store(pages, Ordering::Relaxed);
            if pages >= MOVE_FROM {
                // One that is full has been told already.
                wake.try_send(()).ok();
            }
            Ok(())
        }))
    }

    /// Called by the writer between batches: a log that the thread cannot keep up with is moved to its end, with the writer
    /// waiting, so that the next commit starts it anew.
    pub(super) fn restart_if_long(&self, conn: &Connection) {
        if self.pages() >= RESTART_FROM {
            checkpoint(conn, CheckpointMode::RESTART);
        }
    }

    /// Called by the writer at the end: nothing is left in the log.
    pub(super) fn finish(&self, conn: &Connection) {
        checkpoint(conn, CheckpointMode::TRUNCATE);
        self.0.store(0, Ordering::Relaxed);
    }
}

fn checkpoint(conn: &Connection, mode: CheckpointMode) {
    if let Err(error) = conn.wal_checkpoint_v2(DEFAULT_NAME, mode) {
        tracing::warn!(%error, "the write-ahead log cannot be moved into the database");
    }
}

/// Moves what can be moved without making anybody wait, each time it is woken, until nobody can wake it any more.
pub(super) fn start(conn: Connection, woken: Receiver<()>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("firman-checkpoint".to_owned()).spawn(move || {
        while woken.recv().is_ok() {
            checkpoint(&conn, CheckpointMode::PASSIVE);
        }
    })
}

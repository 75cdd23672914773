//! Moving the write-ahead log into the database file, off the writer's path.
//!
//! A thread of its own moves what it can without making anybody wait: when the log is long, because a page that was written
//! many times is then moved once; and when nobody writes, because readers find a page sooner in the file. SQLite begins the log anew when all of it has been
//! moved and nobody reads from it; where commits never pause, that moment does not come by itself, and the writer makes it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

/// From this length on, in pages, the thread moves the log at once. 32 MiB.
const MOVE_FROM: u64 = 8_192;

/// From this length on, in pages, the thread moves the log when nobody has written for a while.
const MOVE_IDLE_FROM: u64 = 256;

/// How long that is.
const IDLE: Duration = Duration::from_secs(2);

/// From this length on, in pages, the writer moves the rest and begins the log anew. 64 MiB.
pub(super) const RESTART_FROM: u64 = 16_384;

/// How long the writer waits for whoever still reads from the log before it gives up until later.
const RESTART_WAITS: Duration = Duration::from_millis(100);

/// The length of the log, in pages, and whose turn it is to move it.
#[derive(Default)]
pub(super) struct Log {
    pages: AtomicU64,
    /// Held while the log is moved: SQLite refuses a second one at the same time.
    moving: Mutex<()>,
}

impl Log {
    /// Pages in the log after the last commit.
    pub(super) fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// Watches the commits of a connection. Whoever holds the other end of `wake` is told when the log is long; the channel
    /// ends with the connection.
    pub(super) fn watch(self: &Arc<Self>, conn: &mut Connection, wake: SyncSender<()>) -> rusqlite::Result<()> {
        let log = Arc::clone(self);
        conn.wal_hook(Some(move |_: &mut Wal, pages| {
            let pages = u64::try_from(pages).unwrap_or(0);
            log.pages.store(pages, Ordering::Relaxed);
            if pages >= MOVE_FROM {
                // One that is full has been told already.
                wake.try_send(()).ok();
            }
            Ok(())
        }))
    }

    /// Watches no more: the other end of `wake` hears that it was the last.
    pub(super) fn unwatch(conn: &mut Connection) -> rusqlite::Result<()> {
        conn.wal_hook(None::<fn(&mut Wal, i32) -> rusqlite::Result<()>>)
    }

    /// Starts the thread that moves the log each time it is woken, until nobody can wake it any more.
    pub(super) fn start_mover(
        self: &Arc<Self>,
        conn: Connection,
        woken: Receiver<()>,
    ) -> std::io::Result<JoinHandle<()>> {
        let log = Arc::clone(self);
        std::thread::Builder::new().name("firman-checkpoint".to_owned()).spawn(move || {
            // The length at the last look, and at the last move.
            let (mut seen, mut moved) = (0, 0);
            loop {
                let woken = woken.recv_timeout(IDLE);
                let pages = log.pages();
                let wanted = match woken {
                    // A log longer than that is the writer's.
                    Ok(()) => pages < RESTART_FROM,
                    Err(RecvTimeoutError::Timeout) => pages >= MOVE_IDLE_FROM && pages == seen && pages != moved,
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                if wanted {
                    let _turn = log.moving.lock().unwrap_or_else(PoisonError::into_inner);
                    checkpoint(&conn, CheckpointMode::PASSIVE);
                    moved = pages;
                }
                seen = pages;
            }
        })
    }
}

fn checkpoint(conn: &Connection, mode: CheckpointMode) {
    if let Err(error) = conn.wal_checkpoint_v2(DEFAULT_NAME, mode) {
        tracing::warn!(%error, "the write-ahead log cannot be moved into the database");
    }
}

/// The writer's part: what it does between batches and at the end.
pub(super) struct Restarts {
    log: Arc<Log>,
    /// How long the writer's connection waits for locks otherwise.
    waits: Duration,
    /// From this length on, in pages, the log is too long.
    from: u64,
    /// The length at which the next attempt is made.
    next: u64,
}

impl Restarts {
    pub(super) fn new(log: Arc<Log>, waits: Duration, from: u64) -> Self {
        Self { log, waits, from, next: from }
    }

    /// Moves the rest of a log that has become too long, so that the next commit begins it anew. If somebody reads from it
    /// for long, it is tried again when it has grown by a quarter.
    pub(super) fn if_long(&mut self, conn: &Connection) {
        let pages = self.log.pages();
        if pages < self.from {
            self.next = self.from;
        }
        if pages < self.next {
            return;
        }
        let _turn = match self.log.moving.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // The thread is at it, and will leave the next turn to the writer.
            Err(TryLockError::WouldBlock) => return,
        };
        self.next = pages + self.from / 4;
        wait_for(conn, RESTART_WAITS);
        checkpoint(conn, CheckpointMode::RESTART);
        wait_for(conn, self.waits);
    }

    /// At the end nothing is left in the log.
    pub(super) fn finish(&self, conn: &Connection) {
        let _turn = self.log.moving.lock().unwrap_or_else(PoisonError::into_inner);
        wait_for(conn, RESTART_WAITS);
        checkpoint(conn, CheckpointMode::TRUNCATE);
        self.log.pages.store(0, Ordering::Relaxed);
    }
}

fn wait_for(conn: &Connection, waits: Duration) {
    if let Err(error) = conn.busy_timeout(waits) {
        tracing::warn!(%error, "the waiting time for locks cannot be set");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    /// A database with a log that nobody moves, and a folder to keep it in.
    fn database() -> (tempfile::TempDir, Connection, Arc<Log>) {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = Connection::open(folder.path().join("log.db")).unwrap();
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        conn.execute_batch("CREATE TABLE t (b BLOB)").unwrap();
        let log = Arc::new(Log::default());
        log.watch(&mut conn, sync_channel(1).0).unwrap();
        (folder, conn, log)
    }

    fn grow(conn: &Connection, log: &Log, pages: u64) {
        while log.pages() < pages {
            conn.execute_batch("INSERT INTO t VALUES (zeroblob(40000))").unwrap();
        }
    }

    #[test]
    fn a_log_that_is_too_long_begins_anew() {
        let (_folder, conn, log) = database();
        let mut restarts = Restarts::new(Arc::clone(&log), Duration::ZERO, 100);
        grow(&conn, &log, 99);
        restarts.if_long(&conn);
        grow(&conn, &log, 100);
        restarts.if_long(&conn);
        conn.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        assert!(log.pages() < 10, "{} pages", log.pages());
    }

    #[test]
    fn a_reader_who_stays_is_not_waited_for_at_every_commit() {
        let (folder, conn, log) = database();
        let reader = Connection::open(folder.path().join("log.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        let mut restarts = Restarts::new(Arc::clone(&log), Duration::ZERO, 100);
        grow(&conn, &log, 100);
        restarts.if_long(&conn);
        let tried_at = restarts.next;
        assert!(tried_at >= 125);
        restarts.if_long(&conn);
        assert_eq!(restarts.next, tried_at);
        reader.execute_batch("COMMIT").unwrap();
        grow(&conn, &log, tried_at);
        restarts.if_long(&conn);
        conn.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        assert!(log.pages() < 10, "{} pages", log.pages());
    }
}

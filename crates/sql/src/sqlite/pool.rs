//! Connections that read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use firman_store::StoreError;
use rusqlite::Connection;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::closed;
use super::session;
use crate::driver::Each;
use crate::texts::Texts;
use crate::value::Query;

/// A fixed number of readers. Whoever finds none waits its turn, in the order of arrival.
pub(super) struct Pool {
    idle: Mutex<Vec<Connection>>,
    /// As many as there are idle readers.
    free: Semaphore,
    size: u32,
}

impl Pool {
    pub(super) fn new(readers: Vec<Connection>) -> Self {
        let size = u32::try_from(readers.len()).unwrap_or(u32::MAX);
        Self { free: Semaphore::new(readers.len()), idle: Mutex::new(readers), size }
    }

    /// A reader, for as long as it is held. Never hold one across an await.
    pub(super) async fn take(&self) -> Result<Reader<'_>, StoreError> {
        let permit = self.free.acquire().await.map_err(|_| closed("read"))?;
        let conn = self.idle().pop();
        Ok(Reader { pool: self, conn: Some(conn.ok_or_else(|| closed("read"))?), _permit: permit })
    }

    /// Waits until nobody reads, and closes every reader.
    pub(super) async fn close(&self) {
        let all = self.free.acquire_many(self.size).await;
        self.free.close();
        self.idle().clear();
        drop(all);
    }

    /// Held for a push or a pop, which cannot panic.
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that goes back to its pool.
pub(super) struct Reader<'a> {
    pool: &'a Pool,
    conn: Option<Connection>,
    _permit: SemaphorePermit<'a>,
}

impl Reader<'_> {
    /// Runs queries as of one moment and shows their rows.
    pub(super) fn read(&self, texts: &Texts, queries: &[Query<'_>], each: Each<'_>) -> Result<(), StoreError> {
        let conn = self.conn.as_ref().ok_or_else(|| closed("read"))?;
        session::read(conn, texts, queries, each)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // The reader is back before its permit is: fields are dropped after this.
        self.pool.idle().extend(self.conn.take());
    }
}

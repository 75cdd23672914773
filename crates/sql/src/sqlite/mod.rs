//! SQLite: one thread that writes, a pool of connections that read, one thread that moves the log into the file.
//! `docs/decisions/sqlite.md` says why.

mod batch;
mod checkpoint;
mod error;
mod open;
mod pool;
mod session;
#[cfg(test)]
mod tests;
mod view;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use self::open::migrations;
#[cfg(feature = "bench")]
pub(crate) use self::{
    open::{reader, yardstick},
    session::bind,
};
use async_trait::async_trait;
use firman_store::{CommitError, StoreError};
use tempfile::TempDir;

use crate::driver::{Driver, Each, View, Written};
use crate::options::{OpenError, Options};
use crate::plan::Plan;
use crate::texts::Texts;
use crate::value::Query;
use checkpoint::Log;
use pool::Pool;
use view::SqliteView;
use writer::Writer;

/// One SQLite database, open.
struct Sqlite {
    texts: Arc<Texts>,
    pool: Pool,
    writer: Writer,
    log: Arc<Log>,
    path: PathBuf,
    /// The folder of a database for tests, removed at the end.
    #[allow(dead_code, reason = "it is there to be dropped")]
    folder: Option<TempDir>,
}

/// Opens a database; makes it if it is not there, and brings its schema up to date.
pub(crate) async fn open(options: &Options) -> Result<Box<dyn Driver>, OpenError> {
    let options = options.clone();
    let opened = tokio::task::spawn_blocking(move || open::open(&options));
    let sqlite = opened.await.map_err(|fault| OpenError::Defect(fault.to_string()))??;
    Ok(Box::new(sqlite))
}

#[async_trait]
impl Driver for Sqlite {
    /// On the calling thread: a point read takes microseconds, a hop to another thread takes more. If all readers are taken
    /// the caller waits without holding a thread.
    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), StoreError> {
        self.pool.take().await?.read(&self.texts, queries, each)
    }

    async fn write(&self, plan: Plan) -> Result<Written, CommitError> {
        self.writer.write(plan).await
    }

    async fn snapshot(&self) -> Result<Box<dyn View>, StoreError> {
        let (path, texts) = (self.path.clone(), Arc::clone(&self.texts));
        let begun = tokio::task::spawn_blocking(move || SqliteView::begin(&path, texts)).await;
        let lost = |fault: tokio::task::JoinError| StoreError {
            what: "begin a snapshot",
            cause: fault.to_string(),
            temporary: true,
        };
        Ok(Box::new(begun.map_err(lost)??))
    }

    fn pending_pages(&self) -> u64 {
        self.log.pages()
    }

    async fn close(&self) {
        self.pool.close().await;
        self.writer.close().await;
    }
}

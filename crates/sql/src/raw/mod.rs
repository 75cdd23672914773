//! The drivers alone: the yardstick of `firman bench store`. They run the same texts as the store and nothing else of it: no
//! merging, no queue, no records made of rows.

mod mysql;
mod postgres;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::id::RecordId;
use firman_store::{CommitId, Rotation};

use crate::dialect::Dialect;
use crate::names::Names;
use crate::options::{OpenError, Options};
use crate::plan;
use crate::statements::Statement;
use crate::texts::Texts;
use crate::value::{Value, params};

/// Runs the two statements that matter most: the point read of a grant and its rotation.
#[async_trait]
pub trait Raw: Send + Sync {
    /// Reads a grant and what its life depends on; whether it is there. `nth` chooses a connection.
    async fn read(&self, nth: usize, id: RecordId) -> Result<bool, String>;

    /// Rotates a grant in a transaction of its own, durably; the rows it changed.
    async fn rotate(&self, nth: usize, rotation: &Rotation) -> Result<u64, String>;

    /// The bytes of the database on disk, without its logs. MariaDB tells them only to users that may see its processes.
    async fn size(&self) -> Result<u64, String>;
}

/// The plain driver on a database that the store has set up, with as many connections as the store reads with.
pub async fn reader(options: &Options) -> Result<Arc<dyn Raw>, OpenError> {
    let each = if crate::mysql::is_meant(&options.url) { crate::mysql::READERS_FOR_ONE } else { 1 };
    open(options, options.readers * each).await
}

/// The plain driver on a database that the store has set up, with so many connections. A file has one that writes.
pub async fn open(options: &Options, connections: usize) -> Result<Arc<dyn Raw>, OpenError> {
    if crate::postgres::is_meant(&options.url) {
        postgres::open(options, connections).await
    } else if crate::mysql::is_meant(&options.url) {
        mysql::open(options, connections).await
    } else {
        sqlite::open(options, connections)
    }
}

/// How a file finds the first page of a person's grants, step by step (`EXPLAIN QUERY PLAN`).
pub fn plan_of_a_persons_grants(options: &Options) -> Result<Vec<String>, String> {
    sqlite::plan_of(options, Statement::GrantsOfSubject)
}

/// The texts of the point read and of the rotation.
fn texts(options: &Options, dialect: &Dialect) -> Result<(String, String), OpenError> {
    let names = Names::resolve(&options.names, dialect)?;
    let texts = Texts::compile(&names, dialect).map_err(|defect| OpenError::Defect(defect.to_string()))?;
    Ok((texts.of(Statement::FindGrant).to_owned(), texts.of(Statement::Rotate).to_owned()))
}

/// The parameters of the point read.
fn read_values(id: RecordId) -> [Value; 3] {
    params![None::<i64>, None::<[u8; 16]>, id]
}

/// The parameters of the rotation.
fn rotate_values(rotation: &Rotation) -> Vec<Value> {
    plan::rotate(rotation, CommitId(*rotation.id.as_bytes())).values
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use firman_store::conformance::fixtures::{NOW, done, grant, insert_grant, rotation};
    use firman_test_servers::{Mariadb, Postgres};

    use super::*;
    use crate::SqlStore;

    /// The drivers must win and lose as the store does, or they would be measured at something else.
    async fn drivers_do_what_the_store_does(url: String) {
        let options = Options { migrate: true, lock_wait: Duration::from_secs(20), ..Options::new(url) };
        let store = SqlStore::open(options.clone()).await.unwrap();
        let grants: Vec<_> = (0..500).map(|_| grant()).collect();
        let kept: Arc<dyn firman_store::Store> = Arc::clone(&store) as _;
        done(&kept, grants.iter().map(insert_grant).collect()).await;

        let raw = reader(&options).await.unwrap();
        let bytes = raw.size().await.unwrap();
        assert!((500 * 256..1 << 30).contains(&bytes), "{bytes}");
        for (nth, grant) in grants.iter().take(40).enumerate() {
            assert!(raw.read(nth, grant.id).await.unwrap());
            assert_eq!(raw.rotate(nth, &rotation(grant, 0, NOW)).await.unwrap(), 1);
            assert_eq!(raw.rotate(nth, &rotation(grant, 0, NOW)).await.unwrap(), 0);
        }
        assert!(!raw.read(0, super::tests::grant().id).await.unwrap());
        let rotated = kept.grant(grants[0].id, None).await.unwrap().unwrap().record;
        assert_eq!(rotated.refresh.unwrap().generation, 1);
        store.close().await;
    }

    #[tokio::test]
    async fn rusqlite_alone_does_what_the_store_does() {
        let folder = tempfile::tempdir().unwrap();
        drivers_do_what_the_store_does(format!("sqlite:{}", folder.path().join("raw.db").display())).await;
    }

    #[tokio::test]
    async fn tokio_postgres_alone_does_what_the_store_does() {
        let Some(server) = Postgres::shared() else { return };
        drivers_do_what_the_store_does(server.fresh()).await;
    }

    #[tokio::test]
    async fn mysql_async_alone_does_what_the_store_does() {
        let Some(server) = Mariadb::shared() else { return };
        drivers_do_what_the_store_does(server.fresh()).await;
    }
}

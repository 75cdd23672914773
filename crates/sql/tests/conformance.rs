//! The suite of every store, on every engine, with the names as they are and with every name changed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod engines;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engines::hostile_names;
use firman_sql::{Options, SqlStore};
use firman_store::Store;
use firman_test_servers::{Mariadb, Postgres};

mod sqlite {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        SqlStore::open(Options::new("sqlite::memory:")).await.unwrap()
    }

    firman_store::conformance!(make);
}

mod sqlite_renamed {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        let options = Options { names: hostile_names(), ..Options::new("sqlite::memory:") };
        SqlStore::open(options).await.unwrap()
    }

    firman_store::conformance!(make);
}

mod postgres {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        opened(Postgres::shared()?.fresh(), BTreeMap::new()).await
    }

    firman_store::conformance!(where_there make);
}

mod postgres_renamed {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        opened(Postgres::shared()?.fresh(), hostile_names()).await
    }

    firman_store::conformance!(where_there make);
}

mod mariadb {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        opened(Mariadb::shared()?.fresh(), BTreeMap::new()).await
    }

    firman_store::conformance!(where_there make);
}

mod mariadb_renamed {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        opened(Mariadb::shared()?.fresh(), hostile_names()).await
    }

    firman_store::conformance!(where_there make);
}

/// A new database on the network; patient, because a machine may be slow.
async fn opened(url: String, names: BTreeMap<String, String>) -> Option<Arc<dyn Store>> {
    let lock_wait = Duration::from_mins(1);
    Some(SqlStore::open(Options { migrate: true, names, lock_wait, ..Options::new(url) }).await.unwrap())
}

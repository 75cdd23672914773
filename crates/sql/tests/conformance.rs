//! The suite of every store, on every engine, with the names as they are and with every name changed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod engines;

use std::sync::Arc;

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
        let options = Options { migrate: true, ..Options::new(Postgres::shared()?.fresh()) };
        Some(SqlStore::open(options).await.unwrap())
    }

    firman_store::conformance!(where_there make);
}

mod postgres_renamed {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        let url = Postgres::shared()?.fresh();
        let options = Options { migrate: true, names: hostile_names(), ..Options::new(url) };
        Some(SqlStore::open(options).await.unwrap())
    }

    firman_store::conformance!(where_there make);
}

mod mariadb {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        let options = Options { migrate: true, ..Options::new(Mariadb::shared()?.fresh()) };
        Some(SqlStore::open(options).await.unwrap())
    }

    firman_store::conformance!(where_there make);
}

mod mariadb_renamed {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        let options = Options { migrate: true, names: hostile_names(), ..Options::new(Mariadb::shared()?.fresh()) };
        Some(SqlStore::open(options).await.unwrap())
    }

    firman_store::conformance!(where_there make);
}

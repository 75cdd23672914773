//! A MariaDB Galera cluster of three nodes: the suite with every call at another node, races across nodes, nodes that die and
//! nodes that are cut off.
//!
//! The suite with every name changed, and the long races, run where `FIRMAN_TEST_MATRIX` is set: `tests/matrix` does that.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod engines;

use std::collections::BTreeMap;
use std::sync::Arc;

use engines::spread::Spread;
use firman_sql::{Options, SqlStore};
use firman_store::Store;
use firman_test_servers::{Galera, NODES};

mod galera {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        let cluster = Galera::shared()?;
        Some(Spread::over(at_every_node(cluster, BTreeMap::new()).await))
    }

    firman_store::conformance!(where_there make);
}

mod galera_renamed {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        std::env::var_os("FIRMAN_TEST_MATRIX")?;
        let cluster = Galera::shared()?;
        Some(Spread::over(at_every_node(cluster, engines::hostile_names()).await))
    }

    firman_store::conformance!(where_there make);
}

/// A store at each node, all of one new database.
async fn at_every_node(cluster: &Galera, names: BTreeMap<String, String>) -> Vec<Arc<dyn Store>> {
    let database = cluster.fresh();
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for node in 0..NODES {
        let options =
            Options { migrate: true, names: names.clone(), ..Options::new(cluster.url_of_all(node, &database)) };
        stores.push(SqlStore::open(options).await.unwrap());
    }
    stores
}

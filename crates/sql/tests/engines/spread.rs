//! One store of several, each at another node of one cluster: every call goes to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use firman_sql::{Options, SqlStore};
use firman_store::{Commit, CommitError, Store, Transaction};
use firman_test_servers::{Galera, NODES};

/// Stores that lead to one database.
pub(crate) struct Spread {
    stores: Vec<Arc<dyn Store>>,
    next: AtomicUsize,
}

impl Spread {
    pub(crate) fn over(stores: Vec<Arc<dyn Store>>) -> Arc<dyn Store> {
        Arc::new(Self { stores, next: AtomicUsize::new(0) })
    }

    fn next(&self) -> &dyn Store {
        &*self.stores[self.next.fetch_add(1, Ordering::Relaxed) % self.stores.len()]
    }
}

#[async_trait]
impl Store for Spread {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        self.next().commit(transaction).await
    }

    firman_store::forward_reads! { Self::next }
}

/// A store at each node of a cluster, over one fresh database.
pub(crate) async fn of_each_node(cluster: &Galera, options: Options) -> Vec<Arc<dyn Store>> {
    let database = cluster.fresh();
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for node in 0..NODES {
        let url = cluster.url_of_all(node, &database);
        stores.push(SqlStore::open(Options { migrate: true, url, ..options.clone() }).await.unwrap());
    }
    stores
}

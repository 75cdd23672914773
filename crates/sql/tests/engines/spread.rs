//! One store of several, each at another node of one cluster: every call goes to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use firman_store::{Commit, CommitError, Store, Transaction};

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

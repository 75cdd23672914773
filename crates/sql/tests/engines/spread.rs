//! One store of several, each at another node of one cluster: every call goes to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Client, Epochs, Event, Flow, Grant, Namespace, TokenTrace};
use firman_store::{
    Commit, CommitError, CommitId, Cutoffs, GrantsOf, Keys, Page, RowKey, SignedIn, Standing, Store, StoreError, Swept,
    Transaction,
};

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

    async fn winner(&self, row: RowKey) -> Result<Option<CommitId>, StoreError> {
        self.next().winner(row).await
    }

    async fn client(&self, key: Digest16) -> Result<Option<Arc<Client>>, StoreError> {
        self.next().client(key).await
    }

    async fn client_by_id(&self, id: RecordId) -> Result<Option<Arc<Client>>, StoreError> {
        self.next().client_by_id(id).await
    }

    async fn clients(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Client>, StoreError> {
        self.next().clients(issuer, page).await
    }

    async fn flow(&self, id: RecordId) -> Result<Option<Standing<Flow>>, StoreError> {
        self.next().flow(id).await
    }

    async fn grant(&self, id: RecordId, trace: Option<TokenTrace>) -> Result<Option<Standing<Grant>>, StoreError> {
        self.next().grant(id, trace).await
    }

    async fn grants(&self, of: GrantsOf, page: Page) -> Result<Vec<Grant>, StoreError> {
        self.next().grants(of, page).await
    }

    async fn session(&self, id: RecordId, client: Option<RecordId>) -> Result<Option<SignedIn>, StoreError> {
        self.next().session(id, client).await
    }

    async fn epochs(&self, client: Option<RecordId>, subject: Option<Digest16>) -> Result<Epochs, StoreError> {
        self.next().epochs(client, subject).await
    }

    async fn account(&self, id: RecordId) -> Result<Option<Account>, StoreError> {
        self.next().account(id).await
    }

    async fn account_by_name(
        &self,
        namespace: Namespace,
        digest: Digest16,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        self.next().account_by_name(namespace, digest, now).await
    }

    async fn accounts(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Account>, StoreError> {
        self.next().accounts(issuer, page).await
    }

    async fn keys(&self) -> Result<Keys, StoreError> {
        self.next().keys().await
    }

    async fn edition(&self) -> Result<u64, StoreError> {
        self.next().edition().await
    }

    async fn events(&self, about: Option<RecordId>, page: Page) -> Result<Vec<Event>, StoreError> {
        self.next().events(about, page).await
    }

    async fn sweep(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        self.next().sweep(cutoffs, limit).await
    }

    async fn overdue(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        self.next().overdue(cutoffs, limit).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.next().check().await
    }
}

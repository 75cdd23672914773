//! A store that is watched: it counts what is asked of it, and breaks, loses, forgets or interrupts on demand.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Client, Epochs, Event, Flow, Grant, Name, Namespace, Resource, TokenTrace};
use firman_store::{
    Commit, CommitError, CommitId, Cutoffs, GrantsOf, Keys, MemoryStore, Page, RowKey, SignedIn, Standing, Store,
    StoreError, Swept, Transaction,
};

/// What is asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Commit,
    Winner,
    Client,
    Flow,
    Grant,
    Session,
    Epochs,
    Account,
    Keys,
    Name,
    Resource,
    List,
}

/// Before or after the store does what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

type Action = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

#[derive(Default)]
pub(crate) struct Watched {
    inner: MemoryStore,
    calls: Mutex<Vec<Op>>,
    actions: Mutex<Vec<(When, Op, Action)>>,
    broken: Mutex<Option<Op>>,
    forgotten: Mutex<HashMap<RecordId, Grant>>,
    acknowledgements_to_lose: AtomicUsize,
    gives_way: AtomicBool,
    nodes: AtomicU64,
}

impl Watched {
    /// A number for the next node over this store: nodes draw different dice, and the same in every run.
    pub(crate) fn next_node(&self) -> u64 {
        self.nodes.fetch_add(1, Ordering::SeqCst)
    }

    /// Lets other tasks go first, before and after everything: rivals interleave as finely as they can.
    pub(crate) fn give_way(&self) {
        self.gives_way.store(true, Ordering::SeqCst);
    }

    /// Runs `action` at the next such moment, once.
    pub(crate) fn interrupt<F>(&self, when: When, op: Op, action: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.actions.lock().unwrap().push((when, op, Box::new(|| Box::pin(action()))));
    }

    /// From now on this fails as if the database were away; `None`: everything works again.
    pub(crate) fn fail(&self, op: Option<Op>) {
        *self.broken.lock().unwrap() = op;
    }

    /// The next so many commits that are done, nobody is told of.
    pub(crate) fn lose_acknowledgements(&self, count: usize) {
        self.acknowledgements_to_lose.store(count, Ordering::SeqCst);
    }

    /// From now on this grant is what it was, as after a restored backup.
    pub(crate) fn roll_back(&self, grant: Grant) {
        self.forgotten.lock().unwrap().insert(grant.id, grant);
    }

    /// How often this was asked since the last [`Watched::forget_calls`].
    pub(crate) fn count(&self, op: Op) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| **call == op).count()
    }

    /// How often anything was asked.
    pub(crate) fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    pub(crate) fn forget_calls(&self) {
        self.calls.lock().unwrap().clear();
    }

    async fn ask<T>(&self, op: Op, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.enter(op).await?;
        let answer = answer.await;
        self.run(When::After, op).await;
        answer
    }

    fn listed<'a, T: Send + 'a>(
        &'a self,
        _name: &'static str,
        answer: Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>,
    ) -> Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>> {
        Box::pin(self.ask(Op::List, answer))
    }

    async fn enter(&self, op: Op) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(op);
        self.run(When::Before, op).await;
        if *self.broken.lock().unwrap() == Some(op) {
            return Err(away());
        }
        Ok(())
    }

    async fn run(&self, when: When, op: Op) {
        if self.gives_way.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let action = {
            let mut actions = self.actions.lock().unwrap();
            let place = actions.iter().position(|(w, o, _)| *w == when && *o == op);
            place.map(|place| actions.remove(place))
        };
        if let Some((.., action)) = action {
            action().await;
        }
    }
}

fn away() -> StoreError {
    StoreError { what: "ask the store", cause: "the connection went away".to_owned(), temporary: true }
}

#[async_trait]
impl Store for Watched {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        self.enter(Op::Commit).await.map_err(CommitError::NotApplied)?;
        let outcome = self.inner.commit(transaction).await?;
        let lost = outcome == Commit::Done
            && self
                .acknowledgements_to_lose
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok();
        self.run(When::After, Op::Commit).await;
        if lost { Err(CommitError::Unknown(away())) } else { Ok(outcome) }
    }

    async fn winner(&self, row: RowKey) -> Result<Option<CommitId>, StoreError> {
        self.ask(Op::Winner, self.inner.winner(row)).await
    }

    async fn client(&self, key: Digest16) -> Result<Option<Arc<Client>>, StoreError> {
        self.ask(Op::Client, self.inner.client(key)).await
    }

    async fn client_by_id(&self, id: RecordId) -> Result<Option<Arc<Client>>, StoreError> {
        self.ask(Op::Client, self.inner.client_by_id(id)).await
    }

    async fn clients(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Client>, StoreError> {
        self.ask(Op::List, self.inner.clients(issuer, page)).await
    }

    async fn flow(&self, id: RecordId) -> Result<Option<Standing<Flow>>, StoreError> {
        self.ask(Op::Flow, self.inner.flow(id)).await
    }

    async fn grant(&self, id: RecordId, trace: Option<TokenTrace>) -> Result<Option<Standing<Grant>>, StoreError> {
        let mut standing = self.ask(Op::Grant, self.inner.grant(id, trace)).await?;
        if let (Some(standing), Some(grant)) = (&mut standing, self.forgotten.lock().unwrap().get(&id)) {
            standing.record = grant.clone();
        }
        Ok(standing)
    }

    async fn grants(&self, of: GrantsOf, page: Page) -> Result<Vec<Grant>, StoreError> {
        self.ask(Op::List, self.inner.grants(of, page)).await
    }

    async fn session(&self, id: RecordId, client: Option<RecordId>) -> Result<Option<SignedIn>, StoreError> {
        self.ask(Op::Session, self.inner.session(id, client)).await
    }

    async fn epochs(&self, client: Option<RecordId>, subject: Option<Digest16>) -> Result<Epochs, StoreError> {
        self.ask(Op::Epochs, self.inner.epochs(client, subject)).await
    }

    async fn account(&self, id: RecordId) -> Result<Option<Account>, StoreError> {
        self.ask(Op::Account, self.inner.account(id)).await
    }

    async fn account_by_name(
        &self,
        namespace: Namespace,
        digest: Digest16,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        self.ask(Op::Account, self.inner.account_by_name(namespace, digest, now)).await
    }

    async fn accounts(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Account>, StoreError> {
        self.ask(Op::List, self.inner.accounts(issuer, page)).await
    }

    async fn name(&self, namespace: Namespace, digest: Digest16) -> Result<Option<Name>, StoreError> {
        self.ask(Op::Name, self.inner.name(namespace, digest)).await
    }

    async fn resource(&self, key: Digest16) -> Result<Option<Arc<Resource>>, StoreError> {
        self.ask(Op::Resource, self.inner.resource(key)).await
    }

    async fn resources(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Resource>, StoreError> {
        self.ask(Op::List, self.inner.resources(issuer, page)).await
    }

    async fn keys(&self) -> Result<Keys, StoreError> {
        self.ask(Op::Keys, self.inner.keys()).await
    }

    async fn edition(&self) -> Result<u64, StoreError> {
        self.ask(Op::Keys, self.inner.edition()).await
    }

    async fn events(&self, about: Option<RecordId>, page: Page) -> Result<Vec<Event>, StoreError> {
        self.ask(Op::List, self.inner.events(about, page)).await
    }

    firman_store::forward_reads! { lists by listed }

    async fn sweep(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        self.inner.sweep(cutoffs, limit).await
    }

    async fn overdue(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        self.inner.overdue(cutoffs, limit).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}

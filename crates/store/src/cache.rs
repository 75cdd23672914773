//! A decorator that remembers clients, resources and keys for as long as nobody has edited any. Everything else goes straight through.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};

use crate::change::Transaction;
use crate::record::{Client, Resource};
use crate::store::{Clock, Commit, CommitError, Cutoffs, Keys, Store, StoreError, Swept};

/// How many clients, and how many resources, are remembered; when there are more, all are forgotten and the busy ones come back.
const MOST: usize = 10_000;

/// Remembers clients, resources and keys under the edition of the store ([`Store::edition`]).
///
/// - **Clients and resources** are good while the edition was last looked at less than `bound` ago, and was the same. So what another node
///   commits is seen after `bound` at the latest, and a node asks once in `bound`, however many clients it has.
/// - **Keys** are asked for seldom and must never lag: the edition is looked at each time, and if it is the same they are.
/// - What is committed through this decorator is seen at once. Epochs, grants and revoked tokens are never remembered.
/// - If the edition cannot be read, nothing remembered is given: the store itself is asked, and its error is the caller's.
///
/// A `bound` of zero remembers neither clients nor resources.
pub struct CachedStore {
    inner: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    bound: Lifetime,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    /// What everything below belongs to; `None` before the first look.
    edition: Option<u64>,
    /// When the look began that last found this edition; `None` once something was committed here since.
    seen_at: Option<Timestamp>,
    by_key: HashMap<Digest16, Arc<Client>>,
    by_id: HashMap<RecordId, Arc<Client>>,
    resources: HashMap<Digest16, Arc<Resource>>,
    keys: Option<Keys>,
    /// Counts edits through this decorator: a look that began before one proves nothing after it.
    edits: u64,
}

impl Remembered {
    fn forget(&mut self) {
        self.by_key.clear();
        self.by_id.clear();
        self.resources.clear();
        self.keys = None;
    }

    fn keep_client(&mut self, client: &Arc<Client>) {
        if self.by_id.len() >= MOST {
            self.by_id.clear();
            self.by_key.clear();
        }
        self.by_key.insert(Client::key(client.issuer, &client.client_id), Arc::clone(client));
        self.by_id.insert(client.id, Arc::clone(client));
    }

    fn keep_resource(&mut self, key: Digest16, resource: &Arc<Resource>) {
        if self.resources.len() >= MOST {
            self.resources.clear();
        }
        self.resources.insert(key, Arc::clone(resource));
    }
}

impl CachedStore {
    /// Remembers what `inner` says of clients, resources and keys; of the first two for at most `bound`.
    pub fn new(inner: Arc<dyn Store>, clock: Arc<dyn Clock>, bound: Lifetime) -> Self {
        Self { inner, clock, bound, remembered: Mutex::default() }
    }

    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The edition that what is remembered belongs to, looked at within the bound; `None` if nothing may be remembered now.
    async fn known_edition(&self) -> Option<u64> {
        if self.bound == Lifetime::ZERO {
            return None;
        }
        let now = self.clock.now();
        let known = {
            let remembered = self.remembered();
            let fresh = remembered.seen_at.is_some_and(|seen| seen <= now && now < seen.plus(self.bound));
            remembered.edition.filter(|_| fresh)
        };
        match known {
            Some(edition) => Some(edition),
            None => self.look().await.ok().flatten(),
        }
    }

    /// Looks at the edition, and forgets what belongs to an earlier one.
    async fn look(&self) -> Result<Option<u64>, StoreError> {
        let (began, edits) = (self.clock.now(), self.remembered().edits);
        let edition = self.inner.edition().await?;
        let mut remembered = self.remembered();
        // Another look may have come back earlier with more; an edition never goes back.
        if remembered.edits != edits || remembered.edition.is_some_and(|known| edition < known) {
            return Ok(None);
        }
        if remembered.edition != Some(edition) {
            remembered.forget();
            remembered.edition = Some(edition);
        }
        remembered.seen_at = remembered.seen_at.max(Some(began));
        Ok(Some(edition))
    }

    /// What is remembered, or is from now on.
    async fn find<T, F>(
        &self,
        known: impl Fn(&Remembered) -> Option<&Arc<T>> + Send,
        read: impl FnOnce() -> F + Send,
        keep: impl FnOnce(&mut Remembered, &Arc<T>) + Send,
    ) -> Result<Option<Arc<T>>, StoreError>
    where
        T: Send + Sync,
        F: Future<Output = Result<Option<Arc<T>>, StoreError>> + Send,
    {
        let Some(edition) = self.known_edition().await else { return read().await };
        let found = known(&self.remembered()).map(Arc::clone);
        if found.is_some() {
            return Ok(found);
        }
        let found = read().await?;
        let mut remembered = self.remembered();
        // It was read after this edition was seen; if that has moved on meanwhile, nobody knows of which it is.
        if let Some(found) = found.as_ref().filter(|_| remembered.edition == Some(edition)) {
            keep(&mut remembered, found);
        }
        drop(remembered);
        Ok(found)
    }

    /// Something was edited here: the edition has moved, or may have.
    fn edited(&self) {
        let mut remembered = self.remembered();
        remembered.edits += 1;
        remembered.seen_at = None;
        remembered.forget();
    }
}

#[async_trait]
impl Store for CachedStore {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        let edits = transaction.edits_what_is_remembered();
        let outcome = self.inner.commit(transaction).await;
        if edits {
            self.edited();
        }
        outcome
    }

    async fn client(&self, key: Digest16) -> Result<Option<Arc<Client>>, StoreError> {
        self.find(|remembered| remembered.by_key.get(&key), || self.inner.client(key), Remembered::keep_client).await
    }

    async fn client_by_id(&self, id: RecordId) -> Result<Option<Arc<Client>>, StoreError> {
        self.find(|remembered| remembered.by_id.get(&id), || self.inner.client_by_id(id), Remembered::keep_client).await
    }

    async fn resource(&self, key: Digest16) -> Result<Option<Arc<Resource>>, StoreError> {
        let keep = |remembered: &mut Remembered, resource: &_| remembered.keep_resource(key, resource);
        self.find(|remembered| remembered.resources.get(&key), || self.inner.resource(key), keep).await
    }

    async fn keys(&self) -> Result<Keys, StoreError> {
        let Some(edition) = self.look().await? else { return self.inner.keys().await };
        let known = self.remembered().keys.clone();
        if let Some(keys) = known {
            return Ok(keys);
        }
        let keys = self.inner.keys().await?;
        let mut remembered = self.remembered();
        if remembered.edition == Some(edition) {
            remembered.keys = Some(keys.clone());
        }
        Ok(keys)
    }

    async fn sweep(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        let swept = self.inner.sweep(cutoffs, limit).await;
        // What is swept is no longer trusted: that other nodes still list it for a while does no harm.
        self.remembered().keys = None;
        swept
    }

    crate::forward_reads! { but_cached Self::inner }
}

#[cfg(test)]
mod tests;

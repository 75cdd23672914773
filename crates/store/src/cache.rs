//! A decorator that remembers clients for a stated time. Everything else goes straight through.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};

use crate::change::{Change, Editable, EditableKey, Transaction};
use crate::record::Client;
use crate::store::{Clock, Commit, CommitError, Store, StoreError};

/// How many clients are remembered; when there are more, all are forgotten and the busy ones come back.
const MOST: usize = 10_000;

/// Remembers clients for at most `bound`. What is committed through this decorator is forgotten at once; what another node
/// commits is seen after `bound` at the latest. Epochs are never remembered.
pub struct CachedClients {
    inner: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    bound: Lifetime,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    by_key: HashMap<Digest16, Entry>,
    by_id: HashMap<RecordId, Entry>,
    /// Counts edits: what was read before one is not remembered after it.
    edits: u64,
}

struct Entry {
    client: Arc<Client>,
    until: Timestamp,
}

impl CachedClients {
    /// Remembers the clients of `inner` for at most `bound`.
    pub fn new(inner: Arc<dyn Store>, clock: Arc<dyn Clock>, bound: Lifetime) -> Self {
        Self { inner, clock, bound, remembered: Mutex::default() }
    }

    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fresh entry, or the number of edits so far.
    fn look(&self, find: impl Fn(&Remembered) -> Option<&Entry>) -> Result<Arc<Client>, u64> {
        let now = self.clock.now();
        let remembered = self.remembered();
        let fresh = find(&remembered).filter(|entry| now < entry.until);
        fresh.map(|entry| Arc::clone(&entry.client)).ok_or(remembered.edits)
    }

    fn keep(&self, client: &Arc<Client>, edits_before: u64) {
        let until = self.clock.now().plus(self.bound);
        let mut remembered = self.remembered();
        if remembered.edits != edits_before {
            return;
        }
        if remembered.by_id.len() >= MOST {
            remembered.by_id.clear();
            remembered.by_key.clear();
        }
        let key = Client::key(client.issuer, &client.client_id);
        remembered.by_key.insert(key, Entry { client: Arc::clone(client), until });
        remembered.by_id.insert(client.id, Entry { client: Arc::clone(client), until });
    }

    fn forget(&self, ids: &[RecordId]) {
        let mut remembered = self.remembered();
        remembered.edits += 1;
        for id in ids {
            if let Some(entry) = remembered.by_id.remove(id) {
                remembered.by_key.remove(&Client::key(entry.client.issuer, &entry.client.client_id));
            }
        }
    }
}

/// The clients a transaction edits.
fn edited(transaction: &Transaction) -> Vec<RecordId> {
    let of = |change: &Change| match change {
        Change::Insert(Editable::Client(client)) | Change::Replace { record: Editable::Client(client), .. } => {
            Some(client.id)
        }
        Change::Remove { key: EditableKey::Client(id), .. } => Some(*id),
        _ => None,
    };
    transaction.changes.iter().filter_map(of).collect()
}

#[async_trait]
impl Store for CachedClients {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        let edited = edited(&transaction);
        let outcome = self.inner.commit(transaction).await;
        if !edited.is_empty() {
            self.forget(&edited);
        }
        outcome
    }

    async fn client(&self, key: Digest16) -> Result<Option<Arc<Client>>, StoreError> {
        let edits = match self.look(|remembered| remembered.by_key.get(&key)) {
            Ok(client) => return Ok(Some(client)),
            Err(edits) => edits,
        };
        let client = self.inner.client(key).await?;
        if let Some(client) = &client {
            self.keep(client, edits);
        }
        Ok(client)
    }

    async fn client_by_id(&self, id: RecordId) -> Result<Option<Arc<Client>>, StoreError> {
        let edits = match self.look(|remembered| remembered.by_id.get(&id)) {
            Ok(client) => return Ok(Some(client)),
            Err(edits) => edits,
        };
        let client = self.inner.client_by_id(id).await?;
        if let Some(client) = &client {
            self.keep(client, edits);
        }
        Ok(client)
    }

    crate::forward_reads! { but_clients Self::inner }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::conformance::fixtures;

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            fixtures::NOW
        }
    }

    async fn make() -> Arc<dyn Store> {
        Arc::new(CachedClients::new(Arc::new(MemoryStore::new()), Arc::new(Fixed), Lifetime::from_seconds(1)))
    }

    crate::conformance!(make);
}

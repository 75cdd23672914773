//! Leases in a store: a name that is taken for a short time, and extended while its holder lives.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::Lifetime;
use firman_store::Change;
use firman_store::record::{Name, Namespace};
use tokio::task::JoinHandle;

use super::{Inner, broken};
use crate::backoff::jittered;
use crate::manager::keeper::{KeepError, Lease};
use crate::world::number;

/// A lease that nobody extends ends after this: then its holder is taken for dead.
const LEASE: Lifetime = Lifetime::from_seconds(30);
/// How often a lease is extended while its holder lives.
const EXTENDED: Duration = Duration::from_secs(10);
/// How long to wait at most before a lease is tried again.
const POLL: Lifetime = Lifetime::from_millis(200);

/// Waits for a lease; `None` if another still has it after so long.
pub(super) async fn take(
    inner: &Arc<Inner>,
    what: Digest16,
    patience: Lifetime,
) -> Result<Option<Box<dyn Lease>>, KeepError> {
    let mut random = [0; 10];
    inner.entropy.fill(&mut random).map_err(|error| broken(&error))?;
    let until = inner.clock.now().plus(patience);
    let id = RecordId::new(inner.clock.now(), random);
    while !inner.take(what, id).await? {
        if inner.clock.now() >= until {
            return Ok(None);
        }
        let pause = jittered(POLL, number(&*inner.entropy).map_err(|error| broken(&error))?);
        tokio::time::sleep(Duration::from_millis(pause.millis().unsigned_abs())).await;
    }
    let living = Arc::clone(inner);
    let extending = tokio::spawn(async move {
        loop {
            tokio::time::sleep(EXTENDED).await;
            // Whoever has lost it, because it slept for too long, does not take it back.
            if !matches!(living.take(what, id).await, Ok(true)) {
                return;
            }
        }
    });
    Ok(Some(Box::new(Leased { inner: Arc::clone(inner), what, id, extending: Some(extending) })))
}

impl Inner {
    /// Takes or extends a lease.
    async fn take(&self, digest: Digest16, id: RecordId) -> Result<bool, KeepError> {
        let now = self.clock.now();
        let name = Name { namespace: Namespace::Renewal, digest, id, expires_at: now.plus(LEASE) };
        self.commit(vec![Change::TakeName { name, now }]).await
    }

    async fn give_back(&self, digest: Digest16, id: RecordId) {
        // Where that fails, its time ends.
        let _ = self.commit(vec![Change::ReleaseName { namespace: Namespace::Renewal, digest, id }]).await;
    }
}

/// A lease in the store. Who drops it without giving it back leaves it to its time, or gives it back when there is a runtime.
struct Leased {
    inner: Arc<Inner>,
    what: Digest16,
    id: RecordId,
    extending: Option<JoinHandle<()>>,
}

#[async_trait]
impl Lease for Leased {
    async fn release(mut self: Box<Self>) {
        if let Some(extending) = self.extending.take() {
            extending.abort();
        }
        self.inner.give_back(self.what, self.id).await;
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let Some(extending) = self.extending.take() else { return };
        extending.abort();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (inner, what, id) = (Arc::clone(&self.inner), self.what, self.id);
            runtime.spawn(async move { inner.give_back(what, id).await });
        }
    }
}

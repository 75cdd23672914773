//! Kept for as long as the process runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};
use serde_json::{Map, Value};
use tokio::sync::OwnedMutexGuard;

use super::data::Data;
use super::{ClaimsAt, Held, KeepError, Keeper, Kind, Lease, Whose};
use crate::secret::Secret;

/// Keeps everything in memory: for one process, while it runs. A clone keeps the same.
#[derive(Clone, Default)]
pub struct MemoryKeeper {
    data: Arc<Mutex<Data>>,
    leases: Arc<Leases>,
}

impl std::fmt::Debug for MemoryKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryKeeper")
    }
}

impl MemoryKeeper {
    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Keeper for MemoryKeeper {
    async fn token(&self, kind: Kind, token: &Secret, now: Timestamp) -> Result<Option<Held>, KeepError> {
        Ok(self.data().token(kind, token, now))
    }

    async fn tokens(&self, kind: Kind, issuer: &str, whose: Whose<'_>, now: Timestamp) -> Result<Vec<Held>, KeepError> {
        Ok(self.data().tokens(kind, issuer, whose, now))
    }

    async fn put_token(&self, held: Held) -> Result<(), KeepError> {
        let mut data = self.data();
        data.purge(held.updated_at);
        data.put_token(held);
        Ok(())
    }

    async fn delete_token(&self, kind: Kind, token: &Secret) -> Result<(), KeepError> {
        self.data().delete_token(kind, token);
        Ok(())
    }

    async fn exchange(&self, spent: Option<&Secret>, gained: Vec<Held>) -> Result<(), KeepError> {
        self.data().exchange(spent, gained);
        Ok(())
    }

    async fn claims(&self, issuer: &str, subject: &str) -> Result<Option<ClaimsAt>, KeepError> {
        Ok(self.data().claims(issuer, subject))
    }

    async fn put_claims(
        &self,
        issuer: &str,
        subject: &str,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        self.data().put_claims(issuer, subject, claims, now);
        Ok(())
    }

    async fn id_token(&self, issuer: &str, subject: &str) -> Result<Option<Secret>, KeepError> {
        Ok(self.data().id_token(issuer, subject))
    }

    async fn put_id_token(
        &self,
        issuer: &str,
        subject: &str,
        id_token: &Secret,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        self.data().put_id_token(issuer, subject, id_token, now);
        Ok(())
    }

    async fn delete_person(&self, issuer: &str, subject: &str) -> Result<(), KeepError> {
        self.data().delete_person(issuer, subject);
        Ok(())
    }

    async fn lease(&self, what: Digest16, patience: Lifetime) -> Result<Option<Box<dyn Lease>>, KeepError> {
        Ok(self.leases.take(what, patience).await.map(|lease| Box::new(lease) as Box<dyn Lease>))
    }
}

/// One holder of each lease in this process.
#[derive(Default)]
pub(super) struct Leases {
    of: Mutex<HashMap<Digest16, Arc<tokio::sync::Mutex<()>>>>,
}

impl Leases {
    /// More than this are not remembered while nobody holds them.
    const MOST: usize = 1024;

    pub(super) async fn take(&self, what: Digest16, patience: Lifetime) -> Option<Taken> {
        let slot = {
            let mut slots = self.of.lock().unwrap_or_else(PoisonError::into_inner);
            if slots.len() >= Self::MOST {
                slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
            Arc::clone(slots.entry(what).or_default())
        };
        if let Ok(guard) = Arc::clone(&slot).try_lock_owned() {
            return Some(Taken(guard));
        }
        let patience = Duration::from_millis(patience.millis().unsigned_abs());
        tokio::time::timeout(patience, slot.lock_owned()).await.ok().map(Taken)
    }
}

/// A lease of this process.
pub(super) struct Taken(#[allow(dead_code, reason = "held until it is dropped")] OwnedMutexGuard<()>);

#[async_trait]
impl Lease for Taken {
    async fn release(self: Box<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn make() -> Arc<dyn Keeper> {
        Arc::new(MemoryKeeper::default())
    }

    crate::keeper_conformance!(make);
}

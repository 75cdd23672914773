//! Connections that read. Where the protocol allows it, many queries are under way on each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use firman_store::StoreError;
use tokio::sync::{RwLock, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::link::Link;
use super::wire::{Connector, ReadFailure, Wire, WireError};
use crate::driver::Each;
use crate::value::Query;

/// A few connections, each with a number of queries at once.
pub(super) struct Pool<C: Connector> {
    slots: Vec<Slot<C>>,
    /// One permit for each query that may be under way.
    permits: Semaphore,
    patience: Duration,
}

struct Slot<C: Connector> {
    link: RwLock<Link<C>>,
    permits: Semaphore,
    /// A query did not come back: whoever is next makes a new connection.
    broken: AtomicBool,
    /// The last attempt to connect failed.
    failing: AtomicBool,
}

impl<C: Connector> Pool<C> {
    /// `at_once`: queries under way on each connection. `patience`: the longest a read waits for its turn, and then for its
    /// answer.
    pub(super) fn new(connector: &Arc<C>, connections: usize, at_once: usize, patience: Duration) -> Self {
        let slot = |_| Slot {
            link: RwLock::new(Link::new(Arc::clone(connector), patience)),
            permits: Semaphore::new(at_once),
            broken: AtomicBool::new(false),
            failing: AtomicBool::new(false),
        };
        let connections = connections.max(1);
        let slots = (0..connections).map(slot).collect();
        Self { slots, permits: Semaphore::new(connections * at_once), patience }
    }

    /// Reads; once more on a new connection if the one at hand was gone.
    pub(super) async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), StoreError> {
        let (_turn, slot, _place) = self.turn().await?;
        for last in [false, true] {
            let outcome = timeout(self.patience, slot.read(queries, each));
            let failure = match outcome.await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    slot.broken.store(true, Ordering::Relaxed);
                    WireError::Lost("the database does not answer in time".to_owned()).into()
                }
            };
            match failure {
                ReadFailure::Wire(WireError::Lost(_) | WireError::Again(_)) if !last => {}
                ReadFailure::Wire(error) => return Err(error.fault("read")),
                ReadFailure::Row(fault) => return Err(fault),
            }
        }
        Err(closed())
    }

    /// Lets nobody read any more.
    pub(super) async fn close(&self) {
        self.permits.close();
        for slot in &self.slots {
            slot.link.write().await.drop_wire();
        }
    }

    async fn turn(&self) -> Result<(SemaphorePermit<'_>, &Slot<C>, SemaphorePermit<'_>), StoreError> {
        let turn = timeout(self.patience, self.permits.acquire()).await.map_err(|_| too_many())?;
        let turn = turn.map_err(|_| closed())?;
        // One that can connect; of those the one with the least to do, and of those the first: its server process is warm.
        let good = |slot: &&Slot<C>| (!slot.failing.load(Ordering::Relaxed), slot.permits.available_permits());
        let slot = self.slots.iter().rev().max_by_key(good).ok_or_else(too_many)?;
        // Whoever holds a permit of the whole finds one of a slot; not that of another who looked at the same moment.
        let place = slot.permits.try_acquire().ok().map(|place| (slot, place));
        let any = || self.slots.iter().find_map(|slot| slot.permits.try_acquire().ok().map(|place| (slot, place)));
        let (slot, place) = place.or_else(any).ok_or_else(too_many)?;
        Ok((turn, slot, place))
    }
}

impl<C: Connector> Slot<C> {
    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), ReadFailure> {
        if !self.broken.load(Ordering::Relaxed)
            && let Some(wire) = self.link.read().await.made()
        {
            return wire.read(queries, each).await;
        }
        let mut link = self.link.write().await;
        if self.broken.swap(false, Ordering::Relaxed) {
            link.drop_wire();
        }
        let connected = link.wire().await.map(drop);
        self.failing.store(connected.is_err(), Ordering::Relaxed);
        connected?;
        let link = link.downgrade();
        let Some(wire) = link.made() else { return Err(WireError::Lost("the connection went away".to_owned()).into()) };
        wire.read(queries, each).await
    }
}

fn too_many() -> StoreError {
    let cause = "too many reads wait for the database".to_owned();
    StoreError { what: "read", cause, temporary: true }
}

fn closed() -> StoreError {
    StoreError { what: "read", cause: "the store is closed".to_owned(), temporary: false }
}

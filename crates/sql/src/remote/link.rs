//! A connection that is made when it is needed and made anew when it is gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::retry::pause_after;
use super::wire::{Connector, Wire, WireError};

/// A place for one connection.
pub(super) struct Link<C: Connector> {
    connector: Arc<C>,
    /// How long making a connection may take.
    patience: Duration,
    wire: Option<C::Wire>,
    /// Failures in a row, and until when nobody tries again.
    failures: u32,
    rests_until: Option<Instant>,
    last: WireError,
}

impl<C: Connector> Link<C> {
    pub(super) fn new(connector: Arc<C>, patience: Duration) -> Self {
        let last = WireError::Lost("not connected".to_owned());
        Self { connector, patience, wire: None, failures: 0, rests_until: None, last }
    }

    /// The connection, made if there is none. While the database cannot be reached the answer is at once what it was the
    /// last time, so that nobody waits in vain and the database is not stormed when it comes back.
    pub(super) async fn wire(&mut self) -> Result<&mut C::Wire, WireError> {
        if self.wire.as_ref().is_some_and(Wire::is_lost) {
            self.wire = None;
        }
        if self.wire.is_none() {
            if self.rests_until.is_some_and(|until| Instant::now() < until) {
                return Err(self.last.clone());
            }
            let made = timeout(self.patience, self.connector.connect()).await;
            match made.unwrap_or_else(|_| Err(WireError::Lost("the database does not answer in time".to_owned()))) {
                Ok(wire) => {
                    self.failures = 0;
                    self.wire = Some(wire);
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.wire.as_mut().ok_or_else(|| self.last.clone())
    }

    /// The connection, if there is one.
    pub(super) fn made(&self) -> Option<&C::Wire> {
        self.wire.as_ref().filter(|wire| !wire.is_lost())
    }

    /// Whether there is none because the last attempt to make one failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Throws the connection away.
    pub(super) fn drop_wire(&mut self) {
        self.wire = None;
    }

    fn failed(&mut self, error: WireError) -> WireError {
        if self.failures == 0 {
            tracing::warn!(place = self.connector.place(), %error, "cannot connect to the database");
        }
        self.rests_until = Some(Instant::now() + pause_after(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.last = error.clone();
        error
    }
}

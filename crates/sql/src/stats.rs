//! What is in a store, in numbers.

use firman_store::StoreError;

use crate::statements::Statement;
use crate::store::SqlStore;

/// Rows of each table, and pages of written data that wait to be moved to their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named after the table it counts")]
pub struct Stats {
    pub clients: u64,
    pub flows: u64,
    pub grants: u64,
    pub epochs: u64,
    pub revoked_tokens: u64,
    pub names: u64,
    pub sessions: u64,
    pub consents: u64,
    pub accounts: u64,
    pub signing_keys: u64,
    pub seal_keys: u64,
    pub deployment: u64,
    pub events: u64,
    pub once: u64,
    pub resources: u64,
    pub deliveries: u64,
    pub session_clients: u64,
    pub held_tokens: u64,
    pub held_claims: u64,
    /// Pages in the write-ahead log.
    pub pending_pages: u64,
}

impl Stats {
    /// Rows in all.
    pub const fn rows(&self) -> u64 {
        self.clients
            + self.flows
            + self.grants
            + self.epochs
            + self.revoked_tokens
            + self.names
            + self.sessions
            + self.consents
            + self.accounts
            + self.signing_keys
            + self.seal_keys
            + self.deployment
            + self.events
            + self.once
            + self.resources
            + self.deliveries
            + self.session_clients
            + self.held_tokens
            + self.held_claims
    }
}

impl SqlStore {
    /// Counts every row. Reads whole tables: for tests and for people, not for requests.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let pending_pages = self.driver.pending_pages();
        let counted = self.all(Statement::CountRows, &[], |columns| {
            Ok(Stats {
                clients: columns.unsigned()?,
                flows: columns.unsigned()?,
                grants: columns.unsigned()?,
                epochs: columns.unsigned()?,
                revoked_tokens: columns.unsigned()?,
                names: columns.unsigned()?,
                sessions: columns.unsigned()?,
                consents: columns.unsigned()?,
                accounts: columns.unsigned()?,
                signing_keys: columns.unsigned()?,
                seal_keys: columns.unsigned()?,
                deployment: columns.unsigned()?,
                events: columns.unsigned()?,
                once: columns.unsigned()?,
                resources: columns.unsigned()?,
                deliveries: columns.unsigned()?,
                session_clients: columns.unsigned()?,
                held_tokens: columns.unsigned()?,
                held_claims: columns.unsigned()?,
                pending_pages,
            })
        });
        Ok(counted.await?.into_iter().next().unwrap_or_default())
    }
}

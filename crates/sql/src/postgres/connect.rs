//! How a session is set up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::config::Target;
use super::error::wire_error;
use super::wire::{PgAdmin, PgWire, Plain};
use crate::remote::{Connector, WireError};

/// Opens connections to one database.
pub(super) struct PgConnector {
    pub(super) target: Target,
    pub(super) plain: Arc<Plain>,
    /// How long a statement may take; how long it may wait for a lock is half of that.
    pub(super) patience: Duration,
}

impl PgConnector {
    /// A connection whose session is set up.
    pub(super) async fn session(&self) -> Result<Client, WireError> {
        let millis = self.patience.as_millis().max(2);
        // Every statement goes by a key: its plan is made once and does not depend on how large a table was just then. What is
        // acknowledged is durable, also where the server's default is less; where it is more, it stays.
        let set_up = format!(
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; \
             SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; SET statement_timeout = {millis}; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = {millis}; SET default_transaction_isolation = 'read committed'; \
             SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') \
             WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)",
            millis / 2
        );
        self.client(&set_up).await
    }

    async fn client(&self, set_up: &str) -> Result<Client, WireError> {
        let connected = async {
            let client = self.target.connect().await?;
            client.batch_execute(set_up).await?;
            Ok(client)
        };
        match timeout(self.patience, connected).await {
            Ok(connected) => connected.map_err(|error| wire_error(&error)),
            Err(_) => Err(WireError::Lost("the database does not answer in time".to_owned())),
        }
    }
}

#[async_trait]
impl Connector for PgConnector {
    type Wire = PgWire;
    type Admin = PgAdmin;
    const READS_AT_ONCE: usize = 256;

    async fn connect(&self) -> Result<PgWire, WireError> {
        let client = self.session().await?;
        PgWire::new(client, Arc::clone(&self.plain)).await.map_err(|error| wire_error(&error))
    }

    async fn admin(&self) -> Result<PgAdmin, WireError> {
        // A migration may take long and wait long for its turn, but whoever waits for a table makes all wait behind it.
        let set_up = "SET lock_timeout = 10000; SET statement_timeout = 0; SET client_min_messages = warning";
        self.client(set_up).await.map(PgAdmin)
    }

    fn place(&self) -> &str {
        &self.target.place
    }
}

//! Everything as of one moment, on a connection of its own that is gone with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firman_store::StoreError;
use tokio::time::timeout;

use super::link::Link;
use super::wire::{Connector, ReadFailure, Wire, WireError};
use crate::driver::{Each, View};
use crate::value::Query;

/// A transaction that only reads. It is never begun anew: another moment would be another copy.
pub(super) struct RemoteView<C: Connector> {
    link: Link<C>,
    patience: Duration,
}

impl<C: Connector> RemoteView<C> {
    pub(super) async fn begin(connector: &Arc<C>, patience: Duration) -> Result<Self, StoreError> {
        let mut link = Link::new(Arc::clone(connector), patience);
        let begun = async { link.wire().await?.begin_view().await };
        let begun = timeout(patience, begun).await.unwrap_or_else(|_| Err(silent()));
        begun.map_err(|error| error.fault("begin a snapshot"))?;
        Ok(Self { link, patience })
    }
}

#[async_trait]
impl<C: Connector> View for RemoteView<C> {
    async fn read(&mut self, query: Query<'_>, each: Each<'_>) -> Result<(), StoreError> {
        let gone = || WireError::Lost("the connection went away in the middle of a snapshot; begin again".to_owned());
        let wire = self.link.made().ok_or_else(|| gone().fault("read a snapshot"))?;
        let queries = [query];
        let read = timeout(self.patience, wire.read(&queries, each)).await;
        match read.unwrap_or_else(|_| Err(silent().into())) {
            Ok(()) => Ok(()),
            Err(ReadFailure::Wire(error)) => Err(error.fault("read a snapshot")),
            Err(ReadFailure::Row(fault)) => Err(fault),
        }
    }
}

fn silent() -> WireError {
    WireError::Lost("the database does not answer in time".to_owned())
}

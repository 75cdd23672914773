//! What providers say of themselves, read once for each document.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::time::Timestamp;
use firman_proto::upstream::ProviderMetadata;

use super::provider::Provider;
use super::trouble::Broken;
use crate::Engine;
use crate::fetch::{Document, Wanted};

/// What was read, by issuer.
#[derive(Default)]
pub(crate) struct Directory {
    read: Mutex<HashMap<String, Read>>,
}

/// A document, and what it says.
type Read = (Arc<Document>, Arc<ProviderMetadata>);

impl Directory {
    /// The metadata of a provider.
    pub(super) async fn of(
        &self,
        engine: &Engine,
        provider: &Provider,
        now: Timestamp,
    ) -> Result<Arc<ProviderMetadata>, Broken> {
        self.read(engine, provider, None, now).await
    }

    /// The same from a provider that was there in the last minute: before a browser is sent to it, which could only say that nobody
    /// answers. What its document is asked for tells that well enough, and as often as it may be asked; the endpoint for browsers
    /// may be where only they can reach it.
    pub(super) async fn alive(
        &self,
        engine: &Engine,
        provider: &Provider,
        now: Timestamp,
    ) -> Result<Arc<ProviderMetadata>, Broken> {
        self.read(engine, provider, Some(now), now).await
    }

    async fn read(
        &self,
        engine: &Engine,
        provider: &Provider,
        fetched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Arc<ProviderMetadata>, Broken> {
        let url = ProviderMetadata::address(&provider.issuer);
        let wanted = Wanted { url: &url, types: &["application/json"], fetched_since };
        let fetched = engine.fetch.get(&wanted, now).await;
        let document = fetched.map_err(|error| Broken::unreachable(format!("its metadata {error}")))?;
        if let Some((known, metadata)) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&provider.issuer)
            && Arc::ptr_eq(known, &document)
        {
            return Ok(Arc::clone(metadata));
        }
        let metadata = ProviderMetadata::parse(&document.body, &provider.issuer)
            .map_err(|why| Broken::unreachable(format!("its metadata cannot be used: {why}")))?;
        let metadata = Arc::new(metadata);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(provider.issuer.clone(), (document, Arc::clone(&metadata)));
        Ok(metadata)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory")
    }
}

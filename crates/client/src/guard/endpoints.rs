//! Where the issuer is asked: found by its identifier, and looked up again by HTTP's rules.

use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::time::{Lifetime, Timestamp};

use crate::error::Error;
use crate::exchange::Transport;
use crate::flow::discovery::{First, discover};
use crate::flow::document::Document;
use crate::flow::metadata::ServerMetadata;

/// After a failure, nobody asks again for so long.
const PAUSE: Lifetime = Lifetime::from_seconds(1);

/// The metadata of one issuer, and who carries requests to it. Once it was found, it is used until a newer one is.
pub(super) struct Endpoints {
    issuer: String,
    transport: Arc<dyn Transport>,
    known: Mutex<Known>,
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    metadata: Option<Document<ServerMetadata>>,
    failed: Option<(Timestamp, Error)>,
}

impl Known {
    fn metadata(&self) -> Option<Arc<ServerMetadata>> {
        self.metadata.as_ref().map(|document| Arc::clone(document.value()))
    }
}

impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoints({})", self.issuer)
    }
}

impl Endpoints {
    pub(super) fn of(issuer: String, transport: Arc<dyn Transport>) -> Self {
        Self { issuer, transport, known: Mutex::default(), flight: tokio::sync::Mutex::default() }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// What the issuer says of itself. While it cannot be reached, what it has said before.
    pub(super) async fn now(&self, now: Timestamp) -> Result<Arc<ServerMetadata>, Error> {
        if let Some(answer) = self.known(now) {
            return answer;
        }
        let _flight = self.flight.lock().await;
        if let Some(answer) = self.known(now) {
            return answer;
        }
        let before = self.lock().metadata.clone();
        let found = discover(&*self.transport, &self.issuer, (First::OAuth, before), now).await;
        let mut known = self.lock();
        match found {
            Ok(document) => {
                let metadata = Arc::clone(document.value());
                *known = Known { metadata: Some(document), failed: None };
                Ok(metadata)
            }
            Err(error) => {
                known.failed = Some((now, error.clone()));
                known.metadata().ok_or(error)
            }
        }
    }

    fn known(&self, now: Timestamp) -> Option<Result<Arc<ServerMetadata>, Error>> {
        let known = self.lock();
        if let Some(fresh) = known.metadata.as_ref().filter(|metadata| metadata.is_fresh(now)) {
            return Some(Ok(Arc::clone(fresh.value())));
        }
        let (at, error) = known.failed.as_ref()?;
        let again = now >= at.plus(PAUSE);
        (!again).then(|| known.metadata().ok_or_else(|| error.clone()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

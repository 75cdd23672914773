//! What was fetched, and what could not be, for a while. One asks, the others wait for the same answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use firman_engine::{Document, FetchError, Wanted};
use firman_proto::time::{Lifetime, Timestamp};

use super::freshness::SHORTEST;

/// More addresses than this are not remembered.
const MOST: usize = 1024;
/// How long the first failure is remembered; each that follows twice as long as the one before.
const FAILED: Lifetime = Lifetime::from_seconds(2);
/// And none for longer.
const FAILED_LONGEST: Lifetime = Lifetime::from_seconds(30);

/// What an attempt brought.
pub(super) enum Got {
    /// A document.
    New(New),
    /// RFC 9110 §15.4.5: what we have is still right, for as long again.
    Same(Lifetime),
}

/// A document that was fetched just now.
pub(super) struct New {
    pub(super) body: Vec<u8>,
    pub(super) media_type: String,
    pub(super) lifetime: Lifetime,
    pub(super) validators: Validators,
}

/// What lets the other side say "still the same" (RFC 9110 §8.8).
#[derive(Clone, Debug, Default)]
pub(super) struct Validators {
    pub(super) etag: Option<HeaderValue>,
    pub(super) last_modified: Option<HeaderValue>,
}

#[derive(Default)]
pub(super) struct Cache {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    /// Held while somebody fetches.
    held: tokio::sync::Mutex<Held>,
}

#[derive(Default)]
struct Held {
    document: Option<(Arc<Document>, Validators)>,
    failed: Option<Failed>,
}

/// What an attempt failed by, and how long that is remembered.
struct Failed {
    error: FetchError,
    until: Timestamp,
    pause: Lifetime,
}

impl Cache {
    /// What is held, if it is fresh; else what `fetch` brings, given what it may be compared with.
    pub(super) async fn get(
        &self,
        wanted: &Wanted<'_>,
        now: Timestamp,
        fetch: impl AsyncFnOnce(Option<&Validators>) -> Result<Got, FetchError>,
    ) -> Result<Arc<Document>, FetchError> {
        let slot = self.slot(wanted.url);
        let mut held = slot.held.lock().await;
        if let Some(answer) = held.answer(wanted, now) {
            return answer;
        }
        let got = fetch(held.document.as_ref().map(|(_, validators)| validators)).await;
        match got.and_then(|got| held.take(got, now)) {
            Ok(document) => Ok(document),
            Err(error) => {
                let before = held.failed.take().map(|failed| failed.pause);
                let pause =
                    before.map_or(FAILED, |pause| Lifetime::from_millis(2 * pause.millis()).min(FAILED_LONGEST));
                held.failed = Some(Failed { error: error.clone(), until: now.plus(pause), pause });
                Err(error)
            }
        }
    }

    fn slot(&self, url: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(url) {
            return Arc::clone(slot);
        }
        if slots.len() >= MOST {
            // Those in use stay; of the others half goes, so that this is rare.
            let mut place = 0_usize;
            slots.retain(|_, slot| {
                place += 1;
                Arc::strong_count(slot) > 1 || place.is_multiple_of(2)
            });
        }
        Arc::clone(slots.entry(url.to_owned()).or_default())
    }
}

impl Held {
    fn answer(&self, wanted: &Wanted<'_>, now: Timestamp) -> Option<Result<Arc<Document>, FetchError>> {
        if let Some((document, _)) = &self.document {
            // Who hopes for something newer gets it, but not more often than the other side should be asked at all.
            let new_enough = wanted.fetched_since.is_none_or(|since| document.fetched_at >= since)
                || now < document.fetched_at.plus(SHORTEST);
            if now < document.fresh_until && new_enough {
                return Some(Ok(Arc::clone(document)));
            }
        }
        match &self.failed {
            Some(failed) if now < failed.until => Some(Err(failed.error.clone())),
            _ => None,
        }
    }

    fn take(&mut self, got: Got, now: Timestamp) -> Result<Arc<Document>, FetchError> {
        let (document, validators) = match (got, self.document.take()) {
            (Got::New(new), _) => {
                let New { body, media_type, lifetime, validators } = new;
                (Document { body, media_type, fetched_at: now, fresh_until: now.plus(lifetime) }, validators)
            }
            (Got::Same(lifetime), Some((known, validators))) => {
                (Document { fetched_at: now, fresh_until: now.plus(lifetime), ..Document::clone(&known) }, validators)
            }
            (Got::Same(_), None) => {
                return Err(FetchError::Failed("it says that nothing has changed to who has nothing".into()));
            }
        };
        let document = Arc::new(document);
        *self = Self { document: Some((Arc::clone(&document), validators)), failed: None };
        Ok(document)
    }
}

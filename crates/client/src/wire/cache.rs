//! Documents of servers, kept for as long as they are good. One asks, the others wait for the same answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::time::Timestamp;

use crate::error::Error;
use crate::flow::document::Document;
use crate::flow::freshness::SHORTEST;

/// More documents than this are not kept.
const MOST: usize = 256;

pub(crate) struct Cache<T> {
    slots: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Held<T>>>>>,
}

struct Held<T> {
    document: Option<Document<T>>,
    /// The last failure, and until when it is remembered.
    failed: Option<(Error, Timestamp)>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

impl<T> Cache<T> {
    /// What is kept under `key`, if it is good, and not from before `since`; else what `fetch` brings, which gets what is kept. Where
    /// that fails because of an outage, what is kept will do for a day.
    pub(crate) async fn get<F: Future<Output = Result<Document<T>, Error>>>(
        &self,
        key: &str,
        since: Option<Timestamp>,
        now: Timestamp,
        fetch: impl FnOnce(Option<Document<T>>) -> F,
    ) -> Result<Arc<T>, Error> {
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        if let Some(known) = held.document.as_ref().filter(|known| known.is_fresh_since(since, now)) {
            return Ok(Arc::clone(known.value()));
        }
        if let Some((error, until)) = &held.failed
            && now < *until
        {
            return held.in_an_outage(now).ok_or_else(|| error.clone());
        }
        match fetch(held.document.clone()).await {
            Ok(document) => {
                let value = Arc::clone(document.value());
                *held = Held { document: Some(document), failed: None };
                Ok(value)
            }
            Err(error) => {
                let outage = error.is_outage();
                held.failed = Some((error.clone(), now.plus(SHORTEST)));
                if outage { held.in_an_outage(now).ok_or(error) } else { Err(error) }
            }
        }
    }

    /// What is kept under `key`.
    pub(crate) async fn known(&self, key: &str) -> Option<Document<T>> {
        self.slot(key).lock().await.document.clone()
    }

    /// Keeps what was known elsewhere, unless something is kept already.
    pub(crate) async fn recall(&self, key: &str, known: Document<T>) {
        self.slot(key).lock().await.document.get_or_insert(known);
    }

    fn slot(&self, key: &str) -> Arc<tokio::sync::Mutex<Held<T>>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST && !slots.contains_key(key) {
            // Those in use stay.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        let new = || Arc::new(tokio::sync::Mutex::new(Held { document: None, failed: None }));
        Arc::clone(slots.entry(key.to_owned()).or_insert_with(new))
    }
}

impl<T> Held<T> {
    fn in_an_outage(&self, now: Timestamp) -> Option<Arc<T>> {
        let outage = self.failed.as_ref().is_some_and(|(error, _)| error.is_outage());
        let known = self.document.as_ref().filter(|known| outage && known.will_do_in_an_outage(now));
        known.map(|known| Arc::clone(known.value()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use firman_proto::time::Lifetime;
    use http::header::CACHE_CONTROL;

    use super::*;
    use crate::error::Breach;
    use crate::exchange::Unreachable;
    use crate::flow::answer::tests::{NOW, answer};

    fn at(seconds: i64) -> Timestamp {
        NOW.plus(Lifetime::from_seconds(seconds))
    }

    /// A document that is good for a minute.
    fn document<T>(value: T, now: Timestamp) -> Document<T> {
        Document::new(value, "u", &answer(200, &[(CACHE_CONTROL, "max-age=60")], ""), now)
    }

    fn dead() -> Error {
        Unreachable::Slow { url: "u".into(), millis: 1 }.into()
    }

    #[tokio::test]
    async fn a_document_is_asked_for_once_while_it_is_good() {
        let (cache, asked) = (Cache::default(), AtomicU32::new(0));
        let get = async |since, now| {
            let fetch = async |_| Ok(document(asked.fetch_add(1, Ordering::Relaxed), now));
            cache.get("k", since, now, fetch).await
        };
        let both = tokio::join!(get(None, NOW), get(None, NOW));
        assert_eq!((*both.0.unwrap(), *both.1.unwrap()), (0, 0));
        assert_eq!(*get(None, at(59)).await.unwrap(), 0);
        assert_eq!(*get(Some(at(9)), at(9)).await.unwrap(), 0, "too soon to hope for a newer one");
        assert_eq!(*get(Some(at(10)), at(10)).await.unwrap(), 1);
        assert_eq!(*get(None, at(70)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn in_an_outage_what_is_kept_will_do_for_a_day() {
        let cache = Cache::default();
        cache.get("k", None, NOW, async |_| Ok(document(1, NOW))).await.unwrap();
        assert_eq!(*cache.get("k", None, at(61), async |_| Err(dead())).await.unwrap(), 1);
        let never = async |_| panic!("asked again at once");
        assert_eq!(*cache.get("k", None, at(62), never).await.unwrap(), 1);
        assert!(cache.get("k", None, at(86_400), async |_| Err(dead())).await.is_err());
        assert_eq!(*cache.get("k", None, at(86_411), async |_| Ok(document(2, at(86_411)))).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_has_become_wrong_is_not_replaced_by_what_was() {
        let cache = Cache::default();
        cache.get("k", None, NOW, async |_| Ok(document(1, NOW))).await.unwrap();
        let wrong = async |_| Err(Error::breach("u", Breach::Status(404)));
        assert!(cache.get("k", None, at(61), wrong).await.is_err());
    }
}

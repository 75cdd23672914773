//! Documents of servers, kept for as long as they are good: here, and on a shelf where there is one. One asks, the others wait for the
//! same answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::shelf::Shelf;
use crate::error::Error;
use crate::flow::document::Document;
use crate::flow::freshness::{LONGEST, SHORTEST};

/// More documents than this are not kept.
const MOST: usize = 256;

pub(crate) struct Cache<T> {
    /// What its documents are, for their names on the shelf.
    kind: &'static str,
    pub(super) shelf: Option<Arc<dyn Shelf>>,
    slots: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Held<T>>>>>,
}

struct Held<T> {
    document: Option<Document<T>>,
    /// The last failure, and until when it is remembered.
    failed: Option<(Error, Timestamp)>,
}

impl<T: Serialize + DeserializeOwned> Cache<T> {
    pub(crate) fn of(kind: &'static str) -> Self {
        Self { kind, shelf: None, slots: Mutex::default() }
    }

    /// What is kept of an issuer, if it is good, and not from before `since`; else what `fetch` brings, which gets what is kept. Where
    /// that fails because of an outage, what is kept will do for a day, unless a newer one was hoped for. Where an address is given, what
    /// was elsewhere is not kept.
    pub(crate) async fn get<F: Future<Output = Result<Document<T>, Error>>>(
        &self,
        (issuer, url): (&str, Option<&str>),
        since: Option<Timestamp>,
        now: Timestamp,
        fetch: impl FnOnce(Option<Document<T>>) -> F,
    ) -> Result<Arc<T>, Error> {
        let slot = self.slot(issuer);
        let mut held = slot.lock().await;
        let is_there = |known: &Document<T>| url.is_none_or(|url| known.url() == url);
        held.document.take_if(|known| !is_there(known));
        if let Some(good) = held.good(since, now) {
            return Ok(good);
        }
        if let Some((error, until)) = &held.failed
            && now < *until
        {
            return held.in_an_outage(since, now).ok_or_else(|| error.clone());
        }
        // Another run, or another process, may have asked.
        if let Some(kept) = self.kept(issuer).await?.filter(is_there)
            && held.document.as_ref().is_none_or(|own| kept.is_newer_than(own))
        {
            held.document = Some(kept);
            if let Some(good) = held.good(since, now) {
                return Ok(good);
            }
        }
        match fetch(held.document.clone()).await {
            Ok(document) => {
                self.keep(issuer, &document).await;
                let value = Arc::clone(document.value());
                *held = Held { document: Some(document), failed: None };
                Ok(value)
            }
            Err(error) => {
                held.failed = Some((error.clone(), now.plus(SHORTEST)));
                held.in_an_outage(since, now).ok_or(error)
            }
        }
    }

    async fn kept(&self, issuer: &str) -> Result<Option<Document<T>>, Error> {
        let Some(shelf) = &self.shelf else { return Ok(None) };
        let text = shelf.look(&self.name(issuer)).await?;
        // What an earlier version wrote in another way is asked for again.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn keep(&self, issuer: &str, document: &Document<T>) {
        if let Some((shelf, text)) = self.shelf.as_ref().zip(serde_json::to_string(document).ok()) {
            shelf.put(&self.name(issuer), text).await;
        }
    }

    fn name(&self, issuer: &str) -> String {
        format!("{} of {issuer}", self.kind)
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
    fn good(&self, since: Option<Timestamp>, now: Timestamp) -> Option<Arc<T>> {
        let good = self.document.as_ref().filter(|known| known.is_fresh_since(since, now));
        good.map(|known| Arc::clone(known.value()))
    }

    fn in_an_outage(&self, since: Option<Timestamp>, now: Timestamp) -> Option<Arc<T>> {
        let outage = since.is_none() && self.failed.as_ref().is_some_and(|(error, _)| error.is_outage());
        let known = self.document.as_ref().filter(|known| outage && known.is_younger_than(LONGEST, now));
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
        let (cache, asked) = (Cache::of("things"), AtomicU32::new(0));
        let get = async |since, now| {
            let fetch = async |_| Ok(document(asked.fetch_add(1, Ordering::Relaxed), now));
            cache.get(("k", None), since, now, fetch).await
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
        let cache = Cache::of("things");
        cache.get(("k", None), None, NOW, async |_| Ok(document(1, NOW))).await.unwrap();
        assert_eq!(*cache.get(("k", None), None, at(61), async |_| Err(dead())).await.unwrap(), 1);
        let never = async |_| panic!("asked again at once");
        assert_eq!(*cache.get(("k", None), None, at(62), never).await.unwrap(), 1);
        assert!(
            cache.get(("k", None), Some(at(62)), at(62), never).await.unwrap_err().is_outage(),
            "no newer one is to be had"
        );
        assert!(cache.get(("k", None), None, at(86_400), async |_| Err(dead())).await.is_err());
        assert_eq!(*cache.get(("k", None), None, at(86_411), async |_| Ok(document(2, at(86_411)))).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_has_become_wrong_is_not_replaced_by_what_was() {
        let cache = Cache::of("things");
        cache.get(("k", None), None, NOW, async |_| Ok(document(1, NOW))).await.unwrap();
        let wrong = async |_| Err(Error::breach("u", Breach::Status(404)));
        assert!(cache.get(("k", None), None, at(61), wrong).await.is_err());
    }
}

//! What a server publishes, and until when it need not be asked for again (RFC 9111).

use std::sync::Arc;

use firman_proto::time::{Lifetime, Timestamp};
use http::StatusCode;
use http::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use serde::{Deserialize, Serialize};

use super::freshness::{self, SHORTEST};
use crate::exchange::{Request, Response};

/// The longest tag that is repeated, in bytes.
const LONGEST_TAG: usize = 512;

/// A document that was read. It can be kept between two runs of a program.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct Document<T> {
    #[serde(with = "shared")]
    value: Arc<T>,
    /// Where it was.
    url: String,
    /// Its version there (RFC 9110 §8.8.3), where that is told.
    tag: Option<String>,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
}

impl<T> Document<T> {
    /// What came with an answer from `url`.
    pub fn new(value: T, url: &str, response: &Response, now: Timestamp) -> Self {
        let tag = response.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| tag.len() <= LONGEST_TAG);
        Self {
            value: Arc::new(value),
            url: url.to_owned(),
            tag: tag.map(str::to_owned),
            fetched_at: now,
            fresh_until: now.plus(freshness::lifetime(&response.headers, now)),
        }
    }

    /// What it says.
    pub fn value(&self) -> &Arc<T> {
        &self.value
    }

    /// Where it was.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether nobody need be asked for it. A document of the future was fetched by another clock.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.fetched_at <= now && now < self.fresh_until
    }

    /// The same for who hopes for one that is not from before `since`: it will do where nobody should be asked so often.
    pub fn is_fresh_since(&self, since: Option<Timestamp>, now: Timestamp) -> bool {
        let new_enough = |since| self.fetched_at >= since || now < self.fetched_at.plus(SHORTEST);
        self.is_fresh(now) && since.is_none_or(new_enough)
    }

    /// Whether it was fetched after `other` was.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.fetched_at > other.fetched_at
    }

    /// Whether it was fetched less than so long ago: while its server cannot be reached, it will do for a while.
    pub fn is_younger_than(&self, age: Lifetime, now: Timestamp) -> bool {
        now < self.fetched_at.plus(age)
    }

    /// The same document, of which something else is used.
    pub fn map<U>(&self, used: impl FnOnce(&T) -> U) -> Document<U> {
        let Self { value, url, tag, fetched_at, fresh_until } = self;
        let (value, url, tag) = (Arc::new(used(value)), url.clone(), tag.clone());
        Document { value, url, tag, fetched_at: *fetched_at, fresh_until: *fresh_until }
    }

    /// Asks for it only if it has changed (RFC 9110 §13.1.2). A request to another place is left as it is.
    pub fn unless_changed(&self, request: &mut Request) {
        let tag = self.tag.as_deref().filter(|_| request.url == self.url);
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            request.headers.insert(IF_NONE_MATCH, tag);
        }
    }

    /// Itself, good again, where an answer from `url` says that it is as it was (RFC 9110 §15.4.5, RFC 9111 §4.3.4).
    pub fn unchanged(&self, url: &str, response: &Response, now: Timestamp) -> Option<Self> {
        if response.status != StatusCode::NOT_MODIFIED || self.tag.is_none() || self.url != url {
            return None;
        }
        // RFC 9111 §3.2: what the answer does not say of its keeping is as it was.
        let before = self.fresh_until.since(self.fetched_at);
        let good_for = freshness::said(&response.headers, now).unwrap_or(before);
        Some(Self { fetched_at: now, fresh_until: now.plus(good_for), ..self.clone() })
    }
}

impl<T> Clone for Document<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), url: self.url.clone(), tag: self.tag.clone(), ..*self }
    }
}

/// What is shared here is written as if it were not.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(value, serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use http::header::CACHE_CONTROL;

    use super::super::answer::tests::{NOW, answer};
    use super::super::ask;
    use super::*;

    const URL: &str = "https://as.example/a";

    fn at(seconds: i64) -> Timestamp {
        NOW.plus(Lifetime::from_seconds(seconds))
    }

    // RFC 9110 §8.8.3, §13.1.2.
    #[test]
    fn a_document_is_asked_for_by_its_version_where_it_was() {
        let tagged = Document::new((), URL, &answer(200, &[(ETAG, "W/\"7\"")], ""), NOW);
        let sent = |document: &Document<()>, url| {
            let mut request = ask::get(url, ask::JSON);
            document.unless_changed(&mut request);
            request.headers.get(IF_NONE_MATCH).map(|tag| tag.to_str().unwrap().to_owned())
        };
        assert_eq!(sent(&tagged, URL).as_deref(), Some("W/\"7\""));
        assert_eq!(sent(&tagged, "https://as.example/b"), None);
        assert_eq!(sent(&Document::new((), URL, &answer(200, &[], ""), NOW), URL), None);
    }

    // RFC 9110 §15.4.5, RFC 9111 §3.2, §4.3.4.
    #[test]
    fn a_document_that_is_as_it_was_is_good_again_for_as_long_as_is_said_or_was() {
        let headers = [(ETAG, "\"7\""), (CACHE_CONTROL, "max-age=60")];
        let document = Document::new(1, URL, &answer(200, &headers, ""), NOW);
        assert!(
            document.is_fresh(at(59))
                && !document.is_fresh(at(60))
                && !document.is_fresh(NOW.minus(Lifetime::from_seconds(1)))
        );
        let same = document.unchanged(URL, &answer(304, &[], ""), at(90)).unwrap();
        assert!(same.is_fresh(at(149)) && !same.is_fresh(at(150)) && *same.value == 1);
        let longer = same.unchanged(URL, &answer(304, &[(CACHE_CONTROL, "max-age=600")], ""), at(150)).unwrap();
        assert!(longer.is_fresh(at(749)) && !longer.is_fresh(at(750)));
        assert!(document.unchanged(URL, &answer(200, &[], ""), NOW).is_none());
        assert!(document.unchanged("https://as.example/b", &answer(304, &[], ""), NOW).is_none());
        let kept: Document<i32> = serde_json::from_str(&serde_json::to_string(&longer).unwrap()).unwrap();
        assert_eq!(kept, longer);
    }
}

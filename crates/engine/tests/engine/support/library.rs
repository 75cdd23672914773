//! Documents of others, as a test wants them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firman_engine::{Document, Fetch, FetchError, Wanted};
use firman_proto::time::{Lifetime, Timestamp};

/// Serves what was put in, and counts how often it was asked. What is held is fresh for five minutes.
#[derive(Default)]
pub(crate) struct Library {
    shelves: Mutex<HashMap<String, (String, &'static str)>>,
    held: Mutex<HashMap<String, Arc<Document>>>,
    fetched: Mutex<Vec<String>>,
}

impl Library {
    /// From now on this stands there.
    pub(crate) fn put(&self, url: &str, media_type: &'static str, body: &serde_json::Value) {
        self.put_text(url, media_type, &body.to_string());
    }

    /// The same for what is no JSON.
    pub(crate) fn put_text(&self, url: &str, media_type: &'static str, body: &str) {
        self.shelves.lock().unwrap().insert(url.to_owned(), (body.to_owned(), media_type));
    }

    /// How often an address was fetched.
    pub(crate) fn fetched(&self, url: &str) -> usize {
        self.fetched.lock().unwrap().iter().filter(|fetched| *fetched == url).count()
    }
}

#[async_trait]
impl Fetch for Library {
    async fn get(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<Arc<Document>, FetchError> {
        let mut held = self.held.lock().unwrap();
        if let Some(document) = held.get(wanted.url)
            && now < document.fresh_until
            && wanted.fetched_since.is_none_or(|since| document.fetched_at >= since)
        {
            return Ok(Arc::clone(document));
        }
        self.fetched.lock().unwrap().push(wanted.url.to_owned());
        let shelves = self.shelves.lock().unwrap();
        let Some((body, media_type)) = shelves.get(wanted.url) else {
            return Err(FetchError::Failed("nobody is there".into()));
        };
        if !wanted.types.contains(media_type) {
            return Err(FetchError::Failed("its content-type is another".into()));
        }
        let document = Arc::new(Document {
            body: body.clone().into_bytes(),
            media_type: (*media_type).to_owned(),
            fetched_at: now,
            fresh_until: now.plus(Lifetime::from_seconds(300)),
        });
        held.insert(wanted.url.to_owned(), Arc::clone(&document));
        Ok(document)
    }
}

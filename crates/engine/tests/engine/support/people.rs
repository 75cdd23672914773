//! People who can sign in without an expensive password hash, and dice that always fall the same way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firman_engine::{Accounts, Entropy, Fault, User};
use firman_proto::digest::Digest16;
use firman_proto::time::Timestamp;
use firman_store::record::{Rest, Subject};

/// What everybody types.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Everybody exists, until they leave.
#[derive(Default)]
pub(crate) struct People {
    claims: Mutex<HashMap<String, Rest>>,
    gone: Mutex<Vec<String>>,
}

impl People {
    pub(crate) fn subject(username: &str) -> Subject {
        Subject::new(format!("subject-of-{username}")).unwrap()
    }

    pub(crate) fn set_claims(&self, username: &str, claims: serde_json::Value) {
        let serde_json::Value::Object(claims) = claims else { panic!("claims are an object") };
        self.claims.lock().unwrap().insert(Self::subject(username).to_string(), claims);
    }

    pub(crate) fn leave(&self, username: &str) {
        self.gone.lock().unwrap().push(Self::subject(username).to_string());
    }

    fn has_left(&self, subject: &Subject) -> bool {
        self.gone.lock().unwrap().iter().any(|gone| gone == subject.as_str())
    }
}

#[async_trait]
impl Accounts for People {
    async fn authenticate(&self, username: &str, password: &str, _now: Timestamp) -> Result<Option<User>, Fault> {
        let subject = Self::subject(username);
        let right = password == PASSWORD && !self.has_left(&subject);
        Ok(right.then(|| User {
            subject,
            username: username.to_owned(),
            amr: vec!["pwd".to_owned()],
            epochs: None,
            upstream: None,
        }))
    }

    async fn find(&self, username: &str, _now: Timestamp) -> Result<Option<User>, Fault> {
        let subject = Self::subject(username);
        let there = !self.has_left(&subject);
        Ok(there.then(|| User {
            subject,
            username: username.to_owned(),
            amr: Vec::new(),
            epochs: None,
            upstream: None,
        }))
    }

    async fn claims(&self, subject: &Subject) -> Result<Option<Rest>, Fault> {
        let claims = self.claims.lock().unwrap().get(subject.as_str()).cloned().unwrap_or_default();
        Ok((!self.has_left(subject)).then_some(claims))
    }
}

/// The same bytes for the same seed, and never the same bytes twice.
pub(crate) struct Dice {
    seed: u64,
    count: AtomicU64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { seed, count: AtomicU64::new(0) })
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        for part in bytes.chunks_mut(16) {
            let count = self.count.fetch_add(1, Ordering::SeqCst);
            let Digest16(random) = Digest16::of(&[&self.seed.to_be_bytes(), &count.to_be_bytes()]);
            part.copy_from_slice(&random[..part.len()]);
        }
        Ok(())
    }
}

//! The public keys of clients and issuers: registered with them, or where they publish them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::error::{Denied, ErrorCode, invalid_client};
use firman_proto::jose::{self, Jwks, Refused};
use firman_proto::time::Timestamp;
use firman_store::record::Client;
use serde_json::Value;

use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::fetch::{Document, FetchError, Wanted};
use crate::trust::TrustedIssuer;

/// RFC 7517 §8.5, and what most publish.
pub(crate) const TYPES: &[&str] = &["application/jwk-set+json", "application/json"];

/// More sets than this are not remembered.
const MOST: usize = 1024;

/// Key sets that were fetched, read once for each document.
#[derive(Default)]
pub(crate) struct KeySets {
    read: Mutex<HashMap<String, Read>>,
}

/// A document and what stands in it.
struct Read {
    document: Arc<Document>,
    keys: Arc<Jwks>,
}

/// Whose keys.
#[derive(Clone, Copy)]
pub(crate) enum Whose<'a> {
    Client(&'a Client),
    /// An issuer that is trusted here.
    Issuer(&'a TrustedIssuer),
    /// Whoever publishes them at this address.
    Published(&'a str),
}

impl Whose<'_> {
    fn are_published(self) -> bool {
        match self {
            Self::Client(client) => client.metadata.jwks_uri.is_some(),
            Self::Issuer(issuer) => issuer.jwks_uri.is_some(),
            Self::Published(_) => true,
        }
    }
}

impl KeySets {
    /// Verifies with a known key, or with one that was published since we last looked.
    pub(crate) async fn verify<T>(
        &self,
        engine: &Engine,
        whose: Whose<'_>,
        now: Timestamp,
        verify: impl Fn(&Jwks) -> Result<T, Refused>,
    ) -> Result<Result<T, Refused>, Failure> {
        let known = self.of(engine, whose, None, now).await?;
        match verify(&known) {
            Err(Refused::UnknownKey) if whose.are_published() => {
                let newer = self.of(engine, whose, Some(now), now).await?;
                Ok(verify(&newer))
            }
            verified => Ok(verified),
        }
    }

    /// With `fetched_since`, published ones are fetched again if they are older.
    async fn of(
        &self,
        engine: &Engine,
        whose: Whose<'_>,
        fetched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Arc<Jwks>, Failure> {
        match whose {
            Whose::Client(client) => self.of_client(engine, client, fetched_since, now).await,
            Whose::Issuer(issuer) => self.of_issuer(engine, issuer, fetched_since, now).await,
            Whose::Published(url) => self.published(engine, url, fetched_since, now).await,
        }
    }

    async fn of_client(
        &self,
        engine: &Engine,
        client: &Client,
        fetched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Arc<Jwks>, Failure> {
        match (&client.metadata.jwks, &client.metadata.jwks_uri) {
            (Some(Value::Object(set)), _) => {
                let keys = Jwks::from_object(set).map_err(|why| invalid_client(format!("jwks: {why}")))?;
                Ok(Arc::new(keys))
            }
            (_, Some(url)) => self.published(engine, url, fetched_since, now).await,
            _ => Err(invalid_client("the client has no registered keys").into()),
        }
    }

    async fn of_issuer(
        &self,
        engine: &Engine,
        issuer: &TrustedIssuer,
        fetched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Arc<Jwks>, Failure> {
        // An operator named the place: what is wrong there is nobody's fault who asks.
        let broken = |why: String| Failure::from(Fault::temporary("read the keys of a trusted issuer", why));
        match (&issuer.jwks, &issuer.jwks_uri) {
            (Some(Value::Object(set)), _) => {
                Ok(Arc::new(Jwks::from_object(set).map_err(|why| broken(why.to_string()))?))
            }
            (_, Some(url)) => self.published(engine, url, fetched_since, now).await.map_err(|failure| match failure {
                Failure::Denied(denied) => broken(denied.why.into_owned()),
                fault @ Failure::Fault(_) => fault,
            }),
            _ => Err(broken("it has none".to_owned())),
        }
    }

    /// The JWK set of a client as it stands.
    pub(crate) async fn document_of(
        &self,
        engine: &Engine,
        client: &Client,
        fetched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Value, Failure> {
        match (&client.metadata.jwks, &client.metadata.jwks_uri) {
            (Some(set), _) => Ok(set.clone()),
            (_, Some(url)) => {
                let document = fetch(engine, url, fetched_since, now).await?;
                let set = jose::object(&document.body).map_err(|why| invalid_client(format!("jwks_uri: {why}")))?;
                Ok(Value::Object(set))
            }
            _ => Err(invalid_client("the client has no registered keys").into()),
        }
    }

    async fn published(
        &self,
        engine: &Engine,
        url: &str,
        fetched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Arc<Jwks>, Failure> {
        let document = fetch(engine, url, fetched_since, now).await?;
        if let Some(known) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(url)
            && Arc::ptr_eq(&known.document, &document)
        {
            return Ok(Arc::clone(&known.keys));
        }
        let keys = Jwks::parse(&document.body).map_err(|why| invalid_client(format!("jwks_uri: {why}")))?;
        let keys = Arc::new(keys);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= MOST {
            read.clear();
        }
        read.insert(url.to_owned(), Read { document, keys: Arc::clone(&keys) });
        Ok(keys)
    }
}

impl fmt::Debug for KeySets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySets")
    }
}

async fn fetch(
    engine: &Engine,
    url: &str,
    fetched_since: Option<Timestamp>,
    now: Timestamp,
) -> Result<Arc<Document>, Failure> {
    let wanted = Wanted { url, types: TYPES, fetched_since };
    engine.fetch.get(&wanted, now).await.map_err(|error| match error {
        FetchError::Refused(_) => invalid_client(format!("jwks_uri: {error}")).into(),
        // Nobody is to blame for what may work in a minute.
        FetchError::Failed(_) => {
            let denied = Denied::new(ErrorCode::TemporarilyUnavailable, "the keys of the client cannot be fetched now");
            denied.because(format!("jwks_uri: {error}")).into()
        }
    })
}

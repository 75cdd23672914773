//! Links in mails: a seal for one purpose, good for a while, and used once.
//!
//! A link that was not made here does not open: there is nothing to guess. Whoever tries all the same is counted by their address, as if
//! they were guessing passwords.

use std::net::IpAddr;

use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{Once, OnceNamespace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::attempts::places;
use crate::failure::{Failure, Fault};
use crate::{Engine, envelope};

/// What was found at a link.
#[derive(Debug, PartialEq, Eq)]
pub enum Looked<T> {
    /// It is good.
    Good(T),
    /// It is too old, was used, or is none of ours.
    Expired,
    /// Too many links from there were none: another may be tried then.
    Wait(Lifetime),
}

/// What a link says, and since when.
#[derive(Serialize, Deserialize)]
pub(super) struct Dated<T> {
    at: Timestamp,
    pub(super) says: T,
}

/// A seal for a link.
pub(super) fn seal(engine: &Engine, purpose: &str, says: &impl Serialize, at: Timestamp) -> Result<String, Fault> {
    envelope::seal(engine, (purpose, &[]), &Dated { at, says })
}

/// What a link says; `None` if it is none of ours for this purpose, or older than that.
pub(super) async fn open<T: DeserializeOwned>(
    engine: &Engine,
    purpose: &str,
    life: Lifetime,
    token: &str,
    now: Timestamp,
) -> Result<Option<Dated<T>>, Fault> {
    let dated: Option<Dated<T>> = envelope::open(engine, (purpose, &[]), token, now).await?;
    Ok(dated.filter(|dated| now < dated.at.plus(life)))
}

impl<T> Dated<T> {
    /// A link is used once: this belongs in the commit of what it does, and stays for as long as the link would be good.
    pub(super) fn used(&self, engine: &Engine, token: &str, life: Lifetime) -> Change {
        Change::InsertOnce(Once {
            namespace: OnceNamespace::MailLink,
            digest: Once::digest(engine.number, b"mail", token),
            expires_at: self.at.plus(life),
        })
    }
}

/// The address of a page of ours with a seal.
pub(super) fn address(engine: &Engine, page: &str, token: &str) -> String {
    let mut link = format!("{}?", engine.issuer.endpoint(page));
    firman_proto::form::append(&mut link, "token", token);
    link
}

/// Looks at a link, if whoever is there may try one.
pub(super) async fn look<T>(
    engine: &Engine,
    from: Option<IpAddr>,
    look: impl Future<Output = Result<Option<T>, Failure>>,
    now: Timestamp,
) -> Result<Looked<T>, Failure> {
    let attempt = match engine.attempts.begin(places(engine, from), now) {
        Ok(attempt) => attempt,
        Err(wait) => return Ok(Looked::Wait(wait)),
    };
    let Some(found) = look.await? else { return Ok(Looked::Expired) };
    attempt.was_right();
    Ok(Looked::Good(found))
}

//! Refused sign-ins and refused clients in the audit trail: told, but not so many that strangers fill a disk.
//!
//! Of each kind so many are written in a minute on one node; the next that is written says how many were not (`unwritten`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{Client, EventKind, Grant, Rest, Subject};
use serde_json::json;

use crate::Engine;
use crate::failure::Fault;

const MINUTE: Lifetime = Lifetime::from_seconds(60);

/// What the audit trail says of those who were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPolicy {
    /// How many of a kind are written in a minute, on one node; 0: none.
    pub refusals_per_minute: u32,
}

impl Default for AuditPolicy {
    fn default() -> Self {
        Self { refusals_per_minute: 60 }
    }
}

/// Counts what is refused. In memory: every node has its own count.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<EventKind, Count>>);

#[derive(Debug, Default)]
struct Count {
    since: Timestamp,
    written: u32,
    unwritten: u64,
}

impl Refusals {
    /// Another one: how many were not written before it, if it is to be.
    fn admit(&self, kind: &EventKind, most: u32, now: Timestamp) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = kinds.entry(kind.clone()).or_default();
        if now >= count.since.plus(MINUTE) || now < count.since {
            (count.since, count.written) = (now, 0);
        }
        if count.written >= most {
            count.unwritten = count.unwritten.saturating_add(1);
            return None;
        }
        count.written += 1;
        Some(std::mem::take(&mut count.unwritten))
    }

    /// It could not be written after all, nor could those before it be told of.
    fn put_back(&self, kind: &EventKind, unwritten: u64) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = kinds.entry(kind.clone()).or_default();
        count.unwritten = count.unwritten.saturating_add(unwritten).saturating_add(1);
    }
}

impl Engine {
    /// Notes that somebody was not signed in: who, if they are known at all (what was typed is not kept: it may be a password), at which
    /// step, and why. A sign-in is refused whether or not that can be written.
    pub(crate) async fn sign_in_refused(&self, who: Option<&Subject>, step: &str, why: &str, now: Timestamp) {
        let about = who.and_then(|who| RecordId::parse(who.as_str())).unwrap_or(RecordId::from_bytes([0; 16]));
        let details = [("step", json!(step)), ("why", json!(why))];
        self.refused((EventKind::SignInFailed, about), (None, who), details, now).await;
    }

    /// Notes that an identity provider, or what is trusted of it, did not sign somebody in, or lets somebody no longer be there.
    pub(crate) async fn upstream_refused(&self, whose: Option<&Grant>, provider: &str, why: &str, now: Timestamp) {
        let about = whose.map_or(RecordId::from_bytes([0; 16]), |grant| grant.id);
        let who = (whose.map(|grant| grant.client), whose.and_then(|grant| grant.subject.as_ref()));
        let details = [("upstream", json!(provider)), ("why", json!(why))];
        self.refused((EventKind::UpstreamRefused, about), who, details, now).await;
    }

    /// Notes that somebody was not taken for a client that there is.
    pub(crate) async fn client_refused(&self, client: &Client, why: &str, now: Timestamp) {
        self.refused((EventKind::ClientRefused, client.id), (Some(client.id), None), [("why", json!(why))], now).await;
    }

    async fn refused(
        &self,
        (kind, about): (EventKind, RecordId),
        (client, who): (Option<RecordId>, Option<&Subject>),
        details: impl IntoIterator<Item = (&'static str, serde_json::Value)>,
        now: Timestamp,
    ) {
        let most = self.policy.audit.refusals_per_minute;
        let Some(unwritten) = self.refusals.admit(&kind, most, now) else { return };
        let mut said: Rest = details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if unwritten > 0 {
            said.insert("unwritten".to_owned(), json!(unwritten));
        }
        let written = async {
            let mut event = self.event(kind.clone(), about, now)?;
            (event.client, event.subject) = (client, who.map(Subject::to_string));
            event.details.extend(said);
            self.commit(vec![Change::Append(Box::new(event))]).await
        };
        let written: Result<_, Fault> = written.await;
        if let Err(fault) = written {
            tracing::warn!(%fault, ?kind, "a refusal cannot be written into the audit trail");
            self.refusals.put_back(&kind, unwritten);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_a_kind_are_written_in_a_minute_and_the_next_tells_of_the_rest() {
        let refusals = Refusals::default();
        let (people, clients) = (EventKind::SignInFailed, EventKind::ClientRefused);
        let at = |second: i64| Timestamp::from_seconds(1_000 + second);
        assert_eq!([0, 1, 2, 3].map(|s| refusals.admit(&people, 2, at(s))), [Some(0), Some(0), None, None]);
        assert_eq!(refusals.admit(&clients, 2, at(4)), Some(0), "another kind has its own count");
        assert_eq!(refusals.admit(&people, 2, at(59)), None);
        assert_eq!(refusals.admit(&people, 2, at(60)), Some(3));
        refusals.put_back(&people, 3);
        assert_eq!(refusals.admit(&people, 2, at(61)), Some(4));
        assert_eq!(refusals.admit(&people, 2, at(62)), None);
        assert_eq!(refusals.admit(&people, 0, at(500)), None, "none at all");
    }
}

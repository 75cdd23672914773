//! What has ended leaves.

use std::collections::BTreeMap;

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::{Day, Timestamp};

use super::tables::{Row, Tables};
use crate::record::{Delivery, Event, Flow, Grant, HeldToken, Name, RevokedToken, Schedule, Session};
use crate::store::{Cutoffs, Swept};

impl Tables {
    pub(super) fn sweep(&mut self, at: Cutoffs, limit: u32) -> Swept {
        let mut left = limit as usize;
        let clients = &self.clients;
        Swept {
            flows: remove(&mut self.flows, &mut left, |id, row| flow(*id, row, at)),
            sessions: remove(&mut self.sessions, &mut left, |_, row| session(row, at)),
            revoked_tokens: remove(&mut self.revoked, &mut left, |key, _| revoked_token(*key, at)),
            once: remove(&mut self.once, &mut left, |key, _| key.0 < at.once.day()),
            deliveries: remove(&mut self.deliveries, &mut left, |id, row| delivery(*id, row, at)),
            session_clients: remove(&mut self.session_clients, &mut left, |key, _| key.0 < at.sessions.day()),
            events: remove(&mut self.events, &mut left, |_, row| event(row, at)),
            grants: remove(&mut self.grants, &mut left, |_, row| {
                grant(row, at)
                    || (row.record.expires_at == Timestamp::NEVER && !clients.contains_key(&row.record.client))
            }),
            names: remove(&mut self.names, &mut left, |_, row| name(row, at)),
            held_tokens: remove(&mut self.held_tokens, &mut left, |_, row| held_token(row, at)),
            keys: remove(&mut self.signing_keys, &mut left, |_, row| key(row.record.schedule, at))
                + remove(&mut self.seal_keys, &mut left, |_, row| key(row.record.schedule, at)),
        }
    }

    pub(super) fn overdue(&self, at: Cutoffs, limit: u32) -> Swept {
        Swept {
            flows: count(&self.flows, limit, |id, row| flow(*id, row, at)),
            sessions: count(&self.sessions, limit, |_, row| session(row, at)),
            revoked_tokens: count(&self.revoked, limit, |key, _: &RevokedToken| revoked_token(*key, at)),
            once: count(&self.once, limit, |key, _| key.0 < at.once.day()),
            deliveries: count(&self.deliveries, limit, |id, row| delivery(*id, row, at)),
            session_clients: count(&self.session_clients, limit, |key, _| key.0 < at.sessions.day()),
            events: count(&self.events, limit, |_, row| event(row, at)),
            grants: count(&self.grants, limit, |_, row| grant(row, at)),
            names: count(&self.names, limit, |_, row| name(row, at)),
            held_tokens: count(&self.held_tokens, limit, |_, row| held_token(row, at)),
            keys: count(&self.signing_keys, limit, |_, row| key(row.record.schedule, at))
                + count(&self.seal_keys, limit, |_, row| key(row.record.schedule, at)),
        }
    }
}

// What has the day first in its key leaves a whole day at a time, when the day is over.

fn flow(id: RecordId, row: &Row<Flow>, at: Cutoffs) -> bool {
    id.made_at().day() < at.flows.day() && row.record.expires_at < at.flows
}

fn delivery(id: RecordId, row: &Row<Delivery>, at: Cutoffs) -> bool {
    id.made_at().day() < at.deliveries.day() && row.record.expires_at < at.deliveries
}

fn revoked_token((day, ..): (Day, RecordId, Digest16), at: Cutoffs) -> bool {
    day < at.revoked_tokens.day()
}

fn event(event: &Event, at: Cutoffs) -> bool {
    event.at.day() < at.events.day()
}

fn session(row: &Row<Session>, at: Cutoffs) -> bool {
    row.record.expires_at < at.sessions
}

fn grant(row: &Row<Grant>, at: Cutoffs) -> bool {
    row.record.expires_at.day() < at.grants.day()
}

fn name(row: &Row<Name>, at: Cutoffs) -> bool {
    row.record.expires_at < at.names
}

fn held_token(row: &Row<HeldToken>, at: Cutoffs) -> bool {
    row.record.expires_at < at.held_tokens
}

fn key(schedule: Schedule, at: Cutoffs) -> bool {
    schedule.ends_at < at.keys
}

fn remove<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, left: &mut usize, ended: impl Fn(&K, &V) -> bool) -> u64 {
    let gone: Vec<K> =
        map.iter().filter(|(key, value)| ended(key, value)).map(|(key, _)| key.clone()).take(*left).collect();
    *left -= gone.len();
    for key in &gone {
        map.remove(key);
    }
    gone.len() as u64
}

fn count<K, V>(map: &BTreeMap<K, V>, limit: u32, ended: impl Fn(&K, &V) -> bool) -> u64 {
    map.iter().filter(|(key, value)| ended(key, value)).take(limit as usize).count() as u64
}

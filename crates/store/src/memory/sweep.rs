//! What has ended leaves.

use std::collections::BTreeMap;

use super::tables::Tables;
use crate::store::{Cutoffs, Swept};

impl Tables {
    pub(super) fn sweep(&mut self, cutoffs: Cutoffs, limit: u32) -> Swept {
        let before = cutoffs.records;
        let mut left = limit as usize;
        Swept {
            // What has the day first in its key leaves a whole day at a time, when the day is over.
            flows: remove(&mut self.flows, &mut left, |id, row| {
                id.made_at().day() < before.day() && row.record.expires_at < before
            }),
            sessions: remove(&mut self.sessions, &mut left, |id, row| {
                id.made_at().day() < before.day() && row.record.expires_at < before
            }),
            revoked_tokens: remove(&mut self.revoked, &mut left, |(day, ..), _| *day < before.day()),
            events: remove(&mut self.events, &mut left, |(day, ..), _| *day < cutoffs.events.day()),
            grants: remove(&mut self.grants, &mut left, |_, row| row.record.expires_at < before),
            names: remove(&mut self.names, &mut left, |_, row| row.record.expires_at < before),
            keys: remove(&mut self.signing_keys, &mut left, |_, row| row.record.schedule.ends_at < before)
                + remove(&mut self.seal_keys, &mut left, |_, row| row.record.schedule.ends_at < before),
        }
    }
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

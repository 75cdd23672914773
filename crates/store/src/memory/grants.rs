//! How grants change.

use firman_proto::id::RecordId;
use firman_proto::seal::Salt;
use firman_proto::time::Timestamp;

use super::tables::{Lost, Row, Tables, Undo, nothing, put};
use crate::change::{CommitId, Rotation};
use crate::record::{Epochs, Grant, RevokeReason};

impl Tables {
    pub(super) fn move_expiry(
        &mut self,
        id: RecordId,
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
        by: CommitId,
    ) -> Result<Undo, Lost> {
        self.update_grant(id, by, |grant| {
            let holds = grant.is_live(now) && grant.expires_at == from;
            grant.expires_at = to;
            holds
        })
    }

    pub(super) fn revoke_grant(&mut self, id: RecordId, reason: RevokeReason, now: Timestamp, by: CommitId) -> Undo {
        let revoked = self.update_grant(id, by, |grant| {
            let live = grant.revoked_at.is_none();
            (grant.revoked_at, grant.reason) = (Some(now), Some(reason));
            live
        });
        revoked.unwrap_or_else(|_| nothing())
    }

    pub(super) fn touch_grant(&mut self, id: RecordId, now: Timestamp, by: CommitId) -> Undo {
        let touched = self.update_grant(id, by, |grant| {
            let later = grant.revoked_at.is_none() && grant.last_used_at.is_none_or(|last| last < now);
            grant.last_used_at = Some(now);
            later
        });
        touched.unwrap_or_else(|_| nothing())
    }

    pub(super) fn resalt_grant(
        &mut self,
        id: RecordId,
        (from, to): (&Salt, Salt),
        epochs: Epochs,
        by: CommitId,
    ) -> Result<Undo, Lost> {
        self.update_grant(id, by, |grant| {
            let holds = grant.revoked_at.is_none() && grant.salt == *from;
            (grant.salt, grant.epochs) = (to, epochs);
            holds
        })
    }

    fn update_grant(
        &mut self,
        id: RecordId,
        by: CommitId,
        change: impl FnOnce(&mut Grant) -> bool,
    ) -> Result<Undo, Lost> {
        let mut grant = self.grants.get(&id).ok_or(Lost)?.record.clone();
        let holds = change(&mut grant);
        if holds { Ok(put(self, |t| &mut t.grants, id, Some(Row { record: grant, won_by: by }))) } else { Err(Lost) }
    }

    pub(super) fn rotate(&mut self, rotation: Rotation, by: CommitId) -> Result<Undo, Lost> {
        self.update_grant(rotation.id, by, |grant| {
            let live = grant.is_live(rotation.to.since);
            let Some(refresh) = grant.refresh.as_mut().filter(|refresh| live && refresh.generation == rotation.from)
            else {
                return false;
            };
            refresh.generation += 1;
            let before = std::mem::replace(&mut refresh.current, rotation.to);
            refresh.earlier = refresh.before.replace(before);
            (refresh.seal_key, refresh.last_access) = (rotation.seal_key, rotation.last_access);
            refresh.retry_closed = false;
            grant.expires_at = rotation.expires_at.unwrap_or(grant.expires_at);
            true
        })
    }

    pub(super) fn close_retry(&mut self, id: RecordId, generation: u64, by: CommitId) -> Result<Undo, Lost> {
        self.update_grant(id, by, |grant| {
            let Some(refresh) = grant.refresh.as_mut().filter(|refresh| refresh.generation == generation) else {
                return false;
            };
            refresh.retry_closed = true;
            true
        })
    }
}

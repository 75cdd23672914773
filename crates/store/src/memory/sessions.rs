//! How sessions change.

use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;

use super::tables::{Lost, Row, Tables, Undo, nothing, put};
use crate::change::{CommitId, Renewal};
use crate::record::Session;

impl Tables {
    pub(super) fn touch_session(&mut self, id: RecordId, now: Timestamp, by: CommitId) -> Undo {
        let touched = self.update_session(id, by, |session| {
            let later = session.ended_at.is_none() && session.last_seen < now;
            session.last_seen = now;
            later
        });
        touched.unwrap_or_else(|_| nothing())
    }

    pub(super) fn end_session(&mut self, id: RecordId, now: Timestamp, by: CommitId) -> Undo {
        let ended = self.update_session(id, by, |session| session.ended_at.replace(now).is_none());
        ended.unwrap_or_else(|_| nothing())
    }

    fn update_session(
        &mut self,
        id: RecordId,
        by: CommitId,
        change: impl FnOnce(&mut Session) -> bool,
    ) -> Result<Undo, Lost> {
        let mut session = self.sessions.get(&id).ok_or(Lost)?.record.clone();
        let holds = change(&mut session);
        if holds {
            Ok(put(self, |t| &mut t.sessions, id, Some(Row { record: session, won_by: by })))
        } else {
            Err(Lost)
        }
    }

    pub(super) fn renew_session(&mut self, renewal: Renewal, by: CommitId) -> Result<Undo, Lost> {
        self.update_session(renewal.id, by, |session| {
            let holds = session.is_live(renewal.now) && session.salt == renewal.from_salt;
            session.salt = renewal.to_salt;
            (session.auth_time, session.last_seen) = (renewal.auth_time, renewal.now);
            session.details = renewal.details;
            holds
        })
    }
}

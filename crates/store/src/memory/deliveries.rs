//! How deliveries change.

use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;

use super::tables::{Lost, Row, Tables, Undo, insert, nothing, put};
use crate::change::{CommitId, DeliveryFate};
use crate::record::{Delivery, DeliveryState};

impl Tables {
    pub(super) fn insert_delivery(&mut self, delivery: Delivery, by: CommitId) -> Undo {
        let (id, row) = (delivery.id, Row { record: delivery, won_by: by });
        insert(self, |t| &mut t.deliveries, id, row).unwrap_or_else(|_| nothing())
    }

    pub(super) fn take_delivery(
        &mut self,
        id: RecordId,
        seen: u32,
        until: Timestamp,
        by: CommitId,
    ) -> Result<Undo, Lost> {
        self.update_delivery(id, seen, by, |delivery| {
            delivery.attempts += 1;
            delivery.state = DeliveryState::Due { at: until };
        })
    }

    /// Guard: it is due and was taken so often.
    fn update_delivery(
        &mut self,
        id: RecordId,
        seen: u32,
        by: CommitId,
        change: impl FnOnce(&mut Delivery),
    ) -> Result<Undo, Lost> {
        let mut delivery = self.deliveries.get(&id).ok_or(Lost)?.record.clone();
        if delivery.attempts != seen || !matches!(delivery.state, DeliveryState::Due { .. }) {
            return Err(Lost);
        }
        change(&mut delivery);
        Ok(put(self, |t| &mut t.deliveries, id, Some(Row { record: delivery, won_by: by })))
    }

    pub(super) fn finish_delivery(&mut self, fate: DeliveryFate, by: CommitId) -> Result<Undo, Lost> {
        self.update_delivery(fate.id, fate.seen, by, |delivery| {
            (delivery.state, delivery.error) = (fate.state, fate.error);
            if matches!(fate.state, DeliveryState::Done { .. }) {
                delivery.sealed.clear();
            }
        })
    }
}

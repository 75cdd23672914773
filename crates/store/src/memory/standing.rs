//! Who won a row, and what the life of a record depends on.

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;

use super::tables::Tables;
use crate::change::{CommitId, EditableKey, RowKey};
use crate::record::{EpochKey, Epochs, Grant};
use crate::store::ParentStanding;

impl Tables {
    pub(super) fn winner(&self, row: RowKey) -> Option<CommitId> {
        match row {
            RowKey::Editable(EditableKey::Client(id)) => self.clients.get(&id).map(|row| row.won_by),
            RowKey::Editable(EditableKey::Account(id)) => self.accounts.get(&id).map(|row| row.won_by),
            RowKey::Editable(EditableKey::Consent(key)) => self.consents.get(&key).map(|row| row.won_by),
            RowKey::Editable(EditableKey::Resource(id)) => self.resources.get(&id).map(|row| row.won_by),
            RowKey::Editable(EditableKey::HeldToken(key)) => self.held_tokens.get(&key).map(|row| row.won_by),
            RowKey::Editable(EditableKey::HeldClaims(key)) => self.held_claims.get(&key).map(|row| row.won_by),
            RowKey::Editable(EditableKey::SigningKey(id)) => self.signing_keys.get(&id).map(|row| row.won_by),
            RowKey::Editable(EditableKey::SealKey(issuer, number)) => {
                self.seal_keys.get(&(issuer, number)).map(|row| row.won_by)
            }
            RowKey::Editable(EditableKey::Deployment) => self.deployment.get(&()).map(|row| row.won_by),
            RowKey::Name(namespace, digest) => self.names.get(&(namespace, digest)).map(|row| row.won_by),
            RowKey::Once(day, namespace, digest) => self.once.get(&(day, namespace, digest)).map(|row| row.won_by),
            RowKey::Flow(id) => self.flows.get(&id).map(|row| row.won_by),
            RowKey::Grant(id) => self.grants.get(&id).map(|row| row.won_by),
            RowKey::Delivery(id) => self.deliveries.get(&id).map(|row| row.won_by),
            RowKey::Session(id) => self.sessions.get(&id).map(|row| row.won_by),
        }
    }

    pub(super) fn is_enabled(&self, client: RecordId) -> bool {
        self.clients.get(&client).is_some_and(|row| row.record.enabled)
    }

    pub(super) fn parent(&self, id: RecordId) -> ParentStanding {
        let live = |parent: &&Grant| {
            parent.revoked_at.is_none() && self.is_enabled(parent.client) && parent.epochs == self.epochs_of(parent)
        };
        let parent = self.grants.get(&id).map(|row| &row.record).filter(live);
        let expires_at = parent.map_or(Timestamp::from_millis(0), |parent| parent.expires_at);
        ParentStanding { revoked: parent.is_none(), expires_at }
    }

    pub(super) fn epochs_of(&self, grant: &Grant) -> Epochs {
        self.epochs(Some(grant.client), grant.subject.as_ref().map(|subject| subject.key(grant.issuer)))
    }

    pub(super) fn epochs(&self, client: Option<RecordId>, subject: Option<Digest16>) -> Epochs {
        let of = |key| self.epochs.get(&key).copied().unwrap_or(0);
        Epochs {
            everything: of(EpochKey::Everything),
            client: client.map_or(0, |id| of(EpochKey::Client(id))),
            subject: subject.map_or(0, |key| of(EpochKey::Subject(key))),
        }
    }
}

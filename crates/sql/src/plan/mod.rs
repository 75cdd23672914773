//! A transaction as the statements that make it happen.

mod editable;
mod steps;

use firman_proto::id::RecordId;
use firman_store::record::{ConsentKey, Resource};
use firman_store::{Change, Editable, EditableKey, StoreError, Transaction};

pub(crate) use self::editable::key_values;
#[cfg(feature = "bench")]
pub(crate) use self::steps::rotate;
use self::steps::step;
use crate::value::{Value, Write};

/// What must be done, all or nothing.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// Whether a guard may fail after something was changed, as far as can be seen from the changes. A driver that merges
    /// plans must then be able to take this one back alone.
    pub(crate) may_fail_late: bool,
    /// The records it touches, the one of its first change first; none where nobody counted. A flow and its grant are one.
    pub(crate) records: Vec<[u8; 16]>,
}

/// One change.
#[derive(Debug)]
pub(crate) struct Step {
    /// The statement.
    pub(crate) write: Write,
    /// What to try if the first changed no row.
    pub(crate) otherwise: Option<Write>,
    /// Changing no row makes the commit a conflict.
    pub(crate) guarded: bool,
}

impl Plan {
    /// The statements of a transaction: one step for each change, in their order.
    pub(crate) fn of(transaction: Transaction) -> Result<Self, StoreError> {
        let transaction = transaction.with_edition();
        let may_fail_late = may_fail_late(&transaction.changes);
        let records = transaction.changes.iter().flat_map(records).collect();
        let by = transaction.id;
        let steps = transaction.changes.into_iter().map(|change| step(change, by)).collect();
        let plan = Self { steps, may_fail_late, records };
        plan.check_text()?;
        Ok(plan)
    }

    /// Statements without guards.
    pub(crate) fn unguarded(writes: impl IntoIterator<Item = Write>) -> Self {
        let step = |write| Step { write, otherwise: None, guarded: false };
        let steps = writes.into_iter().map(step).collect();
        Self { steps, may_fail_late: false, records: Vec::new() }
    }

    /// Not every database takes a NUL in text, so none does.
    fn check_text(&self) -> Result<(), StoreError> {
        let writes = self.steps.iter().flat_map(|step| [Some(&step.write), step.otherwise.as_ref()]).flatten();
        let holds_nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
        if writes.flat_map(|write| &write.values).any(holds_nul) {
            let cause = "a text holds a NUL character".to_owned();
            return Err(StoreError { what: "commit", cause, temporary: false });
        }
        Ok(())
    }
}

/// Whether a guard after the first change may fail. A grant that a claimed flow becomes cannot be there before the claim.
fn may_fail_late(changes: &[Change]) -> bool {
    let claimed =
        |id: RecordId| changes.iter().any(|change| matches!(change, Change::ClaimFlow { id: flow, .. } if *flow == id));
    changes.iter().skip(1).any(|change| match change {
        Change::InsertGrant(grant) => !claimed(grant.id),
        other => other.deciding_row().is_some(),
    })
}

/// What no two changes may touch at once without one waiting for the other. Two that are alike by chance wait in vain, and no
/// more than that.
fn records(change: &Change) -> Vec<[u8; 16]> {
    let editable = |key| match key {
        EditableKey::Client(id)
        | EditableKey::Account(id)
        | EditableKey::Resource(id)
        | EditableKey::SigningKey(id) => *id.as_bytes(),
        EditableKey::Consent(ConsentKey { subject, .. }) => subject.0,
        EditableKey::HeldToken(key) | EditableKey::HeldClaims(key) => key.0,
        EditableKey::SealKey(..) | EditableKey::Deployment => [0; 16],
    };
    let one = match change {
        Change::Insert(record) | Change::Replace { record, .. } => {
            if let Editable::Client(client) = record {
                let unique = firman_store::record::Client::key(client.issuer, &client.client_id);
                return vec![*client.id.as_bytes(), unique.0];
            }
            if let Editable::Resource(resource) = record {
                let unique = Resource::key(resource.issuer, &resource.identifier);
                return vec![*resource.id.as_bytes(), unique.0];
            }
            editable(record.key())
        }
        Change::Remove { key, .. } => editable(*key),
        Change::TakeName { name, .. } => name.digest.0,
        Change::ReleaseName { digest, .. } => digest.0,
        Change::InsertFlow(flow) => *flow.id.as_bytes(),
        Change::ApproveFlow(approved) => *approved.id.as_bytes(),
        Change::InsertOnce(once) => once.digest.0,
        Change::InsertGrant(grant) => *grant.id.as_bytes(),
        Change::Rotate(rotation) => *rotation.id.as_bytes(),
        Change::JoinSession { session, .. } => *session.as_bytes(),
        Change::InsertDelivery(delivery) => *delivery.id.as_bytes(),
        Change::FinishDelivery(fate) => *fate.id.as_bytes(),
        Change::ClaimFlow { id, .. }
        | Change::CountAttempt { id, .. }
        | Change::TouchGrant { id, .. }
        | Change::TakeDelivery { id, .. }
        | Change::CountMiss { id, .. }
        | Change::DenyFlow { id, .. }
        | Change::PollFlow { id, .. }
        | Change::RevokeFlow { id }
        | Change::CloseRetry { id, .. }
        | Change::MoveExpiry { id, .. }
        | Change::RevokeGrant { id, .. }
        | Change::ResaltGrant { id, .. }
        | Change::TouchSession { id, .. }
        | Change::EndSession { id, .. } => *id.as_bytes(),
        Change::RevokeToken(token) => token.digest.0,
        Change::InsertSession(session) => *session.id.as_bytes(),
        Change::RenewSession(renewal) => *renewal.id.as_bytes(),
        Change::AdvanceEpoch(key) => key.parts().1,
        Change::Append(event) => *event.id.as_bytes(),
    };
    vec![one]
}

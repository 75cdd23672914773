//! A transaction as the statements that make it happen.

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::seal::Salt;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{
    ConsentKey, Delivery, DeliveryState, EpochKey, Epochs, Flow, FlowFailure, Grant, Name, Once, Resource,
    RevokeReason, RevokedToken, Session,
};
use firman_store::{
    Change, CommitId, DeliveryFate, Editable, EditableKey, FlowApproval, Renewal, Rotation, StoreError, Transaction,
};

use crate::records::{account, client, consent, delivery, event, flow, grant, held, key, once, resource, session};
use crate::statements::Statement;
use crate::value::{Value, Write, values};

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

fn step(change: Change, by: CommitId) -> Step {
    let guarded = change.deciding_row().is_some();
    let (write, otherwise) = match change {
        Change::Insert(record) => (insert(&record, by), None),
        Change::Replace { record, if_revision } => (replace(&record, if_revision, by), None),
        Change::Remove { key, if_revision } => (remove(key, if_revision), None),
        Change::CountAttempt { id, seen, to } => {
            let mut values: Vec<Value> = account::attempts_values(to).into();
            values.extend(values![by, id, seen]);
            (Write { statement: Statement::CountAttempt, values }, None)
        }
        Change::TakeName { name, now } => take_name(name, now, by),
        Change::ReleaseName { namespace, digest, id } => {
            (Write { statement: Statement::ReleaseName, values: values![namespace.number(), digest, id] }, None)
        }
        Change::InsertFlow(flow) => (insert_flow(&flow, by), None),
        Change::ClaimFlow { id, session, now } => (claim_flow(id, session, now, by), None),
        Change::CountMiss { id, seen, limit } => (count_miss(id, seen, limit, by), None),
        Change::ApproveFlow(approved) => (approve_flow(&approved, by), None),
        Change::DenyFlow { id, failure, now } => (deny_flow(id, failure, now, by), None),
        Change::PollFlow { id, seen, interval, now } => (poll_flow(id, seen, interval, now, by), None),
        Change::RevokeFlow { id } => (revoke_flow(id, by), None),
        Change::InsertOnce(once) => (insert_once(&once, by), None),
        Change::InsertGrant(grant) => (insert_grant(&grant, by), None),
        Change::Rotate(rotation) => (rotate(&rotation, by), None),
        Change::CloseRetry { id, generation } => {
            (Write { statement: Statement::CloseRetry, values: values![by, id, generation] }, None)
        }
        Change::MoveExpiry { id, from, to, now } => {
            (Write { statement: Statement::MoveExpiry, values: values![to, by, id, from, now] }, None)
        }
        Change::RevokeGrant { id, reason, now } => (revoke_grant(id, reason, now, by), None),
        Change::TouchGrant { id, now } => {
            (Write { statement: Statement::TouchGrant, values: values![now, by, id, now] }, None)
        }
        Change::ResaltGrant { id, from, to, epochs } => (resalt_grant(id, (&from, &to), epochs, by), None),
        Change::RevokeToken(token) => (revoke_token(token), None),
        Change::InsertSession(session) => (insert_session(&session, by), None),
        Change::RenewSession(renewal) => (renew_session(&renewal, by), None),
        Change::TouchSession { id, now } => {
            let values = values![now, by, id.made_at().day(), id, now];
            (Write { statement: Statement::TouchSession, values }, None)
        }
        Change::EndSession { id, now } => {
            (Write { statement: Statement::EndSession, values: values![now, by, id.made_at().day(), id] }, None)
        }
        Change::JoinSession { session, client, expires_at } => (join_session(session, client, expires_at), None),
        Change::InsertDelivery(delivery) => (insert_delivery(&delivery, by), None),
        Change::TakeDelivery { id, seen, until } => (take_delivery(id, seen, until, by), None),
        Change::FinishDelivery(fate) => (finish_delivery(&fate, by), None),
        Change::AdvanceEpoch(key) => advance_epoch(key),
        Change::Append(event) => (append(&event), None),
    };
    Step { write, otherwise, guarded }
}

/// A row, then its key again for the `NOT EXISTS`.
fn insert_if_absent(statement: Statement, mut row: Vec<Value>, key: Vec<Value>) -> Write {
    row.extend(key);
    Write { statement, values: row }
}

fn insert(record: &Editable, by: CommitId) -> Write {
    let (statement, row, key) = match record {
        Editable::Client(record) => {
            let unique = firman_store::record::Client::key(record.issuer, &record.client_id);
            (Statement::InsertClient, client::row(record, by), values![record.id, unique])
        }
        Editable::Account(record) => (Statement::InsertAccount, account::row(record, by), values![record.id]),
        Editable::Consent(record) => {
            (Statement::InsertConsent, consent::row(record, by), key_values(EditableKey::Consent(record.key())))
        }
        Editable::Resource(record) => {
            let unique = Resource::key(record.issuer, &record.identifier);
            (Statement::InsertResource, resource::row(record, by), values![record.id, unique])
        }
        Editable::HeldToken(record) => (Statement::InsertHeldToken, held::token_row(record, by), values![record.key]),
        Editable::HeldClaims(record) => {
            (Statement::InsertHeldClaims, held::claims_row(record, by), values![record.key()])
        }
        Editable::SigningKey(record) => (Statement::InsertSigningKey, key::signing_row(record, by), values![record.id]),
        Editable::SealKey(record) => {
            (Statement::InsertSealKey, key::seal_row(record, by), values![record.issuer, record.number])
        }
        Editable::Deployment(record) => {
            let mut row = values![1_i64];
            row.extend(key::deployment_editable(record, 0, by));
            (Statement::InsertDeployment, row, vec![])
        }
    };
    insert_if_absent(statement, row, key)
}

fn replace(record: &Editable, if_revision: u64, by: CommitId) -> Write {
    let next = if_revision.wrapping_add(1);
    let (statement, mut values) = match record {
        Editable::Client(record) => (Statement::ReplaceClient, client::editable(record, next, by)),
        Editable::Account(record) => (Statement::ReplaceAccount, account::editable(record, next, by)),
        Editable::Consent(record) => (Statement::ReplaceConsent, consent::editable(record, next, by)),
        Editable::Resource(record) => (Statement::ReplaceResource, resource::editable(record, next, by)),
        Editable::HeldToken(record) => (Statement::ReplaceHeldToken, held::token_editable(record, next, by)),
        Editable::HeldClaims(record) => (Statement::ReplaceHeldClaims, held::claims_editable(record, next, by)),
        Editable::SigningKey(record) => (Statement::ReplaceSigningKey, key::signing_editable(record, next, by)),
        Editable::SealKey(record) => (Statement::ReplaceSealKey, key::seal_editable(record, next, by)),
        Editable::Deployment(record) => (Statement::ReplaceDeployment, key::deployment_editable(record, next, by)),
    };
    values.extend(key_values(record.key()));
    values.push(if_revision.into());
    if let Editable::Client(record) = record {
        // A client id is not edited.
        values.push(firman_store::record::Client::key(record.issuer, &record.client_id).into());
    }
    if let Editable::Resource(record) = record {
        // Nor is an identifier.
        values.push(Resource::key(record.issuer, &record.identifier).into());
    }
    Write { statement, values }
}

fn remove(key: EditableKey, if_revision: u64) -> Write {
    let statement = match key {
        EditableKey::Client(_) => Statement::RemoveClient,
        EditableKey::Account(_) => Statement::RemoveAccount,
        EditableKey::Consent(_) => Statement::RemoveConsent,
        EditableKey::Resource(_) => Statement::RemoveResource,
        EditableKey::HeldToken(_) => Statement::RemoveHeldToken,
        EditableKey::HeldClaims(_) => Statement::RemoveHeldClaims,
        EditableKey::SigningKey(_) => Statement::RemoveSigningKey,
        EditableKey::SealKey(..) => Statement::RemoveSealKey,
        EditableKey::Deployment => Statement::RemoveDeployment,
    };
    let mut values = key_values(key);
    values.push(if_revision.into());
    Write { statement, values }
}

/// The key of an editable record as parameters.
pub(crate) fn key_values(key: EditableKey) -> Vec<Value> {
    match key {
        EditableKey::Client(id)
        | EditableKey::Account(id)
        | EditableKey::Resource(id)
        | EditableKey::SigningKey(id) => values![id],
        EditableKey::Consent(ConsentKey { subject, client }) => values![subject, client],
        EditableKey::HeldToken(key) | EditableKey::HeldClaims(key) => values![key],
        EditableKey::SealKey(issuer, number) => values![issuer, number],
        EditableKey::Deployment => vec![],
    }
}

fn take_name(name: Name, now: Timestamp, by: CommitId) -> (Write, Option<Write>) {
    let key: (u8, Digest16) = (name.namespace.number(), name.digest);
    let over = values![name.id, name.expires_at, by, key.0, key.1, now, name.id];
    let row = values![key.0, key.1, name.id, name.expires_at, by];
    let insert = insert_if_absent(Statement::InsertName, row, values![key.0, key.1]);
    (Write { statement: Statement::TakeOverName, values: over }, Some(insert))
}

fn insert_flow(flow: &Flow, by: CommitId) -> Write {
    insert_if_absent(Statement::InsertFlow, flow::row(flow, by), values![flow.id.made_at().day(), flow.id])
}

fn claim_flow(id: RecordId, session: Option<RecordId>, now: Timestamp, by: CommitId) -> Write {
    let mut values = values![flow::DONE, now, by, id.made_at().day(), id, flow::READY, now];
    values.extend(values![session.map(|id| id.made_at().day()), session]);
    Write { statement: Statement::ClaimFlow, values }
}

fn count_miss(id: RecordId, seen: u32, limit: u32, by: CommitId) -> Write {
    let misses = seen.saturating_add(1);
    let state = if misses >= limit { flow::FAILED } else { flow::READY };
    let values = values![misses, state, by, id.made_at().day(), id, flow::READY, seen];
    Write { statement: Statement::CountMiss, values }
}

fn approve_flow(approved: &FlowApproval, by: CommitId) -> Write {
    let id = approved.id;
    let mut values = values![flow::READY, approved.expires_at];
    values.extend(flow::approval_values(&approved.approval, approved.issuer));
    values.extend(values![approved.upstream.as_deref(), by, id.made_at().day(), id, flow::PENDING, approved.now]);
    Write { statement: Statement::ApproveFlow, values }
}

fn deny_flow(id: RecordId, failure: Option<FlowFailure>, now: Timestamp, by: CommitId) -> Write {
    let state = if failure.is_some() { flow::FAILED } else { flow::DENIED };
    let values = values![state, failure.map(FlowFailure::number), by, id.made_at().day(), id, flow::PENDING, now];
    Write { statement: Statement::DenyFlow, values }
}

fn poll_flow(id: RecordId, seen: Option<Timestamp>, interval: Lifetime, now: Timestamp, by: CommitId) -> Write {
    let seen = seen.unwrap_or(Timestamp::from_millis(0));
    let values = values![now, interval.millis(), by, id.made_at().day(), id, flow::PENDING, seen];
    Write { statement: Statement::PollFlow, values }
}

fn revoke_flow(id: RecordId, by: CommitId) -> Write {
    let values = values![flow::REVOKED, by, id.made_at().day(), id, flow::PENDING, flow::READY];
    Write { statement: Statement::RevokeFlow, values }
}

fn insert_once(seen: &Once, by: CommitId) -> Write {
    let key = values![seen.day(), seen.namespace.number(), seen.digest];
    insert_if_absent(Statement::InsertOnce, once::row(seen, by), key)
}

fn insert_grant(grant: &Grant, by: CommitId) -> Write {
    insert_if_absent(Statement::InsertGrant, grant::row(grant, by), values![grant.id])
}

pub(crate) fn rotate(rotation: &Rotation, by: CommitId) -> Write {
    let (to, access) = (&rotation.to, rotation.last_access);
    let values = values![
        rotation.from.wrapping_add(1),
        &to.salt,
        to.since,
        rotation.seal_key,
        access.serial,
        access.expires_at,
        rotation.expires_at,
        by,
        rotation.id,
        rotation.from,
        to.since,
    ];
    Write { statement: Statement::Rotate, values }
}

fn revoke_grant(id: RecordId, reason: RevokeReason, now: Timestamp, by: CommitId) -> Write {
    Write { statement: Statement::RevokeGrant, values: values![now, reason.number(), by, id] }
}

fn resalt_grant(id: RecordId, (from, to): (&Salt, &Salt), epochs: Epochs, by: CommitId) -> Write {
    let values = values![to, epochs.everything, epochs.client, epochs.subject, by, id, from];
    Write { statement: Statement::ResaltGrant, values }
}

fn revoke_token(token: RevokedToken) -> Write {
    let row = values![token.day, token.grant, token.digest, token.expires_at];
    insert_if_absent(Statement::RevokeToken, row, values![token.day, token.grant, token.digest])
}

fn insert_session(session: &Session, by: CommitId) -> Write {
    let key = values![session.id.made_at().day(), session.id];
    insert_if_absent(Statement::InsertSession, session::row(session, by), key)
}

fn renew_session(renewal: &Renewal, by: CommitId) -> Write {
    let (id, now, proved) = (renewal.id, renewal.now, renewal.auth_time);
    let details = session::details_text(&renewal.details);
    let values = values![&renewal.to_salt, proved, now, details, by, id.made_at().day(), id, now, &renewal.from_salt];
    Write { statement: Statement::RenewSession, values }
}

fn join_session(session: RecordId, client: RecordId, expires_at: Timestamp) -> Write {
    let row = values![expires_at.day(), session, client, expires_at];
    insert_if_absent(Statement::JoinSession, row, values![expires_at.day(), session, client])
}

fn insert_delivery(delivery: &Delivery, by: CommitId) -> Write {
    let key = values![delivery.id.made_at().day(), delivery.id];
    insert_if_absent(Statement::InsertDelivery, delivery::row(delivery, by), key)
}

fn take_delivery(id: RecordId, seen: u32, until: Timestamp, by: CommitId) -> Write {
    let values = values![seen.wrapping_add(1), until, by, id.made_at().day(), id, delivery::DUE, seen];
    Write { statement: Statement::TakeDelivery, values }
}

fn finish_delivery(fate: &DeliveryFate, by: CommitId) -> Write {
    let emptied = matches!(fate.state, DeliveryState::Done { .. }).then_some(&[][..]);
    let mut values: Vec<Value> = delivery::state_values(fate.state).into();
    values.extend(values![emptied, fate.error.as_deref(), by]);
    values.extend(values![fate.id.made_at().day(), fate.id, delivery::DUE, fate.seen]);
    Write { statement: Statement::FinishDelivery, values }
}

fn advance_epoch(key: EpochKey) -> (Write, Option<Write>) {
    let (kind, id) = key.parts();
    let first = insert_if_absent(Statement::FirstEpoch, values![kind, id, 1_i64], values![kind, id]);
    (Write { statement: Statement::AdvanceEpoch, values: values![kind, id] }, Some(first))
}

fn append(event: &firman_store::record::Event) -> Write {
    insert_if_absent(Statement::Append, event::row(event), values![event.at.day(), event.about, event.id])
}

//! Each change as the statement that makes it happen.

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::seal::Salt;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{
    Delivery, DeliveryState, EpochKey, Epochs, Flow, FlowFailure, Grant, Name, Once, RevokeReason, RevokedToken,
    Session,
};
use firman_store::{Change, CommitId, DeliveryFate, FlowApproval, Renewal, Rotation};

use super::Step;
use super::editable::{insert, insert_if_absent, remove, replace};
use crate::records::{account, delivery, event, flow, grant, once, session};
use crate::statements::Statement;
use crate::value::{Value, Write, values};

/// The statement of one change, and what it needs to hold.
pub(super) fn step(change: Change, by: CommitId) -> Step {
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

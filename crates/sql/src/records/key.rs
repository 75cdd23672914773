//! Signing keys, seal keys and the deployment.

use firman_proto::jws::Algorithm;
use firman_store::record::{Deployment, Schedule, SealKey, SigningKey};
use firman_store::{CommitId, StoreError};

use super::body;
use crate::row::Columns;
use crate::value::{Value, values};

/// A whole row of a signing key.
pub(crate) fn signing_row(key: &SigningKey, by: CommitId) -> Vec<Value> {
    let mut row = values![key.id, key.issuer];
    row.extend(signing_editable(key, 0, by));
    row
}

/// What an edit of a signing key writes.
pub(crate) fn signing_editable(key: &SigningKey, revision: u64, by: CommitId) -> Vec<Value> {
    let jwk = serde_json::Value::Object(body::members(&key.jwk)).to_string();
    let mut row = values![key.algorithm.as_str(), jwk, key.sealed.as_slice()];
    row.extend(schedule_values(&key.schedule));
    row.extend(values![revision, by]);
    row
}

/// Reads a signing key.
pub(crate) fn read_signing(columns: &mut Columns<'_>) -> Result<SigningKey, StoreError> {
    let (id, issuer) = (columns.id()?, columns.issuer()?);
    let algorithm = columns.parsed("algorithm", Algorithm::parse)?;
    let jwk = columns.parsed("JWK", |text| serde_json::from_str(text).ok())?;
    let sealed = columns.bytes()?.to_vec();
    let (schedule, revision) = (read_schedule(columns)?, columns.unsigned()?);
    Ok(SigningKey { id, issuer, algorithm, jwk, sealed, schedule, revision })
}

/// A whole row of a seal key.
pub(crate) fn seal_row(key: &SealKey, by: CommitId) -> Vec<Value> {
    let mut row = values![key.issuer, key.number];
    row.extend(seal_editable(key, 0, by));
    row
}

/// What an edit of a seal key writes.
pub(crate) fn seal_editable(key: &SealKey, revision: u64, by: CommitId) -> Vec<Value> {
    let mut row = values![key.sealed.as_slice()];
    row.extend(schedule_values(&key.schedule));
    row.extend(values![revision, by]);
    row
}

/// Reads a seal key.
pub(crate) fn read_seal(columns: &mut Columns<'_>) -> Result<SealKey, StoreError> {
    let (issuer, number, sealed) = (columns.issuer()?, columns.small()?, columns.bytes()?.to_vec());
    let (schedule, revision) = (read_schedule(columns)?, columns.unsigned()?);
    Ok(SealKey { issuer, number, sealed, schedule, revision })
}

/// What an edit of the deployment writes.
pub(crate) fn deployment_editable(deployment: &Deployment, revision: u64, by: CommitId) -> Vec<Value> {
    values![deployment.id, deployment.created_at, revision, by]
}

/// Reads the deployment.
pub(crate) fn read_deployment(columns: &mut Columns<'_>) -> Result<Deployment, StoreError> {
    columns.skip(1);
    Ok(Deployment { id: columns.key()?, created_at: columns.time()?, revision: columns.unsigned()? })
}

fn schedule_values(schedule: &Schedule) -> [Value; 4] {
    [schedule.made_at, schedule.current_from, schedule.retired_from, schedule.ends_at].map(Value::from)
}

fn read_schedule(columns: &mut Columns<'_>) -> Result<Schedule, StoreError> {
    Ok(Schedule {
        made_at: columns.time()?,
        current_from: columns.time()?,
        retired_from: columns.time()?,
        ends_at: columns.time()?,
    })
}

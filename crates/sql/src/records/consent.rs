//! Consents.

use firman_store::record::Consent;
use firman_store::{CommitId, StoreError};

use super::body;
use crate::row::Columns;
use crate::value::{Value, values};

/// A whole row.
pub(crate) fn row(consent: &Consent, by: CommitId) -> Vec<Value> {
    let key = consent.key();
    let mut row = values![key.subject, key.client, consent.issuer, consent.subject.as_str()];
    row.extend(editable(consent, 0, by));
    row
}

/// What an edit writes, with the revision it makes.
pub(crate) fn editable(consent: &Consent, revision: u64, by: CommitId) -> Vec<Value> {
    values![consent.scope.as_str(), consent.updated_at, revision, by, body::write(consent.rest.clone())]
}

/// Reads a row that a join may have left empty.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Option<Consent>, StoreError> {
    if columns.maybe_key()?.is_none() {
        return Ok(None);
    }
    let client = columns.id()?;
    let (issuer, subject, scope) = (columns.issuer()?, columns.subject()?, columns.scope()?);
    let (updated_at, revision) = (columns.time()?, columns.unsigned()?);
    columns.skip(1);
    let rest = body::read(columns)?;
    Ok(Some(Consent { issuer, subject, client, scope, updated_at, revision, rest }))
}

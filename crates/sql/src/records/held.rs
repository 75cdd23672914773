//! Tokens and claims of other servers.

use firman_proto::digest::Digest16;
use firman_store::record::{HeldClaims, HeldKind, HeldToken, Rest};
use firman_store::{CommitId, StoreError};
use serde_json::Value as Json;

use super::body;
use crate::row::Columns;
use crate::value::{Value, values};

/// The member of the body that has what a token's server says of it.
const METADATA: &str = "metadata";

/// A whole row of a token.
pub(crate) fn token_row(token: &HeldToken, by: CommitId) -> Vec<Value> {
    let mut row = values![token.key];
    row.extend(token_editable(token, 0, by));
    row
}

/// What an edit of a token writes, with the revision it makes.
pub(crate) fn token_editable(token: &HeldToken, revision: u64, by: CommitId) -> Vec<Value> {
    let mut members: Rest = token.rest.clone();
    if !token.metadata.is_empty() {
        members.insert(METADATA.to_owned(), token.metadata.clone().into());
    }
    values![
        token.kind.number(),
        token.issuer.as_str(),
        token.holder(),
        token.subject.as_deref(),
        token.client_id.as_str(),
        token.token_type.as_deref(),
        token.sealed.as_slice(),
        token.expires_at,
        token.updated_at,
        revision,
        by,
        body::write(members),
    ]
}

/// Reads a row of a token.
pub(crate) fn read_token(columns: &mut Columns<'_>) -> Result<HeldToken, StoreError> {
    let key = Digest16(columns.key()?);
    let (kind, issuer) = (columns.numbered(HeldKind::from_number)?, columns.string()?);
    columns.skip(1);
    let (subject, client_id, token_type) = (columns.maybe_string()?, columns.string()?, columns.maybe_string()?);
    let sealed = columns.bytes()?.to_vec();
    let (expires_at, updated_at, revision) = (columns.time()?, columns.time()?, columns.unsigned()?);
    columns.skip(1);
    let mut rest = body::read(columns)?;
    let metadata = body::take(&mut rest, METADATA, columns)?;
    Ok(HeldToken {
        key,
        kind,
        issuer,
        subject,
        client_id,
        token_type,
        sealed,
        expires_at,
        updated_at,
        metadata,
        revision,
        rest,
    })
}

/// A whole row of claims.
pub(crate) fn claims_row(claims: &HeldClaims, by: CommitId) -> Vec<Value> {
    let mut row = values![claims.key(), claims.issuer.as_str(), claims.subject.as_str()];
    row.extend(claims_editable(claims, 0, by));
    row
}

/// What an edit of claims writes, with the revision it makes.
pub(crate) fn claims_editable(claims: &HeldClaims, revision: u64, by: CommitId) -> Vec<Value> {
    let said = claims.claims.clone().map(|claims| Json::Object(claims).to_string());
    values![
        claims.id_token.as_deref(),
        claims.id_token_at,
        said,
        claims.claims_at,
        revision,
        by,
        body::write(claims.rest.clone()),
    ]
}

/// Reads a row of claims.
pub(crate) fn read_claims(columns: &mut Columns<'_>) -> Result<HeldClaims, StoreError> {
    columns.skip(1);
    let (issuer, subject) = (columns.string()?, columns.string()?);
    let (id_token, id_token_at) = (columns.maybe_bytes()?.map(<[u8]>::to_vec), columns.maybe_time()?);
    let claims = columns.maybe_text()?.map(serde_json::from_str::<Rest>).transpose();
    let claims = claims.map_err(|_| columns.wrong("JSON object"))?;
    let (claims_at, revision) = (columns.maybe_time()?, columns.unsigned()?);
    columns.skip(1);
    Ok(HeldClaims { issuer, subject, id_token, id_token_at, claims, claims_at, revision, rest: body::read(columns)? })
}

//! Resources.

use firman_store::record::{Resource, Rest, TokenFormat};
use firman_store::{CommitId, StoreError};
use serde_json::Value as Json;

use super::body;
use super::client::{read_secrets, secrets_text};
use crate::row::Columns;
use crate::value::{Value, values};

/// A whole row.
pub(crate) fn row(resource: &Resource, by: CommitId) -> Vec<Value> {
    let key = Resource::key(resource.issuer, &resource.identifier);
    let mut row = values![resource.id, resource.issuer, key, resource.identifier.as_str()];
    row.extend(editable(resource, 0, by));
    row
}

/// What an edit writes, with the revision it makes.
pub(crate) fn editable(resource: &Resource, revision: u64, by: CommitId) -> Vec<Value> {
    values![
        resource.enabled,
        resource.name.as_str(),
        secrets_text(&resource.secrets),
        resource.scope.as_str(),
        resource.token_format.map(TokenFormat::number),
        resource.access_token_seconds,
        resource.created_at,
        resource.updated_at,
        revision,
        by,
        body_text(resource),
    ]
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Resource, StoreError> {
    let (id, issuer) = (columns.id()?, columns.issuer()?);
    columns.skip(1);
    let (identifier, enabled, name) = (columns.string()?, columns.flag()?, columns.string()?);
    let secrets = columns.parsed("list of secrets", read_secrets)?;
    let scope = columns.scope()?;
    let token_format = columns.maybe_numbered(TokenFormat::from_number)?;
    let access_token_seconds = columns.maybe_int()?;
    let (created_at, updated_at, revision) = (columns.time()?, columns.time()?, columns.unsigned()?);
    columns.skip(1);
    let mut rest = body::read(columns)?;
    let enforces = match rest.remove("enforces") {
        None => Vec::new(),
        Some(list) => serde_json::from_value(list).map_err(|_| columns.wrong("list of caveats"))?,
    };
    Ok(Resource {
        id,
        issuer,
        identifier,
        enabled,
        name,
        secrets,
        scope,
        token_format,
        access_token_seconds,
        enforces,
        created_at,
        updated_at,
        revision,
        rest,
    })
}

fn body_text(resource: &Resource) -> String {
    let mut members: Rest = resource.rest.clone();
    if !resource.enforces.is_empty() {
        members.insert("enforces".to_owned(), Json::from(resource.enforces.as_slice()));
    }
    body::write(members)
}

//! Accounts.

use firman_store::record::{Account, Attempts, Rest};
use firman_store::{CommitId, StoreError};
use serde_json::Value as Json;

use super::body;
use crate::row::Columns;
use crate::value::{Value, values};

/// A whole row.
pub(crate) fn row(account: &Account, by: CommitId) -> Vec<Value> {
    let mut row = values![account.id, account.issuer];
    row.extend(editable(account, 0, by));
    row.extend(attempts_values(account.attempts));
    row
}

/// `attempts` and `locked_until`, which no edit writes.
pub(crate) fn attempts_values(attempts: Attempts) -> [Value; 2] {
    let count = (attempts.count > 0).then_some(attempts.count);
    [count.into(), attempts.locked_until.into()]
}

/// What an edit writes, with the revision it makes.
pub(crate) fn editable(account: &Account, revision: u64, by: CommitId) -> Vec<Value> {
    values![
        account.username.as_str(),
        account.enabled,
        account.password.as_deref(),
        account.created_at,
        account.updated_at,
        revision,
        by,
        body_text(account),
    ]
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Account, StoreError> {
    let (id, issuer, username) = (columns.id()?, columns.issuer()?, columns.string()?);
    let (enabled, password) = (columns.flag()?, columns.maybe_string()?);
    let (created_at, updated_at, revision) = (columns.time()?, columns.time()?, columns.unsigned()?);
    columns.skip(1);
    let mut rest = body::read(columns)?;
    let claims = body::take(&mut rest, "claims", columns)?;
    let upstreams = body::made_of(body::take(&mut rest, "upstreams", columns)?, columns)?;
    let factors = body::made_of(body::take(&mut rest, "factors", columns)?, columns)?;
    let attempts = Attempts { count: columns.maybe_small()?.unwrap_or(0), locked_until: columns.maybe_time()? };
    Ok(Account {
        id,
        issuer,
        username,
        enabled,
        password,
        claims,
        created_at,
        updated_at,
        upstreams,
        factors,
        attempts,
        revision,
        rest,
    })
}

fn body_text(account: &Account) -> String {
    let mut members: Rest = account.rest.clone();
    if !account.claims.is_empty() {
        members.insert("claims".to_owned(), Json::Object(account.claims.clone()));
    }
    if !account.upstreams.is_empty() {
        members.insert("upstreams".to_owned(), Json::Object(body::members(&account.upstreams)));
    }
    if !account.factors.is_empty() {
        members.insert("factors".to_owned(), Json::Object(body::members(&account.factors)));
    }
    body::write(members)
}

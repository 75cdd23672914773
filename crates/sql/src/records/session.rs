//! Sessions.

use firman_store::record::{Session, SessionDetails};
use firman_store::{CommitId, StoreError};

use super::body;
use crate::row::Columns;
use crate::value::{Value, values};

/// A whole row.
pub(crate) fn row(session: &Session, by: CommitId) -> Vec<Value> {
    values![
        session.id.made_at().day(),
        session.id,
        session.ended_at,
        session.expires_at,
        session.last_seen,
        &session.salt,
        session.issuer,
        session.subject.as_str(),
        session.subject.key(session.issuer),
        session.auth_time,
        session.epochs.everything,
        session.epochs.client,
        session.epochs.subject,
        by,
        details_text(&session.details),
    ]
}

/// The body of a session.
pub(crate) fn details_text(details: &SessionDetails) -> String {
    body::write(body::members(details))
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Session, StoreError> {
    columns.skip(1);
    let (id, ended_at) = (columns.id()?, columns.maybe_time()?);
    let (expires_at, last_seen, salt) = (columns.time()?, columns.time()?, columns.salt()?);
    let (issuer, subject) = (columns.issuer()?, columns.subject()?);
    columns.skip(1);
    let (auth_time, epochs) = (columns.time()?, columns.epochs()?);
    columns.skip(1);
    let members = body::read(columns)?;
    let details = body::made_of(members, columns)?;
    Ok(Session { id, issuer, subject, salt, auth_time, last_seen, expires_at, ended_at, epochs, details })
}

//! What an operator does with browser sessions.

use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::Page;
use firman_store::record::{Session, Subject};

use super::AdminError;
use crate::Engine;
use crate::sessions::{self, Why};

/// The session with this id, whatever its state.
pub async fn find(engine: &Engine, id: RecordId) -> Result<Session, AdminError> {
    let session = engine.store.session(id, None).await?.map(|signed_in| signed_in.session);
    session.filter(|session| session.issuer == engine.number).ok_or(AdminError::NotFound("no such session"))
}

/// A person's sessions, whatever their state.
pub async fn of(engine: &Engine, subject: &Subject, page: Page) -> Result<Vec<Session>, AdminError> {
    Ok(engine.store.sessions_of(subject.key(engine.number), page).await?)
}

/// Ends a session, and what ends with it. One that is over stays so.
pub async fn end(engine: &Engine, id: RecordId, now: Timestamp) -> Result<(), AdminError> {
    let session = find(engine, id).await?;
    Ok(sessions::end(engine, &session, Why::Operator, now).await?)
}

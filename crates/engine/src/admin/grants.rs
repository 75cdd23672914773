//! What an operator does with grants and epochs.

use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::{EpochKey, EventKind, Grant, GrantKind, RevokeReason};
use firman_store::{Change, Commit, GrantsOf, Page};

use super::AdminError;
use crate::Engine;
use crate::failure::Fault;
use crate::random;
use crate::sessions;

/// How often a standing grant that was renewed meanwhile is read again.
const LOOKS: usize = 4;

/// A page of grants.
pub async fn list(engine: &Engine, of: GrantsOf, page: Page) -> Result<Vec<Grant>, AdminError> {
    Ok(engine.store.grants(of, page).await?)
}

/// Revokes a grant: every token under it is dead at once. A client's standing grant gets a new salt instead, so that the
/// client can go on with new tokens.
pub async fn revoke(engine: &Engine, id: RecordId, now: Timestamp) -> Result<(), AdminError> {
    for _ in 0..LOOKS {
        let standing = engine.store.grant(id, None).await?;
        let standing = standing.ok_or(AdminError::NotFound("no such grant; `firman grant list` shows them"))?;
        if standing.record.revoked_at.is_some() {
            return Ok(());
        }
        let change = match standing.record.kind {
            GrantKind::AuthorizationCode
            | GrantKind::DeviceCode
            | GrantKind::Backchannel
            | GrantKind::TokenExchange
            | GrantKind::JwtBearer
            | GrantKind::Password
            | GrantKind::ApiKey => Change::RevokeGrant { id, reason: RevokeReason::Operator, now },
            GrantKind::ClientCredentials => Change::ResaltGrant {
                id,
                from: standing.record.salt.clone(),
                to: random::salt(&*engine.entropy)?,
                epochs: standing.epochs,
            },
        };
        let mut event = engine.event(EventKind::GrantRevoked, id, now)?;
        event.client = Some(standing.record.client);
        event.details.insert("reason".to_owned(), "operator".into());
        if engine.commit(vec![change, Change::Append(Box::new(event))]).await? == Commit::Done {
            return Ok(());
        }
    }
    Err(Fault::temporary("revoke a grant", "it was renewed by others each time it was looked at").into())
}

/// Ends everything that was issued before, of a subject, of a client, or at all: one row.
pub async fn sign_out_everywhere(engine: &Engine, of: EpochKey, now: Timestamp) -> Result<(), AdminError> {
    let about = match of {
        EpochKey::Client(id) => id,
        EpochKey::Everything | EpochKey::Subject(_) | EpochKey::Edition => RecordId::from_bytes([0; 16]),
    };
    let event = engine.event(EventKind::EpochAdvanced, about, now)?;
    let mut changes = vec![Change::AdvanceEpoch(of), Change::Append(Box::new(event))];
    if let EpochKey::Subject(subject) = of {
        changes.extend(sessions::everywhere(engine, subject, now).await?);
    }
    engine.commit(changes).await?;
    Ok(())
}

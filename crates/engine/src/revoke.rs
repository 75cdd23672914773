//! Token revocation (RFC 7009).

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::id::RecordId;
use firman_proto::introspection::PresentedToken;
use firman_proto::seal::{self, Kind, Opened};
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{Event, EventKind, Grant, RevokeReason, RevokedToken};

use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::{Failure, Fault};

/// Revokes a token of this client. A token that is unknown, dead or long rotated is as dead as it should be: success.
pub async fn revoke(
    engine: &Engine,
    client: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<(), Failure> {
    let token = presented.token.as_str();
    if token.starts_with(seal::Refresh::PREFIX) {
        return refresh_token(engine, client, token, now).await;
    }
    if token.starts_with(seal::Access::PREFIX) {
        return access_token(engine, client, token, now).await;
    }
    // RFC 7009 §2.2: invalid tokens do not cause an error.
    Ok(())
}

/// One token dies, and what was weakened from it; what it was weakened from lives, and so does its grant.
async fn access_token(
    engine: &Engine,
    client: &AuthenticatedClient,
    token: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let Ok(opened) = engine.keys.open::<seal::Access>(&*engine.store, token, now).await? else { return Ok(()) };
    let Some(expires_at) = opened.expires_at().filter(|end| now < *end) else { return Ok(()) };
    let Some(grant) = owned(engine, client, &opened).await? else { return Ok(()) };
    if !opened.proves(&grant.salt) || !grant.is_live(now) {
        return Ok(());
    }
    let dead = RevokedToken { day: expires_at.day(), grant: grant.id, digest: opened.digest(), expires_at };
    let event = event(engine, EventKind::TokenRevoked, &grant, now)?;
    engine.commit(vec![Change::RevokeToken(dead), Change::Append(Box::new(event))]).await?;
    Ok(())
}

async fn refresh_token(
    engine: &Engine,
    client: &AuthenticatedClient,
    token: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let Ok(opened) = engine.keys.open::<seal::Refresh>(&*engine.store, token, now).await? else { return Ok(()) };
    let Some(grant) = owned(engine, client, &opened).await? else { return Ok(()) };
    // A grant is revoked once, and its audit trail says so once.
    let Some(chain) = grant.refresh.as_ref().filter(|_| grant.is_live(now)) else { return Ok(()) };
    // Only the live token and the one before it have anything left to revoke.
    if !chain.salt_of(opened.serial()).is_some_and(|salt| opened.proves(salt)) {
        return Ok(());
    }
    let window_ends = chain.current.since.plus(engine.policy.retry_window_of(client.record()));
    let change = match chain.generation.checked_sub(opened.serial()) {
        // RFC 7009 §2.1: revoking a refresh token ends the grant.
        Some(0) => Change::RevokeGrant { id: grant.id, reason: RevokeReason::Client, now },
        // It was rotated, and its successor is somebody's: only the way to get that again is closed.
        Some(1) if now < window_ends => Change::CloseRetry { id: grant.id, generation: chain.generation },
        _ => return Ok(()),
    };
    let kind =
        if matches!(change, Change::RevokeGrant { .. }) { EventKind::GrantRevoked } else { EventKind::TokenRevoked };
    let event = event(engine, kind, &grant, now)?;
    // A conflict means that the chain has moved on: what was to be closed is closed.
    engine.commit(vec![change, Change::Append(Box::new(event))]).await?;
    Ok(())
}

/// The grant of a token, if it is this client's.
async fn owned<K: Kind>(
    engine: &Engine,
    client: &AuthenticatedClient,
    opened: &Opened<K>,
) -> Result<Option<Grant>, Failure> {
    let Some(standing) = engine.store.grant(opened.record(), None).await? else { return Ok(None) };
    // RFC 7009 §2.1: a token that was issued to another client is refused.
    if standing.record.client != client.record().id {
        let denied = Denied::new(ErrorCode::UnauthorizedClient, "token: issued to another client");
        return Err(denied.into());
    }
    Ok(Some(standing.record))
}

fn event(engine: &Engine, kind: EventKind, grant: &Grant, now: Timestamp) -> Result<Event, Fault> {
    let about: RecordId = grant.id;
    let mut event = engine.event(kind, about, now)?;
    event.client = Some(grant.client);
    event.details.insert("reason".to_owned(), "client".into());
    Ok(event)
}

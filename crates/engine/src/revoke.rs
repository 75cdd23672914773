//! Token revocation (RFC 7009).

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::id::RecordId;
use firman_proto::introspection::PresentedToken;
use firman_proto::seal::{self, Kind};
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{Event, EventKind, Grant, RevokeReason, RevokedToken};

use crate::Engine;
use crate::asker::Asker;
use crate::failure::{Failure, Fault};
use crate::hooks::{self, Endpoint};
use crate::presented::OpenedAccess;
use crate::target;

/// Revokes a token of this client, or an access token that is for this resource server. A token that is unknown, dead or long rotated is as dead as it should be: success.
pub async fn revoke(engine: &Engine, asker: &Asker, presented: &PresentedToken, now: Timestamp) -> Result<(), Failure> {
    if let Some(client) = asker.client() {
        hooks::before(engine, Endpoint::Revocation, client).await?;
    }
    let token = presented.token.as_str();
    if token.starts_with(seal::Refresh::PREFIX) {
        return refresh_token(engine, asker, token, now).await;
    }
    access_token(engine, asker, token, now).await
}

/// One token dies, and what was weakened from it; what it was weakened from lives, and so does its grant.
async fn access_token(engine: &Engine, asker: &Asker, token: &str, now: Timestamp) -> Result<(), Failure> {
    // RFC 7009 §2.2: invalid tokens do not cause an error.
    let Some(opened) = OpenedAccess::open(engine, token, now).await? else { return Ok(()) };
    let Some(expires_at) = opened.expires_at().filter(|end| now < *end) else { return Ok(()) };
    let Some(grant) = engine.store.grant(opened.record(), None).await?.map(|standing| standing.record) else {
        return Ok(());
    };
    let granted = target::audience_of(engine, &grant);
    must_be_for(asker, &grant, &opened.caveats().audience(&granted))?;
    if !opened.proves(&grant.salt) || !grant.is_live(now) {
        return Ok(());
    }
    let (change, kind) = if opened.is_whole_key() {
        (Change::RevokeGrant { id: grant.id, reason: RevokeReason::Client, now }, EventKind::GrantRevoked)
    } else {
        let dead = RevokedToken { day: expires_at.day(), grant: grant.id, digest: opened.digest(), expires_at };
        (Change::RevokeToken(dead), EventKind::TokenRevoked)
    };
    let event = event(engine, kind, (&grant, asker), now)?;
    engine.commit(vec![change, Change::Append(Box::new(event))]).await?;
    Ok(())
}

async fn refresh_token(engine: &Engine, asker: &Asker, token: &str, now: Timestamp) -> Result<(), Failure> {
    let Ok(opened) = engine.keys.open::<seal::Refresh>(&*engine.store, token, now).await? else { return Ok(()) };
    let Some(grant) = engine.store.grant(opened.record(), None).await?.map(|standing| standing.record) else {
        return Ok(());
    };
    must_be_for(asker, &grant, &[])?;
    let Some(client) = asker.client() else { return Ok(()) };
    // A grant is revoked once, and its audit trail says so once.
    let Some(chain) = grant.refresh.as_ref().filter(|_| grant.is_live(now)) else { return Ok(()) };
    // Only the live token and the one before it have anything left to revoke.
    if !chain.salt_of(opened.serial()).is_some_and(|salt| opened.proves(salt)) {
        return Ok(());
    }
    let window_ends = chain.current.since.plus(engine.policy.retry_window_of(client));
    let change = match chain.generation.checked_sub(opened.serial()) {
        // RFC 7009 §2.1: revoking a refresh token ends the grant.
        Some(0) => Change::RevokeGrant { id: grant.id, reason: RevokeReason::Client, now },
        // It was rotated, and its successor is somebody's: only the way to get that again is closed.
        Some(1) if now < window_ends => Change::CloseRetry { id: grant.id, generation: chain.generation },
        _ => return Ok(()),
    };
    let kind =
        if matches!(change, Change::RevokeGrant { .. }) { EventKind::GrantRevoked } else { EventKind::TokenRevoked };
    let event = event(engine, kind, (&grant, asker), now)?;
    // A conflict means that the chain has moved on: what was to be closed is closed.
    engine.commit(vec![change, Change::Append(Box::new(event))]).await?;
    Ok(())
}

/// RFC 7009 §2.1: a token that was issued to another client, or is for another resource server, is refused.
fn must_be_for(asker: &Asker, grant: &Grant, audience: &[&str]) -> Result<(), Denied> {
    let own = match asker {
        Asker::Resource(resource) => audience.contains(&resource.identifier.as_str()),
        Asker::Client(_) | Asker::Holder(_) => asker.client().is_some_and(|client| client.id == grant.client),
    };
    if own {
        return Ok(());
    }
    Err(Denied::new(ErrorCode::UnauthorizedClient, "token: issued to another client"))
}

fn event(engine: &Engine, kind: EventKind, (grant, by): (&Grant, &Asker), now: Timestamp) -> Result<Event, Fault> {
    let about: RecordId = grant.id;
    let mut event = engine.event(kind, about, now)?;
    event.client = Some(grant.client);
    let reason = if let Asker::Resource(_) = by { "resource" } else { "client" };
    event.details.insert("reason".to_owned(), reason.into());
    Ok(event)
}

//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5).

use firman_proto::error::{Denied, invalid_grant};
use firman_proto::pkce;
use firman_proto::seal::{self, Opened};
use firman_proto::time::Timestamp;
use firman_proto::token::{CodeRequest, TokenResponse};
use firman_store::record::{Approval, EventKind, Flow, FlowState, Grant, RevokeReason};
use firman_store::{Change, Commit, Standing};

use super::{approved, one};
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::details;
use crate::failure::Failure;
use crate::sender::{Sender, must_be_of};

/// Why a code is not redeemed.
#[derive(Debug)]
enum Verdict {
    /// Refused, and nothing follows.
    Denied(Denied),
    /// Refused, and counted: so many burn the code.
    Counted(Denied),
    /// It was redeemed before: whatever came of it dies.
    Replayed,
}

pub(super) async fn redeem(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &CodeRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let sender = Sender::of(client)?;
    let (opened, standing) = load(engine, request, now).await?;
    let approval = match decide(client, request, &opened, &standing, now) {
        Ok(approval) => approval,
        Err(verdict) => return Err(refuse(engine, &standing.record, verdict, now).await?),
    };
    let flow = details::narrow(engine, client.record(), &standing.record, request.authorization_details.as_deref())?;
    match approved::claim(engine, client, &flow, approval, (sender, &request.resource), now).await? {
        Some(response) => Ok(response),
        None => Err(judge_again(engine, client, request, now).await?),
    }
}

/// Opens the code and reads its flow.
async fn load(
    engine: &Engine,
    request: &CodeRequest,
    now: Timestamp,
) -> Result<(Opened<seal::Code>, Standing<Flow>), Failure> {
    let opened = engine.keys.open::<seal::Code>(&*engine.store, &request.code, now).await?;
    let opened = opened.map_err(|why| invalid_grant(format!("the code does not open: {why:?}")))?;
    let standing = engine.store.flow(opened.record()).await?;
    let standing = standing.ok_or_else(|| invalid_grant("no flow of this code: purged, or of another database"))?;
    Ok((opened, standing))
}

/// Every check, in the order in which a stranger learns least and harms least.
fn decide<'f>(
    client: &AuthenticatedClient,
    request: &CodeRequest,
    opened: &Opened<seal::Code>,
    standing: &'f Standing<Flow>,
    now: Timestamp,
) -> Result<&'f Approval, Verdict> {
    let flow = &standing.record;
    let Some(asked) = flow.request.authorization() else {
        return Err(Verdict::Denied(invalid_grant("this flow has no authorization code")));
    };
    // The seal was made by somebody who knew the flow's salt.
    if !opened.proves(&flow.salt) {
        return Err(Verdict::Denied(invalid_grant("the code was sealed for an earlier salt")));
    }
    // RFC 6749 §4.1.3: the code was issued to this client.
    if flow.client != client.record().id {
        return Err(Verdict::Counted(invalid_grant("another client's code")));
    }
    // RFC 6749 §4.1.3: the same redirect_uri as in the authorization request, if that had one.
    let redirect_uri = request.redirect_uri.as_deref();
    let expected = asked.redirect_uri.as_str();
    if redirect_uri.map_or(asked.redirect_uri_given, |presented| presented != expected) {
        return Err(Verdict::Counted(invalid_grant("redirect_uri is not the one the code was sent to")));
    }
    // RFC 7636 §4.6, RFC 9700 §2.1.1: a verifier if and only if there was a challenge.
    if !pkce::admits(asked.challenge.as_ref(), request.verifier.as_deref()) {
        return Err(Verdict::Counted(invalid_grant("code_verifier does not match the challenge")));
    }
    // RFC 9449 §10: the code is bound to the key that was named when it was asked for.
    must_be_of(client, asked.dpop_jkt.as_deref()).map_err(Verdict::Counted)?;
    // RFC 6749 §4.1.2: used once. Checked late, so that a stranger's guess cannot revoke the owner's tokens.
    match flow.state {
        FlowState::Done { .. } => return Err(Verdict::Replayed),
        FlowState::Failed(_) => return Err(Verdict::Denied(invalid_grant("burnt by failed attempts"))),
        FlowState::Pending | FlowState::Denied | FlowState::Revoked => {
            return Err(Verdict::Denied(invalid_grant("nobody has approved it, or no longer")));
        }
        FlowState::Ready => {}
    }
    // RFC 6749 §4.1.2: codes expire.
    if now >= flow.expires_at {
        return Err(Verdict::Denied(invalid_grant("the code has expired")));
    }
    if !standing.approval_stands() {
        return Err(Verdict::Denied(invalid_grant("the person or an operator has signed out everywhere since")));
    }
    flow.approval.as_ref().ok_or_else(|| Verdict::Denied(invalid_grant("nobody has approved it")))
}

/// Carries out what a verdict asks for and gives the refusal.
async fn refuse(engine: &Engine, flow: &Flow, verdict: Verdict, now: Timestamp) -> Result<Failure, Failure> {
    Ok(match verdict {
        Verdict::Denied(denied) => denied.into(),
        Verdict::Counted(denied) => {
            count_miss(engine, flow, now).await?;
            denied.into()
        }
        Verdict::Replayed => {
            // RFC 6749 §4.1.2: revoke what the first use got. The refusal stands whether or not this commit wins.
            let Some(grant) = grant_of(engine, flow).await?.filter(|grant| grant.revoked_at.is_none()) else {
                return Ok(invalid_grant("the code was redeemed before; its grant is revoked already").into());
            };
            let mut event = engine.event(EventKind::GrantRevoked, grant.id, now)?;
            event.details.insert("reason".to_owned(), "code_replayed".into());
            let revoke = Change::RevokeGrant { id: grant.id, reason: RevokeReason::CodeReplayed, now };
            engine.commit(vec![revoke, Change::Append(Box::new(event))]).await?;
            invalid_grant("the code was redeemed before; its grant is revoked").into()
        }
    })
}

/// After a lost race: only a flow that another commit has claimed is a replay.
async fn judge_again(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &CodeRequest,
    now: Timestamp,
) -> Result<Failure, Failure> {
    let (opened, standing) = load(engine, request, now).await?;
    match decide(client, request, &opened, &standing, now) {
        Err(verdict) => refuse(engine, &standing.record, verdict, now).await,
        Ok(approval) => {
            let ended = approved::session_ended(engine, &standing.record, approval).await?;
            // The flow is Ready again for all we can see: somebody else's miss came between.
            let lost = || invalid_grant("lost a race that left no trace; try again");
            Ok(ended.unwrap_or_else(lost).into())
        }
    }
}

/// What came of a flow: the grant of its id, or the one whose tokens were given again for it.
async fn grant_of(engine: &Engine, flow: &Flow) -> Result<Option<Grant>, Failure> {
    if let Some(standing) = engine.store.grant(flow.id, None).await? {
        return Ok(Some(standing.record));
    }
    let (client, approval) = (engine.store.client_by_id(flow.client).await?, &flow.approval);
    let client = client.filter(|client| engine.policy.reuses_access_token_of(client));
    let (Some(client), Some(approval)) = (client, approval) else { return Ok(None) };
    let asked = flow.request.authorization();
    if asked.is_some_and(|request| request.authorization_details.is_some()) {
        // What was allowed in detail has no place that others share.
        return Ok(None);
    }
    let resources = asked.map(|request| request.resource.as_slice()).unwrap_or_default();
    let place = one::of(engine, &client, &approval.subject, (&approval.scope, resources)).await?;
    Ok(place.into_held())
}

/// Counts one miss. Whoever loses this race was not the only one to miss: it is read again and counted again.
async fn count_miss(engine: &Engine, flow: &Flow, now: Timestamp) -> Result<(), Failure> {
    let limit = engine.policy.failed_redemptions;
    let mut flow = flow.clone();
    // A limit of 0 means that misses are not counted.
    while limit > 0 && flow.is_live(now) {
        let mut changes = vec![Change::CountMiss { id: flow.id, seen: flow.misses, limit }];
        if flow.misses + 1 >= limit {
            changes.push(Change::Append(Box::new(engine.event(EventKind::CodeBurnt, flow.id, now)?)));
        }
        if engine.commit(changes).await? == Commit::Done {
            break;
        }
        let Some(standing) = engine.store.flow(flow.id).await? else { break };
        flow = standing.record;
    }
    Ok(())
}

/// Somebody who failed to authenticate presented a code: a miss, if the code is ours.
pub(super) async fn count_miss_of_stranger(
    engine: &Engine,
    request: &CodeRequest,
    now: Timestamp,
) -> Result<(), Failure> {
    match load(engine, request, now).await {
        Ok((opened, standing)) if opened.proves(&standing.record.salt) => {
            count_miss(engine, &standing.record, now).await
        }
        Ok(_) | Err(Failure::Denied(_)) => Ok(()),
        Err(fault) => Err(fault),
    }
}

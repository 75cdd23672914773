//! Grants whose client asks again and again whether somebody has answered (RFC 8628 §3.4, OpenID Connect CIBA Core §10.1): one read
//! and one commit for each question at most.

use firman_proto::error::{Denied, ErrorCode, invalid_grant};
use firman_proto::seal::{Kind, Opened};
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::token::TokenResponse;
use firman_store::record::{Approval, Client, Flow, FlowRequest, FlowState, PolledRequest};
use firman_store::{Change, Commit, Standing};

use super::approved;
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::details;
use crate::failure::Failure;
use crate::sender::Sender;

/// RFC 8628 §3.5: who asks too soon waits so much longer from then on.
const SLOWER: Lifetime = Lifetime::from_seconds(5);

/// Nobody waits longer than this; whoever still asks too soon is told so, and nothing is written for it.
const SLOWEST: Lifetime = Lifetime::from_seconds(60);

/// The request of a flow, if it is one of this grant.
pub(super) type RequestOf = fn(&FlowRequest) -> Option<&PolledRequest>;

/// What a client asks with, and for.
pub(super) struct Question<'a> {
    /// The code.
    pub(super) presented: &'a str,
    /// Whom the access token is for.
    pub(super) resource: &'a [String],
    /// Narrower details for the grant.
    pub(super) authorization_details: Option<&'a str>,
    pub(super) request_of: RequestOf,
}

/// Why there are no tokens yet.
#[derive(Debug)]
enum Verdict<'f> {
    Denied(Denied),
    /// Nobody has answered yet.
    Pending(&'f PolledRequest),
}

/// Tokens, if somebody has said yes.
pub(super) async fn redeem<K: Kind>(
    engine: &Engine,
    client: &AuthenticatedClient,
    question: &Question<'_>,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let sender = Sender::of(client)?;
    let opened = engine.keys.open::<K>(&*engine.store, question.presented, now).await?;
    let opened = opened.map_err(|why| invalid_grant(format!("what is asked with does not open: {why:?}")))?;
    let standing = engine.store.flow(opened.record()).await?;
    let standing = standing.ok_or_else(|| invalid_grant("no flow of this code: purged, or of another database"))?;
    let approval = match decide(client.record(), (&opened, question.request_of), &standing, now) {
        Ok(approval) => approval,
        Err(Verdict::Denied(denied)) => return Err(denied.into()),
        Err(Verdict::Pending(request)) => return Err(poll(engine, &standing.record, request, now).await?.into()),
    };
    let flow = details::narrow(engine, client.record(), &standing.record, question.authorization_details)?;
    if let Some(response) = approved::claim(engine, client, &flow, approval, (sender, question.resource), now).await? {
        return Ok(response);
    }
    let lost = || invalid_grant("it was redeemed or withdrawn at this very moment");
    Err(approved::session_ended(engine, &flow, approval).await?.unwrap_or_else(lost).into())
}

fn decide<'f, K: Kind>(
    client: &Client,
    (opened, request_of): (&Opened<K>, RequestOf),
    standing: &'f Standing<Flow>,
    now: Timestamp,
) -> Result<&'f Approval, Verdict<'f>> {
    let flow = &standing.record;
    let denied = |code, text: &'static str| Verdict::Denied(Denied::new(code, text));
    // The seal was made by somebody who knew the flow's salt.
    if !opened.proves(&flow.salt) {
        return Err(Verdict::Denied(invalid_grant("sealed for an earlier salt")));
    }
    // RFC 8628 §3.4, OpenID Connect CIBA Core §10.1, RFC 6749 §5.2: it was issued to this client.
    if flow.client != client.id {
        return Err(Verdict::Denied(invalid_grant("another client's code")));
    }
    let Some(request) = request_of(&flow.request) else {
        return Err(Verdict::Denied(invalid_grant("a flow of another kind")));
    };
    match flow.state {
        // RFC 8628 §3.5, OpenID Connect CIBA Core §11: access_denied.
        FlowState::Denied => return Err(denied(ErrorCode::AccessDenied, "the person said no")),
        FlowState::Done { .. } => return Err(Verdict::Denied(invalid_grant("it was redeemed before"))),
        FlowState::Failed(_) | FlowState::Revoked => {
            return Err(Verdict::Denied(invalid_grant("the flow has failed or was withdrawn")));
        }
        FlowState::Pending | FlowState::Ready => {}
    }
    // RFC 8628 §3.5, OpenID Connect CIBA Core §11: expired_token.
    if now >= flow.expires_at {
        return Err(denied(ErrorCode::ExpiredToken, "nobody has answered in time; begin again"));
    }
    if flow.state == FlowState::Pending {
        return Err(Verdict::Pending(request));
    }
    if !standing.approval_stands() {
        return Err(Verdict::Denied(invalid_grant("the person or an operator has signed out everywhere since")));
    }
    flow.approval.as_ref().ok_or_else(|| Verdict::Denied(invalid_grant("nobody has approved it")))
}

/// Notes that the client has asked, and gives what it is told.
async fn poll(engine: &Engine, flow: &Flow, request: &PolledRequest, now: Timestamp) -> Result<Denied, Failure> {
    // RFC 8628 §3.5, OpenID Connect CIBA Core §11: slow_down.
    let slow_down =
        || Denied::new(ErrorCode::SlowDown, "asked too soon; wait five seconds longer between two questions");
    let too_soon = request.polled_at.is_some_and(|before| now < before.plus(request.interval));
    if too_soon && request.interval >= SLOWEST {
        return Ok(slow_down());
    }
    let slower = Lifetime::from_millis(request.interval.millis() + SLOWER.millis());
    let interval = if too_soon { slower } else { request.interval };
    let change = Change::PollFlow { id: flow.id, seen: request.polled_at, interval, now };
    Ok(match engine.commit(vec![change]).await? {
        // RFC 8628 §3.5, OpenID Connect CIBA Core §11: authorization_pending.
        Commit::Done if !too_soon => Denied::new(ErrorCode::AuthorizationPending, "nobody has answered yet"),
        // Lost: the same client asked twice at once, or somebody answered just now, which the next question finds.
        Commit::Done | Commit::Conflict(_) => slow_down(),
    })
}

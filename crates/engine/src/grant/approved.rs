//! What somebody has approved becomes a grant and its first tokens, once: the end of every flow.

use firman_proto::claims_parameter::ClaimsParameter;
use firman_proto::error::{Denied, invalid_grant};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_proto::token::TokenResponse;
use firman_store::Change;
use firman_store::record::{Approval, AuthContext, EventKind, Flow, FlowRequest, GrantKind, Terms};

use super::make::{Allowed, Making};
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;
use crate::issue;
use crate::sender::Sender;
use crate::target;

/// Claims the flow for its grant, and seals the first tokens. `None` if somebody else was quicker, or the flow was withdrawn,
/// or its session has ended.
pub(super) async fn claim(
    engine: &Engine,
    client: &AuthenticatedClient,
    flow: &Flow,
    approval: &Approval,
    (sender, asked): (Sender, &[String]),
    now: Timestamp,
) -> Result<Option<TokenResponse>, Failure> {
    let terms = Terms { upstream: flow.upstream.clone(), ..terms_of(&flow.request) };
    let target = target::of(engine, client.record(), &terms.resource, asked).await?;
    let authorization = flow.request.authorization();
    let allowed = Allowed {
        id: flow.id,
        kind: kind_of(&flow.request),
        subject: Some(approval.subject.clone()),
        session: approval.session,
        scope: approval.scope.clone(),
        epochs: approval.epochs,
        parent: None,
        auth: AuthContext {
            auth_time: Some(approval.auth_time),
            acr: approval.acr.clone(),
            amr: approval.amr.clone(),
            nonce: authorization.and_then(|request| request.nonce.clone()),
        },
        terms,
        refreshable: issue::may_refresh(client.record(), &approval.scope),
        until: Timestamp::NEVER,
        caveats: Vec::new(),
    };
    let claim = Some(Change::ClaimFlow { id: flow.id, session: session_of(engine, flow, approval), now });
    Making { engine, client, allowed, target, sender, claim, event: EventKind::CodeRedeemed, now }.make().await
}

/// The refusal of a flow that was not claimed because what was allowed has ended with its session.
pub(super) async fn session_ended(
    engine: &Engine,
    flow: &Flow,
    approval: &Approval,
) -> Result<Option<Denied>, Failure> {
    let Some(id) = session_of(engine, flow, approval) else { return Ok(None) };
    let found = engine.store.session(id, None).await?;
    let has_ended = found.is_some_and(|found| found.session.ended_at.is_some());
    Ok(has_ended.then(|| invalid_grant("the session in which it was approved has ended since")))
}

/// The session with which a flow ends, as its grant would.
fn session_of(engine: &Engine, flow: &Flow, approval: &Approval) -> Option<RecordId> {
    let ends = engine.policy.session_grants.ends(kind_of(&flow.request), &approval.scope);
    approval.session.filter(|_| ends)
}

fn kind_of(request: &FlowRequest) -> GrantKind {
    match request {
        FlowRequest::Code(_) | FlowRequest::Pushed(_) => GrantKind::AuthorizationCode,
        FlowRequest::Device(_) => GrantKind::DeviceCode,
        FlowRequest::Backchannel(_) => GrantKind::Backchannel,
    }
}

fn terms_of(request: &FlowRequest) -> Terms {
    match request {
        FlowRequest::Code(request) | FlowRequest::Pushed(request) => Terms {
            resource: request.resource.clone(),
            authorization_details: request.authorization_details.clone(),
            claims: ClaimsParameter::kept(request.claims.as_ref())
                .in_languages(request.claims_locales.as_deref())
                .to_value(),
            ..Terms::default()
        },
        FlowRequest::Device(request) | FlowRequest::Backchannel(request) => Terms {
            resource: request.resource.clone(),
            authorization_details: request.authorization_details.clone(),
            ..Terms::default()
        },
    }
}

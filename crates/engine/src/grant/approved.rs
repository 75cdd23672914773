//! What somebody has approved becomes a grant and its first tokens, once: the end of every flow.

use firman_proto::time::Timestamp;
use firman_proto::token::TokenResponse;
use firman_store::record::{
    Approval, AuthContext, Client, EventKind, Flow, FlowRequest, Grant, GrantKind, LastAccess, Refresh, RefreshStep,
    Rest, Terms,
};
use firman_store::{Change, Commit};

use crate::Engine;
use crate::access_token::AccessToken;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;
use crate::issue::{self, Extra, Issued};
use crate::random;
use crate::sender::Sender;
use crate::target::{self, Target};

/// Claims the flow for its grant, and seals the first tokens. `None` if somebody else was quicker, or the flow was withdrawn.
pub(super) async fn claim(
    engine: &Engine,
    client: &AuthenticatedClient,
    flow: &Flow,
    approval: &Approval,
    (sender, asked): (Sender, &[String]),
    now: Timestamp,
) -> Result<Option<TokenResponse>, Failure> {
    let terms = terms_of(&flow.request);
    let target = target::of(engine, client.record(), &terms.resource, asked).await?;
    let (mut grant, access) = grant_from(engine, client.record(), (flow, terms), approval, (&target, now))?;
    if client.record().metadata.is_public() {
        sender.bind(&mut grant.terms);
    }
    let mut event = engine.event(EventKind::CodeRedeemed, grant.id, now)?;
    event.client = Some(grant.client);
    event.subject = grant.subject.as_ref().map(ToString::to_string);
    let nonce = grant.auth.nonce.clone();
    let (scope, narrowed) = target.cut(&grant.scope, &grant.scope)?;
    let extra = Extra::ask(engine, client.record(), &grant, &scope, &target).await?;
    let (refresh, target) = (grant.refresh.as_ref(), &target);
    let issued = Issued { access, scope: &scope, narrowed, details: None, refresh, nonce, sender, target, extra };
    // Sealed before the grant is moved into the commit; nobody gets them unless that is done.
    let response = issued.seal(engine, client.record(), &grant, now)?;
    let claim = Change::ClaimFlow { id: grant.id, now };
    let changes = sender.once(vec![claim, Change::InsertGrant(Box::new(grant)), Change::Append(Box::new(event))]);
    let count = changes.len();
    let outcome = engine.commit(changes).await?;
    sender.must_not_be_replayed(outcome, count)?;
    Ok((outcome == Commit::Done).then_some(response))
}

/// The grant an approval becomes, and its first access token.
fn grant_from(
    engine: &Engine,
    client: &Client,
    (flow, terms): (&Flow, Terms),
    approval: &Approval,
    (target, now): (&Target, Timestamp),
) -> Result<(Grant, AccessToken), Failure> {
    let access_ends = now.plus(target.lifetime(engine, client));
    let refreshable = issue::may_refresh(client, &approval.scope);
    let expires_at = if refreshable { now.plus(engine.policy.refresh_token_of(client)) } else { access_ends };
    let access = AccessToken {
        serial: random::serial(&*engine.entropy)?,
        issued_at: now,
        expires_at: access_ends.min(expires_at),
        seal_key: engine.keys.current().keyring.current_number(),
    };
    let refresh = if refreshable {
        Some(Refresh {
            generation: 0,
            current: RefreshStep { salt: random::salt(&*engine.entropy)?, since: now },
            before: None,
            earlier: None,
            seal_key: access.seal_key,
            last_access: LastAccess { serial: access.serial, expires_at: access.expires_at },
            retry_closed: false,
        })
    } else {
        None
    };
    let asked = flow.request.authorization();
    let grant = Grant {
        id: flow.id,
        issuer: engine.number,
        kind: kind_of(&flow.request),
        client: flow.client,
        subject: Some(approval.subject.clone()),
        session: approval.session,
        scope: approval.scope.clone(),
        salt: random::salt(&*engine.entropy)?,
        refresh,
        epochs: approval.epochs,
        parent: None,
        expires_at,
        revoked_at: None,
        reason: None,
        auth: AuthContext {
            auth_time: Some(approval.auth_time),
            acr: approval.acr.clone(),
            amr: approval.amr.clone(),
            nonce: asked.and_then(|request| request.nonce.clone()),
        },
        terms,
        rest: Rest::new(),
    };
    Ok((grant, access))
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
            claims: request.claims.clone(),
            ..Terms::default()
        },
        FlowRequest::Device(request) | FlowRequest::Backchannel(request) => Terms {
            resource: request.resource.clone(),
            authorization_details: request.authorization_details.clone(),
            ..Terms::default()
        },
    }
}

//! An authorization request that somebody has approved becomes what it asked for.

use firman_proto::authorize::error_members;
use firman_proto::claims_parameter::ClaimsParameter;
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::seal::{Code, Reference, Sealed};
use firman_proto::time::Timestamp;
use firman_store::record::{
    Approval, Client, Consent, EventKind, Flow, FlowRequest, FlowState, Rest, Session, SessionDetails,
};
use firman_store::{Change, Commit, Editable, FlowApproval, SignedIn};

use super::respond::Address;
use super::{DeviceEnd, Interaction, Next, Waiting, browser, device, front_channel, pushed, session_state};
use crate::Engine;
use crate::failure::Failure;
use crate::random;
use crate::upstream;

/// Writes the approval of a request, with whatever consent goes with it, and sends the client what it asked for.
///
/// `None` if the consent or the flow was changed meanwhile.
pub(super) async fn approve(
    engine: &Engine,
    mut interaction: Interaction,
    client: &Client,
    signed_in: &SignedIn,
    consent: Option<Change>,
    now: Timestamp,
) -> Result<Option<Next>, Failure> {
    let session = &signed_in.session;
    if let Some(Waiting::Page(page)) = interaction.waiting {
        // Nothing is granted: whoever came is signed in, and goes on where they wanted to be.
        return Ok(Some(Next::Page(page)));
    }
    // Whatever the page asked: what is kept for people of certain groups is not for others to allow.
    interaction.request.scope = upstream::may_allow(engine, signed_in, &interaction.request.scope).await?;
    let approval = approval_of(engine, &interaction, signed_in);
    let upstream = session.details.upstream.as_ref().map(|there| there.provider.clone());
    let mut changes: Vec<Change> = consent.into_iter().collect();
    let mut about = session.id;
    let mut code = None;
    // What waits is used up by its approval, whatever it asked for.
    if interaction.waiting.is_some() || interaction.request.response_type.code {
        let (record, sealed, change) =
            approved_flow(engine, (&interaction, client), (approval.clone(), upstream), now).await?;
        about = record;
        code = sealed.filter(|_| interaction.request.response_type.code);
        changes.push(change);
    }
    let request = &interaction.request;
    let (redirect_uri, mode, state) = (&request.redirect_uri, request.response_mode, request.state.as_deref());
    let address = Address { client, redirect_uri, mode, state, ui_locales: &request.hints.ui_locales };
    let next = if let Some(Waiting::Device { .. }) = interaction.waiting {
        Next::Device(DeviceEnd::Allowed)
    } else {
        let mut members: Vec<_> = code.iter().map(|code| ("code", code.reveal().to_owned())).collect();
        members.extend(session_state::of(engine, client, &interaction, session)?);
        if interaction.request.response_type.is_front_channel() {
            let code = code.as_ref().map(Sealed::reveal);
            match front_channel::tokens(engine, client, &interaction, &approval, code, now).await {
                Ok((tokens, change)) => {
                    members.extend(tokens);
                    changes.extend(change);
                }
                // RFC 6749 §4.2.2.1: a refusal goes where the tokens would have gone, and nothing is written.
                Err(Failure::Denied(denied)) => {
                    return address.send(engine, error_members(&denied), now).await.map(Some);
                }
                Err(fault) => return Err(fault),
            }
        }
        address.send(engine, members, now).await?
    };
    let mut event = engine.event(EventKind::Approved, about, now)?;
    event.client = Some(client.id);
    event.subject = Some(session.subject.to_string());
    changes.push(Change::Append(Box::new(event)));
    changes.extend(browser::touch(session, now));
    changes.extend(joining(&interaction, client, session));
    Ok((engine.commit(changes).await? == Commit::Done).then_some(next))
}

/// OpenID Connect Front-Channel Logout §3, OpenID Connect Back-Channel Logout §2.3: who wants to be told of the session's end is remembered.
fn joining(interaction: &Interaction, client: &Client, session: &Session) -> Option<Change> {
    let logout = &client.metadata.logout;
    let wants = logout.frontchannel_logout_uri.is_some() || logout.backchannel_logout_uri.is_some();
    // A device is not in this browser, and what it may do does not end with its session.
    let is_here = !matches!(interaction.waiting, Some(Waiting::Device { .. }));
    let join = Change::JoinSession { session: session.id, client: client.id, expires_at: session.expires_at };
    (wants && is_here).then_some(join)
}

/// The flow that is approved, its code unless a device has one of its own, and what approves it: the one that waits, or a new one.
async fn approved_flow(
    engine: &Engine,
    (interaction, client): (&Interaction, &Client),
    (approval, upstream): (Approval, Option<String>),
    now: Timestamp,
) -> Result<(RecordId, Option<Sealed<Code>>, Change), Failure> {
    let code_ends = now.plus(engine.policy.code);
    let (flow, code) = match &interaction.waiting {
        // The device asks with its own code, for as long as that is good.
        Some(Waiting::Device { flow, .. }) => (device::waiting(engine, *flow, client, now).await?, None),
        Some(Waiting::Pushed(id)) => {
            let flow = Flow { expires_at: code_ends, ..pushed::waiting(engine, *id, client, now).await? };
            let code = code_of(engine, &flow, now);
            (flow, Some(code))
        }
        Some(Waiting::Page(_)) | None => {
            let new = new_flow(engine, interaction, now)?;
            let flow = Flow { approval: Some(approval), expires_at: code_ends, upstream, ..new };
            let (id, code) = (flow.id, code_of(engine, &flow, now));
            return Ok((id, Some(code), Change::InsertFlow(Box::new(flow))));
        }
    };
    let Flow { id, issuer, expires_at, .. } = flow;
    let approval = FlowApproval { id, issuer, approval, expires_at, upstream, now };
    Ok((id, code, Change::ApproveFlow(Box::new(approval))))
}

fn code_of(engine: &Engine, flow: &Flow, now: Timestamp) -> Sealed<Code> {
    let expires_at = Some(flow.expires_at);
    let reference = Reference { record: flow.id, serial: 0, issued_at: now, expires_at, salt: &flow.salt };
    engine.keys.current().keyring.seal::<Code>(&reference)
}

/// The class of a sign-in: of those that were asked for, if there is one (RFC 9470 §5).
pub(crate) fn acr_of(engine: &Engine, signed_in: &SessionDetails, asked: &[String]) -> Option<String> {
    let acr = engine.policy.acr.of(&signed_in.amr, asked);
    acr.map(str::to_owned).or_else(|| signed_in.acr.clone())
}

/// The classes that are asked for, those first that are required (OpenID Connect Core §5.5.1.1).
fn asked_acr(interaction: &Interaction) -> Vec<String> {
    let claims = ClaimsParameter::kept(interaction.request.claims.as_ref());
    let (required, preferred) = (claims.required_acr(), claims.preferred_acr());
    let by_claims = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    [by_claims(required), interaction.request.acr_values.clone(), by_claims(preferred)].concat()
}

fn approval_of(engine: &Engine, interaction: &Interaction, signed_in: &SignedIn) -> Approval {
    let session = &signed_in.session;
    Approval {
        subject: session.subject.clone(),
        session: Some(session.id),
        auth_time: session.auth_time,
        acr: acr_of(engine, &session.details, &asked_acr(interaction)),
        amr: session.details.amr.clone(),
        scope: interaction.request.scope.clone(),
        epochs: signed_in.epochs,
    }
}

fn new_flow(engine: &Engine, interaction: &Interaction, now: Timestamp) -> Result<Flow, Failure> {
    Ok(Flow {
        id: random::record_id(&*engine.entropy, now)?,
        issuer: engine.number,
        client: interaction.client,
        request: FlowRequest::Code(interaction.request.clone()),
        approval: None,
        state: FlowState::Ready,
        misses: 0,
        salt: random::salt(&*engine.entropy)?,
        expires_at: now,
        certificate_thumbprint: None,
        upstream: None,
        rest: Rest::new(),
    })
}

/// A consent as a change that creates it or adds to it.
pub(super) fn remember(engine: &Engine, interaction: &Interaction, signed_in: &SignedIn, now: Timestamp) -> Change {
    let (scope, resources) = (&interaction.request.scope, &interaction.request.resource);
    let claims = ClaimsParameter::kept(interaction.request.claims.as_ref());
    if let Some(known) = &signed_in.consent {
        let record = Consent { updated_at: now, ..known.clone().with(scope, resources).with_claims(&claims.names()) };
        return Change::Replace { if_revision: known.revision, record: Editable::Consent(Box::new(record)) };
    }
    let nothing = Consent {
        issuer: engine.number,
        subject: signed_in.session.subject.clone(),
        client: interaction.client,
        scope: Scope::default(),
        updated_at: now,
        revision: 0,
        rest: Rest::new(),
    };
    Change::Insert(Editable::Consent(Box::new(nothing.with(scope, resources).with_claims(&claims.names()))))
}

//! An authorization request that somebody has approved becomes a code.

use firman_proto::authorize::code_response;
use firman_proto::seal::{Code, Reference, Sealed};
use firman_proto::time::Timestamp;
use firman_store::record::{Approval, Client, Consent, EventKind, Flow, FlowRequest, FlowState, Rest};
use firman_store::{Change, Commit, Editable, FlowApproval, SignedIn};

use super::{DeviceEnd, Interaction, Next, Waiting, browser, device, pushed};
use crate::Engine;
use crate::failure::Failure;
use crate::random;

/// Writes the approval of a request, with whatever consent goes with it, and sends its code to the client.
///
/// `None` if the consent or the flow was changed meanwhile.
pub(super) async fn approve(
    engine: &Engine,
    interaction: Interaction,
    client: &Client,
    signed_in: &SignedIn,
    consent: Option<Change>,
    now: Timestamp,
) -> Result<Option<Next>, Failure> {
    let session = &signed_in.session;
    let approval = approval_of(&interaction, signed_in);
    let mut flow = match &interaction.waiting {
        Some(Waiting::Pushed(id)) => pushed::waiting(engine, *id, client, now).await?,
        Some(Waiting::Device { flow, .. }) => device::waiting(engine, *flow, client, now).await?,
        None => new_flow(engine, &interaction, now)?,
    };
    let next = match interaction.waiting {
        // The device asks with its own code, for as long as that is good.
        Some(Waiting::Device { .. }) => Next::Device(DeviceEnd::Allowed),
        Some(Waiting::Pushed(_)) | None => {
            flow.expires_at = now.plus(engine.policy.code);
            Next::Client(code_response(&engine.issuer, &interaction.request, code(engine, &flow, now).reveal()))
        }
    };
    let mut event = engine.event(EventKind::Approved, flow.id, now)?;
    event.client = Some(flow.client);
    event.subject = Some(session.subject.to_string());
    let mut changes: Vec<Change> = consent.into_iter().collect();
    changes.push(if interaction.waiting.is_some() {
        let (id, issuer, expires_at) = (flow.id, flow.issuer, flow.expires_at);
        Change::ApproveFlow(Box::new(FlowApproval { id, issuer, approval, expires_at, now }))
    } else {
        Change::InsertFlow(Box::new(Flow { approval: Some(approval), ..flow }))
    });
    changes.push(Change::Append(Box::new(event)));
    changes.extend(browser::touch(session, now));
    Ok((engine.commit(changes).await? == Commit::Done).then_some(next))
}

fn code(engine: &Engine, flow: &Flow, now: Timestamp) -> Sealed<Code> {
    let reference =
        Reference { record: flow.id, serial: 0, issued_at: now, expires_at: Some(flow.expires_at), salt: &flow.salt };
    engine.keys.current().keyring.seal::<Code>(&reference)
}

fn approval_of(interaction: &Interaction, signed_in: &SignedIn) -> Approval {
    let session = &signed_in.session;
    Approval {
        subject: session.subject.clone(),
        session: Some(session.id),
        auth_time: session.auth_time,
        acr: session.details.acr.clone(),
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
        rest: Rest::new(),
    })
}

/// A consent as a change that creates it or adds to it.
pub(super) fn remember(engine: &Engine, interaction: &Interaction, signed_in: &SignedIn, now: Timestamp) -> Change {
    match &signed_in.consent {
        Some(known) => {
            let scope = known.scope.union(&interaction.request.scope);
            let record = Consent { scope, updated_at: now, ..known.clone() };
            Change::Replace { if_revision: known.revision, record: Editable::Consent(Box::new(record)) }
        }
        None => Change::Insert(Editable::Consent(Box::new(Consent {
            issuer: engine.number,
            subject: signed_in.session.subject.clone(),
            client: interaction.client,
            scope: interaction.request.scope.clone(),
            updated_at: now,
            revision: 0,
            rest: Rest::new(),
        }))),
    }
}

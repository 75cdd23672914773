//! The page on which somebody answers what waits for them.

use firman_proto::authorization_details::Described;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::record::{Approval, EventKind, Flow, FlowRequest, Name, Namespace};
use firman_store::{Change, Commit, FlowApproval, SignedIn};

use super::{PLACES, place_of, shown_name};
use crate::Engine;
use crate::authorize::{Browser, Decision, acr_of, signed_in, touch};
use crate::details;
use crate::failure::Failure;
use crate::hooks::{self, Endpoint};
use crate::target;
use crate::upstream;

/// What the page shows.
#[derive(Debug)]
pub enum Shown {
    /// Nobody is signed in: who is there?
    SignIn,
    /// What waits for somebody.
    Pending {
        /// Who is signed in.
        username: String,
        /// What waits, in no order that means anything.
        requests: Vec<Pending>,
    },
}

/// One request that waits.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its flow.
    pub id: RecordId,
    /// The name of the client, for people.
    pub client_name: String,
    /// What it asks for.
    pub scope: Scope,
    /// The names of the resources that the tokens will be for, if the client says.
    pub resources: Vec<String>,
    /// What it asks for in detail (RFC 9396).
    pub details: Vec<Described>,
    /// What the client shows, too.
    pub binding_message: Option<String>,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It was carried out.
    Done(Decision),
    /// Nobody is signed in any more.
    SignIn,
}

/// What waits for whoever is signed in with this browser.
pub async fn pending(engine: &Engine, browser: &Browser, now: Timestamp) -> Result<Shown, Failure> {
    let Some(signed_in) = signed_in(engine, browser, None, now).await? else { return Ok(Shown::SignIn) };
    let mut requests = Vec::new();
    for (_, flow) in waiting(engine, &signed_in, now).await? {
        let client = engine.store.client_by_id(flow.client).await?.filter(|client| client.enabled);
        let (Some(client), FlowRequest::Backchannel(request)) = (client, flow.request) else { continue };
        requests.push(Pending {
            id: flow.id,
            client_name: shown_name(&client).to_owned(),
            scope: request.scope,
            resources: target::names_of(engine, &request.resource).await?,
            details: details::described(engine, request.authorization_details.as_ref())?,
            binding_message: request.binding_message,
        });
    }
    Ok(Shown::Pending { username: signed_in.session.details.username, requests })
}

/// The flows that wait for somebody, each with its place.
async fn waiting(engine: &Engine, signed_in: &SignedIn, now: Timestamp) -> Result<Vec<(Name, Flow)>, Failure> {
    let subject = &signed_in.session.subject;
    let mut found = Vec::new();
    for place in 0..PLACES {
        let name = engine.store.name(Namespace::Pending, place_of(engine, subject, place)).await?;
        let Some(name) = name.filter(|name| now < name.expires_at) else { continue };
        let flow = engine.store.flow(name.id).await?.map(|standing| standing.record);
        let theirs = |flow: &Flow| {
            let request = flow.request.polled();
            flow.is_pending(now) && request.is_some_and(|of| of.login_hint.as_deref() == Some(subject.as_str()))
        };
        found.extend(flow.filter(theirs).map(|flow| (name, flow)));
    }
    Ok(found)
}

/// Carries out what somebody answered to a request that waits for them.
pub async fn answer(
    engine: &Engine,
    browser: &Browser,
    id: RecordId,
    decision: Decision,
    now: Timestamp,
) -> Result<Answered, Failure> {
    let Some(known) = signed_in(engine, browser, None, now).await? else { return Ok(Answered::SignIn) };
    let gone = || {
        let text = "request: it was answered before, or waited too long";
        Denied::new(ErrorCode::ExpiredToken, text)
    };
    let (name, flow) =
        waiting(engine, &known, now).await?.into_iter().find(|(_, flow)| flow.id == id).ok_or_else(gone)?;
    if decision == Decision::Allow {
        let client = engine.store.client_by_id(flow.client).await?.filter(|client| client.enabled).ok_or_else(gone)?;
        hooks::before(engine, Endpoint::Authorization, &client).await?;
    }
    // Once more, for the epochs of this client.
    let known = signed_in(engine, browser, Some(flow.client), now).await?.ok_or_else(gone)?;
    let change = match decision {
        Decision::Allow => approval(engine, &flow, &known, now).await?,
        Decision::Deny => Change::DenyFlow { id, failure: None, now },
    };
    let mut changes = vec![change, Change::ReleaseName { namespace: name.namespace, digest: name.digest, id }];
    if decision == Decision::Allow {
        let mut event = engine.event(EventKind::Approved, id, now)?;
        event.subject = Some(known.session.subject.to_string());
        changes.push(Change::Append(Box::new(event)));
    }
    changes.extend(touch(&known.session, now));
    match engine.commit(changes).await? {
        Commit::Done => Ok(Answered::Done(decision)),
        Commit::Conflict(_) => Err(gone().into()),
    }
}

async fn approval(engine: &Engine, flow: &Flow, known: &SignedIn, now: Timestamp) -> Result<Change, Failure> {
    let session = &known.session;
    let scope = upstream::may_allow(engine, known, flow.request.scope()).await?;
    if scope.is_empty() && !flow.request.scope().is_empty() {
        return Err(Denied::new(ErrorCode::AccessDenied, "scope: this is for others to allow").into());
    }
    let asked = flow.request.polled().map_or(&[][..], |request| &request.acr_values);
    let approval = Approval {
        subject: session.subject.clone(),
        session: Some(session.id),
        auth_time: session.auth_time,
        acr: acr_of(engine, &session.details, asked),
        amr: session.details.amr.clone(),
        scope,
        epochs: known.epochs,
    };
    Ok(Change::ApproveFlow(Box::new(FlowApproval {
        id: flow.id,
        issuer: flow.issuer,
        approval,
        expires_at: flow.expires_at,
        upstream: session.details.upstream.as_ref().map(|there| there.provider.clone()),
        now,
    })))
}

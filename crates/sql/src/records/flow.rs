//! Flows.

use firman_proto::authorize::{AuthorizationRequest, Prompt};
use firman_proto::pkce::{Challenge, ChallengeMethod};
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::time::Timestamp;
use firman_store::record::{Approval, Flow, FlowState, Rest};
use firman_store::{CommitId, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::body;
use crate::row::{Columns, list_text};
use crate::value::{Value, values};

/// The number of [`FlowState::Ready`].
pub(crate) const READY: u8 = 1;
/// The number of [`FlowState::Done`].
pub(crate) const DONE: u8 = 2;
/// The number of [`FlowState::Failed`].
pub(crate) const FAILED: u8 = 3;

/// The part of a request that has no column of its own.
#[derive(Serialize, Deserialize)]
struct Request {
    redirect_uri_given: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default)]
    prompt: Prompt,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login_hint: Option<String>,
}

/// A whole row.
pub(crate) fn row(flow: &Flow, by: CommitId) -> Vec<Value> {
    let (request, approval, challenge) = (&flow.request, &flow.approval, flow.request.challenge.as_ref());
    let (state, done_at) = state_numbers(flow.state);
    values![
        flow.id.made_at().day(),
        flow.id,
        state,
        flow.expires_at,
        done_at,
        flow.misses,
        &flow.salt,
        flow.issuer,
        flow.client,
        approval.subject.as_str(),
        approval.subject.key(flow.issuer),
        approval.session,
        request.redirect_uri.as_str(),
        request.scope.as_str(),
        approval.scope.as_str(),
        challenge.map(|challenge| challenge.value.as_str()),
        challenge.map(|challenge| method_name(challenge.method)),
        request.nonce.as_deref(),
        approval.auth_time,
        approval.acr.as_deref(),
        list_text(&approval.amr),
        approval.epochs.everything,
        approval.epochs.client,
        approval.epochs.subject,
        by,
        body_text(flow),
    ]
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Flow, StoreError> {
    columns.skip(1);
    let id = columns.id()?;
    let state = columns.numbered(Some)?;
    let expires_at = columns.time()?;
    let state = state_of(state, columns.maybe_time()?).ok_or_else(|| columns.wrong("known state"))?;
    let (misses, salt, issuer, client) = (columns.small()?, columns.salt()?, columns.issuer()?, columns.id()?);
    let subject = columns.subject()?;
    columns.skip(1);
    let session = columns.maybe_id()?;
    let redirect_uri = columns.parsed("redirect URI", |text| RedirectUri::parse(text).ok())?;
    let (asked, granted) = (columns.scope()?, columns.scope()?);
    let challenge = read_challenge(columns)?;
    let nonce = columns.maybe_string()?;
    let (auth_time, acr, amr) = (columns.time()?, columns.maybe_string()?, columns.list()?);
    let epochs = columns.epochs()?;
    columns.skip(1);
    let mut rest = body::read(columns)?;
    let request: Request = body::made_of(body::take(&mut rest, "request", columns)?, columns)?;
    Ok(Flow {
        id,
        issuer,
        client,
        request: AuthorizationRequest {
            redirect_uri,
            redirect_uri_given: request.redirect_uri_given,
            state: request.state,
            scope: asked,
            nonce,
            prompt: request.prompt,
            max_age: request.max_age,
            login_hint: request.login_hint,
            challenge,
        },
        approval: Approval { subject, session, auth_time, acr, amr, scope: granted, epochs },
        state,
        misses,
        salt,
        expires_at,
        rest,
    })
}

fn body_text(flow: &Flow) -> String {
    let request = &flow.request;
    let request = Request {
        redirect_uri_given: request.redirect_uri_given,
        state: request.state.clone(),
        prompt: request.prompt,
        max_age: request.max_age,
        login_hint: request.login_hint.clone(),
    };
    let mut members: Rest = flow.rest.clone();
    members.insert("request".to_owned(), Json::Object(body::members(&request)));
    body::write(members)
}

fn read_challenge(columns: &mut Columns<'_>) -> Result<Option<Challenge>, StoreError> {
    let value = columns.maybe_string()?;
    let method = columns.maybe_text()?.map(|name| method_of(name).ok_or_else(|| columns.wrong("challenge method")));
    Ok(value.zip(method.transpose()?).map(|(value, method)| Challenge { method, value }))
}

fn method_name(method: ChallengeMethod) -> &'static str {
    match method {
        ChallengeMethod::S256 => "S256",
        ChallengeMethod::Plain => "plain",
    }
}

fn method_of(name: &str) -> Option<ChallengeMethod> {
    [ChallengeMethod::S256, ChallengeMethod::Plain].into_iter().find(|method| method_name(*method) == name)
}

fn state_numbers(state: FlowState) -> (u8, Option<Timestamp>) {
    match state {
        FlowState::Ready => (READY, None),
        FlowState::Done { at } => (DONE, Some(at)),
        FlowState::Failed => (FAILED, None),
    }
}

fn state_of(number: u8, done_at: Option<Timestamp>) -> Option<FlowState> {
    match (number, done_at) {
        (READY, _) => Some(FlowState::Ready),
        (DONE, Some(at)) => Some(FlowState::Done { at }),
        (FAILED, _) => Some(FlowState::Failed),
        _ => None,
    }
}

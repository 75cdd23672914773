//! Flows.

use firman_proto::authorize::{AuthorizationRequest, Hints, Prompt};
use firman_proto::pkce::{Challenge, ChallengeMethod};
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::response::{ResponseMode, ResponseType};
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Approval, Epochs, Flow, FlowFailure, FlowRequest, FlowState, PolledRequest, Rest};
use firman_store::{CommitId, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{body, read_json, read_uris, uris_text};
use crate::row::{Columns, list_text};
use crate::value::{Value, values};

/// The number of [`FlowState::Ready`].
pub(crate) const READY: u8 = 1;
/// The number of [`FlowState::Done`].
pub(crate) const DONE: u8 = 2;
/// The number of [`FlowState::Failed`].
pub(crate) const FAILED: u8 = 3;
/// The number of [`FlowState::Pending`].
pub(crate) const PENDING: u8 = 4;
/// The number of [`FlowState::Denied`].
pub(crate) const DENIED: u8 = 5;
/// The number of [`FlowState::Revoked`].
pub(crate) const REVOKED: u8 = 6;

/// The number of [`FlowRequest::Code`], which NULL means too.
const CODE: u8 = 1;
/// The number of [`FlowRequest::Pushed`].
const PUSHED: u8 = 2;
/// The number of [`FlowRequest::Device`].
const DEVICE: u8 = 3;
/// The number of [`FlowRequest::Backchannel`].
const BACKCHANNEL: u8 = 4;

/// The part of an authorization request that has no column of its own.
#[derive(Serialize, Deserialize)]
struct Request {
    #[serde(default)]
    response_type: ResponseType,
    #[serde(default)]
    response_mode: ResponseMode,
    redirect_uri_given: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default)]
    prompt: Prompt,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acr_values: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login_hint: Option<String>,
    #[serde(default, skip_serializing_if = "Hints::are_none")]
    hints: Hints,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idp_hint: Option<String>,
}

/// The part of a polled request that has no column of its own.
#[derive(Serialize, Deserialize)]
struct Polled {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acr_values: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login_hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding_message: Option<String>,
}

/// A whole row.
pub(crate) fn row(flow: &Flow, by: CommitId) -> Vec<Value> {
    let (state, done_at, failure) = state_numbers(flow.state);
    let (authorization, approval) = (flow.request.authorization(), flow.approval.as_ref());
    let challenge = authorization.and_then(|request| request.challenge.as_ref());
    let epochs = approval.map(|approval| approval.epochs).unwrap_or_default();
    let mut row = values![
        flow.id.made_at().day(),
        flow.id,
        state,
        flow.expires_at,
        done_at,
        flow.misses,
        &flow.salt,
        flow.issuer,
        flow.client,
        approval.map(|approval| approval.subject.as_str()),
        approval.map(|approval| approval.subject.key(flow.issuer)),
        approval.and_then(|approval| approval.session),
        authorization.map(|request| request.redirect_uri.as_str()),
        flow.request.scope().as_str(),
        approval.map(|approval| approval.scope.as_str()),
        challenge.map(|challenge| challenge.value.as_str()),
        challenge.map(|challenge| method_name(challenge.method)),
        authorization.and_then(|request| request.nonce.as_deref()),
        approval.map(|approval| approval.auth_time),
        approval.and_then(|approval| approval.acr.as_deref()),
        approval.and_then(|approval| list_text(&approval.amr)),
        epochs.everything,
        epochs.client,
        epochs.subject,
        by,
        body_text(flow),
    ];
    row.extend(values![kind_number(&flow.request), failure]);
    row.extend(request_values(&flow.request));
    row.extend(values![flow.certificate_thumbprint.as_deref(), flow.upstream.as_deref()]);
    row
}

/// From `polled_at` to `dpop_jkt`.
fn request_values(request: &FlowRequest) -> Vec<Value> {
    let json = |value: &Option<Json>| value.as_ref().map(ToString::to_string);
    match request {
        FlowRequest::Code(request) | FlowRequest::Pushed(request) => values![
            None::<Timestamp>,
            None::<i64>,
            uris_text(&request.resource),
            json(&request.authorization_details),
            json(&request.claims),
            request.claims_locales.as_deref(),
            request.dpop_jkt.as_deref(),
        ],
        FlowRequest::Device(request) | FlowRequest::Backchannel(request) => values![
            request.polled_at,
            request.interval.millis(),
            uris_text(&request.resource),
            json(&request.authorization_details),
            None::<&str>,
            None::<&str>,
            request.dpop_jkt.as_deref(),
        ],
    }
}

/// What approving writes, from `subject` to `epoch_subject`.
pub(crate) fn approval_values(approval: &Approval, issuer: firman_proto::id::IssuerNumber) -> Vec<Value> {
    values![
        approval.subject.as_str(),
        approval.subject.key(issuer),
        approval.session,
        approval.scope.as_str(),
        approval.auth_time,
        approval.acr.as_deref(),
        list_text(&approval.amr),
        approval.epochs.everything,
        approval.epochs.client,
        approval.epochs.subject,
    ]
}

/// Columns of the request, whichever kind it turns out to be.
struct Asked {
    redirect_uri: Option<RedirectUri>,
    scope: Scope,
    challenge: Option<Challenge>,
    nonce: Option<String>,
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Flow, StoreError> {
    columns.skip(1);
    let id = columns.id()?;
    let state = columns.numbered(Some)?;
    let (expires_at, done_at) = (columns.time()?, columns.maybe_time()?);
    let (misses, salt, issuer, client) = (columns.small()?, columns.salt()?, columns.issuer()?, columns.id()?);
    let subject = columns.maybe_subject()?;
    columns.skip(1);
    let session = columns.maybe_id()?;
    let uri = columns.maybe_text()?.map(RedirectUri::parse).transpose();
    let redirect_uri = uri.map_err(|_| columns.wrong("redirect URI"))?;
    let (scope, granted) = (columns.scope()?, columns.maybe_scope()?);
    let challenge = read_challenge(columns)?;
    let nonce = columns.maybe_string()?;
    let (auth_time, acr, amr) = (columns.maybe_time()?, columns.maybe_string()?, columns.list()?);
    let epochs: Epochs = columns.epochs()?;
    columns.skip(1);
    let mut rest = body::read(columns)?;
    let kind = columns.maybe_numbered(Some)?.unwrap_or(CODE);
    let failure = columns.maybe_numbered(FlowFailure::from_number)?;
    let asked = Asked { redirect_uri, scope, challenge, nonce };
    let request = read_request(kind, asked, body::take(&mut rest, "request", columns)?, columns)?;
    let approval = match (subject, granted, auth_time) {
        (Some(subject), Some(scope), Some(auth_time)) => {
            Some(Approval { subject, session, auth_time, acr, amr, scope, epochs })
        }
        _ => None,
    };
    let state = state_of(state, done_at, failure).ok_or_else(|| columns.wrong("known state"))?;
    let certificate_thumbprint = columns.maybe_string()?;
    let upstream = columns.maybe_string()?;
    Ok(Flow {
        id,
        issuer,
        client,
        request,
        approval,
        state,
        misses,
        salt,
        expires_at,
        certificate_thumbprint,
        upstream,
        rest,
    })
}

/// Reads what belongs to the request, up to `dpop_jkt`.
fn read_request(kind: u8, asked: Asked, members: Rest, columns: &mut Columns<'_>) -> Result<FlowRequest, StoreError> {
    let (polled_at, interval) = (columns.maybe_time()?, columns.maybe_int()?);
    let (resource, authorization_details) = (read_uris(columns)?, read_json(columns)?);
    let (claims, claims_locales) = (read_json(columns)?, columns.maybe_string()?);
    let dpop_jkt = columns.maybe_string()?;
    if matches!(kind, DEVICE | BACKCHANNEL) {
        let request: Polled = body::made_of(members, columns)?;
        let request = PolledRequest {
            scope: asked.scope,
            resource,
            authorization_details,
            dpop_jkt,
            acr_values: request.acr_values,
            login_hint: request.login_hint,
            binding_message: request.binding_message,
            interval: Lifetime::from_millis(interval.unwrap_or(0)),
            polled_at,
        };
        return Ok(if kind == DEVICE { FlowRequest::Device(request) } else { FlowRequest::Backchannel(request) });
    }
    let request: Request = body::made_of(members, columns)?;
    let request = AuthorizationRequest {
        response_type: request.response_type,
        response_mode: request.response_mode,
        redirect_uri: asked.redirect_uri.ok_or_else(|| columns.wrong("redirect URI"))?,
        redirect_uri_given: request.redirect_uri_given,
        state: request.state,
        scope: asked.scope,
        nonce: asked.nonce,
        prompt: request.prompt,
        max_age: request.max_age,
        acr_values: request.acr_values,
        login_hint: request.login_hint,
        hints: request.hints,
        idp_hint: request.idp_hint,
        challenge: asked.challenge,
        resource,
        authorization_details,
        claims,
        claims_locales,
        dpop_jkt,
    };
    match kind {
        CODE => Ok(FlowRequest::Code(request)),
        PUSHED => Ok(FlowRequest::Pushed(request)),
        _ => Err(columns.wrong("known kind of flow")),
    }
}

fn body_text(flow: &Flow) -> String {
    let request = match &flow.request {
        FlowRequest::Code(request) | FlowRequest::Pushed(request) => body::members(&Request {
            response_type: request.response_type,
            response_mode: request.response_mode,
            redirect_uri_given: request.redirect_uri_given,
            state: request.state.clone(),
            prompt: request.prompt,
            max_age: request.max_age,
            acr_values: request.acr_values.clone(),
            login_hint: request.login_hint.clone(),
            hints: request.hints.clone(),
            idp_hint: request.idp_hint.clone(),
        }),
        FlowRequest::Device(request) | FlowRequest::Backchannel(request) => body::members(&Polled {
            acr_values: request.acr_values.clone(),
            login_hint: request.login_hint.clone(),
            binding_message: request.binding_message.clone(),
        }),
    };
    let mut members: Rest = flow.rest.clone();
    members.insert("request".to_owned(), Json::Object(request));
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

fn kind_number(request: &FlowRequest) -> u8 {
    match request {
        FlowRequest::Code(_) => CODE,
        FlowRequest::Pushed(_) => PUSHED,
        FlowRequest::Device(_) => DEVICE,
        FlowRequest::Backchannel(_) => BACKCHANNEL,
    }
}

fn state_numbers(state: FlowState) -> (u8, Option<Timestamp>, Option<u8>) {
    match state {
        FlowState::Pending => (PENDING, None, None),
        FlowState::Ready => (READY, None, None),
        FlowState::Done { at } => (DONE, Some(at), None),
        FlowState::Denied => (DENIED, None, None),
        FlowState::Failed(failure) => (FAILED, None, Some(failure.number())),
        FlowState::Revoked => (REVOKED, None, None),
    }
}

/// A failure that is not named is the one that version 1 knew.
fn state_of(number: u8, done_at: Option<Timestamp>, failure: Option<FlowFailure>) -> Option<FlowState> {
    match (number, done_at) {
        (PENDING, _) => Some(FlowState::Pending),
        (READY, _) => Some(FlowState::Ready),
        (DONE, Some(at)) => Some(FlowState::Done { at }),
        (DENIED, _) => Some(FlowState::Denied),
        (FAILED, _) => Some(FlowState::Failed(failure.unwrap_or(FlowFailure::Misses))),
        (REVOKED, _) => Some(FlowState::Revoked),
        _ => None,
    }
}

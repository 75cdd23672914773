//! What somebody typed.

use std::net::IpAddr;

use firman_proto::authorize::{AuthorizationRequest, Hints, Prompt};
use firman_proto::device::shown;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::metadata::path;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::response::{ResponseMode, ResponseType};
use firman_proto::time::Timestamp;
use firman_store::record::{Flow, FlowRequest, Name, Namespace, PolledRequest};

use crate::Engine;
use crate::authorize::{Browser, Interaction, Next, Waiting, go_on};
use crate::failure::{Failure, Fault};
use crate::guesses;

/// What came of a code that was typed.
#[derive(Debug)]
pub enum Entered {
    /// It is known: sign in, then say yes or no.
    Next(Next),
    /// No device waits with this code, or no longer.
    Unknown,
}

/// Looks up what somebody typed on the page for devices, and goes on with the device's request (RFC 8628 §3.3).
///
/// `from` says where they are, as far as that is known: by it wrong codes are counted.
pub async fn enter(
    engine: &Engine,
    browser: &Browser,
    from: Option<IpAddr>,
    typed: &str,
    now: Timestamp,
) -> Result<Entered, Failure> {
    let policy = &engine.policy.device;
    // RFC 8628 §5.1: the number of guesses is limited, so that nobody keeps others from the page: for each address.
    let guess = engine.code_guesses.begin(from.map(guesses::of_address), policy.guesses, now);
    let Some(guess) = guess else {
        let text = "user_code: too many wrong codes were typed; try again in a minute";
        return Err(Denied::new(ErrorCode::TemporarilyUnavailable, text).into());
    };
    let found = match policy.alphabet.canonical(typed, policy.length) {
        Some(code) => waiting(engine, &code, now).await?.map(|flow| (flow, code)),
        None => None,
    };
    let Some((flow, code)) = found else { return Ok(Entered::Unknown) };
    guess.was_right();
    let client = engine.store.client_by_id(flow.client).await?.filter(|client| client.enabled);
    let (FlowRequest::Device(request), Some(client)) = (&flow.request, client) else { return Ok(Entered::Unknown) };
    let interaction = Interaction {
        client: client.id,
        request: as_authorization(engine, request)?,
        started_at: now,
        waiting: Some(Waiting::Device { flow: flow.id, user_code: shown(&code) }),
        account: None,
        asked: None,
    };
    Ok(Entered::Next(go_on(engine, browser, interaction, &client, now).await?))
}

/// The flow of a canonical code, if it waits for an answer.
async fn waiting(engine: &Engine, code: &str, now: Timestamp) -> Result<Option<Flow>, Failure> {
    let digest = Name::digest(engine.number, Namespace::UserCode, code);
    let name = engine.store.name(Namespace::UserCode, digest).await?;
    let Some(name) = name.filter(|name| now < name.expires_at) else { return Ok(None) };
    let flow = engine.store.flow(name.id).await?.map(|standing| standing.record);
    Ok(flow.filter(|flow| flow.is_pending(now)))
}

/// The request as the pages know requests: it ends at the page for devices, and is always asked about.
fn as_authorization(engine: &Engine, request: &PolledRequest) -> Result<AuthorizationRequest, Fault> {
    let end = RedirectUri::parse(&engine.issuer.endpoint(path::DEVICE));
    Ok(AuthorizationRequest {
        response_type: ResponseType::CODE,
        response_mode: ResponseMode::default(),
        redirect_uri: end.map_err(|error| Fault::lasting("begin an approval", error.to_string()))?,
        redirect_uri_given: false,
        state: None,
        scope: request.scope.clone(),
        nonce: None,
        // RFC 8628 §5.4: the person must be asked whether it is their device.
        prompt: Prompt { consent: true, ..Prompt::default() },
        max_age: None,
        acr_values: request.acr_values.clone(),
        login_hint: request.login_hint.clone(),
        hints: Hints::default(),
        idp_hint: None,
        challenge: None,
        resource: request.resource.clone(),
        authorization_details: request.authorization_details.clone(),
        claims: None,
        claims_locales: None,
        dpop_jkt: None,
    })
}

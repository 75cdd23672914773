//! What is asked for beyond scopes (RFC 9396): at the authorization endpoints, and narrower at the token endpoint.

use std::borrow::Cow;

use firman_proto::authorization_details::{Described, Details};
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::form::Form;
use firman_proto::scope::Scope;
use firman_store::record::{Client, Flow, FlowRequest};
use serde_json::Value;

use crate::Engine;
use crate::failure::Fault;
use crate::target::Target;

/// The details of a request, as they are stored. RFC 9396 §5: each of a type that this client may use.
pub(crate) fn asked(engine: &Engine, client: &Client, form: &Form<'_>) -> Result<Option<Value>, Denied> {
    let read = |text| read(engine, client, text);
    Ok(form.get("authorization_details").map(read).transpose()?.map(|details| details.to_value()))
}

/// RFC 9396 §6.1: details of a token request, which must be within what was granted; `None` if it has none.
pub(crate) fn narrowed(
    engine: &Engine,
    client: &Client,
    granted: Option<&Value>,
    asked: Option<&str>,
) -> Result<Option<Details>, Denied> {
    let Some(text) = asked else { return Ok(None) };
    let details = read(engine, client, text)?;
    let granted = granted.and_then(Details::from_value);
    if granted.is_none_or(|granted| !details.are_within(&granted)) {
        return Err(refused("authorization_details: more than was granted"));
    }
    Ok(Some(details))
}

/// What of another token's details a token has that it is exchanged for: those of types that this client may use, or those of
/// them that it asks for.
pub(crate) fn passed_on(
    engine: &Engine,
    client: &Client,
    granted: Option<&Value>,
    asked: Option<&str>,
) -> Result<Option<Value>, Denied> {
    let most = granted.and_then(Details::from_value);
    let most = most.and_then(|most| most.of_types(&client.metadata.authorization_details_types));
    let most = most.map(|most| most.to_value());
    let narrower = narrowed(engine, client, most.as_ref(), asked)?;
    Ok(narrower.map(|narrower| narrower.to_value()).or(most))
}

/// The flow with the narrower details of the request that redeems it: no more than these become its grant.
pub(crate) fn narrow<'f>(
    engine: &Engine,
    client: &Client,
    flow: &'f Flow,
    asked: Option<&str>,
) -> Result<Cow<'f, Flow>, Denied> {
    let granted = match &flow.request {
        FlowRequest::Code(request) | FlowRequest::Pushed(request) => &request.authorization_details,
        FlowRequest::Device(request) | FlowRequest::Backchannel(request) => &request.authorization_details,
    };
    let Some(details) = narrowed(engine, client, granted.as_ref(), asked)? else { return Ok(Cow::Borrowed(flow)) };
    let mut flow = flow.clone();
    match &mut flow.request {
        FlowRequest::Code(request) | FlowRequest::Pushed(request) => {
            request.authorization_details = Some(details.to_value());
        }
        FlowRequest::Device(request) | FlowRequest::Backchannel(request) => {
            request.authorization_details = Some(details.to_value());
        }
    }
    Ok(Cow::Owned(flow))
}

/// Details as a person reads them. What could not be shown must not be allowed.
pub fn described(engine: &Engine, details: Option<&Value>) -> Result<Vec<Described>, Fault> {
    let damaged = || Fault::lasting("show a request", "its authorization_details are damaged");
    match details {
        Some(details) => Ok(Details::from_value(details).ok_or_else(damaged)?.describe(&engine.policy.details)),
        None => Ok(Vec::new()),
    }
}

/// Refuses narrower details that a token has no room for, before anything is written for it.
pub(crate) fn must_fit(details: &Details, target: &Target, scope: Option<&Scope>) -> Result<(), Denied> {
    let too_long = || refused("authorization_details: too long to narrow a token to; ask for less of them");
    target.widest(scope, Some(details)).map(|_| ()).ok_or_else(too_long)
}

fn read(engine: &Engine, client: &Client, text: &str) -> Result<Details, Denied> {
    Details::parse(text, &engine.policy.details, &client.metadata.authorization_details_types)
}

fn refused(text: &'static str) -> Denied {
    Denied::new(ErrorCode::InvalidAuthorizationDetails, text)
}

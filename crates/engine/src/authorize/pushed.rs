//! A browser that comes with a pushed request (RFC 9126 §4).

use std::sync::Arc;

use firman_proto::authorize::AuthorizationRequest;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::form::Form;
use firman_proto::id::RecordId;
use firman_proto::seal::RequestUri;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Flow};

use super::{Interaction, Waiting, client_of, respond};
use crate::Engine;
use crate::failure::Failure;

/// The interaction of a pushed request. It can be begun again and again until somebody has approved it.
pub(super) async fn interaction(
    engine: &Engine,
    form: &Form<'_>,
    reference: &str,
    now: Timestamp,
) -> Result<(Interaction, Arc<Client>), Failure> {
    // RFC 9126 §4: client_id is there; whatever else came with the browser is ignored (RFC 9101 §6.3).
    let client = client_of(engine, form.required("client_id")?, now).await?;
    let opened = engine.keys.open::<RequestUri>(&*engine.store, reference, now).await?;
    let opened = opened.map_err(|why| refused(format!("it does not open: {why:?}")))?;
    if opened.has_expired(now) {
        return Err(refused("it has expired").into());
    }
    let flow = engine.store.flow(opened.record()).await?.map(|standing| standing.record);
    let flow = flow.ok_or_else(|| refused("no flow of this reference: purged, or of another database"))?;
    if !opened.proves(&flow.salt) {
        return Err(refused("it was sealed for an earlier salt").into());
    }
    let request = decide(&flow, &client, now)?;
    respond::must_be_allowed(engine, &client, request.response_type)?;
    let interaction = Interaction {
        client: client.id,
        request: request.clone(),
        started_at: now,
        waiting: Some(Waiting::Pushed(flow.id)),
        account: None,
        asked: None,
    };
    Ok((interaction, client))
}

/// The flow of an interaction, if it still waits for an answer.
pub(super) async fn waiting(engine: &Engine, id: RecordId, client: &Client, now: Timestamp) -> Result<Flow, Failure> {
    let flow = engine.store.flow(id).await?.map(|standing| standing.record);
    let flow = flow.ok_or_else(|| refused("the flow was purged"))?;
    decide(&flow, client, now)?;
    Ok(flow)
}

fn decide<'f>(flow: &'f Flow, client: &Client, now: Timestamp) -> Result<&'f AuthorizationRequest, Denied> {
    // RFC 9126 §2.2: the request URI is bound to the client that pushed it.
    if flow.client != client.id {
        return Err(refused("another client's"));
    }
    let request = flow.request.authorization().ok_or_else(|| refused("a flow of another kind"))?;
    // RFC 9126 §7.3: used once; here, by being approved.
    if !flow.is_pending(now) {
        return Err(refused(format!("it is {:?}, good until {}", flow.state, flow.expires_at)));
    }
    Ok(request)
}

fn refused(why: impl Into<std::borrow::Cow<'static, str>>) -> Denied {
    let text =
        "request_uri: it has expired or was used, or is another client's; go back to the application and start again";
    Denied::new(ErrorCode::InvalidRequestUri, text).because(why)
}

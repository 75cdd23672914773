//! The answer to a device that waits (RFC 8628 §3.3).

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Flow, FlowRequest};
use firman_store::{Change, Commit};

use super::{DeviceEnd, Next};
use crate::Engine;
use crate::failure::Failure;

/// The flow of a device, if it still waits.
pub(super) async fn waiting(engine: &Engine, id: RecordId, client: &Client, now: Timestamp) -> Result<Flow, Failure> {
    let flow = engine.store.flow(id).await?.map(|standing| standing.record);
    let waits = |flow: &Flow| {
        flow.client == client.id && matches!(flow.request, FlowRequest::Device(_)) && flow.is_pending(now)
    };
    Ok(flow.filter(waits).ok_or_else(|| gone("it does not wait, or no longer"))?)
}

/// Says no.
pub(super) async fn deny(engine: &Engine, id: RecordId, now: Timestamp) -> Result<Next, Failure> {
    match engine.commit(vec![Change::DenyFlow { id, failure: None, now }]).await? {
        Commit::Done => Ok(Next::Device(DeviceEnd::Denied)),
        Commit::Conflict(_) => Err(gone("it was answered before, or has expired").into()),
    }
}

fn gone(why: &'static str) -> Denied {
    let text = "user_code: this device was answered before, or waited too long; begin again on the device";
    Denied::new(ErrorCode::ExpiredToken, text).because(why)
}

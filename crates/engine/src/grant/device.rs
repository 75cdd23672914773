//! The device code grant (RFC 8628 §3.4, §3.5).

use firman_proto::seal::Device;
use firman_proto::time::Timestamp;
use firman_proto::token::{DeviceCodeRequest, TokenResponse};
use firman_store::record::{FlowRequest, PolledRequest};

use super::polled::{self, Question};
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;

pub(super) async fn redeem(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &DeviceCodeRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let question = Question {
        presented: &request.device_code,
        resource: &request.resource,
        authorization_details: request.authorization_details.as_deref(),
        request_of,
    };
    polled::redeem::<Device>(engine, client, &question, now).await
}

fn request_of(request: &FlowRequest) -> Option<&PolledRequest> {
    if let FlowRequest::Device(request) = request { Some(request) } else { None }
}

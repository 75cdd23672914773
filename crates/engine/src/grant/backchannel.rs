//! The grant of who was asked elsewhere (OpenID Connect CIBA Core §10.1, §11).

use firman_proto::seal::AuthRequest;
use firman_proto::time::Timestamp;
use firman_proto::token::{BackchannelTokenRequest, TokenResponse};
use firman_store::record::{FlowRequest, PolledRequest};

use super::polled;
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;

pub(super) async fn redeem(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &BackchannelTokenRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    polled::redeem::<AuthRequest>(engine, client, (&request.auth_req_id, &request.resource, request_of), now).await
}

fn request_of(request: &FlowRequest) -> Option<&PolledRequest> {
    if let FlowRequest::Backchannel(request) = request { Some(request) } else { None }
}

//! The grant of who was asked elsewhere (OpenID Connect CIBA Core §10.1, §11).

use firman_proto::seal::AuthRequest;
use firman_proto::time::Timestamp;
use firman_proto::token::{BackchannelTokenRequest, TokenResponse};
use firman_store::record::{FlowRequest, PolledRequest};

use super::polled::{self, Question};
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;

pub(super) async fn redeem(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &BackchannelTokenRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let question = Question {
        presented: &request.auth_req_id,
        resource: &request.resource,
        authorization_details: request.authorization_details.as_deref(),
        request_of,
    };
    polled::redeem::<AuthRequest>(engine, client, &question, now).await
}

fn request_of(request: &FlowRequest) -> Option<&PolledRequest> {
    if let FlowRequest::Backchannel(request) = request { Some(request) } else { None }
}

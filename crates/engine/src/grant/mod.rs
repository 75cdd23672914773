//! One file per grant type; each loads, decides, and commits.

mod approved;
mod backchannel;
mod client_credentials;
mod code;
mod device;
mod exchange;
mod id_jag;
mod jwt_bearer;
mod make;
mod one;
mod party;
mod password;
mod polled;
mod refresh;

pub(crate) use client_credentials::own_scope;

use firman_proto::time::Timestamp;
use firman_proto::token::{TokenRequest, TokenResponse};

use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;

/// Runs the grant that was asked for. There is no wildcard arm: a new grant type does not compile before it has a file.
pub(crate) async fn run(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: TokenRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    match request {
        TokenRequest::AuthorizationCode(request) => code::redeem(engine, client, &request, now).await,
        TokenRequest::RefreshToken(request) => refresh::refresh(engine, client, &request, now).await,
        TokenRequest::ClientCredentials(request) => client_credentials::issue(engine, client, &request, now).await,
        TokenRequest::DeviceCode(request) => device::redeem(engine, client, &request, now).await,
        TokenRequest::Backchannel(request) => backchannel::redeem(engine, client, &request, now).await,
        TokenRequest::TokenExchange(request) => exchange::exchange(engine, client, &request, now).await,
        TokenRequest::JwtBearer(request) => jwt_bearer::redeem(engine, client, &request, now).await,
        TokenRequest::Password(request) => password::redeem(engine, client, &request, now).await,
    }
}

/// Counts a failed client authentication against the code that came with it, if one did.
pub(crate) async fn count_failed_authentication(
    engine: &Engine,
    request: &TokenRequest,
    now: Timestamp,
) -> Result<(), Failure> {
    match request {
        TokenRequest::AuthorizationCode(request) => code::count_miss_of_stranger(engine, request, now).await,
        TokenRequest::RefreshToken(_)
        | TokenRequest::ClientCredentials(_)
        | TokenRequest::DeviceCode(_)
        | TokenRequest::TokenExchange(_)
        | TokenRequest::JwtBearer(_)
        | TokenRequest::Password(_)
        | TokenRequest::Backchannel(_) => Ok(()),
    }
}

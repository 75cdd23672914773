//! The token endpoint (RFC 6749 §3.2): it owns the phases, the grant owns the difference.

use firman_proto::credentials::Credentials;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::Timestamp;
use firman_proto::token::{TokenRequest, TokenResponse};

use crate::Engine;
use crate::authenticate::authenticate;
use crate::failure::Failure;
use crate::grant;
use crate::hooks::{self, Endpoint};

/// Answers a token request.
pub async fn token(
    engine: &Engine,
    credentials: &Credentials,
    request: TokenRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    // RFC 6749 §5.2 unsupported_grant_type: what settings have left off.
    if !engine.policy.grant_types().any(|works| works == request.grant_type()) {
        return Err(Denied::new(ErrorCode::UnsupportedGrantType, "grant_type: not supported").into());
    }
    // RFC 6749 §3.2.1.
    let client = match authenticate(engine, credentials, now).await {
        Ok(client) => client,
        Err(Failure::Denied(denied)) => {
            // A guess at a client's secret is a guess at its code: it is counted, and does not burn the code at once.
            grant::count_failed_authentication(engine, &request, now).await?;
            return Err(denied.into());
        }
        // A store that cannot be read says nothing about the client.
        Err(fault) => return Err(fault),
    };
    hooks::before(engine, Endpoint::Token, client.record()).await?;
    // RFC 6749 §5.2 unauthorized_client.
    client.must_be_allowed(request.grant_type())?;
    grant::run(engine, &client, request, now).await
}

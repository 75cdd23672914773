//! The token endpoint (RFC 6749 §3.2): it owns the phases, the grant owns the difference.

use firman_proto::client::GrantType;
use firman_proto::credentials::Credentials;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::form::Form;
use firman_proto::time::Timestamp;
use firman_proto::token::{TokenRequest, TokenResponse};

use crate::Engine;
use crate::authenticate::authenticate;
use crate::failure::Failure;
use crate::grant;
use crate::hooks::{self, Endpoint};

/// Reads the form of a token request, if it is of a grant type that works here.
pub fn read(engine: &Engine, form: &Form<'_>) -> Result<TokenRequest, Denied> {
    // RFC 6749 §5.2 unsupported_grant_type: of what settings have left off, nothing else is looked at.
    if let Some(asked) = form.get("grant_type").and_then(GrantType::parse) {
        must_work(engine, asked)?;
    }
    TokenRequest::parse(form)
}

fn must_work(engine: &Engine, asked: GrantType) -> Result<(), Denied> {
    let works = engine.policy.grant_types().any(|works| works == asked);
    works.then_some(()).ok_or_else(|| Denied::new(ErrorCode::UnsupportedGrantType, "grant_type: not supported"))
}

/// Answers a token request.
pub async fn token(
    engine: &Engine,
    credentials: &Credentials,
    request: TokenRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    must_work(engine, request.grant_type())?;
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

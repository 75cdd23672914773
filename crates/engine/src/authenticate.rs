//! Who asks: client authentication (RFC 6749 §2.3 and §3.2.1).

use std::sync::Arc;

use firman_proto::client::GrantType;
use firman_proto::credentials::{AuthMethod, Credentials};
use firman_proto::error::{Denied, ErrorCode, invalid_client};
use firman_proto::time::Timestamp;
use firman_store::record::Client;

use crate::Engine;
use crate::failure::Failure;

/// A client that has proved who it is (or, if it is public, that cannot). Made only here; every grant demands one.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(Arc<Client>);

impl AuthenticatedClient {
    /// The client's record.
    pub fn record(&self) -> &Client {
        &self.0
    }

    /// Refuses a grant type the client is not registered for.
    pub fn must_be_allowed(&self, grant_type: GrantType) -> Result<(), Denied> {
        // RFC 6749 §5.2: unauthorized_client.
        if self.0.metadata.may_use(grant_type) {
            return Ok(());
        }
        let text = format!("this client is not registered for the grant type {}", grant_type.as_str());
        Err(Denied::new(ErrorCode::UnauthorizedClient, text))
    }

    /// Refuses a client that has no secret to prove itself with.
    pub fn must_be_confidential(&self) -> Result<(), Denied> {
        if self.0.metadata.is_public() {
            Err(invalid_client("a public client where a secret is needed"))
        } else {
            Ok(())
        }
    }
}

/// Authenticates a client.
pub async fn authenticate(
    engine: &Engine,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<AuthenticatedClient, Failure> {
    if credentials.client_id.len() > Client::LONGEST_ID {
        return Err(invalid_client("client_id is too long").into());
    }
    let key = Client::key(engine.number, &credentials.client_id);
    let client = engine.store.client(key).await?.ok_or_else(|| invalid_client("unknown client"))?;
    decide(&client, credentials, now)?;
    Ok(AuthenticatedClient(client))
}

fn decide(client: &Client, credentials: &Credentials, now: Timestamp) -> Result<(), Denied> {
    // A disabled client is told no more than a wrong secret would be.
    if !client.enabled {
        return Err(invalid_client("the client is disabled"));
    }
    let registered = client.metadata.token_endpoint_auth_method;
    match (registered, &credentials.secret) {
        // RFC 6749 §2.1: a public client has nothing to prove.
        (AuthMethod::None, None) => Ok(()),
        (AuthMethod::None, Some(_)) => Err(invalid_client("a secret from a client that is registered with none")),
        // RFC 6749 §2.3.1: a client with a secret may send it in the header or the form; both show the same secret.
        (AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost, Some(secret))
            if client.has_secret(secret, now) =>
        {
            Ok(())
        }
        (_, Some(_)) => Err(invalid_client("wrong secret")),
        (_, None) => Err(invalid_client("no secret from a client that has one")),
    }
}

//! Who asks: client authentication (RFC 6749 §2.3 and §3.2.1).

mod assertion;
mod certificate;

pub(crate) use assertion::{SECRET_ALGORITHMS, seal_secret};
pub(crate) use certificate::registered_name;

use std::sync::Arc;

use firman_proto::certificate::Certificate;
use firman_proto::client::GrantType;
use firman_proto::credentials::{AuthMethod, Credentials};
use firman_proto::error::{Denied, ErrorCode, invalid_client};
use firman_proto::seal::Thumbprint;
use firman_proto::time::Timestamp;
use firman_store::record::Client;

use crate::Engine;
use crate::client_document;
use crate::dpop::{self, Proved};
use crate::failure::Failure;

/// A client that has proved who it is (or, if it is public, that cannot). Made only here; every grant demands one.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    record: Arc<Client>,
    certificate: Option<Arc<Certificate>>,
    key: Option<Proved>,
}

impl AuthenticatedClient {
    /// The client's record.
    pub fn record(&self) -> &Client {
        &self.record
    }

    /// The thumbprint of the certificate it came with (RFC 8705 §3.1); whether or not that is how it authenticates.
    pub fn certificate(&self) -> Option<Thumbprint> {
        self.certificate.as_ref().map(|certificate| certificate.thumbprint())
    }

    /// The key that it has proved to hold (RFC 9449).
    pub(crate) fn key(&self) -> Option<Proved> {
        self.key
    }

    /// Refuses a grant type the client is not registered for.
    pub fn must_be_allowed(&self, grant_type: GrantType) -> Result<(), Denied> {
        // RFC 6749 §5.2: unauthorized_client.
        if self.record.metadata.may_use(grant_type) {
            return Ok(());
        }
        let text = format!("this client is not registered for the grant type {}", grant_type.as_str());
        Err(Denied::new(ErrorCode::UnauthorizedClient, text))
    }

    /// Refuses a client that has nothing to prove itself with.
    pub fn must_be_confidential(&self) -> Result<(), Denied> {
        if self.record.metadata.is_public() {
            Err(invalid_client("a public client where a confidential one is needed"))
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
    let client = client_document::recorded(engine, &credentials.client_id, now).await;
    let client = client.map_err(client_document::as_invalid_client)?.ok_or_else(|| invalid_client("unknown client"))?;
    if let Err(failure) = prove(engine, &client, credentials, now).await {
        if let Failure::Denied(denied) = &failure {
            engine.client_refused(&client, &denied.text, now).await;
        }
        return Err(failure);
    }
    // RFC 9449 §5: beside whatever the client is known by.
    let verify = |(text, path): &(String, &'static str)| dpop::verify(engine, text, ("POST", *path), None, now);
    let key = credentials.dpop.as_ref().map(verify).transpose()?;
    Ok(AuthenticatedClient { record: client, certificate: credentials.certificate.clone(), key })
}

async fn prove(engine: &Engine, client: &Client, credentials: &Credentials, now: Timestamp) -> Result<(), Failure> {
    match decide(client, credentials, now)? {
        Proof::Enough => Ok(()),
        Proof::Assertion(text) => assertion::verify(engine, client, text, now).await,
        Proof::Certificate(shown) => certificate::verify(engine, client, shown, now).await,
    }
}

/// What is left to verify.
enum Proof<'c> {
    Enough,
    Assertion(&'c str),
    Certificate(&'c Certificate),
}

fn decide<'c>(client: &Client, credentials: &'c Credentials, now: Timestamp) -> Result<Proof<'c>, Denied> {
    // A disabled client is told no more than a wrong secret would be.
    if !client.enabled {
        return Err(invalid_client("the client is disabled"));
    }
    let Credentials { secret, assertion, certificate, .. } = credentials;
    match (client.metadata.token_endpoint_auth_method, secret, assertion) {
        // RFC 6749 §2.1: a public client has nothing to prove.
        (AuthMethod::None, None, None) => Ok(Proof::Enough),
        (AuthMethod::None, ..) => Err(invalid_client("a proof from a client that is registered with none")),
        // RFC 6749 §2.3.1: a client with a secret may send it in the header or the form; both show the same secret.
        (AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost, Some(secret), None) => {
            if client.has_secret(secret, now) { Ok(Proof::Enough) } else { Err(invalid_client("wrong secret")) }
        }
        // OpenID Connect Core §9: such a client never sends its secret itself.
        (AuthMethod::ClientSecretJwt | AuthMethod::PrivateKeyJwt, None, Some(text)) => Ok(Proof::Assertion(text)),
        (AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth, None, None) => {
            let shown = certificate.as_deref().ok_or_else(|| invalid_client("no certificate came with the request"))?;
            Ok(Proof::Certificate(shown))
        }
        (_, None, None) => Err(invalid_client("nothing from a client that has something to prove")),
        // RFC 7591 §2: the one method that is registered.
        _ => Err(invalid_client("another method than the registered one")),
    }
}

//! What a token is bound to: whoever presents it must hold this too.

use firman_proto::error::{Denied, invalid_grant, invalid_request};
use firman_proto::seal::{Caveat, Thumbprint};
use firman_store::record::Grant;

use crate::authenticate::AuthenticatedClient;

/// The sender key of one request, as far as tokens issued for it are bound to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sender {
    /// RFC 8705 §3: the certificate of the connection.
    pub(crate) certificate: Option<Thumbprint>,
}

impl Sender {
    /// What the tokens of this request are bound to, by the client's registration.
    pub(crate) fn of(client: &AuthenticatedClient) -> Result<Self, Denied> {
        if !client.record().metadata.tls.tls_client_certificate_bound_access_tokens {
            return Ok(Self::default());
        }
        // RFC 8705 §3.4: it has asked for bound tokens, so it never gets others.
        let certificate = client.certificate();
        if certificate.is_none() {
            return Err(invalid_request("a client certificate is needed: this client's tokens are bound to it"));
        }
        Ok(Self { certificate })
    }

    /// What binds an access token.
    pub(crate) fn caveats(&self) -> impl Iterator<Item = Caveat> {
        self.certificate.into_iter().map(Caveat::Certificate)
    }

    /// RFC 8705 §4: a public client has nothing else that its refresh tokens could be bound to.
    pub(crate) fn bind(&self, client: &AuthenticatedClient, grant: &mut Grant) {
        if client.record().metadata.is_public() {
            grant.terms.certificate_thumbprint = self.certificate.map(|print| print.to_string());
        }
    }

    /// RFC 8705 §4: the refresh of a public client is bound to the certificate its grant was made with.
    pub(crate) fn must_hold(client: &AuthenticatedClient, grant: &Grant) -> Result<(), Denied> {
        let Some(bound) = &grant.terms.certificate_thumbprint else { return Ok(()) };
        match client.certificate() {
            Some(shown) if shown.to_string() == *bound => Ok(()),
            _ => Err(invalid_grant("the grant is bound to another certificate than the request's")),
        }
    }
}

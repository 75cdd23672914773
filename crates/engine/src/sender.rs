//! What a token is bound to: whoever presents it must hold this too.

use firman_proto::error::{Denied, invalid_grant, invalid_request};
use firman_proto::seal::{Caveat, Thumbprint};
use firman_store::record::{Grant, Terms};
use firman_store::{Change, Commit};

use crate::authenticate::AuthenticatedClient;
use crate::dpop::{self, Proved};

/// The sender keys of one request, as far as tokens issued for it are bound to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sender {
    /// RFC 8705 §3: the certificate of the connection.
    pub(crate) certificate: Option<Thumbprint>,
    /// RFC 9449 §5: the key of the proof.
    key: Option<Proved>,
}

impl Sender {
    /// What the tokens of this request are bound to: to the certificate by the client's registration, to a key whenever one is
    /// proved.
    pub(crate) fn of(client: &AuthenticatedClient) -> Result<Self, Denied> {
        let (metadata, key) = (&client.record().metadata, client.key());
        // RFC 9449 §5.2: it has asked for bound tokens, so it never gets others.
        if metadata.dpop_bound_access_tokens && key.is_none() {
            return Err(dpop::invalid("a DPoP proof is needed: this client's tokens are bound to a key"));
        }
        if !metadata.tls.tls_client_certificate_bound_access_tokens {
            return Ok(Self { certificate: None, key });
        }
        // RFC 8705 §3.4: it has asked for bound tokens, so it never gets others.
        let certificate = client.certificate();
        if certificate.is_none() {
            return Err(invalid_request("a client certificate is needed: this client's tokens are bound to it"));
        }
        Ok(Self { certificate, key })
    }

    /// What binds an access token.
    pub(crate) fn caveats(&self) -> impl Iterator<Item = Caveat> {
        let key = self.key.map(|proved| Caveat::Key(proved.jkt));
        key.into_iter().chain(self.certificate.map(Caveat::Certificate))
    }

    /// How an access token is presented (RFC 9449 §5).
    pub(crate) fn token_type(&self) -> &'static str {
        if self.key.is_some() { "DPoP" } else { "Bearer" }
    }

    /// Binds what a public client gets: it has nothing else that its refresh tokens could be bound to (RFC 8705 §4, RFC 9449 §5).
    pub(crate) fn bind(&self, terms: &mut Terms) {
        terms.certificate_thumbprint = self.certificate.map(|print| print.to_string());
        terms.dpop_jkt = self.key.map(|proved| proved.jkt.to_string());
    }

    /// The changes with the one that remembers the proof, if there is one, at their end.
    pub(crate) fn once(&self, mut changes: Vec<Change>) -> Vec<Change> {
        changes.extend(self.key.map(Proved::seen));
        changes
    }

    /// Refuses where the last of so many changes, the proof, was what lost.
    pub(crate) fn must_not_be_replayed(&self, outcome: Commit, changes: usize) -> Result<(), Denied> {
        match outcome {
            Commit::Conflict(place) if self.key.is_some() && place + 1 == changes => Err(dpop::replayed()),
            _ => Ok(()),
        }
    }

    /// The key of the proof, where nothing else is written beside which it could be remembered.
    pub(crate) fn key(&self) -> Option<Proved> {
        self.key
    }

    /// RFC 8705 §4, RFC 9449 §5: the refresh of a public client is bound to what its grant was made with.
    pub(crate) fn must_hold(client: &AuthenticatedClient, grant: &Grant) -> Result<(), Denied> {
        let holds = |bound: &Option<String>, shown: Option<Thumbprint>| {
            bound.as_ref().is_none_or(|bound| shown.is_some_and(|shown| shown.to_string() == *bound))
        };
        if !holds(&grant.terms.certificate_thumbprint, client.certificate()) {
            return Err(invalid_grant("the grant is bound to another certificate than the request's"));
        }
        must_be_of(client, grant.terms.dpop_jkt.as_deref())
    }
}

/// RFC 9449 §10: what is bound to a key is redeemed with a proof of it.
pub(crate) fn must_be_of(client: &AuthenticatedClient, dpop_jkt: Option<&str>) -> Result<(), Denied> {
    let shown = client.key().map(|proved| proved.jkt.to_string());
    if dpop_jkt.is_none_or(|bound| shown.as_deref() == Some(bound)) {
        return Ok(());
    }
    Err(invalid_grant("bound to another key than the one that is proved, or none is"))
}

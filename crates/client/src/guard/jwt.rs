//! JWT access tokens, verified here (RFC 9068 §4).

use firman_proto::access_token::TYP;
use firman_proto::feed::Key;
use firman_proto::jose::{Alg, Compact, Header, Jwks, Jwt, Refused, object};

use super::facts::Facts;

/// A JWT access token that was read and not verified.
#[derive(Debug)]
pub(super) struct Unverified<'t>(Compact<'t>);

impl<'t> Unverified<'t> {
    /// Reads a token, and refuses what is no JWT access token before any key is looked for.
    pub(super) fn parse(token: &'t str, algorithms: &[Alg]) -> Result<Self, Refused> {
        let compact = Compact::parse(token, Jwt::LONGEST)?;
        // RFC 9068 §4, RFC 8725 §3.11: nothing else that the issuer signs is an access token.
        if !compact.header().is_typ(TYP) {
            return Err(Refused::Typ);
        }
        // RFC 9068 §4, RFC 8725 §3.1: only the algorithms that were agreed on.
        if !algorithms.contains(&compact.header().alg) {
            return Err(Refused::Algorithm);
        }
        Ok(Self(compact))
    }

    pub(super) fn header(&self) -> &Header {
        self.0.header()
    }

    /// Verifies the signature, and gives what the token says. RFC 9068 §2.2: with all claims that such a token has.
    pub(super) fn verify(&self, keys: &Jwks, algorithms: &[Alg]) -> Result<Facts, Refused> {
        let key = keys.choose(self.header())?;
        let mut facts = Facts::read(object(self.0.verify_with(key, algorithms)?)?)?;
        // Whoever has stolen a key would not say that the token lives by it.
        if !facts.lives_by.is_empty() {
            facts.lives_by.keys.extend(key.kid().map(Key::signer));
        }
        let there = [
            (!facts.issuer.is_empty(), "iss"),
            (facts.expires_at.is_some(), "exp"),
            (!facts.audience.is_empty(), "aud"),
            (facts.subject.is_some(), "sub"),
            (facts.client_id.is_some(), "client_id"),
            (facts.not_before.is_some(), "iat"),
            (facts.jti.is_some(), "jti"),
        ];
        match there.into_iter().find(|(there, _)| !there) {
            Some((_, missing)) => Err(Refused::Claim(missing)),
            None => Ok(facts),
        }
    }
}

/// Whether a token has the shape of a JWS (RFC 7515 §7.1). Opaque tokens may have any other.
pub(super) fn is_jwt(token: &str) -> bool {
    token.starts_with("ey") && token.bytes().filter(|b| *b == b'.').count() == 2
}

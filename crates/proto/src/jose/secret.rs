use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Alg, Refused};

/// A shared secret for HMAC (RFC 7518 §3.2). Another type than a public key, so that neither is taken for the other.
pub struct MacKey(Zeroizing<Vec<u8>>);

impl MacKey {
    /// From the bytes of the secret.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    /// Signs claims as a compact JWT, with HS256.
    ///
    /// # Errors
    ///
    /// The secret is too short.
    pub fn sign(&self, claims: &Value) -> Result<String, Refused> {
        let header = json!({"alg": Alg::HS256, "typ": "JWT"});
        let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let tag = hmac::sign(&self.key(Alg::HS256)?, message.as_bytes());
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    pub(super) fn verify(&self, alg: Alg, message: &[u8], tag: &[u8]) -> Result<(), Refused> {
        hmac::verify(&self.key(alg)?, message, tag).map_err(|_| Refused::Signature)
    }

    fn key(&self, alg: Alg) -> Result<hmac::Key, Refused> {
        let (algorithm, length) = match alg {
            Alg::HS256 => (hmac::HMAC_SHA256, 32),
            Alg::HS384 => (hmac::HMAC_SHA384, 48),
            Alg::HS512 => (hmac::HMAC_SHA512, 64),
            _ => return Err(Refused::Algorithm),
        };
        // RFC 7518 §3.2: a key as long as the hash, or longer.
        if self.0.len() < length {
            return Err(Refused::Key("the secret is too short for the algorithm"));
        }
        Ok(hmac::Key::new(algorithm, &self.0))
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::{Alg, Refused};

/// A shared secret for HMAC (RFC 7518 §3.2). Another type than a public key, so that neither is taken for the other.
pub struct MacKey(Zeroizing<Vec<u8>>);

impl MacKey {
    /// From the bytes of the secret.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    pub(super) fn verify(&self, alg: Alg, message: &[u8], tag: &[u8]) -> Result<(), Refused> {
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
        let key = hmac::Key::new(algorithm, &self.0);
        hmac::verify(&key, message, tag).map_err(|_| Refused::Signature)
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

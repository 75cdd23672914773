//! Somebody who signs with ES256, ahead of time: assertions of clients, and proofs of keys.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::BenchError;

/// A key, and how much it has signed.
pub(super) struct Signer {
    pair: EcdsaKeyPair,
    signed: u64,
}

impl Signer {
    pub(super) fn new() -> Result<Self, BenchError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let pair = pair.map_err(|_| BenchError::Answer("no key can be made".to_owned()))?;
        Ok(Self { pair, signed: 0 })
    }

    /// The public half.
    pub(super) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        // SEC 1 §2.3.3: 4, then both coordinates.
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    /// A JWT of these claims, and a `jti` that no other has.
    #[allow(clippy::disallowed_methods, reason = "a client's randomness, not the server's")]
    pub(super) fn sign(&mut self, header: &Value, mut claims: Value) -> Result<Box<str>, BenchError> {
        self.signed += 1;
        if let Value::Object(members) = &mut claims {
            members.insert("jti".to_owned(), self.signed.to_string().into());
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(&claims));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes());
        let signature = signature.map_err(|_| BenchError::Answer("nothing can be signed".to_owned()))?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())).into())
    }
}

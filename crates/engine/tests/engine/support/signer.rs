//! Somebody who signs: a client, or another issuer.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::jws::{Algorithm, HeldKey};
use serde_json::{Value, json};

/// An ES256 key.
pub(crate) struct Signer(HeldKey);

impl Signer {
    pub(crate) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
        Self(HeldKey::from_pkcs8(Algorithm::ES256, pair.as_ref()).unwrap())
    }

    /// The set with its public half.
    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [self.0.jwk()]})
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.0.sign(claims).unwrap()
    }

    /// The same as a JWT of another type.
    pub(crate) fn sign_as(&self, typ: &str, claims: &Value) -> String {
        self.0.sign_as(typ, claims).unwrap()
    }
}

/// A JWT under an HMAC.
pub(crate) fn mac(secret: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&json!({"alg": "HS256"})), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

//! Somebody who signs with any algorithm.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key.
pub(crate) enum Signer {
    Ec(EcdsaKeyPair, usize, &'static str),
    Ed(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
    Secret(String),
}

impl Signer {
    /// A key for an algorithm of public keys.
    pub(crate) fn of(alg: &str) -> Self {
        let ec = |algorithm: &'static EcdsaSigningAlgorithm, length, crv| {
            Self::Ec(EcdsaKeyPair::generate(algorithm).unwrap(), length, crv)
        };
        match alg {
            "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING, 32, "P-256"),
            "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING, 48, "P-384"),
            "ES512" => ec(&ECDSA_P521_SHA512_FIXED_SIGNING, 66, "P-521"),
            "EdDSA" | "Ed25519" => Self::Ed(Ed25519KeyPair::generate().unwrap()),
            "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => {
                Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
            }
            other => panic!("{other} is advertised, and nobody here can sign with it"),
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Ec(pair, length, crv) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(*length);
                json!({"kty": "EC", "crv": crv, "x": text(x), "y": text(y)})
            }
            Self::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
            Self::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({"kty": "RSA", "n": text(n), "e": text(e)})
            }
            Self::Secret(_) => panic!("a secret is not published"),
        }
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        let signature = self.signature(header["alg"].as_str().unwrap(), input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[expect(clippy::disallowed_methods, reason = "a client's randomness, not the server's")]
    fn signature(&self, alg: &str, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(pair, ..) => pair.sign(&random, input).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(input).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let encoding: &dyn RsaEncoding = match alg {
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, input, &mut signature).unwrap();
                signature
            }
            Self::Secret(secret) => {
                let hash = match alg {
                    "HS384" => hmac::HMAC_SHA384,
                    "HS512" => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                hmac::sign(&hmac::Key::new(hash, secret.as_bytes()), input).as_ref().to_vec()
            }
        }
    }
}

/// Another each time.
pub(crate) fn jti() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed).to_string()
}

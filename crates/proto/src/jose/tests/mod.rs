//! What is taken and what is not: published vectors, forgeries and keys one by one.

mod encrypted;
mod forgeries;
mod keys;
mod published;

use aws_lc_rs::encoding::AsDer as _;
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

use super::*;

/// A signer of somebody else's.
pub(super) enum Signer {
    Ec(EcdsaKeyPair, usize, &'static str),
    Ed(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Signer {
    pub(super) fn of(alg: Alg) -> Self {
        let ec = |algorithm: &'static EcdsaSigningAlgorithm, length, crv| {
            Self::Ec(EcdsaKeyPair::generate(algorithm).unwrap(), length, crv)
        };
        match alg {
            Alg::ES256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING, 32, "P-256"),
            Alg::ES384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING, 48, "P-384"),
            Alg::ES512 => ec(&ECDSA_P521_SHA512_FIXED_SIGNING, 66, "P-521"),
            Alg::EdDSA => Self::Ed(Ed25519KeyPair::generate().unwrap()),
            _ => Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
        }
    }

    pub(super) fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Ec(pair, length, crv) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(*length);
                json!({"kty": "EC", "crv": crv, "x": text(x), "y": text(y), "kid": kid})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()), "kid": kid})
            }
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                json!({"kty": "RSA", "n": text(n), "e": text(e), "kid": kid})
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test signs with the system's randomness")]
    pub(super) fn sign(&self, header: &Value, payload: &[u8]) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ec(pair, ..) => pair.sign(&random, input.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(input.as_bytes()).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let encoding: &dyn RsaEncoding = match header["alg"].as_str() {
                    Some("PS256") => &RSA_PSS_SHA256,
                    Some("PS384") => &RSA_PSS_SHA384,
                    Some("PS512") => &RSA_PSS_SHA512,
                    Some("RS384") => &RSA_PKCS1_SHA384,
                    Some("RS512") => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, input.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The private half, as somebody careless would publish it.
    pub(super) fn private_jwk(&self, kid: &str) -> Value {
        let mut jwk = self.jwk(kid);
        if let Self::Rsa(pair) = self {
            jwk["d"] = URL_SAFE_NO_PAD.encode(pair.as_der().unwrap().as_ref()).into();
        } else {
            jwk["d"] = URL_SAFE_NO_PAD.encode([7; 32]).into();
        }
        jwk
    }
}

pub(super) fn set(keys: &[Value]) -> Jwks {
    Jwks::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

pub(super) fn mac(key: &[u8], header: &Value, payload: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

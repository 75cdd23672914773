//! Signed tokens (RFC 7515, RFC 7519): signing with keys that were parsed once, verification by `jsonwebtoken`.

mod private;

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::sha256;

/// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of the registry")]
pub enum Algorithm {
    ES256,
    EdDSA,
    RS256,
    PS256,
}

impl Algorithm {
    /// Every algorithm that works here.
    pub const ALL: &'static [Self] = &[Self::ES256, Self::EdDSA, Self::RS256, Self::PS256];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
        }
    }

    /// Reads the name on the wire; case matters (RFC 7515 §4.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == text)
    }

    const fn verifying(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can go wrong with a signed token or its key. Says nothing about secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// The stored private key is not one of this algorithm.
    #[error("the private key cannot be read")]
    Key,
    /// The claims could not be written, or the signature not made.
    #[error("the token cannot be signed")]
    Signing,
    /// Malformed, of another algorithm, by an unknown key, or with a wrong signature.
    #[error("the token is not one that these keys signed")]
    Invalid,
}

/// The public half of a signing key as it is published (RFC 7517). Has no member for private parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of RFC 7517 §4 and RFC 7518 §6")]
pub struct PublicJwk {
    pub kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    pub kid: String,
    pub alg: Algorithm,
    #[serde(rename = "use")]
    pub usage: String,
}

/// A JWK set (RFC 7517 §5).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys. Those that are read and are not for signing, or not of a kind known here, are passed over (RFC 7517 §5).
    #[serde(deserialize_with = "known")]
    pub keys: Vec<PublicJwk>,
}

fn known<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<PublicJwk>, D::Error> {
    let all = Vec::<serde_json::Value>::deserialize(from)?;
    let read = all.into_iter().filter_map(|jwk| serde_json::from_value(jwk).ok());
    Ok(read.filter(|jwk: &PublicJwk| jwk.usage == "sig").collect())
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

impl Pair {
    fn rsa(pair: RsaKeyPair, algorithm: Algorithm) -> Self {
        let encoding = if algorithm == Algorithm::PS256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
        Self::Rsa(Box::new(pair), encoding)
    }
}

/// A private key, parsed once and held. Debug shows only its public name.
pub struct HeldKey {
    pair: Pair,
    jwk: PublicJwk,
    /// The encoded JOSE header with its dot, the same for every token of this key.
    header: String,
}

impl HeldKey {
    /// Reads a private key in PKCS #8.
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, JwsError> {
        let pair = match algorithm {
            Algorithm::ES256 => {
                Pair::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| JwsError::Key)?)
            }
            Algorithm::EdDSA => Pair::Ed(Ed25519KeyPair::from_pkcs8(der).map_err(|_| JwsError::Key)?),
            Algorithm::RS256 | Algorithm::PS256 => {
                Pair::rsa(RsaKeyPair::from_pkcs8(der).map_err(|_| JwsError::Key)?, algorithm)
            }
        };
        Self::of(pair, algorithm)
    }

    fn of(pair: Pair, algorithm: Algorithm) -> Result<Self, JwsError> {
        let jwk = public_half(&pair, algorithm).ok_or(JwsError::Key)?;
        let header = header_of(&jwk, "JWT");
        Ok(Self { pair, jwk, header })
    }

    /// The algorithm this key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.jwk.alg
    }

    /// The public half, for the JWKS endpoint.
    pub fn jwk(&self) -> &PublicJwk {
        &self.jwk
    }

    /// Signs claims as a compact JWT.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, JwsError> {
        self.sign_below(self.header.clone(), claims)
    }

    /// The same for a JWT of its own type (RFC 8725 §3.11): a media type without `application/`.
    pub fn sign_as(&self, typ: &str, claims: &impl Serialize) -> Result<String, JwsError> {
        self.sign_below(header_of(&self.jwk, typ), claims)
    }

    /// The same for a proof of possession, whose header carries the public key instead of its name (RFC 9449 §4.2).
    pub fn prove(&self, typ: &str, claims: &impl Serialize) -> Result<String, JwsError> {
        let PublicJwk { kty, crv, x, y, n, e, alg, .. } = &self.jwk;
        let jwk = serde_json::json!({"kty": kty, "crv": crv, "x": x, "y": y, "n": n, "e": e});
        let serde_json::Value::Object(mut jwk) = jwk else { return Err(JwsError::Signing) };
        jwk.retain(|_, member| !member.is_null());
        let header = serde_json::json!({"alg": alg, "typ": typ, "jwk": jwk});
        self.sign_below(format!("{}.", URL_SAFE_NO_PAD.encode(header.to_string())), claims)
    }

    fn sign_below(&self, header: String, claims: &impl Serialize) -> Result<String, JwsError> {
        let payload = serde_json::to_vec(claims).map_err(|_| JwsError::Signing)?;
        let mut token = header;
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the library salts and blinds signatures from the system's randomness"
    )]
    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, JwsError> {
        let signed = match &self.pair {
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message).map(|s| s.as_ref().to_vec()),
            Pair::Ed(pair) => pair.try_sign(message).map(|s| s.as_ref().to_vec()),
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature).map(|()| signature)
            }
        };
        signed.map_err(|_| JwsError::Signing)
    }
}

impl fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldKey({}, {})", self.jwk.alg, self.jwk.kid)
    }
}

/// The encoded JOSE header of what a key signs, with its dot.
fn header_of(jwk: &PublicJwk, typ: &str) -> String {
    let header = serde_json::json!({"alg": jwk.alg, "kid": jwk.kid, "typ": typ});
    format!("{}.", URL_SAFE_NO_PAD.encode(header.to_string()))
}

fn public_half(pair: &Pair, alg: Algorithm) -> Option<PublicJwk> {
    let encode = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
    let kty = match pair {
        Pair::Ec(_) => "EC",
        Pair::Ed(_) => "OKP",
        Pair::Rsa(..) => "RSA",
    };
    let mut jwk = PublicJwk {
        kty: kty.to_owned(),
        crv: None,
        x: None,
        y: None,
        n: None,
        e: None,
        kid: String::new(),
        alg,
        usage: "sig".to_owned(),
    };
    // RFC 7638 §3.2: the required members in alphabetical order, without white space.
    let canonical = match pair {
        Pair::Ec(pair) => {
            // SEC 1 §2.3.3: 4, then 32 bytes of x and 32 bytes of y.
            let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
            (jwk.crv, jwk.x, jwk.y) = (Some("P-256".to_owned()), encode(x), encode(y));
            serde_json::json!({"crv": jwk.crv, "kty": jwk.kty, "x": jwk.x, "y": jwk.y})
        }
        Pair::Ed(pair) => {
            jwk.crv = Some("Ed25519".to_owned());
            jwk.x = encode(pair.public_key().as_ref());
            serde_json::json!({"crv": jwk.crv, "kty": jwk.kty, "x": jwk.x})
        }
        Pair::Rsa(pair, _) => {
            let public = pair.public_key();
            jwk.n = encode(public.modulus().big_endian_without_leading_zero());
            jwk.e = encode(public.exponent().big_endian_without_leading_zero());
            serde_json::json!({"e": jwk.e, "kty": jwk.kty, "n": jwk.n})
        }
    };
    jwk.kid = URL_SAFE_NO_PAD.encode(sha256(canonical.to_string().as_bytes()));
    Some(jwk)
}

/// Verifies a compact JWT against published keys and gives its claims. Times and audience are the caller's to check.
pub fn verify<T: DeserializeOwned>(token: &str, keys: &JwkSet) -> Result<T, JwsError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| JwsError::Invalid)?;
    let jwk = keys.keys.iter().find(|key| Some(&key.kid) == header.kid.as_ref()).ok_or(JwsError::Invalid)?;
    // RFC 8725 §3.1: the key, not the token, says which algorithm is allowed.
    let mut validation = Validation::new(jwk.alg.verifying());
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = decoding_key(jwk).ok_or(JwsError::Invalid)?;
    jsonwebtoken::decode(token, &key, &validation).map(|data| data.claims).map_err(|_| JwsError::Invalid)
}

/// The same for an ID token: nothing else that we sign is one (RFC 8725 §3.11).
pub fn verify_id_token(token: &str, keys: &JwkSet) -> Result<crate::id_token::IdToken, JwsError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| JwsError::Invalid)?;
    let plain = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if plain { verify(token, keys) } else { Err(JwsError::Invalid) }
}

fn decoding_key(jwk: &PublicJwk) -> Option<DecodingKey> {
    match jwk.alg {
        Algorithm::ES256 => DecodingKey::from_ec_components(jwk.x.as_ref()?, jwk.y.as_ref()?).ok(),
        Algorithm::EdDSA => DecodingKey::from_ed_components(jwk.x.as_ref()?).ok(),
        Algorithm::RS256 | Algorithm::PS256 => DecodingKey::from_rsa_components(jwk.n.as_ref()?, jwk.e.as_ref()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::KeySize;

    use super::*;

    pub(super) fn der(algorithm: Algorithm) -> Vec<u8> {
        match algorithm {
            Algorithm::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .unwrap()
                .to_pkcs8v1()
                .unwrap()
                .as_ref()
                .to_vec(),
            Algorithm::EdDSA => Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap().as_ref().to_vec(),
            Algorithm::RS256 | Algorithm::PS256 => {
                RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap().as_ref().to_vec()
            }
        }
    }

    fn key(algorithm: Algorithm) -> HeldKey {
        HeldKey::from_pkcs8(algorithm, &der(algorithm)).unwrap()
    }

    // RFC 7518 §3.1, RFC 8037 §3.1, RFC 7517 §5.
    #[test]
    fn every_algorithm_signs_what_its_published_key_verifies() {
        for algorithm in Algorithm::ALL {
            let (one, other) = (key(*algorithm), key(*algorithm));
            let token = one.sign(&serde_json::json!({"sub": "a"})).unwrap();
            let published = JwkSet { keys: vec![one.jwk().clone()] };
            let claims: serde_json::Value = verify(&token, &published).unwrap();
            assert_eq!(claims["sub"], "a");

            let strangers = JwkSet { keys: vec![other.jwk().clone()] };
            assert!(verify::<serde_json::Value>(&token, &strangers).is_err());
            let forged = JwkSet { keys: vec![PublicJwk { kid: one.jwk().kid.clone(), ..other.jwk().clone() }] };
            assert!(verify::<serde_json::Value>(&token, &forged).is_err());
            let tampered = token.replacen('.', ".e", 1);
            assert!(verify::<serde_json::Value>(&tampered, &published).is_err());
        }
    }

    // RFC 8725 §3.1.
    #[test]
    fn the_key_and_not_the_token_chooses_the_algorithm() {
        let held = key(Algorithm::ES256);
        let published = JwkSet { keys: vec![held.jwk().clone()] };
        for header in [
            serde_json::json!({"alg": "none", "kid": held.jwk().kid}),
            serde_json::json!({"alg": "HS256", "kid": held.jwk().kid}),
            serde_json::json!({"alg": "RS256", "kid": held.jwk().kid}),
        ] {
            let token = format!("{}.e30.", URL_SAFE_NO_PAD.encode(header.to_string()));
            assert_eq!(verify::<serde_json::Value>(&token, &published), Err(JwsError::Invalid), "{header}");
        }
    }

    // RFC 7638 §3.2, SEC 1 §2.3.3.
    #[test]
    fn a_published_key_is_called_by_its_thumbprint() {
        for algorithm in Algorithm::ALL {
            let jwk = key(*algorithm).jwk().clone();
            let serde_json::Value::Object(members) = serde_json::to_value(&jwk).unwrap() else { panic!("an object") };
            let thumbprint = crate::jose::PublicKey::from_jwk(&members).unwrap().thumbprint();
            assert_eq!(jwk.kid, URL_SAFE_NO_PAD.encode(thumbprint), "{algorithm}");
        }
    }

    #[test]
    fn a_published_key_has_no_private_part() {
        let jwk = serde_json::to_value(key(Algorithm::RS256).jwk()).unwrap();
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(jwk.get(private).is_none());
        }
    }
}

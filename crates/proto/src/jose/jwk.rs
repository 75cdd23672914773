use std::fmt;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey, RsaPublicKeyComponents};
use serde_json::{Map, Value};

use super::alg::Curve;
use super::compact::decode;
use super::{Alg, Refused, rsa};
use crate::digest::sha256;

/// RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2: what only the owner of a key may have.
pub(super) const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key for verifying signatures, parsed and checked once (RFC 7517 §4).
#[derive(Clone)]
pub struct PublicKey {
    kid: Option<String>,
    alg: Option<Alg>,
    material: Material,
    thumbprint: [u8; 32],
}

#[derive(Clone)]
enum Material {
    Ec(Curve, ParsedPublicKey),
    Ed25519(ParsedPublicKey),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
}

impl PublicKey {
    /// Reads a JWK. Refuses private parts, keys that are not for verifying, weak keys, and points that are on no curve.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, Refused> {
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return Err(Refused::Key("it has a private or secret part"));
        }
        must_be_for_verifying(jwk)?;
        let (material, canonical) = match text(jwk, "kty")?.ok_or(Refused::Key("no kty"))? {
            "EC" => elliptic(jwk)?,
            "OKP" => edwards(jwk)?,
            "RSA" => modular(jwk)?,
            _ => return Err(Refused::Key("a kty that is not used here")),
        };
        let alg = match text(jwk, "alg")? {
            None => None,
            Some(name) => Some(Alg::parse(name).ok_or(Refused::Key("an alg that is not used here"))?),
        };
        let kid = text(jwk, "kid")?.map(str::to_owned);
        let key = Self { kid, alg, material, thumbprint: sha256(canonical.to_string().as_bytes()) };
        // RFC 7517 §4.4: an alg that the key cannot do makes it a key for nothing.
        if alg.is_some_and(|alg| !key.suits(alg)) {
            return Err(Refused::Key("its alg is for another kind of key"));
        }
        Ok(key)
    }

    /// Its name among its owner's keys.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// RFC 7638: the digest that stands for the key, whatever else its JWK says.
    pub fn thumbprint(&self) -> [u8; 32] {
        self.thumbprint
    }

    /// The kind of key (`kty`).
    pub fn kty(&self) -> &'static str {
        match self.material {
            Material::Ec(..) => "EC",
            Material::Ed25519(_) => "OKP",
            Material::Rsa(_) => "RSA",
        }
    }

    /// Whether this key is for this algorithm: by its kind, and by its `alg` where it has one.
    pub fn suits(&self, alg: Alg) -> bool {
        let by_kind = match &self.material {
            Material::Ec(curve, _) => curve.alg() == alg,
            Material::Ed25519(_) => alg == Alg::EdDSA,
            Material::Rsa(_) => alg.rsa().is_some(),
        };
        by_kind && self.alg.is_none_or(|own| own == alg)
    }

    /// Verifies a signature.
    pub(super) fn verify(&self, alg: Alg, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let verified = match &self.material {
            Material::Ec(_, key) | Material::Ed25519(key) => key.verify_sig(message, signature),
            Material::Rsa(key) => key.verify(alg.rsa().ok_or(Refused::Algorithm)?, message, signature),
        };
        verified.map_err(|_| Refused::Signature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {:?})", self.kty(), self.kid)
    }
}

/// RFC 7517 §4.2, §4.3: where a key says what it is for, verifying is among it.
fn must_be_for_verifying(jwk: &Map<String, Value>) -> Result<(), Refused> {
    if text(jwk, "use")?.is_some_and(|usage| usage != "sig") {
        return Err(Refused::Key("its use is not sig"));
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(_) => Err(Refused::Key("its key_ops have no verify")),
    }
}

/// RFC 7518 §6.2.1: a public key on a curve.
fn elliptic(jwk: &Map<String, Value>) -> Result<(Material, Value), Refused> {
    let crv = text(jwk, "crv")?.ok_or(Refused::Key("no crv"))?;
    let curve = Curve::parse(crv).ok_or(Refused::Key("a curve that is not used here"))?;
    let (x, y) = (required(jwk, "x")?, required(jwk, "y")?);
    let (x_bytes, y_bytes) = (decode(x)?, decode(y)?);
    if x_bytes.len() != curve.coordinate() || y_bytes.len() != curve.coordinate() {
        return Err(Refused::Key("a coordinate of another length"));
    }
    // SEC 1 §2.3.3: the uncompressed form; parsing it proves that the point is on the curve.
    let point = [&[4][..], &x_bytes, &y_bytes].concat();
    let key =
        ParsedPublicKey::new(curve.verification(), point).map_err(|_| Refused::Key("not a point of its curve"))?;
    Ok((Material::Ec(curve, key), serde_json::json!({"crv": crv, "kty": "EC", "x": x, "y": y})))
}

/// RFC 8037 §2: a public Edwards key.
fn edwards(jwk: &Map<String, Value>) -> Result<(Material, Value), Refused> {
    if text(jwk, "crv")? != Some("Ed25519") {
        return Err(Refused::Key("a curve that is not used here"));
    }
    let x = required(jwk, "x")?;
    let key = ParsedPublicKey::new(&ED25519, decode(x)?).map_err(|_| Refused::Key("not an Ed25519 key"))?;
    Ok((Material::Ed25519(key), serde_json::json!({"crv": "Ed25519", "kty": "OKP", "x": x})))
}

/// RFC 7518 §6.3.1: a public RSA key.
fn modular(jwk: &Map<String, Value>) -> Result<(Material, Value), Refused> {
    let (n, e) = (required(jwk, "n")?, required(jwk, "e")?);
    let mut modulus = decode(n)?;
    // Libraries that write a sign byte are many; the number is the same.
    if modulus.first() == Some(&0) {
        modulus.remove(0);
    }
    let key = RsaPublicKeyComponents { n: modulus, e: decode(e)? };
    rsa::must_be_strong(&key.n, &key.e)?;
    Ok((Material::Rsa(key), serde_json::json!({"e": e, "kty": "RSA", "n": n})))
}

pub(super) fn required<'j>(jwk: &'j Map<String, Value>, name: &'static str) -> Result<&'j str, Refused> {
    text(jwk, name)?.ok_or(Refused::Key("a member of its kind is missing"))
}

pub(super) fn text<'j>(jwk: &'j Map<String, Value>, name: &'static str) -> Result<Option<&'j str>, Refused> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refused::Key("a member is no text")),
    }
}

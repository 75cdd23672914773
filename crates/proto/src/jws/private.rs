//! Private keys as their owners keep them: JWKs, and what was there before PKCS #8.

use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Algorithm, HeldKey, JwsError, Pair, header_of};

type Bytes = Zeroizing<Vec<u8>>;

impl HeldKey {
    /// Reads a private key in PKCS #8, or as RFC 5915 §3 (curves) and RFC 8017 §A.1.2 (RSA) write one.
    ///
    /// # Errors
    ///
    /// It is no private key for this algorithm.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, JwsError> {
        Self::from_pkcs8(algorithm, der).or_else(|error| match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
                Self::of(Pair::Ec(pair.map_err(|_| error)?), algorithm)
            }
            Algorithm::EdDSA => Err(error),
            Algorithm::RS256 | Algorithm::PS256 => {
                Self::of(Pair::rsa(RsaKeyPair::from_der(der).map_err(|_| error)?, algorithm), algorithm)
            }
        })
    }

    /// Reads a private key from a JWK, and takes its name from there if it has one.
    ///
    /// # Errors
    ///
    /// It is no private key for this algorithm, or for something else than signing.
    pub fn from_jwk(algorithm: Algorithm, jwk: &Map<String, Value>) -> Result<Self, JwsError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        // RFC 7517 §4.2, §4.4: a key that says what it is for is for nothing else.
        let other = |name: &str, wanted: &str| jwk.contains_key(name) && text(name) != Some(wanted);
        if other("use", "sig") || other("alg", algorithm.as_str()) {
            return Err(JwsError::Key);
        }
        // RFC 7517 §4.3.
        if jwk.get("key_ops").is_some_and(|all| !all.as_array().is_some_and(|all| all.contains(&"sign".into()))) {
            return Err(JwsError::Key);
        }
        let bytes = |name: &str| {
            let decoded = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            decoded.map(Zeroizing::new).ok_or(JwsError::Key)
        };
        let pair = match (algorithm, text("kty"), text("crv")) {
            // RFC 7518 §6.2.2.
            (Algorithm::ES256, Some("EC"), Some("P-256")) => {
                // SEC 1 §2.3.3: the uncompressed form.
                let point = [&[4][..], &bytes("x")?, &bytes("y")?].concat();
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &bytes("d")?, &point);
                Pair::Ec(pair.map_err(|_| JwsError::Key)?)
            }
            // RFC 8037 §2.
            (Algorithm::EdDSA, Some("OKP"), Some("Ed25519")) => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&bytes("d")?, &bytes("x")?);
                Pair::Ed(pair.map_err(|_| JwsError::Key)?)
            }
            (Algorithm::RS256 | Algorithm::PS256, Some("RSA"), _) => Pair::rsa(components(bytes)?, algorithm),
            _ => return Err(JwsError::Key),
        };
        let held = Self::of(pair, algorithm)?;
        // RFC 7517 §4.5.
        Ok(if let Some(kid) = text("kid") { held.named(kid) } else { held })
    }

    /// The same key under the name that its owner has published it by.
    #[must_use]
    pub fn named(mut self, kid: &str) -> Self {
        kid.clone_into(&mut self.jwk.kid);
        self.header = header_of(&self.jwk, "JWT");
        self
    }
}

/// RFC 7518 §6.3.2: with all its numbers; one of more than two primes is none here.
fn components(number: impl Fn(&str) -> Result<Bytes, JwsError>) -> Result<RsaKeyPair, JwsError> {
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: number("n")?, e: number("e")? },
        d: number("d")?,
        p: number("p")?,
        q: number("q")?,
        dP: number("dp")?,
        dQ: number("dq")?,
        qInv: number("qi")?,
    };
    RsaKeyPair::from_components(&components).map_err(|_| JwsError::Key)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsBigEndian as _;
    use aws_lc_rs::signature::KeyPair as _;
    use serde_json::json;

    use super::super::{JwkSet, tests, verify};
    use super::*;

    /// The contents of what stands one after the other in DER (X.690 §8.1).
    fn parts(mut der: &[u8]) -> Vec<&[u8]> {
        let mut all = Vec::new();
        while let [_, length, rest @ ..] = der {
            let (length, rest) = match usize::from(*length) {
                short @ 0..0x80 => (short, rest),
                long => {
                    let (length, rest) = rest.split_at(long - 0x80);
                    (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
                }
            };
            let (content, after) = rest.split_at(length);
            all.push(content);
            der = after;
        }
        all
    }

    /// What lies in PKCS #8 (RFC 5208 §5).
    fn inside(pkcs8: &[u8]) -> &[u8] {
        parts(parts(pkcs8)[0])[2]
    }

    fn jwk(algorithm: Algorithm, der: &[u8]) -> Map<String, Value> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).unwrap();
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let d = pair.private_key().as_be_bytes().unwrap();
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y), "d": encode(d.as_ref())})
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(der).unwrap();
                let seed = pair.seed().unwrap().as_be_bytes().unwrap();
                let x = encode(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": encode(seed.as_ref())})
            }
            Algorithm::RS256 | Algorithm::PS256 => {
                let mut jwk = json!({"kty": "RSA"});
                let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
                for (name, number) in names.into_iter().zip(&parts(parts(inside(der))[0])[1..]) {
                    jwk[name] = encode(number.strip_prefix(&[0]).unwrap_or(number)).into();
                }
                jwk
            }
        };
        let Value::Object(jwk) = jwk else { unreachable!() };
        jwk
    }

    // RFC 5915 §3, RFC 7517 §4.5, RFC 7518 §6.2.2, §6.3.2, RFC 8017 §A.1.2, RFC 8037 §2, SEC 1 §2.3.3.
    #[test]
    fn a_key_is_the_same_in_whatever_form_it_is_given() {
        for algorithm in Algorithm::ALL.iter().copied() {
            let der = tests::der(algorithm);
            let jwk = jwk(algorithm, &der);
            let public = HeldKey::from_pkcs8(algorithm, &der).unwrap().jwk().clone();
            let mut named = jwk.clone();
            named.insert("kid".to_owned(), "mine".into());
            let mut all = vec![HeldKey::from_der(algorithm, &der), HeldKey::from_jwk(algorithm, &jwk)];
            if algorithm != Algorithm::EdDSA {
                all.push(HeldKey::from_der(algorithm, inside(&der)));
            }
            for key in all {
                assert_eq!(*key.unwrap().jwk(), public);
            }
            let key = HeldKey::from_jwk(algorithm, &named).unwrap();
            assert_eq!(key.jwk().kid, "mine");
            let published = JwkSet { keys: vec![key.jwk().clone()] };
            let token = key.sign(&json!({"sub": "a"})).unwrap();
            assert_eq!(verify::<Value>(&token, &published).unwrap()["sub"], "a");
        }
    }

    // RFC 7517 §4.2, §4.3, §4.4, RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2.
    #[test]
    fn a_key_for_something_else_or_of_another_kind_does_not_sign() {
        for algorithm in Algorithm::ALL.iter().copied() {
            let der = tests::der(algorithm);
            let good = jwk(algorithm, &der);
            let of = |name: &str, value: Option<Value>| {
                let mut jwk = good.clone();
                jwk.remove(name);
                jwk.extend(value.map(|value| (name.to_owned(), value)));
                HeldKey::from_jwk(algorithm, &jwk).is_ok()
            };
            assert!(of("use", Some("sig".into())) && of("key_ops", Some(json!(["sign"]))));
            assert!(of("alg", Some(algorithm.as_str().into())));
            for (name, value) in [
                ("use", Some("enc".into())),
                ("key_ops", Some(json!(["verify"]))),
                ("alg", Some("ES384".into())),
                ("kty", Some("oct".into())),
                ("d", None),
                ("d", Some("AAAA".into())),
                ("d", Some("!".into())),
            ] {
                assert!(!of(name, value.clone()), "{algorithm} {name} {value:?}");
            }
            let is_rsa = |algorithm| matches!(algorithm, Algorithm::RS256 | Algorithm::PS256);
            let others = Algorithm::ALL.iter().copied().filter(|other| *other != algorithm);
            for other in others.filter(|other| !(is_rsa(*other) && is_rsa(algorithm))) {
                assert!(HeldKey::from_jwk(other, &good).is_err() && HeldKey::from_der(other, &der).is_err(), "{other}");
            }
            assert!(HeldKey::from_der(algorithm, b"no key").is_err());
        }
    }
}

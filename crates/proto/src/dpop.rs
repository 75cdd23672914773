//! Proofs that whoever sends a request holds a key (RFC 9449): read and checked, without clock, nonce or memory.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::Url;

use crate::digest::{same, sha256};
use crate::jose::{Alg, Compact, Refused, is_jti, object};
use crate::seal::Thumbprint;
use crate::time::{Lifetime, Timestamp};

/// Longer than any honest proof, in bytes: an RSA key of 8192 bits fits.
const LONGEST: usize = 8 * 1024;

/// By how much a sender's clock may be ahead of ours.
const SKEW: Lifetime = Lifetime::from_seconds(30);

/// What a proof must be for.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its address, as clients know it.
    pub uri: &'a str,
    /// The access token beside it, if there is one.
    pub access_token: Option<&'a str>,
    /// How old a proof may be.
    pub window: Lifetime,
}

/// Does not show the token.
impl fmt::Debug for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expected({} {})", self.method, self.uri)
    }
}

/// A proof whose signature is good and that is for this request. Whether it was seen before, and whether its nonce is ours, is
/// still to be found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key (RFC 7638).
    pub jkt: Thumbprint,
    /// Tells it from all others of this key.
    pub jti: String,
    /// When it was made.
    pub iat: Timestamp,
    /// The nonce it repeats.
    pub nonce: Option<String>,
}

impl Proof {
    /// Reads and checks a proof, in the order of RFC 9449 §4.3.
    pub fn check(text: &str, expected: &Expected<'_>, now: Timestamp) -> Result<Self, Refused> {
        // RFC 9449 §4.3 (2), (7): a well-formed JWT, whose jwk has no private part.
        let (compact, key) = Compact::parse_proof(text, LONGEST)?;
        // RFC 9449 §4.3 (4).
        if !compact.header().is_typ("dpop+jwt") {
            return Err(Refused::Typ);
        }
        // RFC 9449 §4.3 (5), (6): an asymmetric algorithm, and the signature of that key.
        let members = object(compact.verify_with(&key, Alg::PUBLIC)?)?;
        // RFC 9449 §4.3 (3).
        let claim = |name: &'static str| members.get(name).and_then(Value::as_str).ok_or(Refused::Claim(name));
        let (jti, htm, htu) = (claim("jti")?, claim("htm")?, claim("htu")?);
        if !is_jti(jti) {
            return Err(Refused::Claim("jti"));
        }
        // RFC 9449 §4.3 (8): methods are compared with case (RFC 9110 §9.1).
        if htm != expected.method {
            return Err(Refused::Claim("htm"));
        }
        // RFC 9449 §4.3 (9).
        if !is_at(htu, expected.uri) {
            return Err(Refused::Claim("htu"));
        }
        let nonce = match members.get("nonce") {
            None => None,
            Some(Value::String(nonce)) => Some(nonce.clone()),
            Some(_) => return Err(Refused::Claim("nonce")),
        };
        // RFC 9449 §4.3 (11).
        let iat = timely(members.get("iat"), expected.window, now)?;
        // RFC 9449 §4.3 (12): the token beside it is the one it was made for.
        if let Some(token) = expected.access_token {
            let ath = URL_SAFE_NO_PAD.encode(sha256(token.as_bytes()));
            if !same(claim("ath")?.as_bytes(), ath.as_bytes()) {
                return Err(Refused::Claim("ath"));
            }
        }
        Ok(Self { jkt: Thumbprint::from_bytes(key.thumbprint()), jti: jti.to_owned(), iat, nonce })
    }
}

/// RFC 9449 §4.3: without query and fragment, after the normalization of RFC 3986 §6.2.2 and §6.2.3.
fn is_at(htu: &str, uri: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    bare(htu).is_some_and(|presented| Some(presented) == bare(uri))
}

fn timely(iat: Option<&Value>, window: Lifetime, now: Timestamp) -> Result<Timestamp, Refused> {
    let iat = iat.and_then(Value::as_i64).filter(|iat| *iat >= 0).ok_or(Refused::Claim("iat"))?;
    let iat = Timestamp::from_seconds(iat);
    if iat > now.plus(SKEW) {
        return Err(Refused::NotYet);
    }
    if now >= iat.plus(window) { Err(Refused::Expired) } else { Ok(iat) }
}

#[cfg(test)]
mod tests;

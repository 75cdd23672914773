//! Proofs that we hold the key that a token is bound to (RFC 9449).

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::sha256;
use firman_proto::jws::{Algorithm, HeldKey};
use firman_proto::time::Timestamp;
use http::HeaderName;
use http::header::AUTHORIZATION;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::ask;
use crate::error::Error;
use crate::exchange::{Request, Response};
use crate::secret::Secret;
use crate::world::{Entropy, word};

const DPOP: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A key that tokens are bound to.
pub struct DpopKey {
    key: HeldKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl DpopKey {
    /// A new key, ES256.
    ///
    /// # Errors
    ///
    /// The library makes none.
    pub fn generate() -> Result<Self, Error> {
        let none = |_| Error::Local("no key can be made".to_owned());
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(none)?;
        Self::from_pkcs8(pair.to_pkcs8v1().map_err(none)?.as_ref())
    }

    /// A key that was kept.
    ///
    /// # Errors
    ///
    /// It is no private key of this kind.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let key = HeldKey::from_pkcs8(Algorithm::ES256, der).map_err(|error| Error::Local(error.to_string()))?;
        Ok(Self { key, pkcs8: Zeroizing::new(der.to_vec()) })
    }

    /// The private key, to be kept.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The thumbprint that bound tokens name (RFC 9449 §6.1).
    pub fn thumbprint(&self) -> &str {
        &self.key.jwk().kid
    }

    /// Puts a proof for this request into it; and the token, if one is presented.
    ///
    /// # Errors
    ///
    /// It cannot be signed, or there is no randomness.
    pub fn bind(
        &self,
        request: &mut Request,
        token: Option<&Secret>,
        nonce: Option<&str>,
        (entropy, now): (&dyn Entropy, Timestamp),
    ) -> Result<(), Error> {
        // RFC 9449 §4.2: the method, and the address without query and fragment.
        let mut htu = Url::parse(&request.url).map_err(|_| Error::Local(format!("{} is no address", request.url)))?;
        htu.set_query(None);
        htu.set_fragment(None);
        let mut claims = json!({
            "jti": word(entropy)?, "htm": request.method.as_str(), "htu": htu.as_str(), "iat": now.seconds(),
        });
        if let (Some(members), Some(token)) = (claims.as_object_mut(), token) {
            // RFC 9449 §4.2: with a token, its hash.
            let ath = URL_SAFE_NO_PAD.encode(sha256(token.reveal().as_bytes()));
            members.insert("ath".to_owned(), ath.into());
            request.headers.insert(AUTHORIZATION, ask::secret_value(&format!("DPoP {}", token.reveal()))?);
        }
        if let (Some(members), Some(nonce)) = (claims.as_object_mut(), nonce) {
            // RFC 9449 §8: the nonce that the server gave last.
            members.insert("nonce".to_owned(), nonce.into());
        }
        let proof = self.key.prove("dpop+jwt", &claims);
        let proof = proof.map_err(|error| Error::Local(format!("no proof can be signed: {error}")))?;
        request.headers.insert(DPOP, ask::secret_value(&proof)?);
        Ok(())
    }
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DpopKey({})", self.thumbprint())
    }
}

/// The nonces that servers gave, the last of each (RFC 9449 §8.2).
#[derive(Debug, Default)]
pub struct Nonces {
    of: HashMap<String, String>,
}

impl Nonces {
    /// More servers than this are not remembered.
    const MOST: usize = 256;

    /// The nonce for the server of an address.
    pub fn of(&self, url: &str) -> Option<&str> {
        self.of.get(&origin(url)?).map(String::as_str)
    }

    /// Remembers the nonce that came with an answer. Whether it was the reason of a refusal: then the request is sent again.
    pub fn heard(&mut self, url: &str, response: &Response) -> bool {
        let nonce = response.headers.get(NONCE).and_then(|value| value.to_str().ok());
        let (Some(nonce), Some(origin)) = (nonce, origin(url)) else { return false };
        if self.of.len() >= Self::MOST && !self.of.contains_key(&origin) {
            self.of.clear();
        }
        let before = self.of.insert(origin, nonce.to_owned());
        // RFC 9449 §8, §9: with the same nonce again it would be refused again.
        matches!(response.status.as_u16(), 400 | 401) && before.as_deref() != Some(nonce) && wants_nonce(url, response)
    }
}

fn wants_nonce(url: &str, response: &Response) -> bool {
    let refused = super::answer::success(url, response, Timestamp::default());
    refused.is_err_and(|error| error.code() == Some("use_dpop_nonce"))
}

fn origin(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use firman_proto::dpop::{Expected, Proof};
    use firman_proto::time::Lifetime;
    use http::header::WWW_AUTHENTICATE;

    use super::super::answer::tests::{NOW, answer, json as answered};
    use super::*;
    use crate::world::tests::Counted;

    fn proof(request: &Request, token: Option<&str>) -> Proof {
        let expected = Expected {
            method: "GET",
            uri: "https://api.example/books",
            access_token: token,
            window: Lifetime::from_seconds(60),
        };
        Proof::check(request.headers[DPOP].to_str().unwrap(), &expected, NOW).unwrap()
    }

    // RFC 9449 §4.2, §6.1, §7.1, §8.
    #[test]
    fn a_proof_is_for_one_request_and_one_token() {
        let (key, entropy) = (DpopKey::generate().unwrap(), Counted::default());
        let key = DpopKey::from_pkcs8(key.pkcs8()).unwrap();
        let mut request = ask::get("https://api.example/books?page=2#top", ask::JSON);
        key.bind(&mut request, Some(&"hush".into()), Some("n-1"), (&entropy, NOW)).unwrap();
        let first = proof(&request, Some("hush"));
        assert_eq!((first.jkt.to_string().as_str(), first.nonce.as_deref()), (key.thumbprint(), Some("n-1")));
        assert_eq!(request.headers[AUTHORIZATION], "DPoP hush");
        key.bind(&mut request, None, None, (&entropy, NOW)).unwrap();
        let second = proof(&request, None);
        assert!(first.jti != second.jti && second.nonce.is_none());
    }

    // RFC 9449 §8, §8.2, §9.
    #[test]
    fn a_nonce_is_kept_for_its_server_and_asked_for_once() {
        let (mut nonces, url) = (Nonces::default(), "https://as.example/token");
        let mut refused = answered(400, &serde_json::json!({"error": "use_dpop_nonce"}));
        assert!(!nonces.heard(url, &refused), "no nonce was given");
        refused.headers.insert(NONCE, "n-1".parse().unwrap());
        assert!(nonces.heard(url, &refused) && !nonces.heard(url, &refused));
        assert_eq!((nonces.of("https://as.example/x"), nonces.of("https://api.example")), (Some("n-1"), None));
        let mut fine = answered(200, &serde_json::json!({}));
        fine.headers.insert(NONCE, "n-2".parse().unwrap());
        assert!(!nonces.heard(url, &fine) && nonces.of(url) == Some("n-2"));
        let challenge = [(WWW_AUTHENTICATE, r#"DPoP error="use_dpop_nonce""#), (NONCE, "n-3")];
        assert!(nonces.heard("https://api.example/books", &answer(401, &challenge, "")));
        let other = answered(400, &serde_json::json!({"error": "invalid_grant"}));
        assert!(!nonces.heard(url, &other));
    }
}

//! ID tokens (OpenID Connect Core §2).

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::jws::Algorithm;

/// The claims of an ID token; times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of OpenID Connect Core §2")]
pub struct IdToken {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Claims about the person.
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

/// The left half of the hash of an access token or a code (OpenID Connect Core §3.1.3.6, §3.3.2.11).
///
/// The hash is the one inside the signature algorithm: SHA-256, and SHA-512 for Ed25519 (RFC 8032 §5.1).
pub fn half_hash(of: &str, signed_with: Algorithm) -> String {
    let hash = match signed_with {
        Algorithm::ES256 | Algorithm::RS256 | Algorithm::PS256 => &SHA256,
        Algorithm::EdDSA => &SHA512,
    };
    let digest = digest(hash, of.as_bytes());
    let (left, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    // OpenID Connect Core §3.1.3.6.
    #[test]
    fn a_half_hash_matches_the_published_example() {
        // OpenID Connect Core §A.3 (response_type=code token).
        assert_eq!(
            half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", Algorithm::RS256),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }

    // RFC 8032 §5.1.
    #[test]
    fn an_ed25519_token_has_half_of_a_sha_512() {
        let of = |algorithm| URL_SAFE_NO_PAD.decode(half_hash("x", algorithm)).unwrap();
        let whole = digest(&SHA512, b"x");
        assert_eq!(of(Algorithm::EdDSA), &whole.as_ref()[..32]);
        assert_eq!(of(Algorithm::ES256).len(), 16);
    }
}

//! Proof Key for Code Exchange (RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::digest::{same, sha256};
use crate::error::{Denied, invalid_request};

/// How a challenge is made from a verifier (RFC 7636 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengeMethod {
    /// base64url(SHA-256(verifier)).
    S256,
    /// The verifier itself; only for clients that are configured so.
    #[serde(rename = "plain")]
    Plain,
}

/// A code challenge, kept until the verifier is presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// How it was made.
    pub method: ChallengeMethod,
    /// Its text.
    pub value: String,
}

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method`.
    pub fn parse(value: Option<&str>, method: Option<&str>, plain_allowed: bool) -> Result<Option<Self>, Denied> {
        let Some(value) = value else {
            return match method {
                Some(_) => Err(invalid_request("code_challenge: missing, though code_challenge_method is there")),
                None => Ok(None),
            };
        };
        let method = match method {
            Some("S256") => ChallengeMethod::S256,
            // RFC 7636 §4.3: the method defaults to plain.
            Some("plain") | None if plain_allowed => ChallengeMethod::Plain,
            // RFC 7636 §4.4.1, RFC 9700 §2.1.1: transformations other than S256 are not supported.
            _ => return Err(invalid_request("code_challenge_method: must be S256")),
        };
        let well_formed = match method {
            ChallengeMethod::S256 => URL_SAFE_NO_PAD.decode(value).is_ok_and(|digest| digest.len() == 32),
            ChallengeMethod::Plain => is_verifier(value),
        };
        if !well_formed {
            return Err(invalid_request("code_challenge: not of the form its method makes"));
        }
        Ok(Some(Self { method, value: value.to_owned() }))
    }

    /// The S256 challenge of a verifier.
    pub fn s256(verifier: &str) -> String {
        URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()))
    }

    /// Whether this verifier made this challenge (RFC 7636 §4.6).
    pub fn admits(&self, verifier: &str) -> bool {
        is_verifier(verifier)
            && match self.method {
                ChallengeMethod::S256 => same(Self::s256(verifier).as_bytes(), self.value.as_bytes()),
                ChallengeMethod::Plain => same(verifier.as_bytes(), self.value.as_bytes()),
            }
    }
}

/// Whether a verifier goes with what was challenged: there must be one if and only if there was a challenge.
pub fn admits(challenge: Option<&Challenge>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (Some(challenge), Some(verifier)) => challenge.admits(verifier),
        (None, None) => true,
        // RFC 9700 §2.1.1: a verifier without a challenge is a downgrade attempt.
        _ => false,
    }
}

/// RFC 7636 §4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn s256() -> Challenge {
        Challenge::parse(Some(CHALLENGE), Some("S256"), false).unwrap().unwrap()
    }

    // RFC 7636 §4.2, §4.6.
    #[test]
    fn the_rfcs_own_example_holds() {
        assert!(s256().admits(VERIFIER));
        assert!(!s256().admits(&VERIFIER.replace('d', "e")));
    }

    // RFC 7636 §4.6, RFC 9700 §2.1.1.
    #[test]
    fn a_verifier_is_there_if_and_only_if_there_was_a_challenge() {
        assert!(!admits(Some(&s256()), None));
        assert!(!admits(None, Some(VERIFIER)));
        assert!(admits(None, None));
    }

    // RFC 7636 §4.3.
    #[test]
    fn plain_is_for_clients_configured_so() {
        assert!(Challenge::parse(Some(VERIFIER), Some("plain"), false).is_err());
        assert!(Challenge::parse(Some(VERIFIER), None, false).is_err());
        let plain = Challenge::parse(Some(VERIFIER), None, true).unwrap().unwrap();
        assert!(plain.admits(VERIFIER) && !plain.admits(CHALLENGE));
    }

    // RFC 7636 §4.1, §4.4.1, RFC 9700 §2.1.1.
    #[test]
    fn malformed_challenges_are_refused() {
        for (value, method) in [
            (Some("short"), Some("S256")),
            (Some(CHALLENGE), Some("S384")),
            (Some(CHALLENGE), Some("s256")),
            (None, Some("S256")),
        ] {
            assert!(Challenge::parse(value, method, true).is_err(), "{value:?} {method:?}");
        }
    }
}

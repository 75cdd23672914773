//! Ten thousand damaged inputs for every reader: none panics, and none of them is taken.

use serde_json::json;

use super::*;
use crate::time::{Lifetime, Timestamp};

const ROUNDS: usize = 10_000;

/// A small generator with a fixed seed: a failure is the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    /// The text with one to four bytes changed, cut, doubled or put in.
    fn damage(&mut self, text: &str) -> String {
        let alphabet = b"abcXYZ019-_.={}[]\",:\\ \0\x7f";
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.below(4) {
            let (at, byte) = (self.below(bytes.len()), alphabet[self.below(alphabet.len())]);
            match self.below(5) {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if !bytes.is_empty() => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                _ => {
                    let piece = bytes[at..(at + self.below(32)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[test]
fn no_damaged_token_is_taken_and_none_panics() {
    let signer = Signer::of(Alg::EdDSA);
    let keys = set(&[signer.jwk("a")]);
    let now = Timestamp::from_seconds(1_800_000_000);
    let claims =
        json!({"iss": "c", "sub": "c", "aud": "us", "exp": 1_800_000_060, "jti": "1", "x": {"y": [1, 2.5, null]}});
    let token = signer.sign(&json!({"alg": "EdDSA", "kid": "a"}), claims.to_string().as_bytes());
    let expected = Expected {
        typ: Typ::Optional(&["JWT"]),
        algorithms: Alg::PUBLIC,
        audiences: &["us"],
        skew: Lifetime::ZERO,
        longest: Lifetime::from_seconds(60),
    };
    let take = |token: &str| Jwt::parse(token).and_then(|jwt| jwt.verify(&keys, &expected, now));
    assert!(take(&token).is_ok());
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        let damaged = noise.damage(&token);
        assert!(damaged == token || take(&damaged).is_err(), "{damaged}");
        let _ = Compact::parse_proof(&damaged, 4096);
    }
}

#[test]
fn damaged_claims_and_headers_under_a_right_signature_never_panic() {
    let secret = [3; 32];
    let now = Timestamp::from_seconds(1_800_000_000);
    let claims =
        json!({"aud": ["us"], "exp": 1_800_000_060, "nbf": 1.5e9, "iat": 0, "jti": "1", "a": {"b": {"c": []}}});
    let expected = Expected {
        typ: Typ::Required(&["x+jwt"]),
        algorithms: Alg::SECRET,
        audiences: &["us"],
        skew: Lifetime::ZERO,
        longest: Lifetime::from_seconds(60),
    };
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    let mut taken = 0;
    for _ in 0..ROUNDS {
        let payload = noise.damage(&claims.to_string());
        let token = mac(&secret, &json!({"alg": "HS256", "typ": "x+jwt"}), payload.as_bytes());
        let result = Jwt::parse(&token).and_then(|jwt| jwt.verify_mac(&[MacKey::new(secret)], &expected, now));
        taken += usize::from(result.is_ok());
    }
    assert!((1..ROUNDS).contains(&taken), "some damage is harmless, most is not: {taken}");
}

#[test]
fn damaged_key_sets_never_panic() {
    let (ec, rsa) = (Signer::of(Alg::ES256), Signer::of(Alg::RS256));
    let document = json!({"keys": [ec.jwk("a"), rsa.jwk("b"), Signer::of(Alg::EdDSA).jwk("c")]}).to_string();
    let mut noise = Noise(0xd1b5_4a32_d192_ed03);
    for _ in 0..ROUNDS {
        if let Ok(keys) = Jwks::parse(noise.damage(&document).as_bytes()) {
            assert!(keys.keys().len() <= 64);
        }
    }
}

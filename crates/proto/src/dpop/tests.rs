use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Map, json};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const URI: &str = "https://id.example/oauth2/token";

const EXPECTED: Expected<'_> =
    Expected { method: "POST", uri: URI, access_token: None, window: Lifetime::from_seconds(60) };

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A key, and the header that carries it.
fn key() -> (EcdsaKeyPair, Value) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}});
    (pair, header)
}

fn sign(pair: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
    let input = format!("{}.{}", part(header), part(claims));
    #[allow(clippy::disallowed_methods, reason = "a client's randomness, not the server's")]
    let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

fn claims() -> Value {
    json!({"jti": "one", "htm": "POST", "htu": URI, "iat": NOW.seconds()})
}

fn with(name: &str, value: Value) -> Value {
    let mut members: Map<String, Value> = serde_json::from_value(claims()).unwrap();
    members.insert(name.to_owned(), value);
    Value::Object(members)
}

fn without(name: &str) -> Value {
    let mut members: Map<String, Value> = serde_json::from_value(claims()).unwrap();
    members.remove(name);
    Value::Object(members)
}

fn check(claims: &Value) -> Result<Proof, Refused> {
    let (pair, header) = key();
    Proof::check(&sign(&pair, &header, claims), &EXPECTED, NOW)
}

// RFC 9449 §4.3, §6.1.
#[test]
fn a_good_proof_names_its_key() {
    let (pair, header) = key();
    let proof = Proof::check(&sign(&pair, &header, &with("nonce", json!("n"))), &EXPECTED, NOW).unwrap();
    let jwk: Map<String, Value> = serde_json::from_value(header["jwk"].clone()).unwrap();
    let thumbprint = crate::jose::PublicKey::from_jwk(&jwk).unwrap().thumbprint();
    assert_eq!(proof.jkt.as_bytes(), &thumbprint);
    assert_eq!((proof.jti.as_str(), proof.iat, proof.nonce.as_deref()), ("one", NOW, Some("n")));
}

// RFC 9449 §4.3, RFC 9110 §9.1, RFC 3986 §6.2.2, §6.2.3.
#[test]
fn a_proof_is_for_one_method_and_one_address() {
    for same in ["https://ID.example:443/oauth2/token", "https://id.example/oauth2/token?x=1#y"] {
        assert!(check(&with("htu", json!(same))).is_ok(), "{same}");
    }
    for other in [
        "",
        "/oauth2/token",
        "http://id.example/oauth2/token",
        "https://id.example/oauth2/token/",
        "https://id.example:444/oauth2/token",
        "https://u@id.example/oauth2/token",
        "https://evil.example/oauth2/token",
    ] {
        assert_eq!(check(&with("htu", json!(other))), Err(Refused::Claim("htu")), "{other}");
    }
    for other in ["GET", "post", ""] {
        assert_eq!(check(&with("htm", json!(other))), Err(Refused::Claim("htm")), "{other}");
    }
}

// RFC 9449 §4.3.
#[test]
fn a_proof_is_good_for_a_while() {
    let at = |seconds: i64| check(&with("iat", json!(NOW.seconds() + seconds))).map(|_| ());
    assert_eq!([at(-59), at(0), at(30)], [Ok(()); 3]);
    assert_eq!(at(-60), Err(Refused::Expired));
    assert_eq!([at(31), at(1_000_000_000)], [Err(Refused::NotYet); 2]);
    for wrong in [json!("now"), json!(-1), json!(1.5), json!(null), json!(u64::MAX)] {
        assert_eq!(check(&with("iat", wrong)), Err(Refused::Claim("iat")));
    }
}

// RFC 9449 §4.3.
#[test]
fn what_is_missing_or_no_text_is_refused() {
    for name in ["jti", "htm", "htu", "iat"] {
        assert!(matches!(check(&without(name)), Err(Refused::Claim(_))), "{name}");
        assert!(matches!(check(&with(name, json!([1]))), Err(Refused::Claim(_))), "{name}");
    }
    assert_eq!(check(&with("jti", json!(""))), Err(Refused::Claim("jti")));
    assert_eq!(check(&with("jti", json!("x".repeat(257)))), Err(Refused::Claim("jti")));
    assert_eq!(check(&with("nonce", json!(1))), Err(Refused::Claim("nonce")));
}

// RFC 9449 §4.3.
#[test]
fn the_token_beside_it_is_the_one_it_was_made_for() {
    let (pair, header) = key();
    let ath = |token: &str| json!(URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())));
    let beside = Expected { access_token: Some("token"), ..EXPECTED };
    let check = |claims: &Value| Proof::check(&sign(&pair, &header, claims), &beside, NOW);
    assert!(check(&with("ath", ath("token"))).is_ok());
    assert_eq!(check(&with("ath", ath("another"))), Err(Refused::Claim("ath")));
    assert_eq!(check(&claims()), Err(Refused::Claim("ath")));
}

// RFC 9449 §4.2, §4.3.
#[test]
fn the_header_says_what_it_is_and_carries_the_key_that_signed() {
    let (pair, header) = key();
    let (_, other) = key();
    let changed = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        Proof::check(&sign(&pair, &header, &claims()), &EXPECTED, NOW)
    };
    assert_eq!(changed("typ", json!("JWT")), Err(Refused::Typ));
    assert_eq!(changed("typ", json!("at+jwt")), Err(Refused::Typ));
    assert_eq!(changed("jwk", other["jwk"].clone()), Err(Refused::Signature));
    for alg in ["none", "None", "HS256", "ES256K", "RS256"] {
        assert!(changed("alg", json!(alg)).is_err(), "{alg}");
    }
    let mut private = header["jwk"].clone();
    private["d"] = json!("AA");
    assert!(matches!(changed("jwk", private), Err(Refused::Key(_))));
    assert!(matches!(changed("jwk", json!({"kty": "oct", "k": "AA"})), Err(Refused::Key(_))));
    assert!(matches!(changed("crit", json!(["x"])), Err(Refused::Header("crit"))));
    let mut bare = header.clone();
    bare.as_object_mut().unwrap().remove("jwk");
    assert!(Proof::check(&sign(&pair, &bare, &claims()), &EXPECTED, NOW).is_err());
}

#[test]
fn noise_is_refused_without_a_panic() {
    let (pair, header) = key();
    let good = sign(&pair, &header, &claims());
    for end in 0..good.len() {
        assert!(Proof::check(&good[..end], &EXPECTED, NOW).is_err());
    }
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        // The last character of a signature may stand for the same bits: then it is not canonical.
        assert!(Proof::check(std::str::from_utf8(&bytes).unwrap(), &EXPECTED, NOW).is_err(), "{place}");
    }
    assert_eq!(Proof::check(&"x".repeat(LONGEST + 1), &EXPECTED, NOW), Err(Refused::TooLong));
}

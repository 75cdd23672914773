//! Keys of others, wrong in one member at a time.

use serde_json::{Value, json};

use super::*;

fn is_taken(jwk: &Value) -> bool {
    PublicKey::from_jwk(jwk.as_object().unwrap()).is_ok()
}

fn with(jwk: &Value, name: &str, value: Value) -> Value {
    let mut changed = jwk.clone();
    changed[name] = value;
    changed
}

fn bytes(jwk: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap()
}

fn text(parts: &[&[u8]]) -> Value {
    URL_SAFE_NO_PAD.encode(parts.concat()).into()
}

// RFC 7517 §4, §4.2, §4.3, §4.4.
#[test]
fn a_key_is_for_what_its_jwk_says() {
    let jwk = Signer::of(Alg::ES256).jwk("a");
    for (name, value) in [
        ("use", json!("sig")),
        ("key_ops", json!(["verify"])),
        ("key_ops", json!(["sign", "verify"])),
        ("alg", json!("ES256")),
        ("unknown", json!({"a": [1]})),
    ] {
        assert!(is_taken(&with(&jwk, name, value.clone())), "{name} {value}");
    }
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!("")),
        ("use", json!(1)),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!([])),
        ("key_ops", json!("verify")),
        ("alg", json!("ES384")),
        ("alg", json!("RS256")),
        ("alg", json!("HS256")),
        ("alg", json!("none")),
        ("alg", json!(["ES256"])),
        ("kid", json!(1)),
        ("kty", json!("oct")),
        ("kty", json!("ec")),
        ("kty", Value::Null),
    ] {
        assert!(!is_taken(&with(&jwk, name, value.clone())), "{name} {value}");
    }
}

// RFC 7518 §3.4, §6.2.1, §6.2.1.1, §6.2.1.2, SEC 1 §2.3.3.
#[test]
fn a_point_has_whole_coordinates_and_lies_on_its_curve() {
    for (alg, other) in [(Alg::ES256, "P-384"), (Alg::ES384, "P-521"), (Alg::ES512, "P-256")] {
        let jwk = Signer::of(alg).jwk("a");
        assert!(is_taken(&with(&jwk, "alg", json!(alg.as_str()))));
        let (x, y) = (bytes(&jwk, "x"), bytes(&jwk, "y"));
        let mut off = y.clone();
        *off.last_mut().unwrap() ^= 1;
        for (name, value) in [
            ("x", text(&[&x[1..]])),
            ("x", text(&[&[0], &x])),
            ("y", text(&[&y[..y.len() - 1]])),
            ("y", text(&[&off])),
            ("y", text(&[&vec![0; y.len()]])),
            ("y", Value::Null),
            ("x", format!("{}=", jwk["x"].as_str().unwrap()).into()),
            ("crv", json!(other)),
            ("crv", json!("secp256k1")),
            ("crv", Value::Null),
        ] {
            assert!(!is_taken(&with(&jwk, name, value.clone())), "{alg:?} {name} {value}");
        }
    }
}

// RFC 8037 §2.
#[test]
fn an_edwards_key_has_its_length_and_its_curve() {
    let jwk = Signer::of(Alg::EdDSA).jwk("a");
    assert!(is_taken(&jwk));
    let x = bytes(&jwk, "x");
    for (name, value) in [
        ("x", text(&[&x[1..]])),
        ("x", text(&[&x, &[0]])),
        ("x", json!("")),
        ("crv", json!("Ed448")),
        ("crv", json!("X25519")),
        ("crv", json!("P-256")),
    ] {
        assert!(!is_taken(&with(&jwk, name, value.clone())), "{name} {value}");
    }
}

// RFC 7518 §3.3, §3.5, §6.3.1, §6.3.1.1, RFC 8017 §3.1.
#[test]
fn an_rsa_key_that_protects_nothing_is_refused() {
    let jwk = Signer::of(Alg::RS256).jwk("a");
    let n = bytes(&jwk, "n");
    for (name, value) in [("e", json!("Aw")), ("e", json!("AQAB")), ("n", text(&[&[0], &n]))] {
        assert!(is_taken(&with(&jwk, name, value.clone())), "{name} {value}");
    }
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    for (name, value) in [
        ("n", text(&[&[0x80], &n[129..]])),
        ("n", text(&[&[0x7f], &n[1..]])),
        ("n", text(&[&[0, 0], &n])),
        ("n", text(&[&even])),
        ("n", text(&[&[0xff; 1025]])),
        ("n", json!("")),
        // 0, 1, 2, 4, 65536, beyond 32 bits, with a leading zero, none.
        ("e", json!("AA")),
        ("e", json!("AQ")),
        ("e", json!("Ag")),
        ("e", json!("BA")),
        ("e", json!("AQAA")),
        ("e", json!("AQAAAAE")),
        ("e", json!("AAEAAQ")),
        ("e", json!("")),
        ("e", Value::Null),
    ] {
        assert!(!is_taken(&with(&jwk, name, value.clone())), "{name} {value}");
    }
}

// RFC 9864 §2.2.
#[test]
fn ed25519_is_another_name_of_the_only_edwards_algorithm() {
    let signer = Signer::of(Alg::EdDSA);
    let keys = set(&[signer.jwk("a")]);
    for (alg, known) in [("EdDSA", true), ("Ed25519", true), ("Ed448", false), ("ed25519", false)] {
        let token = signer.sign(&json!({"alg": alg, "kid": "a"}), b"{}");
        let taken = Compact::parse(&token, 4096).and_then(|token| token.verify(&keys, Alg::PUBLIC).map(|_| ()));
        assert_eq!(taken.is_ok(), known, "{alg}");
    }
}

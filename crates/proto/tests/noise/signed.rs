//! Signed objects, the keys they are verified with, and JSON.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::dpop;
use firman_proto::jose::jwe::{ContentEncryption, DecryptionKey, Encryption, EncryptionKey, Fresh, Jwe, KeyManagement};
use firman_proto::jose::{Alg, Claims, Compact, Expected, Jwks, Jwt, MacKey, PublicKey, Refused, Typ, object};
use firman_proto::time::{Lifetime, Timestamp};
use serde_json::{Value, json};

use crate::mutator::{each, shown};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const SECRET: [u8; 32] = [3; 32];
const PROOF_URI: &str = "https://id.example/oauth2/token";

/// Somebody who signs whatever they like, rightly.
struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        Self(Ed25519KeyPair::generate().unwrap())
    }

    fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())})
    }

    fn sign(&self, header: &[u8], payload: &[u8]) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(input.as_bytes())))
    }
}

fn mac(header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn claims() -> Value {
    json!({
        "iss": "c", "sub": "c", "aud": ["us"], "exp": NOW.seconds() + 60, "nbf": 1.5e9, "iat": NOW.seconds(), "jti": "1",
        "a": {"b": [1, 2.5, null, "\u{e4}"]},
    })
}

fn expected(algorithms: &'static [Alg]) -> Expected<'static> {
    Expected {
        typ: Typ::Optional(&["JWT"]),
        algorithms,
        audiences: &["us"],
        skew: Lifetime::ZERO,
        longest: Lifetime::from_seconds(60),
    }
}

#[test]
fn no_damaged_token_is_taken() {
    let signer = Signer::new();
    let keys = Jwks::parse(json!({"keys": [signer.jwk()]}).to_string().as_bytes()).unwrap();
    let good = [
        signer.sign(br#"{"alg":"EdDSA","typ":"JWT"}"#, claims().to_string().as_bytes()),
        signer.sign(br#"{"alg":"EdDSA"}"#, claims().to_string().as_bytes()),
    ];
    each("jwt", &good, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let taken = Jwt::parse(text).and_then(|jwt| jwt.verify(&keys, &expected(Alg::PUBLIC), NOW));
        assert_eq!(taken.is_ok(), good.iter().any(|whole| whole == text), "{}", shown(input));
        let _ = Compact::parse_proof(text, 4096);
    });
}

#[test]
fn damaged_claims_under_a_right_signature_mean_what_they_say() {
    let read = |payload: &[u8]| -> Result<Claims, Refused> {
        let token = mac(br#"{"alg":"HS256"}"#, payload);
        Jwt::parse(&token)?.verify_mac(&[MacKey::new(SECRET)], &expected(Alg::SECRET), NOW)
    };
    each("claims", &[claims().to_string()], |input| {
        let Ok(taken) = read(input) else { return };
        // Another reader of JSON agrees.
        let again: Value = serde_json::from_slice(input).unwrap();
        assert_eq!(taken.sub.as_deref(), again.get("sub").and_then(Value::as_str), "{}", shown(input));
        assert!(taken.aud == ["us"] && taken.exp.is_some_and(|exp| NOW < exp), "{}", shown(input));
    });
}

#[test]
fn damaged_headers_under_a_right_signature_change_no_key() {
    each("header", &[r#"{"alg":"HS256","typ":"JWT","kid":"a"}"#, r#"{"alg":"HS384"}"#], |input| {
        let token = mac(input, claims().to_string().as_bytes());
        let taken = Jwt::parse(&token).and_then(|jwt| {
            let header = jwt.header().clone();
            jwt.verify_mac(&[MacKey::new(SECRET)], &expected(Alg::SECRET), NOW).map(|_| header)
        });
        if let Ok(header) = taken {
            assert_eq!(header.alg, Alg::HS256, "{}", shown(input));
            let said = object(input).unwrap();
            let dangerous = ["crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc"];
            assert!(!dangerous.iter().any(|name| said.contains_key(*name)), "{}", shown(input));
        }
    });
}

#[test]
fn a_damaged_proof_is_for_nothing_else() {
    let signer = Signer::new();
    let header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": signer.jwk()}).to_string();
    let said = json!({"jti": "one", "htm": "POST", "htu": PROOF_URI, "iat": NOW.seconds(), "nonce": "n"}).to_string();
    let expected =
        dpop::Expected { method: "POST", uri: PROOF_URI, access_token: None, window: Lifetime::from_seconds(60) };
    let whole = signer.sign(header.as_bytes(), said.as_bytes());
    each("proof", &[&whole], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        assert_eq!(dpop::Proof::check(text, &expected, NOW).is_ok(), text == whole, "{}", shown(input));
    });
    each("proof's claims", &[&said], |input| {
        let Ok(proof) = dpop::Proof::check(&signer.sign(header.as_bytes(), input), &expected, NOW) else { return };
        assert!(!proof.jti.is_empty() && proof.jti.len() <= 256, "{}", shown(input));
        let again: Value = serde_json::from_slice(input).unwrap();
        assert_eq!((&again["htm"], &again["iat"]), (&json!("POST"), &json!(proof.iat.seconds())), "{}", shown(input));
    });
    each("proof's header", &[&header], |input| {
        let Ok(proof) = dpop::Proof::check(&signer.sign(input, said.as_bytes()), &expected, NOW) else { return };
        let own = PublicKey::from_jwk(signer.jwk().as_object().unwrap()).unwrap().thumbprint();
        assert_eq!(proof.jkt.as_bytes(), &own, "{}", shown(input));
    });
}

#[test]
fn a_damaged_key_set_has_few_keys_and_none_that_is_secret() {
    let document = json!({"keys": [
        {"kty": "EC", "crv": "P-256", "kid": "a", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
         "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "b", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "sig"},
    ]});
    each("jwks", &[document.to_string()], |input| {
        let Ok(keys) = Jwks::parse(input) else { return };
        assert!(keys.keys().len() <= 64 && input.len() <= Jwks::LONGEST, "{}", shown(input));
        let said: Value = serde_json::from_slice(input).unwrap();
        let members = said["keys"].as_array().unwrap();
        assert!(members.iter().all(|key| key.get("d").is_none() && key.get("k").is_none()), "{}", shown(input));
    });
}

#[test]
fn an_object_has_each_member_once() {
    each("json", &[r#"{"a":1,"b":{"a":[{"c":null}],"d":"\u00e4\ud83d\ude00"},"e":-1.5e3}"#], |input| {
        let Ok(members) = object(input) else { return };
        assert_eq!(Value::Object(members), serde_json::from_slice::<Value>(input).unwrap(), "{}", shown(input));
    });
}

#[test]
fn no_damaged_encrypted_object_is_decrypted() {
    let key = DecryptionKey::on_curve("P-256", &[7; 32]).unwrap();
    let jwk = key.jwk().unwrap();
    let public = EncryptionKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    let made: Vec<String> = [KeyManagement::EcdhEs, KeyManagement::EcdhEsA128Kw]
        .into_iter()
        .flat_map(|alg| ContentEncryption::ALL.iter().map(move |enc| Encryption { alg, enc: *enc }))
        .map(|how| how.encrypt(&public, Some("JWT"), b"content", &Fresh::new([9; 80])).unwrap())
        .collect();
    each("encrypted object", &made.iter().map(String::as_str).collect::<Vec<_>>(), |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Ok(jwe) = Jwe::parse(text, 16 * 1024)
            && jwe.decrypt(&key).is_ok()
        {
            assert!(made.iter().any(|good| good == text), "{}", shown(input));
        }
    });
    each("key to encrypt with", &[&jwk.to_string()], |input| {
        if let Ok(jwk) = object(input) {
            let _ = EncryptionKey::from_jwk(&jwk);
        }
    });
}

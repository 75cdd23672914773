//! What is encrypted for each kind of key, and what is not decrypted: round trips, damage, and published vectors.

use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};

use super::published::{folder, members};
use super::*;
use crate::jose::jwe::{ContentEncryption, DecryptionKey, Encryption, EncryptionKey, Fresh, Jwe, KeyManagement};

const LONGEST: usize = 16 * 1024;

fn object_of(value: &Value) -> &serde_json::Map<String, Value> {
    value.as_object().unwrap()
}

/// A recipient of each kind: the private key, and the JWK of the public one.
fn recipients() -> Vec<(DecryptionKey, Value)> {
    let mut all: Vec<_> = [("P-256", 32), ("P-384", 48), ("P-521", 66), ("X25519", 32)]
        .into_iter()
        .map(|(crv, length)| {
            let mut scalar = vec![7; length];
            scalar[0] = 0;
            let key = DecryptionKey::on_curve(crv, &scalar).unwrap();
            let jwk = key.jwk().unwrap();
            (key, jwk)
        })
        .collect();
    let Signer::Rsa(pair) = Signer::of(Alg::RS256) else { panic!() };
    let key = DecryptionKey::rsa_from_pkcs8(pair.as_der().unwrap().as_ref()).unwrap();
    all.push((key, Signer::Rsa(pair).jwk("rsa")));
    all
}

// RFC 7516 §4.1.12, §5.1, §5.2, §7.1, RFC 7518 §4.1, §4.3, §4.6, §4.6.1.1, §5.1, §5.2.3, §5.2.5, §5.3, RFC 8037 §2.
#[test]
fn what_is_encrypted_for_a_key_is_decrypted_with_it_and_with_no_other() {
    let recipients = recipients();
    let mut met = 0;
    for (place, (key, jwk)) in recipients.iter().enumerate() {
        let public = EncryptionKey::from_jwk(object_of(jwk)).unwrap();
        for alg in KeyManagement::ALL.iter().copied() {
            for enc in ContentEncryption::ALL.iter().copied() {
                let how = Encryption { alg, enc };
                let made = how.encrypt(&public, Some("JWT"), b"a.b.c", &Fresh::new([9; 80]));
                assert_eq!(made.is_ok(), public.suits(alg), "{how:?}");
                let Ok(text) = made else { continue };
                met += 1;
                assert!(Jwe::is_one(&text));
                let jwe = Jwe::parse(&text, LONGEST).unwrap();
                assert_eq!((jwe.encryption(), jwe.kid(), jwe.is_nested()), (how, public.kid(), true));
                assert_eq!(jwe.decrypt(key).unwrap().as_slice(), b"a.b.c", "{how:?}");
                let (other, _) = &recipients[(place + 1) % recipients.len()];
                assert_eq!(jwe.decrypt(other).unwrap_err(), Refused::Decryption);
            }
        }
    }
    // Three algorithms on four curves, two of RSA, each with four ways for the content.
    assert_eq!(met, (3 * 4 + 2) * 4);
}

// RFC 7516 §5.2, §11.5, RFC 7518 §5.2.2.1, §5.2.2.2.
#[test]
fn what_was_damaged_anywhere_is_refused_with_one_reason() {
    let (key, jwk) = recipients().swap_remove(0);
    let public = EncryptionKey::from_jwk(object_of(&jwk)).unwrap();
    for alg in [KeyManagement::EcdhEs, KeyManagement::EcdhEsA256Kw] {
        for enc in ContentEncryption::ALL.iter().copied() {
            let text = Encryption { alg, enc }.encrypt(&public, None, &[7; 40], &Fresh::new([9; 80])).unwrap();
            let parts: Vec<Vec<u8>> = text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
            let written =
                |parts: &[Vec<u8>]| parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".");
            for part in 1..5 {
                for at in 0..parts[part].len() {
                    let mut damaged = parts.clone();
                    damaged[part][at] ^= 1;
                    let damaged = written(&damaged);
                    assert_eq!(Jwe::parse(&damaged, LONGEST).unwrap().decrypt(&key).unwrap_err(), Refused::Decryption);
                }
                let mut shorter = parts.clone();
                shorter[part].pop();
                if shorter[part] != parts[part] {
                    let shorter = written(&shorter);
                    assert_eq!(Jwe::parse(&shorter, LONGEST).unwrap().decrypt(&key).unwrap_err(), Refused::Decryption);
                }
            }
            // The header is authenticated, too.
            let mut header: Value = serde_json::from_slice(&parts[0]).unwrap();
            header["typ"] = "JWT".into();
            let mut other = parts.clone();
            other[0] = header.to_string().into_bytes();
            let other = written(&other);
            assert_eq!(Jwe::parse(&other, LONGEST).unwrap().decrypt(&key).unwrap_err(), Refused::Decryption);
        }
    }
}

// RFC 7516 §4.1.1, §4.1.2, §7.1, §9, RFC 8725 §3.6.
#[test]
fn what_is_compressed_or_of_another_algorithm_is_not_even_tried() {
    let text = |header: Value| format!("{}.AA.AA.AA.AA", URL_SAFE_NO_PAD.encode(header.to_string()));
    let refused = |header| Jwe::parse(&text(header), LONGEST).unwrap_err();
    for alg in ["RSA1_5", "dir", "A128KW", "A256GCMKW", "PBES2-HS256+A128KW", "ecdh-es", "none", ""] {
        assert_eq!(refused(json!({"alg": alg, "enc": "A128GCM"})), Refused::Algorithm, "{alg}");
    }
    for enc in ["A192GCM", "A128CBC", "a128gcm", "none", ""] {
        assert_eq!(refused(json!({"alg": "ECDH-ES", "enc": enc})), Refused::Algorithm, "{enc}");
    }
    assert_eq!(refused(json!({"enc": "A128GCM"})), Refused::Algorithm);
    for (name, value) in [("zip", json!("DEF")), ("crit", json!(["exp"])), ("jku", json!("https://x.example"))] {
        let mut header = json!({"alg": "ECDH-ES", "enc": "A128GCM"});
        header[name] = value;
        assert_eq!(refused(header), Refused::Header(name));
    }
    let good = text(json!({"alg": "ECDH-ES", "enc": "A128GCM"}));
    assert!(Jwe::parse(&good, LONGEST).is_ok());
    assert_eq!(Jwe::parse(&good, good.len() - 1).unwrap_err(), Refused::TooLong);
    for shape in ["", "a.b.c", "a.b.c.d", "a.b.c.d.e.f"] {
        assert_eq!(Jwe::parse(shape, LONGEST).unwrap_err(), Refused::NotJwe, "{shape}");
    }
}

// RFC 7517 §4.2, §4.4, RFC 7518 §6.2.1, §6.3.1, RFC 8037 §2.
#[test]
fn a_key_that_is_for_something_else_or_is_none_encrypts_nothing() {
    let jwk = recipients().swap_remove(0).1;
    let refused = |edit: &dyn Fn(&mut Value)| {
        let mut jwk = jwk.clone();
        edit(&mut jwk);
        EncryptionKey::from_jwk(object_of(&jwk)).is_err()
    };
    assert!(!refused(&|_| {}) && !refused(&|jwk| jwk["alg"] = "ECDH-ES".into()));
    assert!(refused(&|jwk| jwk["use"] = "sig".into()));
    assert!(refused(&|jwk| jwk["alg"] = "ES256".into()) && refused(&|jwk| jwk["alg"] = "RSA-OAEP".into()));
    assert!(refused(&|jwk| jwk["d"] = "AA".into()));
    assert!(refused(&|jwk| jwk["y"] = jwk["x"].clone()));
    assert!(refused(&|jwk| jwk["crv"] = "secp256k1".into()) && refused(&|jwk| jwk["kty"] = "OKP".into()));
    let set = set(&[Signer::of(Alg::ES256).jwk("s"), jwk.clone()]);
    assert_eq!(set.encryption_key(KeyManagement::EcdhEs).unwrap().kid(), jwk["kid"].as_str());
    assert_eq!(set.encryption_key(KeyManagement::RsaOaep256).unwrap_err(), Refused::UnknownKey);
    assert!(set.keys().iter().all(|key| key.kid() == Some("s")), "what is for encrypting verifies nothing");
}

// RFC 7518 §4.3, §4.6, §5.3.
#[test]
fn wycheproof_encryption() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read(folder.join("wycheproof/json_web_encryption_test.json")).unwrap();
    let file: Value = serde_json::from_slice(&text).unwrap();
    let (mut run, mut valid) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let private = &members(object_of(&group["private"]))[0];
        // Keys that are shared have no place here.
        let Some(key) = private_key(private) else { continue };
        for test in group["tests"].as_array().unwrap() {
            let Some(text) = test["jwe"].as_str() else { continue };
            let header = text.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
            // What we do not speak is refused, whatever the vector says.
            let spoken = !["A192", "RSA1_5"].iter().any(|name| String::from_utf8_lossy(&header).contains(name));
            let opened = Jwe::parse(text, LONGEST).and_then(|jwe| {
                let own = private["alg"].as_str() == Some(jwe.encryption().alg.as_str());
                if own { jwe.decrypt(&key) } else { Err(Refused::Algorithm) }
            });
            let says = test["result"] == "valid" && spoken;
            assert_eq!(opened.is_ok(), says, "{}: {} {opened:?}", test["tcId"], test["comment"]);
            if let Ok(content) = opened {
                let expected = test["pt"].as_str().unwrap().as_bytes().chunks(2);
                let expected = expected.map(|hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
                assert!(content.iter().copied().eq(expected), "{}", test["tcId"]);
                valid += 1;
            }
            run += 1;
        }
    }
    assert!(run > 60 && valid > 20, "{run} vectors, {valid} of them valid");
}

/// RFC 7520 and RFC 8037 Appendix A.6.
#[test]
fn the_cookbook_is_decrypted() {
    let Some(folder) = folder() else { return };
    for name in [
        "jwe/5_2.key_encryption_using_rsa-oaep_with_aes-gcm",
        "jwe/5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm",
        "jwe/5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2",
        "curve25519/ecdh-es",
    ] {
        let text = std::fs::read(folder.join(format!("rfc7520/{name}.json"))).unwrap();
        let example: Value = serde_json::from_slice(&text).unwrap();
        let key = private_key(&example["input"]["key"]).unwrap();
        let jwe = Jwe::parse(example["output"]["compact"].as_str().unwrap(), LONGEST).unwrap();
        assert_eq!(
            jwe.decrypt(&key).unwrap().as_slice(),
            example["input"]["plaintext"].as_str().unwrap().as_bytes(),
            "{name}"
        );
    }
}

fn private_key(jwk: &Value) -> Option<DecryptionKey> {
    let bytes = |name: &str| jwk[name].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
    match jwk["kty"].as_str()? {
        "EC" | "OKP" => DecryptionKey::on_curve(jwk["crv"].as_str()?, &bytes("d")),
        "RSA" => {
            let components = KeyPairComponents {
                public_key: PublicKeyComponents { n: bytes("n"), e: bytes("e") },
                d: bytes("d"),
                p: bytes("p"),
                q: bytes("q"),
                dP: bytes("dp"),
                dQ: bytes("dq"),
                qInv: bytes("qi"),
            };
            let pair = KeyPair::from_components(&components).unwrap();
            Some(DecryptionKey::rsa_from_pkcs8(pair.as_der().unwrap().as_ref()).unwrap())
        }
        _ => None,
    }
}

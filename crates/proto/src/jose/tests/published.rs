//! The JSON Web vectors of Wycheproof, from the folder that `FIRMAN_VECTORS` names. They are not part of this repository and
//! nothing installs them, so that the tests are skipped aloud where they are not.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::*;

/// Vectors that say another thing than we do, and why.
const DIFFER: &[(&str, u64, &str)] = &[
    ("signature", 346, "the key's alg is PS256 and the token's PS384: the key says what it is for"),
    ("signature", 347, "ES521 is no algorithm"),
    ("signature", 350, "the key's alg is PS256 and the token's PS384"),
    ("signature", 351, "ES521 is no algorithm"),
    ("signature", 367, "says invalid to the very bytes that vector 357 calls valid"),
    ("signature", 370, "says invalid to the very bytes that vector 357 calls valid"),
    ("signature", 372, "a question mark is not base64url"),
    ("signature", 373, "a question mark is not base64url"),
];

#[test]
fn wycheproof_signatures() {
    check("signature");
}

#[test]
fn wycheproof_keys() {
    check("key");
}

#[test]
fn wycheproof_crypto() {
    check("crypto");
}

fn check(name: &'static str) {
    let Some(folder) = folder() else { return };
    let text = std::fs::read(folder.join(format!("wycheproof/json_web_{name}_test.json"))).unwrap();
    let file: Value = serde_json::from_slice(&text).unwrap();
    let (mut run, mut valid) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let tests = group["tests"].as_array().unwrap();
        for test in tests.iter().filter(|test| test.get("jws").is_some()) {
            let id = test["tcId"].as_u64().unwrap();
            let taken = test["jws"].as_str().is_some_and(|token| takes(group, token));
            let says = test["result"] == "valid";
            let differs = DIFFER.iter().any(|(file, number, _)| (*file, *number) == (name, id));
            assert_eq!(taken, says != differs, "{name} {id}: {} {}", group["comment"], test["comment"]);
            run += 1;
            valid += usize::from(taken);
        }
    }
    assert!(run > 20 && valid >= 4, "{name}: {run} vectors, {valid} of them valid");
}

/// Whether we would take this token with this key: as a member of a public set, or as a secret that the client and we share.
fn takes(group: &Value, token: &str) -> bool {
    let Ok(token) = Compact::parse(token, Jwt::LONGEST) else { return false };
    if let Some(public) = group.get("public").and_then(Value::as_object) {
        let keys = Jwks::from_object(&as_set(public));
        return keys.and_then(|keys| token.verify(&keys, Alg::PUBLIC).map(|_| ())).is_ok();
    }
    let Some(private) = group["private"].as_object() else { return false };
    let secrets: Option<Vec<(Value, Alg, MacKey)>> = members(private).iter().map(secret).collect();
    let Some(secrets) = secrets else { return false };
    let mut named = secrets
        .iter()
        .filter(|(kid, alg, _)| token.header().kid.as_deref() == kid.as_str() && *alg == token.header().alg);
    match (named.next(), named.next()) {
        (Some((_, alg, key)), None) => token.verify_mac(key, &[*alg]).is_ok(),
        _ => false,
    }
}

fn secret(jwk: &Value) -> Option<(Value, Alg, MacKey)> {
    let alg = Alg::parse(jwk["alg"].as_str()?).filter(|alg| Alg::SECRET.contains(alg))?;
    let key = URL_SAFE_NO_PAD.decode(jwk["k"].as_str()?).ok()?;
    (jwk["use"] == "sig").then(|| (jwk["kid"].clone(), alg, MacKey::new(key)))
}

pub(super) fn members(key: &Map<String, Value>) -> Vec<Value> {
    key.get("keys").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![Value::Object(key.clone())])
}

fn as_set(key: &Map<String, Value>) -> Map<String, Value> {
    [("keys".to_owned(), Value::Array(members(key)))].into_iter().collect()
}

#[expect(clippy::disallowed_methods, reason = "a test has no server::config; the environment names its vectors")]
pub(super) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("FIRMAN_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        // Straight to stderr: what is printed in a passing test is not shown.
        let skipped = b"SKIPPED: set FIRMAN_VECTORS to a folder with Wycheproof's JSON Web vectors to check tokens against them\n";
        std::io::stderr().write_all(skipped).unwrap();
    }
    folder
}

//! What we encrypt, libraries of other languages decrypt, and we what they encrypt.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test and its helpers")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use firman_proto::jose::jwe::{ContentEncryption, DecryptionKey, Encryption, EncryptionKey, Fresh, Jwe, KeyManagement};
use serde_json::{Value, json};

const CONTENT: &str = "eyJhbGciOiJub25lIn0.e30.";

#[test]
fn jwcrypto_of_python_reads_and_writes_what_we_do() {
    let Some(python) = tool("FIRMAN_TEST_PYTHON") else { return };
    agree(&python, "tests/interop/jwe.py");
}

#[test]
fn jose_of_javascript_reads_and_writes_what_we_do() {
    let Some(node) = tool("FIRMAN_TEST_NODE") else { return };
    agree(&node, "tests/browser/jwe.mjs");
}

/// On each curve, each way to agree on a key and each for the content; they make RSA keys themselves.
fn agree(program: &str, script: &str) {
    for (crv, length) in [("P-256", 32), ("P-384", 48), ("P-521", 66), ("X25519", 32)] {
        let scalar = scalar(length);
        let ours = DecryptionKey::on_curve(crv, &scalar).unwrap();
        let public = ours.jwk().unwrap();
        let mut private = public.clone();
        private["d"] = base64url(&scalar).into();
        for alg in KeyManagement::ALL.iter().copied().filter(|alg| alg.as_str().starts_with("ECDH")) {
            for enc in ContentEncryption::ALL.iter().copied() {
                let how = Encryption { alg, enc };
                let key = EncryptionKey::from_jwk(public.as_object().unwrap()).unwrap();
                let made = how.encrypt(&key, Some("JWT"), CONTENT.as_bytes(), &Fresh::new([9; 80])).unwrap();
                let read = run(program, script, &json!({"key": private, "jwe": made}));
                assert_eq!(read, CONTENT, "{crv} {how:?}");
                let asked = json!({"key": public, "alg": alg.as_str(), "enc": enc.as_str(), "content": CONTENT});
                let theirs = run(program, script, &asked);
                let jwe = Jwe::parse(&theirs, 16 * 1024).unwrap_or_else(|why| panic!("{why}: {theirs}"));
                assert!(jwe.is_nested() && jwe.kid() == public["kid"].as_str());
                assert_eq!(jwe.decrypt(&ours).unwrap().as_slice(), CONTENT.as_bytes(), "{crv} {how:?}");
            }
        }
    }
}

fn scalar(length: usize) -> Vec<u8> {
    let mut scalar = vec![7; length];
    if let Some(first) = scalar.first_mut() {
        // Below the order of every curve.
        *first = 0;
    }
    scalar
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn run(program: &str, script: &str, asked: &Value) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(script);
    let mut child = Command::new(program)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{asked}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A program that tests need. Without it they are skipped aloud, but not in CI.
#[expect(clippy::disallowed_methods, reason = "a test has no server::config; the environment names its tools")]
fn tool(variable: &str) -> Option<String> {
    let program = std::env::var(variable).ok();
    if program.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{variable} must be set in CI");
        // Straight to stderr: what is printed in a passing test is not shown.
        let skipped = format!("SKIPPED: set {variable} to check encrypted objects against another library\n");
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    }
    program
}

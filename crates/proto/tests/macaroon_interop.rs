//! Tokens weakened by another language's macaroon library open as if weakened by ours.

#![expect(clippy::unwrap_used, reason = "a test and its helpers")]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::seal::{
    Access, Caveat, KeyUse, Keyring, Realm, Reference, Salt, SealKey, SealKeyMaterial, attenuate,
};
use firman_proto::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_123);

#[test]
fn pymacaroons_weakens_a_token_as_we_do() {
    let Some(python) = python() else { return };
    let realm = Realm { issuer: "https://id.example", deployment: [9; 16], number: IssuerNumber(0) };
    let key = SealKey { number: 1, material: SealKeyMaterial::from_bytes([1; 32]), usage: KeyUse::Current };
    let keyring = Keyring::new([key], &realm).unwrap();
    let salt = Salt::from_bytes([5; 16]);
    let record = RecordId::new(NOW, [4; 10]);
    let reference = Reference { record, serial: 1, issued_at: NOW, expires_at: None, salt: &salt };
    let mut token = keyring.seal::<Access>(&reference).reveal().to_owned();
    // The second is longer than one varint byte can say; each stands on the shoulders of the one before.
    let long = format!("scope = {}", "a".repeat(200));
    for text in ["scope = books.read books.write", &long, "path = /v1/books", "aud = "] {
        let theirs = run(&python, &token, text);
        let caveat = Caveat::parse(text).unwrap();
        assert_eq!(theirs, attenuate(&token, &caveat).unwrap(), "{text}");
        let opened = keyring.open::<Access>(&theirs, NOW).unwrap();
        assert_eq!(opened.caveats().iter().last(), Some(&caveat));
        token = theirs;
    }
}

/// A Python that has pymacaroons. Without one the test is skipped aloud, but not in CI.
#[expect(clippy::disallowed_methods, reason = "a test has no server::config; the environment names its tools")]
fn python() -> Option<String> {
    let python = std::env::var("FIRMAN_TEST_PYTHON").ok();
    if python.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "FIRMAN_TEST_PYTHON must be set in CI");
        // Straight to stderr: what is printed in a passing test is not shown.
        let skipped = b"SKIPPED: set FIRMAN_TEST_PYTHON to a Python with pymacaroons to check macaroons against it\n";
        std::io::stderr().write_all(skipped).unwrap();
    }
    python
}

fn run(python: &str, token: &str, caveat: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/attenuate.py");
    let output = Command::new(python).arg(script).args([token, caveat]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

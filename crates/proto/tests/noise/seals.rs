//! Seals, what was weakened of them, envelopes that travel through browsers, and caveats.

use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::seal::{
    Access, ApiKey, Caveat, Code, Device, KeyUse, Keyring, PathPrefix, Realm, Reference, Refresh, Registration,
    RequestUri, Salt, SealKey, SealKeyMaterial, Session, attenuate,
};
use firman_proto::time::Timestamp;

use crate::mutator::{each, shown};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const CAVEATS: &[&str] = &[
    "scope = books.read books.write",
    "aud = https://api.example https://login.example",
    "before = 1800000100",
    "method = GET POST",
    "path = /v1/books",
    "cnf.jkt = 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
    "cnf.x5t#S256 = 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
];

fn keyring() -> Keyring {
    let realm = Realm { issuer: "https://id.example", deployment: [9; 16], number: IssuerNumber(0) };
    let key = SealKey { number: 1, material: SealKeyMaterial::from_bytes([1; 32]), usage: KeyUse::Current };
    Keyring::new([key], &realm).unwrap()
}

#[test]
fn no_damaged_token_opens() {
    let (keyring, salt) = (keyring(), Salt::from_bytes([5; 16]));
    let record = RecordId::new(NOW, [4; 10]);
    let reference = Reference { record, serial: 1, issued_at: NOW, expires_at: None, salt: &salt };
    let whole = keyring.seal::<Access>(&reference).reveal().to_owned();
    let mut tokens = vec![whole.clone()];
    for text in CAVEATS {
        let caveat = Caveat::parse(text).unwrap();
        tokens.push(attenuate(&whole, &caveat).unwrap());
        tokens.push(attenuate(tokens.last().unwrap(), &caveat).unwrap());
    }
    tokens.push(keyring.seal::<Refresh>(&reference).reveal().to_owned());
    tokens.push(keyring.seal::<Code>(&reference).reveal().to_owned());
    macro_rules! opened {
        ($text:expr, $($kind:ident)*) => { [$(keyring.open::<$kind>($text, NOW).is_ok()),*] };
    }
    each("seal", &tokens, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let kinds = opened!(text, Access ApiKey Code Device Refresh Registration RequestUri Session);
        let genuine = tokens.iter().any(|token| token == text);
        assert_eq!(kinds.iter().filter(|opened| **opened).count(), usize::from(genuine), "{}", shown(input));
        // Whoever weakens does not know whether a token is genuine.
        let _ = attenuate(text, &Caveat::parse("method = GET").unwrap());
    });
}

#[test]
fn no_damaged_envelope_opens() {
    let keyring = keyring();
    let whole = keyring.seal_envelope("authorize", b"cookie", [3; 12], b"{\"client_id\":\"x\"}").unwrap();
    each("envelope", &[&whole], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let opened = keyring.open_envelope("authorize", b"cookie", text, NOW);
        assert_eq!(opened.is_ok(), text == whole, "{}", shown(input));
    });
}

#[test]
fn a_caveat_has_one_text() {
    each("caveat", CAVEATS, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Some(caveat) = Caveat::parse(text) {
            assert_eq!(caveat.to_string(), text);
            assert!(text.is_ascii(), "{}", shown(input));
        }
    });
}

#[test]
fn a_path_is_read_in_one_way() {
    let books = PathPrefix::parse("/v1/books").unwrap();
    each("path", &["/v1/books", "/v1/books/7/a%20b", "/", "/v1/books/../admin"], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Some(path) = PathPrefix::parse(text) {
            assert!(path.as_str() == text && path.admits(text), "{}", shown(input));
        }
        if books.admits(text) {
            assert!(text == "/v1/books" || text.starts_with("/v1/books/"), "{}", shown(input));
            assert!(
                !text.split('/').any(|part| part.trim_matches('.').is_empty() && !part.is_empty()),
                "{}",
                shown(input)
            );
        }
    });
}

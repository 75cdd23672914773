//! What the seals promise, one test a sentence.

mod authorize;
mod keyring;
mod transport;

use super::*;
use crate::id::{IssuerNumber, RecordId};
use crate::time::{Lifetime, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_123);
const REALM: Realm<'static> = Realm { issuer: "https://id.example", deployment: [9; 16], number: IssuerNumber(3) };

fn later(seconds: i64) -> Timestamp {
    NOW.plus(Lifetime::from_seconds(seconds))
}

fn key(number: u32, byte: u8, usage: KeyUse) -> SealKey {
    SealKey { number, material: SealKeyMaterial::from_bytes([byte; 32]), usage }
}

fn keyring() -> Keyring {
    Keyring::new([key(7, 1, KeyUse::Current)], &REALM).unwrap()
}

fn salt() -> Salt {
    Salt::from_bytes([5; 16])
}

fn record() -> RecordId {
    RecordId::new(NOW, [4; 10])
}

fn reference(salt: &Salt) -> Reference<'_> {
    Reference { record: record(), serial: 0x0102_0304_0506_0708, issued_at: NOW, expires_at: Some(later(300)), salt }
}

fn caveat(text: &str) -> Caveat {
    Caveat::parse(text).unwrap()
}

fn caveats(texts: &[&str]) -> Caveats {
    Caveats::new(texts.iter().map(|text| caveat(text)).collect()).unwrap()
}

/// `token` weakened by each of these caveats.
fn weakened(token: &str, texts: &[&str]) -> String {
    texts.iter().fold(token.to_owned(), |token, text| attenuate(&token, &caveat(text)).unwrap())
}

//! Recovery codes: each signs in once, where the app is lost. They are shown when they are made, and kept as MACs.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use firman_proto::id::RecordId;
use zeroize::Zeroizing;

use crate::Engine;
use crate::failure::Fault;
use crate::random;

/// How many there are at a time.
pub(crate) const COUNT: usize = 10;
/// Letters and digits that are not taken for each other: 32 of them, five bits each.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKMNPQRSTVWXYZ0123456789";
/// Of 60 bits.
const LENGTH: usize = 12;

/// New codes, as they are shown.
pub(crate) fn new_codes(engine: &Engine) -> Result<Zeroizing<Vec<String>>, Fault> {
    let mut codes = Zeroizing::new(Vec::with_capacity(COUNT));
    for _ in 0..COUNT {
        codes.push(new_code(&random::bytes::<LENGTH>(&*engine.entropy)?));
    }
    Ok(codes)
}

/// A code of so many letters as there are random bytes, five bits each, in groups of four.
pub(crate) fn new_code(random: &[u8]) -> String {
    let mut code = String::with_capacity(random.len() + random.len() / 4);
    for (place, byte) in random.iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or_default()));
    }
    code
}

/// What is kept of a code: nobody who reads the database finds it out, not even by trying all there are.
pub(crate) fn digest(engine: &Engine, account: RecordId, code: &str) -> Result<String, Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::lasting("look at a recovery code", error.to_string());
    let key = engine.keys.master().derive("recovery codes").map_err(|error| broken(&error))?;
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &*key));
    mac.update(account.as_bytes());
    mac.update(plain(code).as_bytes());
    let mut text = String::with_capacity(32);
    for byte in mac.sign().as_ref().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// A code without what people put between its letters, and with the letters that look like others as those.
pub(crate) fn plain(typed: &str) -> String {
    let letters = typed.chars().filter(char::is_ascii_alphanumeric).take(64);
    letters
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            'U' => 'V',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_however_it_was_typed() {
        assert_eq!(plain(" abcd-oil0 UV77"), "ABCD0110VV77");
        assert!(
            ALPHABET.iter().all(|letter| plain(&char::from(*letter).to_string()) == char::from(*letter).to_string())
        );
    }
}

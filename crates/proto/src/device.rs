//! The device authorization request and response, and the codes that people type (RFC 8628).

use std::fmt;

use serde::Serialize;

use crate::client::ClientMetadata;
use crate::error::{Denied, ErrorCode};
use crate::form::Form;
use crate::resource;
use crate::scope::Scope;

/// How long a user code may be, in characters.
pub const USER_CODE_LENGTHS: std::ops::RangeInclusive<usize> = 6..=32;

/// A device that asks for access (RFC 8628 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRequest {
    /// What it asks for, within what the client registered.
    pub scope: Scope,
    /// Whom the tokens are to be for (RFC 8707).
    pub resource: Vec<String>,
}

impl DeviceRequest {
    /// Reads the form.
    pub fn parse(form: &Form<'_>, client: &ClientMetadata) -> Result<Self, Denied> {
        let scope = match form.get("scope") {
            Some(text) => Scope::parse(text).map_err(|e| Denied::new(ErrorCode::InvalidScope, e.to_string()))?,
            // RFC 6749 §3.3: an omitted scope is a default one: what the client registered, short of offline access.
            None => client.scope.without("offline_access"),
        };
        if !scope.is_within(&client.scope) {
            return Err(Denied::new(ErrorCode::InvalidScope, "scope: more than this client is registered for"));
        }
        Ok(Self { scope, resource: resource::requested(form)? })
    }
}

/// What the device shows, and what it asks with (RFC 8628 §3.2).
#[derive(Clone, Serialize)]
pub struct DeviceResponse {
    /// What the device asks the token endpoint with.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it, for a QR code.
    pub verification_uri_complete: String,
    /// For how many seconds both codes are good.
    pub expires_in: i64,
    /// How many seconds the device waits between two questions.
    pub interval: i64,
}

/// Shows neither code.
impl fmt::Debug for DeviceResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceResponse({} s)", self.expires_in)
    }
}

/// The characters of user codes (RFC 8628 §6.1): capital letters and digits, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alphabet(Box<str>);

impl Default for Alphabet {
    /// Consonants, so that no words come about, and no `Y`, which some take for one.
    fn default() -> Self {
        Self("BCDFGHJKLMNPQRSTVWXZ".into())
    }
}

impl Alphabet {
    /// An alphabet of at least ten and at most 36 characters; `None` if it is none.
    pub fn new(text: &str) -> Option<Self> {
        let legal = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let once = text.chars().enumerate().all(|(place, c)| text.chars().skip(place + 1).all(|other| other != c));
        (legal && once && (10..=36).contains(&text.len())).then(|| Self(text.into()))
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The character that a random byte stands for; `None` for a byte that would favour some.
    pub fn pick(&self, random: u8) -> Option<char> {
        let size = self.0.len();
        let fair = 256 - 256 % size;
        let place = usize::from(random);
        (place < fair).then(|| self.0.chars().nth(place % size)).flatten()
    }

    /// What somebody typed, as the code that was shown: small letters are capital ones, and what stands between does not
    /// count (RFC 8628 §6.1). `None` if it cannot be a code of this length.
    pub fn canonical(&self, typed: &str, length: usize) -> Option<String> {
        // Longer than any code with a separator after each character: nobody's.
        if typed.len() > 4 * length {
            return None;
        }
        let mut code = String::with_capacity(length);
        for c in typed.chars().filter(|c| c.is_alphanumeric()) {
            let c = c.to_ascii_uppercase();
            if !self.0.contains(c) {
                return None;
            }
            code.push(c);
        }
        (code.len() == length).then_some(code)
    }
}

/// A code as it is shown: groups of four with a hyphen between two.
pub fn shown(code: &str) -> String {
    let mut text = String::with_capacity(code.len() + code.len() / 4);
    for (place, c) in code.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            text.push('-');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let alphabet = Alphabet::default();
        for typed in ["WDJBMJHT", "wdjb-mjht", " WDJB MJHT ", "w.d.j.b.m.j.h.t", "WDJB\u{2013}MJHT"] {
            assert_eq!(alphabet.canonical(typed, 8).as_deref(), Some("WDJBMJHT"), "{typed}");
        }
        let long = "WDJBMJHT".repeat(9);
        for typed in ["", "WDJBMJH", "WDJBMJHTB", "WDJBMJHA", "WDJBMJH\u{212a}", "WDJBMJH1", &long] {
            assert_eq!(alphabet.canonical(typed, 8), None, "{typed}");
        }
        assert_eq!(shown("WDJBMJHT"), "WDJB-MJHT");
        assert_eq!(shown("WDJBMJ"), "WDJB-MJ");
    }

    #[test]
    fn every_character_is_as_likely_as_every_other() {
        let alphabet = Alphabet::default();
        let picked: Vec<char> = (0..=255).filter_map(|byte| alphabet.pick(byte)).collect();
        for c in alphabet.as_str().chars() {
            assert_eq!(picked.iter().filter(|picked| **picked == c).count(), 256 / 20, "{c}");
        }
    }

    #[test]
    fn an_alphabet_has_each_character_once() {
        assert!(Alphabet::new("0123456789").is_some());
        for wrong in ["", "123456789", "AABCDEFGHIJ", "abcdefghij", "BCDFGHJKL-", "BCDFGHJKLÄ"] {
            assert_eq!(Alphabet::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_code() {
        let text = || "hidden".to_owned();
        let response = DeviceResponse {
            device_code: text(),
            user_code: text(),
            verification_uri: text(),
            verification_uri_complete: text(),
            expires_in: 1,
            interval: 1,
        };
        assert!(!format!("{response:?}").contains("hidden"));
    }
}

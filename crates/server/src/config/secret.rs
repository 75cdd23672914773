//! Values that are never shown and are wiped from memory.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::{Zeroize, Zeroizing};

use super::raw::Raw;
use super::schema::Kind;
use super::value::Value;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret value: `Debug` shows nothing of it, and its memory is wiped when it goes.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Keeps a secret.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value: the only way out.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A key of 32 bytes, written in base64.
impl Value for Option<Secret<[u8; 32]>> {
    const KIND: Kind = Kind::Secret;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || format!("base64 of exactly 32 bytes; make one with: {MAKE_A_KEY}");
        let Raw::Text(text) = raw else { return Err(expected()) };
        if text.is_empty() {
            return Ok(None);
        }
        let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).map_err(|_| expected())?);
        let mut key = Secret::new([0; 32]);
        if bytes.len() != key.0.len() {
            return Err(expected());
        }
        key.0.copy_from_slice(&bytes);
        Ok(Some(key))
    }

    fn to_raw(&self) -> Raw {
        Raw::Flag(self.is_some())
    }
}

/// A key of 32 bytes from its base64.
pub fn key_from_text(text: &str) -> Result<Secret<[u8; 32]>, String> {
    let key: Option<Secret<[u8; 32]>> = Value::from_raw(&Raw::from(text))?;
    key.ok_or_else(|| format!("is empty; make a key with: {MAKE_A_KEY}"))
}

/// A command line that makes a key.
pub(super) const MAKE_A_KEY: &str = "head -c 32 /dev/urandom | base64";

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<Option<Secret<[u8; 32]>>, String> {
        Value::from_raw(&Raw::from(text))
    }

    #[test]
    fn a_key_is_base64_of_32_bytes() {
        for text in ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"] {
            assert_eq!(key(text).unwrap().unwrap().reveal()[31], 31, "{text}");
        }
        for text in ["AAECAwQ=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==", "not base64!", " "] {
            assert!(key(text).unwrap_err().contains(MAKE_A_KEY), "{text}");
        }
        assert!(key("").unwrap().is_none());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(..)");
    }
}

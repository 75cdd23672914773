//! Texts that nobody sees by accident: tokens, secrets, codes.

use std::fmt;

use firman_proto::digest::same;
use zeroize::Zeroizing;

/// A token, a secret or a code. It shows itself by [`Secret::reveal`] alone, is compared in constant time, and wiped at its end.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, to be presented.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        same(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_equal_to_itself_and_not_shown() {
        let secret = Secret::from("hush");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(secret == Secret::from("hush") && secret != Secret::from("hush!") && !secret.is_empty());
    }
}

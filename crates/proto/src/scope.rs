//! Scopes: space-separated, case-sensitive, unordered (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest scope parameter that is read, in bytes.
const LONGEST: usize = 4096;

/// A set of scope tokens; the empty set allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(BTreeSet<Box<str>>);

/// Why a text is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A character outside RFC 6749 §3.3, or two spaces together.
    #[error("scope: tokens are printable ASCII without quote or backslash, separated by one space")]
    Syntax,
    /// More than 4096 bytes.
    #[error("scope: longer than 4096 bytes")]
    TooLong,
}

impl Scope {
    /// Reads a scope parameter; the empty text is the empty set.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > LONGEST {
            return Err(ScopeError::TooLong);
        }
        if text.is_empty() {
            return Ok(Self::default());
        }
        // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), one SP between two.
        let token = |part: &str| {
            let legal = part.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
            (!part.is_empty() && legal).then(|| Box::from(part)).ok_or(ScopeError::Syntax)
        };
        text.split(' ').map(token).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is no token in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this token is in the set.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every token of this set is in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The tokens in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The tokens in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// This set without one token.
    #[must_use]
    pub fn without(&self, token: &str) -> Self {
        Self(self.0.iter().filter(|t| ***t != *token).cloned().collect())
    }

    /// The tokens in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|token| &**token)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_do_not_matter() {
        assert_eq!(Scope::parse("b a b").unwrap(), Scope::parse("a b").unwrap());
        assert_eq!(Scope::parse("b a").unwrap().to_string(), "a b");
    }

    #[test]
    fn what_rfc_6749_forbids_is_refused() {
        for text in [" ", "a  b", " a", "a ", "a\"b", "a\\b", "a\tb", "ä", "a\u{0}"] {
            assert_eq!(Scope::parse(text), Err(ScopeError::Syntax), "{text:?}");
        }
        assert_eq!(Scope::parse(&"a".repeat(4097)), Err(ScopeError::TooLong));
    }

    #[test]
    fn the_empty_scope_allows_nothing() {
        let nothing = Scope::parse("").unwrap();
        assert!(nothing.is_empty() && !nothing.contains(""));
    }
}

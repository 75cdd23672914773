//! Scopes: space-separated, case-sensitive, unordered (RFC 6749 §3.3).

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest scope parameter that is read, in bytes.
const LONGEST: usize = 4096;

/// A set of scope tokens; the empty set allows nothing.
///
/// Held as it is written: each token once, in alphabetical order, one space between two. A clone shares the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<str>);

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
        let (mut before, mut in_order) = ("", true);
        for token in text.split(' ') {
            let legal = token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
            if token.is_empty() || !legal {
                return Err(ScopeError::Syntax);
            }
            in_order &= before < token;
            before = token;
        }
        Ok(if in_order { Self(text.into()) } else { Self::of(text.split(' ').collect()) })
    }

    /// The set of these tokens.
    fn of(mut tokens: Vec<&str>) -> Self {
        tokens.sort_unstable();
        tokens.dedup();
        Self(tokens.join(" ").into())
    }

    /// The set as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no token in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this token is in the set.
    pub fn contains(&self, token: &str) -> bool {
        self.iter().any(|held| held == token)
    }

    /// Whether every token of this set is in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        let mut theirs = other.iter();
        // Both are in order, so that one walk through each will do.
        self.iter().all(|token| theirs.by_ref().find(|held| *held >= token) == Some(token))
    }

    /// The tokens in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let mut theirs = other.iter().peekable();
        let in_both = |token: &&str| {
            while theirs.next_if(|held| held.cmp(token) == Ordering::Less).is_some() {}
            theirs.next_if_eq(token).is_some()
        };
        Self::of(self.iter().filter(in_both).collect())
    }

    /// The tokens in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of(self.iter().chain(other.iter()).collect())
    }

    /// This set without one token.
    #[must_use]
    pub fn without(&self, token: &str) -> Self {
        if self.contains(token) { Self::of(self.iter().filter(|held| *held != token).collect()) } else { self.clone() }
    }

    /// The tokens in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
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

    // RFC 6749 §3.3.
    #[test]
    fn order_and_repetition_do_not_matter() {
        assert_eq!(Scope::parse("b a b").unwrap(), Scope::parse("a b").unwrap());
        assert_eq!(Scope::parse("b a").unwrap().to_string(), "a b");
    }

    // RFC 6749 §3.3.
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

    #[test]
    fn sets_are_compared_joined_and_cut_by_token() {
        let scope = |text| Scope::parse(text).unwrap();
        assert!(scope("b d").is_within(&scope("a b c d")) && scope("").is_within(&scope("a")));
        for (of, within) in [("a b", "b c"), ("ab", "a b"), ("a", ""), ("c", "a b")] {
            assert!(!scope(of).is_within(&scope(within)), "{of:?} in {within:?}");
        }
        assert_eq!(scope("a c e").intersect(&scope("b c d e f")), scope("c e"));
        assert_eq!(scope("a b").intersect(&scope("c")), scope(""));
        assert_eq!(scope("c a").union(&scope("b a")), scope("a b c"));
        assert_eq!(scope("a b").without("a"), scope("b"));
        assert_eq!(scope("a").without("a"), Scope::default());
    }
}

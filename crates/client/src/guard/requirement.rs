//! What a route asks of a token.

use firman_proto::scope::{Scope, ScopeError};
use firman_proto::time::Lifetime;

/// What a route asks of a token; nothing said: any live token for this resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// One of these sets of scopes, whole; none: any scope will do.
    pub(super) scopes: Vec<Scope>,
    pub(super) acr_values: Vec<String>,
    pub(super) max_age: Option<Lifetime>,
    pub(super) bound: bool,
}

impl Requirement {
    /// Any live token for this resource.
    pub fn any() -> Self {
        Self::default()
    }

    /// All scopes of this text, separated by spaces.
    ///
    /// # Errors
    ///
    /// The text is no scope (RFC 6749 §3.3).
    pub fn all_of(scope: &str) -> Result<Self, ScopeError> {
        Self::any_of([scope])
    }

    /// All scopes of one of these texts.
    ///
    /// # Errors
    ///
    /// A text is no scope (RFC 6749 §3.3).
    pub fn any_of<'s>(scopes: impl IntoIterator<Item = &'s str>) -> Result<Self, ScopeError> {
        let scopes = scopes.into_iter().map(Scope::parse).collect::<Result<_, _>>()?;
        Ok(Self { scopes, ..Self::default() })
    }

    /// RFC 9470: a sign-in of one of these classes.
    #[must_use]
    pub fn acr(self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { acr_values: values.into_iter().map(Into::into).collect(), ..self }
    }

    /// RFC 9470: a sign-in not longer ago than this.
    #[must_use]
    pub fn max_age(self, most: Lifetime) -> Self {
        Self { max_age: Some(most), ..self }
    }

    /// Only tokens that are bound to a key or a certificate.
    #[must_use]
    pub fn bound(self) -> Self {
        Self { bound: true, ..self }
    }

    /// The set a token with this scope lacks least of; `None` if it has one whole.
    pub(super) fn lacking(&self, has: &Scope) -> Option<&Scope> {
        if self.scopes.is_empty() || self.scopes.iter().any(|set| set.is_within(has)) {
            return None;
        }
        self.scopes.iter().min_by_key(|set| set.iter().filter(|scope| !has.contains(scope)).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_whole_set_is_enough_and_the_nearest_is_told() {
        let scope = |text| Scope::parse(text).unwrap();
        let needed = Requirement::any_of(["a b", "c d e"]).unwrap();
        assert_eq!(needed.lacking(&scope("a b")), None);
        assert_eq!(needed.lacking(&scope("c d e x")), None);
        assert_eq!(needed.lacking(&scope("c d")), Some(&scope("c d e")));
        assert_eq!(needed.lacking(&scope("")), Some(&scope("a b")));
        assert_eq!(Requirement::any().lacking(&scope("")), None);
        assert!(Requirement::all_of("a  b").is_err());
    }
}

//! What each path needs.

use std::path::Path;

use axum::http::HeaderMap;
use axum::response::Response;
use firman_client::guard::{Access, Guard, Refusal, Requirement, Shown};
use firman_proto::seal::{PathPrefix, Thumbprint};
use firman_proto::time::Lifetime;
use serde::Deserialize;

use super::answer;

/// What each path needs: the first rule that matches counts, and where none does, nobody gets through.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    path: PathPrefix,
    /// None: all.
    methods: Vec<String>,
    /// None: anybody, without a token.
    needed: Option<Requirement>,
}

/// Settings of a guard, as a file has them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "each is named as its option of the command is, which explains it")]
pub struct File {
    pub issuer: Option<String>,
    pub resource: Option<String>,
    pub listen: Option<std::net::SocketAddr>,
    pub to: Option<String>,
    pub behind: Option<super::Behind>,
    pub origin: Option<String>,
    pub id: Option<String>,
    pub secret_file: Option<std::path::PathBuf>,
    pub follow: bool,
    pub scope: Option<String>,
    pub tls_certificate: Option<std::path::PathBuf>,
    pub tls_key: Option<std::path::PathBuf>,
    pub ask_certificates: bool,
    pub front_header: Option<String>,
    pub fronts: Vec<String>,
    pub rules: Vec<Written>,
}

/// One rule, as a file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// This path and what lies below it.
    pub path: String,
    /// For these methods alone.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Anybody, without a token.
    #[serde(default)]
    pub open: bool,
    /// All scopes of one of these texts.
    #[serde(default)]
    pub any_of: Vec<String>,
    /// A sign-in of one of these classes.
    #[serde(default)]
    pub acr: Vec<String>,
    /// A sign-in not longer ago than this.
    pub max_age_seconds: Option<i64>,
    /// Only tokens that are bound to a key or a certificate.
    #[serde(default)]
    pub bound: bool,
}

/// Why a request does not get through.
pub(super) enum No {
    /// The guard says so.
    Guard(Refusal),
    /// No rule is for it.
    Unruled,
    /// Its path could be read in more than one way.
    Path,
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not one: the text says where.
    pub fn read(path: &Path) -> Result<Self, String> {
        let wrong = |cause: &dyn std::fmt::Display| format!("{}: {cause}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        toml::from_str(&text).map_err(|error| wrong(&error))
    }
}

impl Rules {
    /// These rules, and one for all other paths if a scope is named.
    ///
    /// # Errors
    ///
    /// A rule cannot be meant: the text says which, and why.
    pub fn new(written: &[Written], scope: Option<&str>) -> Result<Self, String> {
        let mut rules = written.iter().map(Rule::read).collect::<Result<Vec<_>, _>>()?;
        if let Some(scope) = scope {
            let needed = Requirement::all_of(scope).map_err(|error| error.to_string())?;
            let path = PathPrefix::parse("/").ok_or("the root is no path")?;
            rules.push(Rule { path, methods: Vec::new(), needed: Some(needed) });
        }
        if rules.is_empty() {
            return Err("nobody would get through: name a --scope, or rules in a --file".to_owned());
        }
        Ok(Self(rules))
    }

    /// Who comes through, if not just anybody does.
    pub(super) async fn check(
        &self,
        guard: &Guard,
        (method, path): (&str, &str),
        (headers, certificate): (&HeaderMap, Option<Thumbprint>),
    ) -> Result<Option<Access>, No> {
        let everywhere = PathPrefix::parse("/");
        // What one server reads as /public and the next as /admin is let through by nobody.
        if !everywhere.is_some_and(|all| all.admits(path)) {
            return Err(No::Path);
        }
        let rule = self.0.iter().find(|rule| rule.is_for(method, path)).ok_or(No::Unruled)?;
        let Some(needed) = &rule.needed else { return Ok(None) };
        let shown = Shown { method, path, headers, certificate };
        guard.check(&shown, needed).await.map(Some).map_err(No::Guard)
    }
}

impl Rule {
    fn read(written: &Written) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| format!("rule for {}: {why}", written.path);
        let path = PathPrefix::parse(&written.path)
            .ok_or_else(|| wrong(&"write a path such as /v1/books, without dots, escapes and a slash at its end"))?;
        let needs = !written.any_of.is_empty() || !written.acr.is_empty() || written.max_age_seconds.is_some();
        if written.open && (needs || written.bound) {
            return Err(wrong(&"it is open to anybody, and asks for something all the same"));
        }
        if written.max_age_seconds.is_some_and(|seconds| seconds < 0) {
            return Err(wrong(&"max_age_seconds is negative"));
        }
        let scopes = Requirement::any_of(written.any_of.iter().map(String::as_str)).map_err(|error| wrong(&error))?;
        let mut needed = scopes.acr(written.acr.iter().cloned());
        if let Some(seconds) = written.max_age_seconds {
            needed = needed.max_age(Lifetime::from_seconds(seconds));
        }
        if written.bound {
            needed = needed.bound();
        }
        Ok(Self { path, methods: written.methods.clone(), needed: (!written.open).then_some(needed) })
    }

    fn is_for(&self, method: &str, path: &str) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|one| one == method)) && self.path.admits(path)
    }
}

impl No {
    pub(super) fn answer(self, guard: &Guard) -> Response {
        match self {
            Self::Guard(refusal) => {
                tracing::info!(why = %refusal, "refused");
                guard.answer(&refusal)
            }
            Self::Unruled => answer::no_rule(),
            Self::Path => answer::two_faced(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<Rules, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        Rules::new(&file.rules, file.scope.as_deref())
    }

    fn first(rules: &Rules, method: &str, path: &str) -> Option<usize> {
        rules.0.iter().position(|rule| rule.is_for(method, path))
    }

    #[test]
    fn the_first_rule_that_matches_counts() {
        let rules = written(
            "scope = 'all'\n[[rules]]\npath = '/v1/books'\nmethods = ['GET']\nany_of = ['a b', 'c']\n\
             [[rules]]\npath = '/health'\nopen = true",
        );
        let rules = rules.unwrap();
        assert_eq!(first(&rules, "GET", "/v1/books/7"), Some(0));
        assert_eq!(first(&rules, "get", "/v1/books"), Some(2), "methods have case");
        assert_eq!(first(&rules, "GET", "/v1/bookstore"), Some(2));
        assert_eq!(first(&rules, "GET", "/health"), Some(1));
        assert!(rules.0[1].needed.is_none() && rules.0[0].needed.is_some());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_reason() {
        for (text, told) in [
            ("", "nobody would get through"),
            ("[[rules]]\npath = 'v1'", "rule for v1"),
            ("[[rules]]\npath = '/a/../b'", "rule for /a/../b"),
            ("[[rules]]\npath = '/'\nopen = true\nany_of = ['a']", "open to anybody"),
            ("[[rules]]\npath = '/'\nany_of = ['a  b']", "scope"),
            ("[[rules]]\npath = '/'\nscopes = ['a']", "unknown field"),
            ("[[rules]]\npath = '/'\nmax_age_seconds = -1", "negative"),
            ("scop = 'a'", "unknown field"),
        ] {
            let error = written(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}

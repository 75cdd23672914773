//! The issuer identifier, and where its endpoints are.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Host, Url};

use crate::routes::Routes;

/// An issuer: an https URL without query and fragment (RFC 8414 §2); plain http for loopback only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    text: String,
    routes: Arc<Routes>,
}

/// Why a text is no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an issuer is an https URL without query, fragment, user name or trailing slash, such as https://login.example; http is for loopback only"
)]
pub struct IssuerError;

impl Issuer {
    /// Reads an issuer and keeps it exactly as written, because clients compare it as a string.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let url = Url::parse(text).map_err(|_| IssuerError)?;
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(IssuerError),
        };
        // RFC 8414 §2: https, no query, no fragment.
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
        let plain = url.query().is_none() && url.fragment().is_none() && !text.contains(['?', '#', '@']);
        // A URL that the parser would write differently could be two issuers to two clients.
        let canonical = url.as_str().trim_end_matches('/') == text;
        if scheme && plain && canonical {
            Ok(Self { text: text.to_owned(), routes: Arc::default() })
        } else {
            Err(IssuerError)
        }
    }

    /// The text, exactly as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same issuer with endpoints elsewhere than usual.
    #[must_use]
    pub fn with_routes(self, routes: Routes) -> Self {
        Self { routes: Arc::new(routes), ..self }
    }

    /// The URL of one of our endpoints, by its usual path, which begins with a slash.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{}", self.text, self.routes.of(path))
    }

    /// The path of the same, as it stands in a request.
    pub fn route(&self, path: &str) -> String {
        format!("{}{}", self.path(), self.routes.of(path))
    }

    /// The path of the issuer, empty or beginning with a slash.
    pub fn path(&self) -> &str {
        let authority = self.text.find("://").map_or(0, |at| at + 3);
        let rest = self.text.get(authority..).unwrap_or_default();
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
    }

    /// Whether it is served by TLS, as browsers see it.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// Scheme, host and port: what a browser sends as `Origin` from our own pages.
    pub fn origin(&self) -> &str {
        self.text.strip_suffix(self.path()).unwrap_or(&self.text)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Issuer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Issuer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8414 §2.
    #[test]
    fn an_issuer_is_https_or_loopback() {
        for text in [
            "https://login.example",
            "https://login.example/tenant",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:1",
        ] {
            assert!(Issuer::parse(text).is_ok(), "{text}");
        }
        for text in [
            "http://login.example",
            "https://login.example/",
            "https://login.example?x",
            "https://login.example#",
            "https://u@login.example",
            "HTTPS://login.example",
            "https://login.example:443",
            "login.example",
            "",
        ] {
            assert!(Issuer::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parts_of_an_issuer() {
        let issuer = Issuer::parse("https://login.example:8443/a/b").unwrap();
        assert_eq!((issuer.path(), issuer.origin()), ("/a/b", "https://login.example:8443"));
        assert_eq!(issuer.endpoint("/oauth2/token"), "https://login.example:8443/a/b/oauth2/token");
        assert_eq!(Issuer::parse("https://login.example").unwrap().path(), "");
    }
}

//! The issuer identifier.

use std::fmt;

use url::{Host, Url};

use super::value::Textual;

/// An issuer identifier (RFC 8414 §2): https, or http on loopback; no query, no fragment, no user. Kept to the letter,
/// because clients compare it to the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl(Box<str>);

impl IssuerUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a path (beginning with a slash) below it; a slash at the issuer's end is not doubled.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.trim_end_matches('/'))
    }

    /// Whether clients speak TLS to it.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Textual for IssuerUrl {
    const EXPECTED: &str = "an address such as \"https://id.example\": https (http only on loopback), without query, \
                            fragment or user name, in lower case";

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let loopback = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let secure = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        // What a parser would change, a client would compare otherwise than we do.
        let exact = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
        (secure && bare && url.password().is_none() && exact).then(|| Self(text.into()))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_or_loopback_without_query_and_fragment() {
        for text in
            ["https://id.example", "https://id.example/", "https://id.example:8443/a/b", "http://127.0.0.1:8080"]
        {
            assert_eq!(IssuerUrl::parse(text).unwrap().as_str(), text);
        }
        assert!(IssuerUrl::parse("http://localhost:1").is_some() && IssuerUrl::parse("http://[::1]:1").is_some());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "http://id.example",
            "http://localhost.example",
            "https://id.example?",
            "https://id.example#",
            "ftp://127.0.0.1",
            "https://a@id.example",
            "https://:b@id.example",
            "id.example",
            "",
            "https://",
            "https://ID.example",
            "https://id.example:443",
            "https://id.example/a/../b",
            " https://id.example",
            "http:id.example",
        ] {
            assert!(IssuerUrl::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_path_is_joined_with_one_slash() {
        for text in ["https://id.example/a", "https://id.example/a/"] {
            assert_eq!(IssuerUrl::parse(text).unwrap().join("/oauth2/token"), "https://id.example/a/oauth2/token");
        }
    }
}

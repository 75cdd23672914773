//! Redirect URIs: compared exactly, except for the port of a registered loopback address.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use url::Url;

/// The longest redirect URI, in bytes.
const LONGEST: usize = 2048;

/// Schemes that run code or read files in the browser that follows them.
const DANGEROUS: [&str; 8] = ["javascript", "data", "vbscript", "file", "blob", "about", "view-source", "filesystem"];

/// An absolute URI without a fragment, kept exactly as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// Why a text is no redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Not absolute, or not a URI.
    #[error("redirect_uri: must be an absolute URI such as https://app.example/callback")]
    NotAbsolute,
    /// RFC 6749 §3.1.2.
    #[error("redirect_uri: must not have a fragment (#)")]
    Fragment,
    /// User name or password before the host.
    #[error("redirect_uri: must not carry a user name or password")]
    UserInfo,
    /// White space, control characters, backslash, or more than 2048 bytes.
    #[error("redirect_uri: has characters that a URI cannot have, or is longer than 2048 bytes")]
    Characters,
    /// A scheme that a browser would run.
    #[error("redirect_uri: this scheme is not allowed")]
    Scheme,
    /// Plain http to a host that is not loopback.
    #[error("redirect_uri: http is only for loopback addresses; use https")]
    Http,
}

impl RedirectUri {
    /// Reads a redirect URI as it is registered or presented.
    pub fn parse(text: &str) -> Result<Self, RedirectUriError> {
        use RedirectUriError as E;
        if text.len() > LONGEST
            || !text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>'))
        {
            return Err(E::Characters);
        }
        let url = Url::parse(text).map_err(|_| E::NotAbsolute)?;
        // RFC 6749 §3.1.2: the endpoint URI must not include a fragment component.
        if text.contains('#') {
            return Err(E::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(E::UserInfo);
        }
        if DANGEROUS.contains(&url.scheme()) {
            return Err(E::Scheme);
        }
        if matches!(url.scheme(), "http" | "https") && !text.contains("://") {
            return Err(E::NotAbsolute);
        }
        let uri = Self(text.to_owned());
        // RFC 9700 §2.6, RFC 8252 §8.3: plain http never leaves the machine.
        if url.scheme() == "http" && uri.loopback().is_none() {
            return Err(E::Http);
        }
        Ok(uri)
    }

    /// The text, exactly as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a presented URI is the one that was registered as `self`.
    pub fn admits(&self, presented: &Self) -> bool {
        // RFC 9700 §2.1, RFC 6749 §3.1.2.3: simple string comparison.
        if self.0 == presented.0 {
            return true;
        }
        // RFC 8252 §7.3: any port for a registered loopback address.
        self.loopback().is_some_and(|registered| presented.loopback() == Some(registered))
    }

    /// Its scheme, as it was written.
    pub fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The host a person would recognise: where the browser goes next.
    pub fn host(&self) -> String {
        Url::parse(&self.0)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_else(|| self.0.split(':').next().map(|scheme| format!("{scheme}:")).unwrap_or_default())
    }

    /// Its origin (RFC 6454 §6.2), if it is one of the web.
    pub fn origin(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        Some(url.origin().ascii_serialization())
    }

    /// The host and what follows the port, if this is an http URI of a loopback address.
    fn loopback(&self) -> Option<(&str, &str)> {
        let rest = self.0.strip_prefix("http://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        ["127.0.0.1", "[::1]", "localhost"].into_iter().find_map(|host| {
            let port = authority.strip_prefix(host)?;
            let digits = port.strip_prefix(':');
            let is_port = digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
            (port.is_empty() || is_port).then_some((host, path))
        })
    }

    /// This URI with parameters added to its query (RFC 6749 §3.1.2: an existing query is kept).
    pub fn with_query(&self, encoded: &str) -> String {
        let separator = if !self.0.contains('?') {
            "?"
        } else if self.0.ends_with(['?', '&']) {
            ""
        } else {
            "&"
        };
        format!("{}{separator}{encoded}", self.0)
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap()
    }

    // RFC 9700 §2.1, RFC 6749 §3.1.2.3.
    #[test]
    fn comparison_is_exact() {
        let registered = uri("https://app.example/cb");
        assert!(registered.admits(&uri("https://app.example/cb")));
        for other in [
            "https://app.example/cb/",
            "https://app.example/CB",
            "https://app.example/cb?x=1",
            "https://app.example:443/cb",
            "https://evil-app.example/cb",
            "https://app.example.evil.example/cb",
            "https://app.example:8443/cb",
        ] {
            assert!(!registered.admits(&uri(other)), "{other}");
        }
    }

    // RFC 6454 §6.2.
    #[test]
    fn only_addresses_of_the_web_have_an_origin() {
        let origin = |text| uri(text).origin();
        assert_eq!(origin("https://App.example:443/a?b").as_deref(), Some("https://app.example"));
        assert_eq!(origin("http://127.0.0.1:81/").as_deref(), Some("http://127.0.0.1:81"));
        assert_eq!(origin("com.example.app:/cb"), None);
    }

    // RFC 8252 §7.3.
    #[test]
    fn a_registered_loopback_address_admits_any_port() {
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            let registered = uri(&format!("http://{host}/cb"));
            assert!(registered.admits(&uri(&format!("http://{host}:51004/cb"))));
            assert!(uri(&format!("http://{host}:1/cb")).admits(&uri(&format!("http://{host}:51004/cb"))));
            assert!(!registered.admits(&uri(&format!("http://{host}:51004/other"))));
        }
        assert!(!uri("http://127.0.0.1/cb").admits(&uri("http://localhost/cb")));
        assert!(!uri("https://127.0.0.1/cb").admits(&uri("https://127.0.0.1:1/cb")));
    }

    // RFC 6749 §3.1.2, RFC 8252 §8.3, RFC 9700 §2.6.
    #[test]
    fn what_must_not_be_followed_is_refused() {
        use RedirectUriError as E;
        for (text, error) in [
            ("/cb", E::NotAbsolute),
            ("app.example/cb", E::NotAbsolute),
            ("https:app.example", E::NotAbsolute),
            ("https://app.example/#", E::Fragment),
            ("https://user@app.example/", E::UserInfo),
            ("https://app.example/a b", E::Characters),
            ("https://app.example\\@evil.example/", E::Characters),
            ("javascript:alert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
            ("http://app.example/cb", E::Http),
            ("http://127.0.0.1.evil.example/cb", E::Http),
            ("http://localhost:x@evil.example/", E::UserInfo),
        ] {
            assert!(matches!(RedirectUri::parse(text), Err(e) if e == error || e == E::NotAbsolute), "{text}");
        }
        assert!(RedirectUri::parse("com.example.app:/callback").is_ok());
    }

    // RFC 6749 §3.1.2.
    #[test]
    fn an_existing_query_is_kept() {
        assert_eq!(uri("https://a.example/cb?x=1").with_query("code=c"), "https://a.example/cb?x=1&code=c");
        assert_eq!(uri("https://a.example/cb").with_query("code=c"), "https://a.example/cb?code=c");
        assert_eq!(uri("https://a.example/cb?").with_query("code=c"), "https://a.example/cb?code=c");
    }
}

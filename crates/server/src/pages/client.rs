//! How a page shows the client: its name, its logo, and its own links.

/// What a page tells about the client that asks. All of it is the client's word, so it is never trusted: texts are
/// escaped and kept apart from the text around them, addresses are left out unless they are web addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Client<'a> {
    /// The name to show: `client_name`, or the client's id where it has none.
    pub name: &'a str,
    /// `logo_uri`; shown if it is https or an image inside a data URI.
    pub logo: Option<&'a str>,
    /// `client_uri`; linked if it is http or https, as the two below.
    pub uri: Option<&'a str>,
    /// `policy_uri`.
    pub policy_uri: Option<&'a str>,
    /// `tos_uri`.
    pub tos_uri: Option<&'a str>,
    /// Whether an operator has made sure who it is.
    pub verified: bool,
}

impl<'a> Client<'a> {
    pub(super) fn shown_logo(&self) -> Option<&'a str> {
        self.logo.filter(|uri| starts_with_any(uri, &["https://", "data:image/"]))
    }

    pub(super) fn shown_uri(&self) -> Option<&'a str> {
        self.uri.filter(|uri| is_web(uri))
    }

    pub(super) fn shown_policy(&self) -> Option<&'a str> {
        self.policy_uri.filter(|uri| is_web(uri))
    }

    pub(super) fn shown_terms(&self) -> Option<&'a str> {
        self.tos_uri.filter(|uri| is_web(uri))
    }

    pub(super) fn has_links(&self) -> bool {
        self.shown_uri().or(self.shown_policy()).or(self.shown_terms()).is_some()
    }
}

/// Whether this address may be followed: no `javascript:`, no `data:`.
pub(super) fn is_web(uri: &str) -> bool {
    starts_with_any(uri, &["https://", "http://"])
}

fn starts_with_any(uri: &str, schemes: &[&str]) -> bool {
    schemes.iter().any(|scheme| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_linked() {
        for uri in ["https://a.example/", "http://localhost/", "HTTPS://A.EXAMPLE"] {
            assert!(is_web(uri), "{uri}");
        }
        for uri in
            ["javascript:alert(1)", " https://a.example", "data:text/html,x", "//a.example", "/x", "", "httpß://"]
        {
            assert!(!is_web(uri), "{uri}");
        }
    }

    #[test]
    fn a_logo_comes_over_https_or_inside_the_page() {
        let shown = |logo| Client { logo: Some(logo), ..Client::default() }.shown_logo().is_some();
        assert!(shown("https://a.example/logo.png") && shown("data:image/png;base64,AAAA"));
        assert!(!shown("http://a.example/logo.png") && !shown("data:text/html,x") && !shown("javascript:1"));
    }
}

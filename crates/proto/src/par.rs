//! Pushed authorization requests (RFC 9126).

use serde::Serialize;

/// What every `request_uri` of ours begins with (RFC 9126 §2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The answer of the pushed authorization request endpoint (RFC 9126 §2.2).
#[derive(Clone, Serialize)]
pub struct PushedResponse {
    /// What the client sends the browser with.
    pub request_uri: String,
    /// For how many seconds the browser may come with it.
    pub expires_in: i64,
}

/// Shows nothing of it: whoever has the URI could send a browser with it.
impl std::fmt::Debug for PushedResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PushedResponse({} s)", self.expires_in)
    }
}

/// The `request_uri` of a sealed reference.
pub fn request_uri(reference: &str) -> String {
    format!("{PREFIX}{reference}")
}

/// The sealed reference in a `request_uri`; `None` if it is no pushed request's.
pub fn reference(request_uri: &str) -> Option<&str> {
    request_uri.strip_prefix(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_uri_is_told_from_an_address() {
        assert_eq!(reference(&request_uri("fm_ru_x")), Some("fm_ru_x"));
        for text in
            ["https://a.example/", "urn:ietf:params:oauth:request_uri", "URN:ietf:params:oauth:request_uri:x", ""]
        {
            assert_eq!(reference(text), None, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_reference() {
        let response = PushedResponse { request_uri: request_uri("hidden"), expires_in: 90 };
        assert!(!format!("{response:?}").contains("hidden"));
    }
}

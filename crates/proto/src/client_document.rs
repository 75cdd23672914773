//! The document at the address that is a client's id (OAuth Client ID Metadata Document).

use url::Url;

use crate::credentials::AuthMethod;
use crate::error::{Denied, ErrorCode};
use crate::jose;
use crate::registration::Requested;

/// The media types of a document.
pub const TYPES: &[&str] = &["application/json", "application/oauth-client-id-metadata+json"];

/// The largest document, in bytes: twice what the specification recommends.
const LONGEST: usize = 10 * 1024;

/// A client id that is an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientUrl {
    text: String,
    host: String,
}

impl ClientUrl {
    /// Reads a client id; `None` if it is not such an address (Client ID Metadata Document §3).
    pub fn parse(client_id: &str) -> Option<Self> {
        let url = Url::parse(client_id).ok()?;
        // Client ID Metadata Document §3: https, with a path, without fragment, user name, password or dot segments; written
        // in the one canonical way, because ids are compared as texts.
        let plain = url.scheme() == "https"
            && url.path() != "/"
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.as_str() == client_id;
        let host = url.host_str().filter(|_| plain)?.to_owned();
        Some(Self { text: client_id.to_owned(), host })
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose document it is.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Reads the document at a client's address.
pub fn parse(document: &[u8], url: &ClientUrl) -> Result<Requested, Denied> {
    let wrong = |text: &'static str| Denied::new(ErrorCode::InvalidRequest, text);
    if document.len() > LONGEST {
        return Err(wrong("client_id: its document is too large"));
    }
    let members = jose::object(document).map_err(|_| wrong("client_id: its document is not one JSON object"))?;
    // Client ID Metadata Document §4.1: nobody can keep a secret in public.
    if members.contains_key("client_secret") || members.contains_key("client_secret_expires_at") {
        return Err(wrong("client_id: its document has a secret"));
    }
    // RFC 7591 §2 would make an absent method one with a secret, and nobody gets none without saying so.
    if !members.contains_key("token_endpoint_auth_method") {
        return Err(wrong("client_id: its document has no token_endpoint_auth_method"));
    }
    let requested = Requested::parse(document).map_err(|denied| {
        let text = format!("client_id: its document: {}", denied.text);
        Denied::new(ErrorCode::InvalidRequest, text)
    })?;
    // Client ID Metadata Document §4: the document says whose it is, as exactly this text.
    if requested.client_id.as_deref() != Some(url.as_str()) {
        return Err(wrong("client_id: its document is another client's"));
    }
    // Client ID Metadata Document §4.1: no method with a shared secret.
    match requested.metadata.token_endpoint_auth_method {
        AuthMethod::None | AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth => Ok(requested),
        _ => Err(wrong("client_id: its document has a token_endpoint_auth_method that needs a secret or an agreement")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "https://app.example/oauth/client.json";

    // Client ID Metadata Document §3.
    #[test]
    fn only_a_plain_address_with_a_path_is_one() {
        for id in [ID, "https://app.example:8443/c", "https://app.example/c?v=1"] {
            assert_eq!(ClientUrl::parse(id).unwrap().as_str(), id);
        }
        for id in [
            "app",
            "http://app.example/c",
            "https://app.example",
            "https://app.example/",
            "https://app.example/a/../c",
            "https://app.example/a/./c",
            "https://app.example/%2e%2e/c",
            "https://app.example/c#x",
            "https://user@app.example/c",
            "https://user:x@app.example/c",
            "HTTPS://app.example/c",
            "https://APP.example/c",
            "https://app.example:443/c",
            " https://app.example/c",
        ] {
            assert_eq!(ClientUrl::parse(id), None, "{id}");
        }
    }

    // Client ID Metadata Document §4, §4.1, RFC 7591 §2.
    #[test]
    fn a_document_is_of_its_address_and_has_no_secret() {
        let url = ClientUrl::parse(ID).unwrap();
        let good = json!({
            "client_id": ID, "client_name": "App", "redirect_uris": ["https://app.example/cb"],
            "token_endpoint_auth_method": "none",
        });
        let read = |document: &Value| parse(document.to_string().as_bytes(), &url).map(|_| ());
        read(&good).unwrap();
        for (name, value) in [
            ("client_id", json!("https://app.example/oauth/other.json")),
            ("client_id", Value::Null),
            ("client_secret", json!("x")),
            ("client_secret_expires_at", json!(0)),
            ("token_endpoint_auth_method", json!("client_secret_basic")),
            ("token_endpoint_auth_method", json!("client_secret_post")),
            ("token_endpoint_auth_method", json!("client_secret_jwt")),
            ("token_endpoint_auth_method", json!("magic")),
            ("redirect_uris", json!(["javascript:alert(1)"])),
            ("client_name", json!("x".repeat(20_000))),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(read(&bad).is_err(), "{name}");
        }
        let mut silent = good.clone();
        silent.as_object_mut().unwrap().remove("token_endpoint_auth_method");
        assert!(read(&silent).is_err());
        assert!(parse(b"[]", &url).is_err());
    }
}

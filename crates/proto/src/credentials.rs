//! What a request presents to prove who asks: client credentials and bearer tokens.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Denied, invalid_client, invalid_request};
use crate::form::{self, Form};

/// How a client authenticates (RFC 7591 §2 `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum AuthMethod {
    /// A public client: its id alone.
    #[serde(rename = "none")]
    None,
    /// Id and secret in an `Authorization: Basic` header (RFC 6749 §2.3.1).
    #[serde(rename = "client_secret_basic")]
    ClientSecretBasic,
    /// Id and secret in the form (RFC 6749 §2.3.1).
    #[serde(rename = "client_secret_post")]
    ClientSecretPost,
}

impl AuthMethod {
    /// Every method that works here.
    pub const ALL: &'static [Self] = &[Self::None, Self::ClientSecretBasic, Self::ClientSecretPost];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    /// Reads the name on the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.as_str() == text)
    }
}

/// The client a request says it comes from, and how it would prove it. Proves nothing yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The presented `client_id`.
    pub client_id: String,
    /// The way the proof came.
    pub method: AuthMethod,
    /// The presented secret; never empty.
    pub secret: Option<String>,
}

impl Credentials {
    /// Finds the client's credentials in the `Authorization` header and the form.
    pub fn find(authorization: Option<&[u8]>, form: &Form<'_>) -> Result<Self, Denied> {
        let posted = (form.get("client_id"), form.get("client_secret"));
        let Some(header) = authorization else {
            return match posted {
                (Some(id), Some(secret)) => Ok(Self::new(id, AuthMethod::ClientSecretPost, Some(secret))),
                (Some(id), None) => Ok(Self::new(id, AuthMethod::None, None)),
                (None, _) => Err(invalid_client("no client credentials in header or form")),
            };
        };
        let basic = basic(header)?;
        // RFC 6749 §2.3: a client must not use more than one authentication method in a request.
        if posted.1.is_some() {
            return Err(invalid_request(
                "client_secret: the client is already authenticated by the Authorization header",
            ));
        }
        match posted.0 {
            Some(id) if id != basic.client_id => Err(invalid_client("client_id in the form differs from the header's")),
            _ => Ok(basic),
        }
    }

    fn new(client_id: &str, method: AuthMethod, secret: Option<&str>) -> Self {
        Self { client_id: client_id.to_owned(), method, secret: secret.map(str::to_owned) }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, {})", self.client_id, self.method.as_str())
    }
}

/// Decodes a Basic header strictly: canonical base64, UTF-8, a colon, and a secret that is not empty.
fn basic(header: &[u8]) -> Result<Credentials, Denied> {
    let encoded = parameters_of(header, "basic")
        .ok_or_else(|| invalid_client("the Authorization header is of another scheme than Basic"))?;
    let decoded = STANDARD.decode(encoded).map_err(|_| invalid_client("Basic: not base64"))?;
    let mut halves = decoded.splitn(2, |b| *b == b':');
    let (Some(id), Some(secret)) = (halves.next(), halves.next()) else {
        return Err(invalid_client("Basic: no colon"));
    };
    // RFC 6749 §2.3.1: id and secret are form-encoded before they are joined.
    let (Some(id), Some(secret)) = (form::decode(id), form::decode(secret)) else {
        return Err(invalid_client("Basic: id or secret is not properly form-encoded"));
    };
    if id.is_empty() || secret.is_empty() {
        return Err(invalid_client("Basic: empty id or secret"));
    }
    Ok(Credentials::new(&id, AuthMethod::ClientSecretBasic, Some(&secret)))
}

/// The bearer token of an `Authorization` header (RFC 6750 §2.1); `None` for any other scheme or an empty token.
pub fn bearer(header: &[u8]) -> Option<&str> {
    let token = parameters_of(header, "bearer")?;
    // RFC 6750 §2.1: b64token, which has no white space.
    (!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())).then_some(token)
}

/// RFC 9110 §11.1: the scheme's case does not matter; one or more spaces follow it.
fn parameters_of<'h>(header: &'h [u8], scheme: &str) -> Option<&'h str> {
    let (name, rest) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: Option<&str>, body: &str) -> Result<Credentials, Denied> {
        Credentials::find(header.map(str::as_bytes), &Form::parse(body.as_bytes()).unwrap())
    }

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_basic_header_is_decoded_twice() {
        let found = find(Some(&basic_of("a%3Ab:c%2Bd+e")), "").unwrap();
        assert_eq!((found.client_id.as_str(), found.secret.as_deref()), ("a:b", Some("c+d e")));
        assert_eq!(found.method, AuthMethod::ClientSecretBasic);
    }

    #[test]
    fn a_basic_header_without_colon_or_secret_is_refused() {
        for text in ["id", "id:", ":secret", ":", ""] {
            assert!(find(Some(&basic_of(text)), "").is_err(), "{text:?}");
        }
        for header in ["Basic", "Basic !", "Basic aWQ6c2VjcmV0=", "Bearer x", "basic"] {
            assert!(find(Some(header), "client_id=id").is_err(), "{header:?}");
        }
    }

    #[test]
    fn only_one_method_may_be_used() {
        assert_eq!(find(Some(&basic_of("id:s")), "client_secret=s").unwrap_err().code.as_str(), "invalid_request");
        assert_eq!(find(Some(&basic_of("id:s")), "client_id=other").unwrap_err().code.as_str(), "invalid_client");
        assert!(find(Some(&basic_of("id:s")), "client_id=id").is_ok());
    }

    #[test]
    fn an_empty_posted_secret_is_no_secret() {
        assert_eq!(find(None, "client_id=id&client_secret=").unwrap().method, AuthMethod::None);
        assert!(find(None, "client_secret=s").is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", find(None, "client_id=id&client_secret=hidden").unwrap());
        assert!(!shown.contains("hidden"));
    }

    #[test]
    fn a_bearer_token_has_no_white_space() {
        assert_eq!(bearer(b"bearer abc"), Some("abc"));
        for header in [&b"Bearer"[..], b"Bearer ", b"Bearer a b", b"Basic abc", b"Bearerabc", b"Bearer \xff"] {
            assert_eq!(bearer(header), None, "{header:?}");
        }
    }
}

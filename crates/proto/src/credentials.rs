//! What a request presents to prove who asks: client credentials and bearer tokens.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::certificate::Certificate;
use crate::error::{Denied, invalid_client, invalid_request};
use crate::form::{self, Form};
use crate::jose::Jwt;

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
    /// An assertion under an HMAC of the secret (OpenID Connect Core §9).
    #[serde(rename = "client_secret_jwt")]
    ClientSecretJwt,
    /// An assertion signed by one of the client's keys (OpenID Connect Core §9, RFC 7523 §2.2).
    #[serde(rename = "private_key_jwt")]
    PrivateKeyJwt,
    /// A certificate of an authority we trust, with a registered name (RFC 8705 §2.1).
    #[serde(rename = "tls_client_auth")]
    TlsClientAuth,
    /// A certificate that the client has registered itself (RFC 8705 §2.2).
    #[serde(rename = "self_signed_tls_client_auth")]
    SelfSignedTlsClientAuth,
}

impl AuthMethod {
    /// Every method that works here.
    pub const ALL: &'static [Self] = &[
        Self::None,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecretJwt,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }

    /// Whether client and server share a secret.
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt)
    }

    /// Whether it needs a TLS certificate of the client.
    pub const fn needs_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
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
    /// The presented assertion; never empty (RFC 7521 §4.2).
    pub assertion: Option<String>,
    /// The certificate of the connection, where there is one.
    pub certificate: Option<Arc<Certificate>>,
    /// The DPoP proof beside the request (RFC 9449 §4.1), and the path of the endpoint it must be for.
    pub dpop: Option<(String, &'static str)>,
}

/// RFC 7523 §2.2: the one `client_assertion_type`.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Credentials {
    /// Finds the client's credentials in the `Authorization` header and the form.
    pub fn find(authorization: Option<&[u8]>, form: &Form<'_>) -> Result<Self, Denied> {
        let posted = (form.get("client_id"), form.get("client_secret"));
        if let Some(assertion) = assertion(form)? {
            // RFC 6749 §2.3: a client must not use more than one authentication method in a request.
            if authorization.is_some() || posted.1.is_some() {
                return Err(invalid_request("client_assertion: the client is already authenticated by a secret"));
            }
            return Self::of_assertion(assertion, posted.0);
        }
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

    /// The same, from a connection on which the client has shown this certificate.
    #[must_use]
    pub fn with_certificate(self, certificate: Option<Arc<Certificate>>) -> Self {
        Self { certificate, ..self }
    }

    /// The same, with the DPoP proof of a request to this endpoint.
    #[must_use]
    pub fn with_dpop(self, proof: Option<&str>, path: &'static str) -> Self {
        Self { dpop: proof.map(|proof| (proof.to_owned(), path)), ..self }
    }

    /// RFC 7521 §4.2: the assertion says who the client is; a client_id beside it must be the same.
    fn of_assertion(assertion: &str, client_id: Option<&str>) -> Result<Self, Denied> {
        let jwt = Jwt::parse(assertion).map_err(|why| invalid_client(format!("client_assertion: {why}")))?;
        let Some(subject) = jwt.unverified().sub.clone().filter(|subject| !subject.is_empty()) else {
            return Err(invalid_client("client_assertion: no sub"));
        };
        if client_id.is_some_and(|id| id != subject) {
            return Err(invalid_client("client_id in the form differs from the assertion's"));
        }
        let made = Self::new(&subject, AuthMethod::PrivateKeyJwt, None);
        Ok(Self { assertion: Some(assertion.to_owned()), ..made })
    }

    fn new(client_id: &str, method: AuthMethod, secret: Option<&str>) -> Self {
        let (client_id, secret) = (client_id.to_owned(), secret.map(str::to_owned));
        Self { client_id, method, secret, assertion: None, certificate: None, dpop: None }
    }
}

/// RFC 7521 §4.2: the assertion and its type come together.
fn assertion<'f>(form: &'f Form<'_>) -> Result<Option<&'f str>, Denied> {
    match (form.get("client_assertion"), form.get("client_assertion_type")) {
        (None, None) => Ok(None),
        (Some(assertion), Some(JWT_BEARER)) => Ok(Some(assertion)),
        (Some(_), None) => Err(invalid_request("client_assertion_type: missing")),
        (None, Some(_)) => Err(invalid_request("client_assertion: missing")),
        (Some(_), Some(_)) => Err(invalid_client("client_assertion_type: not one that is taken here")),
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

/// The access token of a header that says it is bound to a key (RFC 9449 §7.1); `None` for any other scheme.
pub fn dpop_bound(header: &[u8]) -> Option<&str> {
    let token = parameters_of(header, "dpop")?;
    (!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())).then_some(token)
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
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn find(header: Option<&str>, body: &str) -> Result<Credentials, Denied> {
        Credentials::find(header.map(str::as_bytes), &Form::parse(body.as_bytes()).unwrap())
    }

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    // RFC 6749 §2.3.1.
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

    // RFC 6749 §2.3.
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

    // RFC 7521 §4.2, RFC 7523 §2.2, RFC 6749 §2.3.
    #[test]
    fn an_assertion_names_the_client_and_comes_alone() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let jwt = |claims: &str| format!("{}.{}.AAAA", part(r#"{"alg":"ES256"}"#), part(claims));
        let (good, kind) = (jwt(r#"{"sub":"id"}"#), JWT_BEARER.replace(':', "%3A"));
        let body = |assertion: &str| format!("client_assertion={assertion}&client_assertion_type={kind}");
        let found = find(None, &body(&good)).unwrap();
        assert_eq!((found.client_id.as_str(), found.assertion.as_deref()), ("id", Some(good.as_str())));
        assert!(find(None, &format!("{}&client_id=id", body(&good))).is_ok());
        for (header, body, code) in [
            (None, format!("{}&client_id=other", body(&good)), "invalid_client"),
            (None, format!("{}&client_secret=s", body(&good)), "invalid_request"),
            (Some(basic_of("id:s")), body(&good), "invalid_request"),
            (None, format!("client_assertion={good}&client_id=id"), "invalid_request"),
            (None, format!("client_assertion_type={kind}&client_id=id"), "invalid_request"),
            (None, format!("client_assertion={good}&client_assertion_type=saml2"), "invalid_client"),
            (None, body(&jwt("{}")), "invalid_client"),
            (None, body(&jwt(r#"{"sub":""}"#)), "invalid_client"),
            (None, body("x"), "invalid_client"),
        ] {
            let refused = find(header.as_deref(), &body).unwrap_err();
            assert_eq!(refused.code.as_str(), code, "{body}");
        }
    }

    // RFC 6750 §2.1, RFC 9110 §11.1.
    #[test]
    fn a_bearer_token_has_no_white_space() {
        assert_eq!(bearer(b"bearer abc"), Some("abc"));
        for header in [&b"Bearer"[..], b"Bearer ", b"Bearer a b", b"Basic abc", b"Bearerabc", b"Bearer \xff"] {
            assert_eq!(bearer(header), None, "{header:?}");
        }
    }
}

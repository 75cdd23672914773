//! An OAuth client with a secret, at the token, introspection and revocation endpoints.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Request;
use http::header::AUTHORIZATION;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::browser::Code;
use super::http::{Answer, form_request};
use super::server::Server;

#[derive(Clone, Copy)]
pub(crate) struct Client<'s> {
    server: &'s Server,
    id: &'s str,
    secret: &'s str,
}

/// What a successful token answer holds.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) id_token: String,
}

impl Tokens {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = |member| answer.text(member);
        let tokens = Self { access: text("access_token"), refresh: text("refresh_token"), id_token: text("id_token") };
        assert!(!tokens.access.is_empty(), "{answer:?}");
        tokens
    }
}

impl<'s> Client<'s> {
    pub(crate) fn new(server: &'s Server, id: &'s str, secret: &'s str) -> Self {
        Self { server, id, secret }
    }

    pub(crate) fn redeem(&self, code: &Code) -> Answer {
        self.post("/oauth2/token", &redemption(code))
    }

    pub(crate) fn refresh(&self, token: &str) -> Answer {
        self.post("/oauth2/token", &refreshment(token))
    }

    pub(crate) fn client_credentials(&self) -> Answer {
        self.post("/oauth2/token", &[("grant_type", "client_credentials")])
    }

    pub(crate) fn revoke(&self, token: &str) -> Answer {
        self.post("/oauth2/revoke", &[("token", token)])
    }

    pub(crate) fn introspect(&self, token: &str) -> Value {
        let answer = self.post("/oauth2/introspect", &[("token", token)]);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(crate) fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect(token);
        // RFC 7662 §2.2: nothing else is said about a dead token.
        assert!(answer["active"] == true || answer.as_object().unwrap().len() == 1, "{answer}");
        answer["active"] == true
    }

    /// A form with this client's Basic credentials.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.server.http.send(self.request(path, form))
    }

    /// The same, where the server may be gone.
    pub(crate) fn try_post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, ureq::Error> {
        self.server.http.try_send(self.request(path, form))
    }

    pub(crate) fn request(&self, path: &str, form: &[(&str, &str)]) -> Request<Vec<u8>> {
        let mut request = form_request(&self.server.url(path), form);
        request.headers_mut().insert(AUTHORIZATION, basic(self.id, self.secret).parse().unwrap());
        request
    }
}

pub(crate) fn redemption(code: &Code) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", &code.value),
        ("redirect_uri", &code.redirect_uri),
        ("code_verifier", &code.verifier),
    ]
}

pub(crate) fn refreshment(token: &str) -> [(&str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", token)]
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

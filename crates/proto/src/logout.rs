//! Requests to sign out (OpenID Connect RP-Initiated Logout) and what clients are told of it.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::authorize::ui_locales;
use crate::error::{Denied, invalid_request};
use crate::form::Form;

/// The longest `state` that is given back, in bytes.
const LONGEST_STATE: usize = 1024;
/// The longest hint, in bytes.
const LONGEST_HINT: usize = 255;

/// What the logout endpoint is asked (OpenID Connect RP-Initiated Logout §2).
#[derive(Clone, Default)]
pub struct LogoutRequest {
    /// An ID token of ours, whose person is to be signed out; it may have expired.
    pub id_token_hint: Option<String>,
    /// Who is to be signed out, in whatever words the client knows.
    pub logout_hint: Option<String>,
    /// Who asks.
    pub client_id: Option<String>,
    /// Where the browser is to go afterwards.
    pub post_logout_redirect_uri: Option<String>,
    /// Goes back with it.
    pub state: Option<String>,
    /// The languages of the pages, the best first (BCP 47).
    pub ui_locales: Vec<String>,
}

impl LogoutRequest {
    /// Reads the parameters.
    pub fn parse(form: &Form<'_>) -> Result<Self, Denied> {
        let text = |name: &str| form.get(name).map(str::to_owned);
        let state = text("state");
        if state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(invalid_request("state: longer than 1024 bytes"));
        }
        Ok(Self {
            id_token_hint: text("id_token_hint"),
            logout_hint: text("logout_hint").filter(|hint| hint.len() <= LONGEST_HINT),
            client_id: text("client_id"),
            post_logout_redirect_uri: text("post_logout_redirect_uri"),
            state,
            ui_locales: ui_locales(form),
        })
    }
}

/// The `typ` of a logout token (OpenID Connect Back-Channel Logout §2.4).
pub const LOGOUT_TOKEN: &str = "logout+jwt";

/// What a logout token says (OpenID Connect Back-Channel Logout §2.4). There is no nonce, so that none is taken for an ID token.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the claims are those of the specification")]
pub struct LogoutToken {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    pub events: Value,
    pub sid: String,
}

impl LogoutToken {
    /// The one event there is.
    pub fn events() -> Value {
        json!({"http://schemas.openid.net/event/backchannel-logout": {}})
    }
}

impl fmt::Debug for LogoutRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogoutRequest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OpenID Connect RP-Initiated Logout §2.
    #[test]
    fn every_parameter_is_read_and_none_is_needed() {
        let read = |query: &str| LogoutRequest::parse(&Form::parse(query.as_bytes()).unwrap());
        let all = "id_token_hint=a&logout_hint=b&client_id=c&post_logout_redirect_uri=d&state=e&ui_locales=de%20en&x=y";
        let request = read(all).unwrap();
        let LogoutRequest { id_token_hint, logout_hint, client_id, post_logout_redirect_uri, state, ui_locales } =
            request;
        let texts = [id_token_hint, logout_hint, client_id, post_logout_redirect_uri, state].map(Option::unwrap);
        assert_eq!(texts, ["a", "b", "c", "d", "e"]);
        assert_eq!(ui_locales, ["de", "en"]);
        let nothing = read("").unwrap();
        assert!(nothing.id_token_hint.is_none() && nothing.state.is_none() && nothing.ui_locales.is_empty());
        assert_eq!(read(&format!("state={}", "s".repeat(1024))).unwrap().state.unwrap().len(), 1024);
        assert!(read(&format!("state={}", "s".repeat(1025))).is_err());
    }
}

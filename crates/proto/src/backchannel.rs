//! The backchannel authentication request and its answer (OpenID Connect CIBA Core §7).

use std::fmt;

use serde::Serialize;

use crate::client::ClientMetadata;
use crate::error::{Denied, ErrorCode, invalid_request};
use crate::form::Form;
use crate::resource;
use crate::scope::Scope;
use crate::time::Lifetime;

/// The longest hint that is read, in bytes; a token is longer than a name.
const LONGEST_HINT: usize = 8192;
/// The longest binding message, in characters: it is compared by eye.
const LONGEST_MESSAGE: usize = 64;
/// The longest list of authentication contexts, in bytes.
const LONGEST_ACR: usize = 1024;

/// A client that wants somebody asked, somewhere else than where they use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackchannelRequest {
    /// What it asks for, within what the client registered.
    pub scope: Scope,
    /// Whom the tokens are for (RFC 8707 §2.1).
    pub resource: Vec<String>,
    /// Whom it means.
    pub hint: Hint,
    /// Authentication contexts, the best first.
    pub acr_values: Vec<String>,
    /// What is shown at both places.
    pub binding_message: Option<String>,
    /// For how long it would wait.
    pub requested_expiry: Option<Lifetime>,
}

/// Whom a client means (OpenID Connect CIBA Core §7.1). Its Debug shows nobody.
#[derive(Clone, PartialEq, Eq)]
pub enum Hint {
    /// A name that they sign in with.
    Login(String),
    /// An ID token about them that this server gave to the client.
    IdToken(String),
    /// A JWT about them of an issuer that is trusted here.
    Token(String),
}

impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login(_) => "Login(..)",
            Self::IdToken(_) => "IdToken(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

impl BackchannelRequest {
    /// Reads the form.
    pub fn parse(form: &Form<'_>, client: &ClientMetadata) -> Result<Self, Denied> {
        let wrong_scope = |text: String| Denied::new(ErrorCode::InvalidScope, text);
        let scope = Scope::parse(form.required("scope")?).map_err(|error| wrong_scope(error.to_string()))?;
        // OpenID Connect CIBA Core §7.1: openid is in every scope.
        if !scope.contains("openid") {
            return Err(wrong_scope("scope: must have openid".to_owned()));
        }
        if !scope.is_within(&client.scope) {
            return Err(wrong_scope("scope: more than this client is registered for".to_owned()));
        }
        let acr_values = form.get("acr_values").unwrap_or_default();
        if acr_values.len() > LONGEST_ACR {
            return Err(invalid_request("acr_values: too long"));
        }
        Ok(Self {
            scope,
            resource: resource::requested(form)?,
            hint: hint(form)?,
            acr_values: acr_values.split(' ').filter(|acr| !acr.is_empty()).map(str::to_owned).collect(),
            binding_message: form.get("binding_message").map(binding_message).transpose()?,
            requested_expiry: form.get("requested_expiry").map(expiry).transpose()?,
        })
    }
}

/// OpenID Connect CIBA Core §7.1: one hint, and only one.
fn hint(form: &Form<'_>) -> Result<Hint, Denied> {
    let hints = ["login_hint", "id_token_hint", "login_hint_token"];
    let mut given = hints.into_iter().filter_map(|name| Some((name, form.get(name)?)));
    let (name, text) = given.next().ok_or_else(|| invalid_request("login_hint: missing"))?;
    if let Some((other, _)) = given.next() {
        return Err(invalid_request(format!("{other}: given beside {name}")));
    }
    if text.len() > LONGEST_HINT {
        return Err(invalid_request(format!("{name}: too long")));
    }
    let text = text.to_owned();
    Ok(match name {
        "id_token_hint" => Hint::IdToken(text),
        "login_hint_token" => Hint::Token(text),
        _ => Hint::Login(text),
    })
}

/// OpenID Connect CIBA Core §7.1, §13: short, and of characters that look the same everywhere.
fn binding_message(text: &str) -> Result<String, Denied> {
    let plain = |c: char| c.is_alphanumeric() || " -_.,:;!?#+*/()=%'".contains(c);
    if text.chars().count() > LONGEST_MESSAGE || !text.chars().all(plain) {
        let told = "binding_message: at most 64 letters, digits, spaces and plain signs";
        return Err(Denied::new(ErrorCode::InvalidBindingMessage, told));
    }
    Ok(text.to_owned())
}

fn expiry(text: &str) -> Result<Lifetime, Denied> {
    let seconds: Option<u32> = text.parse().ok().filter(|seconds| *seconds > 0);
    let wrong = || invalid_request("requested_expiry: a positive number of seconds");
    seconds.map(|seconds| Lifetime::from_seconds(i64::from(seconds))).ok_or_else(wrong)
}

/// What the client asks the token endpoint with (OpenID Connect CIBA Core §7.3).
#[derive(Clone, Serialize)]
pub struct BackchannelResponse {
    /// What it asks with.
    pub auth_req_id: String,
    /// For how many seconds.
    pub expires_in: i64,
    /// How many seconds it waits between two questions.
    pub interval: i64,
}

/// Shows nothing to ask with.
impl fmt::Debug for BackchannelResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackchannelResponse({} s)", self.expires_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::AuthMethod;

    fn parse(body: &str) -> Result<BackchannelRequest, String> {
        let mut client = ClientMetadata::new("app", AuthMethod::ClientSecretBasic);
        client.scope = Scope::parse("openid read").unwrap();
        BackchannelRequest::parse(&Form::parse(body.as_bytes()).unwrap(), &client)
            .map_err(|denied| format!("{} {}", denied.code, denied.text))
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = "scope=openid&login_hint=somebody";
        for (body, told) in [
            ("login_hint=a".to_owned(), "invalid_request scope: missing"),
            ("scope=read&login_hint=a".to_owned(), "invalid_scope scope: must have openid"),
            ("scope=openid+admin&login_hint=a".to_owned(), "invalid_scope scope: more"),
            ("scope=openid".to_owned(), "invalid_request login_hint: missing"),
            (format!("{good}&id_token_hint=x"), "invalid_request id_token_hint: given beside login_hint"),
            (format!("{good}&login_hint_token=x"), "invalid_request login_hint_token: given beside"),
            (format!("scope=openid&login_hint={}", "a".repeat(9000)), "invalid_request login_hint: too long"),
            (format!("{good}&acr_values={}", "a".repeat(2000)), "invalid_request acr_values:"),
            (format!("{good}&binding_message={}", "a".repeat(65)), "invalid_binding_message binding_message:"),
            (format!("{good}&binding_message=a%0Ab"), "invalid_binding_message binding_message:"),
            (format!("{good}&binding_message=a%E2%80%AEb"), "invalid_binding_message binding_message:"),
            (format!("{good}&requested_expiry=0"), "invalid_request requested_expiry:"),
            (format!("{good}&requested_expiry=-5"), "invalid_request requested_expiry:"),
            (format!("{good}&requested_expiry=soon"), "invalid_request requested_expiry:"),
        ] {
            let refused = parse(&body).unwrap_err();
            assert!(refused.starts_with(told), "{body}: {refused}");
        }
        let read = parse(&format!("{good}&binding_message=W4SCT&requested_expiry=120&acr_values=b+a")).unwrap();
        assert_eq!(
            (read.binding_message.as_deref(), read.requested_expiry),
            (Some("W4SCT"), Some(Lifetime::from_seconds(120)))
        );
        assert_eq!(read.acr_values, ["b", "a"]);
    }

    #[test]
    fn debug_shows_nobody_and_nothing_to_ask_with() {
        let read = parse("scope=openid&login_hint=hidden").unwrap();
        let response = BackchannelResponse { auth_req_id: "hidden".to_owned(), expires_in: 1, interval: 5 };
        assert!(!format!("{read:?}{response:?}").contains("hidden"));
    }
}

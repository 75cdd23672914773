//! The authorization request and response (RFC 6749 §4.1.1–4.1.2, OpenID Connect Core §3.1.2).

use serde::{Deserialize, Serialize};

use crate::claims_parameter::ClaimsParameter;
use crate::client::ClientMetadata;
use crate::error::{Denied, ErrorCode, invalid_request};
use crate::form::Form;
use crate::pkce::Challenge;
use crate::redirect_uri::RedirectUri;
use crate::resource;
use crate::response::{ResponseMode, ResponseType};
use crate::scope::Scope;
use crate::seal::Thumbprint;

/// The longest `state`, `nonce` or `login_hint` that is carried, in bytes.
const LONGEST: usize = 1024;

/// What the client wants shown (OpenID Connect Core §3.1.2.1 `prompt`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Show nothing; fail if something would have to be shown.
    pub none: bool,
    /// Ask the person to sign in again.
    pub login: bool,
    /// Ask for consent even if it is remembered.
    pub consent: bool,
    /// Let the person choose an account.
    pub select_account: bool,
    /// Let the person make an account (Initiating User Registration via OpenID Connect).
    #[serde(default, skip_serializing_if = "is_not")]
    pub create: bool,
}

/// For `skip_serializing_if`: a flag that is not set is left out.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_not(flag: &bool) -> bool {
    !flag
}

/// What a request says of how its pages should be, and whom they should be for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// The subjects that the answer may be about, as the client knows them (`id_token_hint`, or `claims`); none: anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// The languages of the pages, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ui_locales: Vec<String>,
    /// How the pages are shown; one that is not known is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<Display>,
}

impl Hints {
    /// Whether nothing is said.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How pages are shown (OpenID Connect Core §3.1.2.1 `display`). Ours fit each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Display {
    /// In the whole window.
    Page,
    /// In a small window of its own.
    Popup,
    /// On a device that is touched.
    Touch,
}

impl Display {
    /// Each of them.
    pub const ALL: &'static [Self] = &[Self::Page, Self::Popup, Self::Touch];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Popup => "popup",
            Self::Touch => "touch",
        }
    }
}

impl Prompt {
    fn parse(text: &str) -> Result<Self, Denied> {
        let mut prompt = Self::default();
        for word in text.split(' ') {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                "create" => prompt.create = true,
                _ => return Err(invalid_request("prompt: known are none, login, consent, select_account and create")),
            }
        }
        // OpenID Connect Core §3.1.2.1: none with any other value is an error.
        if prompt.none && text != "none" {
            return Err(invalid_request("prompt: none goes with no other value"));
        }
        Ok(prompt)
    }
}

/// An authorization request whose client and redirect URI have been verified and whose parameters are well formed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// What the answer brings.
    #[serde(default)]
    pub response_type: ResponseType,
    /// How the answer travels.
    #[serde(default)]
    pub response_mode: ResponseMode,
    /// Where the answer goes: a registered URI of the client.
    pub redirect_uri: RedirectUri,
    /// Whether the request named it; then the token request must name it too (RFC 6749 §4.1.3).
    pub redirect_uri_given: bool,
    /// Given back as it came.
    pub state: Option<String>,
    /// What is asked for, within what the client registered.
    pub scope: Scope,
    /// Given back in the ID token.
    pub nonce: Option<String>,
    /// What may or must be shown.
    pub prompt: Prompt,
    /// How old the sign-in may be, in seconds.
    pub max_age: Option<u32>,
    /// Authentication context classes, the best first (OpenID Connect Core §3.1.2.1, RFC 9470 §4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// Whom the client expects.
    pub login_hint: Option<String>,
    /// How its pages should be.
    #[serde(default, skip_serializing_if = "Hints::are_none")]
    pub hints: Hints,
    /// Which identity provider the client expects them to come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp_hint: Option<String>,
    /// The proof key (RFC 7636).
    pub challenge: Option<Challenge>,
    /// Resource indicators (RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource: Vec<String>,
    /// RFC 9396, as it was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<serde_json::Value>,
    /// The claims asked for one by one (OpenID Connect Core).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<serde_json::Value>,
    /// The languages claims are wanted in (OpenID Connect Core).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims_locales: Option<String>,
    /// The key the code is bound to (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
}

/// How a client may ask, as far as reading its request depends on it.
#[derive(Clone, Copy, Debug)]
pub struct RequestRules {
    /// Refuse requests without a code challenge.
    pub pkce_required: bool,
    /// Take the challenge method `plain`.
    pub pkce_plain: bool,
}

impl AuthorizationRequest {
    /// Reads everything that is not about where to answer. Errors may be told by redirect.
    pub fn parse(
        form: &Form<'_>,
        redirect_uri: RedirectUri,
        client: &ClientMetadata,
        rules: RequestRules,
    ) -> Result<Self, Denied> {
        form.must_not_repeat()?;
        refuse_unsupported(form)?;
        // RFC 6749 §3.1.1: response_type is required.
        let response_type = ResponseType::parse(form.required("response_type")?).ok_or_else(|| {
            Denied::new(ErrorCode::UnsupportedResponseType, "response_type: known are code, none, token, id_token")
        })?;
        let response_mode = response_mode(form, response_type)?;
        let challenge =
            Challenge::parse(form.get("code_challenge"), form.get("code_challenge_method"), rules.pkce_plain)?;
        // RFC 9700 §2.1.1: public clients must use PKCE.
        if challenge.is_none() && rules.pkce_required && response_type.code {
            return Err(invalid_request("code_challenge: missing; this client must use PKCE (RFC 7636)"));
        }
        let scope = match form.get("scope") {
            Some(text) => Scope::parse(text).map_err(|e| Denied::new(ErrorCode::InvalidScope, e.to_string()))?,
            // RFC 6749 §3.3: an omitted scope is a default one: what the client registered, short of offline access.
            None => client.scope.without("offline_access"),
        };
        if !scope.is_within(&client.scope) {
            return Err(Denied::new(ErrorCode::InvalidScope, "scope: more than this client is registered for"));
        }
        // OpenID Connect Core §11: offline access is for requests that bring a code.
        let scope = if response_type.code { scope } else { scope.without("offline_access") };
        // OpenID Connect Core §5.5: what is asked for one by one.
        let asked = form.get("claims").map(|text| ClaimsParameter::parse(text, &client.scope)).transpose()?;
        let nonce = bounded(form, "nonce")?;
        if response_type.id_token {
            // OpenID Connect Core §3.2.2.1, §3.3.2.11: who gets an ID token through the browser must tell it from a replayed one.
            if nonce.is_none() {
                return Err(invalid_request("nonce: missing; it is required where the response has an ID token"));
            }
            // OpenID Connect Core §3.1.2.1: without openid there is no ID token.
            if !scope.contains("openid") {
                return Err(Denied::new(ErrorCode::InvalidScope, "scope: an ID token needs openid"));
            }
        }
        Ok(Self {
            response_type,
            response_mode,
            redirect_uri,
            redirect_uri_given: form.get("redirect_uri").is_some(),
            state: bounded(form, "state")?,
            scope,
            nonce,
            prompt: form.get("prompt").map(Prompt::parse).transpose()?.unwrap_or_default(),
            max_age: max_age(form)?.or(client.default_max_age),
            acr_values: acr_values(form, client)?,
            login_hint: bounded(form, "login_hint")?,
            hints: hints(form, asked.as_ref())?,
            idp_hint: bounded(form, "idp_hint")?,
            challenge,
            resource: resource::requested(form)?,
            authorization_details: None,
            claims: asked.and_then(|asked| asked.to_value()),
            claims_locales: bounded(form, "claims_locales")?,
            dpop_jkt: thumbprint(form)?,
        })
    }
}

fn refuse_unsupported(form: &Form<'_>) -> Result<(), Denied> {
    // OpenID Connect Core §7.2.1: what is not supported is refused, not ignored.
    match form.get("registration") {
        Some(_) => Err(Denied::new(ErrorCode::RegistrationNotSupported, "registration: not supported")),
        None => Ok(()),
    }
}

fn response_mode(form: &Form<'_>, of: ResponseType) -> Result<ResponseMode, Denied> {
    // Multiple Response Types §2.1.
    let Some(text) = form.get("response_mode") else { return Ok(ResponseMode::default_of(of)) };
    let wrong = || invalid_request("response_mode: not known, or not for this response_type");
    ResponseMode::parse(text, of).ok_or_else(wrong)
}

fn bounded(form: &Form<'_>, name: &str) -> Result<Option<String>, Denied> {
    match form.get(name) {
        Some(value) if value.len() > LONGEST => Err(invalid_request(format!("{name}: longer than {LONGEST} bytes"))),
        value => Ok(value.map(str::to_owned)),
    }
}

/// OpenID Connect Core §3.1.2.1: what is not spoken or not known is no error.
fn hints(form: &Form<'_>, asked: Option<&ClaimsParameter>) -> Result<Hints, Denied> {
    bounded(form, "ui_locales")?;
    let display =
        form.get("display").and_then(|text| Display::ALL.iter().copied().find(|known| known.as_str() == text));
    Ok(Hints {
        subjects: asked.map(ClaimsParameter::subjects).unwrap_or_default().into_iter().map(str::to_owned).collect(),
        ui_locales: ui_locales(form),
        display,
    })
}

/// OpenID Connect Core §3.1.2.1: separated by spaces; none said is what the client registered.
fn acr_values(form: &Form<'_>, client: &ClientMetadata) -> Result<Vec<String>, Denied> {
    let asked = bounded(form, "acr_values")?;
    let words = |text: String| text.split_ascii_whitespace().map(str::to_owned).collect();
    Ok(asked.map_or_else(|| client.default_acr_values.clone(), words))
}

/// RFC 9449 §10: the key that the code is bound to.
fn thumbprint(form: &Form<'_>) -> Result<Option<String>, Denied> {
    let malformed = || invalid_request("dpop_jkt: the base64url SHA-256 thumbprint of a key");
    let read = |text| Thumbprint::parse(text).map(|print| print.to_string()).ok_or_else(malformed);
    form.get("dpop_jkt").map(read).transpose()
}

fn max_age(form: &Form<'_>) -> Result<Option<u32>, Denied> {
    let read = |text: &str| text.parse().map_err(|_| invalid_request("max_age: a number of seconds"));
    form.get("max_age").map(read).transpose()
}

/// How the answer to a request travels that may be wrong in other ways: as it asks, where that can be read.
pub fn mode_of(form: &Form<'_>) -> ResponseMode {
    let of = form.get("response_type").and_then(ResponseType::parse).unwrap_or_default();
    response_mode(form, of).unwrap_or_else(|_| ResponseMode::default_of(of))
}

/// The languages that the pages of a request should speak, the best first (OpenID Connect Core §3.1.2.1 `ui_locales`).
pub fn ui_locales(form: &Form<'_>) -> Vec<String> {
    form.get("ui_locales").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
}

/// The members of an error (RFC 6749 §4.1.2.1).
pub fn error_members(denied: &Denied) -> Vec<(&'static str, String)> {
    vec![("error", denied.code.as_str().to_owned()), ("error_description", denied.text.to_string())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::AuthMethod;

    fn client() -> ClientMetadata {
        let mut client = ClientMetadata::new("app", AuthMethod::ClientSecretBasic);
        client.scope = Scope::parse("openid profile offline_access").unwrap();
        client
    }

    fn parse(query: &str) -> Result<AuthorizationRequest, Denied> {
        let rules = RequestRules { pkce_required: false, pkce_plain: false };
        let to = RedirectUri::parse("https://app.example/cb").unwrap();
        AuthorizationRequest::parse(&Form::parse(query.as_bytes()).unwrap(), to, &client(), rules)
    }

    fn refused(query: &str) -> &'static str {
        parse(query).unwrap_err().code.as_str()
    }

    // RFC 6749 §3.1.1, §4.1.1, OpenID Connect Core §3.1.2.1, §3.2.2.1, §3.3.2.11, §7.2.1, OpenID Connect Discovery §3,
    // Multiple Response Types §2.1.
    #[test]
    fn unsupported_requests_are_refused_by_name() {
        assert_eq!(refused(""), "invalid_request");
        assert_eq!(refused("response_type=device"), "unsupported_response_type");
        assert_eq!(refused("response_type=id_token&scope=openid"), "invalid_request");
        assert_eq!(refused("response_type=id_token&scope=profile&nonce=n"), "invalid_scope");
        assert_eq!(refused("response_type=token&response_mode=query"), "invalid_request");
        assert_eq!(refused("response_type=code&registration=x"), "registration_not_supported");
        assert_eq!(refused("response_type=code&response_mode=web_message"), "invalid_request");
        assert_eq!(refused("response_type=code&scope=openid+admin"), "invalid_scope");
        assert_eq!(refused("response_type=code&max_age=-1"), "invalid_request");
        assert_eq!(refused("response_type=code&prompt=none+login"), "invalid_request");
        assert_eq!(refused("response_type=code&prompt=maybe"), "invalid_request");
        assert_eq!(refused("response_type=code&resource=api"), "invalid_target");
        assert_eq!(refused(&format!("response_type=code&state={}", "s".repeat(1025))), "invalid_request");
    }

    // RFC 6749 §3.1, §3.3.
    #[test]
    fn unknown_parameters_are_ignored_and_scope_has_a_default() {
        // OpenID Connect Core §3.1.2.1: ui_locales that are not spoken are no error.
        let request = parse("response_type=code&extra=foobar&ui_locales=se&display=popup").unwrap();
        assert_eq!(request.scope.to_string(), "openid profile");
    }

    // RFC 9700 §2.1.1.
    #[test]
    fn pkce_can_be_demanded() {
        let rules = RequestRules { pkce_required: true, pkce_plain: false };
        let to = RedirectUri::parse("https://app.example/cb").unwrap();
        let form = Form::parse(b"response_type=code").unwrap();
        assert_eq!(
            AuthorizationRequest::parse(&form, to, &client(), rules).unwrap_err().code.as_str(),
            "invalid_request"
        );
    }
}

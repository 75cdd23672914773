//! The token request and response (RFC 6749 §4.1.3, §4.4, §5.1 and §6).

use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::client::GrantType;
use crate::error::{Denied, ErrorCode};
use crate::exchange::ExchangeRequest;
use crate::form::Form;
use crate::resource;
use crate::scope::Scope;

/// What a client asks the token endpoint for. A new grant type is a new variant here and a file in the engine.
pub enum TokenRequest {
    /// RFC 6749 §4.1.3.
    AuthorizationCode(CodeRequest),
    /// RFC 6749 §6.
    RefreshToken(RefreshRequest),
    /// RFC 6749 §4.4.2.
    ClientCredentials(ClientCredentialsRequest),
    /// RFC 8628 §3.4.
    DeviceCode(DeviceCodeRequest),
    /// RFC 8693 §2.1.
    TokenExchange(Box<ExchangeRequest>),
    /// RFC 7523 §2.1.
    JwtBearer(JwtBearerRequest),
    /// RFC 6749 §4.3.2.
    Password(PasswordRequest),
    /// OpenID Connect CIBA Core §10.1.
    Backchannel(BackchannelTokenRequest),
}

/// An authorization code presented for tokens.
pub struct CodeRequest {
    /// The code.
    pub code: String,
    /// The redirect URI the code came by.
    pub redirect_uri: Option<String>,
    /// The PKCE verifier.
    pub verifier: Option<String>,
    /// Whom the access token is for, of those the code is for (RFC 8707 §2.2).
    pub resource: Vec<String>,
    /// Narrower details for the grant (RFC 9396 §6).
    pub authorization_details: Option<String>,
}

/// A refresh token presented for tokens.
pub struct RefreshRequest {
    /// The refresh token.
    pub token: String,
    /// A narrower scope for the access token.
    pub scope: Option<Scope>,
    /// Whom the access token is for, of those the grant is for (RFC 8707 §2.2).
    pub resource: Vec<String>,
    /// Narrower details for the access token (RFC 9396 §6).
    pub authorization_details: Option<String>,
}

/// A client that asks for itself.
pub struct ClientCredentialsRequest {
    /// The scope; what the client registered if absent.
    pub scope: Option<Scope>,
    /// Whom the access token is for (RFC 8707 §2.2).
    pub resource: Vec<String>,
}

/// A device that asks whether somebody has answered.
pub struct DeviceCodeRequest {
    /// The device code.
    pub device_code: String,
    /// Whom the access token is for, of those the code is for (RFC 8707 §2.2).
    pub resource: Vec<String>,
    /// Narrower details for the grant (RFC 9396 §6).
    pub authorization_details: Option<String>,
}

/// An assertion of a trusted issuer, presented for a token.
pub struct JwtBearerRequest {
    /// The JWT.
    pub assertion: String,
    /// The scope; all that may be had if absent.
    pub scope: Option<Scope>,
    /// Whom the access token is for (RFC 8707 §2.2).
    pub resource: Vec<String>,
}

/// A person's name and password, presented for tokens.
pub struct PasswordRequest {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Zeroizing<String>,
    /// The scope; what the client registered, short of offline access, if absent.
    pub scope: Option<Scope>,
    /// Whom the access token is for (RFC 8707 §2.2).
    pub resource: Vec<String>,
}

/// A client that asks whether somebody has answered elsewhere.
pub struct BackchannelTokenRequest {
    /// What it asks with.
    pub auth_req_id: String,
    /// Whom the access token is for, of those that were asked for (RFC 8707 §2.2).
    pub resource: Vec<String>,
    /// Narrower details for the grant (RFC 9396 §6).
    pub authorization_details: Option<String>,
}

impl TokenRequest {
    /// Reads the form of a token request.
    pub fn parse(form: &Form<'_>) -> Result<Self, Denied> {
        // RFC 6749 §5.2: a missing grant_type is invalid_request, an unknown one unsupported_grant_type.
        let name = form.required("grant_type")?;
        let unsupported = || Denied::new(ErrorCode::UnsupportedGrantType, "grant_type: not supported");
        let grant_type = GrantType::parse(name).ok_or_else(unsupported)?;
        let authorization_details = authorization_details(form, grant_type)?;
        Ok(match grant_type {
            GrantType::AuthorizationCode => Self::AuthorizationCode(CodeRequest {
                code: form.required("code")?.to_owned(),
                redirect_uri: form.get("redirect_uri").map(str::to_owned),
                verifier: form.get("code_verifier").map(str::to_owned),
                resource: resource::requested(form)?,
                authorization_details,
            }),
            GrantType::RefreshToken => Self::RefreshToken(RefreshRequest {
                token: form.required("refresh_token")?.to_owned(),
                scope: scope(form)?,
                resource: resource::requested(form)?,
                authorization_details,
            }),
            // RFC 6749 §4.2: what the authorization endpoint gives is not asked for here.
            GrantType::Implicit => return Err(unsupported()),
            GrantType::ClientCredentials => Self::ClientCredentials(ClientCredentialsRequest {
                scope: scope(form)?,
                resource: resource::requested(form)?,
            }),
            GrantType::DeviceCode => Self::DeviceCode(DeviceCodeRequest {
                device_code: form.required("device_code")?.to_owned(),
                resource: resource::requested(form)?,
                authorization_details,
            }),
            GrantType::TokenExchange => Self::TokenExchange(Box::new(ExchangeRequest::parse(form)?)),
            GrantType::JwtBearer => Self::JwtBearer(JwtBearerRequest {
                assertion: form.required("assertion")?.to_owned(),
                scope: scope(form)?,
                resource: resource::requested(form)?,
            }),
            GrantType::Backchannel => Self::Backchannel(BackchannelTokenRequest {
                auth_req_id: form.required("auth_req_id")?.to_owned(),
                resource: resource::requested(form)?,
                authorization_details,
            }),
            GrantType::Password => Self::Password(PasswordRequest {
                username: form.required("username")?.to_owned(),
                password: Zeroizing::new(form.required("password")?.to_owned()),
                scope: scope(form)?,
                resource: resource::requested(form)?,
            }),
        })
    }

    /// The grant type asked for.
    pub const fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode(_) => GrantType::AuthorizationCode,
            Self::RefreshToken(_) => GrantType::RefreshToken,
            Self::ClientCredentials(_) => GrantType::ClientCredentials,
            Self::DeviceCode(_) => GrantType::DeviceCode,
            Self::TokenExchange(_) => GrantType::TokenExchange,
            Self::JwtBearer(_) => GrantType::JwtBearer,
            Self::Password(_) => GrantType::Password,
            Self::Backchannel(_) => GrantType::Backchannel,
        }
    }
}

/// RFC 9396 §6: they narrow what was granted; where nobody has granted any, there are none to be had.
fn authorization_details(form: &Form<'_>, grant_type: GrantType) -> Result<Option<String>, Denied> {
    let text = form.get("authorization_details");
    match grant_type {
        GrantType::AuthorizationCode
        | GrantType::RefreshToken
        | GrantType::DeviceCode
        | GrantType::TokenExchange
        | GrantType::Backchannel => Ok(text.map(str::to_owned)),
        _ if text.is_none() => Ok(None),
        _ => {
            let text = "authorization_details: not for this grant type";
            Err(Denied::new(ErrorCode::InvalidAuthorizationDetails, text))
        }
    }
}

pub(crate) fn scope(form: &Form<'_>) -> Result<Option<Scope>, Denied> {
    let read = |text| Scope::parse(text).map_err(|e| Denied::new(ErrorCode::InvalidScope, e.to_string()));
    form.get("scope").map(read).transpose()
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenRequest({})", self.grant_type().as_str())
    }
}

/// A successful answer of the token endpoint (RFC 6749 §5.1). Its Debug shows no token.
#[derive(Clone, Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// What it is, where something else could have been asked for (RFC 8693 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
    /// How to present it.
    pub token_type: &'static str,
    /// Its lifetime in seconds.
    pub expires_in: i64,
    /// The refresh token, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The scope of the access token.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The ID token, if OpenID Connect was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What the access token allows beyond its scope (RFC 9396 §7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<serde_json::Value>,
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenResponse({}, {} s)", self.scope, self.expires_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        let denied = TokenRequest::parse(&Form::parse(body.as_bytes()).unwrap()).unwrap_err();
        format!("{} {}", denied.code, denied.text)
    }

    // RFC 6749 §4.2, §5.2.
    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(refused(""), "invalid_request grant_type: missing");
        assert_eq!(refused("grant_type="), "invalid_request grant_type: missing");
        assert_eq!(refused("grant_type=magic"), "unsupported_grant_type grant_type: not supported");
        assert_eq!(refused("grant_type=implicit"), "unsupported_grant_type grant_type: not supported");
        assert_eq!(refused("grant_type=authorization_code"), "invalid_request code: missing");
        assert_eq!(refused("grant_type=refresh_token"), "invalid_request refresh_token: missing");
        let device = "grant_type=urn:ietf:params:oauth:grant-type:device_code";
        assert_eq!(refused(device), "invalid_request device_code: missing");
        assert!(
            refused("grant_type=client_credentials&authorization_details=[]")
                .starts_with("invalid_authorization_details")
        );
        assert_eq!(refused("grant_type=password&username=a"), "invalid_request password: missing");
        assert_eq!(refused("grant_type=password&password=a"), "invalid_request username: missing");
        let bearer = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer";
        assert_eq!(refused(bearer), "invalid_request assertion: missing");
        assert!(refused("grant_type=client_credentials&scope=%22").starts_with("invalid_scope scope:"));
        assert!(refused("grant_type=client_credentials&resource=api").starts_with("invalid_target resource:"));
    }

    #[test]
    fn debug_shows_no_token() {
        let form = Form::parse(b"grant_type=refresh_token&refresh_token=hidden").unwrap();
        assert!(!format!("{:?}", TokenRequest::parse(&form).unwrap()).contains("hidden"));
    }
}

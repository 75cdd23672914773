//! What a client says about itself (RFC 7591 §2), as far as this server acts on it.

use serde::{Deserialize, Serialize};

use crate::credentials::AuthMethod;
use crate::jws::Algorithm;
use crate::redirect_uri::RedirectUri;
use crate::response::ResponseType;
use crate::scope::Scope;

mod members;
use members::is_not;
pub use members::{About, Backchannel, Jose, Logout, Tls};

/// A grant type a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 6749 §4.2: tokens come through the browser, and the token endpoint is never asked.
    Implicit,
    /// RFC 8628 §3.4.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    /// RFC 7523 §2.1.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
    /// RFC 6749 §4.3.
    Password,
    /// OpenID Connect CIBA Core §10.1.
    #[serde(rename = "urn:openid:params:grant-type:ciba")]
    Backchannel,
}

impl GrantType {
    /// Every grant type that is known here. Settings say which of them work.
    pub const ALL: &'static [Self] = &[
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::Implicit,
        Self::DeviceCode,
        Self::TokenExchange,
        Self::JwtBearer,
        Self::Password,
        Self::Backchannel,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Implicit => "implicit",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Password => "password",
            Self::Backchannel => "urn:openid:params:grant-type:ciba",
        }
    }

    /// Whether it begins with a person at one of our pages.
    pub const fn needs_a_page(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::Implicit | Self::DeviceCode | Self::Backchannel)
    }

    /// Reads the name on the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant| grant.as_str() == text)
    }
}

/// The registered metadata of a client. Members this version does not know are kept as they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// A name for people.
    #[serde(default)]
    pub client_name: String,
    /// Where the browser may be sent back to.
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// The one way this client authenticates. Never absent, so that nothing falls back to `none`.
    pub token_endpoint_auth_method: AuthMethod,
    /// What the client may ask the token endpoint for.
    #[serde(default)]
    pub grant_types: Vec<GrantType>,
    /// What the client may ask for; nothing beyond.
    #[serde(default)]
    pub scope: Scope,
    /// The client's home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// A picture for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// The client's privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// The client's terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// How this client's ID tokens are signed (OpenID Connect Registration §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// When a request has no `max_age`, this one holds, in seconds (OpenID Connect Registration §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// When a request has no `acr_values`, these hold (OpenID Connect Registration §2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Its ID tokens say when the person signed in (OpenID Connect Registration §2); ours always do.
    #[serde(default, skip_serializing_if = "is_not")]
    pub require_auth_time: bool,
    /// The response types it may ask for; none said is `code` alone (RFC 7591 §2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_types: Vec<String>,
    /// The response modes it may ask for; none said is all there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_modes: Vec<String>,
    /// Its keys (RFC 7591 §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where its keys are (RFC 7591 §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// `public` or `pairwise` (OpenID Connect Registration §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// Where the redirect URIs are listed that share pairwise subjects (OpenID Connect Registration).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// Request objects that it may name (OpenID Connect Registration §2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<String>,
    /// It sends request objects only (RFC 9101).
    #[serde(default, skip_serializing_if = "is_not")]
    pub require_signed_request_object: bool,
    /// It pushes every authorization request (RFC 9126 §6).
    #[serde(default, skip_serializing_if = "is_not")]
    pub require_pushed_authorization_requests: bool,
    /// Its access tokens are always bound to a key (RFC 9449 §5.2).
    #[serde(default, skip_serializing_if = "is_not")]
    pub dpop_bound_access_tokens: bool,
    /// The types of authorization details it may ask for (RFC 9396 §10); none said is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types: Vec<String>,
    /// What it says of itself to people.
    #[serde(flatten)]
    pub about: About,
    /// How what it signs is signed, and what is signed and encrypted for it.
    #[serde(flatten)]
    pub jose: Jose,
    /// The certificate it authenticates with (RFC 8705).
    #[serde(flatten)]
    pub tls: Tls,
    /// How it takes part in signing out.
    #[serde(flatten)]
    pub logout: Logout,
    /// How it has people asked elsewhere.
    #[serde(flatten)]
    pub backchannel: Backchannel,
    /// Members kept for later versions.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

impl ClientMetadata {
    /// Metadata of a client that authenticates like this and may do nothing yet.
    pub fn new(client_name: &str, token_endpoint_auth_method: AuthMethod) -> Self {
        Self {
            client_name: client_name.to_owned(),
            redirect_uris: Vec::new(),
            token_endpoint_auth_method,
            grant_types: Vec::new(),
            scope: Scope::default(),
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            id_token_signed_response_alg: None,
            default_max_age: None,
            default_acr_values: Vec::new(),
            require_auth_time: false,
            response_types: Vec::new(),
            response_modes: Vec::new(),
            jwks: None,
            jwks_uri: None,
            subject_type: None,
            sector_identifier_uri: None,
            request_uris: Vec::new(),
            require_signed_request_object: false,
            require_pushed_authorization_requests: false,
            dpop_bound_access_tokens: false,
            authorization_details_types: Vec::new(),
            about: About::default(),
            jose: Jose::default(),
            tls: Tls::default(),
            logout: Logout::default(),
            backchannel: Backchannel::default(),
            rest: serde_json::Map::new(),
        }
    }

    /// Whether the client has no secret and is known by its id alone (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether an authorization request of this client may be answered with this (RFC 7591 §2); none said is `code` alone.
    pub fn may_be_answered_with(&self, response_type: ResponseType) -> bool {
        match self.response_types.as_slice() {
            [] => response_type == ResponseType::CODE,
            types => types.iter().any(|text| ResponseType::parse(text) == Some(response_type)),
        }
    }

    /// Whether its access tokens are always bound to a key or a certificate (RFC 8705 §3.4, RFC 9449 §5.2).
    pub fn has_bound_tokens(&self) -> bool {
        self.dpop_bound_access_tokens || self.tls.tls_client_certificate_bound_access_tokens
    }

    /// Whether the client may use this grant type.
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_later_version_survive_a_rewrite() {
        let text = r#"{"token_endpoint_auth_method":"none","from_the_future":[1,{"a":null}]}"#;
        let metadata: ClientMetadata = serde_json::from_str(text).unwrap();
        let again = serde_json::to_value(&metadata).unwrap();
        assert_eq!(again["from_the_future"], serde_json::json!([1, {"a": null}]));
    }

    // RFC 6749 §2.1.
    #[test]
    fn a_client_without_a_recorded_method_is_refused_not_made_public() {
        assert!(serde_json::from_str::<ClientMetadata>("{}").is_err());
    }
}

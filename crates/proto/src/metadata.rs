//! Server metadata (RFC 8414 §2, OpenID Connect Discovery §3): only what works is a member here.

use serde::Serialize;

use crate::authorize::Display;
use crate::client::GrantType;
use crate::credentials::AuthMethod;
use crate::issuer::Issuer;
use crate::jose::Alg;
use crate::jose::jwe::KeyManagement;
use crate::jws::Algorithm;
use crate::response::{ResponseMode, ResponseType};

mod encrypted;
pub use encrypted::Encrypted;

/// Paths of the endpoints, below the issuer.
pub mod path {
    #![allow(missing_docs, reason = "the names say it")]
    pub const AUTHORIZE: &str = "/oauth2/authorize";
    pub const TOKEN: &str = "/oauth2/token";
    pub const PAR: &str = "/oauth2/par";
    pub const DEVICE_AUTHORIZATION: &str = "/oauth2/device_authorization";
    pub const DEVICE: &str = "/device";
    pub const BACKCHANNEL: &str = "/oauth2/bc-authorize";
    pub const REQUESTS: &str = "/requests";
    pub const REGISTER: &str = "/oauth2/register";
    pub const INTROSPECT: &str = "/oauth2/introspect";
    pub const REVOKE: &str = "/oauth2/revoke";
    pub const END_SESSION: &str = "/oauth2/logout";
    pub const CHECK_SESSION: &str = "/oauth2/check_session";
    pub const USERINFO: &str = "/oauth2/userinfo";
    pub const JWKS: &str = "/oauth2/jwks";
    pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
    pub const OAUTH_SERVER: &str = "/.well-known/oauth-authorization-server";
}

/// The metadata document; the same for OAuth and for OpenID.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the members are those of RFC 8414 §2 and OpenID Connect Discovery §3")]
pub struct Metadata {
    pub issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    pub token_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// OpenID Connect CIBA Core §4.
    #[serde(flatten)]
    pub backchannel: Option<Backchannel>,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
    pub userinfo_endpoint: String,
    /// OpenID Connect RP-Initiated Logout §2.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_session_endpoint: Option<String>,
    /// OpenID Connect Session Management §3.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_session_iframe: Option<String>,
    /// OpenID Connect Front-Channel Logout §3.
    pub frontchannel_logout_supported: bool,
    pub frontchannel_logout_session_supported: bool,
    /// OpenID Connect Back-Channel Logout §2.1.
    pub backchannel_logout_supported: bool,
    pub backchannel_logout_session_supported: bool,
    pub jwks_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    pub scopes_supported: Vec<&'static str>,
    /// RFC 9396 §10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types_supported: Vec<String>,
    /// OpenID Connect Discovery §3, RFC 9470 §7.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values_supported: Vec<String>,
    pub claims_supported: Vec<&'static str>,
    pub response_types_supported: Vec<&'static str>,
    pub response_modes_supported: Vec<&'static str>,
    pub grant_types_supported: Vec<&'static str>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// RFC 9701 §7.
    pub introspection_signing_alg_values_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub code_challenge_methods_supported: Vec<&'static str>,
    pub subject_types_supported: Vec<&'static str>,
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    pub userinfo_signing_alg_values_supported: Vec<&'static str>,
    #[serde(flatten)]
    pub encrypted: Encrypted,
    /// How signed responses are signed (JARM §4).
    pub authorization_signing_alg_values_supported: Vec<&'static str>,
    pub dpop_signing_alg_values_supported: Vec<&'static str>,
    pub prompt_values_supported: Vec<&'static str>,
    /// OpenID Connect Discovery §3: how the pages may be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub display_values_supported: Vec<&'static str>,
    /// OpenID Connect Core §5.6.
    pub claim_types_supported: Vec<&'static str>,
    /// OpenID Connect Discovery §3: what the pages speak. Whoever has the pages says it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ui_locales_supported: Vec<&'static str>,
    #[serde(flatten)]
    pub about: About,
    pub require_pushed_authorization_requests: bool,
    pub authorization_response_iss_parameter_supported: bool,
    pub claims_parameter_supported: bool,
    pub request_parameter_supported: bool,
    pub request_uri_parameter_supported: bool,
    /// OpenID Connect Discovery §3: only addresses that a client has registered are fetched.
    pub require_request_uri_registration: bool,
    pub request_object_signing_alg_values_supported: Vec<&'static str>,
    /// RFC 9101 §10.5.
    pub require_signed_request_object: bool,
    /// A client id may be the address of a document (Client ID Metadata Document §5).
    pub client_id_metadata_document_supported: bool,
    /// Access tokens can be bound to certificates (RFC 8705 §3.3).
    pub tls_client_certificate_bound_access_tokens: bool,
}

/// Where people find more (RFC 8414 §2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the members are those of RFC 8414 §2")]
pub struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_documentation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_tos_uri: Option<String>,
}

/// What is said of backchannel authentication, where there is such a thing.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the members are those of OpenID Connect CIBA Core §4")]
pub struct Backchannel {
    pub backchannel_authentication_endpoint: String,
    pub backchannel_token_delivery_modes_supported: Vec<&'static str>,
    pub backchannel_authentication_request_signing_alg_values_supported: Vec<&'static str>,
    pub backchannel_user_code_parameter_supported: bool,
}

impl Backchannel {
    fn of(issuer: &Issuer) -> Self {
        Self {
            backchannel_authentication_endpoint: issuer.endpoint(path::BACKCHANNEL),
            backchannel_token_delivery_modes_supported: vec!["poll"],
            backchannel_authentication_request_signing_alg_values_supported: algorithms(Alg::PUBLIC),
            backchannel_user_code_parameter_supported: false,
        }
    }
}

/// What depends on settings and keys.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// There are pages, on which people sign in and consent.
    pub pages: bool,
    /// Browsers tell clients that somebody has signed in or out.
    pub session_management: bool,
    /// People can make an account by themselves.
    pub sign_up: bool,
    /// Tokens may travel through the browser (implicit and hybrid).
    pub front_channel: bool,
    /// The grant types that work.
    pub grant_types: Vec<GrantType>,
    /// What ID tokens are signed with.
    pub signing: Vec<Algorithm>,
    /// How keys of what is encrypted for us may get here.
    pub decryption: Vec<KeyManagement>,
    /// How clients may authenticate.
    pub auth_methods: Vec<AuthMethod>,
    /// What their assertions may be signed with.
    pub assertions: Vec<Alg>,
    /// Whether clients can register themselves.
    pub registration: bool,
    /// Whether a client's id may be the address of its document.
    pub client_documents: bool,
    /// Whether access tokens can be bound to certificates.
    pub certificate_bound: bool,
    /// Where people find more.
    pub about: About,
    /// The authentication context classes.
    pub acr_values: Vec<String>,
    /// The types of authorization details.
    pub details: Vec<String>,
}

impl Metadata {
    /// The document of an issuer that offers this.
    pub fn new(issuer: &Issuer, offers: &Offers) -> Self {
        let methods: Vec<_> = offers.auth_methods.iter().map(|method| method.as_str()).collect();
        let secret_methods: Vec<_> = methods.iter().copied().filter(|name| *name != "none").collect();
        let signing: Vec<_> = offers.signing.iter().map(|algorithm| algorithm.as_str()).collect();
        let with_pages = |path| offers.pages.then(|| issuer.endpoint(path));
        let works = |of: GrantType| {
            offers.grant_types.contains(&of)
                && (offers.pages || !of.needs_a_page())
                && (offers.front_channel || of != GrantType::Implicit)
        };
        let assertions: Vec<_> = offers.assertions.iter().map(|alg| alg.as_str()).collect();
        Self {
            issuer: issuer.to_string(),
            // RFC 8414 §2: not where no grant type needs it.
            authorization_endpoint: with_pages(path::AUTHORIZE),
            token_endpoint: issuer.endpoint(path::TOKEN),
            pushed_authorization_request_endpoint: with_pages(path::PAR),
            device_authorization_endpoint: with_pages(path::DEVICE_AUTHORIZATION),
            backchannel: works(GrantType::Backchannel).then(|| Backchannel::of(issuer)),
            introspection_endpoint: issuer.endpoint(path::INTROSPECT),
            revocation_endpoint: issuer.endpoint(path::REVOKE),
            userinfo_endpoint: issuer.endpoint(path::USERINFO),
            end_session_endpoint: with_pages(path::END_SESSION),
            check_session_iframe: with_pages(path::CHECK_SESSION).filter(|_| offers.session_management),
            frontchannel_logout_supported: offers.pages,
            frontchannel_logout_session_supported: offers.pages,
            backchannel_logout_supported: offers.pages,
            backchannel_logout_session_supported: offers.pages,
            jwks_uri: issuer.endpoint(path::JWKS),
            registration_endpoint: offers.registration.then(|| issuer.endpoint(path::REGISTER)),
            scopes_supported: vec!["openid", "profile", "email", "address", "phone", "offline_access"],
            authorization_details_types_supported: offers.details.clone(),
            acr_values_supported: offers.acr_values.clone(),
            claims_supported: claims_supported(),
            response_types_supported: ResponseType::ALL
                .into_iter()
                .filter(|of| offers.pages && (offers.front_channel || !of.is_front_channel()))
                .map(ResponseType::as_str)
                .collect(),
            response_modes_supported: ResponseMode::ALL.to_vec(),
            grant_types_supported: GrantType::ALL.iter().filter(|of| works(**of)).map(|of| of.as_str()).collect(),
            token_endpoint_auth_methods_supported: methods.clone(),
            introspection_endpoint_auth_methods_supported: secret_methods,
            revocation_endpoint_auth_methods_supported: methods,
            token_endpoint_auth_signing_alg_values_supported: assertions.clone(),
            introspection_endpoint_auth_signing_alg_values_supported: assertions.clone(),
            revocation_endpoint_auth_signing_alg_values_supported: assertions,
            code_challenge_methods_supported: vec!["S256"],
            subject_types_supported: vec!["public", "pairwise"],
            authorization_signing_alg_values_supported: signing.clone(),
            introspection_signing_alg_values_supported: signing.clone(),
            userinfo_signing_alg_values_supported: signing.clone(),
            id_token_signing_alg_values_supported: signing,
            encrypted: Encrypted::new(&offers.decryption),
            dpop_signing_alg_values_supported: algorithms(Alg::PUBLIC),
            prompt_values_supported: prompts(offers.sign_up),
            display_values_supported: if offers.pages { displays() } else { Vec::new() },
            claim_types_supported: vec!["normal"],
            ui_locales_supported: Vec::new(),
            about: offers.about.clone(),
            require_pushed_authorization_requests: false,
            authorization_response_iss_parameter_supported: true,
            claims_parameter_supported: true,
            request_parameter_supported: true,
            request_uri_parameter_supported: true,
            require_request_uri_registration: true,
            request_object_signing_alg_values_supported: algorithms(Alg::PUBLIC),
            require_signed_request_object: false,
            client_id_metadata_document_supported: offers.client_documents,
            tls_client_certificate_bound_access_tokens: offers.certificate_bound,
        }
    }
}

fn algorithms(of: &[Alg]) -> Vec<&'static str> {
    of.iter().map(|alg| alg.as_str()).collect()
}

/// Initiating User Registration §4: create where it leads somewhere.
fn prompts(sign_up: bool) -> Vec<&'static str> {
    let all = ["none", "login", "consent", "select_account"];
    all.into_iter().chain(sign_up.then_some("create")).collect()
}

fn displays() -> Vec<&'static str> {
    Display::ALL.iter().map(|display| display.as_str()).collect()
}

fn claims_supported() -> Vec<&'static str> {
    let protocol = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "c_hash", "sid"];
    let of_scopes = crate::claims::SCOPE_CLAIMS.iter().flat_map(|(_, claims)| claims.iter().copied());
    protocol.into_iter().chain(of_scopes).collect()
}

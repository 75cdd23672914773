//! What a server says of itself (RFC 8414 §2, OpenID Connect Discovery §3), as its clients and resource servers read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{address, answer};
use crate::error::{Breach, Error};

/// The metadata of a server. Members that are not there are `None` or empty; those not known here are in `rest`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the members are those of RFC 8414 §2 and OpenID Connect Discovery §3")]
pub struct ServerMetadata {
    pub issuer: String,
    pub authorization_endpoint: Option<String>,
    pub token_endpoint: Option<String>,
    pub jwks_uri: Option<String>,
    pub registration_endpoint: Option<String>,
    pub userinfo_endpoint: Option<String>,
    pub end_session_endpoint: Option<String>,
    pub introspection_endpoint: Option<String>,
    pub revocation_endpoint: Option<String>,
    /// RFC 8628 §4.
    pub device_authorization_endpoint: Option<String>,
    /// RFC 9126 §5.
    pub pushed_authorization_request_endpoint: Option<String>,
    /// RFC 9126 §5.
    pub require_pushed_authorization_requests: bool,
    /// RFC 9207 §3.
    pub authorization_response_iss_parameter_supported: bool,
    /// Client ID Metadata Document §5.
    pub client_id_metadata_document_supported: bool,
    pub scopes_supported: Vec<String>,
    pub response_types_supported: Vec<String>,
    pub grant_types_supported: Vec<String>,
    pub code_challenge_methods_supported: Vec<String>,
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// RFC 9449 §5.1.
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// RFC 8705 §5.
    pub mtls_endpoint_aliases: BTreeMap<String, Value>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl ServerMetadata {
    /// Reads the members of a document that was fetched from `url`, which must be of this issuer.
    pub fn read(url: &str, members: Map<String, Value>, issuer: &str) -> Result<Self, Error> {
        let said = members.get("issuer").and_then(Value::as_str).unwrap_or_default();
        // RFC 8414 §3.3, OpenID Connect Discovery §4.3: identical, compared as text.
        if said != issuer {
            let (said, expected) = (crate::error::shown(said), issuer.to_owned());
            return Err(Error::breach(url, Breach::ForeignIssuer { said, expected }));
        }
        // An absent member may be written as null.
        let metadata: Self = answer::typed(url, members.into_iter().filter(|(_, value)| !value.is_null()).collect())?;
        let base = address::issuer(issuer)?;
        // RFC 8414 §2: https.
        if let Some((name, _)) = metadata.endpoints().find(|(_, at)| !address::may_name(&base, at)) {
            return Err(answer::malformed(url, &format!("{name} is not an address that may stand there")));
        }
        Ok(metadata)
    }

    fn endpoints(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [
            ("authorization_endpoint", &self.authorization_endpoint),
            ("token_endpoint", &self.token_endpoint),
            ("jwks_uri", &self.jwks_uri),
            ("registration_endpoint", &self.registration_endpoint),
            ("userinfo_endpoint", &self.userinfo_endpoint),
            ("end_session_endpoint", &self.end_session_endpoint),
            ("introspection_endpoint", &self.introspection_endpoint),
            ("revocation_endpoint", &self.revocation_endpoint),
            ("device_authorization_endpoint", &self.device_authorization_endpoint),
            ("pushed_authorization_request_endpoint", &self.pushed_authorization_request_endpoint),
        ];
        let own = own.into_iter().filter_map(|(name, at)| at.as_deref().map(|at| (name, at)));
        let aliases =
            self.mtls_endpoint_aliases.iter().filter_map(|(name, at)| at.as_str().map(|at| (name.as_str(), at)));
        own.chain(aliases)
    }

    /// An endpoint by the name of its member. Who presents a certificate gets its alias, if there is one (RFC 8705 §5).
    pub fn endpoint(&self, name: &'static str, with_certificate: bool) -> Result<&str, Error> {
        let alias = || self.mtls_endpoint_aliases.get(name).and_then(Value::as_str);
        let own = || self.endpoints().find(|(known, _)| *known == name).map(|(_, at)| at);
        let found = if with_certificate { alias().or_else(own) } else { own() };
        found.ok_or_else(|| Error::breach(&self.issuer, Breach::Missing(name)))
    }

    /// Whether clients may authenticate so at the token endpoint (RFC 8414 §2: `client_secret_basic`, where nothing is said).
    pub fn takes(&self, method: &str) -> bool {
        match &self.token_endpoint_auth_methods_supported {
            None => method == "client_secret_basic",
            Some(methods) => methods.iter().any(|known| known == method),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://as.example/tenant";

    fn good() -> Value {
        json!({"issuer": ISSUER, "token_endpoint": "https://as.example/token", "jwks_uri": "https://keys.example/",
            "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.example/token"}, "of_tomorrow": 1, "userinfo_endpoint": null})
    }

    fn with(name: &str, value: Value) -> Result<ServerMetadata, Error> {
        let mut document = good();
        document[name] = value;
        let Value::Object(members) = document else { unreachable!() };
        ServerMetadata::read("https://as.example/.well-known/x", members, ISSUER)
    }

    // RFC 8414 §2, §3.3, RFC 8628 §4, RFC 9449 §5.1, OpenID Connect Discovery §3, §4.3.
    #[test]
    fn a_document_is_of_the_issuer_that_was_asked_and_names_addresses() {
        let metadata = with("scopes_supported", json!(["openid"])).unwrap();
        assert_eq!(metadata.rest.get("of_tomorrow"), Some(&json!(1)));
        assert!(metadata.takes("client_secret_basic") && !metadata.takes("none"));
        for issuer in [json!("https://as.example/tenant/"), json!("https://evil.example"), json!(1), Value::Null] {
            let error = with("issuer", issuer).unwrap_err();
            assert!(matches!(error, Error::Protocol { breach: Breach::ForeignIssuer { .. }, .. }), "{error}");
        }
        for (name, value) in [
            ("token_endpoint", json!("http://as.example/token")),
            ("token_endpoint", json!("http://127.0.0.1/token")),
            ("jwks_uri", json!("file:///etc/passwd")),
            ("scopes_supported", json!("openid")),
            ("mtls_endpoint_aliases", json!({"token_endpoint": "http://10.0.0.1/"})),
        ] {
            assert!(with(name, value.clone()).is_err(), "{name} {value}");
        }
    }

    // RFC 8705 §5.
    #[test]
    fn who_presents_a_certificate_goes_to_the_alias() {
        let metadata = with("of_tomorrow", json!(2)).unwrap();
        assert_eq!(metadata.endpoint("token_endpoint", true).unwrap(), "https://mtls.example/token");
        assert_eq!(metadata.endpoint("token_endpoint", false).unwrap(), "https://as.example/token");
        assert_eq!(metadata.endpoint("jwks_uri", true).unwrap(), "https://keys.example/");
        assert!(metadata.endpoint("userinfo_endpoint", false).is_err());
    }
}

use serde::Deserialize;

/// What a provider says of itself (OpenID Connect Discovery §3), as far as a sign-in there needs it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the members are those of OpenID Connect Discovery §3 and RFC 8414 §2")]
pub struct ProviderMetadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub end_session_endpoint: Option<String>,
    /// Whether every authorization response has `iss` (RFC 9207 §3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub response_modes_supported: Option<Vec<String>>,
    #[serde(default)]
    pub scopes_supported: Option<Vec<String>>,
    #[serde(default)]
    pub grant_types_supported: Option<Vec<String>>,
    #[serde(default)]
    pub code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Option<Vec<String>>,
}

impl ProviderMetadata {
    /// Where the document of an issuer is.
    pub fn address(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    /// Reads the document of an issuer. The error says what is wrong with it.
    pub fn parse(document: &[u8], issuer: &str) -> Result<Self, String> {
        let metadata: Self = serde_json::from_slice(document).map_err(|error| error.to_string())?;
        // OpenID Connect Discovery §4.3, RFC 8414 §3.3: the issuer is exactly the one that was asked.
        if metadata.issuer != issuer {
            return Err(format!("it is of the issuer {}", metadata.issuer));
        }
        let required = [
            ("authorization_endpoint", Some(&metadata.authorization_endpoint)),
            ("token_endpoint", Some(&metadata.token_endpoint)),
            ("jwks_uri", Some(&metadata.jwks_uri)),
            ("userinfo_endpoint", metadata.userinfo_endpoint.as_ref()),
            ("end_session_endpoint", metadata.end_session_endpoint.as_ref()),
        ];
        let is_address = |text: &String| {
            (text.starts_with("https://") || text.starts_with("http://"))
                && !text.contains('#')
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let wrong = required.into_iter().find(|(_, address)| address.is_some_and(|address| !is_address(address)));
        if let Some((name, _)) = wrong {
            return Err(format!("{name}: not an address"));
        }
        Ok(metadata)
    }

    /// Whether clients may authenticate so (OpenID Connect Discovery §3: `client_secret_basic`, where nothing is said).
    pub fn takes(&self, method: &str) -> bool {
        match &self.token_endpoint_auth_methods_supported {
            None => method == "client_secret_basic",
            Some(methods) => methods.iter().any(|known| known == method),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://idp.example/realm";

    fn good() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://idp.example/realm/auth?tenant=1",
            "token_endpoint": "https://idp.example/realm/token",
            "jwks_uri": "https://idp.example/realm/keys",
            "scopes_supported": ["openid"],
        })
    }

    fn with(name: &str, value: Value) -> Result<ProviderMetadata, String> {
        let mut document = good();
        document[name] = value;
        ProviderMetadata::parse(document.to_string().as_bytes(), ISSUER)
    }

    // OpenID Connect Discovery §3, §4, §4.3, RFC 8414 §2, §3.3, RFC 9207 §3.
    #[test]
    fn a_document_is_of_the_issuer_that_was_asked_and_has_addresses() {
        assert_eq!(ProviderMetadata::address(ISSUER), "https://idp.example/realm/.well-known/openid-configuration");
        let metadata = ProviderMetadata::parse(good().to_string().as_bytes(), ISSUER).unwrap();
        assert!(metadata.takes("client_secret_basic") && !metadata.takes("client_secret_post"));
        assert!(!metadata.authorization_response_iss_parameter_supported);
        assert!(with("issuer", "https://idp.example/realm/".into()).unwrap_err().contains("issuer"));
        for (name, value) in [
            ("token_endpoint", Value::Null),
            ("token_endpoint", "ftp://idp.example".into()),
            ("jwks_uri", "https://idp.example/ keys".into()),
            ("authorization_endpoint", "https://idp.example/#there".into()),
            ("userinfo_endpoint", "javascript:1".into()),
        ] {
            assert!(with(name, value.clone()).is_err(), "{name} {value}");
        }
        assert!(with("token_endpoint_auth_methods_supported", json!(["none"])).unwrap().takes("none"));
    }
}

use serde::Serialize;

use crate::jose::jwe::{ContentEncryption, KeyManagement};

/// How what is encrypted is encrypted: for clients, and for us.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the members are those of OpenID Connect Discovery §3, JARM §4 and RFC 9701 §7")]
pub struct Encrypted {
    pub id_token_encryption_alg_values_supported: Vec<&'static str>,
    pub id_token_encryption_enc_values_supported: Vec<&'static str>,
    pub userinfo_encryption_alg_values_supported: Vec<&'static str>,
    pub userinfo_encryption_enc_values_supported: Vec<&'static str>,
    pub authorization_encryption_alg_values_supported: Vec<&'static str>,
    pub authorization_encryption_enc_values_supported: Vec<&'static str>,
    pub introspection_encryption_alg_values_supported: Vec<&'static str>,
    pub introspection_encryption_enc_values_supported: Vec<&'static str>,
    pub request_object_encryption_alg_values_supported: Vec<&'static str>,
    pub request_object_encryption_enc_values_supported: Vec<&'static str>,
}

impl Encrypted {
    /// Every way for clients, and these for us.
    pub(super) fn new(for_us: &[KeyManagement]) -> Self {
        let managements = |of: &[KeyManagement]| of.iter().map(|alg| alg.as_str()).collect::<Vec<_>>();
        let all = managements(KeyManagement::ALL);
        let contents: Vec<_> = ContentEncryption::ALL.iter().map(|enc| enc.as_str()).collect();
        Self {
            id_token_encryption_alg_values_supported: all.clone(),
            id_token_encryption_enc_values_supported: contents.clone(),
            userinfo_encryption_alg_values_supported: all.clone(),
            userinfo_encryption_enc_values_supported: contents.clone(),
            authorization_encryption_alg_values_supported: all.clone(),
            authorization_encryption_enc_values_supported: contents.clone(),
            introspection_encryption_alg_values_supported: all,
            introspection_encryption_enc_values_supported: contents.clone(),
            request_object_encryption_alg_values_supported: managements(for_us),
            request_object_encryption_enc_values_supported: contents,
        }
    }
}

//! JWT access tokens (RFC 9068).

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::feed::LivesBy;
use crate::introspection::Confirmation;
use crate::jose::{Alg, Compact, Jwks, Jwt, Refused, object};
use crate::scope::Scope;

/// RFC 9068 §2.1: what its header says it is, so that nobody takes it for an ID token.
pub const TYP: &str = "at+jwt";

/// The claims of a JWT access token (RFC 9068 §2.2); times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the members are those of RFC 9068 §2.2")]
pub struct JwtAccessToken {
    pub iss: String,
    pub sub: String,
    #[serde(serialize_with = "one_or_more")]
    pub aud: Vec<String>,
    pub client_id: String,
    pub exp: i64,
    pub iat: i64,
    /// A seal: what of it refers to the grant.
    pub jti: String,
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// RFC 9396 §9.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// RFC 8693 §4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Value>,
    /// What a revocation feed may say that ends it.
    #[serde(skip_serializing_if = "LivesBy::is_empty")]
    pub lives_by: LivesBy,
    /// Claims beside these.
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

/// RFC 7519 §4.1.3: in the special case of one audience, a text.
fn one_or_more<S: Serializer>(audience: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match audience {
        [one] => serializer.serialize_str(one),
        several => serializer.collect_seq(several),
    }
}

/// The `jti` of a JWT access token that one of these keys has signed. Whether it is live is for the seal in it to say.
pub fn verified_jti(text: &str, keys: &Jwks) -> Result<String, Refused> {
    let compact = Compact::parse(text, Jwt::LONGEST)?;
    // RFC 9068 §4, RFC 8725 §3.11: nothing else that we sign is an access token.
    if !compact.header().is_typ(TYP) {
        return Err(Refused::Typ);
    }
    match object(compact.verify(keys, Alg::PUBLIC)?)?.remove("jti") {
        Some(Value::String(jti)) => Ok(jti),
        _ => Err(Refused::Claim("jti")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_audience_is_a_text_and_several_are_a_list() {
        let mut token = JwtAccessToken {
            iss: "https://login.example".to_owned(),
            sub: "somebody".to_owned(),
            aud: vec!["https://api.example".to_owned()],
            client_id: "app".to_owned(),
            exp: 2,
            iat: 1,
            jti: "j".to_owned(),
            scope: Scope::default(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            authorization_details: None,
            cnf: None,
            act: None,
            lives_by: LivesBy::default(),
            claims: Map::new(),
        };
        assert_eq!(serde_json::to_value(&token).unwrap()["aud"], "https://api.example");
        token.aud.push("urn:b".to_owned());
        assert_eq!(serde_json::to_value(&token).unwrap()["aud"], serde_json::json!(["https://api.example", "urn:b"]));
    }
}

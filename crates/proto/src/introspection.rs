//! Token introspection (RFC 7662) and revocation (RFC 7009): what is asked and what is answered.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::Denied;
use crate::form::Form;
use crate::scope::Scope;

/// A token somebody asks about or wants dead. The hint is not needed: a token's prefix tells what it is.
pub struct PresentedToken {
    /// The token.
    pub token: String,
}

impl PresentedToken {
    /// Reads the form of an introspection or revocation request.
    pub fn parse(form: &Form<'_>) -> Result<Self, Denied> {
        // RFC 7662 §2.1, RFC 7009 §2.1: token is required; token_type_hint may be ignored.
        Ok(Self { token: form.required("token")?.to_owned() })
    }
}

impl fmt::Debug for PresentedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedToken(..)")
    }
}

/// The answer to an introspection request (RFC 7662 §2.2).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// The token is live.
    Active(Box<ActiveToken>),
    /// The token is dead, unknown, or not for the asker's eyes: nothing else is said.
    Inactive(Inactive),
}

impl Introspection {
    /// `{"active":false}` and nothing else.
    pub const INACTIVE: Self = Self::Inactive(Inactive { active: False });
}

/// See [`Introspection::INACTIVE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Inactive {
    active: False,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct False;

impl Serialize for False {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(false)
    }
}

/// What is told of a live token (RFC 7662 §2.2); times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the members are those of RFC 7662 §2.2")]
pub struct ActiveToken {
    pub active: bool,
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    pub iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    pub iss: String,
    pub jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// RFC 9396 §9.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// RFC 8693 §4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<serde_json::Value>,
    /// Caveats that no standard member expresses, for an asker that enforces them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// Members beside these.
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

/// RFC 9701 §5: what the header of a signed answer says it is, and its media type without `application/`.
pub const SIGNED: &str = "token-introspection+jwt";

/// A signed answer (RFC 9701 §5): without `sub` and `exp` of its own, so that nobody takes it for an access token.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the members are those of RFC 9701 §5")]
pub struct SignedIntrospection<'a> {
    pub iss: &'a str,
    pub aud: &'a str,
    pub iat: i64,
    pub token_introspection: &'a Introspection,
}

/// What a token is bound to (RFC 7800 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// RFC 9449 §6.1: the thumbprint of a DPoP key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// RFC 8705 §3.2: the thumbprint of a certificate.
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7662 §2.2.
    #[test]
    fn a_dead_token_gets_active_false_and_nothing_else() {
        assert_eq!(serde_json::to_string(&Introspection::INACTIVE).unwrap(), r#"{"active":false}"#);
    }
}

//! What is known of an access token once it was verified here or looked up there.

use firman_proto::feed::{CLAIM, LivesBy};
use firman_proto::introspection::{ActiveToken, Confirmation};
use firman_proto::jose::{Refused, audiences, numeric_date};
use firman_proto::scope::Scope;
use firman_proto::seal::{Caveat, Caveats, Thumbprint};
use firman_proto::time::Timestamp;
use serde_json::{Map, Value};

/// What a live token says. Its Debug shows no claim beside those that are named here.
#[derive(Clone, Default, PartialEq)]
pub struct Facts {
    /// Who issued it.
    pub issuer: String,
    /// Whose it is: the person, or the client where there is none.
    pub subject: Option<String>,
    /// The client it was issued to.
    pub client_id: Option<String>,
    /// What it allows.
    pub scope: Scope,
    /// Whom it is for.
    pub audience: Vec<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Before when it is not good: the later of `nbf` and `iat`.
    pub not_before: Option<Timestamp>,
    /// Tells it from all others of its issuer.
    pub jti: Option<String>,
    /// The class of the sign-in behind it.
    pub acr: Option<String>,
    /// When that sign-in was.
    pub auth_time: Option<Timestamp>,
    /// RFC 9449 §6.1: the key whose proof must come with it.
    pub jkt: Option<Thumbprint>,
    /// RFC 8705 §3.1: the certificate it must come with.
    pub certificate: Option<Thumbprint>,
    /// What its holders have added that only who serves the request can check.
    pub caveats: Caveats,
    /// What it lives by, where its issuer tells that for its revocation feed.
    pub lives_by: LivesBy,
    /// The other claims.
    pub claims: Map<String, Value>,
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Facts {
    /// Reads the claims of a JWT access token (RFC 9068 §2.2) or the members of an introspection answer (RFC 7662 §2.2).
    ///
    /// # Errors
    ///
    /// A member is not what the RFC says, or binds the token to something that nobody here can check.
    pub fn read(mut members: Map<String, Value>) -> Result<Self, Refused> {
        let mut text = |name: &'static str| match members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refused::Claim(name)),
        };
        let (issuer, subject, client_id) = (text("iss")?.unwrap_or_default(), text("sub")?, text("client_id")?);
        let (scope, jti, acr) = (text("scope")?.unwrap_or_default(), text("jti")?, text("acr")?);
        let mut time = |name| numeric_date(members.remove(name), name);
        let (exp, nbf, iat, auth_time) = (time("exp")?, time("nbf")?, time("iat")?, time("auth_time")?);
        let (jkt, certificate) = binding(members.remove("cnf"))?;
        Ok(Self {
            issuer,
            subject,
            client_id,
            scope: Scope::parse(&scope).map_err(|_| Refused::Claim("scope"))?,
            audience: audiences(members.remove("aud"))?,
            expires_at: exp,
            not_before: nbf.max(iat),
            jti,
            acr,
            auth_time,
            jkt,
            certificate,
            caveats: caveats(members.remove("caveats"))?,
            lives_by: lives_by(members.remove(CLAIM))?,
            claims: members,
        })
    }

    /// What a server in the same process tells of a live token.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn of_active(token: ActiveToken) -> Result<Self, Refused> {
        let Confirmation { jkt, certificate } = token.cnf.unwrap_or_default();
        Ok(Self {
            issuer: token.iss,
            subject: token.sub,
            client_id: Some(token.client_id),
            scope: token.scope,
            audience: token.aud,
            expires_at: token.exp.map(Timestamp::from_seconds),
            not_before: Some(Timestamp::from_seconds(token.iat)),
            jti: Some(token.jti),
            acr: token.acr,
            auth_time: token.auth_time.map(Timestamp::from_seconds),
            jkt: thumbprint(jkt.as_deref(), "cnf")?,
            certificate: thumbprint(certificate.as_deref(), "cnf")?,
            caveats: parsed(token.caveats.iter().map(String::as_str))?,
            lives_by: LivesBy::default(),
            claims: token.claims,
        })
    }
}

/// What a revocation feed of the issuer may say that ends the token.
fn lives_by(value: Option<Value>) -> Result<LivesBy, Refused> {
    let Some(value) = value else { return Ok(LivesBy::default()) };
    serde_json::from_value(value).map_err(|_| Refused::Claim(CLAIM))
}

/// RFC 7800 §3.1: a token that is bound is never taken as one that is not, also where nobody here knows by what.
fn binding(cnf: Option<Value>) -> Result<(Option<Thumbprint>, Option<Thumbprint>), Refused> {
    let Some(cnf) = cnf else { return Ok((None, None)) };
    let member = |name| match cnf.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => thumbprint(Some(text), "cnf"),
        Some(_) => Err(Refused::Claim("cnf")),
    };
    let (jkt, certificate) = (member("jkt")?, member("x5t#S256")?);
    if jkt.is_none() && certificate.is_none() { Err(Refused::Claim("cnf")) } else { Ok((jkt, certificate)) }
}

fn thumbprint(text: Option<&str>, name: &'static str) -> Result<Option<Thumbprint>, Refused> {
    text.map(|text| Thumbprint::parse(text).ok_or(Refused::Claim(name))).transpose()
}

/// What is not understood may forbid anything.
fn caveats(value: Option<Value>) -> Result<Caveats, Refused> {
    let texts = match value {
        None => return Ok(Caveats::default()),
        Some(Value::Array(texts)) => texts,
        Some(_) => return Err(Refused::Claim("caveats")),
    };
    let texts: Option<Vec<_>> = texts.iter().map(Value::as_str).collect();
    parsed(texts.ok_or(Refused::Claim("caveats"))?.into_iter())
}

fn parsed<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Caveats, Refused> {
    let caveats: Option<Vec<_>> = texts.map(Caveat::parse).collect();
    caveats.and_then(|caveats| Caveats::new(caveats).ok()).ok_or(Refused::Claim("caveats"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Facts, Refused> {
        let Value::Object(members) = value else { panic!("no object") };
        Facts::read(members)
    }

    // RFC 7519 §4.1.3, RFC 9068 §2.2.
    #[test]
    fn claims_are_read_as_their_rfcs_type_them() {
        let facts = read(json!({
            "iss": "https://as.example", "sub": "s", "client_id": "c", "aud": "https://api.example", "scope": "b a",
            "exp": 10.9, "iat": 5, "nbf": 7, "auth_time": 3, "acr": "mfa", "jti": "j", "tenant": "t",
        }));
        let facts = facts.unwrap();
        assert_eq!((facts.audience, facts.scope.as_str()), (vec!["https://api.example".to_owned()], "a b"));
        assert_eq!(facts.expires_at, Some(Timestamp::from_seconds(10)));
        assert_eq!(facts.not_before, Some(Timestamp::from_seconds(7)));
        assert_eq!(facts.claims["tenant"], "t");
        for (wrong, name) in [
            (json!({"sub": 1}), "sub"),
            (json!({"aud": [1]}), "aud"),
            (json!({"scope": ["a"]}), "scope"),
            (json!({"exp": "10"}), "exp"),
            (json!({"exp": -1}), "exp"),
            (json!({"lives_by": {"keys": [1], "epochs": {}}}), "lives_by"),
        ] {
            assert_eq!(read(wrong).unwrap_err(), Refused::Claim(name));
        }
    }

    // RFC 7800 §3.1.
    #[test]
    fn a_token_that_is_bound_to_what_nobody_here_knows_is_no_bearer_token() {
        let print = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert!(read(json!({"cnf": {"jkt": print, "new": 1}})).unwrap().jkt.is_some());
        for cnf in [json!({"new": 1}), json!({}), json!({"jkt": 1}), json!({"jkt": "short"}), json!("x")] {
            assert_eq!(read(json!({ "cnf": cnf })).unwrap_err(), Refused::Claim("cnf"));
        }
    }

    #[test]
    fn a_caveat_that_is_not_understood_refuses_the_token() {
        assert_eq!(read(json!({"caveats": ["path = /v1"]})).unwrap().caveats.iter().count(), 1);
        for caveats in [json!(["colour = blue"]), json!("path = /v1"), json!([1])] {
            assert_eq!(read(json!({ "caveats": caveats })).unwrap_err(), Refused::Claim("caveats"));
        }
    }
}

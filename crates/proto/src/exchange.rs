//! Token exchange (RFC 8693): what is presented, and what is asked for it.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::{Denied, invalid_request};
use crate::form::Form;
use crate::resource;
use crate::scope::Scope;
use crate::token::scope;

/// How many actors stand in a chain at most.
pub const LONGEST_CHAIN: usize = 4;

/// A type of token (RFC 8693 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// An access token of this server.
    AccessToken,
    /// An ID token of this server.
    IdToken,
    /// A JWT of an issuer that is trusted here.
    Jwt,
    /// An assertion of who somebody is, for another authorization server (Identity Assertion Authorization Grant).
    IdJag,
}

impl TokenType {
    /// Every type that is known here.
    pub const ALL: &'static [Self] = &[Self::AccessToken, Self::IdToken, Self::Jwt, Self::IdJag];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
            Self::IdJag => "urn:ietf:params:oauth:token-type:id-jag",
        }
    }

    /// Reads the name on the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// A token and what its bearer says it is. Its Debug shows the type alone.
pub struct TypedToken {
    /// The token.
    pub token: String,
    /// What it is said to be.
    pub kind: TokenType,
}

impl fmt::Debug for TypedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedToken({:?})", self.kind)
    }
}

/// One token presented for another.
#[derive(Debug)]
pub struct ExchangeRequest {
    /// Who the new token is about.
    pub subject: TypedToken,
    /// Who acts for them, if that is to be told.
    pub actor: Option<TypedToken>,
    /// What is asked for.
    pub requested: TokenType,
    /// The scope; as much as may be had if absent.
    pub scope: Option<Scope>,
    /// Where the new token is to be used, by name.
    pub audience: Vec<String>,
    /// Where the new token is to be used, by address.
    pub resource: Vec<String>,
    /// The details; as many as may be had if absent (RFC 9396 §6).
    pub authorization_details: Option<String>,
}

impl ExchangeRequest {
    /// Reads the form.
    pub fn parse(form: &Form<'_>) -> Result<Self, Denied> {
        // RFC 8693 §2.1: subject_token and its type are required.
        let subject = presented(form, "subject_token", "subject_token_type")?;
        // RFC 8693 §2.1: actor_token_type is required beside actor_token, and must not be there without it.
        let actor = match (form.get("actor_token"), form.get("actor_token_type")) {
            (None, None) => None,
            (None, Some(_)) => return Err(invalid_request("actor_token_type: given without actor_token")),
            (Some(_), _) => Some(presented(form, "actor_token", "actor_token_type")?),
        };
        let requested = match form.get("requested_token_type") {
            None => TokenType::AccessToken,
            Some(name) => match TokenType::parse(name) {
                Some(kind @ (TokenType::AccessToken | TokenType::IdJag)) => kind,
                _ => return Err(invalid_request("requested_token_type: only access_token and id-jag are issued here")),
            },
        };
        let audience: Vec<String> = form.all("audience").map(str::to_owned).collect();
        // RFC 8693 §2.2.2.
        if audience.len() > resource::MOST {
            return Err(resource::invalid_target(format!("audience: more than {}", resource::MOST)));
        }
        let authorization_details = form.get("authorization_details").map(str::to_owned);
        let (scope, resource) = (scope(form)?, resource::requested(form)?);
        Ok(Self { subject, actor, requested, scope, audience, resource, authorization_details })
    }
}

fn presented(form: &Form<'_>, token: &str, kind: &str) -> Result<TypedToken, Denied> {
    let (token, name) = (form.required(token)?.to_owned(), form.required(kind)?);
    match TokenType::parse(name) {
        Some(kind @ (TokenType::AccessToken | TokenType::IdToken | TokenType::Jwt)) => Ok(TypedToken { token, kind }),
        _ => Err(invalid_request(format!("{kind}: access_token, id_token and jwt are taken here"))),
    }
}

/// RFC 8693 §4.1: the chain with one more actor in front; `None` where it would be too long.
pub fn act(actor: Map<String, Value>, before: Option<&Value>) -> Option<Value> {
    let mut link = actor;
    if let Some(before) = before {
        link.insert("act".to_owned(), before.clone());
    }
    let chain = Value::Object(link);
    (depth(&chain) <= LONGEST_CHAIN).then_some(chain)
}

fn depth(chain: &Value) -> usize {
    std::iter::successors(Some(chain), |link| link.get("act")).take(LONGEST_CHAIN + 1).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

    fn parse(body: &str) -> Result<ExchangeRequest, String> {
        ExchangeRequest::parse(&Form::parse(body.as_bytes()).unwrap()).map_err(|denied| denied.text.to_string())
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let good = format!("subject_token=t&subject_token_type={ACCESS}");
        assert_eq!(parse("").unwrap_err(), "subject_token: missing");
        assert_eq!(parse("subject_token=t").unwrap_err(), "subject_token_type: missing");
        assert!(parse("subject_token=t&subject_token_type=magic").unwrap_err().starts_with("subject_token_type:"));
        let saml = "urn:ietf:params:oauth:token-type:saml2";
        assert!(
            parse(&format!("subject_token=t&subject_token_type={saml}"))
                .unwrap_err()
                .starts_with("subject_token_type:")
        );
        assert_eq!(parse(&format!("{good}&actor_token=a")).unwrap_err(), "actor_token_type: missing");
        assert!(parse(&format!("{good}&actor_token_type={ACCESS}")).unwrap_err().starts_with("actor_token_type:"));
        assert!(
            parse(&format!("{good}&requested_token_type={saml}")).unwrap_err().starts_with("requested_token_type:")
        );
        assert!(parse(&format!("{good}&scope=%22")).unwrap_err().starts_with("scope:"));
        let read = parse(&format!("{good}&audience=a&audience=b&resource=https://c.example")).unwrap();
        assert_eq!(
            (read.audience, read.resource),
            (vec!["a".to_owned(), "b".to_owned()], vec!["https://c.example".to_owned()])
        );
        assert_eq!(read.requested, TokenType::AccessToken);
    }

    #[test]
    fn debug_shows_no_token() {
        let read = parse(&format!("subject_token=hidden&subject_token_type={ACCESS}")).unwrap();
        assert!(!format!("{read:?}").contains("hidden"));
    }

    #[test]
    fn a_chain_of_actors_has_an_end() {
        let actor = |name: &str| Map::from_iter([("sub".to_owned(), name.into())]);
        let mut chain = None;
        for name in ["a", "b", "c", "d"] {
            chain = Some(act(actor(name), chain.as_ref()).unwrap());
        }
        let chain = chain.unwrap();
        assert_eq!((&chain["sub"], &chain["act"]["act"]["act"]["sub"]), (&"d".into(), &"a".into()));
        assert_eq!(act(actor("e"), Some(&chain)), None);
    }
}

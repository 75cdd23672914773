//! What a server says of a token (RFC 7662), and making one dead (RFC 7009).

use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer;
use super::party::Party;
use crate::error::Error;
use crate::exchange::{Request, Response};
use crate::secret::Secret;

/// What kind of token it may be (RFC 7009 §2.1): only a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
}

impl Hint {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// What is known of a token (RFC 7662 §2.2); times are in seconds. Also what is known before anybody was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the members are those of RFC 7662 §2.2")]
pub struct TokenFacts {
    /// Whether it is good; `None` where nobody was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "whole_seconds")]
    pub exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "whole_seconds")]
    pub iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "whole_seconds")]
    pub nbf: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// A text or a list of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// All others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// RFC 7519 §2: a number that may have a fraction.
fn whole_seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(from)?;
    #[allow(clippy::cast_possible_truncation, reason = "a float of this size is cut to the end of time")]
    Ok(number.and_then(|number| number.as_i64().or_else(|| number.as_f64().map(|float| float.floor() as i64))))
}

impl TokenFacts {
    /// Whether the token is good at `now`, as far as is known: not said to be inactive, begun and not ended.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        let (begun, ended) = (self.nbf.map(Timestamp::from_seconds), self.exp.map(Timestamp::from_seconds));
        // RFC 7662 §2.2: active is the whole answer; the times tell about it between two questions.
        self.active != Some(false) && begun.is_none_or(|nbf| nbf <= now) && ended.is_none_or(|exp| now < exp)
    }
}

/// Asks about a token.
///
/// # Errors
///
/// The server has no such endpoint.
pub fn request(party: &Party<'_>, token: &Secret, hint: Hint) -> Result<Request, Error> {
    party.post("introspection_endpoint", &[("token", token.reveal()), ("token_type_hint", hint.as_str())])
}

/// Reads what the server says of it.
///
/// # Errors
///
/// The server refused, or its answer is none.
pub fn read(party: &Party<'_>, response: &Response) -> Result<TokenFacts, Error> {
    let url = party.endpoint("introspection_endpoint")?;
    let members = answer::members(url, response, party.now)?;
    let facts: TokenFacts = answer::typed(url, members.into_iter().filter(|(_, value)| !value.is_null()).collect())?;
    // RFC 7662 §2.2: active is required.
    match facts.active {
        Some(true) => Ok(facts),
        // What is said of a dead token says nothing.
        Some(false) => Ok(TokenFacts { active: Some(false), ..TokenFacts::default() }),
        None => Err(answer::malformed(url, "it has no active")),
    }
}

/// Makes a token dead.
///
/// # Errors
///
/// The server has no such endpoint.
pub fn revocation(party: &Party<'_>, token: &Secret, hint: Hint) -> Result<Request, Error> {
    party.post("revocation_endpoint", &[("token", token.reveal()), ("token_type_hint", hint.as_str())])
}

/// Whether it is dead now. A token that was dead or unknown before is (RFC 7009 §2.2).
///
/// # Errors
///
/// The server refused.
pub fn revoked(party: &Party<'_>, response: &Response) -> Result<(), Error> {
    answer::success(party.endpoint("revocation_endpoint")?, response, party.now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::answer::tests::{NOW, answer, json as answered};
    use super::super::party::Client;
    use super::super::party::tests::{sent, server};
    use super::*;
    use crate::world::tests::Counted;

    fn with<T>(work: impl FnOnce(&Party<'_>) -> T) -> T {
        let (server, entropy, client) = (server(), Counted::default(), Client::public("app"));
        work(&Party { client: &client, server: &server, entropy: &entropy, now: NOW })
    }

    // RFC 7662 §2.1, §2.2, RFC 7519 §2, RFC 7009 §2.1, §2.2.
    #[test]
    fn a_token_is_asked_about_and_made_dead() {
        with(|party| {
            let asked = request(party, &"hush".into(), Hint::RefreshToken).unwrap();
            assert_eq!(
                (asked.url.as_str(), sent(&asked, "token_type_hint").unwrap().as_str()),
                ("https://as.example/introspect", "refresh_token")
            );
            let live = json!({"active": true, "exp": 1_795_000_300.9, "sub": "alice", "cnf": {"jkt": "x"}, "aud": ["a"], "nbf": null});
            let facts = read(party, &answered(200, &live)).unwrap();
            assert!((facts.exp, facts.rest.len()) == (Some(1_795_000_300), 1) && facts.is_valid(NOW));
            let dead = read(party, &answered(200, &json!({"active": false, "sub": "alice"}))).unwrap();
            assert!(dead.sub.is_none() && !dead.is_valid(NOW));
            for wrong in [json!({}), json!({"active": "yes"}), json!({"active": true, "exp": "soon"})] {
                assert!(read(party, &answered(200, &wrong)).is_err(), "{wrong}");
            }
            let kill = revocation(party, &"hush".into(), Hint::AccessToken).unwrap();
            assert_eq!(
                (kill.url.as_str(), sent(&kill, "token").unwrap().as_str()),
                ("https://as.example/revoke", "hush")
            );
            revoked(party, &answer(200, &[], "")).unwrap();
            assert!(revoked(party, &answer(503, &[], "")).unwrap_err().is_outage());
        });
    }

    // RFC 7662 §2.2.
    #[test]
    fn what_is_not_active_is_not_valid_whatever_its_times_say() {
        let facts = |active, nbf, exp| TokenFacts { active, exp, nbf, ..TokenFacts::default() };
        let (before, after) = (Some(NOW.seconds() - 1), Some(NOW.seconds() + 1));
        assert!(facts(None, None, None).is_valid(NOW) && facts(Some(true), before, after).is_valid(NOW));
        for dead in [
            facts(Some(false), None, None),
            facts(Some(false), before, after),
            facts(None, after, None),
            facts(None, None, before),
        ] {
            assert!(!dead.is_valid(NOW), "{dead:?}");
        }
        assert!(!facts(None, None, Some(NOW.seconds())).is_valid(NOW));
    }
}

//! The token endpoint: what is presented there for tokens, and what comes back (RFC 6749 §5.1).

use std::fmt;

use firman_proto::client::GrantType;
use firman_proto::exchange::TokenType as Issued;
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use serde_json::{Map, Value};

use super::answer;
use super::party::Party;
use crate::error::{Breach, Error, shown};
use crate::exchange::{Request, Response};
use crate::secret::Secret;

/// What an access token should be good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The scope; `None` leaves it to the server.
    pub scope: Option<Scope>,
    /// The resource servers that it is for (RFC 8707 §2).
    pub resource: Vec<String>,
}

/// What is presented for tokens.
#[derive(Clone, Copy, Debug)]
pub enum Presented<'a> {
    /// RFC 6749 §4.1.3, RFC 7636 §4.5.
    Code {
        /// The code.
        code: &'a Secret,
        /// The redirect URI that it came by.
        redirect_uri: &'a str,
        /// What the challenge was made of.
        verifier: &'a Secret,
    },
    /// RFC 6749 §6.
    RefreshToken(&'a Secret),
    /// RFC 6749 §4.4.2.
    ClientCredentials,
    /// RFC 8628 §3.4.
    DeviceCode(&'a Secret),
    /// RFC 8693 §2.1.
    Exchange(Exchange<'a>),
    /// RFC 7523 §2.1.
    Assertion(&'a Secret),
}

/// One token for another (RFC 8693 §2.1).
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Who the new token is about, and what kind of token says so.
    pub subject: (&'a Secret, Issued),
    /// Who acts for them, if that is to be told.
    pub actor: Option<(&'a Secret, Issued)>,
    /// What kind is wanted; the server's choice if nothing is said.
    pub requested: Option<Issued>,
    /// For whom it is, by a name that is no address.
    pub audience: Option<&'a str>,
}

/// A token request.
///
/// # Errors
///
/// The server has no token endpoint, or something of ours is missing.
pub fn request(party: &Party<'_>, presented: &Presented<'_>, target: &Target) -> Result<Request, Error> {
    let mut form: Vec<(&str, &str)> = Vec::with_capacity(8);
    match presented {
        Presented::Code { code, redirect_uri, verifier } => {
            form.push(("grant_type", GrantType::AuthorizationCode.as_str()));
            form.push(("code", code.reveal()));
            form.push(("redirect_uri", redirect_uri));
            form.push(("code_verifier", verifier.reveal()));
        }
        Presented::RefreshToken(token) => {
            form.push(("grant_type", GrantType::RefreshToken.as_str()));
            form.push(("refresh_token", token.reveal()));
        }
        Presented::ClientCredentials => form.push(("grant_type", GrantType::ClientCredentials.as_str())),
        Presented::DeviceCode(code) => {
            form.push(("grant_type", GrantType::DeviceCode.as_str()));
            form.push(("device_code", code.reveal()));
        }
        Presented::Exchange(exchange) => exchanged(&mut form, exchange),
        Presented::Assertion(assertion) => {
            form.push(("grant_type", GrantType::JwtBearer.as_str()));
            form.push(("assertion", assertion.reveal()));
        }
    }
    // RFC 6749 §4.1.3: the scope of a code is that of its request.
    let scope =
        target.scope.as_ref().filter(|_| !matches!(presented, Presented::Code { .. } | Presented::DeviceCode(_)));
    form.extend(scope.map(|scope| ("scope", scope.as_str())));
    form.extend(target.resource.iter().map(|resource| ("resource", resource.as_str())));
    party.post("token_endpoint", &form)
}

fn exchanged<'a>(form: &mut Vec<(&'static str, &'a str)>, exchange: &Exchange<'a>) {
    form.push(("grant_type", GrantType::TokenExchange.as_str()));
    form.push(("subject_token", exchange.subject.0.reveal()));
    form.push(("subject_token_type", exchange.subject.1.as_str()));
    if let Some((token, kind)) = exchange.actor {
        form.push(("actor_token", token.reveal()));
        form.push(("actor_token_type", kind.as_str()));
    }
    form.extend(exchange.requested.map(|kind| ("requested_token_type", kind.as_str())));
    form.extend(exchange.audience.map(|audience| ("audience", audience)));
}

/// How an access token is presented (RFC 6749 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
    /// RFC 9449: with a proof.
    #[serde(rename = "DPoP")]
    Dpop,
    /// RFC 8693 §2.2.1: it is no access token.
    #[serde(rename = "N_A")]
    NotApplicable,
}

impl TokenType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Bearer, Self::Dpop, Self::NotApplicable];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
            Self::NotApplicable => "N_A",
        }
    }

    /// Reads the name on the wire; case does not matter (RFC 6749 §5.1).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

/// What a token endpoint gave (RFC 6749 §5.1).
#[derive(Clone)]
pub struct Tokens {
    /// The access token; of a token exchange perhaps a token of another kind.
    pub access_token: Secret,
    /// How it is presented.
    pub token_type: TokenType,
    /// When it ends; `None` where the server does not say.
    pub expires_at: Option<Timestamp>,
    /// What brings the next.
    pub refresh_token: Option<Secret>,
    /// The scope; that which was asked for, where the server does not say (RFC 6749 §5.1).
    pub scope: Option<Scope>,
    /// Who signed in. Not verified yet: [`super::id_token::verify`].
    pub id_token: Option<Secret>,
    /// The members that are not known here.
    pub rest: Map<String, Value>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token_type, expires_at, scope, refresh_token, id_token, .. } = self;
        f.debug_struct("Tokens")
            .field("token_type", token_type)
            .field("expires_at", expires_at)
            .field("scope", scope)
            .field("refresh_token", &refresh_token.is_some())
            .field("id_token", &id_token.is_some())
            .finish_non_exhaustive()
    }
}

/// Reads the answer to a token request that was sent to `url`. With `bound`, only tokens bound to our key will do.
///
/// # Errors
///
/// The server refused, is in trouble, or answered something else.
pub fn read(url: &str, response: &Response, asked: &Target, bound: bool, now: Timestamp) -> Result<Tokens, Error> {
    let mut members = answer::members(url, response, now)?;
    let mut text = |name: &str| match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(answer::malformed(url, &format!("{name} is no text"))),
    };
    let access_token = text("access_token")?.ok_or_else(|| answer::malformed(url, "it has no access_token"))?;
    let said = text("token_type")?.ok_or_else(|| answer::malformed(url, "it has no token_type"))?;
    let token_type = TokenType::parse(&said);
    // RFC 9449 §5: a token that is not bound to the key is discarded by who asked for a bound one.
    let token_type = token_type.filter(|kind| !bound || *kind == TokenType::Dpop);
    let token_type = token_type.ok_or_else(|| Error::breach(url, Breach::TokenType(shown(&said))))?;
    let refresh_token = text("refresh_token")?.map(Secret::from);
    let id_token = text("id_token")?.map(Secret::from);
    let scope = match text("scope")? {
        // RFC 6749 §5.1: what is not said is as it was asked.
        None => asked.scope.clone(),
        Some(scope) => Some(parse_scope(url, &scope)?),
    };
    let expires_at = expiry(url, members.remove("expires_in").as_ref(), now)?;
    let access_token = access_token.into();
    Ok(Tokens { access_token, token_type, expires_at, refresh_token, scope, id_token, rest: members })
}

fn parse_scope(url: &str, text: &str) -> Result<Scope, Error> {
    // Some write more than one space between two.
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    Scope::parse(&words.join(" ")).map_err(|error| answer::malformed(url, &error.to_string()))
}

/// RFC 6749 §5.1: seconds. Some servers write them as text.
fn expiry(url: &str, value: Option<&Value>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let seconds = match value {
        None | Some(Value::Null) => return Ok(None),
        #[allow(clippy::cast_possible_truncation, reason = "a float of this size is cut to the end of time")]
        Some(Value::Number(number)) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    let seconds = seconds.ok_or_else(|| answer::malformed(url, "expires_in is no number"))?;
    Ok(Some(now.plus(Lifetime::from_seconds(seconds))))
}

#[cfg(test)]
mod tests {
    use firman_proto::form::Form;
    use serde_json::json;

    use super::super::answer::tests::{NOW, json as answered};
    use super::super::party::Client;
    use super::super::party::tests::{sent, server};
    use super::*;
    use crate::world::tests::Counted;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn asked(presented: &Presented<'_>, target: &Target) -> Request {
        let (server, entropy, client) = (server(), Counted::default(), Client::public("app"));
        request(&Party { client: &client, server: &server, entropy: &entropy, now: NOW }, presented, target).unwrap()
    }

    // RFC 6749 §4.1.3, §4.4.2, §6, RFC 7523 §2.1, RFC 7636 §4.5, RFC 8628 §3.4, RFC 8693 §2.1, RFC 8707 §2.
    #[test]
    fn each_grant_presents_what_it_has() {
        let secret = Secret::from("s");
        let target = Target {
            scope: Some(scope("b a")),
            resource: vec!["https://a.example".into(), "https://b.example".into()],
        };
        let code = Presented::Code { code: &secret, redirect_uri: "http://127.0.0.1:1/", verifier: &secret };
        let exchange = Exchange {
            subject: (&secret, Issued::AccessToken),
            actor: Some((&secret, Issued::Jwt)),
            requested: Some(Issued::IdJag),
            audience: Some("them"),
        };
        for (presented, names, with_scope) in [
            (code, &["code", "redirect_uri", "code_verifier"][..], false),
            (Presented::RefreshToken(&secret), &["refresh_token"], true),
            (Presented::ClientCredentials, &[], true),
            (Presented::DeviceCode(&secret), &["device_code"], false),
            (Presented::Assertion(&secret), &["assertion"], true),
            (
                Presented::Exchange(exchange),
                &[
                    "subject_token",
                    "subject_token_type",
                    "actor_token",
                    "actor_token_type",
                    "requested_token_type",
                    "audience",
                ],
                true,
            ),
        ] {
            let request = asked(&presented, &target);
            let form = Form::parse(&request.body).unwrap();
            let named: Vec<_> = form.iter().map(|(name, _)| name).filter(|name| names.contains(name)).collect();
            assert_eq!(named, names);
            assert!(form.get("grant_type").is_some());
            assert_eq!(form.get("scope"), with_scope.then_some("a b"), "{presented:?}");
            assert_eq!(form.all("resource").count(), 2);
            assert_eq!(sent(&request, "client_id").unwrap(), "app");
        }
    }

    fn tokens(edit: &[(&str, Value)], bound: bool) -> Result<Tokens, Error> {
        let mut body = json!({"access_token": "at", "token_type": "bearer", "expires_in": 300});
        for (name, value) in edit {
            body[*name] = value.clone();
        }
        let asked = Target { scope: Some(scope("a")), ..Target::default() };
        read("https://as.example/token", &answered(200, &body), &asked, bound, NOW)
    }

    // RFC 6749 §5.1, §7.1, RFC 8693 §2.2.1.
    #[test]
    fn what_is_not_said_is_as_it_was_asked_and_what_is_wrong_is_refused() {
        let plain = tokens(&[("hint", json!(1)), ("refresh_token", json!(""))], false).unwrap();
        assert_eq!((plain.scope, plain.expires_at), (Some(scope("a")), Some(NOW.plus(Lifetime::from_seconds(300)))));
        assert!(plain.refresh_token.is_none() && plain.rest.len() == 1 && plain.token_type == TokenType::Bearer);
        let other = tokens(&[("scope", json!("b  c")), ("expires_in", json!("60"))], false).unwrap();
        assert_eq!((other.scope, other.expires_at), (Some(scope("b c")), Some(NOW.plus(Lifetime::from_seconds(60)))));
        assert_eq!(tokens(&[("expires_in", Value::Null)], false).unwrap().expires_at, None);
        assert_eq!(tokens(&[("expires_in", json!(-5))], false).unwrap().expires_at, Some(NOW));
        assert_eq!(tokens(&[("token_type", json!("N_A"))], false).unwrap().token_type, TokenType::NotApplicable);
        for (name, value) in [
            ("access_token", Value::Null),
            ("access_token", json!("")),
            ("token_type", Value::Null),
            ("token_type", json!("mac")),
            ("scope", json!("\u{e4}")),
            ("scope", json!(["a"])),
            ("expires_in", json!("soon")),
            ("refresh_token", json!(1)),
        ] {
            assert!(tokens(&[(name, value.clone())], false).is_err(), "{name} {value}");
        }
        assert!(!format!("{:?}", tokens(&[("refresh_token", json!("hush"))], false)).contains("hush"));
    }

    // RFC 9449 §5.
    #[test]
    fn who_asked_for_a_bound_token_takes_no_other() {
        assert!(tokens(&[], true).is_err());
        assert_eq!(tokens(&[("token_type", json!("DPoP"))], true).unwrap().token_type, TokenType::Dpop);
    }
}

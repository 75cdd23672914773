//! A person at another machine: the device flow (RFC 8628).

use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use serde::Deserialize;

use super::answer;
use super::party::Party;
use super::token::{Presented, Target, Tokens};
use crate::error::{Error, Refusal};
use crate::exchange::{Request, Response};
use crate::secret::Secret;

/// RFC 8628 §3.5: how much longer to wait after `slow_down`.
const SLOWER: Lifetime = Lifetime::from_seconds(5);
/// RFC 8628 §3.2: how long to wait between two questions if nothing is said, in seconds.
const INTERVAL: i64 = 5;
/// The longest wait after failures of the network.
const LONGEST_WAIT: Lifetime = Lifetime::from_seconds(60);

/// What the person is shown, and what the device asks with.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What they type.
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: String,
    /// The same address with the code in it.
    pub verification_uri_complete: Option<String>,
    /// Until when the codes are good.
    pub expires_at: Timestamp,
    /// How long to wait before the next question.
    pub interval: Lifetime,
    device_code: Secret,
}

#[derive(Deserialize)]
struct Codes {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    #[serde(default)]
    verification_uri_complete: Option<String>,
    expires_in: i64,
    #[serde(default)]
    interval: Option<i64>,
}

/// What came of a question.
#[derive(Debug)]
pub enum Answered {
    /// The tokens.
    Tokens(Box<Tokens>),
    /// Nobody has answered yet.
    NotYet,
}

/// Asks for the codes (RFC 8628 §3.1).
///
/// # Errors
///
/// The server has no such endpoint.
pub fn request(party: &Party<'_>, target: &Target) -> Result<Request, Error> {
    let scope = target.scope.as_ref().map(Scope::as_str).map(|scope| ("scope", scope));
    let resource = target.resource.iter().map(|resource| ("resource", resource.as_str()));
    let form: Vec<_> = scope.into_iter().chain(resource).collect();
    party.post("device_authorization_endpoint", &form)
}

/// Reads the codes.
///
/// # Errors
///
/// The server refused, or its answer is none.
pub fn read(party: &Party<'_>, response: &Response) -> Result<Waiting, Error> {
    let url = party.endpoint("device_authorization_endpoint")?;
    let codes: Codes = answer::typed(url, answer::members(url, response, party.now)?)?;
    // What is shown to people leads to a server, and to nothing that a terminal would run.
    let shown = [Some(&codes.verification_uri), codes.verification_uri_complete.as_ref()];
    for address in shown.into_iter().flatten() {
        super::address::read(address)?;
    }
    Ok(Waiting {
        user_code: crate::error::shown(&codes.user_code),
        verification_uri: codes.verification_uri,
        verification_uri_complete: codes.verification_uri_complete,
        expires_at: party.now.plus(Lifetime::from_seconds(codes.expires_in)),
        interval: Lifetime::from_seconds(codes.interval.unwrap_or(INTERVAL).max(1)),
        device_code: codes.device_code.into(),
    })
}

impl Waiting {
    /// What is presented at the token endpoint.
    pub fn presented(&self) -> Presented<'_> {
        Presented::DeviceCode(&self.device_code)
    }

    /// What the answer to a question means: tokens, or waiting for [`Self::interval`], or the end.
    ///
    /// # Errors
    ///
    /// Somebody said no, the codes have expired, or the server refuses for another reason.
    pub fn heard(&mut self, answer: Result<Tokens, Error>, now: Timestamp) -> Result<Answered, Error> {
        let error = match answer {
            Ok(tokens) => return Ok(Answered::Tokens(Box::new(tokens))),
            Err(error) => error,
        };
        match error.code() {
            // RFC 8628 §3.5.
            Some("authorization_pending") => {}
            // RFC 8628 §3.5: this and all later waits are longer.
            Some("slow_down") => self.interval = Lifetime::from_millis(self.interval.millis() + SLOWER.millis()),
            // RFC 8628 §3.5: an exponential wait where there is no answer.
            None if error.is_outage() => {
                self.interval = Lifetime::from_millis(self.interval.millis() * 2).min(LONGEST_WAIT.max(self.interval));
            }
            _ => return Err(error),
        }
        if now >= self.expires_at {
            // RFC 8628 §3.5: as the server would say, had it been asked.
            let refusal = Refusal::new(400, "expired_token", "nobody has answered in time", None);
            return Err(Error::Permission { url: self.verification_uri.clone(), refusal });
        }
        Ok(Answered::NotYet)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::answer::tests::{NOW, json as answered};
    use super::super::party::Client;
    use super::super::party::tests::{sent, server};
    use super::*;
    use crate::exchange::Unreachable;
    use crate::world::tests::Counted;

    fn waiting(edit: &[(&str, Value)]) -> Result<Waiting, Error> {
        let (server, entropy, client) = (server(), Counted::default(), Client::public("app"));
        let party = Party { client: &client, server: &server, entropy: &entropy, now: NOW };
        let mut body = json!({"device_code": "hush", "user_code": "BCDF-GHJK", "verification_uri": "https://as.example/device",
            "expires_in": 600});
        for (name, value) in edit {
            body[*name] = value.clone();
        }
        read(&party, &answered(200, &body))
    }

    fn refused(code: &str) -> Result<Tokens, Error> {
        Err(Error::Permission { url: String::new(), refusal: Refusal::new(400, code, "", None) })
    }

    // RFC 8628 §3.1, §3.2.
    #[test]
    fn codes_are_asked_for_and_shown() {
        let (server, entropy, client) = (server(), Counted::default(), Client::public("app"));
        let party = Party { client: &client, server: &server, entropy: &entropy, now: NOW };
        let target = Target { scope: Some(Scope::parse("a b").unwrap()), ..Target::default() };
        let asked = request(&party, &target).unwrap();
        assert_eq!((asked.url.as_str(), sent(&asked, "scope").unwrap().as_str()), ("https://as.example/device", "a b"));
        let codes = waiting(&[]).unwrap();
        assert_eq!((codes.interval.seconds(), codes.expires_at.since(NOW).seconds()), (5, 600));
        assert!(!format!("{codes:?}").contains("hush"));
        assert_eq!(waiting(&[("interval", json!(0))]).unwrap().interval.seconds(), 1);
        assert!(waiting(&[("verification_uri", json!("file:///bin/sh"))]).is_err());
        assert!(waiting(&[("verification_uri_complete", json!("javascript:1"))]).is_err());
        assert!(waiting(&[("user_code", Value::Null)]).is_err());
    }

    // RFC 8628 §3.5.
    #[test]
    fn who_is_told_to_slow_down_does_and_who_gets_no_answer_doubles() {
        let mut codes = waiting(&[("interval", json!(2))]).unwrap();
        assert!(matches!(codes.heard(refused("authorization_pending"), NOW), Ok(Answered::NotYet)));
        assert_eq!(codes.interval.seconds(), 2);
        codes.heard(refused("slow_down"), NOW).unwrap();
        assert_eq!(codes.interval.seconds(), 7);
        codes.heard(Err(Unreachable::Slow { url: String::new(), millis: 1 }.into()), NOW).unwrap();
        assert_eq!(codes.interval.seconds(), 14);
        assert_eq!(codes.heard(refused("access_denied"), NOW).unwrap_err().code(), Some("access_denied"));
        let late = NOW.plus(Lifetime::from_seconds(600));
        assert_eq!(codes.heard(refused("authorization_pending"), late).unwrap_err().code(), Some("expired_token"));
    }
}

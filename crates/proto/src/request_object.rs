//! Authorization requests that are signed by the client (RFC 9101): what a request object must say, and what it asks for.

use serde_json::{Map, Value};

use crate::error::{Denied, ErrorCode};
use crate::form::Form;
use crate::jose::{Claims, Refused};
use crate::time::{Lifetime, Timestamp};

/// The `typ` of request objects (RFC 9101 §10.8); older clients leave it out, or say `JWT`.
pub const TYPES: &[&str] = &["oauth-authz-req+jwt", "JWT"];

/// The media types of a request object that is fetched (RFC 9101 §5.2.3), and what older clients answer with.
pub const MEDIA_TYPES: &[&str] = &["application/oauth-authz-req+jwt", "application/jwt", "application/jose"];

/// The longest `request_uri`, in bytes (RFC 9101 §5.2).
pub const LONGEST_URI: usize = 512;

/// How long a request object may be good, and how old it may be (FAPI 2.0 Message Signing §5.3.1).
pub const LONGEST: Lifetime = Lifetime::from_seconds(3600);

/// How far a client's clock may be from ours.
const SKEW: Lifetime = Lifetime::from_seconds(30);

/// Whose request object it must be, for whom, and how strictly its times are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The client that came with it.
    pub client_id: &'a str,
    /// Us.
    pub issuer: &'a str,
    /// Whether it must say from when and until when it is good; so it is for clients that must sign their requests.
    pub timed: bool,
}

/// The parameters of a request object whose signature was verified with the client's keys. No other parameter counts.
pub fn parameters(claims: Claims, rules: &Rules<'_>, now: Timestamp) -> Result<Form<'static>, Denied> {
    // RFC 9101 §4: made by the client.
    if claims.iss.as_deref() != Some(rules.client_id) {
        return Err(refused("its iss is not the client_id"));
    }
    // RFC 9101 §10.8: a JWT whose subject is the client is how clients authenticate, and no request.
    if claims.sub.as_deref() == Some(rules.client_id) {
        return Err(refused("its sub is the client_id, as in a client assertion"));
    }
    // RFC 9101 §4, RFC 8725 §3.9: for us; whoever else it is for learns nothing by it.
    if !claims.aud.iter().any(|aud| aud == rules.issuer) {
        return Err(refused("its aud is not this issuer"));
    }
    must_be_timely(&claims, rules.timed, now)?;
    // RFC 9101 §5: the client_id outside is the client_id inside.
    if claims.text("client_id") != Some(rules.client_id) {
        return Err(refused("its client_id is not that of the request"));
    }
    // RFC 9101 §4: no request object in a request object.
    if let Some(name) = ["request", "request_uri"].iter().find(|name| claims.rest.contains_key(**name)) {
        return Err(refused(format!("{name} is in it")));
    }
    form_of(claims.rest)
}

/// `invalid_request_object`: the text says what is wrong, and nothing that stood in it.
pub fn refused(why: impl std::fmt::Display) -> Denied {
    Denied::new(ErrorCode::InvalidRequestObject, format!("request: {why}"))
}

/// FAPI 2.0 Message Signing §5.3.1: good for an hour at most, from a beginning that is not older; where that is said.
fn must_be_timely(claims: &Claims, timed: bool, now: Timestamp) -> Result<(), Denied> {
    if timed && (claims.exp.is_none() || claims.nbf.is_none()) {
        return Err(refused("it must say from when and until when it is good, by nbf and exp"));
    }
    // RFC 7519 §4.1.4.
    if claims.exp.is_some_and(|exp| now >= exp.plus(SKEW)) {
        return Err(refused(Refused::Expired));
    }
    // RFC 7519 §4.1.5, §4.1.6.
    if [claims.nbf, claims.iat].into_iter().flatten().any(|from| from > now.plus(SKEW)) {
        return Err(refused(Refused::NotYet));
    }
    let begins = claims.nbf.unwrap_or(now);
    if claims.exp.is_some_and(|exp| exp > begins.plus(LONGEST).plus(SKEW)) {
        return Err(refused(Refused::TooLongLived));
    }
    if claims.nbf.is_some_and(|nbf| now > nbf.plus(LONGEST).plus(SKEW)) {
        return Err(refused("it was made too long ago"));
    }
    Ok(())
}

/// RFC 9101 §4: texts stand as they are, numbers as they are written; what is JSON as a parameter is JSON here. Lists of
/// texts are parameters that are repeated (RFC 8707 §2).
pub fn form_of(members: Map<String, Value>) -> Result<Form<'static>, Denied> {
    let mut pairs = Vec::with_capacity(members.len());
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::String(text) => pairs.push((name, text)),
            Value::Array(texts) if name == "resource" || name == "audience" => {
                for text in texts {
                    let Value::String(text) = text else { return Err(refused(format!("{name} is no list of texts"))) };
                    pairs.push((name.clone(), text));
                }
            }
            other => pairs.push((name, other.to_string())),
        }
    }
    Form::from_pairs(pairs).map_err(|denied| Denied { code: ErrorCode::InvalidRequestObject, ..denied })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
    const RULES: Rules<'_> = Rules { client_id: "app", issuer: "https://as.example", timed: false };

    fn good() -> Claims {
        let Value::Object(rest) = json!({"client_id": "app", "response_type": "code", "max_age": 0}) else { panic!() };
        Claims { iss: Some("app".into()), aud: vec!["https://as.example".into()], rest, ..Claims::default() }
    }

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(NOW.seconds() + seconds)
    }

    fn code(claims: Claims, rules: &Rules<'_>) -> String {
        parameters(claims, rules, NOW).map_or_else(|denied| denied.text.into_owned(), |_| "taken".to_owned())
    }

    // RFC 9101 §4.
    #[test]
    fn its_members_are_the_parameters() {
        let mut claims = good();
        claims.rest.insert("resource".into(), json!(["https://a.example", "https://b.example"]));
        claims.rest.insert("claims".into(), json!({"userinfo": {"name": null}}));
        claims.rest.insert("nonce".into(), Value::Null);
        let form = parameters(claims, &RULES, NOW).unwrap();
        assert_eq!(
            (form.get("response_type"), form.get("max_age"), form.get("nonce")),
            (Some("code"), Some("0"), None)
        );
        assert_eq!(form.get("claims"), Some(r#"{"userinfo":{"name":null}}"#));
        assert_eq!(form.all("resource").count(), 2);
        assert_eq!(form.get("iss"), None);
    }

    // RFC 9101 §4, §5, §10.8.
    #[test]
    fn it_is_of_this_client_for_this_issuer_and_holds_no_other() {
        let edits: [fn(&mut Claims); 10] = [
            |c| c.iss = None,
            |c| c.iss = Some("other".into()),
            |c| c.sub = Some("app".into()),
            |c| c.aud.clear(),
            |c| c.aud = vec!["https://other.example".into()],
            |c| drop(c.rest.remove("client_id")),
            |c| drop(c.rest.insert("client_id".into(), json!("other"))),
            |c| drop(c.rest.insert("request".into(), json!("x.y.z"))),
            |c| drop(c.rest.insert("request_uri".into(), json!(""))),
            |c| drop(c.rest.insert("resource".into(), json!([1]))),
        ];
        for (place, edit) in edits.into_iter().enumerate() {
            let mut claims = good();
            edit(&mut claims);
            assert!(code(claims, &RULES).starts_with("request: "), "{place}");
        }
        let mut claims = good();
        claims.aud.push("https://other.example".into());
        assert_eq!(code(claims, &RULES), "taken");
    }

    #[test]
    fn where_requests_must_be_signed_it_says_how_long_it_is_good() {
        let strict = Rules { timed: true, ..RULES };
        let at = |nbf: Option<i64>, exp: Option<i64>, rules| {
            let time = |seconds: Option<i64>| seconds.map(after);
            code(Claims { nbf: time(nbf), exp: time(exp), ..good() }, rules) == "taken"
        };
        assert!(at(None, None, &RULES) && !at(None, None, &strict));
        assert!(!at(Some(0), None, &strict) && !at(None, Some(60), &strict));
        for rules in [&RULES, &strict] {
            assert!(at(Some(-60), Some(60), rules) && at(Some(8), Some(60), rules));
            for (nbf, exp) in [(-60, -30), (31, 60), (-60, 3571), (-3631, 60), (-4200, -600)] {
                assert!(!at(Some(nbf), Some(exp), rules), "{nbf} {exp}");
            }
        }
        assert!(!at(None, Some(3631), &RULES));
    }
}

//! Claims that a request asks for one by one: the `claims` parameter (OpenID Connect Core §5.5).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::claims::scope_of;
use crate::error::{Denied, invalid_request};
use crate::jose;
use crate::scope::Scope;

/// The longest parameter that is read, in bytes.
const LONGEST: usize = 8 * 1024;

/// The most claims of one kind.
const MOST: usize = 64;

/// The most values of one claim, and the longest text of one, in bytes.
const MOST_VALUES: usize = 16;

/// Where the wanted languages stand in what is kept of a request. A member that a client gives this name is not understood.
const LOCALES: &str = "claims_locales";

/// What a request asks for one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimsParameter {
    userinfo: Wanted,
    id_token: Wanted,
    locales: Vec<String>,
}

/// Claims by name, and how each is wanted.
type Wanted = BTreeMap<String, Asked>;

/// How one claim is wanted (OpenID Connect Core §5.5.1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The client cannot go on smoothly without.
    pub essential: bool,
    /// The values that it may have; none said: any.
    pub values: Vec<Value>,
}

impl Asked {
    /// Whether a claim of this value is what is wanted.
    pub fn admits(&self, value: &Value) -> bool {
        self.values.is_empty() || self.values.contains(value)
    }

    /// The values that are texts.
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(Value::as_str)
    }
}

impl ClaimsParameter {
    /// Reads the parameter. Members that are not understood are ignored; so are claims that are not known here, and those of scopes that
    /// the client is not registered for.
    pub fn parse(text: &str, registered: &Scope) -> Result<Self, Denied> {
        let malformed = || invalid_request("claims: a JSON object as OpenID Connect Core §5.5 has it");
        if text.len() > LONGEST {
            return Err(invalid_request(format!("claims: longer than {LONGEST} bytes")));
        }
        let members = jose::object(text.as_bytes()).map_err(|_| malformed())?;
        let wanted = |name: &str| -> Result<Wanted, Denied> {
            let mut wanted = read(members.get(name)).ok_or_else(malformed)?;
            // OpenID Connect Core §5.5: what is not understood is ignored.
            wanted
                .retain(|name, _| is_protocol(name) || scope_of(name).is_some_and(|scope| registered.contains(scope)));
            Ok(wanted)
        };
        Ok(Self { userinfo: wanted("userinfo")?, id_token: wanted("id_token")?, locales: Vec::new() })
    }

    /// The same, with the languages in which claims are wanted (OpenID Connect Core §5.2 `claims_locales`).
    #[must_use]
    pub fn in_languages(self, claims_locales: Option<&str>) -> Self {
        let words = claims_locales.unwrap_or_default().split_ascii_whitespace();
        let locales = words.filter(|tag| is_language_tag(tag)).take(MOST_VALUES).map(str::to_owned).collect();
        Self { locales, ..self }
    }

    /// As it is kept with a request and with the grant that comes of it; `None` if nothing is asked for.
    pub fn to_value(&self) -> Option<Value> {
        let mut members = Map::new();
        for (name, wanted) in [("userinfo", &self.userinfo), ("id_token", &self.id_token)] {
            if !wanted.is_empty() {
                members.insert(
                    name.to_owned(),
                    wanted.iter().map(|(name, asked)| (name.clone(), written(asked))).collect(),
                );
            }
        }
        if !self.locales.is_empty() {
            members.insert(LOCALES.to_owned(), self.locales.clone().into());
        }
        (!members.is_empty()).then_some(Value::Object(members))
    }

    /// What was kept.
    pub fn kept(value: Option<&Value>) -> Self {
        let part = |name| read(value.and_then(|kept| kept.get(name))).unwrap_or_default();
        let locales = value.and_then(|kept| kept.get(LOCALES)).and_then(Value::as_array);
        let locales = locales.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Self { userinfo: part("userinfo"), id_token: part("id_token"), locales }
    }

    /// What userinfo is to tell.
    pub fn userinfo(&self) -> &BTreeMap<String, Asked> {
        &self.userinfo
    }

    /// What ID tokens are to tell.
    pub fn id_token(&self) -> &BTreeMap<String, Asked> {
        &self.id_token
    }

    /// The languages in which claims are wanted, the best first.
    pub fn locales(&self) -> &[String] {
        &self.locales
    }

    /// The claims about the person, each once: what they are asked to allow.
    pub fn names(&self) -> Vec<&str> {
        let all = self.userinfo.keys().chain(self.id_token.keys());
        let mut names: Vec<&str> = all.map(String::as_str).filter(|name| !is_protocol(name)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// OpenID Connect Core §5.5.1.1: of these classes the sign-in must be, or it has failed; none: of any.
    pub fn required_acr(&self) -> Vec<&str> {
        let acr = self.id_token.get("acr").filter(|asked| asked.essential);
        acr.into_iter().flat_map(Asked::texts).collect()
    }

    /// The classes that are merely preferred, the best first.
    pub fn preferred_acr(&self) -> Vec<&str> {
        let acr = self.id_token.get("acr").filter(|asked| !asked.essential);
        acr.into_iter().flat_map(Asked::texts).collect()
    }

    /// OpenID Connect Core §5.5.1: the subjects that the answer may be about, as the client knows them; none: anybody.
    pub fn subjects(&self) -> Vec<&str> {
        let asked = [&self.id_token, &self.userinfo].into_iter().filter_map(|wanted| wanted.get("sub"));
        asked.flat_map(Asked::texts).collect()
    }
}

/// Claims that are about the sign-in and not about the person.
fn is_protocol(name: &str) -> bool {
    matches!(name, "acr" | "auth_time" | "sub")
}

/// `None` if it is malformed.
fn read(wanted: Option<&Value>) -> Option<Wanted> {
    match wanted {
        None | Some(Value::Null) => Some(Wanted::new()),
        Some(Value::Object(claims)) if claims.len() <= MOST => {
            claims.iter().map(|(name, asked)| Some((name.clone(), read_one(asked)?))).collect()
        }
        Some(_) => None,
    }
}

fn read_one(asked: &Value) -> Option<Asked> {
    let members = match asked {
        Value::Null => return Some(Asked::default()),
        Value::Object(members) => members,
        _ => return None,
    };
    let essential = members.get("essential").map_or(Some(false), Value::as_bool)?;
    let mut values: Vec<Value> = match members.get("values") {
        None => Vec::new(),
        Some(Value::Array(values)) if values.len() <= MOST_VALUES => values.clone(),
        Some(_) => return None,
    };
    values.extend(members.get("value").cloned());
    Some(Asked { essential, values })
}

fn written(asked: &Asked) -> Value {
    match (asked.essential, asked.values.as_slice()) {
        (false, []) => Value::Null,
        (essential, []) => json!({"essential": essential}),
        (essential, values) => json!({"essential": essential, "values": values}),
    }
}

/// RFC 5646 §2.1: subtags of letters and digits, as far as that tells a language from something else.
fn is_language_tag(tag: &str) -> bool {
    tag.split('-').all(|subtag| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClaimsParameter, Denied> {
        ClaimsParameter::parse(text, &Scope::parse("openid profile email").unwrap())
    }

    // OpenID Connect Core §5.5, §5.5.1, RFC 5646 §2.1.
    #[test]
    fn each_claim_is_wanted_in_its_own_way_and_unknown_ones_are_ignored() {
        let text = r#"{"userinfo": {"given_name": {"essential": true}, "nickname": null, "email": {"value": "a@b.example"},
            "picture": {"values": ["x", "y"], "purpose": "z"}, "http://example.info/claims/groups": null, "phone_number": null},
            "id_token": {"auth_time": {"essential": true}, "acr": {"values": ["silver"]}}, "verified": [1]}"#;
        let asked = parse(text).unwrap();
        assert_eq!(asked.names(), ["email", "given_name", "nickname", "picture"]);
        assert!(asked.userinfo()["given_name"].essential && !asked.userinfo()["nickname"].essential);
        assert!(asked.userinfo()["picture"].admits(&json!("y")) && !asked.userinfo()["picture"].admits(&json!("z")));
        assert!(asked.userinfo()["nickname"].admits(&json!(1)));
        assert_eq!(asked.id_token().keys().collect::<Vec<_>>(), ["acr", "auth_time"]);
        let asked = asked.in_languages(Some("de-AT  fr not_a_tag"));
        assert_eq!(asked.locales(), ["de-AT", "fr"]);
        assert_eq!(ClaimsParameter::kept(asked.to_value().as_ref()), asked);
        assert_eq!(parse("{}").unwrap().to_value(), None);
    }

    // OpenID Connect Core §5.5.1, §5.5.1.1.
    #[test]
    fn classes_and_subjects_are_told_apart_from_claims_about_people() {
        let of = |text| parse(text).unwrap();
        let essential = of(r#"{"id_token":{"acr":{"essential":true,"values":["a","b"]},"sub":{"value":"x"}}}"#);
        assert_eq!((essential.required_acr(), essential.preferred_acr()), (vec!["a", "b"], vec![]));
        assert_eq!((essential.subjects(), essential.names()), (vec!["x"], vec![]));
        let voluntary = of(r#"{"id_token":{"acr":{"value":"a"}},"userinfo":{"sub":{"value":"y"}}}"#);
        assert_eq!((voluntary.required_acr(), voluntary.preferred_acr()), (vec![], vec!["a"]));
        assert_eq!(voluntary.subjects(), ["y"]);
    }

    // OpenID Connect Core §5.5.
    #[test]
    fn what_is_malformed_is_refused() {
        let many = format!(
            r#"{{"userinfo":{{{}}}}}"#,
            (0..65).map(|n| format!(r#""a{n}":null"#)).collect::<Vec<_>>().join(",")
        );
        for text in [
            "",
            "[]",
            "null",
            "{",
            r#"{"userinfo":[]}"#,
            r#"{"userinfo":{"name":true}}"#,
            r#"{"userinfo":{"name":{"essential":1}}}"#,
            r#"{"id_token":{"acr":{"values":"a"}}}"#,
            r#"{"userinfo":{},"userinfo":{}}"#,
            &many,
            &" ".repeat(9000),
        ] {
            assert_eq!(parse(text).unwrap_err().code.as_str(), "invalid_request", "{text}");
        }
    }
}

//! Standard claims and the scopes that ask for them (OpenID Connect Core §5.1 and §5.4).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::claims_parameter::Asked;
use crate::scope::Scope;

/// Which claims each scope asks for.
pub const SCOPE_CLAIMS: &[(&str, &[&str])] = &[
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The scope that asks for a claim, whatever its language (OpenID Connect Core §5.2); `None` for one that no scope asks for.
pub fn scope_of(claim: &str) -> Option<&'static str> {
    let name = claim.split_once('#').map_or(claim, |(name, _)| name);
    SCOPE_CLAIMS.iter().find(|(_, claims)| claims.contains(&name)).map(|(scope, _)| *scope)
}

/// The claims of `all` that this scope asks for, and the same in these languages.
pub fn for_scope(all: &Map<String, Value>, scope: &Scope, locales: &[String]) -> Map<String, Value> {
    let mut told = Map::new();
    for claim in SCOPE_CLAIMS.iter().filter(|(name, _)| scope.contains(name)).flat_map(|(_, claims)| claims.iter()) {
        tell(all, claim, locales, &mut told);
    }
    told
}

/// The claims of `all` that are asked for one by one (OpenID Connect Core §5.5), and the same in these languages.
///
/// One whose value is not what was asked for is left out.
pub fn asked(all: &Map<String, Value>, wanted: &BTreeMap<String, Asked>, locales: &[String]) -> Map<String, Value> {
    let mut told = Map::new();
    let of_scopes = wanted.iter().filter(|(name, _)| scope_of(name).is_some());
    for (name, asked) in of_scopes {
        if asked.values.is_empty() {
            tell(all, name, locales, &mut told);
        } else if let Some(value) = all.get(name).filter(|value| asked.admits(value)) {
            told.insert(name.clone(), value.clone());
        }
    }
    told
}

/// OpenID Connect Core §5.2: a claim as it is, and beside it in each language that is wanted and there.
fn tell(all: &Map<String, Value>, name: &str, locales: &[String], told: &mut Map<String, Value>) {
    told.extend(all.get(name).map(|value| (name.to_owned(), value.clone())));
    // RFC 4647 §3.4: the tag, or else what is left of it without its last subtags.
    for tag in locales {
        let shorter = std::iter::successors(Some(tag.as_str()), |tag| tag.rsplit_once('-').map(|(rest, _)| rest));
        let same = |known: &String, tag: &str| {
            known.split_once('#').is_some_and(|(base, of)| base == name && of.eq_ignore_ascii_case(tag))
        };
        let found = shorter.into_iter().find_map(|tag| all.iter().find(|(known, _)| same(known, tag)));
        told.extend(found.map(|(known, value)| (known.clone(), value.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OpenID Connect Core §5.1, §5.4.
    #[test]
    fn a_scope_shows_its_own_claims_and_no_others() {
        let Value::Object(all) = serde_json::json!({"name": "N", "email": "e@x.example", "secret": 1}) else {
            panic!()
        };
        let shown = for_scope(&all, &Scope::parse("openid profile").unwrap(), &[]);
        assert_eq!(Value::Object(shown), serde_json::json!({"name": "N"}));
    }

    // OpenID Connect Core §5.2, RFC 4647 §3.4.
    #[test]
    fn a_claim_is_told_in_the_languages_that_are_wanted_and_there() {
        let Value::Object(all) = serde_json::json!({"name": "N", "name#ja": "J", "name#de": "D", "name#de-CH": "C"})
        else {
            panic!()
        };
        let told = |locales: &[&str]| {
            let locales: Vec<_> = locales.iter().map(|&tag| tag.to_owned()).collect();
            for_scope(&all, &Scope::parse("profile").unwrap(), &locales).keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(&[]), "name");
        assert_eq!(told(&["DE-ch", "fr"]), "name name#de-CH");
        assert_eq!(told(&["de-AT", "ja-Kana-JP"]), "name name#de name#ja");
    }

    // OpenID Connect Core §5.5.1.
    #[test]
    fn a_claim_of_another_value_than_the_one_asked_for_is_left_out() {
        let Value::Object(all) = serde_json::json!({"name": "N", "email": "e@x.example", "nickname": "i", "secret": 1})
        else {
            panic!()
        };
        let any = Asked::default();
        let only = |value: &str| Asked { essential: true, values: vec![value.into()] };
        let wanted = [("name", only("M")), ("email", only("e@x.example")), ("nickname", any.clone()), ("secret", any)];
        let wanted = wanted.into_iter().map(|(name, asked)| (name.to_owned(), asked)).collect();
        let told = asked(&all, &wanted, &[]);
        assert_eq!(Value::Object(told), serde_json::json!({"email": "e@x.example", "nickname": "i"}));
    }
}

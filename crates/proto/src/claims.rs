//! Standard claims and the scopes that ask for them (OpenID Connect Core §5.1 and §5.4).

use serde_json::{Map, Value};

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

/// The claims of `all` that this scope asks for.
pub fn for_scope(all: &Map<String, Value>, scope: &Scope) -> Map<String, Value> {
    let asked = SCOPE_CLAIMS.iter().filter(|(name, _)| scope.contains(name)).flat_map(|(_, claims)| claims.iter());
    asked.filter_map(|claim| all.get(*claim).map(|value| ((*claim).to_owned(), value.clone()))).collect()
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
        let shown = for_scope(&all, &Scope::parse("openid profile").unwrap());
        assert_eq!(Value::Object(shown), serde_json::json!({"name": "N"}));
    }
}

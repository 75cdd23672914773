//! Claims beside those of the protocol, as settings name them.

use std::fmt;

use serde_json::{Map, Value};

use crate::scope::Scope;

/// Claims that only this server gives: their meaning is the protocol's.
const RESERVED: [&str; 30] = [
    "acr",
    "act",
    "active",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "authorization_details",
    "azp",
    "c_hash",
    "caveats",
    "client_id",
    "cnf",
    "events",
    "exp",
    "iat",
    "iss",
    "jti",
    "lives_by",
    "may_act",
    "nbf",
    "nonce",
    "s_hash",
    "scope",
    "sid",
    "sub",
    "token_introspection",
    "token_type",
    "username",
    "vct",
];

/// Whether only this server may give a claim of this name.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// A claim that is added: `name = value`, or `name = account.detail`; with ` if scope` behind it only where that was granted.
///
/// A value is JSON, or else a text as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraClaim {
    text: Box<str>,
    name: Box<str>,
    source: Source,
    scope: Option<Box<str>>,
}

/// Where a claim's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// A detail of the account.
    Account(Box<str>),
    /// The same for everybody.
    Fixed(Value),
}

impl ExtraClaim {
    /// Reads a claim; `None` if it is none, or one that only this server gives.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('=')?;
        let (name, rest) = (name.trim(), rest.trim());
        let (value, scope) = match rest.rsplit_once(" if ") {
            Some((value, scope)) => (value.trim(), Some(scope.trim())),
            None => (rest, None),
        };
        let is_word = |word: &str| !word.is_empty() && Scope::parse(word).is_ok() && !word.contains(' ');
        if !is_word(name)
            || is_reserved(name)
            || value.is_empty()
            || rest.ends_with(" if")
            || !scope.is_none_or(is_word)
        {
            return None;
        }
        let source = match value.strip_prefix("account.") {
            Some(detail) if is_word(detail) => Source::Account(detail.into()),
            Some(_) => return None,
            None => Source::Fixed(serde_json::from_str(value).unwrap_or_else(|_| value.into())),
        };
        Some(Self { text: text.into(), name: name.into(), source, scope: scope.map(Into::into) })
    }

    fn is_for(&self, scope: &Scope) -> bool {
        self.scope.as_ref().is_none_or(|needed| scope.contains(needed))
    }
}

impl fmt::Display for ExtraClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether one of these claims comes from the account, where this scope was granted.
pub fn need_account(claims: &[ExtraClaim], scope: &Scope) -> bool {
    claims.iter().any(|claim| matches!(claim.source, Source::Account(_)) && claim.is_for(scope))
}

/// The claims that are for this scope. What an account does not have is left out.
pub fn extra(claims: &[ExtraClaim], scope: &Scope, account: Option<&Map<String, Value>>) -> Map<String, Value> {
    let value_of = |claim: &ExtraClaim| match &claim.source {
        Source::Account(detail) => account?.get(&**detail).cloned(),
        Source::Fixed(value) => Some(value.clone()),
    };
    let wanted = claims.iter().filter(|claim| claim.is_for(scope));
    wanted.filter_map(|claim| Some((claim.name.to_string(), value_of(claim)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(texts: &[&str], scope: &str, account: &Value) -> Value {
        let claims: Vec<_> = texts.iter().map(|text| ExtraClaim::parse(text).expect(text)).collect();
        let scope = Scope::parse(scope).unwrap();
        assert_eq!(need_account(&claims, &scope), texts.iter().any(|text| text.contains("account.")));
        Value::Object(extra(&claims, &scope, account.as_object()))
    }

    #[test]
    fn a_claim_is_a_text_json_or_a_detail_of_the_account() {
        let account = json!({"groups": ["a", "b"]});
        assert_eq!(given(&["tenant = acme"], "", &account), json!({"tenant": "acme"}));
        assert_eq!(given(&["level=3", "list = [1, \"x\"]"], "", &account), json!({"level": 3, "list": [1, "x"]}));
        assert_eq!(given(&["number = \"3\""], "", &account), json!({"number": "3"}));
        assert_eq!(
            given(&["https://a.example/groups = account.groups"], "", &account),
            json!({"https://a.example/groups": ["a", "b"]})
        );
        assert_eq!(given(&["role = account.role"], "", &account), json!({}));
        assert_eq!(given(&["role = account.role"], "", &Value::Null), json!({}));
    }

    #[test]
    fn a_claim_with_a_scope_is_for_those_who_were_granted_it() {
        let texts = ["tenant = acme if read", "level = 3"];
        assert_eq!(given(&texts, "read write", &Value::Null), json!({"tenant": "acme", "level": 3}));
        assert_eq!(given(&texts, "write", &Value::Null), json!({"level": 3}));
        let of_account = ExtraClaim::parse("groups = account.groups if groups").unwrap();
        assert!(!need_account(&[of_account], &Scope::parse("openid").unwrap()));
    }

    #[test]
    fn what_only_this_server_gives_cannot_be_set() {
        for name in RESERVED {
            assert_eq!(ExtraClaim::parse(&format!("{name} = x")), None, "{name}");
        }
        for wrong in
            ["", "tenant", "= x", "tenant =", "tenant = x if ", "two words = x", "a = account.", "a = x if b\"c"]
        {
            assert_eq!(ExtraClaim::parse(wrong), None, "{wrong:?}");
        }
    }
}

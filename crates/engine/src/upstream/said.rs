//! What a provider says of somebody, in our words. Pure.

use firman_proto::claims::SCOPE_CLAIMS;
use firman_proto::jose::Claims;
use serde_json::{Map, Value};

use super::provider::Provider;

/// More is not kept of anybody, in bytes of JSON.
const LARGEST: usize = 32 * 1024;

/// What is kept of what a provider said.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    /// Its own subject for the person.
    pub(super) subject: String,
    /// Claims by our names, groups included.
    pub(super) claims: Map<String, Value>,
}

impl Said {
    /// Reads an ID token, and what userinfo adds to it: what is signed goes before what is not.
    pub(super) fn of(
        provider: &Provider,
        claims: &Claims,
        userinfo: Option<Map<String, Value>>,
    ) -> Result<Self, &'static str> {
        let mut all = userinfo.unwrap_or_default();
        all.extend(claims.rest.clone());
        let subject = claims.sub.clone().ok_or("it has no sub")?;
        all.insert("sub".to_owned(), subject.clone().into());
        let kept = kept(provider, &all);
        Self::fitting(subject, kept)
    }

    /// With what userinfo says later, where no ID token says anything: what that does not tell stays as it was.
    pub(super) fn told_more(
        mut self,
        provider: &Provider,
        userinfo: &Map<String, Value>,
    ) -> Result<Self, &'static str> {
        let mut told = kept(provider, userinfo);
        if provider.groups.as_ref().is_some_and(|claim| at(userinfo, claim).is_none()) {
            told.remove("groups");
        }
        self.claims.extend(told);
        Self::fitting(self.subject, self.claims)
    }

    fn fitting(subject: String, claims: Map<String, Value>) -> Result<Self, &'static str> {
        let size = serde_json::to_string(&claims).map_or(usize::MAX, |text| text.len());
        if size > LARGEST { Err("its claims are too large") } else { Ok(Self { subject, claims }) }
    }

    /// A verified e-mail address.
    pub(super) fn email(&self) -> Option<&str> {
        let verified = self.claims.get("email_verified") == Some(&Value::Bool(true));
        self.claims.get("email").and_then(Value::as_str).filter(|_| verified)
    }

    /// A name to greet them with.
    pub(super) fn username(&self) -> String {
        let text = |name| self.claims.get(name).and_then(Value::as_str).filter(|text| is_presentable(text));
        ["preferred_username", "email", "name"].into_iter().find_map(text).unwrap_or(&self.subject).to_owned()
    }
}

fn is_presentable(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn kept(provider: &Provider, all: &Map<String, Value>) -> Map<String, Value> {
    let standard = SCOPE_CLAIMS.iter().flat_map(|(_, claims)| claims.iter()).map(|name| (*name, *name));
    let mapped = provider.claims.iter().map(|(ours, theirs)| (ours.as_str(), theirs.as_str()));
    let mut kept = Map::new();
    for (ours, theirs) in standard.chain(mapped) {
        if let Some(value) = at(all, theirs).filter(|value| !value.is_null()) {
            kept.insert(ours.to_owned(), value.clone());
        }
    }
    // OpenID Connect Core §5.7: who says that an address was verified must be trusted to have done it.
    if kept.contains_key("email") {
        let verified = provider.trust_email_verified && is_true(kept.get("email_verified"));
        kept.insert("email_verified".to_owned(), verified.into());
    }
    kept.remove("phone_number_verified");
    if let Some(claim) = &provider.groups {
        kept.insert("groups".to_owned(), groups(at(all, claim)).into());
    }
    kept
}

/// Some say it in quotes.
fn is_true(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Bool(true))) || value.and_then(Value::as_str) == Some("true")
}

/// A claim by its name, or by a path of names with dots between.
fn at<'v>(all: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    if let Some(value) = all.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    at(all.get(first)?.as_object()?, rest)
}

/// One text, or a list of texts.
fn groups(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Whether somebody is in one of these groups.
pub(super) fn is_in(claims: &Map<String, Value>, wanted: &[String]) -> bool {
    let groups = claims.get("groups").and_then(Value::as_array);
    let is_wanted = |group: &Value| group.as_str().is_some_and(|group| wanted.iter().any(|one| one == group));
    groups.is_some_and(|groups| groups.iter().any(is_wanted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider(more: &Value) -> Provider {
        let mut all =
            json!({"name": "uni", "issuer": "https://idp.example", "client_id": "us", "authentication": "none"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn said(more: &Value, token: Value, userinfo: Option<&Value>) -> Value {
        let Value::Object(rest) = token else { unreachable!() };
        let claims = Claims { sub: Some("alice".into()), rest, ..Claims::default() };
        let userinfo = userinfo.map(|value| value.as_object().unwrap().clone());
        Value::Object(Said::of(&provider(more), &claims, userinfo).unwrap().claims)
    }

    // OpenID Connect Core §5.1, §5.7.
    #[test]
    fn claims_are_taken_by_our_names_and_what_nobody_asked_for_is_left() {
        let token =
            json!({"name": "Alice", "nonce": "n", "roles": ["r"], "realm": {"access": {"level": 3}}, "acr": "x"});
        let map = json!({"claims": {"https://a.example/level": "realm.access.level", "uid": "sub"}});
        assert_eq!(
            said(&map, token.clone(), Some(&json!({"name": "Other", "nickname": "Al"}))),
            json!({"name": "Alice", "nickname": "Al", "https://a.example/level": 3, "uid": "alice"})
        );
        assert_eq!(said(&json!({"groups": "roles"}), token.clone(), None), json!({"name": "Alice", "groups": ["r"]}));
        assert_eq!(said(&json!({"groups": "realm"}), token, None), json!({"name": "Alice", "groups": []}));
    }

    // OpenID Connect Core §5.7.
    #[test]
    fn an_address_is_verified_if_who_says_so_is_trusted() {
        for (trusted, says, verified) in [
            (true, json!(true), true),
            (true, json!("true"), true),
            (true, json!(1), false),
            (false, json!(true), false),
        ] {
            let token = json!({"email": "a@uni.example", "email_verified": says});
            let kept = said(&json!({"trust_email_verified": trusted}), token, None);
            assert_eq!(kept["email_verified"], json!(verified), "{trusted} {says}");
        }
    }

    #[test]
    fn too_much_is_not_kept() {
        let claims = Claims {
            sub: Some("alice".into()),
            rest: json!({"name": "x".repeat(LARGEST)}).as_object().unwrap().clone(),
            ..Claims::default()
        };
        Said::of(&provider(&json!({})), &claims, None).unwrap_err();
    }

    #[test]
    fn groups_are_compared_as_a_whole() {
        let claims = json!({"groups": ["/a/b", "c"]}).as_object().unwrap().clone();
        assert!(is_in(&claims, &["x".into(), "c".into()]));
        assert!(!is_in(&claims, &["/a".into()]) && !is_in(&Map::new(), &["c".into()]) && !is_in(&claims, &[]));
    }
}

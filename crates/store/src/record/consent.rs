use firman_proto::claims::scope_of;
use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use serde_json::Value;

use super::{Rest, Subject};

/// What somebody allowed a client once and for all.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Consent {
    /// The issuer.
    pub issuer: IssuerNumber,
    /// Who.
    pub subject: Subject,
    /// Whom.
    pub client: RecordId,
    /// What.
    pub scope: Scope,
    /// When it was last said.
    pub updated_at: Timestamp,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
    /// Members of a later version.
    pub rest: Rest,
}

/// The key of a consent: the subject comes first, so that a person's consents lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConsentKey {
    /// [`Subject::key`].
    pub subject: Digest16,
    /// The client.
    pub client: RecordId,
}

/// The member of the body that has what was allowed at resources: identifier → scope.
const AT: &str = "resource";

/// The member of the body that has the claims that were allowed one by one.
const CLAIMS: &str = "claims";

impl Consent {
    /// Whether it covers this scope: at each of these resources (RFC 8707), or where none is named, at this server.
    pub fn covers(&self, scope: &Scope, resources: &[String]) -> bool {
        if resources.is_empty() {
            return scope.is_within(&self.scope);
        }
        resources.iter().all(|resource| self.at(resource).is_some_and(|allowed| scope.is_within(&allowed)))
    }

    /// What of this scope it covers: at each of these resources, or where none is named, at this server.
    pub fn known(&self, scope: &Scope, resources: &[String]) -> Scope {
        if resources.is_empty() {
            return scope.intersect(&self.scope);
        }
        resources.iter().fold(scope.clone(), |known, resource| known.intersect(&self.at(resource).unwrap_or_default()))
    }

    /// The same with this scope allowed too.
    #[must_use]
    pub fn with(mut self, scope: &Scope, resources: &[String]) -> Self {
        if resources.is_empty() {
            self.scope = self.scope.union(scope);
            return self;
        }
        for resource in resources {
            let allowed = self.at(resource).unwrap_or_default().union(scope);
            let all = self.rest.entry(AT).or_insert_with(|| Value::Object(Rest::new()));
            if let Value::Object(all) = all {
                all.insert(resource.clone(), allowed.as_str().into());
            }
        }
        self
    }

    /// Whether it covers these claims (OpenID Connect Core §5.5): each by itself, or by the scope that asks for it.
    pub fn covers_claims(&self, names: &[&str]) -> bool {
        let by_name = |name: &str| self.claims().any(|known| known == name);
        names.iter().all(|name| by_name(name) || scope_of(name).is_some_and(|scope| self.scope.contains(scope)))
    }

    /// The same with these claims allowed too.
    #[must_use]
    pub fn with_claims(mut self, names: &[&str]) -> Self {
        let new: Vec<Value> =
            names.iter().filter(|name| !self.covers_claims(&[name])).map(|&name| name.into()).collect();
        if !new.is_empty() {
            let all = self.rest.entry(CLAIMS).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(all) = all {
                all.extend(new);
            }
        }
        self
    }

    /// The claims that were allowed by themselves.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.rest.get(CLAIMS).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// What was allowed at resources: the identifier of each, and the scope.
    pub fn at_resources(&self) -> Vec<(String, Scope)> {
        let Some(Value::Object(all)) = self.rest.get(AT) else { return Vec::new() };
        let read = |scope: &Value| Scope::parse(scope.as_str()?).ok();
        all.iter().filter_map(|(resource, scope)| Some((resource.clone(), read(scope)?))).collect()
    }

    fn at(&self, resource: &str) -> Option<Scope> {
        Scope::parse(self.rest.get(AT)?.get(resource)?.as_str()?).ok()
    }

    /// Its key.
    pub fn key(&self) -> ConsentKey {
        ConsentKey { subject: self.subject.key(self.issuer), client: self.client }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_allowed_at_one_resource_is_not_allowed_at_another() {
        let scope = |text| Scope::parse(text).unwrap();
        let (a, b) = (["https://a.example".to_owned()], ["https://b.example".to_owned()]);
        let nothing = Consent {
            issuer: IssuerNumber(0),
            subject: Subject::new("somebody").unwrap(),
            client: RecordId::from_bytes([1; 16]),
            scope: Scope::default(),
            updated_at: Timestamp::from_seconds(0),
            revision: 0,
            rest: Rest::new(),
        };
        let consent = nothing.with(&scope("read"), &a).with(&scope("write"), &b).with(&scope("openid"), &[]);
        assert!(consent.covers(&scope("read"), &a) && consent.covers(&scope("write"), &b));
        assert!(!consent.covers(&scope("write"), &a) && !consent.covers(&scope("read"), &b));
        assert!(!consent.covers(&scope("read"), &[]) && consent.covers(&scope("openid"), &[]));
        assert!(!consent.covers(&scope("openid"), &a));
        assert!(!consent.covers(&scope("read"), &[a[0].clone(), b[0].clone()]));
        assert_eq!(consent.known(&scope("read write"), &a), scope("read"));
        assert_eq!(consent.known(&scope("read write"), &[a[0].clone(), b[0].clone()]), Scope::default());
        assert_eq!(consent.known(&scope("openid read"), &[]), scope("openid"));
        let more = consent.with(&scope("read"), &[a[0].clone(), b[0].clone()]);
        assert!(more.covers(&scope("read"), &[a[0].clone(), b[0].clone()]) && more.covers(&scope("read write"), &b));
    }
}

//! Scopes that only people of certain groups can allow.

use std::sync::Arc;

use firman_proto::scope::Scope;
use firman_store::SignedIn;
use firman_store::record::Rest;

use super::again::linked;
use super::provider::Provider;
use super::said::is_in;
use crate::Engine;
use crate::failure::Fault;

/// What of a scope somebody can have.
#[derive(Clone, Debug)]
pub(crate) struct Permitted(Option<(Arc<Provider>, Rest)>);

impl Permitted {
    /// All of it.
    pub(super) const fn all() -> Self {
        Self(None)
    }

    /// What the groups say that a provider says somebody is in.
    pub(super) fn by(provider: &Arc<Provider>, claims: Rest) -> Self {
        Self(Some((Arc::clone(provider), claims)))
    }

    /// Without the scopes that need a group they are not in.
    pub(crate) fn of(&self, scope: &Scope) -> Scope {
        let Some((provider, claims)) = &self.0 else { return scope.clone() };
        let lost = provider.scopes.iter().filter(|(_, groups)| !is_in(claims, groups)).map(|(name, _)| name);
        lost.fold(scope.clone(), |scope, name| scope.without(name))
    }
}

/// What of a scope somebody can allow who is signed in. What one provider keeps for its groups is for nobody else, unless another
/// provider has it for groups of its own. Where nothing of the scope is kept for anybody, nothing is read.
pub(crate) async fn may_allow(engine: &Engine, signed_in: &SignedIn, scope: &Scope) -> Result<Scope, Fault> {
    let providers = &engine.policy.upstream.providers;
    let kept: Vec<&str> = scope.iter().filter(|name| providers.keeps(name)).collect();
    if kept.is_empty() {
        return Ok(scope.clone());
    }
    let session = &signed_in.session;
    let provider = session.details.upstream.as_ref().and_then(|there| providers.find(&there.provider));
    let claims = match provider {
        Some(provider) => linked(engine, provider, &session.subject).await?.map(|(_, link)| link.claims),
        None => None,
    };
    let has = |name: &str| {
        let groups = provider.and_then(|provider| provider.scopes.get(name));
        groups.zip(claims.as_ref()).is_some_and(|(groups, claims)| is_in(claims, groups))
    };
    Ok(kept.iter().filter(|name| !has(name)).fold(scope.clone(), |scope, name| scope.without(name)))
}

//! Who asks about tokens, or wants one dead: a client, a resource server, or whoever holds an access token for it.

use std::sync::Arc;

use firman_proto::credentials::{AuthMethod, Credentials};
use firman_proto::error::{Denied, invalid_client};
use firman_proto::resource;
use firman_proto::scope::Scope;
use firman_proto::seal::CaveatKind;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Grant, Resource};

use crate::Engine;
use crate::authenticate::{AuthenticatedClient, authenticate};
use crate::bearer::{self, Bearer};
use crate::failure::Failure;

/// Somebody who has proved who they are, or (a public client that revokes) cannot. Made only here and of authenticated clients.
#[derive(Clone, Debug)]
pub enum Asker {
    /// A client with its own credentials.
    Client(AuthenticatedClient),
    /// A client by an access token of its own that lets it ask.
    Holder(Arc<Client>),
    /// A resource server with its own credentials.
    Resource(Arc<Resource>),
}

impl From<AuthenticatedClient> for Asker {
    fn from(client: AuthenticatedClient) -> Self {
        Self::Client(client)
    }
}

/// Finds out who these credentials belong to. A resource server uses its identifier and secret as a client uses its own.
pub async fn known(engine: &Engine, credentials: &Credentials, now: Timestamp) -> Result<Asker, Failure> {
    if let Some(resource) = resource_of(engine, credentials, now).await? {
        return Ok(Asker::Resource(resource));
    }
    Ok(Asker::Client(authenticate(engine, credentials, now).await?))
}

/// Lets the holder of an access token ask that has this scope; the empty scope lets nobody.
pub async fn by_token(engine: &Engine, bearer: &Bearer<'_>, needed: &Scope, now: Timestamp) -> Result<Asker, Failure> {
    if needed.is_empty() {
        return Err(invalid_client("access tokens are not taken here; no setting names a scope for it").into());
    }
    let admitted = bearer::admit(engine, bearer, needed, now).await?;
    let client = engine.store.client_by_id(admitted.standing.record.client).await?;
    // It was there a moment ago, or the token had not been live.
    Ok(Asker::Holder(client.ok_or_else(|| invalid_client("the client of the token is gone"))?))
}

async fn resource_of(
    engine: &Engine,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<Option<Arc<Resource>>, Failure> {
    let by_secret = matches!(credentials.method, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost);
    let (true, Some(secret), Ok(())) = (by_secret, &credentials.secret, resource::check(&credentials.client_id)) else {
        return Ok(None);
    };
    let found = engine.store.resource(Resource::key(engine.number, &credentials.client_id)).await?;
    Ok(found.filter(|resource| resource.enabled && resource.has_secret(secret, now)))
}

impl Asker {
    /// The client that asks, if it is one.
    pub(crate) fn client(&self) -> Option<&Client> {
        match self {
            Self::Client(client) => Some(client.record()),
            Self::Holder(client) => Some(client),
            Self::Resource(_) => None,
        }
    }

    /// What it is called.
    pub(crate) fn identifier(&self) -> &str {
        match self {
            Self::Client(client) => &client.record().client_id,
            Self::Holder(client) => &client.client_id,
            Self::Resource(resource) => &resource.identifier,
        }
    }

    pub(crate) fn must_be_confidential(&self) -> Result<(), Denied> {
        if let Self::Client(client) = self { client.must_be_confidential() } else { Ok(()) }
    }

    /// Whether everything about this grant is its business: its own, or anybody's.
    pub(crate) fn may_see_all_of(&self, grant: &Grant) -> bool {
        self.client().is_some_and(|client| grant.client == client.id || client.policy.introspect_any)
    }

    /// Whether it is told of what is withdrawn: it verifies tokens of anybody, or was let in by the scope for it.
    pub fn may_listen(&self) -> bool {
        match self {
            Self::Resource(_) | Self::Holder(_) => true,
            Self::Client(client) => client.must_be_confidential().is_ok() && client.record().policy.introspect_any,
        }
    }

    /// What of a token's audience it is told; `None` if the token is none of its business.
    pub(crate) fn sees<'a>(&self, grant: &Grant, audience: Vec<&'a str>) -> Option<Vec<&'a str>> {
        let seen = match self {
            // RFC 9701 §8.2: a resource server learns of tokens that are for it, and nothing of others that they are for.
            Self::Resource(resource) => audience.into_iter().filter(|one| *one == resource.identifier).collect(),
            Self::Client(_) | Self::Holder(_) if self.may_see_all_of(grant) => audience,
            Self::Client(_) | Self::Holder(_) => Vec::new(),
        };
        (!seen.is_empty()).then_some(seen)
    }

    /// What of a scope means something to it (RFC 7662 §2.2).
    pub(crate) fn knows(&self, scope: &Scope) -> Scope {
        match self {
            Self::Resource(resource) if !resource.scope.is_empty() => scope.intersect(&resource.scope),
            _ => scope.clone(),
        }
    }

    /// The caveats that no standard member expresses and that it checks itself.
    pub(crate) fn enforces(&self) -> Vec<CaveatKind> {
        let Self::Resource(resource) = self else { return Vec::new() };
        let kinds = resource.enforces.iter().filter_map(|name| CaveatKind::from_name(name));
        kinds.filter(|kind| kind.is_contextual()).collect()
    }
}

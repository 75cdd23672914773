//! What an operator does with resources: the servers that access tokens are for (RFC 8707).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::sha256;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::resource::{canonical, check};
use firman_proto::scope::Scope;
use firman_proto::seal::CaveatKind;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{ClientSecret, EventKind, Resource, Rest, TokenFormat};
use firman_store::{Change, Commit, Editable, EditableKey, Page};
use zeroize::Zeroizing;

use super::AdminError;
use crate::Engine;
use crate::failure::Fault;
use crate::random;

/// The prefix by which scanners find a leaked secret of a resource server.
pub const SECRET_PREFIX: &str = "fm_rs_";

/// Access tokens live so long, in seconds.
const LIFETIMES: std::ops::RangeInclusive<i64> = 10..=86_400;

/// What may be said of a resource, and edited.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// A name for people.
    pub name: String,
    /// What may be asked for there; nothing said is anything.
    pub scope: Scope,
    /// How its access tokens look; `None` is the client's or the server's way.
    pub token_format: Option<TokenFormat>,
    /// Lifetime of its access tokens, in seconds; `None` is the client's or the server's.
    pub access_token_seconds: Option<i64>,
    /// Names of the caveats that it checks itself (`method`, `path`).
    pub enforces: Vec<String>,
}

impl Settings {
    /// Those of a resource.
    pub fn of(resource: &Resource) -> Self {
        Self {
            name: resource.name.clone(),
            scope: resource.scope.clone(),
            token_format: resource.token_format,
            access_token_seconds: resource.access_token_seconds,
            enforces: resource.enforces.clone(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Denied> {
        if self.access_token_seconds.is_some_and(|seconds| !LIFETIMES.contains(&seconds)) {
            return Err(invalid_request("access_token_seconds: from 10 to 86400"));
        }
        let checkable = |name: &String| CaveatKind::from_name(name).is_some_and(CaveatKind::is_contextual);
        if !self.enforces.iter().all(checkable) {
            return Err(invalid_request("enforces: known are method and path; all others are checked here"));
        }
        Ok(())
    }
}

/// A new resource.
pub struct NewResource {
    /// Its resource indicator (RFC 8707 §2).
    pub identifier: String,
    /// What is said of it.
    pub settings: Settings,
    /// Whether it gets a secret, to ask about tokens with.
    pub secret: bool,
}

/// Registers a resource, with its secret if it is to have one, which is shown once and never again.
pub async fn add(
    engine: &Engine,
    new: NewResource,
    now: Timestamp,
) -> Result<(Resource, Option<Zeroizing<String>>), AdminError> {
    let secret = if new.secret { Some(new_secret(engine)?) } else { None };
    let resource = add_with(engine, new, secret.as_ref().map(|secret| secret.as_str()), Rest::new(), now).await?;
    Ok((resource, secret))
}

/// The same with this secret.
pub(crate) async fn add_with(
    engine: &Engine,
    new: NewResource,
    secret: Option<&str>,
    rest: Rest,
    now: Timestamp,
) -> Result<Resource, AdminError> {
    check(&new.identifier).map_err(|why| invalid_request(format!("resource: {why}")))?;
    if canonical(&new.identifier) == canonical(engine.issuer.as_str()) {
        return Err(invalid_request("resource: this is the server itself, which needs no registration").into());
    }
    let built_in = |api: &Arc<Resource>| canonical(&api.identifier) == canonical(&new.identifier);
    if engine.admin.as_ref().is_some_and(built_in) {
        return Err(invalid_request("resource: this is the admin API, which is built in").into());
    }
    new.settings.check()?;
    let Settings { name, scope, token_format, access_token_seconds, enforces } = new.settings;
    let id = random::record_id(&*engine.entropy, now)?;
    let resource = Resource {
        id,
        issuer: engine.number,
        identifier: new.identifier,
        enabled: true,
        name,
        secrets: secret.map(|secret| kept(secret, now)).into_iter().collect(),
        scope,
        token_format,
        access_token_seconds,
        enforces,
        created_at: now,
        updated_at: now,
        revision: 0,
        rest,
    };
    let event = engine.event(EventKind::ResourceCreated, id, now)?;
    let insert = Change::Insert(Editable::Resource(Box::new(resource.clone())));
    match engine.commit(vec![insert, Change::Append(Box::new(event))]).await? {
        Commit::Done => Ok(resource),
        Commit::Conflict(_) => Err(invalid_request("resource: registered already, by this or another spelling").into()),
    }
}

/// The resource of an identifier.
pub async fn find(engine: &Engine, identifier: &str) -> Result<Arc<Resource>, AdminError> {
    let resource = engine.store.resource(Resource::key(engine.number, identifier)).await?;
    resource.ok_or(AdminError::NotFound("no such resource; `firman resource list` shows them"))
}

/// A page of resources.
pub async fn list(engine: &Engine, page: Page) -> Result<Vec<Resource>, AdminError> {
    Ok(engine.store.resources(engine.number, page).await?)
}

/// Edits a resource; a disabled one is no target, and is told nothing.
pub async fn edit(
    engine: &Engine,
    resource: &Resource,
    settings: Settings,
    enabled: bool,
    now: Timestamp,
) -> Result<Resource, AdminError> {
    settings.check()?;
    let Settings { name, scope, token_format, access_token_seconds, enforces } = settings;
    let said = Resource { name, scope, token_format, access_token_seconds, enforces, ..resource.clone() };
    replace(engine, resource, Resource { enabled, updated_at: now, ..said }, now).await
}

/// Gives a resource a new secret; the ones it has go on working for `overlap`.
pub async fn rotate_secret(
    engine: &Engine,
    identifier: &str,
    overlap: Lifetime,
    now: Timestamp,
) -> Result<(Resource, Zeroizing<String>), AdminError> {
    let resource = find(engine, identifier).await?;
    let secret = new_secret(engine)?;
    let changed = with_secret(&resource, &secret, overlap, now);
    Ok((replace(engine, &resource, changed, now).await?, secret))
}

/// The resource with this secret, beside those it has for as long as they may overlap.
pub(crate) fn with_secret(resource: &Resource, secret: &str, overlap: Lifetime, now: Timestamp) -> Resource {
    let last = now.plus(overlap);
    let outlived = |old: &ClientSecret| ClientSecret {
        expires_at: Some(old.expires_at.map_or(last, |end| end.min(last))),
        ..old.clone()
    };
    let mut secrets: Vec<_> = resource.secrets.iter().map(outlived).filter(|old| old.expires_at > Some(now)).collect();
    secrets.push(kept(secret, now));
    Resource { secrets, updated_at: now, ..resource.clone() }
}

/// Removes a resource: nothing is issued for it any more, and it is told nothing. What was issued ends by itself.
pub async fn remove(engine: &Engine, identifier: &str, now: Timestamp) -> Result<(), AdminError> {
    let resource = find(engine, identifier).await?;
    remove_seen(engine, &resource, now).await
}

/// The same for a resource as it was read.
pub async fn remove_seen(engine: &Engine, resource: &Resource, now: Timestamp) -> Result<(), AdminError> {
    let event = engine.event(EventKind::ResourceDeleted, resource.id, now)?;
    let key = EditableKey::Resource(resource.id);
    let changes = vec![Change::Remove { key, if_revision: resource.revision }, Change::Append(Box::new(event))];
    match engine.commit(changes).await? {
        Commit::Done => Ok(()),
        Commit::Conflict(_) => Err(edited_meanwhile()),
    }
}

pub(crate) async fn replace(
    engine: &Engine,
    seen: &Resource,
    changed: Resource,
    now: Timestamp,
) -> Result<Resource, AdminError> {
    let event = engine.event(EventKind::ResourceUpdated, seen.id, now)?;
    let record = Editable::Resource(Box::new(changed.clone()));
    let changes = vec![Change::Replace { record, if_revision: seen.revision }, Change::Append(Box::new(event))];
    match engine.commit(changes).await? {
        Commit::Done => Ok(Resource { revision: seen.revision + 1, ..changed }),
        Commit::Conflict(_) => Err(edited_meanwhile()),
    }
}

fn edited_meanwhile() -> AdminError {
    AdminError::Edited("the resource")
}

fn new_secret(engine: &Engine) -> Result<Zeroizing<String>, Fault> {
    let random = Zeroizing::new(random::bytes::<32>(&*engine.entropy)?);
    Ok(Zeroizing::new(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(*random))))
}

/// A secret of 256 random bits cannot be guessed, so that a fast digest keeps it.
fn kept(secret: &str, now: Timestamp) -> ClientSecret {
    ClientSecret { digest: sha256(secret.as_bytes()), created_at: now, expires_at: None, sealed: None }
}

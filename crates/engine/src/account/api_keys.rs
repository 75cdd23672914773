//! API keys: grants that somebody makes for themselves, each with one sealed reference to it that is used as it is.

use std::fmt;

use firman_proto::client::ClientMetadata;
use firman_proto::credentials::AuthMethod;
use firman_proto::digest::Digest16;
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::seal::{self, Reference, Sealed};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{
    AuthContext, Client, ClientPolicy, EventKind, Grant, GrantKind, Origin, Resource, Rest, Terms,
};
use firman_store::{Change, Commit, Editable, GrantsOf, Page};

use super::{Fresh, LOOKS, Listed, PAGE, Person, allowed, next_after, noted};
use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::random;
use crate::target;

/// The client id under which operators see API keys: disable it, and none of them is good.
pub const CLIENT: &str = "api-keys";

/// The longest name of a key, in characters.
pub const LONGEST_NAME: usize = 80;

/// How many resources are offered on the page: those with the smallest ids.
const RESOURCES: u32 = 100;

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What they call it.
    pub name: String,
    /// What it is for: something, within what the server allows.
    pub scope: Scope,
    /// The identifiers of the resources that it is for; none: this server.
    pub resources: Vec<String>,
    /// How long it lives; nothing said, or nothing at all, is as long as the server says.
    pub life: Option<Lifetime>,
}

/// A key, for its owner.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its grant.
    pub id: RecordId,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub scope: Scope,
    /// The names of the resources that it is for; none: this server.
    pub resources: Vec<String>,
    /// Since when.
    pub since: Timestamp,
    /// When it was last used, to within some minutes.
    pub last_used: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
}

/// A key that was just made: the only time that it is seen.
pub struct Made {
    /// What it is.
    pub key: ApiKey,
    /// The key itself.
    pub sealed: Sealed<seal::ApiKey>,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Made({}, ..)", self.key.id)
    }
}

/// Whether there are API keys here.
pub fn are_on(engine: &Engine) -> bool {
    !engine.policy.account.api_key_scope.is_empty()
}

/// The resources that a key may be for: identifier and name.
pub async fn resources(engine: &Engine) -> Result<Vec<(String, String)>, Failure> {
    let known = engine.store.resources(engine.number, Page::first(RESOURCES)).await?;
    let scope = &engine.policy.account.api_key_scope;
    let fits = |resource: &Resource| resource.scope.is_empty() || !resource.scope.intersect(scope).is_empty();
    let shown = known.into_iter().filter(|resource| resource.enabled && fits(resource));
    Ok(shown
        .map(|resource| {
            let name = if resource.name.is_empty() { resource.identifier.clone() } else { resource.name };
            (resource.identifier, name)
        })
        .collect())
}

/// A page of somebody's keys that are good.
pub async fn list(
    engine: &Engine,
    person: &Person,
    after: Option<RecordId>,
    now: Timestamp,
) -> Result<Listed<ApiKey>, Failure> {
    let rows = engine.store.grants(GrantsOf::Subject(person.key(engine)), Page { after, limit: PAGE }).await?;
    let next = next_after(rows.len(), rows.last().map(|grant| grant.id));
    let epochs = engine.store.epochs(Some(client_id(engine)), Some(person.key(engine))).await?;
    let mut items = Vec::new();
    for grant in rows.iter().filter(|grant| is_key(grant, now) && grant.epochs == epochs) {
        items.push(shown(engine, grant).await?);
    }
    Ok(Listed { items, next })
}

fn is_key(grant: &Grant, now: Timestamp) -> bool {
    grant.kind == GrantKind::ApiKey && grant.is_live(now)
}

async fn shown(engine: &Engine, grant: &Grant) -> Result<ApiKey, Failure> {
    Ok(ApiKey {
        id: grant.id,
        name: grant.terms.name.clone().unwrap_or_default(),
        scope: grant.scope.clone(),
        resources: target::names_of(engine, &grant.terms.resource).await?,
        since: grant.id.made_at(),
        last_used: allowed::last_used(grant),
        until: grant.expires_at,
    })
}

/// Makes a key. It is shown now and never again.
pub async fn create(engine: &Engine, person: Fresh<'_>, new: NewApiKey, now: Timestamp) -> Result<Made, Failure> {
    let name = checked_name(&new.name)?.to_owned();
    let (resource, scope) = allowed_scope(engine, &new).await?;
    let expires_at = end_of(engine, new.life, now)?;
    for _ in 0..LOOKS {
        let (client, insert) = client(engine, now).await?;
        if !client.enabled {
            return Err(Denied::new(ErrorCode::AccessDenied, "API keys are disabled here").into());
        }
        let epochs = engine.store.epochs(Some(client.id), Some(person.key(engine))).await?;
        let grant = Grant {
            id: random::record_id(&*engine.entropy, now)?,
            issuer: engine.number,
            kind: GrantKind::ApiKey,
            client: client.id,
            subject: Some(person.subject().clone()),
            session: None,
            scope: scope.clone(),
            salt: random::salt(&*engine.entropy)?,
            refresh: None,
            epochs,
            parent: None,
            expires_at,
            revoked_at: None,
            reason: None,
            auth: auth_of(&person),
            terms: Terms { resource: resource.clone(), name: Some(name.clone()), ..Terms::default() },
            last_used_at: None,
            rest: Rest::new(),
        };
        let sealed = sealed(engine, &grant, now)?;
        let event = person.did(engine, EventKind::ApiKeyMade, grant.id, now)?;
        let mut changes: Vec<Change> = insert.into_iter().collect();
        changes.extend(noted(Change::InsertGrant(Box::new(grant.clone())), event));
        // Another first key was made at the same time: then the client of keys is there.
        if engine.commit(changes).await? == Commit::Done {
            return Ok(Made { key: shown(engine, &grant).await?, sealed });
        }
    }
    Err(Fault::temporary("make an API key", "the client of API keys was edited meanwhile").into())
}

/// Revokes one of somebody's keys; one that is not theirs is not there.
pub async fn revoke(engine: &Engine, person: &Person, id: RecordId, now: Timestamp) -> Result<(), Failure> {
    let unknown = || invalid_request("key: you have no such key");
    let grant = engine.store.grant(id, None).await?.map(|standing| standing.record).ok_or_else(unknown)?;
    if grant.kind != GrantKind::ApiKey || grant.subject.as_ref() != Some(person.subject()) {
        return Err(unknown().into());
    }
    allowed::withdraw_grant(engine, person, id, now).await
}

/// How exactly the last use of a key is kept: a write in five minutes, not a write a use.
const USED_PRECISION: Lifetime = Lifetime::from_seconds(300);

/// Notes that a key was used, if it is time for that. It tells people which of their keys they need, and is worth no more: that it could
/// not be written keeps nobody out.
pub(crate) async fn used(engine: &Engine, grant: &Grant, now: Timestamp) {
    let is_news = grant.last_used_at.is_none_or(|last| now.since(last) >= USED_PRECISION);
    if grant.kind == GrantKind::ApiKey
        && is_news
        && let Err(fault) = engine.commit(vec![Change::TouchGrant { id: grant.id, now }]).await
    {
        tracing::warn!(%fault, "the use of an API key was not noted");
    }
}

/// The seal has the end of its grant, so that one key of those it was weakened to can be revoked alone.
fn sealed(engine: &Engine, grant: &Grant, now: Timestamp) -> Result<Sealed<seal::ApiKey>, Fault> {
    let reference = Reference {
        record: grant.id,
        serial: random::serial(&*engine.entropy)?,
        issued_at: now,
        expires_at: Some(grant.expires_at),
        salt: &grant.salt,
    };
    Ok(engine.keys.current().keyring.seal::<seal::ApiKey>(&reference))
}

fn auth_of(person: &Person) -> AuthContext {
    let session = &person.signed_in.session;
    let details = &session.details;
    AuthContext { auth_time: Some(session.auth_time), acr: details.acr.clone(), amr: details.amr.clone(), nonce: None }
}

fn checked_name(name: &str) -> Result<&str, Denied> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(invalid_request(format!("name: one line of 1 to {LONGEST_NAME} characters")));
    }
    Ok(name)
}

/// What a key is for: something, and nothing that the server or its resources know nothing of.
async fn allowed_scope(engine: &Engine, new: &NewApiKey) -> Result<(Vec<String>, Scope), Failure> {
    let beyond = || Denied::new(ErrorCode::InvalidScope, "scope: something of what API keys may be for");
    if new.scope.is_empty() || !new.scope.is_within(&engine.policy.account.api_key_scope) {
        return Err(beyond().into());
    }
    target::requested(engine, &blank(engine, Timestamp::from_millis(0)), &new.resources, &new.scope).await
}

/// When a key ends that is made now. All end: the key that seals them is not kept for ever.
fn end_of(engine: &Engine, life: Option<Lifetime>, now: Timestamp) -> Result<Timestamp, Denied> {
    let policy = &engine.policy.account;
    let life = life.filter(|life| *life > Lifetime::ZERO).unwrap_or(policy.api_key.min(policy.api_key_most));
    if life > policy.api_key_most {
        let days = policy.api_key_most.seconds() / 86_400;
        return Err(invalid_request(format!("life: at most {days} days")));
    }
    Ok(now.plus(life))
}

/// The client that API keys belong to, and what makes it if it is not there yet.
async fn client(engine: &Engine, now: Timestamp) -> Result<(Client, Option<Change>), Failure> {
    if let Some(known) = engine.store.client_by_id(client_id(engine)).await? {
        return Ok((Client::clone(&known), None));
    }
    let new = blank(engine, now);
    let insert = Change::Insert(Editable::Client(Box::new(new.clone())));
    Ok((new, Some(insert)))
}

/// It follows from the issuer, so that two nodes make the same one.
fn client_id(engine: &Engine) -> RecordId {
    RecordId::from_bytes(Digest16::of(&[&engine.number.0.to_be_bytes(), b"client of API keys"]).0)
}

fn blank(engine: &Engine, now: Timestamp) -> Client {
    Client {
        id: client_id(engine),
        issuer: engine.number,
        client_id: CLIENT.to_owned(),
        enabled: true,
        owner: None,
        secrets: Vec::new(),
        metadata: ClientMetadata::new("API keys", AuthMethod::None),
        origin: Origin::Configured,
        policy: ClientPolicy::default(),
        registration: None,
        created_at: now,
        updated_at: now,
        revision: 0,
    }
}

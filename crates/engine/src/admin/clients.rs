//! What an operator does with clients.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::client::ClientMetadata;
use firman_proto::credentials::AuthMethod;
use firman_proto::digest::sha256;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Client, ClientPolicy, ClientSecret, EpochKey, EventKind, Origin, Registration};
use firman_store::{Change, Commit, Editable, EditableKey, Page};
use zeroize::Zeroizing;

use super::{AdminError, metadata, policy};
use crate::Engine;
use crate::authenticate::seal_secret;
use crate::failure::Fault;
use crate::random;
use crate::sector;

/// The prefix by which scanners find a leaked client secret.
pub const SECRET_PREFIX: &str = "fm_cs_";

/// A new client.
pub struct NewClient {
    /// Its id; a random one if absent.
    pub client_id: Option<String>,
    /// Its metadata.
    pub metadata: ClientMetadata,
    /// Where it differs from the server's policy.
    pub policy: ClientPolicy,
    /// Who may edit it.
    pub owner: Option<String>,
    /// Its secret, if it must be a certain one of 256 random bits (the demo's); a random one if absent.
    pub secret: Option<Zeroizing<String>>,
}

/// Creates a client. A confidential one comes with its secret, which is shown once and never again.
pub async fn create(
    engine: &Engine,
    new: NewClient,
    now: Timestamp,
) -> Result<(Client, Option<Zeroizing<String>>), AdminError> {
    make(engine, new, (Origin::Registered, None), now).await
}

/// The same for a client that registers itself.
pub(crate) async fn create_registered(
    engine: &Engine,
    new: NewClient,
    origin: Origin,
    registration: Registration,
    now: Timestamp,
) -> Result<(Client, Option<Zeroizing<String>>), AdminError> {
    make(engine, new, (origin, Some(registration)), now).await
}

/// The same for a client of a file.
pub(crate) async fn create_configured(
    engine: &Engine,
    new: NewClient,
    now: Timestamp,
) -> Result<(Client, Option<Zeroizing<String>>), AdminError> {
    make(engine, new, (Origin::Configured, None), now).await
}

async fn make(
    engine: &Engine,
    new: NewClient,
    (origin, registration): (Origin, Option<Registration>),
    now: Timestamp,
) -> Result<(Client, Option<Zeroizing<String>>), AdminError> {
    check(engine, &new)?;
    sector::check(engine, &new.metadata, now).await?;
    let id = random::record_id(&*engine.entropy, now)?;
    let secret = match (new.metadata.token_endpoint_auth_method.has_secret(), new.secret) {
        (false, _) => None,
        (true, Some(secret)) => Some(secret),
        (true, None) => Some(new_secret(engine)?),
    };
    let method = new.metadata.token_endpoint_auth_method;
    let kept = secret.as_ref().map(|secret| keep(engine, id, method, secret, now)).transpose()?;
    let client = Client {
        id,
        issuer: engine.number,
        client_id: new.client_id.unwrap_or_else(|| id.to_string()),
        enabled: true,
        owner: new.owner,
        secrets: kept.into_iter().collect(),
        metadata: new.metadata,
        origin,
        policy: new.policy,
        registration,
        created_at: now,
        updated_at: now,
        revision: 0,
    };
    let event = engine.event(EventKind::ClientCreated, id, now)?;
    let insert = Change::Insert(Editable::Client(Box::new(client.clone())));
    match engine.commit(vec![insert, Change::Append(Box::new(event))]).await? {
        Commit::Done => Ok((client, secret)),
        Commit::Conflict(_) => Err(invalid_request("client_id: taken by another client").into()),
    }
}

/// The client of a client id.
pub async fn find(engine: &Engine, client_id: &str) -> Result<Arc<Client>, AdminError> {
    let client = engine.store.client(Client::key(engine.number, client_id)).await?;
    client.ok_or(AdminError::NotFound("no such client; `firman client list` shows them"))
}

/// A page of clients.
pub async fn list(engine: &Engine, page: Page) -> Result<Vec<Client>, AdminError> {
    Ok(engine.store.clients(engine.number, page).await?)
}

/// Gives a client a new secret; the ones it has go on working for `overlap`.
pub async fn rotate_secret(
    engine: &Engine,
    client_id: &str,
    overlap: Lifetime,
    now: Timestamp,
) -> Result<(Client, Zeroizing<String>), AdminError> {
    let client = find(engine, client_id).await?;
    let method = client.metadata.token_endpoint_auth_method;
    if !method.has_secret() {
        return Err(invalid_request(format!("client_id: a client of {} has no secret", method.as_str())).into());
    }
    let secret = new_secret(engine)?;
    let last = now.plus(overlap);
    let outlived = |old: &ClientSecret| ClientSecret {
        expires_at: Some(old.expires_at.map_or(last, |end| end.min(last))),
        ..old.clone()
    };
    let mut secrets: Vec<_> = client.secrets.iter().map(outlived).filter(|old| old.expires_at > Some(now)).collect();
    secrets.push(keep(engine, client.id, method, &secret, now)?);
    let changed = Client { secrets, updated_at: now, ..Client::clone(&client) };
    replace(engine, &client, changed, now).await.map(|client| (client, secret))
}

/// What an operator changes about a client without touching what it may do.
#[derive(Clone, Debug, Default)]
pub struct Amend {
    /// Whether an operator has made sure who it is.
    pub verified: Option<bool>,
    /// Who may edit it: a subject, or nobody.
    pub owner: Option<Option<String>>,
}

/// Changes what people are told of a client, and who owns it.
pub async fn amend(engine: &Engine, client_id: &str, amend: Amend, now: Timestamp) -> Result<Client, AdminError> {
    let client = find(engine, client_id).await?;
    let policy = ClientPolicy { verified: amend.verified.unwrap_or(client.policy.verified), ..client.policy.clone() };
    let owner = amend.owner.unwrap_or_else(|| client.owner.clone());
    replace(engine, &client, Client { policy, owner, updated_at: now, ..Client::clone(&client) }, now).await
}

/// What becomes of a client.
pub struct Edit {
    /// Its metadata.
    pub metadata: ClientMetadata,
    /// Where it differs from the server's policy.
    pub policy: ClientPolicy,
    /// A secret that replaces all it has.
    pub secret: Option<Zeroizing<String>>,
}

/// Edits a client, as it was read and with what of it is to be otherwise (owner, whether it is enabled); where its method now needs a
/// secret that it has not, a new one comes with it.
pub async fn edit(
    engine: &Engine,
    client: &Client,
    edit: Edit,
    now: Timestamp,
) -> Result<(Client, Option<Zeroizing<String>>), AdminError> {
    let Edit { metadata, policy, secret } = edit;
    metadata::check(engine, &metadata)?;
    policy::check(&policy)?;
    let of_sector =
        |of: &ClientMetadata| (of.subject_type.clone(), of.sector_identifier_uri.clone(), of.redirect_uris.clone());
    if of_sector(&metadata) != of_sector(&client.metadata) {
        sector::check(engine, &metadata, now).await?;
    }
    let method = metadata.token_endpoint_auth_method;
    let needs_copy = method == AuthMethod::ClientSecretJwt;
    let mut secrets = client.secrets.clone();
    secrets.retain(|known| secret.is_none() && method.has_secret() && (!needs_copy || known.sealed.is_some()));
    let secret = match secret {
        None if method.has_secret() && secrets.is_empty() => Some(new_secret(engine)?),
        given => given,
    };
    if let Some(secret) = &secret {
        secrets.push(keep(engine, client.id, method, secret, now)?);
    }
    let changed = Client { secrets, metadata, policy, updated_at: now, ..client.clone() };
    Ok((replace(engine, client, changed, now).await?, secret))
}

/// A client that registered itself was used, and stays.
pub(crate) async fn mark_used(engine: &Engine, client: &Client, now: Timestamp) -> Result<(), AdminError> {
    let Some(registration) = client.registration.clone() else { return Ok(()) };
    let registration = Some(Registration { used: true, ..registration });
    replace(engine, client, Client { registration, ..client.clone() }, now).await.map(|_| ())
}

/// Deletes a client; everything issued to it is dead at once. Its id is never used again.
pub async fn delete(engine: &Engine, client_id: &str, now: Timestamp) -> Result<(), AdminError> {
    let client = find(engine, client_id).await?;
    remove(engine, &client, now).await
}

/// The same for a client as it was read.
pub async fn remove(engine: &Engine, client: &Client, now: Timestamp) -> Result<(), AdminError> {
    let event = engine.event(EventKind::ClientDeleted, client.id, now)?;
    let changes = vec![
        Change::Remove { key: EditableKey::Client(client.id), if_revision: client.revision },
        Change::AdvanceEpoch(EpochKey::Client(client.id)),
        Change::Append(Box::new(event)),
    ];
    match engine.commit(changes).await? {
        Commit::Done => Ok(()),
        Commit::Conflict(_) => Err(edited_meanwhile()),
    }
}

async fn replace(engine: &Engine, seen: &Client, changed: Client, now: Timestamp) -> Result<Client, AdminError> {
    let event = engine.event(EventKind::ClientUpdated, seen.id, now)?;
    let record = Editable::Client(Box::new(changed.clone()));
    let changes = vec![Change::Replace { record, if_revision: seen.revision }, Change::Append(Box::new(event))];
    match engine.commit(changes).await? {
        Commit::Done => Ok(Client { revision: seen.revision + 1, ..changed }),
        Commit::Conflict(_) => Err(edited_meanwhile()),
    }
}

fn edited_meanwhile() -> AdminError {
    AdminError::Edited("the client")
}

fn check(engine: &Engine, new: &NewClient) -> Result<(), Denied> {
    if let Some(id) = &new.client_id
        && (id.is_empty() || id.len() > Client::LONGEST_ID || !id.bytes().all(|b| (0x20..0x7f).contains(&b)))
    {
        return Err(invalid_request("client_id: 1 to 1024 printable ASCII characters"));
    }
    policy::check(&new.policy)?;
    metadata::check(engine, &new.metadata)
}

fn new_secret(engine: &Engine) -> Result<Zeroizing<String>, Fault> {
    let random = Zeroizing::new(random::bytes::<32>(&*engine.entropy)?);
    Ok(Zeroizing::new(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(*random))))
}

/// What is kept of a secret: its digest, and where HMAC needs the value, that under a seal.
fn keep(
    engine: &Engine,
    client: RecordId,
    method: AuthMethod,
    secret: &str,
    now: Timestamp,
) -> Result<ClientSecret, Fault> {
    let digest = sha256(secret.as_bytes());
    let sealed = match method {
        AuthMethod::ClientSecretJwt => Some(seal_secret(engine, client, &digest, secret)?),
        _ => None,
    };
    Ok(ClientSecret { digest, created_at: now, expires_at: None, sealed })
}

//! The clients that somebody owns: what a person may do with them without an operator.

use std::sync::Arc;

use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Client, ClientPolicy, Grant};
use firman_store::{GrantsOf, Page};
use zeroize::Zeroizing;

use super::{Fresh, Listed, PAGE, Person, allowed, next_after};
use crate::Engine;
use crate::admin::clients::{self, Edit, NewClient};
use crate::failure::Failure;

/// How long an old secret goes on working beside its successor.
pub const OVERLAP: Lifetime = Lifetime::from_days(1);

/// How many clients one person may have.
const MOST: usize = 20;

/// The longest name of a client, in characters.
pub const LONGEST_NAME: usize = 80;

/// How many redirect URIs a client of a person's may have.
const MOST_REDIRECTS: usize = 10;

/// What a person says of their client.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is called.
    pub name: String,
    /// Whether it keeps a secret, as one on a server does; else it is public and uses PKCE.
    pub confidential: bool,
    /// Where browsers may be sent back to.
    pub redirect_uris: Vec<String>,
    /// Its own page.
    pub client_uri: Option<String>,
    /// What it may ask for at most, within what the server lets such clients have.
    pub scope: Scope,
}

/// One of a client's grants, for the client's owner: nothing of it tells whose it is.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its id.
    pub id: RecordId,
    /// What.
    pub scope: Scope,
    /// Since when.
    pub since: Timestamp,
    /// When it was last used, as far as that is known.
    pub last_used: Option<Timestamp>,
}

/// The most that such a client may ask for.
pub fn most_scope(engine: &Engine) -> &Scope {
    &engine.policy.registration.scope
}

/// A page of the clients that somebody owns.
pub async fn list(engine: &Engine, person: &Person, after: Option<RecordId>) -> Result<Listed<Client>, Failure> {
    must_may(person)?;
    let page = Page { after, limit: PAGE };
    let items = engine.store.clients_of(person.subject().to_string(), page).await?;
    let next = next_after(items.len(), items.last().map(|client| client.id));
    Ok(Listed { items, next })
}

/// One of them.
pub async fn find(engine: &Engine, person: &Person, client_id: &str) -> Result<Arc<Client>, Failure> {
    must_may(person)?;
    let unknown = || invalid_request("client: you have no such client");
    if client_id.len() > Client::LONGEST_ID {
        return Err(unknown().into());
    }
    let client = engine.store.client(Client::key(engine.number, client_id)).await?;
    let own = |client: &Arc<Client>| {
        client.issuer == engine.number && client.owner.as_deref() == Some(person.subject().as_str())
    };
    Ok(client.filter(own).ok_or_else(unknown)?)
}

/// Makes one; a confidential one comes with its secret, which is shown once.
pub async fn create(
    engine: &Engine,
    person: Fresh<'_>,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<(Client, Option<Zeroizing<String>>), Failure> {
    let known = list(engine, &person, None).await?;
    if known.items.len() >= MOST {
        let text = format!("client: you have {MOST} already, and that is how many one may have");
        return Err(Denied::new(ErrorCode::AccessDenied, text).into());
    }
    let method = if wanted.confidential { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
    let mut metadata = ClientMetadata::new("", method);
    let refreshed = [GrantType::AuthorizationCode, GrantType::RefreshToken];
    let allowed = &engine.policy.registration.grant_types;
    metadata.grant_types = refreshed.into_iter().filter(|grant_type| allowed.contains(grant_type)).collect();
    let metadata = filled(engine, metadata, wanted)?;
    let owner = Some(person.subject().to_string());
    let new = NewClient { client_id: None, metadata, policy: ClientPolicy::default(), owner, secret: None };
    Ok(clients::create(engine, new, now).await?)
}

/// Edits what a person says of a client; how it proves itself stays as it is.
pub async fn edit(
    engine: &Engine,
    person: Fresh<'_>,
    client_id: &str,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Client, Failure> {
    let client = find(engine, &person, client_id).await?;
    let metadata = filled(engine, client.metadata.clone(), wanted)?;
    let edit = Edit { metadata, policy: client.policy.clone(), secret: None };
    Ok(clients::edit(engine, &client, edit, now).await?.0)
}

/// Gives one a new secret, shown once; the old one works for a day more.
pub async fn rotate_secret(
    engine: &Engine,
    person: Fresh<'_>,
    client_id: &str,
    now: Timestamp,
) -> Result<(Client, Zeroizing<String>), Failure> {
    let client = find(engine, &person, client_id).await?;
    Ok(clients::rotate_secret(engine, &client.client_id, OVERLAP, now).await?)
}

/// Deletes one; everything that was issued to it is dead at once.
pub async fn delete(engine: &Engine, person: Fresh<'_>, client_id: &str, now: Timestamp) -> Result<(), Failure> {
    let client = find(engine, &person, client_id).await?;
    Ok(clients::delete(engine, &client.client_id, now).await?)
}

/// A page of what people allowed one.
pub async fn grants(
    engine: &Engine,
    person: &Person,
    client_id: &str,
    after: Option<RecordId>,
    now: Timestamp,
) -> Result<Listed<Held>, Failure> {
    let client = find(engine, person, client_id).await?;
    let rows = engine.store.grants(GrantsOf::Client(client.id), Page { after, limit: PAGE }).await?;
    let next = next_after(rows.len(), rows.last().map(|grant| grant.id));
    let live = rows.iter().filter(|grant| grant.is_live(now) && grant.subject.is_some());
    Ok(Listed { items: live.map(held).collect(), next })
}

fn held(grant: &Grant) -> Held {
    Held { id: grant.id, scope: grant.scope.clone(), since: grant.id.made_at(), last_used: allowed::last_used(grant) }
}

fn must_may(person: &Person) -> Result<(), Denied> {
    if person.may_own() {
        return Ok(());
    }
    Err(Denied::new(ErrorCode::AccessDenied, "clients of one's own are not for you here"))
}

fn filled(engine: &Engine, mut metadata: ClientMetadata, wanted: &Wanted) -> Result<ClientMetadata, Denied> {
    let name = wanted.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(invalid_request(format!("name: one line of 1 to {LONGEST_NAME} characters")));
    }
    if wanted.redirect_uris.len() > MOST_REDIRECTS {
        return Err(invalid_request(format!("redirect_uris: at most {MOST_REDIRECTS}")));
    }
    let read = |text: &String| {
        RedirectUri::parse(text).map_err(|error| invalid_request(format!("redirect_uris: {text}: {error}")))
    };
    if wanted.client_uri.as_deref().is_some_and(|uri| !uri.starts_with("https://") || uri.len() > 512) {
        return Err(invalid_request("client_uri: an https address"));
    }
    if !wanted.scope.is_within(most_scope(engine)) {
        return Err(Denied::new(ErrorCode::InvalidScope, "scope: more than such clients may ask for"));
    }
    name.clone_into(&mut metadata.client_name);
    metadata.redirect_uris = wanted.redirect_uris.iter().map(read).collect::<Result<_, _>>()?;
    metadata.client_uri.clone_from(&wanted.client_uri);
    metadata.scope = wanted.scope.clone();
    Ok(metadata)
}

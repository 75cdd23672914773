//! Clients from a file: what it names is made or edited, and on request what it no longer names is removed.

use std::collections::BTreeSet;

use firman_proto::client::ClientMetadata;
use firman_proto::error::invalid_request;
use firman_proto::time::Timestamp;
use firman_store::Page;
use firman_store::record::{Client, ClientPolicy, Origin};
use zeroize::Zeroizing;

use super::clients::{self, Edit, NewClient};
use super::{AdminError, metadata, policy};
use crate::Engine;
use crate::sector;

/// How many clients are looked at in one page.
const PAGE: u32 = 500;
/// The shortest secret that a file may give, in bytes: it is kept as a fast digest, so it must not be guessed.
pub(super) const SHORTEST_SECRET: usize = 32;

/// A client as a file has it.
pub struct Wanted {
    /// Its id.
    pub client_id: String,
    /// Its metadata.
    pub metadata: ClientMetadata,
    /// Where it differs from the server's policy.
    pub policy: ClientPolicy,
    /// Its secret: random, of 32 bytes or more. Without one it keeps what it has, and a new client gets a random one.
    pub secret: Option<Zeroizing<String>>,
}

/// What became, or would become, of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Action {
    Created,
    Updated,
    Unchanged,
    Removed,
}

/// One client and what became of it.
pub struct Outcome {
    /// Its id.
    pub client_id: String,
    /// What became of it.
    pub action: Action,
    /// The secret it was given, if it was a random one.
    pub secret: Option<Zeroizing<String>>,
}

/// How a file is applied.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Remove clients that came from a file and are not in this one.
    pub prune: bool,
}

/// Makes the clients what the file says. Everything is checked before anything is done; a client that did not come from a file is
/// never touched.
pub async fn apply(engine: &Engine, wanted: Vec<Wanted>, how: How, now: Timestamp) -> Result<Vec<Outcome>, AdminError> {
    let mut named = BTreeSet::new();
    let mut planned = Vec::new();
    for client in wanted {
        if !named.insert(client.client_id.clone()) {
            return Err(invalid_request(format!("client_id: {} is there twice", client.client_id)).into());
        }
        let known = check(engine, &client, now).await?;
        planned.push((client, known));
    }
    let gone = if how.prune { configured_besides(engine, &named).await? } else { Vec::new() };

    let mut outcomes = Vec::new();
    for (client, known) in planned {
        outcomes.push(Box::pin(one(engine, client, known, how, now)).await?);
    }
    for client_id in gone {
        if !how.dry_run {
            clients::delete(engine, &client_id, now).await?;
        }
        outcomes.push(Outcome { client_id, action: Action::Removed, secret: None });
    }
    Ok(outcomes)
}

/// Whether this client can be made or edited; gives the one that is there.
async fn check(engine: &Engine, wanted: &Wanted, now: Timestamp) -> Result<Option<Client>, AdminError> {
    let named = |text: &str| invalid_request(format!("{}: {text}", wanted.client_id));
    metadata::check(engine, &wanted.metadata).map_err(|denied| named(&denied.text))?;
    policy::check(&wanted.policy).map_err(|denied| named(&denied.text))?;
    if wanted.secret.as_ref().is_some_and(|secret| secret.len() < SHORTEST_SECRET) {
        return Err(named("client_secret: must be random, and 32 bytes or more").into());
    }
    if wanted.secret.is_some() && !wanted.metadata.token_endpoint_auth_method.has_secret() {
        return Err(named("client_secret: its token_endpoint_auth_method has none").into());
    }
    let known = engine.store.client(Client::key(engine.number, &wanted.client_id)).await?;
    match known {
        Some(client) if client.origin != Origin::Configured => {
            Err(named("client_id: taken by a client that did not come from a file").into())
        }
        Some(client) if client.metadata == wanted.metadata => Ok(Some(Client::clone(&client))),
        known => {
            sector::check(engine, &wanted.metadata, now).await.map_err(|denied| named(&denied.text))?;
            Ok(known.map(|client| Client::clone(&client)))
        }
    }
}

async fn one(
    engine: &Engine,
    wanted: Wanted,
    known: Option<Client>,
    how: How,
    now: Timestamp,
) -> Result<Outcome, AdminError> {
    let Wanted { client_id, metadata, policy, secret } = wanted;
    let outcome = |action, secret| Outcome { client_id: client_id.clone(), action, secret };
    let Some(known) = known else {
        let given = secret.is_some();
        let new = NewClient { client_id: Some(client_id.clone()), metadata, policy, owner: None, secret };
        if how.dry_run {
            return Ok(outcome(Action::Created, None));
        }
        let (_, secret) = clients::create_configured(engine, new, now).await?;
        return Ok(outcome(Action::Created, secret.filter(|_| !given)));
    };
    let same_secret = secret.as_ref().is_none_or(|secret| known.has_secret(secret, now));
    if known.metadata == metadata && known.policy == policy && same_secret {
        return Ok(outcome(Action::Unchanged, None));
    }
    if how.dry_run {
        return Ok(outcome(Action::Updated, None));
    }
    let edit = Edit { metadata, policy, secret: secret.filter(|_| !same_secret) };
    let given = edit.secret.is_some();
    let (_, secret) = clients::edit(engine, &known, edit, now).await?;
    Ok(outcome(Action::Updated, secret.filter(|_| !given)))
}

/// The ids of clients that came from a file and are not named.
async fn configured_besides(engine: &Engine, named: &BTreeSet<String>) -> Result<Vec<String>, AdminError> {
    let (mut after, mut gone) = (None, Vec::new());
    loop {
        let page = engine.store.clients(engine.number, Page { after, limit: PAGE }).await?;
        let Some(last) = page.last() else { return Ok(gone) };
        after = Some(last.id);
        let others =
            page.iter().filter(|client| client.origin == Origin::Configured && !named.contains(&client.client_id));
        gone.extend(others.map(|client| client.client_id.clone()));
    }
}

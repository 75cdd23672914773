//! Resources from a file, as clients are: what it names is made or edited, and on request what it no longer names is removed.

use std::collections::BTreeSet;

use firman_proto::error::invalid_request;
use firman_proto::resource::{canonical, check};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Page;
use firman_store::record::{Resource, Rest};
use zeroize::Zeroizing;

use super::AdminError;
use super::apply::{Action, How, SHORTEST_SECRET};
use super::resources::{self, NewResource, Settings};
use crate::Engine;

/// How many resources are looked at in one page.
const PAGE: u32 = 500;
/// The member that says where a resource came from, and what it says of those of a file.
const ORIGIN: (&str, &str) = ("origin", "configured");

/// A resource as a file has it.
pub struct WantedResource {
    /// Its resource indicator.
    pub identifier: String,
    /// What is said of it.
    pub settings: Settings,
    /// Its secret: random, of 32 bytes or more. Without one it keeps what it has, and a new one has none.
    pub secret: Option<Zeroizing<String>>,
}

/// One resource and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceOutcome {
    /// Its identifier.
    pub identifier: String,
    /// What became of it.
    pub action: Action,
}

/// Makes the resources what the file says. Everything is checked before anything is done; a resource that did not come from a
/// file is never touched.
pub async fn apply(
    engine: &Engine,
    wanted: Vec<WantedResource>,
    how: How,
    now: Timestamp,
) -> Result<Vec<ResourceOutcome>, AdminError> {
    let mut named = BTreeSet::new();
    let mut planned = Vec::new();
    for resource in wanted {
        if !named.insert(canonical(&resource.identifier).into_owned()) {
            return Err(invalid_request(format!("identifier: {} is there twice", resource.identifier)).into());
        }
        let known = examine(engine, &resource).await?;
        planned.push((resource, known));
    }
    let gone = if how.prune { configured_besides(engine, &named).await? } else { Vec::new() };

    let mut outcomes = Vec::new();
    for (resource, known) in planned {
        outcomes.push(one(engine, resource, known, how, now).await?);
    }
    for identifier in gone {
        if !how.dry_run {
            resources::remove(engine, &identifier, now).await?;
        }
        outcomes.push(ResourceOutcome { identifier, action: Action::Removed });
    }
    Ok(outcomes)
}

/// Whether this resource can be made or edited; gives the one that is there.
async fn examine(engine: &Engine, wanted: &WantedResource) -> Result<Option<Resource>, AdminError> {
    let named = |text: &str| invalid_request(format!("{}: {text}", wanted.identifier));
    check(&wanted.identifier).map_err(|why| named(&format!("identifier: {why}")))?;
    wanted.settings.check().map_err(|denied| named(&denied.text))?;
    if wanted.secret.as_ref().is_some_and(|secret| secret.len() < SHORTEST_SECRET) {
        return Err(named("secret: must be random, and 32 bytes or more").into());
    }
    let known = engine.store.resource(Resource::key(engine.number, &wanted.identifier)).await?;
    match known {
        Some(resource) if !is_configured(&resource) => {
            Err(named("identifier: taken by a resource that did not come from a file").into())
        }
        Some(resource) if resource.identifier != wanted.identifier => {
            Err(named(&format!("identifier: registered as {}, and identifiers stay", resource.identifier)).into())
        }
        known => Ok(known.map(|resource| Resource::clone(&resource))),
    }
}

async fn one(
    engine: &Engine,
    wanted: WantedResource,
    known: Option<Resource>,
    how: How,
    now: Timestamp,
) -> Result<ResourceOutcome, AdminError> {
    let WantedResource { identifier, settings, secret } = wanted;
    let outcome = |action| ResourceOutcome { identifier: identifier.clone(), action };
    let Some(known) = known else {
        if !how.dry_run {
            let new = NewResource { identifier: identifier.clone(), settings, secret: false };
            let rest = Rest::from_iter([(ORIGIN.0.to_owned(), ORIGIN.1.into())]);
            resources::add_with(engine, new, secret.as_ref().map(|secret| secret.as_str()), rest, now).await?;
        }
        return Ok(outcome(Action::Created));
    };
    let secret = secret.filter(|secret| !known.has_secret(secret, now));
    if Settings::of(&known) == settings && secret.is_none() && known.enabled {
        return Ok(outcome(Action::Unchanged));
    }
    if !how.dry_run {
        let edited = resources::edit(engine, &known, settings, true, now).await?;
        if let Some(secret) = secret {
            let changed = resources::with_secret(&edited, &secret, Lifetime::ZERO, now);
            resources::replace(engine, &edited, changed, now).await?;
        }
    }
    Ok(outcome(Action::Updated))
}

/// The identifiers of resources that came from a file and are not named.
async fn configured_besides(engine: &Engine, named: &BTreeSet<String>) -> Result<Vec<String>, AdminError> {
    let (mut after, mut gone) = (None, Vec::new());
    loop {
        let page = engine.store.resources(engine.number, Page { after, limit: PAGE }).await?;
        let Some(last) = page.last() else { return Ok(gone) };
        after = Some(last.id);
        let others = page.iter().filter(|one| is_configured(one) && !named.contains(&*canonical(&one.identifier)));
        gone.extend(others.map(|one| one.identifier.clone()));
    }
}

fn is_configured(resource: &Resource) -> bool {
    resource.rest.get(ORIGIN.0).is_some_and(|origin| origin == ORIGIN.1)
}

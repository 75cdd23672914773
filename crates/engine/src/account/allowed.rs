//! What somebody allowed, and how they take it back.

use std::collections::HashMap;
use std::sync::Arc;

use firman_proto::authorization_details::Described;
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Consent, Epochs, EventKind, Grant, GrantKind, RevokeReason};
use firman_store::{Change, Commit, EditableKey, GrantsOf, Page};

use super::{LOOKS, Listed, PAGE, Person, next_after, noted};
use crate::Engine;
use crate::details;
use crate::failure::{Failure, Fault};
use crate::target;

/// How many consents are shown: more than anybody gives, and no more than fit on a page.
const CONSENTS: u32 = 200;

/// How many grants are revoked in one commit.
const AT_ONCE: usize = 100;

/// An application, with what somebody allowed it.
#[derive(Clone, Debug)]
pub struct App {
    /// The application.
    pub client: Arc<Client>,
    /// What it has now, the oldest first.
    pub grants: Vec<Allowed>,
    /// What it gets without asking again.
    pub remembered: Option<Remembered>,
}

/// One grant, for its person.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// Its id.
    pub id: RecordId,
    /// How it came about: to an application, a device, or whoever acts for somebody.
    pub kind: GrantKind,
    /// What.
    pub scope: Scope,
    /// The names of the resources that its tokens are for; none: this server.
    pub resources: Vec<String>,
    /// What in detail (RFC 9396).
    pub details: Vec<Described>,
    /// Since when.
    pub since: Timestamp,
    /// When it was last used, as far as that is known.
    pub last_used: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
}

/// What was allowed once and for all.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// What, at this server.
    pub scope: Scope,
    /// What at resources: the name of each, and the scope.
    pub resources: Vec<(String, Scope)>,
    /// When it was last said.
    pub at: Timestamp,
}

/// A page of what somebody allowed, by application. What was allowed once and for all is on the first.
pub async fn apps(
    engine: &Engine,
    person: &Person,
    after: Option<RecordId>,
    now: Timestamp,
) -> Result<Listed<App>, Failure> {
    let page = Page { after, limit: PAGE };
    let rows = engine.store.grants(GrantsOf::Subject(person.key(engine)), page).await?;
    let next = next_after(rows.len(), rows.last().map(|grant| grant.id));
    let mut gathered = Gathered { engine, person, apps: Vec::new(), epochs: HashMap::new() };
    for grant in rows.iter().filter(|grant| is_theirs(grant, now)) {
        gathered.grant(grant).await?;
    }
    if after.is_none() {
        for consent in engine.store.consents_of(person.key(engine), Page::first(CONSENTS)).await? {
            gathered.consent(&consent).await?;
        }
    }
    Ok(Listed { items: gathered.apps, next })
}

/// Whether it is something that an application may do, and still may as far as the grant itself knows.
fn is_theirs(grant: &Grant, now: Timestamp) -> bool {
    grant.kind != GrantKind::ApiKey && grant.is_live(now)
}

struct Gathered<'e> {
    engine: &'e Engine,
    person: &'e Person,
    apps: Vec<App>,
    /// Of each client and the person, now.
    epochs: HashMap<RecordId, Epochs>,
}

impl Gathered<'_> {
    async fn grant(&mut self, grant: &Grant) -> Result<(), Failure> {
        if self.epochs(grant.client).await? != grant.epochs {
            return Ok(());
        }
        let allowed = Allowed {
            id: grant.id,
            kind: grant.kind,
            scope: grant.scope.clone(),
            resources: target::names_of(self.engine, &grant.terms.resource).await?,
            details: details::described(self.engine, grant.terms.authorization_details.as_ref())?,
            since: grant.id.made_at(),
            last_used: last_used(grant),
            until: grant.terms.ends_at.unwrap_or(grant.expires_at),
        };
        if let Some(app) = self.app(grant.client).await? {
            app.grants.push(allowed);
        }
        Ok(())
    }

    async fn consent(&mut self, consent: &Consent) -> Result<(), Failure> {
        let mut resources = Vec::new();
        for (identifier, scope) in consent.at_resources() {
            let name = target::names_of(self.engine, std::slice::from_ref(&identifier)).await?.pop();
            resources.push((name.unwrap_or(identifier), scope));
        }
        let remembered = Remembered { scope: consent.scope.clone(), resources, at: consent.updated_at };
        if let Some(app) = self.app(consent.client).await? {
            app.remembered = Some(remembered);
        }
        Ok(())
    }

    /// The entry of a client; none if it was deleted, and everything it had with it.
    async fn app(&mut self, id: RecordId) -> Result<Option<&mut App>, Failure> {
        if !self.apps.iter().any(|app| app.client.id == id) {
            let Some(client) = self.engine.store.client_by_id(id).await? else { return Ok(None) };
            self.apps.push(App { client, grants: Vec::new(), remembered: None });
        }
        Ok(self.apps.iter_mut().find(|app| app.client.id == id))
    }

    async fn epochs(&mut self, client: RecordId) -> Result<Epochs, Failure> {
        if let Some(known) = self.epochs.get(&client) {
            return Ok(*known);
        }
        let epochs = self.engine.store.epochs(Some(client), Some(self.person.key(self.engine))).await?;
        self.epochs.insert(client, epochs);
        Ok(epochs)
    }
}

/// A refresh shows in the chain, any other use in the grant.
pub(super) fn last_used(grant: &Grant) -> Option<Timestamp> {
    let refreshed = grant.refresh.as_ref().filter(|chain| chain.generation > 0).map(|chain| chain.current.since);
    refreshed.max(grant.last_used_at)
}

/// Takes everything back that somebody allowed an application: what it has, and what it would get without asking.
pub async fn withdraw(engine: &Engine, person: &Person, client: RecordId, now: Timestamp) -> Result<(), Failure> {
    forget(engine, person, Some(client), now).await?;
    revoke(engine, person, |grant| grant.client == client && is_theirs(grant, now), now).await
}

/// The same for every application.
pub async fn withdraw_all(engine: &Engine, person: &Person, now: Timestamp) -> Result<(), Failure> {
    forget(engine, person, None, now).await?;
    revoke(engine, person, |grant| is_theirs(grant, now), now).await
}

/// Revokes one grant of a person's; what is not theirs is not there.
pub async fn withdraw_grant(engine: &Engine, person: &Person, id: RecordId, now: Timestamp) -> Result<(), Failure> {
    let grant = engine.store.grant(id, None).await?.map(|standing| standing.record);
    let theirs = |grant: &Grant| grant.subject.as_ref() == Some(person.subject()) && grant.is_live(now);
    if let Some(grant) = grant.filter(theirs) {
        engine.commit(revocation(engine, person, &grant, now)?.into()).await?;
    }
    Ok(())
}

/// First the consent: then nothing new comes about while what there is is revoked.
async fn forget(engine: &Engine, person: &Person, client: Option<RecordId>, now: Timestamp) -> Result<(), Failure> {
    for _ in 0..LOOKS {
        let known = engine.store.consents_of(person.key(engine), Page::first(CONSENTS)).await?;
        let known: Vec<_> = known.iter().filter(|known| client.is_none_or(|client| client == known.client)).collect();
        if known.is_empty() {
            return Ok(());
        }
        let mut changes = Vec::new();
        for consent in known {
            let mut event = person.did(engine, EventKind::ConsentWithdrawn, consent.client, now)?;
            event.client = Some(consent.client);
            let key = EditableKey::Consent(consent.key());
            changes.extend(noted(Change::Remove { key, if_revision: consent.revision }, event));
        }
        // Of as many as were read at once there may be more.
        if engine.commit(changes).await? == Commit::Done && client.is_some() {
            return Ok(());
        }
    }
    Err(Fault::temporary("forget a consent", "it was edited by others each time it was looked at").into())
}

async fn revoke(
    engine: &Engine,
    person: &Person,
    which: impl Fn(&Grant) -> bool,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = Page { after, limit: PAGE };
        let rows = engine.store.grants(GrantsOf::Subject(person.key(engine)), page).await?;
        let theirs: Vec<_> = rows.iter().filter(|grant| which(grant)).collect();
        for some in theirs.chunks(AT_ONCE) {
            let mut changes = Vec::with_capacity(2 * some.len());
            for grant in some {
                changes.extend(revocation(engine, person, grant, now)?);
            }
            engine.commit(changes).await?;
        }
        after = next_after(rows.len(), rows.last().map(|grant| grant.id));
        if after.is_none() {
            return Ok(());
        }
    }
}

pub(super) fn revocation(
    engine: &Engine,
    person: &Person,
    grant: &Grant,
    now: Timestamp,
) -> Result<[Change; 2], Fault> {
    let mut event = person.did(engine, EventKind::GrantRevoked, grant.id, now)?;
    event.client = Some(grant.client);
    event.details.insert("reason".to_owned(), "subject".into());
    Ok(noted(Change::RevokeGrant { id: grant.id, reason: RevokeReason::Subject, now }, event))
}

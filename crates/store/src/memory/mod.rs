//! A store in memory: the readable reference of the contract, and the store of tests.

mod deliveries;
mod grants;
mod sessions;
mod standing;
mod sweep;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::{Day, Timestamp};

use crate::change::{CommitId, RowKey, Transaction};
use crate::record::{
    Account, Client, Consent, ConsentKey, Delivery, DeliveryState, EpochKey, Epochs, Event, Flow, Grant, HeldClaims,
    HeldKind, HeldToken, Name, Namespace, Resource, Session, TokenTrace,
};
use crate::store::{
    Commit, CommitError, Cutoffs, GrantsOf, HeldPage, Keys, Page, Search, SignedIn, Standing, Store, StoreError, Swept,
};
use tables::Tables;

/// Keeps every record in this process and loses them with it. One lock, held for as long as one commit takes.
#[derive(Default)]
pub struct MemoryStore(Mutex<Tables>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A panic elsewhere cannot leave a commit half done: changes are taken back before the lock is let go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn page_of<R>(records: impl Iterator<Item = R>, id: impl Fn(&R) -> RecordId, page: Page) -> Vec<R> {
    let after = |record: &R| page.after.is_none_or(|last| id(record) > last);
    records.filter(after).take(page.limit as usize).collect()
}

/// The newest first: what comes before the id of the page.
fn page_back<R>(records: impl Iterator<Item = R>, id: impl Fn(&R) -> RecordId, page: Page) -> Vec<R> {
    let before = |record: &R| page.after.is_none_or(|last| id(record) < last);
    let mut found: Vec<R> = records.filter(before).collect();
    found.sort_by_key(|record| std::cmp::Reverse(id(record)));
    found.truncate(page.limit as usize);
    found
}

/// What begins with a text.
fn found<R>(records: impl Iterator<Item = R>, key: impl Fn(&R) -> (String, RecordId), search: &Search) -> Vec<R> {
    let fits = |record: &R| {
        let key = key(record);
        key.0.starts_with(&search.prefix) && search.after.as_ref().is_none_or(|last| key > *last)
    };
    let mut found: Vec<R> = records.filter(fits).collect();
    found.sort_by_key(key);
    found.truncate(search.limit as usize);
    found
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        let transaction = transaction.with_edition();
        let mut tables = self.tables();
        let mut done = Vec::with_capacity(transaction.changes.len());
        for (place, change) in transaction.changes.into_iter().enumerate() {
            let Ok(undo) = tables.apply(change, transaction.id) else {
                done.into_iter().rev().for_each(|undo: tables::Undo| undo(&mut tables));
                return Ok(Commit::Conflict(place));
            };
            done.push(undo);
        }
        Ok(Commit::Done)
    }

    async fn winner(&self, row: RowKey) -> Result<Option<CommitId>, StoreError> {
        Ok(self.tables().winner(row))
    }

    async fn client(&self, key: Digest16) -> Result<Option<Arc<Client>>, StoreError> {
        let tables = self.tables();
        Ok(tables.client_keys.get(&key).and_then(|id| tables.clients.get(id)).map(|row| Arc::clone(&row.record)))
    }

    async fn client_by_id(&self, id: RecordId) -> Result<Option<Arc<Client>>, StoreError> {
        Ok(self.tables().clients.get(&id).map(|row| Arc::clone(&row.record)))
    }

    async fn clients(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Client>, StoreError> {
        let tables = self.tables();
        let all = tables.clients.values().map(|row| Client::clone(&row.record)).filter(|c| c.issuer == issuer);
        Ok(page_of(all, |client| client.id, page))
    }

    async fn flow(&self, id: RecordId) -> Result<Option<Standing<Flow>>, StoreError> {
        let tables = self.tables();
        Ok(tables.flows.get(&id).map(|row| {
            let flow = row.record.clone();
            Standing {
                epochs: tables.epochs(Some(flow.client), flow.approval.as_ref().map(|a| a.subject.key(flow.issuer))),
                client_enabled: tables.is_enabled(flow.client),
                parent: None,
                token_revoked: false,
                record: flow,
            }
        }))
    }

    async fn grant(&self, id: RecordId, trace: Option<TokenTrace>) -> Result<Option<Standing<Grant>>, StoreError> {
        let tables = self.tables();
        Ok(tables.grants.get(&id).map(|row| {
            let grant = row.record.clone();
            let revoked = |trace: &TokenTrace| {
                trace.digests.iter().any(|digest| tables.revoked.contains_key(&(trace.day, id, *digest)))
            };
            Standing {
                epochs: tables.epochs_of(&grant),
                client_enabled: tables.is_enabled(grant.client),
                parent: grant.parent.map(|id| tables.parent(id)),
                token_revoked: trace.as_ref().is_some_and(revoked),
                record: grant,
            }
        }))
    }

    async fn grants(&self, of: GrantsOf, page: Page) -> Result<Vec<Grant>, StoreError> {
        let tables = self.tables();
        let belongs = |grant: &Grant| match of {
            GrantsOf::Subject(key) => grant.subject.as_ref().is_some_and(|subject| subject.key(grant.issuer) == key),
            GrantsOf::Client(id) => grant.client == id,
            GrantsOf::Everybody => true,
        };
        Ok(page_of(tables.grants.values().map(|row| row.record.clone()).filter(belongs), |grant| grant.id, page))
    }

    async fn session(&self, id: RecordId, client: Option<RecordId>) -> Result<Option<SignedIn>, StoreError> {
        let tables = self.tables();
        Ok(tables.sessions.get(&id).map(|row| {
            let session = row.record.clone();
            let subject = session.subject.key(session.issuer);
            let consent = client.and_then(|client| tables.consents.get(&ConsentKey { subject, client }));
            SignedIn {
                epochs: tables.epochs(client, Some(subject)),
                consent: consent.map(|row| row.record.clone()),
                session,
            }
        }))
    }

    async fn sessions_of(&self, subject: Digest16, page: Page) -> Result<Vec<Session>, StoreError> {
        let tables = self.tables();
        let own = tables.sessions.values().map(|row| row.record.clone()).filter(|s| s.subject.key(s.issuer) == subject);
        Ok(page_of(own, |session| session.id, page))
    }

    async fn session_clients(&self, session: RecordId, expires_at: Timestamp) -> Result<Vec<RecordId>, StoreError> {
        let tables = self.tables();
        let belongs = |(day, of, client): &(Day, RecordId, RecordId)| {
            (*day == expires_at.day() && *of == session).then_some(*client)
        };
        Ok(tables.session_clients.keys().filter_map(belongs).collect())
    }

    async fn consents_of(&self, subject: Digest16, page: Page) -> Result<Vec<Consent>, StoreError> {
        let tables = self.tables();
        let own = tables.consents.iter().filter(|(key, _)| key.subject == subject).map(|(_, row)| row.record.clone());
        Ok(page_of(own, |consent| consent.client, page))
    }

    async fn flows_of(&self, day: Day, page: Page) -> Result<Vec<Flow>, StoreError> {
        let tables = self.tables();
        let own = tables.flows.values().map(|row| row.record.clone()).filter(|flow| flow.id.made_at().day() == day);
        Ok(page_back(own, |flow| flow.id, page))
    }

    async fn clients_of(&self, owner: String, page: Page) -> Result<Vec<Client>, StoreError> {
        let tables = self.tables();
        let all = tables.clients.values().map(|row| Client::clone(&row.record));
        Ok(page_of(all.filter(|client| client.owner.as_deref() == Some(owner.as_str())), |client| client.id, page))
    }

    async fn search_clients(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Client>, StoreError> {
        let tables = self.tables();
        let all = tables.clients.values().map(|row| Client::clone(&row.record)).filter(|c| c.issuer == issuer);
        Ok(found(all, |client| (client.client_id.clone(), client.id), &search))
    }

    async fn search_accounts(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Account>, StoreError> {
        let tables = self.tables();
        let all = tables.accounts.values().map(|row| row.record.clone()).filter(|a| a.issuer == issuer);
        Ok(found(all, |account| (account.username.clone(), account.id), &search))
    }

    async fn search_resources(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Resource>, StoreError> {
        let tables = self.tables();
        let all = tables.resources.values().map(|row| Resource::clone(&row.record)).filter(|r| r.issuer == issuer);
        Ok(found(all, |resource| (resource.identifier.clone(), resource.id), &search))
    }

    async fn epochs(&self, client: Option<RecordId>, subject: Option<Digest16>) -> Result<Epochs, StoreError> {
        Ok(self.tables().epochs(client, subject))
    }

    async fn account(&self, id: RecordId) -> Result<Option<Account>, StoreError> {
        Ok(self.tables().accounts.get(&id).map(|row| row.record.clone()))
    }

    async fn account_by_name(
        &self,
        namespace: Namespace,
        digest: Digest16,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        let tables = self.tables();
        let name = tables.names.get(&(namespace, digest)).filter(|row| now < row.record.expires_at);
        Ok(name.and_then(|name| tables.accounts.get(&name.record.id)).map(|row| row.record.clone()))
    }

    async fn accounts(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Account>, StoreError> {
        let tables = self.tables();
        let all = tables.accounts.values().map(|row| row.record.clone()).filter(|a| a.issuer == issuer);
        Ok(page_of(all, |account| account.id, page))
    }

    async fn name(&self, namespace: Namespace, digest: Digest16) -> Result<Option<Name>, StoreError> {
        Ok(self.tables().names.get(&(namespace, digest)).map(|row| row.record))
    }

    async fn resource(&self, key: Digest16) -> Result<Option<Arc<Resource>>, StoreError> {
        let tables = self.tables();
        Ok(tables.resource_keys.get(&key).and_then(|id| tables.resources.get(id)).map(|row| Arc::clone(&row.record)))
    }

    async fn resources(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Resource>, StoreError> {
        let tables = self.tables();
        let all = tables.resources.values().map(|row| Resource::clone(&row.record)).filter(|r| r.issuer == issuer);
        Ok(page_of(all, |resource| resource.id, page))
    }

    async fn keys(&self) -> Result<Keys, StoreError> {
        let tables = self.tables();
        Ok(Keys {
            deployment: tables.deployment.get(&()).map(|row| row.record),
            signing: tables.signing_keys.values().map(|row| row.record.clone()).collect(),
            seal: tables.seal_keys.values().map(|row| row.record.clone()).collect(),
        })
    }

    async fn edition(&self) -> Result<u64, StoreError> {
        Ok(self.tables().epochs.get(&EpochKey::Edition).copied().unwrap_or(0))
    }

    async fn events(&self, about: Option<RecordId>, page: Page) -> Result<Vec<Event>, StoreError> {
        let tables = self.tables();
        let mut all: Vec<_> =
            tables.events.values().filter(|e| about.is_none_or(|id| e.about == id)).cloned().collect();
        all.sort_by_key(|event| event.id);
        Ok(page_of(all.into_iter(), |event| event.id, page))
    }

    async fn latest_events(&self, page: Page) -> Result<Vec<Event>, StoreError> {
        Ok(page_back(self.tables().events.values().cloned(), |event| event.id, page))
    }

    async fn delivery(&self, id: RecordId) -> Result<Option<Delivery>, StoreError> {
        Ok(self.tables().deliveries.get(&id).map(|row| row.record.clone()))
    }

    async fn deliveries(&self, page: Page) -> Result<Vec<Delivery>, StoreError> {
        let tables = self.tables();
        Ok(page_back(tables.deliveries.values().map(|row| row.record.clone()), |delivery| delivery.id, page))
    }

    async fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let tables = self.tables();
        let due = |delivery: &Delivery| match delivery.state {
            DeliveryState::Due { at } if at <= now => Some((at, delivery.id)),
            _ => None,
        };
        let mut found: Vec<_> =
            tables.deliveries.values().map(|row| &row.record).filter(|d| due(d).is_some()).collect();
        found.sort_by_key(|delivery| due(delivery));
        Ok(found.into_iter().take(limit as usize).cloned().collect())
    }

    async fn held_token(&self, key: Digest16) -> Result<Option<HeldToken>, StoreError> {
        Ok(self.tables().held_tokens.get(&key).map(|row| row.record.clone()))
    }

    async fn held_tokens(
        &self,
        holder: Digest16,
        kind: HeldKind,
        page: HeldPage,
    ) -> Result<Vec<HeldToken>, StoreError> {
        let tables = self.tables();
        let records = tables.held_tokens.values().map(|row| &row.record);
        let own = records.filter(|token| token.holder() == holder && token.kind == kind);
        let after = own.filter(|token| page.after.is_none_or(|last| token.key > last));
        Ok(after.take(page.limit as usize).cloned().collect())
    }

    async fn held_claims(&self, holder: Digest16) -> Result<Option<HeldClaims>, StoreError> {
        Ok(self.tables().held_claims.get(&holder).map(|row| row.record.clone()))
    }

    async fn sweep(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        Ok(self.tables().sweep(cutoffs, limit))
    }

    async fn overdue(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        Ok(self.tables().overdue(cutoffs, limit))
    }

    async fn check(&self) -> Result<(), StoreError> {
        drop(self.tables());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        Arc::new(MemoryStore::new())
    }

    crate::conformance!(make);
}

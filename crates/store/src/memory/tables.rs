//! The tables, and how a change happens to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::{Day, Lifetime, Timestamp};

use crate::change::{Change, CommitId, Editable, EditableKey, FlowApproval};
use crate::record::{
    Account, Attempts, Client, Consent, ConsentKey, Delivery, Deployment, EpochKey, Event, Flow, FlowFailure,
    FlowRequest, FlowState, Grant, HeldClaims, HeldToken, Name, Namespace, Once, OnceNamespace, Resource, RevokedToken,
    SealKey, Session, SigningKey,
};

/// A record and the commit that last won it.
#[derive(Clone)]
pub(super) struct Row<R> {
    pub(super) record: R,
    pub(super) won_by: CommitId,
}

#[derive(Default)]
pub(super) struct Tables {
    pub(super) clients: BTreeMap<RecordId, Row<Arc<Client>>>,
    pub(super) client_keys: BTreeMap<Digest16, RecordId>,
    pub(super) accounts: BTreeMap<RecordId, Row<Account>>,
    pub(super) resources: BTreeMap<RecordId, Row<Arc<Resource>>>,
    pub(super) resource_keys: BTreeMap<Digest16, RecordId>,
    pub(super) consents: BTreeMap<ConsentKey, Row<Consent>>,
    pub(super) signing_keys: BTreeMap<RecordId, Row<SigningKey>>,
    pub(super) seal_keys: BTreeMap<(IssuerNumber, u32), Row<SealKey>>,
    pub(super) deployment: BTreeMap<(), Row<Deployment>>,
    pub(super) names: BTreeMap<(Namespace, Digest16), Row<Name>>,
    pub(super) once: BTreeMap<(Day, OnceNamespace, Digest16), Row<Once>>,
    pub(super) flows: BTreeMap<RecordId, Row<Flow>>,
    pub(super) grants: BTreeMap<RecordId, Row<Grant>>,
    pub(super) revoked: BTreeMap<(Day, RecordId, Digest16), RevokedToken>,
    pub(super) sessions: BTreeMap<RecordId, Row<Session>>,
    pub(super) epochs: BTreeMap<EpochKey, u64>,
    pub(super) session_clients: BTreeMap<(Day, RecordId, RecordId), Timestamp>,
    pub(super) deliveries: BTreeMap<RecordId, Row<Delivery>>,
    pub(super) held_tokens: BTreeMap<Digest16, Row<HeldToken>>,
    pub(super) held_claims: BTreeMap<Digest16, Row<HeldClaims>>,
    pub(super) events: BTreeMap<(Day, RecordId, RecordId), Event>,
}

/// The guard of a change does not hold.
pub(super) struct Lost;

/// Takes one change back.
pub(super) type Undo = Box<dyn FnOnce(&mut Tables) + Send>;

type Map<K, V> = fn(&mut Tables) -> &mut BTreeMap<K, V>;

/// Sets or removes one entry and says how to take that back.
pub(super) fn put<K, V>(tables: &mut Tables, map: Map<K, V>, key: K, value: Option<V>) -> Undo
where
    K: Ord + Clone + Send + 'static,
    V: Send + 'static,
{
    let before = match value {
        Some(value) => map(tables).insert(key.clone(), value),
        None => map(tables).remove(&key),
    };
    Box::new(move |tables| {
        match before {
            Some(before) => map(tables).insert(key, before),
            None => map(tables).remove(&key),
        };
    })
}

pub(super) fn nothing() -> Undo {
    Box::new(|_| {})
}

/// Guard: no entry of this key.
pub(super) fn insert<K, V>(tables: &mut Tables, map: Map<K, V>, key: K, value: V) -> Result<Undo, Lost>
where
    K: Ord + Clone + Send + 'static,
    V: Send + 'static,
{
    if map(tables).contains_key(&key) { Err(Lost) } else { Ok(put(tables, map, key, Some(value))) }
}

impl Tables {
    /// Makes one change if its guard holds.
    pub(super) fn apply(&mut self, change: Change, by: CommitId) -> Result<Undo, Lost> {
        match change {
            Change::Insert(record) => self.edit(record, None, by),
            Change::Replace { record, if_revision } => self.edit(record, Some(if_revision), by),
            Change::Remove { key, if_revision } => self.remove(key, if_revision),
            Change::CountAttempt { id, seen, to } => self.count_attempt(id, seen, to, by),
            Change::TakeName { name, now } => self.take_name(name, now, by),
            Change::ReleaseName { namespace, digest, id } => Ok(self.release_name(namespace, digest, id)),
            Change::InsertFlow(flow) => insert(self, |t| &mut t.flows, flow.id, Row { record: *flow, won_by: by }),
            Change::ClaimFlow { id, session, now } => self.claim_flow(id, session, now, by),
            Change::CountMiss { id, seen, limit } => self.count_miss(id, seen, limit, by),
            Change::ApproveFlow(approved) => self.approve_flow(*approved, by),
            Change::DenyFlow { id, failure, now } => self.deny_flow(id, failure, now, by),
            Change::PollFlow { id, seen, interval, now } => self.poll_flow(id, seen, interval, now, by),
            Change::RevokeFlow { id } => Ok(self.revoke_flow(id, by)),
            Change::InsertOnce(once) => {
                let key = (once.day(), once.namespace, once.digest);
                insert(self, |t| &mut t.once, key, Row { record: once, won_by: by })
            }
            Change::InsertGrant(grant) => insert(self, |t| &mut t.grants, grant.id, Row { record: *grant, won_by: by }),
            Change::Rotate(rotation) => self.rotate(*rotation, by),
            Change::CloseRetry { id, generation } => self.close_retry(id, generation, by),
            Change::MoveExpiry { id, from, to, now } => self.move_expiry(id, (from, to), now, by),
            Change::RevokeGrant { id, reason, now } => Ok(self.revoke_grant(id, reason, now, by)),
            Change::TouchGrant { id, now } => Ok(self.touch_grant(id, now, by)),
            Change::ResaltGrant { id, from, to, epochs } => self.resalt_grant(id, (&from, to), epochs, by),
            Change::RevokeToken(token) => {
                Ok(put(self, |t| &mut t.revoked, (token.day, token.grant, token.digest), Some(token)))
            }
            Change::InsertSession(session) => {
                insert(self, |t| &mut t.sessions, session.id, Row { record: *session, won_by: by })
            }
            Change::RenewSession(renewal) => self.renew_session(*renewal, by),
            Change::TouchSession { id, now } => Ok(self.touch_session(id, now, by)),
            Change::EndSession { id, now } => Ok(self.end_session(id, now, by)),
            Change::JoinSession { session, client, expires_at } => {
                let key = (expires_at.day(), session, client);
                Ok(put(self, |t| &mut t.session_clients, key, Some(expires_at)))
            }
            Change::InsertDelivery(delivery) => Ok(self.insert_delivery(*delivery, by)),
            Change::TakeDelivery { id, seen, until } => self.take_delivery(id, seen, until, by),
            Change::FinishDelivery(fate) => self.finish_delivery(*fate, by),
            Change::AdvanceEpoch(key) => {
                let next = self.epochs.get(&key).copied().unwrap_or(0) + 1;
                Ok(put(self, |t| &mut t.epochs, key, Some(next)))
            }
            Change::Append(event) => {
                Ok(put(self, |t| &mut t.events, (event.at.day(), event.about, event.id), Some(*event)))
            }
        }
    }

    /// Guard: no record (`expected` is `None`), or the record with the expected revision.
    fn edit(&mut self, record: Editable, expected: Option<u64>, by: CommitId) -> Result<Undo, Lost> {
        if self.revision(record.key()) != expected {
            return Err(Lost);
        }
        let revision = expected.map_or(0, |seen| seen + 1);
        Ok(match record {
            Editable::Client(mut client) => {
                client.revision = revision;
                return self.edit_client(*client, by);
            }
            Editable::Account(mut account) => {
                account.revision = revision;
                if let Some(known) = self.accounts.get(&account.id) {
                    account.attempts = known.record.attempts;
                }
                put(self, |t| &mut t.accounts, account.id, Some(Row { record: *account, won_by: by }))
            }
            Editable::Consent(mut consent) => {
                consent.revision = revision;
                put(self, |t| &mut t.consents, consent.key(), Some(Row { record: *consent, won_by: by }))
            }
            Editable::Resource(mut resource) => {
                resource.revision = revision;
                return self.edit_resource(*resource, by);
            }
            Editable::HeldToken(mut token) => {
                token.revision = revision;
                put(self, |t| &mut t.held_tokens, token.key, Some(Row { record: *token, won_by: by }))
            }
            Editable::HeldClaims(mut claims) => {
                claims.revision = revision;
                put(self, |t| &mut t.held_claims, claims.key(), Some(Row { record: *claims, won_by: by }))
            }
            Editable::SigningKey(mut key) => {
                key.revision = revision;
                put(self, |t| &mut t.signing_keys, key.id, Some(Row { record: *key, won_by: by }))
            }
            Editable::SealKey(mut key) => {
                key.revision = revision;
                put(self, |t| &mut t.seal_keys, (key.issuer, key.number), Some(Row { record: *key, won_by: by }))
            }
            Editable::Deployment(mut deployment) => {
                deployment.revision = revision;
                put(self, |t| &mut t.deployment, (), Some(Row { record: deployment, won_by: by }))
            }
        })
    }

    /// A client id belongs to one client; it is not edited.
    fn edit_client(&mut self, client: Client, by: CommitId) -> Result<Undo, Lost> {
        let (key, id) = (Client::key(client.issuer, &client.client_id), client.id);
        let holder = self.client_keys.get(&key).copied();
        let is_edit = self.clients.contains_key(&id);
        if holder.is_some_and(|holder| holder != id) || (is_edit && holder.is_none()) {
            return Err(Lost);
        }
        let named = put(self, |t| &mut t.client_keys, key, Some(id));
        let kept = put(self, |t| &mut t.clients, id, Some(Row { record: Arc::new(client), won_by: by }));
        Ok(Box::new(move |tables| {
            kept(tables);
            named(tables);
        }))
    }

    /// An identifier belongs to one resource; it is not edited.
    fn edit_resource(&mut self, resource: Resource, by: CommitId) -> Result<Undo, Lost> {
        let (key, id) = (Resource::key(resource.issuer, &resource.identifier), resource.id);
        let holder = self.resource_keys.get(&key).copied();
        let is_edit = self.resources.contains_key(&id);
        if holder.is_some_and(|holder| holder != id) || (is_edit && holder.is_none()) {
            return Err(Lost);
        }
        let named = put(self, |t| &mut t.resource_keys, key, Some(id));
        let kept = put(self, |t| &mut t.resources, id, Some(Row { record: Arc::new(resource), won_by: by }));
        Ok(Box::new(move |tables| {
            kept(tables);
            named(tables);
        }))
    }

    fn remove_resource(&mut self, id: RecordId) -> Undo {
        let key = self.resources.get(&id).map(|row| Resource::key(row.record.issuer, &row.record.identifier));
        let unnamed = key.map(|key| put(self, |t| &mut t.resource_keys, key, None));
        let gone = put(self, |t| &mut t.resources, id, None);
        Box::new(move |tables| {
            gone(tables);
            if let Some(unnamed) = unnamed {
                unnamed(tables);
            }
        })
    }

    fn remove(&mut self, key: EditableKey, if_revision: u64) -> Result<Undo, Lost> {
        if self.revision(key) != Some(if_revision) {
            return Err(Lost);
        }
        Ok(match key {
            EditableKey::Client(id) => {
                let key = self.clients.get(&id).map(|row| Client::key(row.record.issuer, &row.record.client_id));
                let unnamed = key.map(|key| put(self, |t| &mut t.client_keys, key, None));
                let gone = put(self, |t| &mut t.clients, id, None);
                Box::new(move |tables| {
                    gone(tables);
                    if let Some(unnamed) = unnamed {
                        unnamed(tables);
                    }
                })
            }
            EditableKey::Account(id) => put(self, |t| &mut t.accounts, id, None),
            EditableKey::Consent(key) => put(self, |t| &mut t.consents, key, None),
            EditableKey::Resource(id) => self.remove_resource(id),
            EditableKey::HeldToken(key) => put(self, |t| &mut t.held_tokens, key, None),
            EditableKey::HeldClaims(key) => put(self, |t| &mut t.held_claims, key, None),
            EditableKey::SigningKey(id) => put(self, |t| &mut t.signing_keys, id, None),
            EditableKey::SealKey(issuer, number) => put(self, |t| &mut t.seal_keys, (issuer, number), None),
            EditableKey::Deployment => put(self, |t| &mut t.deployment, (), None),
        })
    }

    fn revision(&self, key: EditableKey) -> Option<u64> {
        match key {
            EditableKey::Client(id) => self.clients.get(&id).map(|row| row.record.revision),
            EditableKey::Account(id) => self.accounts.get(&id).map(|row| row.record.revision),
            EditableKey::Consent(key) => self.consents.get(&key).map(|row| row.record.revision),
            EditableKey::Resource(id) => self.resources.get(&id).map(|row| row.record.revision),
            EditableKey::HeldToken(key) => self.held_tokens.get(&key).map(|row| row.record.revision),
            EditableKey::HeldClaims(key) => self.held_claims.get(&key).map(|row| row.record.revision),
            EditableKey::SigningKey(id) => self.signing_keys.get(&id).map(|row| row.record.revision),
            EditableKey::SealKey(issuer, number) => {
                self.seal_keys.get(&(issuer, number)).map(|row| row.record.revision)
            }
            EditableKey::Deployment => self.deployment.get(&()).map(|row| row.record.revision),
        }
    }

    fn count_attempt(&mut self, id: RecordId, seen: u32, to: Attempts, by: CommitId) -> Result<Undo, Lost> {
        let mut account = self.accounts.get(&id).ok_or(Lost)?.record.clone();
        if std::mem::replace(&mut account.attempts, to).count != seen {
            return Err(Lost);
        }
        Ok(put(self, |t| &mut t.accounts, id, Some(Row { record: account, won_by: by })))
    }

    fn take_name(&mut self, name: Name, now: Timestamp, by: CommitId) -> Result<Undo, Lost> {
        let key = (name.namespace, name.digest);
        let taken = self.names.get(&key).is_some_and(|row| now < row.record.expires_at && row.record.id != name.id);
        if taken { Err(Lost) } else { Ok(put(self, |t| &mut t.names, key, Some(Row { record: name, won_by: by }))) }
    }

    fn release_name(&mut self, namespace: Namespace, digest: Digest16, id: RecordId) -> Undo {
        let key = (namespace, digest);
        let held = self.names.get(&key).is_some_and(|row| row.record.id == id);
        if held { put(self, |t| &mut t.names, key, None) } else { nothing() }
    }

    fn update_flow(
        &mut self,
        id: RecordId,
        by: CommitId,
        change: impl FnOnce(&mut Flow) -> bool,
    ) -> Result<Undo, Lost> {
        let mut flow = self.flows.get(&id).ok_or(Lost)?.record.clone();
        let holds = change(&mut flow);
        if holds { Ok(put(self, |t| &mut t.flows, id, Some(Row { record: flow, won_by: by }))) } else { Err(Lost) }
    }

    fn claim_flow(
        &mut self,
        id: RecordId,
        session: Option<RecordId>,
        now: Timestamp,
        by: CommitId,
    ) -> Result<Undo, Lost> {
        let session = session.and_then(|id| self.sessions.get(&id));
        let ended = session.is_some_and(|row| row.record.ended_at.is_some());
        self.update_flow(id, by, |flow| {
            let live = flow.is_live(now);
            flow.state = FlowState::Done { at: now };
            live && !ended
        })
    }

    fn count_miss(&mut self, id: RecordId, seen: u32, limit: u32, by: CommitId) -> Result<Undo, Lost> {
        self.update_flow(id, by, |flow| {
            let holds = flow.state == FlowState::Ready && flow.misses == seen;
            flow.misses += 1;
            if flow.misses >= limit {
                flow.state = FlowState::Failed(FlowFailure::Misses);
            }
            holds
        })
    }

    fn approve_flow(&mut self, approved: FlowApproval, by: CommitId) -> Result<Undo, Lost> {
        self.update_flow(approved.id, by, |flow| {
            let pending = flow.is_pending(approved.now);
            flow.state = FlowState::Ready;
            flow.approval = Some(approved.approval);
            flow.expires_at = approved.expires_at;
            flow.upstream = approved.upstream.or(flow.upstream.take());
            pending
        })
    }

    fn deny_flow(
        &mut self,
        id: RecordId,
        failure: Option<FlowFailure>,
        now: Timestamp,
        by: CommitId,
    ) -> Result<Undo, Lost> {
        self.update_flow(id, by, |flow| {
            let pending = flow.is_pending(now);
            flow.state = failure.map_or(FlowState::Denied, FlowState::Failed);
            pending
        })
    }

    fn poll_flow(
        &mut self,
        id: RecordId,
        seen: Option<Timestamp>,
        interval: Lifetime,
        now: Timestamp,
        by: CommitId,
    ) -> Result<Undo, Lost> {
        self.update_flow(id, by, |flow| {
            let pending = flow.state == FlowState::Pending;
            let (FlowRequest::Device(request) | FlowRequest::Backchannel(request)) = &mut flow.request else {
                return false;
            };
            let as_seen = request.polled_at == seen;
            (request.polled_at, request.interval) = (Some(now), interval);
            pending && as_seen
        })
    }

    fn revoke_flow(&mut self, id: RecordId, by: CommitId) -> Undo {
        let revoked = self.update_flow(id, by, |flow| {
            let open = matches!(flow.state, FlowState::Pending | FlowState::Ready);
            flow.state = FlowState::Revoked;
            open
        });
        revoked.unwrap_or_else(|_| nothing())
    }
}

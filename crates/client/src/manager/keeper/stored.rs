//! Kept in a store of Firman: in SQLite, PostgreSQL or MariaDB, shared by any number of machines.

mod lease;

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{HeldClaims, HeldKind, HeldToken, Holder, Rest};
use firman_store::{Change, Commit, CommitId, Editable, EditableKey, HeldPage, Store, StoreError, Transaction, settle};
use serde_json::{Map, Value};

use super::{ClaimsAt, Held, KeepError, Keeper, Kind, Lease, SealingKey, Whose};
use crate::flow::token::TokenType;
use crate::secret::Secret;
use crate::world::{Clock, Entropy};

/// How many rows are read at once.
const PAGE: u32 = 100;
/// How often an edit is tried again that another was quicker than.
const RIVALS: u32 = 100;

/// Keeps everything in a store. Tokens and ID tokens are sealed under a key that is not in it, and found by a keyed digest. A clone
/// keeps the same.
#[derive(Clone)]
pub struct StoreKeeper {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    key: SealingKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for StoreKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKeeper")
    }
}

impl StoreKeeper {
    /// A keeper over a store, which others may use too.
    pub fn new(store: Arc<dyn Store>, key: SealingKey, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { inner: Arc::new(Inner { store, key, clock, entropy }) }
    }
}

impl Inner {
    fn name(&self, kind: Kind, token: &Secret) -> Digest16 {
        self.key.name(kind_of(kind).number(), token.reveal())
    }

    fn seal(&self, place: Digest16, text: &Secret) -> Result<Vec<u8>, KeepError> {
        self.key.seal(&place.0, text.reveal().as_bytes(), &*self.entropy).map_err(|error| broken(&error))
    }

    fn open(&self, place: Digest16, sealed: &[u8]) -> Result<Secret, KeepError> {
        let why = "it is damaged, or sealed under another key: give the key that it was sealed with";
        let refused =
            || KeepError::Fault { place: "the store of tokens".to_owned(), why: why.to_owned(), temporary: false };
        let plain = self.key.open(&place.0, sealed).ok_or_else(refused)?;
        std::str::from_utf8(&plain).map(Secret::from).map_err(|_| refused())
    }

    fn held(&self, row: HeldToken) -> Result<Held, KeepError> {
        let token = self.open(row.key, &row.sealed)?;
        let kind = if row.kind == HeldKind::Access { Kind::Access } else { Kind::Refresh };
        let token_type = row.token_type.as_deref().and_then(TokenType::parse).unwrap_or(TokenType::Bearer);
        let facts = serde_json::from_value(Value::Object(row.metadata)).map_err(|error| broken(&error))?;
        Ok(Held { kind, token, token_type, issuer: row.issuer, facts, updated_at: row.updated_at })
    }

    fn row(&self, held: &Held) -> Result<HeldToken, KeepError> {
        let key = self.name(held.kind, &held.token);
        let Value::Object(metadata) = serde_json::to_value(&held.facts).map_err(|error| broken(&error))? else {
            return Err(broken(&"facts that are no object"));
        };
        let subject = match held.whose() {
            Some(Whose::Subject(subject)) => Some(subject.to_owned()),
            _ => None,
        };
        Ok(HeldToken {
            key,
            kind: kind_of(held.kind),
            issuer: held.issuer.clone(),
            subject,
            client_id: held.facts.client_id.clone().unwrap_or_default(),
            token_type: Some(held.token_type.as_str().to_owned()),
            sealed: self.seal(key, &held.token)?,
            expires_at: held.expires_at().unwrap_or(Timestamp::NEVER),
            updated_at: held.updated_at,
            metadata,
            revision: 0,
            rest: Rest::new(),
        })
    }

    async fn put(&self, held: &Held) -> Result<Change, KeepError> {
        let row = self.row(held)?;
        let before = self.store.held_token(row.key).await.map_err(fault)?;
        Ok(match before {
            None => Change::Insert(Editable::HeldToken(Box::new(row))),
            Some(before) => {
                let row = HeldToken { revision: before.revision, rest: before.rest, ..row };
                Change::Replace { record: Editable::HeldToken(Box::new(row)), if_revision: before.revision }
            }
        })
    }

    async fn removal(&self, kind: Kind, token: &Secret) -> Result<Option<Change>, KeepError> {
        let before = self.store.held_token(self.name(kind, token)).await.map_err(fault)?;
        Ok(before.map(|row| Change::Remove { key: EditableKey::HeldToken(row.key), if_revision: row.revision }))
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<bool, KeepError> {
        if changes.is_empty() {
            return Ok(true);
        }
        let mut id = [0; 16];
        self.entropy.fill(&mut id).map_err(|error| broken(&error))?;
        let outcome = settle(&*self.store, Transaction { id: CommitId(id), changes }).await.map_err(fault)?;
        Ok(outcome == Commit::Done)
    }

    async fn exchange(&self, spent: Option<&Secret>, gained: &[Held]) -> Result<(), KeepError> {
        for _ in 0..RIVALS {
            let mut changes = Vec::with_capacity(gained.len() + 1);
            if let Some(spent) = spent
                && !gained.iter().any(|held| held.kind == Kind::Refresh && held.token == *spent)
            {
                changes.extend(self.removal(Kind::Refresh, spent).await?);
            }
            for held in gained {
                changes.push(self.put(held).await?);
            }
            if self.commit(changes).await? {
                return Ok(());
            }
        }
        Err(overrun())
    }

    async fn edit_person(
        &self,
        issuer: &str,
        subject: &str,
        edit: impl Fn(&Self, Digest16, &mut HeldClaims) -> Result<(), KeepError> + Send + Sync,
    ) -> Result<(), KeepError> {
        let key = Holder::Subject(subject).key(issuer);
        for _ in 0..RIVALS {
            let before = self.store.held_claims(key).await.map_err(fault)?;
            let if_revision = before.as_ref().map(|before| before.revision);
            let mut claims = before.unwrap_or_else(|| nobody(issuer, subject));
            edit(self, key, &mut claims)?;
            let record = Editable::HeldClaims(Box::new(claims));
            let change = match if_revision {
                None => Change::Insert(record),
                Some(if_revision) => Change::Replace { record, if_revision },
            };
            if self.commit(vec![change]).await? {
                return Ok(());
            }
        }
        Err(overrun())
    }
}

#[async_trait]
impl Keeper for StoreKeeper {
    async fn token(&self, kind: Kind, token: &Secret, now: Timestamp) -> Result<Option<Held>, KeepError> {
        let row = self.inner.store.held_token(self.inner.name(kind, token)).await.map_err(fault)?;
        let held = row.map(|row| self.inner.held(row)).transpose()?;
        Ok(held.filter(|held| kind == Kind::Refresh || held.is_valid(now)))
    }

    async fn tokens(&self, kind: Kind, issuer: &str, whose: Whose<'_>, now: Timestamp) -> Result<Vec<Held>, KeepError> {
        let holder = match whose {
            Whose::Subject(subject) => Holder::Subject(subject),
            Whose::Client(client_id) => Holder::Client(client_id),
        };
        let (holder, mut page, mut all) = (holder.key(issuer), HeldPage::first(PAGE), Vec::new());
        loop {
            let rows = self.inner.store.held_tokens(holder, kind_of(kind), page).await.map_err(fault)?;
            let (last, full) = (rows.last().map(|row| row.key), rows.len() == PAGE as usize);
            for row in rows {
                let held = self.inner.held(row)?;
                all.extend(held.is_valid(now).then_some(held));
            }
            if !full {
                break;
            }
            page.after = last;
        }
        all.sort_by_key(|held| std::cmp::Reverse(held.updated_at));
        Ok(all)
    }

    async fn put_token(&self, held: Held) -> Result<(), KeepError> {
        self.inner.exchange(None, &[held]).await
    }

    async fn delete_token(&self, kind: Kind, token: &Secret) -> Result<(), KeepError> {
        for _ in 0..RIVALS {
            let removal = self.inner.removal(kind, token).await?;
            if self.inner.commit(removal.into_iter().collect()).await? {
                return Ok(());
            }
        }
        Err(overrun())
    }

    async fn exchange(&self, spent: Option<&Secret>, gained: Vec<Held>) -> Result<(), KeepError> {
        self.inner.exchange(spent, &gained).await
    }

    async fn claims(&self, issuer: &str, subject: &str) -> Result<Option<ClaimsAt>, KeepError> {
        let person = self.inner.store.held_claims(Holder::Subject(subject).key(issuer)).await.map_err(fault)?;
        Ok(person.and_then(|person| person.claims.zip(person.claims_at)))
    }

    async fn put_claims(
        &self,
        issuer: &str,
        subject: &str,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        let edit = |_: &Inner, _, person: &mut HeldClaims| {
            (person.claims, person.claims_at) = (Some(claims.clone()), Some(now));
            Ok(())
        };
        self.inner.edit_person(issuer, subject, edit).await
    }

    async fn id_token(&self, issuer: &str, subject: &str) -> Result<Option<Secret>, KeepError> {
        let key = Holder::Subject(subject).key(issuer);
        let person = self.inner.store.held_claims(key).await.map_err(fault)?;
        person.and_then(|person| person.id_token).map(|sealed| self.inner.open(key, &sealed)).transpose()
    }

    async fn put_id_token(
        &self,
        issuer: &str,
        subject: &str,
        id_token: &Secret,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        let edit = |inner: &Inner, key, person: &mut HeldClaims| {
            (person.id_token, person.id_token_at) = (Some(inner.seal(key, id_token)?), Some(now));
            Ok(())
        };
        self.inner.edit_person(issuer, subject, edit).await
    }

    async fn delete_person(&self, issuer: &str, subject: &str) -> Result<(), KeepError> {
        let key = Holder::Subject(subject).key(issuer);
        for _ in 0..RIVALS {
            let Some(person) = self.inner.store.held_claims(key).await.map_err(fault)? else { return Ok(()) };
            let key = EditableKey::HeldClaims(key);
            if self.inner.commit(vec![Change::Remove { key, if_revision: person.revision }]).await? {
                return Ok(());
            }
        }
        Err(overrun())
    }

    async fn lease(&self, what: Digest16, patience: Lifetime) -> Result<Option<Box<dyn Lease>>, KeepError> {
        lease::take(&self.inner, what, patience).await
    }
}

const fn kind_of(kind: Kind) -> HeldKind {
    match kind {
        Kind::Access => HeldKind::Access,
        Kind::Refresh => HeldKind::Refresh,
    }
}

fn nobody(issuer: &str, subject: &str) -> HeldClaims {
    HeldClaims {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        id_token: None,
        id_token_at: None,
        claims: None,
        claims_at: None,
        revision: 0,
        rest: Rest::new(),
    }
}

fn fault(error: StoreError) -> KeepError {
    KeepError::Fault { place: error.what.to_owned(), why: error.cause, temporary: error.temporary }
}

fn broken(why: &dyn std::fmt::Display) -> KeepError {
    KeepError::Fault { place: "the store of tokens".to_owned(), why: why.to_string(), temporary: false }
}

fn overrun() -> KeepError {
    let why = "others were quicker each time".to_owned();
    KeepError::Fault { place: "the store of tokens".to_owned(), why, temporary: true }
}

#[cfg(test)]
mod tests {
    use firman_proto::id::RecordId;
    use firman_store::MemoryStore;
    use firman_store::record::{Name, Namespace};
    use zeroize::Zeroizing;

    use super::*;
    use crate::flow::introspection::TokenFacts;
    use crate::world::System;

    fn over(store: &Arc<dyn Store>, key: u8) -> StoreKeeper {
        let key = SealingKey::from_bytes(&Zeroizing::new([key; 32])).unwrap();
        StoreKeeper::new(Arc::clone(store), key, Arc::new(System), Arc::new(System))
    }

    fn store() -> Arc<dyn Store> {
        Arc::new(MemoryStore::default())
    }

    async fn make() -> Arc<dyn Keeper> {
        Arc::new(over(&store(), 1))
    }

    crate::keeper_conformance!(make);

    #[tokio::test]
    async fn what_was_sealed_under_another_key_is_told_and_stays() {
        let (store, now) = (store(), System.now());
        let facts = TokenFacts { client_id: Some("app".into()), ..TokenFacts::default() };
        let (issuer, token_type) = ("https://as.example".to_owned(), TokenType::Bearer);
        let held = Held { kind: Kind::Access, token: "t".into(), token_type, issuer, facts, updated_at: now };
        let (own, stranger) = (over(&store, 1), over(&store, 2));
        own.put_token(held).await.unwrap();
        let of_app = Whose::Client("app");
        let refused = stranger.tokens(Kind::Access, "https://as.example", of_app, now).await.unwrap_err();
        assert!(refused.to_string().contains("another key"), "{refused}");
        assert_eq!(stranger.token(Kind::Access, &"t".into(), now).await.unwrap(), None);
        assert_eq!(own.tokens(Kind::Access, "https://as.example", of_app, now).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_lease_whose_holder_is_gone_is_given_back_or_ends() {
        let store = store();
        let (one, other) = (over(&store, 1), over(&store, 1));
        let what = Digest16::of(&[b"x"]);
        let lease = one.lease(what, Lifetime::ZERO).await.unwrap().unwrap();
        assert!(other.lease(what, Lifetime::ZERO).await.unwrap().is_none());
        drop(lease);
        assert!(other.lease(what, Lifetime::from_seconds(5)).await.unwrap().is_some());
        // A process that died said nothing: its time ends.
        let dead = RecordId::new(System.now(), [9; 10]);
        let ended =
            Name { namespace: Namespace::Renewal, digest: Digest16::of(&[b"y"]), id: dead, expires_at: System.now() };
        let taken = Change::TakeName { name: ended, now: System.now().minus(Lifetime::from_seconds(30)) };
        assert!(one.inner.commit(vec![taken]).await.unwrap());
        assert!(other.lease(ended.digest, Lifetime::ZERO).await.unwrap().is_some());
    }
}

//! The `Accounts` port over the store.

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Namespace, Rest, Subject};
use firman_store::{Change, CommitId, Editable, Store, Transaction, settle};

use super::{LONGEST_PASSWORD, Passwords, digest_of};
use crate::failure::Fault;
use crate::ports::{Accounts, User};
use crate::random;

/// Accounts that live in the store.
pub struct LocalAccounts {
    store: Arc<dyn Store>,
    issuer: IssuerNumber,
    passwords: Arc<Passwords>,
}

impl LocalAccounts {
    /// The accounts of an issuer.
    pub fn new(store: Arc<dyn Store>, issuer: IssuerNumber, passwords: Arc<Passwords>) -> Self {
        Self { store, issuer, passwords }
    }

    /// What hashes their passwords.
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// The account of a subject, if it is one of these and may sign in.
    pub async fn of(&self, subject: &Subject) -> Result<Option<Account>, Fault> {
        let account = self.store.account(Account::id_of(subject, self.issuer)).await?;
        let is_of = |account: &Account| account.issuer == self.issuer && account.subject().as_ref() == Some(subject);
        Ok(account.filter(|account| account.enabled && is_of(account)))
    }

    /// The account of a user name, if it may sign in.
    pub(crate) async fn named(&self, username: &str, now: Timestamp) -> Result<Option<Account>, Fault> {
        let digest = digest_of(self.issuer, username);
        let named = self.store.account_by_name(Namespace::Username, digest, now).await?;
        Ok(named.filter(|account| account.enabled))
    }

    /// Whether a user name is somebody's, whoever that is.
    pub(crate) async fn has(&self, username: &str, now: Timestamp) -> Result<bool, Fault> {
        let digest = digest_of(self.issuer, username);
        Ok(self.store.account_by_name(Namespace::Username, digest, now).await?.is_some())
    }

    /// Writes the hash of a password anew, at today's cost. Whoever edits the account meanwhile goes first: there is another time.
    async fn upgrade(&self, account: &Account, password: &str) -> Result<(), Fault> {
        let hash = self.passwords.hash(password.to_owned()).await?;
        let changed = Account { password: Some(hash), ..account.clone() };
        let record = Editable::Account(Box::new(changed));
        let changes = vec![Change::Replace { record, if_revision: account.revision }];
        let id = CommitId(random::bytes(self.passwords.entropy())?);
        settle(&*self.store, Transaction { id, changes }).await?;
        Ok(())
    }
}

#[async_trait]
impl Accounts for LocalAccounts {
    async fn authenticate(&self, username: &str, password: &str, now: Timestamp) -> Result<Option<User>, Fault> {
        if password.is_empty() || password.len() > LONGEST_PASSWORD {
            return Ok(None);
        }
        let digest = digest_of(self.issuer, username);
        let named = self.store.account_by_name(Namespace::Username, digest, now).await?;
        // The epochs are read before the password: whoever changes it from now on ends what comes of the old one. For
        // somebody who is not there, the same is asked about nobody.
        let id = named.map_or(RecordId::from_bytes([0; 16]), |account| account.id);
        let subject = Subject::new(id.to_string()).map(|subject| subject.key(self.issuer));
        let epochs = self.store.epochs(None, subject).await?;
        let account = self.store.account(id).await?.filter(|account| account.enabled);
        let hash = account.as_ref().and_then(|account| account.password.as_deref());
        let verdict = self.passwords.verify(password, hash).await?;
        let Some(account) = account.filter(|_| verdict.right) else { return Ok(None) };
        if verdict.outdated
            && let Err(fault) = self.upgrade(&account, password).await
        {
            tracing::warn!(%fault, "the hash of a password stays as it was");
        }
        Ok(account.subject().map(|subject| User {
            subject,
            username: account.username,
            amr: vec!["pwd".to_owned()],
            epochs: Some(epochs),
            upstream: None,
        }))
    }

    async fn find(&self, username: &str, now: Timestamp) -> Result<Option<User>, Fault> {
        Ok(self.named(username, now).await?.and_then(|account| {
            let subject = account.subject()?;
            Some(User { subject, username: account.username, amr: Vec::new(), epochs: None, upstream: None })
        }))
    }

    async fn claims(&self, subject: &Subject) -> Result<Option<Rest>, Fault> {
        Ok(self.of(subject).await?.map(|account| {
            let mut claims = account.claims;
            // What they are called elsewhere, as far as nobody has said otherwise here.
            for (name, value) in account.upstreams.links.into_iter().rev().flat_map(|link| link.claims) {
                claims.entry(name).or_insert(value);
            }
            let updated_at = account.updated_at.seconds();
            claims.entry("preferred_username").or_insert_with(|| account.username.into());
            claims.entry("updated_at").or_insert_with(|| updated_at.into());
            claims
        }))
    }

    fn local(&self) -> Option<&LocalAccounts> {
        Some(self)
    }
}

//! What an operator does with local accounts.

use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Attempts, EpochKey, Event, EventKind, Factors, Name, Namespace, Rest, Upstreams};
use firman_store::{Change, Commit, Editable, Page};

use super::AdminError;
use crate::Engine;
use crate::accounts::{Edited, Passwords, acceptable, digest_of, edit, look_of, mixes_scripts};
use crate::failure::Fault;
use crate::mail;
use crate::random;
use crate::sessions;

/// A new local account.
pub struct NewAccount {
    /// What the person types to sign in.
    pub username: String,
    /// The first password.
    pub password: String,
    /// Standard claims (OpenID Connect Core §5.1).
    pub claims: Rest,
}

/// Creates an account. Refuses a user name that is taken, and an address that another account has proved; a name that looks like another
/// is noted in the audit trail and the log.
pub async fn create(
    engine: &Engine,
    passwords: &Passwords,
    new: NewAccount,
    now: Timestamp,
) -> Result<Account, AdminError> {
    make(engine, passwords, new, None, now).await
}

/// The same. Who makes accounts, if it is no operator, stands in the audit trail.
pub(crate) async fn make(
    engine: &Engine,
    passwords: &Passwords,
    new: NewAccount,
    by: Option<&str>,
    now: Timestamp,
) -> Result<Account, AdminError> {
    let username = acceptable(&new.username)?.to_owned();
    engine.policy.passwords.check(&username, &new.password)?;
    let id = random::record_id(&*engine.entropy, now)?;
    let account = Account {
        id,
        issuer: engine.number,
        enabled: true,
        password: Some(passwords.hash(new.password).await?),
        claims: new.claims,
        factors: Factors::default(),
        created_at: now,
        updated_at: now,
        upstreams: Upstreams::default(),
        attempts: Attempts::default(),
        revision: 0,
        rest: Rest::new(),
        username,
    };
    let mut event = Event { subject: Some(id.to_string()), ..engine.event(EventKind::AccountCreated, id, now)? };
    if let Some(by) = by {
        event.details.insert("by".to_owned(), by.into());
    }
    let name = |digest| Name { namespace: Namespace::Username, digest, id, expires_at: Timestamp::NEVER };
    let mut changes = vec![Change::TakeName { name: name(digest_of(engine.number, &account.username)), now }];
    match looks_like(engine, &account.username).await? {
        Some(other) => {
            tracing::warn!(username = %account.username, %other, "a new user name looks like that of another account");
            event.details.insert("looks_like".to_owned(), other.to_string().into());
        }
        None => changes.push(Change::TakeName { name: name(look_of(engine.number, &account.username)), now }),
    }
    if mixes_scripts(&account.username) {
        event.details.insert("mixes_scripts".to_owned(), true.into());
    }
    let address = mail::names(engine, id, &Rest::new(), &account.claims, now).take;
    let place_of_address = address.is_some().then_some(changes.len());
    changes.extend(address);
    changes.push(Change::Insert(Editable::Account(Box::new(account.clone()))));
    changes.push(Change::Append(Box::new(event)));
    match engine.commit(changes).await? {
        Commit::Done => Ok(account),
        Commit::Conflict(place) if Some(place) == place_of_address => Err(address_taken().into()),
        Commit::Conflict(_) => Err(invalid_request("username: taken by another account").into()),
    }
}

pub(super) fn address_taken() -> Denied {
    invalid_request("email: another account has proved it to be theirs")
}

/// The account whose user name looks like this one, though it is another (UTS 39 §4).
pub async fn looks_like(engine: &Engine, username: &str) -> Result<Option<RecordId>, Fault> {
    let name = engine.store.name(Namespace::Username, look_of(engine.number, username)).await?;
    Ok(name.map(|name| name.id))
}

/// Gives an account a new password and signs it out everywhere.
pub async fn set_password(
    engine: &Engine,
    passwords: &Passwords,
    username: &str,
    password: String,
    now: Timestamp,
) -> Result<Account, AdminError> {
    let account = find(engine, username, now).await?;
    engine.policy.passwords.check(&account.username, &password)?;
    let hash = passwords.hash(password).await?;
    let letters = match account.subject() {
        Some(subject) => sessions::everywhere(engine, subject.key(engine.number), now).await?,
        None => Vec::new(),
    };
    let changed = edit(engine, account.id, now, |account| {
        account.password = Some(hash.clone());
        account.updated_at = now;
        let signed_out =
            account.subject().map(|subject| Change::AdvanceEpoch(EpochKey::subject(engine.number, &subject)));
        Ok(Edited { changes: signed_out.into_iter().chain(letters.clone()).collect(), what: "password" })
    });
    Ok(changed.await?)
}

/// A page of accounts.
pub async fn list(engine: &Engine, page: Page) -> Result<Vec<Account>, AdminError> {
    Ok(engine.store.accounts(engine.number, page).await?)
}

/// The account of a user name.
pub async fn find(engine: &Engine, username: &str, now: Timestamp) -> Result<Account, AdminError> {
    let digest = digest_of(engine.number, username);
    let account = engine.store.account_by_name(Namespace::Username, digest, now).await?;
    account.ok_or(AdminError::NotFound("no such account; `firman user list` shows them"))
}

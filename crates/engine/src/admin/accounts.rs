//! What an operator does with local accounts.

use firman_proto::error::{Denied, invalid_request};
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Attempts, EpochKey, Event, EventKind, Name, Namespace, Rest, Upstreams};
use firman_store::{Change, Commit, Editable, Page};

use super::AdminError;
use crate::Engine;
use crate::accounts::{LONGEST_PASSWORD, Passwords, SHORTEST_PASSWORD, normalized};
use crate::failure::Fault;
use crate::random;

/// A new local account.
pub struct NewAccount {
    /// What the person types to sign in.
    pub username: String,
    /// The first password.
    pub password: String,
    /// Standard claims (OpenID Connect Core §5.1).
    pub claims: Rest,
}

/// Creates an account. Refuses a user name that is taken.
pub async fn create(
    engine: &Engine,
    passwords: &Passwords,
    new: NewAccount,
    now: Timestamp,
) -> Result<Account, AdminError> {
    let username = new.username.trim().to_owned();
    if username.is_empty() || username.len() > 255 || username.chars().any(char::is_control) {
        return Err(invalid_request("username: 1 to 255 bytes, no control characters").into());
    }
    check_password(&new.password)?;
    let id = random::record_id(&*engine.entropy, now)?;
    let account = Account {
        id,
        issuer: engine.number,
        enabled: true,
        password: Some(passwords.hash(new.password).await?),
        claims: new.claims,
        created_at: now,
        updated_at: now,
        upstreams: Upstreams::default(),
        attempts: Attempts::default(),
        revision: 0,
        rest: Rest::new(),
        username,
    };
    let digest = Name::digest(engine.number, Namespace::Username, &normalized(&account.username));
    let name = Name { namespace: Namespace::Username, digest, id, expires_at: Timestamp::NEVER };
    let event = Event { subject: Some(id.to_string()), ..engine.event(EventKind::AccountCreated, id, now)? };
    let insert = Change::Insert(Editable::Account(Box::new(account.clone())));
    match engine.commit(vec![Change::TakeName { name, now }, insert, Change::Append(Box::new(event))]).await? {
        Commit::Done => Ok(account),
        Commit::Conflict(_) => Err(invalid_request("username: taken by another account").into()),
    }
}

/// Gives an account a new password and signs it out everywhere.
pub async fn set_password(
    engine: &Engine,
    passwords: &Passwords,
    username: &str,
    password: String,
    now: Timestamp,
) -> Result<Account, AdminError> {
    check_password(&password)?;
    let account = find(engine, username, now).await?;
    let hash = passwords.hash(password).await?;
    let changed = Account { password: Some(hash), updated_at: now, ..account.clone() };
    let event =
        Event { subject: Some(account.id.to_string()), ..engine.event(EventKind::AccountUpdated, account.id, now)? };
    let replace =
        Change::Replace { record: Editable::Account(Box::new(changed.clone())), if_revision: account.revision };
    let signed_out = account.subject().map(|subject| Change::AdvanceEpoch(EpochKey::subject(engine.number, &subject)));
    let changes = [replace, Change::Append(Box::new(event))].into_iter().chain(signed_out).collect();
    match engine.commit(changes).await? {
        Commit::Done => Ok(Account { revision: account.revision + 1, ..changed }),
        Commit::Conflict(_) => {
            Err(Fault::temporary("set a password", "the account was edited at the same time").into())
        }
    }
}

/// A page of accounts.
pub async fn list(engine: &Engine, page: Page) -> Result<Vec<Account>, AdminError> {
    Ok(engine.store.accounts(engine.number, page).await?)
}

async fn find(engine: &Engine, username: &str, now: Timestamp) -> Result<Account, AdminError> {
    let digest = Name::digest(engine.number, Namespace::Username, &normalized(username));
    let account = engine.store.account_by_name(Namespace::Username, digest, now).await?;
    account.ok_or(AdminError::NotFound("no such account; `firman user list` shows them"))
}

fn check_password(password: &str) -> Result<(), Denied> {
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(invalid_request(format!("password: at least {SHORTEST_PASSWORD} characters")));
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(invalid_request(format!("password: at most {LONGEST_PASSWORD} bytes")));
    }
    Ok(())
}

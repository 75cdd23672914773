//! How an operator edits local accounts as they were read, so that nobody's edit is overwritten.

use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, EpochKey, Event, EventKind, Factors, Name, Namespace, Rest};
use firman_store::{Change, Commit, Editable};

use super::AdminError;
use super::accounts::{address_taken, looks_like};
use crate::accounts::{acceptable, digest_of, look_of, mixes_scripts};
use crate::{Engine, mail, sessions};

/// What becomes of an account.
pub struct Edit {
    /// What the person types to sign in.
    pub username: String,
    /// Whether they may.
    pub enabled: bool,
    /// Standard claims.
    pub claims: Rest,
}

/// The account of an id.
pub async fn find(engine: &Engine, id: RecordId) -> Result<Account, AdminError> {
    let account = engine.store.account(id).await?.filter(|account| account.issuer == engine.number);
    account.ok_or(AdminError::NotFound("no such account"))
}

/// Edits an account as it was read; a disabled one is signed out everywhere, and what it allowed is dead.
pub async fn edit(engine: &Engine, seen: &Account, edit: Edit, now: Timestamp) -> Result<Account, AdminError> {
    let Edit { username, enabled, claims } = edit;
    let username = acceptable(&username)?.to_owned();
    let mut event = event(engine, seen, EventKind::AccountUpdated, now)?;
    if seen.enabled != enabled {
        event.details.insert("enabled".to_owned(), enabled.into());
    }
    let mut names = names(engine, seen, &username, &mut event, now).await?;
    let changed = Account { username, enabled, claims, updated_at: now, ..seen.clone() };
    let address = mail::names(engine, seen.id, &seen.claims, &changed.claims, now);
    if let Some(of) = mail::of(&changed)
        && mail::held_by(engine, of, now).await?.is_some_and(|holder| holder.id != seen.id)
    {
        return Err(address_taken().into());
    }
    names.extend(address.take);
    let places_of_names = names.len();
    let mut others: Vec<_> = address.release.into_iter().chain([Change::Append(Box::new(event))]).collect();
    if seen.enabled && !enabled {
        others.extend(signed_out(engine, seen, now).await?);
    }
    write(engine, seen, changed, (names, places_of_names), others, now).await
}

/// Takes what proves its person beside the password away: the app, the recovery codes, the passkeys. It is signed out everywhere.
pub async fn reset_factors(engine: &Engine, seen: &Account, now: Timestamp) -> Result<Account, AdminError> {
    let mut event = event(engine, seen, EventKind::FactorRemoved, now)?;
    event.details.insert("what".to_owned(), "all".into());
    let credentials = seen.factors.passkeys.iter().map(|passkey| Change::ReleaseName {
        namespace: Namespace::Credential,
        digest: Name::digest(engine.number, Namespace::Credential, &passkey.id),
        id: seen.id,
    });
    let mut others: Vec<_> = credentials.collect();
    others.push(Change::Append(Box::new(event)));
    others.extend(signed_out(engine, seen, now).await?);
    let changed = Account { factors: Factors::default(), updated_at: now, ..seen.clone() };
    write(engine, seen, changed, (Vec::new(), 0), others, now).await
}

/// Signs a person out everywhere; what they have allowed is dead.
pub async fn sign_out(engine: &Engine, account: &Account, now: Timestamp) -> Result<(), AdminError> {
    let event = event(engine, account, EventKind::EpochAdvanced, now)?;
    let mut changes = signed_out(engine, account, now).await?;
    changes.push(Change::Append(Box::new(event)));
    engine.commit(changes).await?;
    Ok(())
}

/// Writes an account under the revision that was read. What comes before it are names, which others may have.
async fn write(
    engine: &Engine,
    seen: &Account,
    changed: Account,
    (mut changes, names): (Vec<Change>, usize),
    others: Vec<Change>,
    now: Timestamp,
) -> Result<Account, AdminError> {
    changes.push(Change::Replace { record: Editable::Account(Box::new(changed.clone())), if_revision: seen.revision });
    changes.extend(others);
    changes.extend(mail::told(engine, seen, &changed, now)?);
    match engine.commit(changes).await? {
        Commit::Done => Ok(Account { revision: seen.revision + 1, ..changed }),
        Commit::Conflict(place) if place < names => Err(taken().into()),
        Commit::Conflict(_) => Err(AdminError::Edited("the account")),
    }
}

/// What a new user name takes and leaves. That it looks like another's (UTS 39 §4) is noted, as it is for a new account.
async fn names(
    engine: &Engine,
    seen: &Account,
    username: &str,
    event: &mut Event,
    now: Timestamp,
) -> Result<Vec<Change>, AdminError> {
    let (number, id) = (engine.number, seen.id);
    let (before, after) = (digest_of(number, &seen.username), digest_of(number, username));
    if before == after {
        return Ok(Vec::new());
    }
    let namespace = Namespace::Username;
    let take = |digest| Change::TakeName { name: Name { namespace, digest, id, expires_at: Timestamp::NEVER }, now };
    let mut changes = vec![take(after)];
    let (look_before, look_after) = (look_of(number, &seen.username), look_of(number, username));
    match looks_like(engine, username).await?.filter(|other| *other != id) {
        Some(other) => {
            event.details.insert("looks_like".to_owned(), other.to_string().into());
        }
        None => changes.push(take(look_after)),
    }
    if mixes_scripts(username) {
        event.details.insert("mixes_scripts".to_owned(), true.into());
    }
    changes.push(Change::ReleaseName { namespace, digest: before, id });
    if look_before != look_after {
        changes.push(Change::ReleaseName { namespace, digest: look_before, id });
    }
    Ok(changes)
}

fn event(engine: &Engine, account: &Account, kind: EventKind, now: Timestamp) -> Result<Event, AdminError> {
    Ok(Event { subject: Some(account.id.to_string()), ..engine.event(kind, account.id, now)? })
}

/// The end of every session of a person, and the letters that tell clients of it.
pub(super) async fn signed_out(engine: &Engine, account: &Account, now: Timestamp) -> Result<Vec<Change>, AdminError> {
    let Some(subject) = account.subject() else { return Ok(Vec::new()) };
    let mut changes = vec![Change::AdvanceEpoch(EpochKey::subject(engine.number, &subject))];
    changes.extend(sessions::everywhere(engine, subject.key(engine.number), now).await?);
    Ok(changes)
}

fn taken() -> Denied {
    invalid_request("username or email: taken by another account")
}

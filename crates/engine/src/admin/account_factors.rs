//! What an operator does for a person who cannot sign in: what they lost is taken away or made anew.

use std::iter;

use firman_proto::error::{Denied, invalid_request};
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Attempts, Event, EventKind, Namespace};
use firman_store::{Change, Commit};
use zeroize::Zeroizing;

use super::AdminError;
use super::account_edits::{self, Edit, signed_out};
use crate::accounts::{Edited, edit, noted};
use crate::failure::Fault;
use crate::passkeys::name_of;
use crate::{Engine, mail, security};

/// How often a count that others advanced meanwhile is read again.
const LOOKS: usize = 5;

/// Says which e-mail address is an account's, and whether it was proved; `None`: none is.
pub async fn set_email(
    engine: &Engine,
    seen: &Account,
    address: Option<&str>,
    verified: bool,
    now: Timestamp,
) -> Result<Account, AdminError> {
    let mut claims = seen.claims.clone();
    if let Some(address) = address {
        claims.insert("email".to_owned(), mail::acceptable(address)?.into());
        claims.insert("email_verified".to_owned(), verified.into());
    } else {
        claims.remove("email");
        claims.remove("email_verified");
    }
    let change = Edit { username: seen.username.clone(), enabled: seen.enabled, claims };
    account_edits::edit(engine, seen, change, now).await
}

/// Takes the app away, and the recovery codes with it. The account is signed out everywhere.
pub async fn remove_app(engine: &Engine, account: &Account, now: Timestamp) -> Result<Account, AdminError> {
    let out = signed_out(engine, account, now).await?;
    let removed = edit(engine, account.id, now, |account| {
        if account.factors.totp.is_none() {
            return Err(none("authenticator app").into());
        }
        account.factors.totp = None;
        account.factors.recovery_codes.clear();
        account.updated_at = now;
        Ok(Edited { changes: out.clone(), what: "totp_removed" })
    });
    Ok(removed.await?)
}

/// New recovery codes, shown this once; the old ones are good no more.
pub async fn new_recovery_codes(
    engine: &Engine,
    account: &Account,
    now: Timestamp,
) -> Result<Zeroizing<Vec<String>>, AdminError> {
    Ok(security::make_recovery_codes(engine, account.id, now).await?)
}

/// Takes a passkey away, the last one too. The account is signed out everywhere.
pub async fn remove_passkey(
    engine: &Engine,
    account: &Account,
    id: &str,
    now: Timestamp,
) -> Result<Account, AdminError> {
    let out = signed_out(engine, account, now).await?;
    let (namespace, digest) = (Namespace::Credential, name_of(engine, id));
    let removed = edit(engine, account.id, now, |account| {
        let before = account.factors.passkeys.len();
        account.factors.passkeys.retain(|passkey| passkey.id != id);
        if account.factors.passkeys.len() == before {
            return Err(none("passkey of this id").into());
        }
        account.updated_at = now;
        let freed = Change::ReleaseName { namespace, digest, id: account.id };
        Ok(Edited { changes: iter::once(freed).chain(out.clone()).collect(), what: "passkey_removed" })
    });
    Ok(removed.await?)
}

/// Forgets the failed attempts to sign in to an account, as all nodes count them together: at the password and at the second step.
pub async fn unlock(engine: &Engine, account: &Account, now: Timestamp) -> Result<(), AdminError> {
    if !account.factors.misses.is_none() {
        let forget = |account: &mut Account| {
            account.factors.misses = Attempts::default();
            Ok(noted("second_step_unlocked"))
        };
        edit(engine, account.id, now, forget).await?;
    }
    let mut seen = account.attempts;
    for _ in 0..LOOKS {
        let event = engine.event(EventKind::AccountUnlocked, account.id, now)?;
        let event = Event { subject: Some(account.id.to_string()), ..event };
        let forget = Change::CountAttempt { id: account.id, seen: seen.count, to: Attempts::default() };
        if engine.commit(vec![forget, Change::Append(Box::new(event))]).await? == Commit::Done {
            return Ok(());
        }
        seen = account_edits::find(engine, account.id).await?.attempts;
    }
    Err(Fault::temporary("unlock an account", "there were further attempts each time it was looked at").into())
}

fn none(what: &str) -> Denied {
    invalid_request(format!("the account has no {what}"))
}

//! Edits of an account: read, change, write under the revision that was read, with a line of the audit trail.

use firman_proto::error::invalid_request;
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Event, EventKind};
use firman_store::{Change, Commit, Editable};

use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::mail;

/// How often an account that was edited meanwhile is read again.
const LOOKS: usize = 5;

/// What an edit came to.
pub(crate) struct Edited {
    /// What is written with it.
    pub(crate) changes: Vec<Change>,
    /// What the audit trail calls it; empty: another line says it.
    pub(crate) what: &'static str,
}

/// An edit that writes nothing else.
pub(crate) fn noted(what: &'static str) -> Edited {
    Edited { changes: Vec::new(), what }
}

/// Edits an account. Whoever loses a race looks again at what is there, so that what was decided of it still holds: a code that is
/// used once is used once.
///
/// A name that is taken by another account is refused.
pub(crate) async fn edit(
    engine: &Engine,
    id: RecordId,
    now: Timestamp,
    change: impl Fn(&mut Account) -> Result<Edited, Failure>,
) -> Result<Account, Failure> {
    for _ in 0..LOOKS {
        let account = engine.store.account(id).await?.filter(|account| account.issuer == engine.number);
        let account = account.ok_or_else(|| invalid_request("this account is gone"))?;
        let mut changed = account.clone();
        let Edited { changes: others, what } = change(&mut changed)?;
        let record = Editable::Account(Box::new(changed.clone()));
        let mut changes = vec![Change::Replace { record, if_revision: account.revision }];
        changes.extend(others);
        changes.extend(mail::told(engine, &account, &changed, now)?);
        if !what.is_empty() {
            let mut event = Event { subject: Some(id.to_string()), ..engine.event(kind_of(what), id, now)? };
            event.details.insert("what".to_owned(), what.into());
            changes.push(Change::Append(Box::new(event)));
        }
        match engine.commit(changes).await? {
            Commit::Done => return Ok(Account { revision: account.revision + 1, ..changed }),
            Commit::Conflict(0) => {}
            Commit::Conflict(_) => return Err(invalid_request("this is taken already").into()),
        }
    }
    Err(Fault::temporary("edit an account", "it was edited by others each time it was looked at").into())
}

fn kind_of(what: &str) -> EventKind {
    match what {
        "password" | "password_by_link" => EventKind::PasswordChanged,
        "totp_added" | "passkey_added" => EventKind::FactorAdded,
        "totp_removed" | "passkey_removed" => EventKind::FactorRemoved,
        "recovery_code_used" => EventKind::RecoveryCodeUsed,
        "email_verified" => EventKind::EmailVerified,
        "upstream_unlinked" => EventKind::UpstreamUnlinked,
        "second_step_locked" => EventKind::AccountLocked,
        "second_step_unlocked" => EventKind::AccountUnlocked,
        _ => EventKind::AccountUpdated,
    }
}

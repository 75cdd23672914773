//! What all nodes know of failed sign-ins to an account, beside what each counts by itself (`attempts`).
//!
//! Only accounts that are there have such a count, so it may not show: whoever is refused for it is told that the password is
//! wrong, after the same work. It is written when the answer is under way, and holds for browsers that are not known.

use std::sync::Arc;

use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Account, Attempts, EventKind};
use firman_store::{Change, Commit, CommitId, Store, Transaction, settle};

use crate::Engine;
use crate::attempts::Pace;
use crate::failure::Fault;
use crate::random;

/// How often a count that others advanced meanwhile is read again.
const LOOKS: usize = 4;

/// Whether further attempts are refused for now, whatever is typed.
pub(super) fn is_held(account: &Account, now: Timestamp) -> bool {
    held_for(account.attempts, now).is_some()
}

/// For how long they are.
pub(super) fn held_for(seen: Attempts, now: Timestamp) -> Option<Lifetime> {
    seen.locked_until.filter(|until| now < *until).map(|until| until.since(now))
}

/// The count after another failure: whoever was wrong too often has one attempt in the pace's time.
pub(super) fn after_failure(seen: Attempts, pace: Pace, now: Timestamp) -> Attempts {
    let room = i64::from(pace.burst).saturating_mul(pace.every.millis());
    // A failure of long ago does not make anybody wait.
    let old = seen.locked_until.is_some_and(|until| now.since(until).millis() > room);
    let count = if old { 1 } else { seen.count.saturating_add(1) };
    let locked_until =
        if count >= pace.burst { Some(now.plus(pace.every)) } else { seen.locked_until.filter(|_| !old) };
    Attempts { count, locked_until }
}

/// Counts a failure, off the path of the answer.
pub(super) fn failed(engine: &Engine, account: RecordId, now: Timestamp) -> Result<(), Fault> {
    let pace = engine.policy.sign_in.account;
    let (store, commit) = (Arc::clone(&engine.store), CommitId(random::bytes(&*engine.entropy)?));
    let event = engine.event(EventKind::AccountLocked, account, now)?;
    tokio::spawn(async move {
        let done = count(&*store, account, commit, |seen| {
            let to = after_failure(seen, pace, now);
            let begins = to.count == pace.burst;
            let mut changes = vec![Change::CountAttempt { id: account, seen: seen.count, to }];
            if begins {
                let mut event = event.clone();
                event.subject = Some(account.to_string());
                changes.push(Change::Append(Box::new(event)));
            }
            changes
        });
        if let Err(fault) = done.await {
            tracing::warn!(%fault, "a failed sign-in is counted by this node alone");
        }
    });
    Ok(())
}

/// Forgets the failures there were, off the path of the answer.
pub(crate) fn succeeded(engine: &Engine, account: &Account) -> Result<(), Fault> {
    if account.attempts == Attempts::default() {
        return Ok(());
    }
    let (store, id) = (Arc::clone(&engine.store), account.id);
    let commit = CommitId(random::bytes(&*engine.entropy)?);
    tokio::spawn(async move {
        let none = |seen: Attempts| {
            let to = Attempts::default();
            vec![Change::CountAttempt { id, seen: seen.count, to }]
        };
        if let Err(fault) = count(&*store, id, commit, none).await {
            tracing::warn!(%fault, "the failed sign-ins of an account stay counted");
        }
    });
    Ok(())
}

async fn count(
    store: &dyn Store,
    id: RecordId,
    commit: CommitId,
    changes: impl Fn(Attempts) -> Vec<Change>,
) -> Result<(), Fault> {
    for look in 0..LOOKS {
        let Some(account) = store.account(id).await? else { return Ok(()) };
        let changes = changes(account.attempts);
        // Each try is a commit of its own: what was refused is known as refused.
        let mut commit = commit;
        if let (Some(byte), Ok(look)) = (commit.0.first_mut(), u8::try_from(look)) {
            *byte ^= look;
        }
        if settle(store, Transaction { id: commit, changes }).await? == Commit::Done {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_wrong_too_often_has_one_attempt_at_a_time_until_long_after() {
        let pace = Pace { burst: 3, every: Lifetime::from_seconds(60) };
        let at = |seconds: i64| Timestamp::from_seconds(1_000_000 + seconds);
        let mut seen = Attempts::default();
        for (second, count, until) in
            [(0, 1, None), (1, 2, None), (2, 3, Some(62)), (62, 4, Some(122)), (302, 5, Some(362)), (543, 1, None)]
        {
            seen = after_failure(seen, pace, at(second));
            assert_eq!(seen, Attempts { count, locked_until: until.map(at) }, "{second}");
        }
    }
}

//! Filling an empty database: from a backup, or from another database.

use std::path::Path;

use firman_engine::{Entropy, Fault, random};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_sql::{Rows, SqlStore, Tally};
use firman_store::record::{Deployment, EpochKey, Event, EventKind, Rest};
use firman_store::{Change, Commit, CommitId, Editable, Transaction, settle};

use super::BackupError;
use super::key::Secret;
use super::read::{Reader, verify};

/// The table that is filled last: a store without it is known to be unfinished.
const LAST: &str = "deployment";

/// What becomes of the tokens that were issued before the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// They are dead: whoever was signed in signs in again. The store becomes another deployment.
    Revoke,
    /// They are as good as at the time of the backup, also those that were revoked since.
    Keep,
}

/// Fills an empty database from a backup, which is read to its end before the first row is written.
pub async fn restore(
    store: &SqlStore,
    path: &Path,
    secret: &Secret,
    tokens: Tokens,
    (entropy, now): (&dyn Entropy, Timestamp),
    mut each: impl FnMut(u64) + Send,
) -> Result<Tally, BackupError> {
    if !store.is_empty().await? {
        return Err(BackupError::NotEmpty);
    }
    let tally = verify(path, secret, &mut each)?;
    let mut reader = Reader::open(path, secret)?;
    let mut last = None;
    while let Some(rows) = reader.next_rows()? {
        each(rows.len() as u64);
        load(store, rows, &mut last).await?;
    }
    must_hold(store, &tally).await?;
    match tokens {
        Tokens::Keep => finish(store, last).await?,
        Tokens::Revoke => begin_anew(store, entropy, now).await?,
    }
    Ok(tally)
}

/// Fills an empty database from another one that nobody serves. Every token stays as good as it was.
pub async fn move_to(from: &SqlStore, to: &SqlStore, mut each: impl FnMut(u64) + Send) -> Result<Tally, BackupError> {
    if !to.is_empty().await? {
        return Err(BackupError::NotEmpty);
    }
    let (mut snapshot, mut tally, mut last) = (from.snapshot().await?, Tally::default(), None);
    while let Some(rows) = snapshot.next().await? {
        tally.add(&rows);
        each(rows.len() as u64);
        load(to, rows, &mut last).await?;
    }
    must_hold(to, &tally).await?;
    // What was written after the snapshot would be lost.
    if from.snapshot().await?.tally().await? != tally {
        return Err(BackupError::Changed);
    }
    finish(to, last).await?;
    Ok(tally)
}

async fn load(store: &SqlStore, rows: Rows, last: &mut Option<Rows>) -> Result<(), BackupError> {
    if rows.table() == LAST {
        *last = Some(rows);
        return Ok(());
    }
    Ok(store.load(&rows).await?)
}

/// Reads everything back.
async fn must_hold(store: &SqlStore, tally: &Tally) -> Result<(), BackupError> {
    let held = store.snapshot().await?.tally().await?;
    if held == tally.clone().without(LAST) { Ok(()) } else { Err(BackupError::Different("the new database")) }
}

async fn finish(store: &SqlStore, last: Option<Rows>) -> Result<(), BackupError> {
    match last {
        Some(rows) => Ok(store.load(&rows).await?),
        None => Ok(()),
    }
}

/// A new deployment whose every grant and session is of an epoch that is over, in one commit: there is no moment at which the
/// old tokens are good.
async fn begin_anew(store: &SqlStore, entropy: &dyn Entropy, now: Timestamp) -> Result<(), BackupError> {
    let deployment = Deployment { id: random::bytes(entropy)?, created_at: now, revision: 0 };
    let mut details = Rest::new();
    details.insert("reason".to_owned(), "restore".into());
    let about = RecordId::from_bytes([0; 16]);
    let id = random::record_id(entropy, now)?;
    let event = Event { id, about, kind: EventKind::EpochAdvanced, at: now, client: None, subject: None, details };
    let changes = vec![
        Change::Insert(Editable::Deployment(deployment)),
        Change::AdvanceEpoch(EpochKey::Everything),
        Change::Append(Box::new(event)),
    ];
    let outcome = settle(store, Transaction { id: CommitId(random::bytes(entropy)?), changes }).await?;
    match outcome {
        Commit::Done => Ok(()),
        Commit::Conflict(_) => Err(Fault::lasting("restore", "a server was started on the database meanwhile").into()),
    }
}

//! A commit that is carried to its end although acknowledgements can get lost.

use crate::change::Transaction;
use crate::store::{Commit, CommitError, Store, StoreError};

/// Commits, and after a lost acknowledgement reads who won the deciding row: ours means done.
///
/// A transaction whose every change is harmless to repeat is repeated once instead.
pub async fn settle(store: &dyn Store, transaction: Transaction) -> Result<Commit, StoreError> {
    let (id, row) = (transaction.id, transaction.deciding_row());
    let again = row.is_none().then(|| transaction.clone());
    let fault = match store.commit(transaction).await {
        Ok(commit) => return Ok(commit),
        Err(CommitError::NotApplied(fault)) => return Err(fault),
        Err(CommitError::Unknown(fault)) => fault,
    };
    tracing::warn!(%fault, "lost the acknowledgement of a commit; reading who won");
    match (row, again) {
        (Some(row), _) if store.winner(row).await? == Some(id) => Ok(Commit::Done),
        (None, Some(again)) => match store.commit(again).await {
            Ok(commit) => Ok(commit),
            Err(CommitError::NotApplied(fault) | CommitError::Unknown(fault)) => Err(fault),
        },
        _ => Err(fault),
    }
}

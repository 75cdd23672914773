//! What is taken once.

use firman_store::CommitId;
use firman_store::record::Once;

use crate::value::{Value, values};

/// A whole row.
pub(crate) fn row(once: &Once, by: CommitId) -> Vec<Value> {
    values![once.day(), once.namespace.number(), once.digest, once.expires_at, by]
}

//! A store in one file that is only ever appended to. `docs/backends.md` walks through it.
//!
//! A transaction is a value, and whether its guards hold depends on what came before and on nothing else: there is no clock
//! and no chance in a commit. So the file is the list of all transactions in their order, and what is in the store is what
//! becomes of an empty one when they happen again. Readers look into maps in memory ([`MemoryStore`]).
//!
//! Good for a few hundred thousand records on one node. It never becomes shorter: a real one would write what is there to a
//! second file now and then, and begin anew.

mod file;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use firman_store::{Commit, CommitError, Cutoffs, MemoryStore, Store, StoreError, Swept, Transaction};
use serde::{Deserialize, Serialize};

use file::File;
use writer::{Outcome, Writer};

/// What is in the file, one a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Entry {
    /// A commit, whether it won or lost: it will do so again.
    Commit(Transaction),
    /// A sweep: what it deletes follows from what is there.
    Sweep(Cutoffs, u32),
}

/// A store in one file.
pub struct JournalStore {
    /// What is there now.
    maps: Arc<MemoryStore>,
    writer: Writer,
}

impl JournalStore {
    /// Opens the file, or makes it, and does again everything that is in it. Only one process may have it open.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let maps = Arc::new(MemoryStore::new());
        let (file, entries) = File::open(path)?;
        for entry in entries {
            apply(&maps, entry?).await?;
        }
        Ok(Self { writer: Writer::start(file, Arc::clone(&maps))?, maps })
    }

    /// Finishes what was begun and lets go of the file.
    pub async fn close(&self) {
        self.writer.close().await;
    }

    fn maps(&self) -> &dyn Store {
        &*self.maps
    }
}

/// Makes an entry happen in memory. The same entries in the same order end the same way, today and when the file is read.
async fn apply(maps: &MemoryStore, entry: Entry) -> Result<Outcome, StoreError> {
    match entry {
        Entry::Commit(transaction) => match maps.commit(transaction).await {
            Ok(commit) => Ok(Outcome::Commit(commit)),
            Err(CommitError::NotApplied(fault) | CommitError::Unknown(fault)) => Err(fault),
        },
        Entry::Sweep(cutoffs, limit) => maps.sweep(cutoffs, limit).await.map(Outcome::Sweep),
    }
}

#[async_trait]
impl Store for JournalStore {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        match self.writer.write(Entry::Commit(transaction)).await? {
            Outcome::Commit(commit) => Ok(commit),
            Outcome::Sweep(_) => Err(CommitError::Unknown(fault("commit", "the answer is another's", false))),
        }
    }

    async fn sweep(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        match self.writer.write(Entry::Sweep(cutoffs, limit)).await {
            Ok(Outcome::Sweep(swept)) => Ok(swept),
            Ok(Outcome::Commit(_)) => Err(fault("sweep", "the answer is another's", false)),
            Err(CommitError::NotApplied(fault) | CommitError::Unknown(fault)) => Err(fault),
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.writer.check()
    }

    // Every other read is a look into the maps.
    firman_store::forward_reads! { but_sweep_and_check Self::maps }
}

/// A fault of this store; `cause` holds no value of a record.
fn fault(what: &'static str, cause: impl std::fmt::Display, temporary: bool) -> StoreError {
    StoreError { what, cause: cause.to_string(), temporary }
}

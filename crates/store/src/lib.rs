//! What Firman keeps: the records, the changes a transaction is made of, the contract of a store, and the in-memory store
//! that is its readable reference.

pub mod change;
#[cfg(feature = "conformance")]
pub mod conformance;
mod memory;
pub mod record;
mod settle;
mod store;

pub use change::{Change, CommitId, Editable, EditableKey, Renewal, Rotation, RowKey, Transaction};
pub use memory::MemoryStore;
pub use settle::settle;
pub use store::{
    Commit, CommitError, Cutoffs, GrantsOf, Keys, Page, ParentStanding, SignedIn, Standing, Store, StoreError, Swept,
};

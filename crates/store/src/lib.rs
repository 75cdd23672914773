//! What Firman keeps: the records, the changes a transaction is made of, the contract of a store, and the in-memory store
//! that is its readable reference.

/// The methods of a decorator that only pass on what they are asked, to the store that `$to(self)` gives.
#[macro_export]
#[doc(hidden)]
macro_rules! forward_store {
    ($to:path; $($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $($crate::forward_store! { @one $to, $name($($argument: $kind),*) -> $answer })*
    };
    (@one $to:path, $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty) => {
        fn $name<'life, 'later>(
            &'life self, $($argument: $kind),*
        ) -> std::pin::Pin<Box<dyn Future<Output = Result<$answer, $crate::StoreError>> + Send + 'later>>
        where
            'life: 'later,
            Self: 'later,
        {
            // The inner future is passed on as it is: no second allocation.
            $to(self).$name($($argument),*)
        }
    };
}

mod cache;
pub mod change;
#[cfg(feature = "conformance")]
pub mod conformance;
mod memory;
pub mod record;
mod settle;
mod store;

pub use cache::CachedClients;
pub use change::{Change, CommitId, Editable, EditableKey, Renewal, Rotation, RowKey, Transaction};
pub use memory::MemoryStore;
pub use settle::settle;
pub use store::{
    Clock, Commit, CommitError, Cutoffs, GrantsOf, Keys, Page, ParentStanding, SignedIn, Standing, Store, StoreError,
    Swept,
};

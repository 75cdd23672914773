//! What Firman keeps: the records, the changes a transaction is made of, the contract of a store, and the in-memory store
//! that is its readable reference.

/// The reads of a decorator that only passes them on, to the store that `$to(self)` gives: all of them, or all but those
/// that a cache or a journal answers itself. The inner future is passed on as it is, without a second allocation. With `by name` every read goes through
/// `self.name("method", future of the field inner)`.
#[macro_export]
#[doc(hidden)]
macro_rules! forward_reads {
    (by $through:ident) => {
        $crate::forward_reads! { @all [$through] }
    };
    ($to:path) => {
        $crate::forward_reads! { @all $to }
    };
    (lists by $through:ident) => {
        $crate::forward_reads! { @lists [$through] }
    };
    (but_cached $to:path) => {
        $crate::forward_reads! { @lookups $to }
        $crate::forward_reads! { @each ($to); check() -> (); }
    };
    (but_sweep_and_check $to:path) => {
        $crate::forward_reads! { @remembered $to }
        $crate::forward_reads! { @lookups $to }
    };
    (@all $($to:tt)*) => {
        $crate::forward_reads! { @remembered $($to)* }
        $crate::forward_reads! { @lookups $($to)* }
        $crate::forward_reads! { @each ($($to)*);
            sweep(cutoffs: $crate::Cutoffs, limit: u32) -> $crate::Swept;
            check() -> ();
        }
    };
    (@remembered $($to:tt)*) => {
        $crate::forward_reads! { @each ($($to)*);
            client(key: $crate::proto::digest::Digest16) -> Option<std::sync::Arc<$crate::record::Client>>;
            client_by_id(id: $crate::proto::id::RecordId) -> Option<std::sync::Arc<$crate::record::Client>>;
            resource(key: $crate::proto::digest::Digest16) -> Option<std::sync::Arc<$crate::record::Resource>>;
            keys() -> $crate::Keys;
        }
    };
    (@lookups $($to:tt)*) => {
        $crate::forward_reads! { @lists $($to)* }
        $crate::forward_reads! { @each ($($to)*);
            winner(row: $crate::RowKey) -> Option<$crate::CommitId>;
            clients(issuer: $crate::proto::id::IssuerNumber, page: $crate::Page) -> Vec<$crate::record::Client>;
            flow(id: $crate::proto::id::RecordId) -> Option<$crate::Standing<$crate::record::Flow>>;
            grant(
                id: $crate::proto::id::RecordId,
                trace: Option<$crate::record::TokenTrace>
            ) -> Option<$crate::Standing<$crate::record::Grant>>;
            grants(of: $crate::GrantsOf, page: $crate::Page) -> Vec<$crate::record::Grant>;
            session(
                id: $crate::proto::id::RecordId,
                client: Option<$crate::proto::id::RecordId>
            ) -> Option<$crate::SignedIn>;
            epochs(
                client: Option<$crate::proto::id::RecordId>,
                subject: Option<$crate::proto::digest::Digest16>
            ) -> $crate::record::Epochs;
            account(id: $crate::proto::id::RecordId) -> Option<$crate::record::Account>;
            account_by_name(
                namespace: $crate::record::Namespace,
                digest: $crate::proto::digest::Digest16,
                now: $crate::proto::time::Timestamp
            ) -> Option<$crate::record::Account>;
            accounts(issuer: $crate::proto::id::IssuerNumber, page: $crate::Page) -> Vec<$crate::record::Account>;
            name(
                namespace: $crate::record::Namespace,
                digest: $crate::proto::digest::Digest16
            ) -> Option<$crate::record::Name>;
            resources(issuer: $crate::proto::id::IssuerNumber, page: $crate::Page) -> Vec<$crate::record::Resource>;
            edition() -> u64;
            events(about: Option<$crate::proto::id::RecordId>, page: $crate::Page) -> Vec<$crate::record::Event>;
            overdue(cutoffs: $crate::Cutoffs, limit: u32) -> $crate::Swept;
        }
    };
    (@lists $($to:tt)*) => {
        $crate::forward_reads! { @each ($($to)*);
            clients_of(owner: String, page: $crate::Page) -> Vec<$crate::record::Client>;
            sessions_of(
                subject: $crate::proto::digest::Digest16,
                page: $crate::Page
            ) -> Vec<$crate::record::Session>;
            session_clients(
                session: $crate::proto::id::RecordId,
                expires_at: $crate::proto::time::Timestamp
            ) -> Vec<$crate::proto::id::RecordId>;
            consents_of(
                subject: $crate::proto::digest::Digest16,
                page: $crate::Page
            ) -> Vec<$crate::record::Consent>;
            flows_of(day: $crate::proto::time::Day, page: $crate::Page) -> Vec<$crate::record::Flow>;
            search_clients(
                issuer: $crate::proto::id::IssuerNumber,
                search: $crate::Search
            ) -> Vec<$crate::record::Client>;
            search_accounts(
                issuer: $crate::proto::id::IssuerNumber,
                search: $crate::Search
            ) -> Vec<$crate::record::Account>;
            search_resources(
                issuer: $crate::proto::id::IssuerNumber,
                search: $crate::Search
            ) -> Vec<$crate::record::Resource>;
            latest_events(page: $crate::Page) -> Vec<$crate::record::Event>;
            delivery(id: $crate::proto::id::RecordId) -> Option<$crate::record::Delivery>;
            deliveries(page: $crate::Page) -> Vec<$crate::record::Delivery>;
            due_deliveries(now: $crate::proto::time::Timestamp, limit: u32) -> Vec<$crate::record::Delivery>;
            held_token(key: $crate::proto::digest::Digest16) -> Option<$crate::record::HeldToken>;
            held_tokens(
                holder: $crate::proto::digest::Digest16,
                kind: $crate::record::HeldKind,
                page: $crate::HeldPage
            ) -> Vec<$crate::record::HeldToken>;
            held_claims(holder: $crate::proto::digest::Digest16) -> Option<$crate::record::HeldClaims>;
        }
    };
    (@each $to:tt; $($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $($crate::forward_reads! { @one $to, $name($($argument: $kind),*) -> $answer })*
    };
    (@one $to:tt, $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty) => {
        fn $name<'life, 'later>(
            &'life self, $($argument: $kind),*
        ) -> std::pin::Pin<Box<dyn Future<Output = Result<$answer, $crate::StoreError>> + Send + 'later>>
        where
            'life: 'later,
            Self: 'later,
        {
            $crate::forward_reads! { @call $to, self, $name($($argument),*) }
        }
    };
    (@call ([$through:ident]), $self:ident, $name:ident($($argument:ident),*)) => {
        $self.$through(stringify!($name), $self.inner.$name($($argument),*))
    };
    (@call ($to:path), $self:ident, $name:ident($($argument:ident),*)) => {
        $to($self).$name($($argument),*)
    };
}

#[doc(hidden)]
pub use firman_proto as proto;

mod cache;
pub mod change;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "faults")]
mod faulty;
mod introspect;
mod memory;
pub mod record;
#[cfg(feature = "serde")]
mod salts;
mod settle;
mod store;

pub use cache::CachedStore;
pub use change::{
    Change, CommitId, DeliveryFate, Editable, EditableKey, FlowApproval, Renewal, Rotation, RowKey, Transaction,
};
#[cfg(feature = "faults")]
pub use faulty::{CAUSE, Call, Fault, FaultyStore};
pub use introspect::{Introspect, IntrospectError};
pub use memory::MemoryStore;
pub use settle::settle;
pub use store::{
    Clock, Commit, CommitError, Cutoffs, GrantsOf, HeldPage, Keys, Page, ParentStanding, Search, SignedIn, Standing,
    Store, StoreError, Swept,
};

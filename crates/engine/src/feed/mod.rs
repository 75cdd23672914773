//! What was withdrawn, told to resource servers that verify tokens by themselves.
//!
//! Every commit that withdraws something says so in its event (`notice`). Who listens has the trail read, at most once in
//! [`FeedPolicy::poll`] at each node, whoever many listen; nobody listens, nothing is read.
//!
//! Ids of events are made before they are committed, so the order of commits is not that of ids. So every look goes back by
//! [`FeedPolicy::overlap`] behind the last, every so often (`DEEP`) by much more, and sometimes (`WHOLE`), or when the store did not answer for
//! longer than the overlap, to the beginning of what matters; what was told before is left out. Doubles do no harm: telling is idempotent.

mod hub;
mod notice;
mod read;

use firman_proto::scope::Scope;
use firman_proto::time::Lifetime;

pub use hub::{Hub, Listener, News};
pub(crate) use notice::with_notice;

/// How often a look goes back by ten times the overlap.
const DEEP: Lifetime = Lifetime::from_seconds(5);
/// How often a look goes back to the beginning of what matters.
const WHOLE: Lifetime = Lifetime::from_seconds(60);

/// How withdrawals are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPolicy {
    /// Whether they are told, and JWT access tokens say what they live by.
    pub enabled: bool,
    /// The scope with which an access token lets its holder listen; the empty scope lets nobody.
    pub scope: Scope,
    /// How often the trail is looked at while somebody listens.
    pub poll: Lifetime,
    /// How far each look goes back behind the last: by so much clocks of nodes may differ, and commits take, for what they
    /// withdraw to be told within a look.
    pub overlap: Lifetime,
    /// For how long what was withdrawn is told: no JWT access token may live longer.
    pub window: Lifetime,
    /// How many may listen at once, at each node.
    pub listeners: usize,
}

impl Default for FeedPolicy {
    fn default() -> Self {
        Self {
            enabled: true,
            scope: Scope::default(),
            poll: Lifetime::from_millis(250),
            overlap: Lifetime::from_seconds(3),
            window: Lifetime::from_seconds(3600),
            listeners: 100,
        }
    }
}

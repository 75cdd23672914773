//! What has ended leaves: when, and how fast.

use std::time::Duration;

use firman_proto::time::{Lifetime, Timestamp};
use firman_store::{Cutoffs, Store, StoreError, Swept};

use crate::config::{Days, Retention};

/// Clocks of several nodes differ by no more than this.
const SKEW: Lifetime = Lifetime::from_seconds(60);

/// The most rows in one step of a sweep: requests go first.
const STEP: u32 = 500;

/// What may be deleted at `now`: what would have expired longer ago than its retention and the skew of clocks.
pub fn cutoffs(retention: &Retention, now: Timestamp) -> Cutoffs {
    let cutoff = |days: Days| now.minus(Lifetime::from_millis(days.millis())).minus(SKEW);
    Cutoffs {
        now,
        flows: cutoff(retention.flows_days),
        grants: cutoff(retention.grants_days),
        revoked_tokens: cutoff(retention.revoked_tokens_days),
        once: cutoff(retention.once_days),
        sessions: cutoff(retention.sessions_days),
        names: cutoff(retention.names_days),
        keys: cutoff(retention.keys_days),
        events: cutoff(retention.events_days),
        deliveries: cutoff(retention.deliveries_days),
        held_tokens: cutoff(retention.held_tokens_days),
    }
}

/// Deletes everything before the cutoffs, at most so many rows a second (0: as many as it can), and tells of each step.
pub async fn sweep(
    store: &dyn Store,
    cutoffs: Cutoffs,
    rows_per_second: u32,
    mut each: impl FnMut(Swept) + Send,
) -> Result<(), StoreError> {
    let step = if rows_per_second == 0 { STEP } else { STEP.min(rows_per_second) };
    loop {
        let swept = store.sweep(cutoffs, step).await?;
        if swept.total() == 0 {
            return Ok(());
        }
        each(swept);
        tokio::time::sleep(pause(swept.total(), rows_per_second)).await;
    }
}

/// How long to rest after so many rows.
fn pause(rows: u64, rows_per_second: u32) -> Duration {
    Duration::from_micros((rows * 1_000_000).checked_div(rows_per_second.into()).unwrap_or(0))
}

/// Each table and what was counted in it, by the names that commands and metrics use.
pub fn by_table(swept: Swept) -> [(&'static str, u64); 11] {
    [
        ("flows", swept.flows),
        ("grants", swept.grants),
        ("revoked_tokens", swept.revoked_tokens),
        ("once", swept.once),
        ("sessions", swept.sessions),
        ("names", swept.names),
        ("keys", swept.keys),
        ("events", swept.events),
        ("deliveries", swept.deliveries),
        ("session_clients", swept.session_clients),
        ("held_tokens", swept.held_tokens),
    ]
}

/// Both, table by table.
pub fn plus(one: Swept, other: Swept) -> Swept {
    Swept {
        flows: one.flows + other.flows,
        grants: one.grants + other.grants,
        revoked_tokens: one.revoked_tokens + other.revoked_tokens,
        once: one.once + other.once,
        sessions: one.sessions + other.sessions,
        names: one.names + other.names,
        keys: one.keys + other.keys,
        events: one.events + other.events,
        deliveries: one.deliveries + other.deliveries,
        session_clients: one.session_clients + other.session_clients,
        held_tokens: one.held_tokens + other.held_tokens,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firman_store::conformance::fixtures::{self, NOW};
    use firman_store::{GrantsOf, MemoryStore, Page};

    use super::*;
    use crate::config::Settings;

    fn retention(overrides: &[(&str, String)]) -> Retention {
        Settings::load(None, std::iter::empty(), overrides).unwrap().retention
    }

    #[test]
    fn a_rate_is_kept_by_resting() {
        assert_eq!(pause(500, 2_000), Duration::from_millis(250));
        assert_eq!(pause(1, 1), Duration::from_secs(1));
        assert_eq!(pause(500, 0), Duration::ZERO);
    }

    #[test]
    fn each_kind_has_its_own_days_and_the_skew_comes_on_top() {
        let days = |days| NOW.minus(Lifetime::from_days(days)).minus(SKEW);
        let set = retention(&[("retention.grants_days", "30".to_owned()), ("retention.flows_days", "0".to_owned())]);
        let cutoffs = cutoffs(&set, NOW);
        assert_eq!((cutoffs.flows, cutoffs.grants, cutoffs.events), (days(0), days(30), days(365)));
        assert_eq!(cutoffs.sessions, days(1));
    }

    #[tokio::test]
    async fn a_used_code_and_a_revoked_grant_stay_for_as_long_as_they_would_have_been_good() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (flow, grant) = (fixtures::flow(), fixtures::grant());
        let shortest: Vec<_> = ["flows", "grants", "revoked_tokens", "once", "sessions", "names", "keys"]
            .map(|kind| (format!("retention.{kind}_days"), "0".to_owned()))
            .into();
        let shortest: Vec<_> = shortest.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        let set = retention(&shortest);
        let changes = vec![
            fixtures::insert_flow(&flow),
            fixtures::claim(&flow, NOW),
            fixtures::insert_grant(&grant),
            firman_store::Change::RevokeGrant {
                id: grant.id,
                reason: firman_store::record::RevokeReason::Client,
                now: NOW,
            },
        ];
        fixtures::done(&store, changes).await;
        let purge = async |now| sweep(&*store, cutoffs(&set, now), 0, |_| ()).await.unwrap();
        purge(flow.expires_at).await;
        assert!(store.flow(flow.id).await.unwrap().is_some());
        purge(grant.expires_at).await;
        assert_eq!(store.grants(GrantsOf::Everybody, Page::first(9)).await.unwrap().len(), 1);
        purge(grant.expires_at.plus(Lifetime::from_days(2))).await;
        assert!(store.flow(flow.id).await.unwrap().is_none());
        assert!(store.grants(GrantsOf::Everybody, Page::first(9)).await.unwrap().is_empty());
    }
}

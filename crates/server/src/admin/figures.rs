//! Live figures: what is asked, how quickly it is answered, and how much there is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use firman_proto::time::Timestamp;
use firman_sql::{SqlStore, Stats};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::Shared;
use super::page::seconds;
use crate::recent::{Seen, WINDOW_SECONDS};
use crate::retention::by_table;

/// Rows are counted at most this often.
const COUNT_AFTER: Duration = Duration::from_mins(1);
/// And so that counting takes at most a hundredth of the time.
const REST: u32 = 100;

/// Figures of this process, and rows of its store.
#[derive(Serialize, ToSchema)]
pub(super) struct Figures {
    /// Since when it serves.
    started_at: Option<i64>,
    /// Requests answered since.
    requests: u64,
    /// Those answered with a 5xx.
    failed: u64,
    /// Reads of the store.
    store_reads: u64,
    /// Commits to the store.
    store_commits: u64,
    /// Commits that lost a race.
    store_conflicts: u64,
    /// How long the store takes to answer the simplest question, in milliseconds; null: it does not answer.
    store_milliseconds: Option<f64>,
    /// How long each of the windows is, in seconds.
    window_seconds: u64,
    /// The last ten minutes, the oldest window first; the last is under way.
    windows: Vec<Window>,
    /// Rows past expiry and retention that are still there, by table, counted to a limit.
    overdue: BTreeMap<String, i64>,
    /// Rows by table, where they have been counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
}

/// One window.
#[derive(Serialize, ToSchema)]
pub(super) struct Window {
    /// When it began.
    at: i64,
    /// Requests answered.
    requests: u64,
    /// Those answered with a 5xx.
    failed: u64,
    /// Half of them took no longer, in milliseconds, to a fifth.
    p50: f64,
    /// Nine of ten took no longer.
    p90: f64,
    /// All but one of a hundred took no longer.
    p99: f64,
}

/// How many rows there are.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct Rows {
    /// When they were counted.
    counted_at: Option<i64>,
    /// Rows by table.
    tables: BTreeMap<String, u64>,
}

impl Window {
    fn of(seen: &Seen, now: Timestamp) -> Self {
        let [p50, p90, p99] = seen.quantiles.map(|took| took.as_secs_f64() * 1000.0);
        let ago = i64::try_from(seen.seconds_ago).unwrap_or(i64::MAX);
        Self { at: now.seconds().saturating_sub(ago), requests: seen.requests, failed: seen.failed, p50, p90, p99 }
    }
}

/// Show live figures. Rows are counted beside the requests, seldom, because that reads whole tables.
#[utoipa::path(get, path = "/figures", tag = "server", operation_id = "show_figures",
    security(("operator" = ["firman.figures.read"])), responses((status = 200, body = Figures, description = "Live figures.")))]
pub(super) async fn show(State(admin): State<Shared>) -> Json<Figures> {
    let (metrics, now) = (&admin.metrics, admin.now());
    let begun = Instant::now();
    let answered = admin.engine.store().check().await.is_ok();
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    let overdue = by_table(firman_store::Swept::default()).map(|(table, _)| {
        let rows = metrics.overdue.get_or_create(&[("table", table)]).get();
        (table.to_owned(), rows)
    });
    Json(Figures {
        started_at: seconds(admin.started),
        requests: metrics.requests.get(),
        failed: metrics.failed.get(),
        store_reads: metrics.reads.get(),
        store_commits: metrics.commits.get(),
        store_conflicts: metrics.conflicts.get(),
        store_milliseconds: answered.then_some(took),
        window_seconds: WINDOW_SECONDS,
        windows: metrics.recent.seen(Instant::now()).iter().map(|seen| Window::of(seen, now)).collect(),
        overdue: overdue.into_iter().collect(),
        rows: admin.counter.as_ref().and_then(|counter| counter.rows(now)),
    })
}

/// Counts rows beside the requests.
pub struct Counter {
    database: Arc<SqlStore>,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    rows: Option<Rows>,
    /// Not before then again; `None` before the first time.
    next: Option<Instant>,
    under_way: bool,
}

impl Counter {
    /// Of this database.
    pub fn new(database: Arc<SqlStore>) -> Arc<Self> {
        Arc::new(Self { database, counted: Mutex::default() })
    }

    /// What was counted last. Begins to count anew where that is due.
    fn rows(self: &Arc<Self>, now: Timestamp) -> Option<Rows> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = counted.next.is_none_or(|next| Instant::now() >= next);
        if is_due && !counted.under_way {
            counted.under_way = true;
            tokio::spawn(Arc::clone(self).count(now));
        }
        counted.rows.clone()
    }

    async fn count(self: Arc<Self>, now: Timestamp) {
        let begun = Instant::now();
        let stats = self.database.stats().await;
        let rest = COUNT_AFTER.max(begun.elapsed().saturating_mul(REST));
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.under_way = false;
        counted.next = Some(Instant::now() + rest);
        match stats {
            Ok(stats) => counted.rows = Some(Rows { counted_at: seconds(now), tables: tables(&stats) }),
            Err(fault) => tracing::warn!(%fault, "cannot count rows"),
        }
    }
}

fn tables(stats: &Stats) -> BTreeMap<String, u64> {
    let named = [
        ("clients", stats.clients),
        ("flows", stats.flows),
        ("grants", stats.grants),
        ("epochs", stats.epochs),
        ("revoked_tokens", stats.revoked_tokens),
        ("names", stats.names),
        ("sessions", stats.sessions),
        ("consents", stats.consents),
        ("accounts", stats.accounts),
        ("signing_keys", stats.signing_keys),
        ("seal_keys", stats.seal_keys),
        ("events", stats.events),
        ("once", stats.once),
        ("resources", stats.resources),
        ("deliveries", stats.deliveries),
        ("session_clients", stats.session_clients),
        ("held_tokens", stats.held_tokens),
        ("held_claims", stats.held_claims),
    ];
    named.into_iter().map(|(name, rows)| (name.to_owned(), rows)).collect()
}

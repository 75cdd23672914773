//! Figures for Prometheus, on a listener of their own.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use firman_engine::outbox::Outcome;
use firman_store::record::DeliveryKind;
use firman_store::{Commit, CommitError, Store, Swept, Transaction};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::recent::Recent;
use crate::retention::by_table;

/// What is counted.
#[derive(Default)]
pub struct Metrics {
    /// HTTP requests answered.
    pub requests: Counter,
    /// HTTP requests answered with a 5xx.
    pub failed: Counter,
    /// How many there were lately, and how long they took.
    pub recent: Recent,
    /// Reads of the store.
    pub reads: Counter,
    /// Commits to the store.
    pub commits: Counter,
    /// Commits that lost a race.
    pub conflicts: Counter,
    /// Rows past expiry and retention that are still there, by table; counted once a minute, to a limit.
    pub overdue: Family<[(&'static str, &'static str); 1], Gauge>,
    /// Attempts to deliver something, by kind and by how they ended.
    pub deliveries: Family<[(&'static str, &'static str); 2], Counter>,
    /// Deliveries that were given up, by kind.
    pub given_up: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Metrics {
    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("firman");
        registry.register("http_requests", "HTTP requests answered", self.requests.clone());
        registry.register("http_failures", "HTTP requests answered with a 5xx", self.failed.clone());
        registry.register("store_reads", "Reads of the store", self.reads.clone());
        registry.register("store_commits", "Commits to the store", self.commits.clone());
        registry.register("store_conflicts", "Commits that lost a race", self.conflicts.clone());
        registry.register("store_overdue_rows", "Rows past expiry that are still there", self.overdue.clone());
        registry.register("deliveries", "Attempts to deliver something", self.deliveries.clone());
        registry.register("deliveries_given_up", "Deliveries that were given up", self.given_up.clone());
        registry
    }

    /// Counts an attempt to deliver something.
    pub fn count_delivery(&self, kind: DeliveryKind, outcome: &Outcome) {
        let ended = match outcome {
            Outcome::Done => "done",
            Outcome::Later(_) => "later",
            Outcome::NoAnswer(_) => "no_answer",
            Outcome::GiveUp(_) => "refused",
        };
        self.deliveries.get_or_create(&[("kind", name(kind)), ("outcome", ended)]).inc();
    }

    /// Counts a delivery that was given up.
    pub fn count_given_up(&self, kind: DeliveryKind) {
        self.given_up.get_or_create(&[("kind", name(kind))]).inc();
    }

    /// Shows what was just counted.
    pub fn show_overdue(&self, overdue: Swept) {
        for (table, rows) in by_table(overdue) {
            self.overdue.get_or_create(&[("table", table)]).set(i64::try_from(rows).unwrap_or(i64::MAX));
        }
    }
}

fn name(kind: DeliveryKind) -> &'static str {
    match kind {
        DeliveryKind::BackchannelLogout => "backchannel_logout",
        DeliveryKind::Webhook => "webhook",
        DeliveryKind::Email => "email",
    }
}

/// The router of the metrics listener.
pub fn router(metrics: &Metrics) -> Router {
    Router::new().route("/metrics", get(show)).with_state(Arc::new(metrics.registry()))
}

async fn show(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(_) => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Counts requests.
pub async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    let failed = response.status().is_server_error();
    metrics.requests.inc();
    if failed {
        metrics.failed.inc();
    }
    metrics.recent.count(begun, Instant::now(), failed);
    response
}

/// Counts what a store is asked. Stands below the cache, so that it counts what reaches the database.
pub struct CountedStore {
    inner: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl CountedStore {
    /// Counts what `inner` is asked.
    pub fn new(inner: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }

    fn read(&self) -> &dyn Store {
        self.metrics.reads.inc();
        &*self.inner
    }
}

#[async_trait]
impl Store for CountedStore {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        self.metrics.commits.inc();
        let outcome = self.inner.commit(transaction).await;
        if matches!(outcome, Ok(Commit::Conflict(_))) {
            self.metrics.conflicts.inc();
        }
        outcome
    }

    firman_store::forward_reads! { Self::read }
}

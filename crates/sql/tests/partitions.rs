//! PostgreSQL: tables split by day. Whole days leave at once, and where that is not allowed rows leave one by one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;

use firman_proto::time::{Lifetime, Timestamp};
use firman_sql::{Options, SqlStore};
use firman_store::conformance::fixtures::*;
use firman_store::record::{Flow, FlowState};
use firman_store::{Change, Cutoffs, Store, Swept};
use firman_test_servers::Postgres;

/// A fresh database, and the schema it is in.
async fn fresh(server: &Postgres) -> (Arc<dyn Store>, String) {
    let url = server.fresh();
    let schema = url.rsplit_once("%3D").unwrap().1.to_owned();
    (SqlStore::open(Options { migrate: true, ..Options::new(url) }).await.unwrap(), schema)
}

fn days(days: i64) -> Timestamp {
    NOW.plus(Lifetime::from_days(days))
}

async fn sweep(store: &Arc<dyn Store>, before: Timestamp) -> Swept {
    store.sweep(Cutoffs::all(before), 1000).await.unwrap()
}

fn flow_at(at: Timestamp, lives_days: i64) -> Flow {
    Flow { id: id_made_at(at), expires_at: at.plus(Lifetime::from_days(lives_days)), ..flow() }
}

/// In which part of the table rows are, one line a part: how many, and whether it is the one for the rest.
fn parts(server: &Postgres, schema: &str, table: &str) -> Vec<String> {
    let text = format!(
        "SELECT COUNT(*), tableoid = '{schema}.{table}_rest'::regclass FROM {schema}.{table} GROUP BY tableoid ORDER BY 2, 1"
    );
    server.sql(&text).lines().map(str::to_owned).collect()
}

fn parts_there(server: &Postgres, schema: &str, table: &str) -> usize {
    server
        .sql(&format!("SELECT COUNT(*) FROM pg_inherits WHERE inhparent = '{schema}.{table}'::regclass"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn days_are_made_ahead_and_dropped_whole() {
    let Some(server) = Postgres::shared() else { return };
    let (store, schema) = fresh(server).await;
    assert_eq!(parts_there(server, &schema, "flows"), 1);
    assert_eq!(sweep(&store, days(-1)).await.total(), 0);
    let there = parts_there(server, &schema, "flows");
    assert!(there > 7, "{there}");
    done(&store, (0..5).map(|_| insert_flow(&flow_at(NOW, 0))).collect()).await;
    done(&store, vec![insert_flow(&flow_at(days(2), 0)), insert_flow(&flow_at(days(90), 0))]).await;
    done(&store, vec![Change::Append(Box::new(event(id())))]).await;
    assert_eq!(parts(server, &schema, "flows"), ["1|f", "5|f", "1|t"]);
    assert_eq!(parts(server, &schema, "events"), ["1|f"]);
    let swept = sweep(&store, days(1)).await;
    assert_eq!(swept, Swept { flows: 5, events: 1, ..Swept::default() });
    assert_eq!(parts(server, &schema, "flows"), ["1|f", "1|t"]);
    // What lies with the rest leaves too, row by row.
    assert_eq!(sweep(&store, days(99)).await.flows, 2);
    assert_eq!(parts(server, &schema, "flows"), Vec::<String>::new());
}

#[tokio::test]
async fn a_day_with_something_live_in_it_stays() {
    let Some(server) = Postgres::shared() else { return };
    let (store, schema) = fresh(server).await;
    sweep(&store, NOW).await;
    let (short, long) = (flow_at(NOW, 0), flow_at(NOW, 40));
    done(&store, vec![insert_flow(&short), insert_flow(&long)]).await;
    assert_eq!(sweep(&store, days(5)).await.flows, 1);
    assert_eq!(parts(server, &schema, "flows"), ["1|f"]);
    assert_eq!(store.flow(long.id).await.unwrap().unwrap().record.state, FlowState::Ready);
    assert!(store.flow(short.id).await.unwrap().is_none());
}

#[tokio::test]
async fn somebody_who_reads_a_table_for_long_delays_no_request() {
    let Some(server) = Postgres::shared() else { return };
    let (store, schema) = fresh(server).await;
    sweep(&store, NOW).await;
    done(&store, vec![insert_flow(&flow_at(NOW, 0))]).await;
    // As a backup does.
    let reader = format!("BEGIN; LOCK TABLE {schema}.flows IN ACCESS SHARE MODE; SELECT pg_sleep(3)");
    let reading = tokio::task::spawn_blocking(move || Postgres::shared().unwrap().sql(&reader));
    let locked = format!(
        "SELECT COUNT(*) FROM pg_locks WHERE relation = '{schema}.flows'::regclass AND mode = 'AccessShareLock'"
    );
    while server.sql(&locked) == "0" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // The day cannot be dropped now; its rows leave one by one, and others go on.
    assert_eq!(sweep(&store, days(5)).await.flows, 1);
    done(&store, vec![insert_flow(&flow())]).await;
    assert!(!reading.is_finished());
    reading.await.unwrap();
}

#[tokio::test]
async fn whoever_may_not_make_days_deletes_row_by_row() {
    let Some(server) = Postgres::shared() else { return };
    let (_, schema) = fresh(server).await;
    let role = format!("role_{schema}");
    server.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
    ));
    let url = format!("postgres://{role}@127.0.0.1:{}/postgres?options=-csearch_path%3D{schema}", server.port());
    let store: Arc<dyn Store> = SqlStore::open(Options::new(url)).await.unwrap();
    sweep(&store, NOW).await;
    done(&store, vec![insert_flow(&flow_at(NOW, 0)), insert_flow(&flow_at(days(9), 0))]).await;
    assert_eq!(parts(server, &schema, "flows"), ["2|t"]);
    assert_eq!(sweep(&store, days(5)).await.flows, 1);
    assert_eq!(parts(server, &schema, "flows"), ["1|t"]);
}

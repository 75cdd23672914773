//! What merging commits brings on PostgreSQL: rotations a second through the store, and by 16 connections that each run the same
//! statement; and reads a second. Starts a server of its own:
//! `FIRMAN_TEST_POSTGRES=/usr/lib/postgresql/15/bin cargo run --release -p firman-sql --example merged`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a measurement for people")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a ratio for people")]
#![allow(clippy::wildcard_imports, reason = "the fixtures of the suite")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use firman_sql::{Options, SqlStore};
use firman_store::conformance::fixtures::*;
use firman_store::record::Grant;
use firman_store::{Change, Commit, Store};
use firman_test_servers::{Postgres, PostgresOptions};
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

const GRANTS: usize = 20_000;
const SECONDS: u64 = 3;
const CONNECTIONS: usize = 16;
const RAW: &str = "UPDATE grants SET earlier_salt = before_salt, earlier_since = before_since, before_salt = refresh_salt, \
    before_since = rotated_at, generation = $1, refresh_salt = $2, rotated_at = $3, retry_closed = 0, seal_key = $4, \
    access_serial = $5, access_expires_at = $6, commit_id = $7 \
    WHERE id = $8 AND generation = $9 AND revoked_at IS NULL AND expires_at > $10";

/// Grants and the generation each is at.
struct Rows(Vec<(Grant, AtomicU64)>);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let Some(server) = Postgres::start(PostgresOptions::default()) else { return };
    let options = Options { migrate: true, ..Options::new(server.url()) };
    let store: Arc<dyn Store> = SqlStore::open(options).await.unwrap();
    let rows = Arc::new(Rows((0..GRANTS).map(|_| (grant(), AtomicU64::new(0))).collect()));
    for some in rows.0.chunks(500) {
        done(&store, some.iter().map(|(grant, _)| insert_grant(grant)).collect()).await;
    }
    server.sql("VACUUM ANALYZE");
    let clients = Arc::new(clients(&server.url()).await);
    for round in 1..=2 {
        for at_once in [1, 8, 64, 256] {
            let (all, pool) = (Arc::clone(&rows), Arc::clone(&clients));
            let unmerged =
                measure(at_once, move |place, task| by_hand(Arc::clone(&all), Arc::clone(&pool), place, task)).await;
            let (all, to) = (Arc::clone(&rows), Arc::clone(&store));
            let merged = measure(at_once, move |place, _| through(Arc::clone(&all), Arc::clone(&to), place)).await;
            let (all, to) = (Arc::clone(&rows), Arc::clone(&store));
            let reads = measure(at_once, move |place, _| read(Arc::clone(&all), Arc::clone(&to), place)).await;
            let ratio = merged as f64 / unmerged as f64;
            println!(
                "round {round}, {at_once:3} in flight: by hand {unmerged:6}/s, store {merged:6}/s = {ratio:.2}; reads {reads:6}/s"
            );
        }
    }
}

/// How many runs a second so many tasks get done, no two of which are at the same row.
async fn measure<F>(at_once: usize, run: impl Fn(usize, usize) -> F + Send + Sync + 'static) -> u64
where
    F: Future<Output = ()> + Send,
{
    let (run, stop) = (Arc::new(run), Arc::new(AtomicBool::new(false)));
    let mut tasks = JoinSet::new();
    for task in 0..at_once {
        let (run, stop) = (Arc::clone(&run), Arc::clone(&stop));
        tasks.spawn(async move {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                // Rows far apart, as clients are.
                let place = (task + at_once * ((count as usize * 7919) % (GRANTS / at_once))) % GRANTS;
                run(place, task).await;
                count += 1;
            }
            count
        });
    }
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    stop.store(true, Ordering::Relaxed);
    tasks.join_all().await.into_iter().sum::<u64>() / SECONDS
}

async fn through(rows: Arc<Rows>, store: Arc<dyn Store>, place: usize) {
    let (grant, generation) = &rows.0[place];
    let now = generation.fetch_add(1, Ordering::Relaxed);
    let rotate = transaction(vec![Change::Rotate(Box::new(rotation(grant, now, NOW)))]);
    assert_eq!(store.commit(rotate).await.unwrap(), Commit::Done);
}

async fn read(rows: Arc<Rows>, store: Arc<dyn Store>, place: usize) {
    assert!(store.grant(rows.0[place].0.id, None).await.unwrap().is_some());
}

type Pool = Vec<tokio::sync::Mutex<(Client, Statement)>>;

async fn by_hand(rows: Arc<Rows>, pool: Arc<Pool>, place: usize, task: usize) {
    let (grant, generation) = &rows.0[place];
    let now = generation.fetch_add(1, Ordering::Relaxed).cast_signed();
    let client = pool[task % pool.len()].lock().await;
    let (salt, id) = (distinct::<16>(), grant.id);
    let (salt, id, time) = (salt.as_slice(), id.as_bytes().as_slice(), NOW.millis());
    let values: [&(dyn ToSql + Sync); 10] = [&(now + 1), &salt, &time, &1_i64, &7_i64, &time, &salt, &id, &now, &time];
    assert_eq!(client.0.execute(&client.1, &values).await.unwrap(), 1);
}

async fn clients(url: &str) -> Pool {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let statement = client.prepare(RAW).await.unwrap();
        clients.push(tokio::sync::Mutex::new((client, statement)));
    }
    clients
}

//! How fast the SQLite store is, as ratios to the same statements run by hand in the same process.
//!
//! `cargo run --release -p firman-sql --example bench -- [folder [grants [seconds [reads | rotations]]]]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a bench, not a server")]
#![allow(clippy::print_stdout, reason = "it prints what it measures")]
#![allow(clippy::disallowed_methods, reason = "measuring needs a clock")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use firman_proto::id::RecordId;
use firman_sql::{Options, SqlStore};
use firman_store::conformance::fixtures::{self, NOW};
use firman_store::record::{EpochKey, Grant, TokenTrace};
use firman_store::{Change, Commit, Store};
use rusqlite::Connection;

const IN_FLIGHT: usize = 64;

struct Setting {
    path: PathBuf,
    grants: usize,
    time: Duration,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().map_or_else(|| tempfile::tempdir().unwrap().keep(), PathBuf::from);
    let grants = args.next().map_or(100_000, |text| text.parse().unwrap());
    let seconds = args.next().map_or(3.0, |text| text.parse().unwrap());
    let path = folder.join("bench.db");
    assert!(!path.exists(), "{} is there already", path.display());
    let setting = Setting { path, grants, time: Duration::from_secs_f64(seconds) };
    println!("{} grants in {}", setting.grants, setting.path.display());

    let one = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let store = one.block_on(SqlStore::open(Options::new(format!("sqlite:{}", setting.path.display())))).unwrap();
    let ids = Arc::new(one.block_on(fill(&store, &setting)));
    let only = args.next();
    let wanted = |what: &str| only.as_ref().is_none_or(|only| only == what);
    if wanted("reads") {
        reads(&setting, &store, &ids, &one);
    }
    if wanted("rotations") {
        rotations(&setting, &store, &ids, &many);
    }
    one.block_on(store.close());
    for ending in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{ending}", setting.path.display())).ok();
    }
}

/// Grants of a thousand clients, in random order.
async fn fill(store: &Arc<SqlStore>, setting: &Setting) -> Vec<RecordId> {
    let shared: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    let clients: Vec<_> = (0..1000).map(|_| fixtures::client()).collect();
    fixtures::done(&shared, clients.iter().map(fixtures::insert_client).collect()).await;
    fixtures::done(&shared, vec![Change::AdvanceEpoch(EpochKey::Client(clients[0].id))]).await;
    let began = Instant::now();
    let mut ids = Vec::with_capacity(setting.grants);
    while ids.len() < setting.grants {
        let batch = 1000.min(setting.grants - ids.len());
        let made: Vec<Grant> = (0..batch)
            .map(|place| fixtures::grant_of(clients[place % 1000].id, &fixtures::subject()))
            .map(|grant| Grant { rest: firman_store::record::Rest::new(), ..grant })
            .collect();
        ids.extend(made.iter().map(|grant| grant.id));
        fixtures::done(&shared, made.iter().map(fixtures::insert_grant).collect()).await;
    }
    println!("inserted {:>9.0}/s", setting.grants as f64 / began.elapsed().as_secs_f64());
    shuffle(&mut ids);
    ids
}

fn shuffle(ids: &mut [RecordId]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for place in (1..ids.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ids.swap(place, usize::try_from(state % (place as u64 + 1)).unwrap());
    }
}

/// How long one side is measured before it is the other's turn: on a machine with other work both get their share of it.
const SLICE: Duration = Duration::from_millis(200);

/// Measures the store and the same work by hand in turns; prints medians and the ratio.
fn compare(setting: &Setting, what: &str, mut store: impl FnMut() -> f64, mut by_hand: impl FnMut() -> f64) {
    let (mut ours, mut theirs, began) = (Vec::new(), Vec::new(), Instant::now());
    while began.elapsed() < 2 * setting.time {
        ours.push(store());
        theirs.push(by_hand());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("{what:<36} {ours:>9.0}/s, {:>5.2} of by hand ({theirs:.0}/s)", ours / theirs);
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Calls something for a slice; gives calls a second.
fn rate(mut call: impl FnMut(usize)) -> f64 {
    let (began, mut calls) = (Instant::now(), 0);
    while began.elapsed() < SLICE {
        for _ in 0..16 {
            call(calls);
            calls += 1;
        }
    }
    calls as f64 / began.elapsed().as_secs_f64()
}

/// The time this thread has run, so that reads can be measured while others want the processor too. Where the system does
/// not tell, the time on the clock.
fn running(began: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| began.elapsed(), Duration::from_nanos)
}

fn reads(setting: &Setting, store: &SqlStore, ids: &[RecordId], one: &tokio::runtime::Runtime) {
    let conn = by_hand(&setting.path);
    conn.pragma_update(None, "mmap_size", 0x7fff_0000).unwrap();
    let mut join = conn
        .prepare(
            "SELECT g.*, c.enabled, e0.counter, e1.counter, e2.counter FROM grants g
             LEFT JOIN clients c ON c.id = g.client LEFT JOIN epochs e0 ON e0.kind = 0
             LEFT JOIN epochs e1 ON e1.kind = 1 AND e1.id = g.client
             LEFT JOIN epochs e2 ON e2.kind = 2 AND e2.id = g.subject_key WHERE g.id = ?",
        )
        .unwrap();
    let mut join = || {
        let (began, mut calls) = (Instant::now(), 0);
        let ran = running(began);
        while began.elapsed() < SLICE {
            for _ in 0..16 {
                let id = ids[calls % ids.len()];
                join.query_row([id.as_bytes().as_slice()], |row| row.get::<_, Vec<u8>>(0)).unwrap();
                calls += 1;
            }
        }
        calls as f64 / running(began).saturating_sub(ran).as_secs_f64()
    };
    let read =
        |trace: Option<TokenTrace>| one.block_on(timed_reads(|call| store.grant(ids[call % ids.len()], trace.clone())));
    compare(setting, "grant, with all its life depends on", || read(None), &mut join);
    let trace = TokenTrace { day: NOW.day(), digests: vec![firman_proto::digest::Digest16([7; 16])] };
    compare(setting, "grant for a token", || read(Some(trace.clone())), &mut join);
    let weakened = TokenTrace { digests: vec![firman_proto::digest::Digest16([7; 16]); 3], ..trace };
    compare(setting, "grant for a weakened token", || read(Some(weakened.clone())), &mut join);
}

async fn timed_reads<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(read: impl Fn(usize) -> F) -> f64 {
    let (began, mut calls) = (Instant::now(), 0);
    let ran = running(began);
    while began.elapsed() < SLICE {
        for _ in 0..16 {
            std::hint::black_box(read(calls).await.unwrap());
            calls += 1;
        }
    }
    calls as f64 / running(began).saturating_sub(ran).as_secs_f64()
}

fn by_hand(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.pragma_update(None, "synchronous", "FULL").unwrap();
    conn.busy_timeout(Duration::from_secs(5)).unwrap();
    conn
}

fn rotations(setting: &Setting, store: &Arc<SqlStore>, ids: &Arc<Vec<RecordId>>, many: &tokio::runtime::Runtime) {
    let conn = by_hand(&setting.path);
    let mut update = conn
        .prepare(
            "UPDATE grants SET earlier_salt = before_salt, earlier_since = before_since, before_salt = refresh_salt,
             before_since = rotated_at, generation = generation + 0, refresh_salt = ?, rotated_at = ?, retry_closed = 0,
             seal_key = 2, access_serial = ?, access_expires_at = ?, commit_id = ?
             WHERE id = ? AND generation >= 0 AND revoked_at IS NULL AND expires_at > 0",
        )
        .unwrap();
    let mut next = 0;
    let mut raw = |together: usize| {
        let batches = rate(|_| {
            conn.execute_batch("BEGIN IMMEDIATE").unwrap();
            for _ in 0..together {
                next += 1;
                let id = ids[next % ids.len()];
                let (key, now) = (id.as_bytes().as_slice(), NOW.millis());
                assert_eq!(update.execute((key, now, now, now, key, key)).unwrap(), 1);
            }
            conn.execute_batch("COMMIT").unwrap();
        });
        batches * together as f64
    };
    for in_flight in [1, IN_FLIGHT, 512] {
        let mut latencies = Vec::new();
        let ours = || {
            let slice = many.block_on(rotate_all(store, ids, in_flight));
            let rate = slice.len() as f64 / SLICE.as_secs_f64();
            latencies.extend(slice);
            rate
        };
        compare(setting, &format!("rotation, {in_flight} in flight"), ours, || raw(in_flight));
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        let pages = many.block_on(store.stats()).unwrap().pending_pages;
        println!("    p50 {:.2} ms, p99 {:.2} ms, longest {:.1} ms; {pages} pages in the log", at(50), at(99), at(100));
    }
}

/// Reads and rotates grants from many tasks for a slice; gives how long each commit took.
async fn rotate_all(store: &Arc<SqlStore>, ids: &Arc<Vec<RecordId>>, tasks: usize) -> Vec<Duration> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let end = Instant::now() + SLICE;
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (store, ids) = (Arc::clone(store), Arc::clone(ids));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < end {
                    let place = NEXT.fetch_add(1, Ordering::Relaxed);
                    let grant = store.grant(ids[place % ids.len()], None).await.unwrap().unwrap().record;
                    let generation = grant.refresh.as_ref().unwrap().generation;
                    let rotation = fixtures::rotation(&grant, generation, NOW);
                    let began = Instant::now();
                    let change = Change::Rotate(Box::new(rotation));
                    let outcome = store.commit(fixtures::transaction(vec![change])).await.unwrap();
                    latencies.push(began.elapsed());
                    assert_eq!(outcome, Commit::Done);
                }
                latencies
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

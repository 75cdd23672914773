//! What goes wrong, made to go wrong.

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use firman_store::conformance::fixtures::*;
use firman_store::record::FlowState;
use firman_store::{Change, Commit, CommitError, Store};
use tokio::task::JoinHandle;

use super::*;
use crate::statements::Statement;
use crate::store::SqlStore;

fn store() -> (Arc<SqlStore>, Arc<Sqlite>) {
    opened(&Options { lock_wait: Duration::ZERO, ..Options::new("sqlite::memory:") })
}

fn opened(options: &Options) -> (Arc<SqlStore>, Arc<Sqlite>) {
    let sqlite = Arc::new(open::open(options).unwrap());
    (Arc::new(SqlStore { driver: Box::new(Arc::clone(&sqlite)) }), sqlite)
}

#[async_trait]
impl Driver for Arc<Sqlite> {
    async fn snapshot(&self) -> Result<Box<dyn crate::driver::View>, StoreError> {
        (**self).snapshot().await
    }

    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), StoreError> {
        self.as_ref().read(queries, each).await
    }

    async fn write(&self, plan: Plan) -> Result<Written, CommitError> {
        self.as_ref().write(plan).await
    }

    fn pending_pages(&self) -> u64 {
        self.as_ref().pending_pages()
    }

    async fn close(&self) {
        self.as_ref().close().await;
    }
}

type Outcome = JoinHandle<Result<Commit, CommitError>>;

fn begin(store: &Arc<SqlStore>, changes: Vec<Change>) -> Outcome {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.commit(transaction(changes)).await })
}

/// Holds the writer until the sender is dropped, so that what is committed meanwhile travels together.
async fn hold(sqlite: &Sqlite) -> Sender<()> {
    let (release, held) = channel();
    let (holds, holding) = tokio::sync::oneshot::channel();
    let job = move |_: &rusqlite::Connection| {
        holds.send(()).unwrap();
        held.recv().unwrap_or_default();
    };
    sqlite.writer.run(job).await;
    holding.await.unwrap();
    release
}

/// Commits these in one batch, in this order.
async fn together(store: &Arc<SqlStore>, sqlite: &Sqlite, all: Vec<Vec<Change>>) -> Vec<Result<Commit, CommitError>> {
    let held = hold(sqlite).await;
    let mut outcomes = Vec::new();
    for changes in all {
        let waiting = sqlite.writer.waiting();
        outcomes.push(begin(store, changes));
        while sqlite.writer.waiting() == waiting {
            tokio::task::yield_now().await;
        }
    }
    drop(held);
    let mut done = Vec::new();
    for outcome in outcomes {
        done.push(outcome.await.unwrap());
    }
    done
}

/// Lets the file grow by no page more.
async fn fill_up(sqlite: &Sqlite) {
    sqlite
        .writer
        .run(|conn| {
            let pages: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
            conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        })
        .await;
}

async fn make_room(sqlite: &Sqlite) {
    let lift = |conn: &rusqlite::Connection| {
        conn.pragma_update_and_check(None, "max_page_count", i64::from(u32::MAX) - 1, |_| Ok(())).unwrap();
    };
    sqlite.writer.run(lift).await;
}

/// A commit that needs more room than there is left in any page.
fn large() -> Vec<Change> {
    let mut account = account();
    account.claims.insert("large".to_owned(), "x".repeat(100_000).into());
    vec![insert_grant(&grant()), insert_account(&account)]
}

fn is_full(outcome: &Result<Commit, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::NotApplied(fault)) if fault.temporary && fault.cause.contains("full"))
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_half_written_and_passes() {
    let (store, sqlite) = store();
    let before = store.stats().await.unwrap();
    fill_up(&sqlite).await;
    let outcome = store.commit(transaction(large())).await;
    assert!(is_full(&outcome), "{outcome:?}");
    assert_eq!((store.stats().await.unwrap().grants, store.stats().await.unwrap().accounts), (0, before.accounts));
    make_room(&sqlite).await;
    assert_eq!(store.commit(transaction(large())).await.unwrap(), Commit::Done);
    assert_eq!((store.stats().await.unwrap().grants, store.stats().await.unwrap().accounts), (1, 1));
}

#[tokio::test]
async fn a_full_disk_fails_only_who_needs_room() {
    let (store, sqlite) = store();
    let grant = grant();
    store.commit(transaction(vec![insert_grant(&grant)])).await.unwrap();
    fill_up(&sqlite).await;
    let rotate = |from| vec![Change::Rotate(Box::new(rotation(&grant, from, NOW)))];
    let outcomes = together(&store, &sqlite, vec![rotate(0), large(), rotate(1), rotate(0)]).await;
    assert!(matches!(outcomes[0], Ok(Commit::Done)));
    assert!(is_full(&outcomes[1]), "{:?}", outcomes[1]);
    assert!(matches!(outcomes[2], Ok(Commit::Done)));
    assert!(matches!(outcomes[3], Ok(Commit::Conflict(0))));
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.grants, stats.accounts), (1, 0));
}

#[tokio::test]
async fn a_late_loser_without_a_savepoint_takes_nobody_with_it() {
    let (store, sqlite) = store();
    let (flow, own, other) = (flow(), grant(), grant());
    // Somebody made the grant that this flow should become: its claim succeeds, and then it loses.
    let taken = firman_store::record::Grant { id: flow.id, ..grant() };
    store.commit(transaction(vec![insert_flow(&flow), insert_grant(&taken)])).await.unwrap();
    let claim = vec![claim(&flow, NOW), insert_grant(&taken)];
    let all = vec![vec![insert_grant(&own)], claim, vec![insert_grant(&other)], vec![insert_grant(&own)]];
    let outcomes: Vec<_> = together(&store, &sqlite, all).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes, [Commit::Done, Commit::Conflict(1), Commit::Done, Commit::Conflict(0)]);
    assert_eq!(store.flow(flow.id).await.unwrap().unwrap().record.state, FlowState::Ready);
    assert!(store.grant(other.id, None).await.unwrap().is_some());
}

#[tokio::test]
async fn a_late_loser_with_a_savepoint_takes_nobody_with_it() {
    let (store, sqlite) = store();
    let (one, two, there) = (grant(), grant(), grant());
    let all = vec![
        vec![insert_grant(&there)],
        vec![insert_grant(&one), insert_grant(&there)],
        vec![insert_grant(&two), insert_grant(&one)],
    ];
    let outcomes: Vec<_> = together(&store, &sqlite, all).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes, [Commit::Done, Commit::Conflict(1), Commit::Done]);
    assert_eq!(store.stats().await.unwrap().grants, 3);
}

#[tokio::test]
async fn a_locked_database_is_busy_for_everybody_and_passes() {
    let (store, sqlite) = store();
    let path = sqlite.folder.as_ref().unwrap().path().join("memory.db");
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for outcome in together(&store, &sqlite, vec![vec![insert_grant(&grant())], vec![insert_grant(&grant())]]).await {
        assert!(matches!(outcome, Err(CommitError::NotApplied(fault)) if fault.temporary));
    }
    let alone = store.commit(transaction(vec![insert_grant(&grant())])).await;
    assert!(matches!(alone, Err(CommitError::NotApplied(fault)) if fault.temporary));
    // Readers do not care.
    assert_eq!(store.stats().await.unwrap().grants, 0);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(store.commit(transaction(vec![insert_grant(&grant())])).await.unwrap(), Commit::Done);
}

#[tokio::test]
async fn a_failed_writer_is_an_error_and_not_a_wait() {
    let (store, sqlite) = store();
    let held = hold(&sqlite).await;
    sqlite.writer.run(|_| panic!("as the test wants it")).await;
    let under_way = begin(&store, vec![insert_grant(&grant())]);
    drop(held);
    // What the writer was told but did not answer may have happened; what it was not told has not.
    under_way.await.unwrap().unwrap_err();
    let later = store.commit(transaction(vec![insert_grant(&grant())])).await;
    assert!(matches!(later, Err(CommitError::NotApplied(fault)) if !fault.temporary));
    assert_eq!(store.stats().await.unwrap().grants, 0);
    store.close().await;
}

#[tokio::test]
async fn closing_finishes_what_was_begun_and_ends() {
    let (store, sqlite) = store();
    let held = hold(&sqlite).await;
    let under_way = begin(&store, vec![insert_grant(&grant())]);
    while sqlite.writer.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let closing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.close().await }
    });
    drop(held);
    assert_eq!(under_way.await.unwrap().unwrap(), Commit::Done);
    closing.await.unwrap();
    let later = store.commit(transaction(vec![insert_grant(&grant())])).await;
    assert!(matches!(later, Err(CommitError::NotApplied(fault)) if fault.cause.contains("closed")));
    assert!(store.check().await.unwrap_err().cause.contains("closed"));
    assert_eq!(sqlite.pending_pages(), 0);
    store.close().await;
}

#[tokio::test]
async fn more_readers_than_connections_wait_their_turn() {
    let (store, sqlite) = opened(&Options { readers: 1, ..Options::new("sqlite::memory:") });
    let reader = sqlite.pool.take().await.unwrap();
    let waiting = tokio::spawn(async move { store.check().await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(reader);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn text_with_nul_is_refused() {
    let (store, _) = store();
    let mut account = account();
    account.username.push('\0');
    let outcome = store.commit(transaction(vec![insert_account(&account)])).await;
    assert!(matches!(outcome, Err(CommitError::NotApplied(fault)) if fault.cause.contains("NUL")));
}

#[tokio::test]
async fn no_statement_walks_through_a_table_that_grows() {
    // Of keys, resources, versions and days there are a handful; to count is to walk.
    use Statement::{Check, CountRows, EndedSealKeys, EndedSigningKeys, EventsAbout, SealKeys, SigningKeys};
    use Statement::{OverdueSealKeys, OverdueSigningKeys, ResourceSearch, Serve};
    let mut walks = vec![Check, CountRows, EndedSealKeys, EndedSigningKeys, EventsAbout, SealKeys, SigningKeys];
    walks.extend([OverdueSealKeys, OverdueSigningKeys, ResourceSearch, Serve]);
    let (_store, sqlite) = store();
    let path = sqlite.folder.as_ref().unwrap().path().join("memory.db");
    let conn = rusqlite::Connection::open(path).unwrap();
    for statement in Statement::ALL {
        let mut explained = conn.prepare(&format!("EXPLAIN QUERY PLAN {}", sqlite.texts.of(*statement))).unwrap();
        let mut rows = explained.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            // What was found through an index, to a limit, is counted: "ended".
            let walked = step.strip_prefix("SCAN ").filter(|what| *what != "CONSTANT ROW" && *what != "ended");
            let known = walked.is_none_or(|what| {
                walks.contains(statement)
                    && (*statement != EventsAbout || what == "days")
                    && (*statement != Serve || what == "v")
            });
            assert!(known, "{statement:?}: {step}");
        }
    }
}

#[tokio::test]
async fn pages_of_what_grows_are_read_in_the_order_of_an_index() {
    use Statement::{AccountSearch, ClientSearch, DueDeliveries, EventPage, FlowsOfDay, GrantsOfSubject, LatestEvents};
    use Statement::{ClientsOf, HeldTokens, LatestDeliveries, SessionsOf};
    let (_store, sqlite) = store();
    let path = sqlite.folder.as_ref().unwrap().path().join("memory.db");
    let conn = rusqlite::Connection::open(path).unwrap();
    for (statement, index) in [
        (AccountSearch, "accounts_search"),
        (ClientSearch, "clients_search"),
        (DueDeliveries, "deliveries_due"),
        (EventPage, "events_order"),
        (FlowsOfDay, "PRIMARY KEY"),
        (GrantsOfSubject, "grants_subject"),
        (HeldTokens, "held_tokens_holder"),
        (LatestEvents, "events_order"),
        (LatestDeliveries, "PRIMARY KEY"),
        (ClientsOf, "clients_owner"),
        (SessionsOf, "sessions_subject"),
    ] {
        let mut explained = conn.prepare(&format!("EXPLAIN QUERY PLAN {}", sqlite.texts.of(statement))).unwrap();
        let mut rows = explained.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get::<_, String>(3).unwrap());
        }
        assert!(steps.len() == 1 && steps[0].contains(index), "{statement:?}: {steps:?}");
    }
}

#[test]
fn a_reader_maps_a_file_that_is_larger_than_two_gibibytes() {
    let (_store, sqlite) = store();
    let reader = open::reader(&sqlite.path).unwrap();
    let mapped: i64 = reader.pragma_query_value(None, "mmap_size", |row| row.get(0)).unwrap();
    assert_eq!(mapped, open::MAPPED);
}

//! MariaDB: how a database is opened, what is refused, and what goes wrong while it is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod engines;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engines::history;
use firman_proto::time::{Lifetime, Timestamp};
use firman_sql::{OpenError, Options, SqlStore};
use firman_store::conformance::fixtures::*;
use firman_store::record::{Flow, FlowState};
use firman_store::{Change, Commit, CommitError, Cutoffs, Store, Swept};
use firman_test_servers::{Mariadb, Place, engine};

fn made(url: &str) -> Options {
    Options { migrate: true, ..Options::new(url) }
}

async fn refused(options: Options) -> OpenError {
    SqlStore::open(options).await.err().unwrap()
}

/// The name of the database in an address.
fn database(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

#[tokio::test]
async fn a_database_is_migrated_when_asked_and_not_before() {
    let Some(server) = Mariadb::shared() else { return };
    let options = Options::new(server.fresh());
    let error = refused(options.clone()).await;
    assert!(matches!(error, OpenError::Behind { found: 0, .. }), "{error}");
    let before = SqlStore::migrations(&options).await.unwrap();
    assert!(before.applied.is_empty() && before.pending.iter().any(|text| text.contains("PARTITION BY RANGE")));
    let after = SqlStore::migrate(&options).await.unwrap();
    assert_eq!((after.applied.last().unwrap().version, after.pending.len()), (after.known, 0));
    assert_eq!(SqlStore::migrate(&options).await.unwrap(), after);
    let store = SqlStore::open(options).await.unwrap();
    store.check().await.unwrap();
    store.close().await;
    store.check().await.unwrap_err();
}

#[tokio::test]
async fn the_plan_is_what_a_person_could_run() {
    let Some(server) = Mariadb::shared() else { return };
    let options = Options { names: engines::hostile_names(), ..Options::new(server.fresh()) };
    let plan = SqlStore::migrations(&options).await.unwrap().pending.join(";\n");
    server.sql(&format!("USE {}; {plan}", database(&options.url)));
    SqlStore::open(options).await.unwrap();
}

#[tokio::test]
async fn a_migration_that_was_interrupted_goes_on() {
    let Some(server) = Mariadb::shared() else { return };
    let options = Options::new(server.fresh());
    let plan = SqlStore::migrations(&options).await.unwrap().pending;
    // Every statement that changes the schema commits by itself: after any of them the rest may be missing.
    for done in [1, 2, plan.len() / 2, plan.len() - 1] {
        let options = Options::new(server.fresh());
        server.sql(&format!("USE {}; {}", database(&options.url), plan[..done].join(";\n")));
        let there = SqlStore::migrate(&options).await.unwrap();
        assert_eq!(
            (there.applied.len().cast_signed() as i64, there.pending.len()),
            (there.known, 0),
            "after {done} statements"
        );
        SqlStore::open(options).await.unwrap();
    }
}

#[tokio::test]
async fn nodes_that_migrate_at_once_do_it_once() {
    let Some(server) = Mariadb::shared() else { return };
    let options = made(&server.fresh());
    let (one, two, three) =
        tokio::join!(SqlStore::open(options.clone()), SqlStore::open(options.clone()), SqlStore::migrate(&options));
    one.unwrap();
    two.unwrap();
    let there = three.unwrap();
    assert_eq!((there.applied.len().cast_signed() as i64, there.pending.len()), (there.known, 0));
}

#[tokio::test]
async fn what_is_not_ours_or_newer_is_refused_and_left_alone() {
    let Some(server) = Mariadb::shared() else { return };
    let options = made(&server.fresh());
    server.sql(&format!("CREATE TABLE {}.clients (name TEXT)", database(&options.url)));
    let error = refused(options.clone()).await;
    assert!(matches!(error, OpenError::ForeignTable { .. }), "{error}");
    assert_eq!(server.sql(&format!("SHOW TABLES IN {}", database(&options.url))), "clients");

    let options = made(&server.fresh());
    SqlStore::migrate(&options).await.unwrap();
    server.sql(&format!("INSERT INTO {}.firman_schema VALUES (99, 'later')", database(&options.url)));
    let error = refused(options).await;
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn names_that_have_changed_and_tables_that_are_gone_are_refused() {
    let Some(server) = Mariadb::shared() else { return };
    let options = made(&server.fresh());
    SqlStore::migrate(&options).await.unwrap();
    // Upper and lower case tell tables apart.
    for (key, name) in [("grants", "Grants"), ("events.body", "other"), ("deployment.slot", "other")] {
        let names = BTreeMap::from([(key.to_owned(), name.to_owned())]);
        let error = refused(Options { names, ..options.clone() }).await;
        assert!(matches!(error, OpenError::Names { .. }) && error.to_string().contains(name), "{key}: {error}");
    }
    let store = SqlStore::open(options.clone()).await.unwrap();
    server.sql(&format!("DROP TABLE {}.grants", database(&options.url)));
    let error = refused(options).await;
    assert!(matches!(error, OpenError::Names { .. }) && error.to_string().contains("grants"), "{error}");
    match store.commit(transaction(vec![insert_grant(&grant())])).await {
        Err(CommitError::NotApplied(fault)) => {
            assert!(fault.cause.contains("grants") && fault.cause.contains("bring it back"), "{fault}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_refused_soon() {
    let Some(_) = Mariadb::shared() else { return };
    let error = refused(Options::new(format!("mysql://me:secret@127.0.0.1:{}/db", Place::free_port()))).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("is the database running") && !error.to_string().contains("secret"), "{error}");
    // One that takes the connection and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = refused(Options::new(format!("mysql://me:secret@{}/db", mute.local_addr().unwrap()))).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_why() {
    let Some(server) = Mariadb::shared() else { return };
    let url = server.fresh();
    let name = database(&url);
    server.sql(&format!("CREATE USER {name}_a@'127.0.0.1' IDENTIFIED BY 'right'; CREATE USER {name}_b@'127.0.0.1'"));
    server.sql(&format!("GRANT SELECT ON {name}.* TO {name}_b@'127.0.0.1'"));
    SqlStore::migrate(&Options::new(&url)).await.unwrap();
    let at = format!("127.0.0.1:{}", server.port());
    for (who, place, says) in [
        (format!("{name}_a:wrong"), name, "Access denied"),
        ("nobody".to_owned(), name, "Access denied"),
        ("root".to_owned(), "nowhere", "Unknown database"),
        (format!("{name}_b"), name, "command denied"),
    ] {
        let error = refused(Options::new(format!("mysql://{who}@{at}/{place}"))).await;
        assert!(matches!(error, OpenError::Denied { .. }), "{who}: {error}");
        assert!(error.to_string().contains(says) && !error.to_string().contains("wrong"), "{who}: {error}");
    }
    server.sql(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {name}_a@'127.0.0.1'"));
    let options = Options::new(format!("mysql://{name}_a:right@{at}/{name}"));
    assert!(!format!("{options:?}").contains("right"));
    let store = SqlStore::open(options).await.unwrap();
    assert_eq!(store.commit(transaction(vec![insert_grant(&grant())])).await.unwrap(), Commit::Done);
    // It may not make or drop partitions, and does its work all the same.
    for _ in 0..2 {
        assert_eq!(store.sweep(Cutoffs::all(NOW), 100).await.unwrap().total(), 0);
    }
}

#[tokio::test]
async fn a_wrong_certificate_is_refused() {
    let (Some(openssl), Some(_)) = (engine("FIRMAN_TEST_OPENSSL"), engine("FIRMAN_TEST_MARIADB")) else { return };
    let certificates = Place::new("mysql");
    for (name, alternative) in [("right", "IP:127.0.0.1"), ("named", "DNS:other.example")] {
        let alternative = format!("subjectAltName={alternative}");
        let mut command = certificates.command(&openssl);
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args([
            "-addext",
            "basicConstraints=CA:FALSE",
            "-addext",
            &alternative,
            "-days",
            "2",
            "-subj",
            "/CN=test",
        ]);
        certificates.run(command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]));
    }
    let file = |name: &str| certificates.folder().join(name).display().to_string();
    let settings = format!("ssl_cert={}\nssl_key={}", file("right.pem"), file("right.key"));
    let Some(server) = Mariadb::start(&[&settings]) else { return };
    let plain = server.fresh();
    SqlStore::migrate(&Options::new(&plain)).await.unwrap();
    server.sql("CREATE USER safe@'127.0.0.1' REQUIRE SSL; GRANT ALL ON *.* TO safe@'127.0.0.1'");
    let url = |mode: &str, root: &str| {
        let at = format!("mysql://safe@127.0.0.1:{}/{}", server.port(), database(&plain));
        Options::new(format!("{at}?ssl-mode={mode}&ssl-ca={}", file(root)))
    };
    // Whoever comes without is not let in: so those who are let in came with it.
    let error = refused(url("disabled", "right.pem")).await;
    assert!(matches!(error, OpenError::Denied { .. }), "{error}");
    let store = SqlStore::open(url("verify-identity", "right.pem")).await.unwrap();
    assert_eq!(store.commit(transaction(vec![insert_grant(&grant())])).await.unwrap(), Commit::Done);
    // Signed by somebody else.
    let error = refused(url("verify-identity", "named.pem")).await;
    assert!(matches!(error, OpenError::Denied { .. }) && error.to_string().contains("certificate"), "{error}");
    // Signed by whom we trust, for another host.
    for end in ["pem", "key"] {
        certificates.run(certificates.command("cp").args([format!("named.{end}"), format!("right.{end}")]));
    }
    server.sql("FLUSH SSL");
    let error = refused(url("verify-identity", "named.pem")).await;
    assert!(matches!(error, OpenError::Denied { .. }) && error.to_string().contains("not valid for"), "{error}");
}

#[tokio::test]
async fn days_are_made_ahead_and_dropped_whole() {
    let Some(server) = Mariadb::shared() else { return };
    let url = server.fresh();
    let store: Arc<dyn Store> = SqlStore::open(made(&url)).await.unwrap();
    let parts = || {
        let of_flows = format!("table_schema = '{}' AND table_name = 'flows'", database(&url));
        server
            .sql(&format!("SELECT COUNT(*) FROM information_schema.partitions WHERE {of_flows}"))
            .parse::<u32>()
            .unwrap()
    };
    let rows = |part: &str| server.sql(&format!("SELECT COUNT(*) FROM {}.flows PARTITION ({part})", database(&url)));
    assert_eq!(parts(), 1);
    assert_eq!(sweep(&store, days(-1)).await.total(), 0);
    let there = parts();
    assert!(there > 7, "{there}");
    // The last one outlives its day.
    let long = flow_at(days(2), 9);
    done(&store, (0..5).map(|_| insert_flow(&flow_at(NOW, 0))).collect()).await;
    done(&store, vec![insert_flow(&long), insert_flow(&flow_at(days(2), 0)), insert_flow(&flow_at(days(90), 0))]).await;
    done(&store, vec![Change::Append(Box::new(event(id())))]).await;
    let day = |at: Timestamp| format!("flows_d{}", at.day().number());
    assert_eq!([rows(&day(NOW)), rows(&day(days(2))), rows("rest")], ["5", "2", "1"]);
    assert_eq!(sweep(&store, days(1)).await, Swept { flows: 5, events: 1, ..Swept::default() });
    // Two days over, two made.
    assert_eq!((rows(&day(days(2))), parts()), ("2".to_owned(), there));
    // A day with something live in it stays, and what has ended in it leaves row by row.
    assert_eq!(sweep(&store, days(5)).await.flows, 1);
    assert_eq!(store.flow(long.id).await.unwrap().unwrap().record.state, FlowState::Ready);
    assert_eq!([rows(&day(days(2))), rows("rest")], ["1", "1"]);
    // So does what lies with the rest.
    assert_eq!(sweep(&store, days(99)).await.flows, 2);
    assert_eq!(rows("rest"), "0");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_connections_are_cut() {
    let Some(server) = Mariadb::shared() else { return };
    let url = server.fresh();
    let stores = two(&url).await;
    let list = format!("SELECT id FROM information_schema.processlist WHERE db = '{}'", database(&url));
    let trouble = async {
        let mut ended = 0;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let found = server.sql(&list);
            // One that ended meanwhile is an error, which does not matter.
            let kills: Vec<_> = found.lines().map(|id| format!("KILL CONNECTION {id};")).collect();
            ended += kills.len();
            for kill in kills {
                drop(server.try_sql(&kill));
            }
        }
        assert!(ended > 40, "only {ended} connections were cut");
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let history = history::during(&stores, trouble).await;
    assert!(history.errors > 0 && history.acknowledged() > 100, "{} {}", history.errors, history.acknowledged());
    history.check(&stores[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let Some(server) = Mariadb::start(&[]) else { return };
    let stores = two(&server.fresh()).await;
    let trouble = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            tokio::task::block_in_place(|| server.kill());
            let fault = stores[0].check().await.unwrap_err();
            assert!(fault.temporary, "{fault}");
            tokio::task::block_in_place(|| server.run());
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    };
    let history = history::during(&stores, trouble).await;
    assert!(history.errors > 0 && history.acknowledged() > 100, "{} {}", history.errors, history.acknowledged());
    history.check(&stores[0]).await;
}

/// Two nodes of one database.
async fn two(url: &str) -> [Arc<dyn Store>; 2] {
    let one = SqlStore::open(made(url)).await.unwrap();
    [one, SqlStore::open(made(url)).await.unwrap()]
}

#[tokio::test]
async fn of_rotations_that_travel_as_one_statement_each_wins_or_loses_on_its_own() {
    let Some(server) = Mariadb::shared() else { return };
    let store = SqlStore::open(made(&server.fresh())).await.unwrap();
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let grants: Vec<_> = (0..300).map(|_| grant()).collect();
    done(&shared, grants.iter().map(insert_grant).collect()).await;
    for lost in grants.iter().step_by(7) {
        done(&shared, vec![Change::Rotate(Box::new(rotation(lost, 0, NOW)))]).await;
    }
    let rotate = |grant, from| commit(&shared, vec![Change::Rotate(Box::new(rotation(grant, from, NOW)))]);
    let outcomes = futures_util::future::join_all(grants.iter().map(|grant| rotate(grant, 0))).await;
    for (place, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome, if place % 7 == 0 { Commit::Conflict(0) } else { Commit::Done });
    }
    let outcomes = futures_util::future::join_all(grants.iter().map(|grant| rotate(grant, 1))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Commit::Done));
    for grant in &grants {
        let kept = shared.grant(grant.id, None).await.unwrap().unwrap().record.refresh.unwrap();
        // Each step moved to the place of the one before it.
        assert_eq!((kept.generation, kept.earlier), (2, grant.refresh.clone().map(|before| before.current)));
        assert_eq!(kept.before.map(|step| step.since), Some(NOW));
    }
    store.close().await;
}

#[test]
fn a_runtime_that_ends_while_commits_wait_ends() {
    let Some(server) = Mariadb::shared() else { return };
    for _ in 0..20 {
        let url = server.fresh();
        let (ended, has_ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let store: Arc<dyn Store> = runtime.block_on(SqlStore::open(made(&url))).unwrap();
            for _ in 0..24 {
                let store = Arc::clone(&store);
                runtime.spawn(async move {
                    loop {
                        done(&store, vec![insert_grant(&grant())]).await;
                    }
                });
            }
            runtime.block_on(async { done(&store, vec![insert_grant(&grant())]).await });
            drop(runtime);
            ended.send(()).unwrap();
        });
        has_ended.recv_timeout(Duration::from_secs(30)).unwrap();
    }
}

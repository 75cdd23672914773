//! PostgreSQL: how a database is opened, what is refused, and what goes wrong while it is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod engines;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engines::history;
use firman_sql::{OpenError, Options, SqlStore};
use firman_store::conformance::fixtures::*;
use firman_store::{Commit, CommitError, Cutoffs, Store};
use firman_test_servers::{Postgres, PostgresOptions};

fn made(url: &str) -> Options {
    Options { migrate: true, ..Options::new(url) }
}

async fn refused(options: Options) -> OpenError {
    SqlStore::open(options).await.err().unwrap()
}

/// The name of the schema in an address of [`Postgres::fresh`].
fn schema(url: &str) -> &str {
    url.rsplit_once("%3D").unwrap().1
}

#[tokio::test]
async fn a_database_is_migrated_when_asked_and_not_before() {
    let Some(server) = Postgres::shared() else { return };
    let options = Options::new(server.fresh());
    let error = refused(options.clone()).await;
    assert!(matches!(error, OpenError::Behind { found: 0, .. }), "{error}");
    assert!(error.to_string().contains("firman migrate up"), "{error}");
    let before = SqlStore::migrations(&options).await.unwrap();
    assert!(before.applied.is_empty() && before.pending.iter().any(|text| text.contains("PARTITION BY RANGE")));
    let after = SqlStore::migrate(&options).await.unwrap();
    assert_eq!((after.applied.last().unwrap().version, after.pending.len()), (after.known, 0));
    assert_eq!(SqlStore::migrate(&options).await.unwrap(), after);
    let store = SqlStore::open(options).await.unwrap();
    store.check().await.unwrap();
    store.close().await;
    assert!(matches!(
        store.commit(transaction(vec![insert_grant(&grant())])).await,
        Err(CommitError::NotApplied(fault)) if !fault.temporary
    ));
    store.check().await.unwrap_err();
}

#[tokio::test]
async fn the_plan_is_what_a_person_could_run() {
    let Some(server) = Postgres::shared() else { return };
    let options = Options { names: engines::hostile_names(), ..Options::new(server.fresh()) };
    let plan = SqlStore::migrations(&options).await.unwrap().pending.join(";\n");
    server.sql(&format!("SET search_path = {}; {plan}", schema(&options.url)));
    SqlStore::open(options).await.unwrap();
}

#[tokio::test]
async fn nodes_that_migrate_at_once_do_it_once() {
    let Some(server) = Postgres::shared() else { return };
    let options = made(&server.fresh());
    let (one, two, three) =
        tokio::join!(SqlStore::open(options.clone()), SqlStore::open(options.clone()), SqlStore::migrate(&options));
    one.unwrap();
    two.unwrap();
    let there = three.unwrap();
    assert_eq!((there.applied.len().cast_signed() as i64, there.pending.len()), (there.known, 0));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let Some(server) = Postgres::shared() else { return };
    let options = made(&server.fresh());
    SqlStore::migrate(&options).await.unwrap();
    server.sql(&format!("INSERT INTO {}.firman_schema VALUES (99, 'later')", schema(&options.url)));
    for options in [options.clone(), Options { migrate: false, ..options }] {
        let error = refused(options).await;
        assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    }
}

#[tokio::test]
async fn tables_of_another_program_are_refused_and_left_alone() {
    let Some(server) = Postgres::shared() else { return };
    let options = made(&server.fresh());
    server.sql(&format!("CREATE TABLE {}.clients (name TEXT)", schema(&options.url)));
    let error = refused(options.clone()).await;
    assert!(matches!(error, OpenError::ForeignTable { .. }), "{error}");
    let count = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema";
    assert_eq!(server.sql(&format!("{count} = '{}'", schema(&options.url))), "1");
}

#[tokio::test]
async fn names_that_have_changed_and_tables_that_are_gone_are_refused() {
    let Some(server) = Postgres::shared() else { return };
    let options = made(&server.fresh());
    SqlStore::migrate(&options).await.unwrap();
    for key in ["grants", "events.body", "deployment.slot"] {
        let names = BTreeMap::from([(key.to_owned(), "other".to_owned())]);
        let error = refused(Options { names, ..options.clone() }).await;
        assert!(matches!(error, OpenError::Names { .. }) && error.to_string().contains("other"), "{key}: {error}");
    }
    server.sql(&format!("DROP TABLE {}.names", schema(&options.url)));
    let error = refused(options).await;
    assert!(matches!(error, OpenError::Names { .. }) && error.to_string().contains("names"), "{error}");
}

#[tokio::test]
async fn a_table_that_goes_away_is_a_fault_until_it_is_back() {
    let Some(server) = Postgres::shared() else { return };
    let options = made(&server.fresh());
    let store = SqlStore::open(options.clone()).await.unwrap();
    server.sql(&format!("ALTER TABLE {}.grants RENAME TO gone", schema(&options.url)));
    match store.commit(transaction(vec![insert_grant(&grant())])).await {
        Err(CommitError::NotApplied(fault)) => {
            assert!(fault.cause.contains("grants") && fault.cause.contains("bring it back"), "{fault}");
        }
        other => panic!("{other:?}"),
    }
    assert!(store.grant(id(), None).await.unwrap_err().temporary);
    assert!(store.check().await.unwrap_err().cause.contains("grants"));
    server.sql(&format!("ALTER TABLE {0}.gone RENAME TO grants", schema(&options.url)));
    store.check().await.unwrap();
    done(&(store as Arc<dyn Store>), vec![insert_grant(&grant())]).await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_refused_soon() {
    let Some(_) = Postgres::shared() else { return };
    let port = firman_test_servers::Place::free_port();
    let error = refused(Options::new(format!("postgres://me:secret@127.0.0.1:{port}/db"))).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("is the database running") && !error.to_string().contains("secret"), "{error}");
    // One that takes the connection and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let options = Options {
        lock_wait: Duration::from_millis(300),
        ..Options::new(format!("postgres://me:secret@{}/db", mute.local_addr().unwrap()))
    };
    let error = refused(options).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_why() {
    let access = ["host all secretive 127.0.0.1/32 scram-sha-256".to_owned()].to_vec();
    let Some(server) = Postgres::start(PostgresOptions { access, ..PostgresOptions::default() }) else { return };
    server.sql("CREATE ROLE secretive LOGIN PASSWORD 'right'");
    server.sql("CREATE ROLE powerless LOGIN");
    let at = format!("127.0.0.1:{}", server.port());
    SqlStore::migrate(&Options::new(server.url())).await.unwrap();
    for (who, database, says) in [
        ("secretive:wrong", "postgres", "password authentication failed"),
        ("nobody", "postgres", "does not exist"),
        ("postgres", "nowhere", "does not exist"),
        ("powerless", "postgres", "permission denied"),
    ] {
        let error = refused(Options::new(format!("postgres://{who}@{at}/{database}"))).await;
        assert!(matches!(error, OpenError::Denied { .. }), "{who}: {error}");
        let text = error.to_string();
        assert!(text.contains(says) && !text.contains("wrong"), "{who}: {text}");
    }
    server.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO secretive");
    let options = Options::new(format!("postgres://secretive:right@{at}/postgres"));
    assert!(!format!("{options:?}").contains("right"));
    let store = SqlStore::open(options).await.unwrap();
    let grant = grant();
    assert_eq!(store.commit(transaction(vec![insert_grant(&grant)])).await.unwrap(), Commit::Done);
    // It may not make or drop partitions, and does its work all the same.
    let sweep = || store.sweep(Cutoffs::all(NOW), 100);
    assert_eq!(sweep().await.unwrap().total(), 0);
    assert_eq!(sweep().await.unwrap().total(), 0);
}

#[tokio::test]
async fn a_wrong_certificate_is_refused() {
    let Some(openssl) = firman_test_servers::engine("FIRMAN_TEST_OPENSSL") else { return };
    let settings = ["ssl=on", "ssl_cert_file=../right.pem", "ssl_key_file=../right.key"].map(str::to_owned).to_vec();
    let make = |place: &firman_test_servers::Place| {
        for (name, alternative) in [("right", "IP:127.0.0.1"), ("named", "DNS:other.example")] {
            let mut command = place.command(&openssl);
            command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
            command.args([
                "-addext",
                "basicConstraints=CA:FALSE",
                "-days",
                "2",
                "-subj",
                "/CN=test",
                "-addext",
                &format!("subjectAltName={alternative}"),
            ]);
            command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
            place.run(&mut command);
            place.run(place.command("chmod").args(["600", &format!("{name}.key")]));
        }
    };
    let Some(server) = Postgres::start_prepared(PostgresOptions { settings, access: Vec::new() }, make) else { return };
    let url = |root: &str| {
        let root = server.place().folder().join(root);
        Options::new(format!("{}?sslmode=verify-full&sslrootcert={}", server.url(), root.display()))
    };
    SqlStore::migrate(&url("right.pem")).await.unwrap();
    let store = SqlStore::open(url("right.pem")).await.unwrap();
    assert_eq!(
        server.sql(
            "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                           WHERE application_name = 'firman'"
        ),
        "t"
    );
    store.check().await.unwrap();
    // Signed by somebody else.
    let error = refused(url("named.pem")).await;
    assert!(matches!(error, OpenError::Denied { .. }) && error.to_string().contains("certificate"), "{error}");
    // Signed by whom we trust, for another host.
    let folder = server.place().folder();
    for end in ["pem", "key"] {
        server.place().run(server.place().command("cp").args([format!("named.{end}"), format!("right.{end}")]));
    }
    server.sql("SELECT pg_reload_conf()");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(folder.join("right.pem").exists());
    let error = refused(url("named.pem")).await;
    assert!(matches!(error, OpenError::Denied { .. }) && error.to_string().contains("not valid for"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_connections_are_cut() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.fresh();
    let url = format!("{url}&application_name={}", schema(&url));
    let stores = two(&url).await;
    let cut = format!(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{}'",
        schema(&url).split('&').next().unwrap()
    );
    let trouble = async {
        let mut ended = 0;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            ended += server.sql(&cut).parse::<u32>().unwrap();
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
    let Some(server) = Postgres::start(PostgresOptions::default()) else { return };
    let stores = two(&server.url()).await;
    let trouble = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            tokio::task::block_in_place(|| server.kill());
            let store = &stores[0];
            let fault = store.check().await.unwrap_err();
            assert!(fault.temporary, "{fault}");
            tokio::task::block_in_place(|| server.run());
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
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

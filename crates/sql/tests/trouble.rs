//! Databases on the network that get into trouble while they are used: full, without a right, with another password, another server in
//! their place, a newer program beside us. Each fault says what to do, and when it is mended all goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;

use firman_sql::{OpenError, Options, SqlStore};
use firman_store::conformance::fixtures::*;
use firman_store::record::Grant;
use firman_store::{Commit, CommitError, Store, StoreError, settle};
use firman_test_servers::{Mariadb, Postgres, PostgresOptions};

async fn opened(url: impl Into<String>) -> Arc<SqlStore> {
    SqlStore::open(Options { migrate: true, ..Options::new(url) }).await.unwrap()
}

async fn try_insert(store: &SqlStore, grant: &Grant) -> Result<Commit, CommitError> {
    store.commit(transaction(vec![insert_grant(grant)])).await
}

/// Why a commit did not happen; it may be tried again.
async fn not_applied(store: &SqlStore, grant: &Grant) -> StoreError {
    match try_insert(store, grant).await {
        Err(CommitError::NotApplied(fault)) => {
            assert!(fault.temporary, "{fault}");
            fault
        }
        other => panic!("{other:?}"),
    }
}

/// Writes a grant that is not there, however often the connection has to be made anew before.
async fn insert(store: &SqlStore, grant: &Grant) {
    let mut doubt = false;
    loop {
        match settle(store, transaction(vec![insert_grant(grant)])).await {
            Ok(Commit::Done) => return,
            // One of those before, which nobody acknowledged.
            Ok(Commit::Conflict(0)) if doubt => return,
            Ok(other) => panic!("{other:?}"),
            Err(fault) => assert!(fault.temporary, "{fault}"),
        }
        doubt = true;
        tokio::task::yield_now().await;
    }
}

async fn is_there(store: &SqlStore, grant: &Grant) -> bool {
    loop {
        match store.grant(grant.id, None).await {
            Ok(found) => return found.is_some(),
            Err(fault) => assert!(fault.temporary, "{fault}"),
        }
        tokio::task::yield_now().await;
    }
}

/// The name of the database or schema in an address of `fresh`.
fn name(url: &str) -> &str {
    url.rsplit(['/', '=', 'D']).next().unwrap()
}

#[tokio::test]
async fn postgresql_with_a_full_disk_goes_on_when_there_is_room_again() {
    let Some(server) = Postgres::start(PostgresOptions::default()) else { return };
    let store = opened(server.url()).await;
    // Nothing can be written to this device, because it is always full. The table has no page yet, and nobody has it open.
    server.sql("TRUNCATE grants");
    let file = server.place().folder().join("data").join(server.sql("SELECT pg_relation_filepath('grants')"));
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let grant = grant();
    let fault = not_applied(&store, &grant).await;
    assert!(fault.cause.contains("No space left on device (53100)"), "{fault}");
    store.check().await.unwrap();
    std::fs::rename(&aside, &file).unwrap();
    // Who has the file open has the old one.
    server.sql("SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'firman'");
    insert(&store, &grant).await;
}

#[tokio::test]
async fn mariadb_with_a_full_disk_goes_on_when_there_is_room_again() {
    // All tables in one file that cannot grow far.
    let settings = ["innodb_file_per_table=0", "innodb_data_file_path=ibdata1:12M:autoextend:max:24M"];
    let Some(server) = Mariadb::start(&settings) else { return };
    let url = server.fresh();
    let store = opened(&url).await;
    let fault = loop {
        match try_insert(&store, &grant()).await {
            Ok(done) => assert_eq!(done, Commit::Done),
            Err(CommitError::NotApplied(fault)) => break fault,
            Err(CommitError::Unknown(fault)) => panic!("{fault}"),
        }
    };
    assert!(fault.temporary && fault.cause.contains("is full"), "{fault}");
    store.check().await.unwrap();
    server.sql(&format!("TRUNCATE TABLE {}.grants", name(&url)));
    insert(&store, &grant()).await;
}

#[tokio::test]
async fn postgresql_that_withdraws_a_right_is_served_again_when_it_is_back() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.fresh();
    let schema = name(&url).to_owned();
    SqlStore::migrate(&Options::new(&url)).await.unwrap();
    let give = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema}");
    server.sql(&format!("CREATE ROLE {schema} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {schema}; {give}"));
    let store = opened(url.replace("postgres://postgres@", &format!("postgres://{schema}@"))).await;
    server.sql(&format!("REVOKE ALL ON {schema}.grants FROM {schema}"));
    must_name_the_right(&store, &|| drop(server.sql(&give))).await;
}

#[tokio::test]
async fn mariadb_that_withdraws_a_right_is_served_again_when_it_is_back() {
    let Some(server) = Mariadb::shared() else { return };
    let url = server.fresh();
    let database = name(&url).to_owned();
    SqlStore::migrate(&Options::new(&url)).await.unwrap();
    let user = format!("{database}@'127.0.0.1'");
    let give = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {user}");
    server.sql(&format!("CREATE USER {user}; {give}"));
    let store = opened(url.replace("mysql://root@", &format!("mysql://{database}@"))).await;
    server.sql(&format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}; GRANT USAGE ON *.* TO {user}"));
    must_name_the_right(&store, &|| drop(server.sql(&give))).await;
}

async fn must_name_the_right(store: &SqlStore, give_back: &dyn Fn()) {
    let grant = grant();
    let fault = not_applied(store, &grant).await;
    assert!(fault.cause.contains("denied") && fault.cause.contains("what this user may do"), "{fault}");
    let fault = store.check().await.unwrap_err();
    assert!(fault.temporary && fault.cause.contains("what this user may do"), "{fault}");
    give_back();
    insert(store, &grant).await;
    store.check().await.unwrap();
}

#[tokio::test]
async fn another_password_is_said_without_the_old_one() {
    let Some(server) = Mariadb::start(&[]) else { return };
    server.sql("CREATE DATABASE d; CREATE USER u@'127.0.0.1' IDENTIFIED BY 'hush'; GRANT ALL ON d.* TO u@'127.0.0.1'");
    let store = opened(format!("mysql://u:hush@127.0.0.1:{}/d", server.port())).await;
    server.sql("ALTER USER u@'127.0.0.1' IDENTIFIED BY 'other'");
    server.kill();
    server.run();
    let fault = loop {
        let fault = store.check().await.unwrap_err();
        if fault.cause.contains("denied") {
            break fault;
        }
    };
    assert!(fault.temporary && fault.cause.contains("password in store.url"), "{fault}");
    assert!(!fault.cause.contains("hush"), "{fault}");
    server.sql("ALTER USER u@'127.0.0.1' IDENTIFIED BY 'hush'");
    insert(&store, &grant()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_that_has_failed_over_is_found_among_the_hosts() {
    let Some(primary) = Postgres::start(PostgresOptions::default()) else { return };
    let standby = primary.standby();
    let at = |server: &Postgres| format!("127.0.0.1:{}", server.port());
    // Nothing is acknowledged that the standby does not have.
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.sql("SELECT pg_reload_conf()");
    let store = opened(format!("postgres://postgres@{},{}/postgres", at(&standby), at(&primary))).await;
    let before = grant();
    insert(&store, &before).await;
    must_fail_over(&store, &before, &|| primary.kill(), &|| standby.promote()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_that_has_failed_over_is_found_among_the_hosts() {
    let Some(primary) = Mariadb::start(&["log_bin", "server_id=1"]) else { return };
    let Some(replica) = Mariadb::start(&["server_id=2", "read_only=1"]) else { return };
    replica.sql(&format!(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='root', MASTER_USE_GTID=slave_pos; START SLAVE",
        primary.port()
    ));
    // Whoever may do everything may write to a server that is read-only; this user may not.
    primary.sql("CREATE DATABASE d; CREATE USER u@'127.0.0.1'; GRANT ALL ON d.* TO u@'127.0.0.1'");
    let store = opened(format!("mysql://u@127.0.0.1:{},127.0.0.1:{}/d", replica.port(), primary.port())).await;
    let before = grant();
    insert(&store, &before).await;
    let position = primary.sql("SELECT @@gtid_binlog_pos");
    assert_eq!(replica.sql(&format!("SELECT MASTER_GTID_WAIT('{position}', 60)")), "0");
    must_fail_over(&store, &before, &|| primary.kill(), &|| drop(replica.sql("STOP SLAVE; SET GLOBAL read_only = 0")))
        .await;
}

async fn must_fail_over(store: &SqlStore, before: &Grant, kill: &dyn Fn(), promote: &dyn Fn()) {
    tokio::task::block_in_place(kill);
    let fault = store.check().await.unwrap_err();
    assert!(fault.temporary && fault.cause.contains("is the database running"), "{fault}");
    try_insert(store, &grant()).await.unwrap_err();
    tokio::task::block_in_place(promote);
    let after = grant();
    insert(store, &after).await;
    assert!(is_there(store, before).await && is_there(store, &after).await);
}

#[tokio::test]
async fn a_server_that_takes_no_writes_any_more_is_left_by_readers_too() {
    let Some(old) = Mariadb::start(&[]) else { return };
    let Some(new) = Mariadb::start(&[]) else { return };
    for server in [&old, &new] {
        server.sql("CREATE DATABASE d; CREATE USER u@'127.0.0.1'; GRANT ALL ON d.* TO u@'127.0.0.1'");
        SqlStore::migrate(&Options::new(server.url("d"))).await.unwrap();
    }
    let (here, there) = (grant(), grant());
    insert(&*opened(new.url("d")).await, &there).await;
    new.sql("SET GLOBAL read_only = 1");
    let store = opened(format!("mysql://u@127.0.0.1:{},127.0.0.1:{}/d", old.port(), new.port())).await;
    insert(&store, &here).await;
    assert!(is_there(&store, &here).await);
    // A switch as tools make it; these two do not follow each other, so that one can see who was asked.
    old.sql("SET GLOBAL read_only = 1");
    new.sql("SET GLOBAL read_only = 0");
    insert(&store, &grant()).await;
    assert!(is_there(&store, &there).await && !is_there(&store, &here).await);
}

#[tokio::test]
async fn a_schema_newer_by_one_is_served_and_by_more_is_not() {
    if let Some(server) = Postgres::shared() {
        let url = server.fresh();
        let schema = name(&url).to_owned();
        must_serve_the_next_version(&url, &|text| drop(server.sql(&format!("SET search_path = {schema}; {text}"))))
            .await;
    }
    if let Some(server) = Mariadb::shared() {
        let url = server.fresh();
        let database = name(&url).to_owned();
        must_serve_the_next_version(&url, &|text| drop(server.sql(&format!("USE {database}; {text}")))).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("firman.db");
    let run = |text: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(text).unwrap();
    must_serve_the_next_version(&format!("sqlite:{}", path.display()), &run).await;
}

async fn must_serve_the_next_version(url: &str, run: &dyn Fn(&str)) {
    let known = SqlStore::migrate(&Options::new(url)).await.unwrap().known;
    let before = grant();
    let store = opened(url).await;
    insert(&store, &before).await;
    // What a later program may do, while this one serves.
    run("ALTER TABLE grants ADD COLUMN later INTEGER; CREATE TABLE later (id INTEGER PRIMARY KEY)");
    run(&format!("INSERT INTO firman_schema VALUES ({}, 'later')", known + 1));
    for store in [store, opened(url).await] {
        store.check().await.unwrap();
        insert(&store, &grant()).await;
        assert!(is_there(&store, &before).await);
        let Err(fault) = store.snapshot().await else { panic!("a copy without what is new") };
        assert!(fault.cause.contains("use the newer one"), "{fault}");
    }
    let serving = opened(url).await;
    run(&format!("INSERT INTO firman_schema VALUES ({}, 'later')", known + 2));
    let fault = serving.check().await.unwrap_err();
    assert!(fault.cause.contains("run the newer program"), "{fault}");
    match SqlStore::open(Options::new(url)).await {
        Err(OpenError::Newer { found, .. }) => assert_eq!(found, known + 2),
        other => panic!("{:?}", other.err()),
    }
}

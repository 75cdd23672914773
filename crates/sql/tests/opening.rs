//! What a database is opened with, and what is refused.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use firman_sql::{OpenError, Options, SqlStore};
use firman_store::conformance::fixtures::*;
use firman_store::{Commit, Store};
use rusqlite::Connection;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("firman.db");
    (folder, path)
}

fn options(path: &Path) -> Options {
    Options { lock_wait: Duration::ZERO, ..Options::new(format!("sqlite:{}", path.display())) }
}

async fn refused(options: Options) -> OpenError {
    SqlStore::open(options).await.err().unwrap()
}

/// A database that was made and closed.
async fn made() -> (TempDir, PathBuf) {
    let (folder, path) = place();
    SqlStore::open(options(&path)).await.unwrap().close().await;
    (folder, path)
}

#[tokio::test]
async fn a_reopened_database_has_everything() {
    let (_folder, path) = place();
    let (client, grant) = (client(), grant());
    let store = SqlStore::open(options(&path)).await.unwrap();
    let changes = vec![insert_client(&client), insert_grant(&grant)];
    assert_eq!(store.commit(transaction(changes)).await.unwrap(), Commit::Done);
    let stats = store.stats().await.unwrap();
    store.close().await;
    let store = SqlStore::open(options(&path)).await.unwrap();
    assert_eq!(*store.client_by_id(client.id).await.unwrap().unwrap(), client);
    assert_eq!(store.grant(grant.id, None).await.unwrap().unwrap().record, grant);
    assert_eq!((stats.grants, store.stats().await.unwrap().grants), (1, 1));
}

#[tokio::test]
async fn a_closed_database_is_one_file() {
    let (_folder, path) = made().await;
    let left: Vec<_> = path.parent().unwrap().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["firman.db"]);
}

#[tokio::test]
async fn two_open_one_database_at_once() {
    let (_folder, path) = place();
    let patient = Options { lock_wait: Duration::from_mins(1), ..options(&path) };
    let (one, other) = tokio::join!(SqlStore::open(patient.clone()), SqlStore::open(patient));
    let (one, other) = (one.unwrap(), other.unwrap());
    let grant = grant();
    assert_eq!(one.commit(transaction(vec![insert_grant(&grant)])).await.unwrap(), Commit::Done);
    assert!(other.grant(grant.id, None).await.unwrap().is_some());
    let again = other.commit(transaction(vec![insert_grant(&grant)])).await.unwrap();
    assert_eq!(again, Commit::Conflict(0));
}

#[tokio::test]
async fn a_wrong_name_is_refused() {
    let (_folder, path) = place();
    let names = BTreeMap::from([("grants.clinet".to_owned(), "app".to_owned())]);
    let error = refused(Options { names, ..options(&path) }).await;
    assert!(error.to_string().contains("did you mean grants.client?"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn names_that_have_changed_are_refused() {
    let (_folder, path) = made().await;
    for key in ["firman_schema", "grants", "events.body", "deployment.slot"] {
        let names = BTreeMap::from([(key.to_owned(), "other".to_owned())]);
        let error = refused(Options { names, ..options(&path) }).await;
        assert!(matches!(error, OpenError::Names { .. }), "{key}: {error}");
        assert!(error.to_string().contains("other"), "{key}: {error}");
    }
    SqlStore::open(options(&path)).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (_folder, path) = made().await;
    Connection::open(&path).unwrap().execute_batch("INSERT INTO firman_schema VALUES (99, 'later')").unwrap();
    let error = refused(options(&path)).await;
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    for text in
        ["CREATE TABLE mail (body TEXT)", "PRAGMA application_id = 7", "PRAGMA application_id = 7; CREATE TABLE t (a)"]
    {
        let (_folder, path) = place();
        Connection::open(&path).unwrap().execute_batch(text).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = refused(options(&path)).await;
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let (_folder, path) = place();
    std::fs::write(&path, "these are my notes, and they are longer than a header".repeat(100)).unwrap();
    let error = refused(options(&path)).await;
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_folder_is_refused() {
    let (folder, _) = place();
    let error = refused(options(&folder.path().join("not/there.db"))).await;
    assert!(error.to_string().contains("the folder must exist"), "{error}");
    let error = refused(options(folder.path())).await;
    assert!(matches!(error, OpenError::Database { .. } | OpenError::File { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_url_is_refused() {
    for url in ["", "firman.db", "sqlite:", "oracle://localhost/firman"] {
        assert!(matches!(refused(Options::new(url)).await, OpenError::Url(_)), "{url}");
    }
}

#[tokio::test]
async fn a_database_that_is_locked_is_refused() {
    let (_folder, path) = made().await;
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let error = refused(options(&path)).await;
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    drop(other);
    SqlStore::open(options(&path)).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = place();
    let store = SqlStore::open(options(&path)).await.unwrap();
    store.commit(transaction(vec![insert_grant(&grant())])).await.unwrap();
    for entry in path.parent().unwrap().read_dir().unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn a_store_that_is_dropped_lets_go() {
    let (_folder, path) = place();
    let grant = grant();
    for _ in 0..3 {
        // Nobody waits for the store before to end, so this may have to.
        let patient = Options { lock_wait: Duration::from_mins(1), ..options(&path) };
        let store: Arc<dyn Store> = SqlStore::open(patient).await.unwrap();
        store.commit(transaction(vec![insert_grant(&grant)])).await.unwrap();
        assert!(store.grant(grant.id, None).await.unwrap().is_some());
    }
}

//! The suite of every store, and what is this one's own business: the file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firman_example_journal::JournalStore;
use firman_store::conformance::fixtures::*;
use firman_store::record::Grant;
use firman_store::{Change, Commit, CommitError, Cutoffs, Store};
use tempfile::TempDir;

mod suite {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        // The folder's name is gone at once; the open file goes with the store.
        let (_folder, path) = place();
        Arc::new(JournalStore::open(&path).await.unwrap())
    }

    firman_store::conformance!(make);
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    (folder, path)
}

async fn open(path: &Path) -> JournalStore {
    JournalStore::open(path).await.unwrap()
}

#[tokio::test]
async fn a_reopened_journal_has_everything_as_it_was() {
    let (_folder, path) = place();
    let store = open(&path).await;
    let (client, grant, old) = (client(), grant(), Grant { expires_at: NOW, ..grant() });
    let grant = Grant { expires_at: later(864_000), ..grant };
    store.commit(transaction(vec![insert_client(&client), insert_grant(&grant), insert_grant(&old)])).await.unwrap();
    let rotate = || Change::Rotate(Box::new(rotation(&grant, 0, NOW)));
    assert_eq!(store.commit(transaction(vec![rotate()])).await.unwrap(), Commit::Done);
    assert_eq!(store.commit(transaction(vec![rotate()])).await.unwrap(), Commit::Conflict(0));
    let cutoffs = Cutoffs { grants: later(86_400), ..Cutoffs::all(NOW) };
    assert_eq!(store.sweep(cutoffs, 10).await.unwrap().grants, 1);
    let before = store.grant(grant.id, None).await.unwrap();
    store.close().await;
    let store = open(&path).await;
    assert_eq!(store.grant(grant.id, None).await.unwrap(), before);
    assert_eq!(*store.client_by_id(client.id).await.unwrap().unwrap(), client);
    assert!(store.grant(old.id, None).await.unwrap().is_none());
}

#[tokio::test]
async fn a_line_that_a_crash_cut_short_never_happened() {
    let (_folder, path) = place();
    let (one, other) = (grant(), grant());
    let store = open(&path).await;
    store.commit(transaction(vec![insert_grant(&one)])).await.unwrap();
    let kept = std::fs::metadata(&path).unwrap().len();
    store.commit(transaction(vec![insert_grant(&other)])).await.unwrap();
    store.close().await;
    let whole = std::fs::read(&path).unwrap();
    for length in [kept + 1, kept + 40, whole.len() as u64 - 1] {
        std::fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();
        let store = open(&path).await;
        assert!(store.grant(one.id, None).await.unwrap().is_some());
        assert!(store.grant(other.id, None).await.unwrap().is_none());
        store.close().await;
        assert_eq!(std::fs::metadata(&path).unwrap().len(), kept);
    }
}

#[tokio::test]
async fn damage_in_the_middle_is_refused() {
    let (_folder, path) = place();
    let store = open(&path).await;
    for _ in 0..3 {
        store.commit(transaction(vec![insert_grant(&grant())])).await.unwrap();
    }
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = JournalStore::open(&path).await.err().unwrap();
    assert!(error.to_string().contains("damaged at byte"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "nothing is cut off");
}

#[tokio::test]
async fn a_journal_is_opened_once() {
    let (_folder, path) = place();
    let store = open(&path).await;
    assert!(JournalStore::open(&path).await.err().unwrap().temporary);
    store.close().await;
    open(&path).await;
}

#[tokio::test]
async fn a_closed_journal_takes_no_commits() {
    let (_folder, path) = place();
    let store = open(&path).await;
    store.close().await;
    let error = store.commit(transaction(vec![insert_grant(&grant())])).await.unwrap_err();
    assert!(matches!(error, CommitError::NotApplied(_)));
}

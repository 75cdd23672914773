//! Every row out of one engine and into another, whatever the tables are called there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod engines;

use std::collections::BTreeMap;
use std::sync::Arc;

use engines::hostile_names;
use firman_proto::digest::Digest16;
use firman_sql::{Options, Rows, SqlStore, Tally};
use firman_store::conformance::fixtures::*;
use firman_store::conformance::held::{held_claims, held_token, insert_held_token};
use firman_store::record::{EpochKey, Name, Namespace, RevokedToken};
use firman_store::{Change, Editable, Store};
use firman_test_servers::Postgres;

async fn open(url: impl Into<String>, names: BTreeMap<String, String>) -> Arc<SqlStore> {
    SqlStore::open(Options { migrate: true, names, ..Options::new(url) }).await.unwrap()
}

async fn sqlite() -> Arc<SqlStore> {
    open("sqlite::memory:", BTreeMap::new()).await
}

/// Rows in every table; of grants more than a page.
async fn filled(store: &Arc<SqlStore>) {
    let shared = Arc::clone(store) as Arc<dyn Store>;
    let (client, account, grant) = (client(), account(), grant());
    let digest = Name::digest(ISSUER, Namespace::Username, "someone");
    let name = Name { namespace: Namespace::Username, digest, id: account.id, expires_at: later(9) };
    let token = RevokedToken { day: NOW.day(), grant: grant.id, digest: Digest16([1; 16]), expires_at: later(9) };
    let changes = vec![
        insert_client(&client),
        insert_account(&account),
        Change::TakeName { name, now: NOW },
        Change::Insert(Editable::Consent(Box::new(consent(&subject(), client.id)))),
        Change::AdvanceEpoch(EpochKey::Everything),
        insert_flow(&flow()),
        insert_grant(&grant),
        insert_grant(&standing_grant(client.id)),
        Change::InsertSession(Box::new(session())),
        Change::RevokeToken(token),
        Change::Append(Box::new(event(grant.id))),
        insert_held_token(&held_token()),
        Change::Insert(Editable::HeldClaims(Box::new(held_claims()))),
        Change::Insert(Editable::SigningKey(Box::new(signing_key()))),
        Change::Insert(Editable::SealKey(Box::new(seal_key(0)))),
        Change::Insert(Editable::Deployment(deployment())),
    ];
    done(&shared, changes).await;
    for _ in 0..6 {
        done(&shared, (0..100).map(|_| insert_grant(&grant_of(client.id, &subject()))).collect()).await;
    }
}

async fn tally(store: &SqlStore) -> Tally {
    store.snapshot().await.unwrap().tally().await.unwrap()
}

/// Through the bytes of a backup.
async fn copy(from: &SqlStore, to: &SqlStore) {
    assert!(to.is_empty().await.unwrap());
    let mut snapshot = from.snapshot().await.unwrap();
    while let Some(rows) = snapshot.next().await.unwrap() {
        to.load(&Rows::from_bytes(&rows.to_bytes()).unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_from_sqlite_to_postgresql_and_back_unchanged() {
    let Some(server) = Postgres::shared() else { return };
    let (from, there, back) = (sqlite().await, open(server.fresh(), hostile_names()).await, sqlite().await);
    filled(&from).await;
    let before = tally(&from).await;
    assert_eq!(before.tables().count(), 15, "a row in every table: {before:?}");
    assert!(before.total() > 600);
    copy(&from, &there).await;
    assert_eq!(tally(&there).await, before);
    copy(&there, &back).await;
    assert_eq!(tally(&back).await, before);
    assert_eq!(back.keys().await.unwrap(), from.keys().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_postgresql_is_of_one_moment() {
    let Some(server) = Postgres::shared() else { return };
    let store = open(server.fresh(), BTreeMap::new()).await;
    filled(&store).await;
    let before = tally(&store).await;
    let mut snapshot = store.snapshot().await.unwrap();
    let shared = Arc::clone(&store) as Arc<dyn Store>;
    let mut seen = Tally::default();
    // Written before the first page is read: the moment is that at which the snapshot was begun.
    done(&shared, vec![insert_client(&client())]).await;
    while let Some(rows) = snapshot.next().await.unwrap() {
        seen.add(&rows);
        done(&shared, vec![insert_grant(&grant()), Change::AdvanceEpoch(EpochKey::Everything)]).await;
    }
    assert_eq!(seen, before);
    assert_ne!(tally(&store).await, before);
}

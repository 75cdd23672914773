use std::sync::Arc;

use firman_store::conformance::fixtures::*;
use firman_store::conformance::held::{held_claims, held_token, insert_held_token};
use firman_store::record::{EpochKey, Name, Namespace, RevokedToken, Session};
use firman_store::{Change, Editable, Store};

use super::*;
use crate::Options;

async fn store() -> Arc<SqlStore> {
    SqlStore::open(Options::new("sqlite::memory:")).await.unwrap()
}

/// A row in every table.
async fn filled(store: &Arc<SqlStore>) {
    let shared = Arc::clone(store) as Arc<dyn Store>;
    let (client, account, grant) = (client(), account(), grant());
    let name = Name {
        namespace: Namespace::Username,
        digest: Name::digest(ISSUER, Namespace::Username, "someone"),
        id: account.id,
        expires_at: later(9),
    };
    let digest = firman_proto::digest::Digest16([1; 16]);
    let changes = vec![
        insert_client(&client),
        insert_account(&account),
        Change::TakeName { name, now: NOW },
        Change::Insert(Editable::Consent(Box::new(consent(&subject(), client.id)))),
        Change::AdvanceEpoch(EpochKey::Everything),
        insert_flow(&flow()),
        Change::InsertOnce(once()),
        insert_resource(&resource()),
        insert_grant(&grant),
        Change::InsertSession(Box::new(Session { id: id(), ..session() })),
        Change::RevokeToken(RevokedToken { day: NOW.day(), grant: grant.id, digest, expires_at: later(9) }),
        Change::JoinSession { session: id(), client: client.id, expires_at: later(9) },
        insert_delivery(&delivery_due(NOW)),
        insert_held_token(&held_token()),
        Change::Insert(Editable::HeldClaims(Box::new(held_claims()))),
        Change::Append(Box::new(event(grant.id))),
        Change::Insert(Editable::SigningKey(Box::new(signing_key()))),
        Change::Insert(Editable::SealKey(Box::new(seal_key(0)))),
        Change::Insert(Editable::Deployment(deployment())),
    ];
    done(&shared, changes).await;
}

async fn copied(from: &SqlStore, to: &SqlStore) -> Tally {
    let (mut snapshot, mut tally) = (from.snapshot().await.unwrap(), Tally::default());
    while let Some(rows) = snapshot.next().await.unwrap() {
        let rows = Rows::from_bytes(&rows.to_bytes()).unwrap();
        tally.add(&rows);
        to.load(&rows).await.unwrap();
    }
    tally
}

#[test]
fn every_table_of_the_schema_is_copied_with_its_key() {
    let mut copied: Vec<_> = TABLES.iter().map(|table| table.name).collect();
    assert_eq!(copied.last(), Some(&"deployment"));
    copied.push("firman_schema");
    copied.sort_unstable();
    let mut known: Vec<_> = crate::schema::tables().iter().map(|table| table.name).collect();
    known.sort_unstable();
    assert_eq!(copied, known);
    for table in TABLES {
        let columns = table.columns();
        let all: Vec<Value> = columns.iter().map(|column| Value::Text((*column).to_owned())).collect();
        assert_eq!(table.key_of(&all).len(), table.beginning().len(), "{table:?}");
        assert_eq!(table.insert_values(&all).len(), columns.len() + table.again.len(), "{table:?}");
    }
}

#[tokio::test]
async fn a_copy_has_every_row_of_every_table_as_it_was() {
    let (from, to) = (store().await, store().await);
    assert!(from.is_empty().await.unwrap());
    filled(&from).await;
    assert!(!from.is_empty().await.unwrap());
    let tally = copied(&from, &to).await;
    assert_eq!(tally.tables().count(), TABLES.len(), "a row in every table: {tally:?}");
    assert_eq!(to.snapshot().await.unwrap().tally().await.unwrap(), tally);
    assert_eq!(to.keys().await.unwrap(), from.keys().await.unwrap());
    // Loading the same again changes nothing.
    assert_eq!(copied(&from, &to).await, tally);
    assert_eq!(to.snapshot().await.unwrap().tally().await.unwrap(), tally);
}

#[tokio::test]
async fn a_snapshot_is_of_one_moment_whatever_is_written_meanwhile() {
    let store = store().await;
    let shared = Arc::clone(&store) as Arc<dyn Store>;
    for _ in 0..3 {
        done(&shared, (0..600).map(|_| insert_grant(&grant())).collect()).await;
    }
    let before = store.snapshot().await.unwrap().tally().await.unwrap();
    let mut snapshot = store.snapshot().await.unwrap();
    let mut tally = Tally::default();
    while let Some(rows) = snapshot.next().await.unwrap() {
        assert!(rows.len() <= PAGE as usize);
        tally.add(&rows);
        done(&shared, vec![insert_grant(&grant()), insert_client(&client())]).await;
    }
    assert_eq!(tally, before);
    assert_eq!(before.total(), 1800);
    assert_ne!(store.snapshot().await.unwrap().tally().await.unwrap(), before);
}

#[tokio::test]
async fn rows_of_an_earlier_version_lack_columns_and_those_of_a_later_one_are_refused() {
    let from = store().await;
    filled(&from).await;
    let mut snapshot = from.snapshot().await.unwrap();
    let rows = snapshot.next().await.unwrap().unwrap();
    let earlier = Rows {
        columns: rows.columns[..2].to_vec(),
        list: rows.list.iter().map(|row| row[..2].to_vec()).collect(),
        ..rows.clone()
    };
    let read = Rows::from_bytes(&earlier.to_bytes()).unwrap();
    assert_eq!((&read.columns, &read.list[0][..2]), (&rows.columns, &rows.list[0][..2]));
    assert!(read.list[0][2..].iter().all(|value| *value == Value::Null));
    let later = Rows { columns: vec!["id", "hue"], ..earlier.clone() };
    assert!(Rows::from_bytes(&later.to_bytes()).unwrap_err().cause.contains("later version"));
    let later = Rows { table: "hues", ..earlier };
    assert!(Rows::from_bytes(&later.to_bytes()).unwrap_err().cause.contains("later version"));
    let whole = rows.to_bytes();
    for length in 0..whole.len() {
        Rows::from_bytes(&whole[..length]).unwrap_err();
    }
    assert!(!format!("{rows:?}").contains("client-"));
}

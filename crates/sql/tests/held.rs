//! The suite of every keeper of tokens, over a store on every engine; and that nobody reads a token there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod engines;

use std::sync::Arc;
use std::time::Duration;

use engines::spread::{Spread, of_each_node};
use firman_client::flow::introspection::TokenFacts;
use firman_client::flow::token::TokenType;
use firman_client::manager::{Held, Keeper, Kind, SealingKey, StoreKeeper, Whose};
use firman_client::world::{Clock as _, System};
use firman_sql::{Options, SqlStore};
use firman_store::record::{HeldKind, Holder};
use firman_store::{HeldPage, Store};
use firman_test_servers::{Galera, Mariadb, Postgres};
use zeroize::Zeroizing;

mod keeper_sqlite {
    use super::*;

    async fn make() -> Option<(Arc<dyn Keeper>, ())> {
        Some((over(open("sqlite::memory:".to_owned()).await), ()))
    }

    firman_client::manager::conformance!(where_there make);
}

mod keeper_postgres {
    use super::*;

    async fn make() -> Option<(Arc<dyn Keeper>, ())> {
        Some((over(open(Postgres::shared()?.fresh()).await), ()))
    }

    firman_client::manager::conformance!(where_there make);
}

mod keeper_mariadb {
    use super::*;

    async fn make() -> Option<(Arc<dyn Keeper>, ())> {
        Some((over(open(Mariadb::shared()?.fresh()).await), ()))
    }

    firman_client::manager::conformance!(where_there make);
}

/// Every call at another node.
mod keeper_galera {
    use super::*;

    async fn make() -> Option<(Arc<dyn Keeper>, ())> {
        Some((over(spread().await?), ()))
    }

    firman_client::manager::conformance!(where_there make);
}

/// A new database of the cluster.
async fn spread() -> Option<Arc<dyn Store>> {
    let options = Options { lock_wait: Duration::from_mins(1), ..Options::new("") };
    Some(Spread::over(of_each_node(Galera::shared()?, options).await))
}

async fn open(url: String) -> Arc<dyn Store> {
    let lock_wait = Duration::from_mins(1);
    SqlStore::open(Options { migrate: true, lock_wait, ..Options::new(url) }).await.unwrap()
}

fn over(store: Arc<dyn Store>) -> Arc<dyn Keeper> {
    let key = SealingKey::from_bytes(&Zeroizing::new([7; 32])).unwrap();
    Arc::new(StoreKeeper::new(store, key, Arc::new(System), Arc::new(System)))
}

const ISSUER: &str = "https://as.example";
const SECRETS: [&str; 3] = ["the-access-token-itself", "the-refresh-token-itself", "the.id-token.itself"];

/// Keeps one of each.
async fn keep(keeper: &dyn Keeper) {
    let now = System.now();
    for (kind, token) in [(Kind::Access, SECRETS[0]), (Kind::Refresh, SECRETS[1])] {
        let facts = TokenFacts { client_id: Some("app".into()), sub: Some("alice".into()), ..TokenFacts::default() };
        let (issuer, token_type) = (ISSUER.to_owned(), TokenType::Bearer);
        keeper.put_token(Held { kind, token: token.into(), token_type, issuer, facts, updated_at: now }).await.unwrap();
    }
    keeper.put_id_token(ISSUER, "alice", &SECRETS[2].into(), now).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_of_a_database_holds_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("held.db").display());
    let keeper = over(open(url).await);
    keep(&*keeper).await;
    let found = keeper.tokens(Kind::Refresh, ISSUER, Whose::Subject("alice"), System.now()).await.unwrap();
    assert_eq!(found[0].token.reveal(), SECRETS[1]);
    let mut searched = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        searched += bytes.len();
        for secret in SECRETS {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
        }
    }
    assert!(searched > 1000, "there is something to search");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_of_any_engine_holds_a_token() {
    let mut stores = vec![("SQLite", open("sqlite::memory:".to_owned()).await)];
    if let Some(postgres) = Postgres::shared() {
        stores.push(("PostgreSQL", open(postgres.fresh()).await));
    }
    if let Some(mariadb) = Mariadb::shared() {
        stores.push(("MariaDB", open(mariadb.fresh()).await));
    }
    stores.extend(spread().await.map(|store| ("Galera", store)));
    for (engine, store) in stores {
        keep(&*over(Arc::clone(&store))).await;
        let holder = Holder::Subject("alice").key(ISSUER);
        let mut rows = Vec::new();
        for kind in HeldKind::ALL {
            rows.extend(store.held_tokens(holder, *kind, HeldPage::first(9)).await.unwrap());
        }
        let person = store.held_claims(holder).await.unwrap().unwrap();
        assert_eq!(rows.len(), 2, "{engine}");
        let mut bytes = serde_json::to_vec(&(&rows, &person)).unwrap();
        bytes.extend(rows.iter().flat_map(|row| &row.sealed));
        bytes.extend(person.id_token.unwrap());
        assert!(bytes.windows(5).any(|part| part == b"alice"), "what is not secret is found: {engine}");
        for secret in SECRETS {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} {engine}");
        }
    }
}

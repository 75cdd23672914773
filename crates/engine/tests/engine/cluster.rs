//! Three engines, each over a store at another node of a MariaDB Galera cluster: what one presents to all of them at once.
//! 100 rounds; 1,000 where `FIRMAN_TEST_MATRIX` is set (`tests/matrix`).

use std::sync::Arc;
use std::time::Duration;

use firman_proto::error::ErrorCode::InvalidGrant;
use firman_proto::token::{TokenRequest, TokenResponse};
use firman_sql::{Options, SqlStore};
use firman_test_servers::{Galera, NODES, rounds};
use tokio::task::JoinSet;

use crate::support::{App, World, at, redemption, refresh_token, refreshment, refused};

const SCOPE: &str = "read offline_access";

fn second(round: usize) -> i64 {
    i64::try_from(round).unwrap()
}

/// An engine at each node, all of one new deployment.
async fn cluster() -> Option<Vec<Arc<World>>> {
    let cluster = Galera::shared()?;
    let database = cluster.fresh();
    let mut worlds: Vec<Arc<World>> = Vec::new();
    for node in 0..NODES {
        // Patient, because a machine may be slow.
        let lock_wait = Duration::from_mins(1);
        let options = Options { migrate: true, lock_wait, ..Options::new(cluster.url(node, &database)) };
        let store = SqlStore::open(options).await.unwrap();
        let world = match worlds.first() {
            None => World::with(|parts| parts.store = store).await,
            Some(first) => first.neighbour_with(at(0), |parts| parts.store = store).await.unwrap(),
        };
        worlds.push(Arc::new(world));
    }
    Some(worlds)
}

/// The answers of every node to the same request at the same time.
async fn at_every_node(
    worlds: &[Arc<World>],
    app: &App,
    request: impl Fn() -> TokenRequest,
    now: i64,
) -> Vec<Result<TokenResponse, firman_engine::Failure>> {
    let mut answers = JoinSet::new();
    for world in worlds {
        let (world, app, request) = (Arc::clone(world), app.clone(), request());
        answers.spawn(async move { world.token(&app, request, at(now)).await });
    }
    answers.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_code_redeemed_at_three_nodes_at_once_is_redeemed_once() {
    let Some(worlds) = cluster().await else { return };
    let app = worlds[0].app("app").await;
    for round in 0..rounds(100) {
        // Made at one node, at once seen by all.
        let code = worlds[round % NODES].code(&app, SCOPE, at(second(round))).await;
        let answers = at_every_node(&worlds, &app, || redemption(&code), second(round)).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 2), "round {round}");
        for loser in lost {
            assert_eq!(refused(loser), InvalidGrant, "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refresh_token_presented_at_three_nodes_at_once_gets_identical_successors() {
    let Some(worlds) = cluster().await else { return };
    let app = worlds[0].app("app").await;
    let mut token = refresh_token(&worlds[0].tokens(&app, SCOPE, at(0)).await);
    for round in 1..=rounds(100) {
        let answers = at_every_node(&worlds, &app, || refreshment(&token, None), second(round)).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        for answer in &answers {
            assert_eq!(answer.refresh_token, answers[0].refresh_token, "round {round}");
            assert_eq!(answer.access_token, answers[0].access_token, "round {round}");
        }
        assert_ne!(refresh_token(&answers[0]), token, "round {round}");
        token = refresh_token(&answers[0]);
    }
}

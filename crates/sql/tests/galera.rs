//! A MariaDB Galera cluster of three nodes: the suite with every call at another node, races across nodes, nodes that die and
//! nodes that are cut off.
//!
//! The suite with every name changed, and the long races, run where `FIRMAN_TEST_MATRIX` is set: `tests/matrix` does that.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod engines;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engines::history;
use engines::spread::{Spread, of_each_node};
use firman_sql::Options;
use firman_store::conformance::fixtures::*;
use firman_store::record::{EpochKey, Grant};
use firman_store::{Change, Commit, CommitId, RowKey, Store, Transaction, settle};
use firman_test_servers::{Galera, NODES, matrix, rounds};
use tokio::task::JoinSet;

mod galera {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        let cluster = Galera::shared()?;
        Some(Spread::over(at_every_node(cluster, BTreeMap::new()).await))
    }

    firman_store::conformance!(where_there make);
}

mod galera_renamed {
    use super::*;

    async fn make() -> Option<Arc<dyn Store>> {
        matrix().then_some(())?;
        let cluster = Galera::shared()?;
        Some(Spread::over(at_every_node(cluster, engines::hostile_names()).await))
    }

    firman_store::conformance!(where_there make);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_code_claimed_at_three_nodes_at_once_is_claimed_once() {
    let Some(cluster) = Galera::shared() else { return };
    let stores = at_every_node(cluster, BTreeMap::new()).await;
    for round in 0..rounds(100) {
        let flow = flow();
        done(&stores[round % NODES], vec![insert_flow(&flow)]).await;
        let grant = Grant { id: flow.id, ..grant() };
        let claim = || transaction(vec![claim(&flow, NOW), insert_grant(&grant)]);
        let claims = race(&stores, (0..NODES).map(|_| claim()).collect()).await;
        let winners: Vec<_> = claims.iter().filter(|(_, outcome)| *outcome == Commit::Done).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        assert!(claims.iter().all(|(_, outcome)| matches!(outcome, Commit::Done | Commit::Conflict(0))));
        for store in &stores {
            for row in [RowKey::Flow(flow.id), RowKey::Grant(flow.id)] {
                assert_eq!(store.winner(row).await.unwrap(), Some(winners[0].0), "round {round}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_at_one_node_is_seen_at_the_others() {
    let Some(cluster) = Galera::shared() else { return };
    let stores = at_every_node(cluster, BTreeMap::new()).await;
    // Others write, so that the nodes have something to apply.
    let mut load = JoinSet::new();
    for store in stores.iter().cycle().take(24) {
        let store = Arc::clone(store);
        load.spawn(async move {
            loop {
                done(&store, vec![insert_grant(&grant())]).await;
            }
        });
    }
    for round in 0..rounds(100) {
        let flow = flow();
        done(&stores[round % NODES], vec![insert_flow(&flow)]).await;
        let elsewhere = &stores[(round + 1) % NODES];
        assert!(elsewhere.flow(flow.id).await.unwrap().is_some(), "round {round}");
        done(elsewhere, vec![claim(&flow, NOW)]).await;
    }
}

/// A text of several statements does not tell that its transaction was rolled back between two of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_change_of_one_row_is_lost_to_another_nodes() {
    const RIVALS: usize = 64;
    let Some(cluster) = Galera::shared() else { return };
    let stores = at_every_node(cluster, BTreeMap::new()).await;
    for round in 0..rounds(10) {
        let client = id();
        let advance = || transaction(vec![Change::AdvanceEpoch(EpochKey::Client(client))]);
        let outcomes = race(&stores, (0..RIVALS).map(|_| advance()).collect()).await;
        assert!(outcomes.iter().all(|(_, outcome)| *outcome == Commit::Done));
        assert_eq!(stores[0].epochs(Some(client), None).await.unwrap().client, RIVALS as u64, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_nodes_are_killed_and_cut_off() {
    let Some(cluster) = Galera::start(&[]) else { return };
    let stores = of_each_node(&cluster, Options::new("")).await;
    let trouble = async {
        let apart = |trouble: &dyn Fn()| tokio::task::block_in_place(trouble);
        let a_while = || tokio::time::sleep(Duration::from_secs(2));
        a_while().await;
        apart(&|| cluster.kill(1));
        apart(&|| cluster.wait_for(0, "wsrep_cluster_size", "2"));
        a_while().await;
        apart(&|| cluster.run(1));
        a_while().await;
        apart(&|| cluster.cut_off(2));
        apart(&|| cluster.wait_for(2, "wsrep_cluster_status", "non-Primary"));
        apart(&|| cluster.wait_for(0, "wsrep_cluster_size", "2"));
        a_while().await;
        // Whoever is at the node that was cut off goes to another.
        while let Err(fault) = stores[2].check().await {
            assert!(fault.temporary, "{fault}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        apart(&|| cluster.let_back(2));
        a_while().await;
    };
    let history = history::during(&stores, trouble).await;
    assert!(history.acknowledged() > 100, "{} {}", history.errors, history.acknowledged());
    for store in &stores {
        history.check(store).await;
    }
}

/// Commits at once, each at the next node.
async fn race(stores: &[Arc<dyn Store>], transactions: Vec<Transaction>) -> Vec<(CommitId, Commit)> {
    let mut rivals = JoinSet::new();
    for (transaction, store) in transactions.into_iter().zip(stores.iter().cycle().cloned()) {
        rivals.spawn(async move { (transaction.id, settle(&*store, transaction).await.unwrap()) });
    }
    rivals.join_all().await
}

/// A store at each node, all of one new database; patient, because a machine may be slow.
async fn at_every_node(cluster: &Galera, names: BTreeMap<String, String>) -> Vec<Arc<dyn Store>> {
    of_each_node(cluster, Options { names, lock_wait: Duration::from_mins(1), ..Options::new("") }).await
}

//! Load that notes what was acknowledged, and a check that all of it is there and nothing happened twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use firman_proto::id::RecordId;
use firman_store::conformance::fixtures::{self, *};
use firman_store::record::{FlowState, Grant};
use firman_store::{Change, Commit, CommitId, RowKey, Store, settle};
use tokio::task::JoinSet;

/// Grants, each rotated by one task without a pause.
const CHAINS: usize = 12;
/// Tasks that redeem the same code at once.
const RIVALS: usize = 4;

/// What the load was told.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// A grant, its generation by what was acknowledged, and whether one more may have happened.
    chains: Vec<(RecordId, u64, bool)>,
    /// A flow, and the commits that were told they had claimed it.
    claims: Vec<(RecordId, Vec<CommitId>)>,
    /// Commits that were answered with an error.
    pub(crate) errors: u64,
}

/// Puts load on stores, which all lead to one database, until the trouble is over.
pub(crate) async fn during(stores: &[Arc<dyn Store>], trouble: impl Future<Output = ()>) -> History {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for number in 0..CHAINS {
        tasks.spawn(rotate(Arc::clone(&stores[number % stores.len()]), Arc::clone(&stop)));
    }
    tasks.spawn(claim(stores.to_vec(), Arc::clone(&stop)));
    trouble.await;
    stop.store(true, Ordering::Relaxed);
    let mut all = History::default();
    for part in tasks.join_all().await {
        all.chains.extend(part.chains);
        all.claims.extend(part.claims);
        all.errors += part.errors;
    }
    all
}

impl History {
    /// How much was acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        let claimed = self.claims.iter().filter(|(_, winners)| !winners.is_empty()).count();
        self.chains.iter().map(|(_, generation, _)| generation).sum::<u64>() + claimed as u64
    }

    /// Nothing acknowledged is lost, and nothing happened twice.
    pub(crate) async fn check(&self, store: &Arc<dyn Store>) {
        for (id, generation, doubt) in &self.chains {
            let found = store.grant(*id, None).await.unwrap().unwrap().record.refresh.unwrap().generation;
            let right = found == *generation || (*doubt && found == generation + 1);
            assert!(right, "acknowledged generation {generation} (doubt: {doubt}), found {found}");
        }
        for (id, winners) in &self.claims {
            assert!(winners.len() <= 1, "claimed by {}", winners.len());
            let Some(winner) = winners.first() else { continue };
            assert_eq!(store.winner(RowKey::Flow(*id)).await.unwrap().as_ref(), Some(winner));
            assert!(matches!(store.flow(*id).await.unwrap().unwrap().record.state, FlowState::Done { .. }));
            assert_eq!(store.winner(RowKey::Grant(*id)).await.unwrap().as_ref(), Some(winner));
        }
    }
}

async fn rotate(store: Arc<dyn Store>, stop: Arc<AtomicBool>) -> History {
    let mut history = History::default();
    let grant = grant();
    while insert(&store, insert_grant(&grant), &mut history.errors).await.is_none() {}
    let (mut generation, mut doubt) = (0, false);
    while !stop.load(Ordering::Relaxed) {
        match settle(&*store, transaction(vec![Change::Rotate(Box::new(rotation(&grant, generation, NOW)))])).await {
            Ok(Commit::Done) => (generation, doubt) = (generation + 1, false),
            Ok(Commit::Conflict(_)) => {
                assert!(doubt, "generation {generation} was acknowledged and is not there");
                (generation, doubt) = (generation + 1, false);
            }
            Err(_) => {
                (history.errors, doubt) = (history.errors + 1, true);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    history.chains.push((grant.id, generation, doubt));
    history
}

async fn claim(stores: Vec<Arc<dyn Store>>, stop: Arc<AtomicBool>) -> History {
    let mut history = History::default();
    while !stop.load(Ordering::Relaxed) {
        let flow = flow();
        if insert(&stores[0], insert_flow(&flow), &mut history.errors).await.is_none() {
            continue;
        }
        let mut rivals = JoinSet::new();
        for number in 0..RIVALS {
            let store = Arc::clone(&stores[number % stores.len()]);
            let claim = transaction(vec![fixtures::claim(&flow, NOW), insert_grant(&Grant { id: flow.id, ..grant() })]);
            rivals.spawn(async move {
                let by = claim.id;
                settle(&*store, claim).await.map(|outcome| (outcome == Commit::Done).then_some(by))
            });
        }
        let outcomes = rivals.join_all().await;
        history.errors += outcomes.iter().filter(|outcome| outcome.is_err()).count() as u64;
        history.claims.push((flow.id, outcomes.into_iter().flatten().flatten().collect()));
    }
    history
}

/// `None` if it is not known that it is there.
async fn insert(store: &Arc<dyn Store>, change: Change, errors: &mut u64) -> Option<()> {
    // A conflict means that an insert before this one, which nobody acknowledged, has happened.
    if settle(&**store, transaction(vec![change])).await.is_ok() {
        return Some(());
    }
    *errors += 1;
    tokio::time::sleep(Duration::from_millis(5)).await;
    None
}

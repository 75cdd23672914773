//! The suite over a store that breaks, and what the faults do one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::*;
use crate::conformance::fixtures::*;
use crate::{Change, EditableKey, MemoryStore, settle};

mod without_faults {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        Arc::new(FaultyStore::new(Arc::new(MemoryStore::new())))
    }

    crate::conformance!(make);
}

mod delayed {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        let store = FaultyStore::new(Arc::new(MemoryStore::new()));
        store.play(|_| Some(Fault::Delayed));
        Arc::new(store)
    }

    crate::conformance!(make);
}

/// Every acknowledgement that `settle` can do without is lost. It cannot find out what became of a commit whose deciding row is gone;
/// a commit without one it repeats, which counts an epoch twice. A conflict that nobody heard of is asked for again, as a
/// caller would; one at a time, because a winner that another commit has followed is no longer to be seen.
mod settled {
    use super::*;

    struct Settled {
        faulty: FaultyStore,
        works: Shared,
        turn: tokio::sync::Mutex<()>,
    }

    impl Settled {
        fn works(&self) -> &dyn Store {
            &*self.works
        }
    }

    #[async_trait]
    impl Store for Settled {
        async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
            let _turn = self.turn.lock().await;
            match settle(&self.faulty, transaction.clone()).await {
                Ok(commit) => Ok(commit),
                Err(_) => self.works.commit(transaction).await,
            }
        }

        crate::forward_reads! { Self::works }
    }

    async fn make() -> Arc<dyn Store> {
        let works: Shared = Arc::new(MemoryStore::new());
        let faulty = FaultyStore::new(Arc::clone(&works));
        faulty.play(|call| {
            let changes = &call.transaction?.changes;
            let decided = changes.iter().any(|change| change.deciding_row().is_some());
            let leaves_a_row = !changes.iter().any(|change| matches!(change, Change::Remove { .. }));
            (decided && leaves_a_row).then_some(Fault::LostAfter)
        });
        Arc::new(Settled { faulty, works, turn: tokio::sync::Mutex::default() })
    }

    crate::conformance!(make);
}

fn faulty(fault: Fault) -> (FaultyStore, Shared) {
    let inner: Shared = Arc::new(MemoryStore::new());
    let store = FaultyStore::new(Arc::clone(&inner));
    store.play(move |call| (call.number == 0).then_some(fault));
    (store, inner)
}

#[tokio::test]
async fn each_fault_of_a_commit_is_what_it_says() {
    for (fault, applied, known) in [
        (Fault::Refused { temporary: true }, false, true),
        (Fault::Refused { temporary: false }, false, true),
        (Fault::LostBefore, false, false),
        (Fault::LostAfter, true, false),
    ] {
        let (store, inner) = faulty(fault);
        let grant = grant();
        let error = store.commit(transaction(vec![insert_grant(&grant)])).await.unwrap_err();
        assert_eq!(matches!(error, CommitError::NotApplied(_)), known, "{fault:?}");
        assert_eq!(inner.grant(grant.id, None).await.unwrap().is_some(), applied, "{fault:?}");
    }
}

#[tokio::test]
async fn each_fault_of_a_read_is_an_error_and_never_absence() {
    for (fault, temporary) in [
        (Fault::Refused { temporary: true }, true),
        (Fault::Refused { temporary: false }, false),
        (Fault::LostBefore, true),
        (Fault::LostAfter, true),
    ] {
        let (store, _) = faulty(fault);
        assert_eq!(store.client_by_id(id()).await.unwrap_err().temporary, temporary, "{fault:?}");
        assert!(store.client_by_id(id()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_delayed_call_waits_for_its_hook() {
    let waited = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&waited);
    let store = FaultyStore::with_delay(Arc::new(MemoryStore::new()), move |method| {
        assert_eq!(method, "check");
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    });
    store.check().await.unwrap();
    store.play(|_| Some(Fault::Delayed));
    store.check().await.unwrap();
    assert_eq!((waited.load(Ordering::SeqCst), store.calls()), (1, 1));
}

#[tokio::test]
async fn the_same_seed_breaks_the_same_calls() {
    let outcomes = |seed| async move {
        let store = FaultyStore::new(Arc::new(MemoryStore::new()));
        store.play_dice(seed, 4);
        let mut outcomes = Vec::new();
        for _ in 0..400 {
            outcomes.push(store.check().await.is_ok());
        }
        outcomes
    };
    let (one, again, other) = (outcomes(1).await, outcomes(1).await, outcomes(2).await);
    assert_eq!(one, again);
    assert_ne!(one, other);
    let broken = one.iter().filter(|ok| !**ok).count();
    assert!((40..140).contains(&broken), "{broken} of 400, three quarters of one in four");
}

#[tokio::test]
async fn under_any_faults_what_was_acknowledged_happened_and_nothing_happened_twice() {
    for seed in 0..64 {
        let inner: Shared = Arc::new(MemoryStore::new());
        let store = FaultyStore::new(Arc::clone(&inner));
        let grant = grant();
        done(&inner, vec![insert_grant(&grant)]).await;
        store.play_dice(seed, 2);
        let mut generation = 0;
        for _ in 0..50 {
            let rotate = Change::Rotate(Box::new(rotation(&grant, generation, NOW)));
            let outcome = settle(&store, transaction(vec![rotate])).await;
            let is = inner.grant(grant.id, None).await.unwrap().unwrap().record.refresh.unwrap().generation;
            match outcome {
                Ok(Commit::Done) => assert_eq!(is, generation + 1, "seed {seed}: acknowledged, so it happened once"),
                Ok(Commit::Conflict(_)) => panic!("seed {seed}: nobody else rotates"),
                Err(_) => assert!(is == generation || is == generation + 1, "seed {seed}: once at most"),
            }
            generation = is;
        }
        assert!(generation > 5, "seed {seed}: something went through");
    }
}

#[tokio::test]
async fn what_cannot_be_settled_is_an_error() {
    let (store, inner) = faulty(Fault::LostAfter);
    let client = client();
    done(&inner, vec![insert_client(&client)]).await;
    let remove = Change::Remove { key: EditableKey::Client(client.id), if_revision: 0 };
    settle(&store, transaction(vec![remove])).await.unwrap_err();
    assert!(inner.client_by_id(client.id).await.unwrap().is_none());
}

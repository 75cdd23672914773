//! Acknowledgements get lost; what happened is found out by reading.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fixtures::*;
use super::held::{held_claims, held_token, insert_held_token};
use crate::record::{Attempts, DeliveryState, EpochKey, FlowRequest, RevokeReason};
use crate::{
    Change, Commit, CommitError, DeliveryFate, Editable, Page, RowKey, Store, StoreError, Transaction, settle,
};
use async_trait::async_trait;
use firman_proto::time::Lifetime;

pub async fn the_winner_of_a_row_can_be_asked_for(store: Shared) {
    let (client, grant, flow) = (client(), grant(), flow());
    let (account, delivery) = (account(), delivery_due(NOW));
    let arrived = DeliveryFate { id: delivery.id, seen: 1, state: DeliveryState::Done { at: NOW }, error: None };
    done(&store, vec![insert_delivery(&delivery)]).await;
    let [waiting, denied] = [(); 2].map(|()| pending(FlowRequest::Device(polled())));
    for change in [
        insert_client(&client),
        insert_grant(&grant),
        insert_flow(&flow),
        claim(&flow, NOW),
        Change::Rotate(Box::new(rotation(&grant, 0, NOW))),
        Change::InsertSession(Box::new(session())),
        Change::InsertOnce(once()),
        insert_resource(&resource()),
        insert_account(&account),
        insert_held_token(&held_token()),
        Change::Insert(Editable::HeldClaims(Box::new(held_claims()))),
        Change::CountAttempt { id: account.id, seen: 0, to: Attempts { count: 1, locked_until: None } },
        Change::TakeDelivery { id: delivery.id, seen: 0, until: later(9) },
        Change::FinishDelivery(Box::new(arrived)),
        insert_flow(&waiting),
        Change::PollFlow { id: waiting.id, seen: None, interval: Lifetime::ZERO, now: NOW },
        approve(&waiting, &approval(), NOW),
        insert_flow(&denied),
        Change::DenyFlow { id: denied.id, failure: None, now: NOW },
    ] {
        let row = change.deciding_row().unwrap();
        let transaction = transaction(vec![change]);
        let id = transaction.id;
        assert_ne!(store.winner(row).await.unwrap(), Some(id));
        assert_eq!(store.commit(transaction).await.unwrap(), Commit::Done);
        assert_eq!(store.winner(row).await.unwrap(), Some(id));
    }
    let before = store.winner(RowKey::Grant(grant.id)).await.unwrap();
    conflict(&store, Change::Rotate(Box::new(rotation(&grant, 0, NOW)))).await;
    assert_eq!(store.winner(RowKey::Grant(grant.id)).await.unwrap(), before);
    assert_eq!(store.winner(RowKey::Grant(id())).await.unwrap(), None);
}

pub async fn a_lost_acknowledgement_is_resolved_by_reading(store: Shared) {
    let grant = grant();
    let lossy = Lossy::new(&store, Loss::Acknowledgement);
    assert_eq!(settle(&lossy, transaction(vec![insert_grant(&grant)])).await.unwrap(), Commit::Done);
    lossy.arm();
    let rotate = vec![Change::Rotate(Box::new(rotation(&grant, 0, NOW)))];
    assert_eq!(settle(&lossy, transaction(rotate.clone())).await.unwrap(), Commit::Done);
    assert_eq!(store.grant(grant.id, None).await.unwrap().unwrap().record.refresh.unwrap().generation, 1);
    assert_eq!(settle(&lossy, transaction(rotate)).await.unwrap(), Commit::Conflict(0));
}

pub async fn a_commit_that_never_arrived_is_not_done(store: Shared) {
    let grant = grant();
    let lossy = Lossy::new(&store, Loss::Request);
    settle(&lossy, transaction(vec![insert_grant(&grant)])).await.unwrap_err();
    assert_eq!(store.grant(grant.id, None).await.unwrap(), None);
    assert_eq!(settle(&lossy, transaction(vec![insert_grant(&grant)])).await.unwrap(), Commit::Done);
}

pub async fn harmless_changes_are_repeated(store: Shared) {
    let grant = grant();
    done(&store, vec![insert_grant(&grant)]).await;
    for loss in [Loss::Request, Loss::Acknowledgement] {
        let lossy = Lossy::new(&store, loss);
        let event = Change::Append(Box::new(event(grant.id)));
        let revoke = Change::RevokeGrant { id: grant.id, reason: RevokeReason::Client, now: NOW };
        let outcome =
            settle(&lossy, transaction(vec![revoke, event, Change::AdvanceEpoch(EpochKey::Everything)])).await;
        assert_eq!(outcome.unwrap(), Commit::Done);
    }
    assert!(store.grant(grant.id, None).await.unwrap().unwrap().record.revoked_at.is_some());
    assert_eq!(store.events(Some(grant.id), Page::first(10)).await.unwrap().len(), 2);
}

#[derive(Clone, Copy, PartialEq)]
enum Loss {
    Request,
    Acknowledgement,
}

/// Loses one commit's request or acknowledgement, then works.
struct Lossy {
    inner: Shared,
    loss: Loss,
    armed: AtomicBool,
}

impl Lossy {
    fn new(inner: &Shared, loss: Loss) -> Self {
        Self { inner: Arc::clone(inner), loss, armed: AtomicBool::new(true) }
    }

    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for Lossy {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        if !self.armed.swap(false, Ordering::SeqCst) {
            return self.inner.commit(transaction).await;
        }
        if self.loss == Loss::Acknowledgement {
            self.inner.commit(transaction).await?;
        }
        let cause = "the connection went away".to_owned();
        Err(CommitError::Unknown(StoreError { what: "commit", cause, temporary: true }))
    }

    crate::forward_reads! { Self::inner }
}

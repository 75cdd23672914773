//! What must reach somebody else: taken by one at a time, until it does.

use super::fixtures::*;
use crate::record::{Delivery, DeliveryKind, DeliveryState};
use crate::{Change, DeliveryFate, Page};

async fn read(store: &Shared, delivery: &Delivery) -> Delivery {
    store.delivery(delivery.id).await.unwrap().unwrap()
}

fn take(delivery: &Delivery, seen: u32) -> Change {
    Change::TakeDelivery { id: delivery.id, seen, until: later(30) }
}

fn finish(delivery: &Delivery, seen: u32, state: DeliveryState) -> Change {
    let error = matches!(state, DeliveryState::Done { .. }).then(|| "connection refused".to_owned());
    Change::FinishDelivery(Box::new(DeliveryFate { id: delivery.id, seen, state, error }))
}

pub async fn a_delivery_reads_back(store: Shared) {
    for kind in DeliveryKind::ALL {
        let whole = Delivery { kind: *kind, error: Some("ü".to_owned()), ..delivery_due(NOW) };
        let bare = Delivery { client: None, sealed: vec![], rest: crate::record::Rest::new(), ..delivery_due(NOW) };
        done(&store, vec![insert_delivery(&whole), insert_delivery(&bare)]).await;
        // The same once more changes nothing.
        done(&store, vec![insert_delivery(&Delivery { attempts: 9, ..whole.clone() })]).await;
        assert_eq!(read(&store, &whole).await, whole);
        assert_eq!(read(&store, &bare).await, bare);
    }
    assert_eq!(store.delivery(id()).await.unwrap(), None);
}

pub async fn what_is_due_comes_first_and_what_is_not_does_not(store: Shared) {
    let all: Vec<Delivery> = [15, 5, 10, 11].map(|seconds| delivery_due(later(seconds))).into();
    done(&store, all.iter().map(insert_delivery).collect()).await;
    let due = |at, limit| {
        let store = store.clone();
        async move { store.due_deliveries(at, limit).await.unwrap() }
    };
    assert_eq!(due(later(4), 9).await, vec![]);
    assert_eq!(due(later(10), 9).await, [all[1].clone(), all[2].clone()]);
    assert_eq!(due(later(19), 3).await, [all[1].clone(), all[2].clone(), all[3].clone()]);
}

pub async fn a_delivery_is_taken_once_until_its_time(store: Shared) {
    let delivery = delivery_due(NOW);
    done(&store, vec![insert_delivery(&delivery)]).await;
    done(&store, vec![take(&delivery, 0)]).await;
    conflict(&store, take(&delivery, 0)).await;
    assert_eq!(store.due_deliveries(later(29), 9).await.unwrap(), vec![]);
    let taken = Delivery { attempts: 1, state: DeliveryState::Due { at: later(30) }, ..delivery.clone() };
    assert_eq!(store.due_deliveries(later(30), 9).await.unwrap(), [taken]);
    done(&store, vec![take(&delivery, 1)]).await;
    conflict(&store, Change::TakeDelivery { id: id(), seen: 0, until: NOW }).await;
}

pub async fn what_became_of_a_delivery_is_told_by_who_took_it_last(store: Shared) {
    let delivery = delivery_due(NOW);
    done(&store, vec![insert_delivery(&delivery), take(&delivery, 0), take(&delivery, 1)]).await;
    let (again, over) = (DeliveryState::Due { at: later(60) }, DeliveryState::GivenUp { at: later(61) });
    conflict(&store, finish(&delivery, 1, over)).await;
    done(&store, vec![finish(&delivery, 2, again)]).await;
    assert_eq!(store.due_deliveries(later(59), 9).await.unwrap(), vec![]);
    assert_eq!(read(&store, &delivery).await.state, again);
    done(&store, vec![take(&delivery, 2), finish(&delivery, 3, over)]).await;
    assert_eq!(read(&store, &delivery).await, Delivery { state: over, attempts: 3, ..delivery.clone() });
    assert_eq!(store.due_deliveries(later(9999), 9).await.unwrap(), vec![]);
    for change in [take(&delivery, 3), finish(&delivery, 3, again)] {
        conflict(&store, change).await;
    }
}

pub async fn what_is_done_forgets_what_it_was(store: Shared) {
    let delivery = delivery_due(NOW);
    let arrived = DeliveryState::Done { at: later(1) };
    done(&store, vec![insert_delivery(&delivery), take(&delivery, 0), finish(&delivery, 1, arrived)]).await;
    let error = Some("connection refused".to_owned());
    let known = Delivery { state: arrived, attempts: 1, sealed: vec![], error, ..delivery.clone() };
    assert_eq!(read(&store, &delivery).await, known);
    conflict(&store, take(&delivery, 1)).await;
}

pub async fn deliveries_are_listed_from_the_newest(store: Shared) {
    let mut all: Vec<Delivery> =
        (0..3).map(|day| Delivery { id: id_made_at(later(day * 86_400)), ..delivery_due(NOW) }).collect();
    done(&store, all.iter().map(insert_delivery).collect()).await;
    all.reverse();
    assert_eq!(store.deliveries(Page::first(2)).await.unwrap(), all[..2]);
    assert_eq!(store.deliveries(Page { after: Some(all[1].id), limit: 9 }).await.unwrap(), all[2..]);
}

//! What operators look for in the audit trail.

use firman_engine::admin::events::{EventFilter, search};
use firman_proto::id::RecordId;
use firman_store::record::{Event, EventKind, Rest};
use firman_store::{Change, CommitId, Page, Store, Transaction};

use crate::support::*;

/// The id of a record that was made as the so-manieth.
fn id(number: u32) -> RecordId {
    let mut random = [7; 10];
    random[6..].copy_from_slice(&number.to_be_bytes());
    RecordId::new(at(1), random)
}

fn event(number: u32, about: RecordId) -> Event {
    let (client, subject) = (None, None);
    Event { id: id(number), about, kind: EventKind::CodeRedeemed, at: at(1), client, subject, details: Rest::new() }
}

async fn append(world: &World, events: impl IntoIterator<Item = Event>) {
    let changes = events.into_iter().map(|event| Change::Append(Box::new(event))).collect();
    world.store.commit(Transaction { id: CommitId([1; 16]), changes }).await.unwrap();
}

#[tokio::test]
async fn events_are_found_by_what_is_known_of_them() {
    let world = World::new().await;
    let (about, client) = (id(100), id(101));
    let first = Event { kind: EventKind::GrantRevoked, client: Some(client), ..event(1, about) };
    let second = Event { subject: Some("another".to_owned()), ..event(2, about) };
    append(&world, [first.clone(), event(3, id(102)), second.clone(), event(4, id(103))]).await;
    let found = |filter: EventFilter| {
        let world = &world;
        async move { search(&world.engine, &filter, Page::first(9)).await.unwrap().events }
    };
    let any = EventFilter::default;
    assert_eq!(found(EventFilter { about: Some(about), ..any() }).await, [second.clone(), first.clone()]);
    assert_eq!(found(EventFilter { kind: Some(EventKind::GrantRevoked), ..any() }).await, vec![first.clone()]);
    assert_eq!(found(EventFilter { client: Some(client), ..any() }).await, [first]);
    assert_eq!(found(EventFilter { subject: second.subject.clone(), ..any() }).await, vec![second.clone()]);
    assert_eq!(found(EventFilter { client: Some(client), subject: second.subject, ..any() }).await, []);
}

#[tokio::test]
async fn who_looks_for_what_is_rare_gets_a_place_to_go_on_from() {
    let world = World::new().await;
    let rare = event(0, id(0));
    append(&world, (1..10_500).map(|number| event(number, id(1))).chain([rare.clone()])).await;
    let filter = EventFilter { about: Some(rare.about), ..EventFilter::default() };
    let first = search(&world.engine, &filter, Page::first(5)).await.unwrap();
    assert!(first.events.is_empty() && first.next.is_some());
    let rest = search(&world.engine, &filter, Page { after: first.next, limit: 5 }).await.unwrap();
    assert_eq!((rest.events, rest.next), (vec![rare], None));
}

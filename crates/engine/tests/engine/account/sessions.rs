use firman_engine::account::sessions;
use firman_store::record::EventKind;

use super::{person, visitor};
use crate::support::{World, at};

#[tokio::test]
async fn the_browsers_somebody_is_signed_in_with_are_listed_and_ended() {
    let world = World::new().await;
    let (here, there) = (visitor(&world, "somebody", at(0)).await, visitor(&world, "somebody", at(10)).await);
    let other = visitor(&world, "another", at(10)).await;
    let known = person(&world, &here, at(60)).await.unwrap();
    let places = sessions::places(&world.engine, &known, None, at(60)).await.unwrap().items;
    let seen: Vec<_> = places.iter().map(|place| (place.here, place.since, place.last_seen)).collect();
    assert_eq!(seen, [(true, at(0), at(60)), (false, at(10), at(10))]);

    sessions::end(&world.engine, &known, places[1].id, at(61)).await.unwrap();
    assert!(person(&world, &there, at(62)).await.is_none());
    assert!(person(&world, &here, at(62)).await.is_some() && person(&world, &other, at(62)).await.is_some());
    assert_eq!(world.events(EventKind::SessionEnded).await.len(), 1);
    assert_eq!(sessions::places(&world.engine, &known, None, at(62)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let world = World::new().await;
    let (here, other) = (visitor(&world, "somebody", at(0)).await, visitor(&world, "another", at(0)).await);
    let (known, victim) = (person(&world, &here, at(1)).await.unwrap(), person(&world, &other, at(1)).await.unwrap());
    sessions::end(&world.engine, &known, victim.session(), at(2)).await.unwrap();
    assert!(person(&world, &other, at(3)).await.is_some());
    assert!(world.events(EventKind::SessionEnded).await.is_empty());
}

#[tokio::test]
async fn all_other_browsers_are_signed_out_at_once() {
    let world = World::new().await;
    let here = visitor(&world, "somebody", at(0)).await;
    let mut others = Vec::new();
    for _ in 0..60 {
        others.push(visitor(&world, "somebody", at(1)).await);
    }
    let known = person(&world, &here, at(2)).await.unwrap();
    sessions::end_others(&world.engine, &known, at(3)).await.unwrap();
    for other in &others {
        assert!(person(&world, other, at(4)).await.is_none());
    }
    assert!(person(&world, &here, at(4)).await.is_some());
}

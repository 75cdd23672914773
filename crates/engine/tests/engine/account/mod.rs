//! What people see of their own, and change.

mod allowed;
mod api_keys;
mod clients;
mod sessions;

use firman_engine::account::{self, Person};
use firman_engine::authorize::{Next, own};
use firman_proto::time::Timestamp;

use crate::support::{Visitor, World, at};

const PAGE: &str = "/account";

/// Somebody who has signed in to their page.
async fn visitor(world: &World, username: &str, now: Timestamp) -> Visitor {
    let mut visitor = Visitor::new(world);
    let next = own::sign_in(&world.engine, &visitor.browser(), PAGE, false, now).await.unwrap();
    let Next::Login(request) = next else { panic!("no login page: {next:?}") };
    let next = world.sign_in(&mut visitor, &request, username, now).await.unwrap();
    assert_eq!(next, Next::Page(PAGE.to_owned()));
    visitor
}

async fn person(world: &World, visitor: &Visitor, now: Timestamp) -> Option<Person> {
    account::person(&world.engine, &visitor.browser(), now).await.unwrap()
}

async fn somebody(world: &World) -> Person {
    let visitor = visitor(world, "somebody", at(0)).await;
    person(world, &visitor, at(0)).await.unwrap()
}

#[tokio::test]
async fn whoever_comes_to_a_page_of_ours_signs_in_and_comes_back_to_it() {
    let world = World::new().await;
    let visitor = visitor(&world, "somebody", at(0)).await;
    assert_eq!(person(&world, &visitor, at(1)).await.unwrap().username(), "somebody");
    assert!(person(&world, &Visitor::new(&world), at(1)).await.is_none());
    // Who is signed in already goes on at once, unless they are to sign in again.
    let go = async |again| own::sign_in(&world.engine, &visitor.browser(), PAGE, again, at(2)).await.unwrap();
    assert_eq!(go(false).await, Next::Page(PAGE.to_owned()));
    assert!(matches!(go(true).await, Next::Login(_)));
}

#[tokio::test]
async fn somebody_is_fresh_for_a_while_after_they_signed_in() {
    let world = World::new().await;
    let visitor = visitor(&world, "somebody", at(0)).await;
    let known = person(&world, &visitor, at(600)).await.unwrap();
    assert!(known.fresh(&world.engine, at(600)).is_some());
    assert!(known.fresh(&world.engine, at(601)).is_none());
}

#[tokio::test]
async fn a_page_that_is_looked_at_is_a_use_of_the_session() {
    let world = World::new().await;
    let visitor = visitor(&world, "somebody", at(0)).await;
    for hours in [7, 14, 21] {
        assert!(person(&world, &visitor, at(hours * 3600)).await.is_some(), "{hours}");
    }
    assert!(person(&world, &visitor, at(25 * 3600)).await.is_none(), "the session has ended");
}

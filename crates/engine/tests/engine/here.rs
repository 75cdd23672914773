//! A guard in the same process.

use firman_proto::introspection::{ActiveToken, Introspection};
use firman_proto::seal::{Caveat, attenuate};
use firman_store::{Introspect as _, IntrospectError};

use crate::support::{App, Ask, World, at, scope};

const API: &str = "https://api.example";

async fn told(world: &World, token: &str) -> Option<ActiveToken> {
    match world.engine.introspect(API, token, at(1)).await.unwrap() {
        Introspection::Active(active) => Some(*active),
        Introspection::Inactive(_) => None,
    }
}

async fn token_for(world: &World, app: &App, resource: &str) -> String {
    let ask = Ask::new(app, "read").with("resource", resource);
    world.redeem(app, &world.code_for(&ask, at(0)).await, at(0)).await.unwrap().access_token
}

// RFC 7662 §2.2.
#[tokio::test]
async fn a_guard_here_is_told_what_one_elsewhere_is_told_of_tokens_that_are_for_it() {
    let world = World::new().await;
    world.resource(API, |said| said.scope = scope("read")).await;
    world.resource("https://other.example", |said| said.scope = scope("read")).await;
    let app = world.app("app").await;
    let token = token_for(&world, &app, API).await;
    let active = told(&world, &token).await.unwrap();
    assert_eq!((active.aud.as_slice(), &active.scope), ([API.to_owned()].as_slice(), &scope("read")));
    assert_eq!(told(&world, &token_for(&world, &app, "https://other.example").await).await, None);
    assert_eq!(told(&world, "fm_at_nonsense").await, None);
    let weaker = attenuate(&token, &Caveat::parse("path = /v1").unwrap()).unwrap();
    assert_eq!(told(&world, &weaker).await.unwrap().caveats, ["path = /v1"], "the guard keeps what holders have added");
}

#[tokio::test]
async fn who_guards_what_nobody_has_registered_learns_nothing() {
    let world = World::new().await;
    let refused = world.engine.introspect("https://nobody.example", "fm_at_x", at(1)).await;
    assert_eq!(refused, Err(IntrospectError::NoResource("https://nobody.example".to_owned())));
}

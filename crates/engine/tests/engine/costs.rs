//! One protocol step is one look at the client, one read and at most one commit.

use crate::support::{App, Ask, Op, World, at, refresh_token};

async fn world() -> (World, App) {
    let world = World::new().await;
    let app = world.app("app").await;
    (world, app)
}

/// What the store was asked since its calls were forgotten: of clients, of other records, and commits.
fn cost(world: &World) -> (usize, usize, usize) {
    let (clients, commits) = (world.store.count(Op::Client), world.store.count(Op::Commit));
    (clients, world.store.calls() - clients - commits, commits)
}

#[tokio::test]
async fn a_code_costs_one_read_and_one_commit() {
    let (world, app) = world().await;
    let code = world.code(&app, "openid offline_access", at(0)).await;
    world.store.forget_calls();
    world.redeem(&app, &code, at(1)).await.unwrap();
    assert_eq!(cost(&world), (1, 1, 1));
}

#[tokio::test]
async fn a_refresh_costs_one_read_and_one_commit_and_a_retry_no_commit() {
    let (world, app) = world().await;
    let token = refresh_token(&world.tokens(&app, "read", at(0)).await);
    world.store.forget_calls();
    world.refresh(&app, &token, at(1)).await.unwrap();
    assert_eq!(cost(&world), (1, 1, 1));
    world.store.forget_calls();
    world.refresh(&app, &token, at(2)).await.unwrap();
    assert_eq!(cost(&world), (1, 1, 0));
}

#[tokio::test]
async fn introspection_and_userinfo_cost_one_read() {
    let (world, app) = world().await;
    let token = world.tokens(&app, "openid", at(0)).await.access_token;
    world.store.forget_calls();
    assert!(world.is_active(&app, &token, at(1)).await);
    assert_eq!(cost(&world), (2, 1, 0), "the asker, and whose token it is");
    world.store.forget_calls();
    firman_engine::userinfo::userinfo(&world.engine, &token, "GET", None, at(1)).await.unwrap();
    assert_eq!(cost(&world), (1, 1, 0), "whose token it is: it may know the person by another name");
}

#[tokio::test]
async fn a_code_for_somebody_signed_in_costs_one_read_and_one_commit() {
    let (world, app) = world().await;
    let ask = Ask::new(&app, "openid");
    let (visitor, _) = world.walk(&ask, "somebody", at(0)).await;
    world.store.forget_calls();
    world.authorize(&visitor, &ask, at(1)).await.unwrap();
    assert_eq!(cost(&world), (1, 1, 1));
}

// OpenID Connect Back-Channel Logout §2.3.
#[tokio::test]
async fn who_wants_to_be_told_of_the_sessions_end_is_remembered_at_no_further_cost() {
    let world = World::new().await;
    let app = world
        .app_with("app", |new| {
            new.metadata.logout.backchannel_logout_uri = Some("https://app.example/told".to_owned());
        })
        .await;
    let ask = Ask::new(&app, "openid");
    let (visitor, _) = world.walk(&ask, "somebody", at(0)).await;
    world.store.forget_calls();
    world.authorize(&visitor, &ask, at(1)).await.unwrap();
    assert_eq!(cost(&world), (1, 1, 1));
}

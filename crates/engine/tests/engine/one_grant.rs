//! One live grant for each client, person and scope, and access tokens that are given again; both where they are set.

use firman_engine::Policy;
use firman_proto::error::ErrorCode::InvalidGrant;
use firman_store::record::{EventKind, Grant, RevokeReason};
use firman_store::{GrantsOf, Page, Store as _};

use crate::support::{App, Ask, World, at, parameter, refresh_token, refused};

const ALL: &str = "read write offline_access";

async fn world(edit: impl FnOnce(&mut Policy)) -> (World, App) {
    let world = World::with(|parts| edit(&mut parts.policy)).await;
    let app = world.app("app").await;
    (world, app)
}

async fn grants(world: &World, app: &App) -> Vec<Grant> {
    world.store.grants(GrantsOf::Client(app.id), Page::first(99)).await.unwrap()
}

#[tokio::test]
async fn a_new_grant_takes_the_place_of_the_one_of_the_same_scope() {
    let (world, app) = world(|policy| policy.one_grant = true).await;
    let first = world.tokens(&app, ALL, at(0)).await;
    let narrower = world.tokens(&app, "read offline_access", at(1)).await;
    let second = world.tokens(&app, ALL, at(2)).await;
    assert!(!world.is_active(&app, &first.access_token, at(3)).await);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(3)).await), InvalidGrant);
    for other in [&narrower, &second] {
        assert!(world.is_active(&app, &other.access_token, at(3)).await);
        world.refresh(&app, &refresh_token(other), at(3)).await.unwrap();
    }
    let reasons: Vec<_> = grants(&world, &app).await.into_iter().map(|grant| grant.reason).collect();
    assert_eq!(reasons, [Some(RevokeReason::Replaced), None, None]);
    assert_eq!(world.events(EventKind::GrantRevoked).await.len(), 1);
}

#[tokio::test]
async fn other_people_and_other_clients_have_places_of_their_own() {
    let (world, app) = world(|policy| policy.one_grant = true).await;
    let many = world.app_with("many", |new| new.policy.one_grant = Some(false)).await;
    let mut tokens = vec![world.tokens(&app, ALL, at(0)).await];
    let (_, answer) = world.walk(&Ask::new(&app, ALL), "somebody-else", at(1)).await;
    tokens.push(world.redeem(&app, &parameter(&answer, "code").unwrap(), at(1)).await.unwrap());
    for token in &tokens {
        assert!(world.is_active(&app, &token.access_token, at(2)).await);
    }
    let beside = [world.tokens(&many, ALL, at(0)).await, world.tokens(&many, ALL, at(0)).await];
    for token in &beside {
        assert!(world.is_active(&many, &token.access_token, at(2)).await);
    }
}

#[tokio::test]
async fn a_second_authorization_gets_the_access_token_that_is_still_good() {
    let (world, app) = world(|policy| policy.reuse_access_token = true).await;
    // With a refresh chain, and without one.
    for scope in [ALL, "openid read"] {
        let first = world.tokens(&app, scope, at(0)).await;
        let second = world.tokens(&app, scope, at(100)).await;
        assert_eq!((&second.access_token, &second.refresh_token), (&first.access_token, &first.refresh_token));
        assert_eq!((first.expires_in, second.expires_in), (300, 200));
        // The ID token is of this sign-in.
        assert!(first.id_token.is_none() || first.id_token != second.id_token);
        // What has expired is not given again: the next grant takes its place.
        let third = world.tokens(&app, scope, at(300)).await;
        assert_ne!(third.access_token, first.access_token);
        assert!(world.is_active(&app, &third.access_token, at(301)).await);
        assert!(!world.is_active(&app, &first.access_token, at(301)).await);
    }
    assert_eq!(grants(&world, &app).await.len(), 4);
}

#[tokio::test]
async fn what_was_refreshed_is_given_again_as_it_is_now() {
    let (world, app) = world(|policy| policy.reuse_access_token = true).await;
    let first = world.tokens(&app, ALL, at(0)).await;
    let rotated = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    let second = world.tokens(&app, ALL, at(200)).await;
    assert_eq!((&second.access_token, &second.refresh_token), (&rotated.access_token, &rotated.refresh_token));
    // Revoked is revoked: the next one is new.
    world.revoke(&app, &refresh_token(&second), at(201)).await.unwrap();
    let third = world.tokens(&app, ALL, at(202)).await;
    assert_ne!(third.access_token, second.access_token);
    assert!(world.is_active(&app, &third.access_token, at(203)).await);
}

#[tokio::test]
async fn a_code_that_is_replayed_kills_what_was_given_again_for_it() {
    let (world, app) = world(|policy| policy.reuse_access_token = true).await;
    let first = world.tokens(&app, ALL, at(0)).await;
    let (_, answer) = world.walk(&Ask::new(&app, ALL), "somebody", at(1)).await;
    let code = parameter(&answer, "code").unwrap();
    let again = world.redeem(&app, &code, at(2)).await.unwrap();
    assert_eq!(again.access_token, first.access_token);
    assert_eq!(refused(world.redeem(&app, &code, at(3)).await), InvalidGrant);
    assert!(!world.is_active(&app, &again.access_token, at(4)).await);
}

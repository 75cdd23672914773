//! Token revocation.

use std::sync::Arc;

use firman_engine::admin::grants;
use firman_proto::error::ErrorCode::{InvalidGrant, UnauthorizedClient};
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::token::TokenResponse;
use firman_store::record::{EventKind, RevokeReason};

use crate::support::{App, Op, When, World, at, refresh_token, refused};

/// A world and a grant, made at 0.
async fn world() -> (World, App, TokenResponse) {
    let world = World::new().await;
    let app = world.app("app").await;
    let tokens = world.tokens(&app, "read write", at(0)).await;
    (world, app, tokens)
}

fn weakened(token: &str, caveat: &str) -> String {
    attenuate(token, &Caveat::parse(caveat).unwrap()).unwrap()
}

async fn revocations(world: &World) -> usize {
    world.events(EventKind::GrantRevoked).await.len() + world.events(EventKind::TokenRevoked).await.len()
}

// RFC 7009 §2.1.
#[tokio::test]
async fn revoking_a_refresh_token_ends_the_grant() {
    let (world, app, tokens) = world().await;
    world.revoke(&app, &refresh_token(&tokens), at(1)).await.unwrap();
    let grant = world.grant(&app).await.record;
    assert_eq!((grant.revoked_at, grant.reason), (Some(at(1)), Some(RevokeReason::Client)));
    assert!(!world.is_active(&app, &tokens.access_token, at(1)).await);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&tokens), at(1)).await), InvalidGrant);
}

#[tokio::test]
async fn revoking_an_access_token_ends_it_alone() {
    let (world, app, first) = world().await;
    let second = world.refresh(&app, &refresh_token(&first), at(1)).await.unwrap();
    world.revoke(&app, &first.access_token, at(2)).await.unwrap();
    assert!(!world.is_active(&app, &first.access_token, at(2)).await);
    assert!(world.is_active(&app, &second.access_token, at(2)).await);
    assert!(world.is_active(&app, &refresh_token(&second), at(2)).await);
}

#[tokio::test]
async fn revoking_a_weakened_token_kills_what_was_weakened_from_it_and_leaves_the_stronger_alive() {
    let (world, app, tokens) = world().await;
    let strong = tokens.access_token;
    let weak = weakened(&strong, "scope = read");
    let (weaker, sibling) = (weakened(&weak, "before = 1795000200"), weakened(&strong, "scope = write"));
    world.revoke(&app, &weak, at(1)).await.unwrap();
    assert!(world.is_active(&app, &strong, at(1)).await);
    assert!(world.is_active(&app, &sibling, at(1)).await);
    assert!(!world.is_active(&app, &weak, at(1)).await);
    assert!(!world.is_active(&app, &weaker, at(1)).await);
    world.revoke(&app, &strong, at(2)).await.unwrap();
    assert!(!world.is_active(&app, &strong, at(2)).await);
    assert!(!world.is_active(&app, &sibling, at(2)).await);
}

#[tokio::test]
async fn a_token_that_was_narrowed_by_us_is_revoked_like_any_other() {
    let (world, app, _) = world().await;
    let token = world.client_credentials(&app, Some("read"), at(0)).await.unwrap().access_token;
    let other = world.client_credentials(&app, None, at(0)).await.unwrap().access_token;
    world.revoke(&app, &token, at(1)).await.unwrap();
    assert!(!world.is_active(&app, &token, at(1)).await);
    assert!(world.is_active(&app, &other, at(1)).await, "the standing grant goes on");
}

#[tokio::test]
async fn revoking_a_rotated_refresh_token_inside_its_window_closes_the_window_and_leaves_the_successor() {
    let (world, app, first) = world().await;
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    world.revoke(&app, &refresh_token(&first), at(110)).await.unwrap();
    assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(111)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.revoked_at, None, "closed early is late, not reuse");
    let third = world.refresh(&app, &refresh_token(&second), at(112)).await.unwrap();
    // The next rotation opens a window of its own.
    let retry = world.refresh(&app, &refresh_token(&second), at(113)).await.unwrap();
    assert_eq!(retry.refresh_token, third.refresh_token);
}

#[tokio::test]
async fn revoking_a_rotated_refresh_token_later_does_nothing() {
    let (world, app, first) = world().await;
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    let third = world.refresh(&app, &refresh_token(&second), at(200)).await.unwrap();
    let fourth = world.refresh(&app, &refresh_token(&third), at(300)).await.unwrap();
    let before = world.grant(&app).await;
    for token in [&first, &second, &third] {
        world.revoke(&app, &refresh_token(token), at(330)).await.unwrap();
    }
    assert_eq!(world.grant(&app).await, before);
    assert_eq!(revocations(&world).await, 0);
    world.refresh(&app, &refresh_token(&fourth), at(331)).await.unwrap();
}

#[tokio::test]
async fn a_public_clients_window_closes_sooner() {
    let world = World::new().await;
    let app = world.public_app("app").await;
    let first = world.tokens(&app, "read", at(0)).await;
    world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    world.revoke(&app, &refresh_token(&first), at(110)).await.unwrap();
    assert!(!world.grant(&app).await.record.refresh.unwrap().retry_closed);
    world.revoke(&app, &refresh_token(&first), at(109)).await.unwrap();
    assert!(world.grant(&app).await.record.refresh.unwrap().retry_closed);
}

#[tokio::test]
async fn a_rotation_that_comes_between_leaves_nothing_to_close() {
    let (world, app, first) = world().await;
    let world = Arc::new(world);
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    let (rival, rivals_app, token) = (Arc::clone(&world), app.clone(), refresh_token(&second));
    world.store.interrupt(When::Before, Op::Commit, move || async move {
        rival.refresh(&rivals_app, &token, at(101)).await.unwrap();
    });
    world.revoke(&app, &refresh_token(&first), at(101)).await.unwrap();
    assert_eq!(world.generation(&app).await, 2);
    assert!(!world.grant(&app).await.record.refresh.unwrap().retry_closed);
}

#[tokio::test]
async fn revoking_the_live_token_beats_a_rotation_that_comes_between() {
    let (world, app, first) = world().await;
    let world = Arc::new(world);
    let (rival, rivals_app, token) = (Arc::clone(&world), app.clone(), refresh_token(&first));
    world.store.interrupt(When::Before, Op::Commit, move || async move {
        rival.refresh(&rivals_app, &token, at(1)).await.unwrap();
    });
    world.revoke(&app, &refresh_token(&first), at(1)).await.unwrap();
    assert_eq!(world.grant(&app).await.record.revoked_at, Some(at(1)));
}

// RFC 7009 §2.2.
#[tokio::test]
async fn what_is_unknown_is_as_dead_as_it_should_be() {
    let (world, app, tokens) = world().await;
    let elsewhere = World::elsewhere().await;
    let foreign = elsewhere.tokens(&elsewhere.app("app").await, "read", at(0)).await;
    let code = world.code(&app, "read", at(0)).await;
    let secret = app.credentials.secret.clone().unwrap();
    for unknown in ["", "x", "fm_at_", "fm_rt_", &code, &secret, &foreign.access_token, &refresh_token(&foreign)] {
        world.revoke(&app, unknown, at(1)).await.unwrap();
    }
    assert_eq!(revocations(&world).await, 0);
    assert!(world.is_active(&app, &tokens.access_token, at(1)).await);
    world.redeem(&app, &code, at(1)).await.expect("a code is not revoked here");
}

#[tokio::test]
async fn what_is_dead_stays_dead_and_nothing_is_written() {
    let (world, app, tokens) = world().await;
    world.revoke(&app, &tokens.access_token, at(300)).await.unwrap();
    assert_eq!(revocations(&world).await, 0, "it had expired");
    world.revoke(&app, &refresh_token(&tokens), at(301)).await.unwrap();
    assert_eq!(revocations(&world).await, 1);
    world.revoke(&app, &refresh_token(&tokens), at(302)).await.unwrap();
    assert_eq!(revocations(&world).await, 1, "a grant is revoked once");
    assert_eq!(world.grant(&app).await.record.revoked_at, Some(at(301)));
}

// RFC 7009 §2.1.
#[tokio::test]
async fn another_clients_token_is_refused_and_lives() {
    let (world, app, tokens) = world().await;
    let other = world.app("other").await;
    for token in [tokens.access_token.clone(), refresh_token(&tokens)] {
        assert_eq!(refused(world.revoke(&other, &token, at(1)).await), UnauthorizedClient);
        assert!(world.is_active(&app, &token, at(1)).await);
    }
}

#[tokio::test]
async fn a_public_client_may_revoke_its_own() {
    let world = World::new().await;
    let app = world.public_app("app").await;
    let tokens = world.tokens(&app, "read", at(0)).await;
    world.revoke(&app, &refresh_token(&tokens), at(1)).await.unwrap();
    assert_eq!(world.grant(&app).await.record.revoked_at, Some(at(1)));
}

#[tokio::test]
async fn an_operator_revokes_a_grant_once_and_for_all() {
    let (world, app, tokens) = world().await;
    let id = world.grant(&app).await.record.id;
    grants::revoke(&world.engine, id, at(1)).await.unwrap();
    grants::revoke(&world.engine, id, at(2)).await.unwrap();
    let grant = world.grant(&app).await.record;
    assert_eq!((grant.revoked_at, grant.reason), (Some(at(1)), Some(RevokeReason::Operator)));
    assert_eq!(revocations(&world).await, 1);
    assert!(!world.is_active(&app, &tokens.access_token, at(1)).await);
}

#[tokio::test]
async fn a_lost_acknowledgement_does_not_lose_a_revocation() {
    let (world, app, tokens) = world().await;
    world.store.lose_acknowledgements(1);
    world.revoke(&app, &tokens.access_token, at(1)).await.unwrap();
    assert!(!world.is_active(&app, &tokens.access_token, at(1)).await);
    world.store.lose_acknowledgements(1);
    world.revoke(&app, &refresh_token(&tokens), at(2)).await.unwrap();
    assert_eq!(world.grant(&app).await.record.revoked_at, Some(at(2)));
}

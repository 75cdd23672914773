//! The refresh token grant: old tokens, and what their age makes of them.
//!
//! Token 0 is rotated at 100: its window ends at 130, and until 190 it is late and no more.

use firman_proto::error::ErrorCode::{InvalidClient, InvalidGrant};
use firman_proto::seal::Salt;
use firman_proto::token::TokenResponse;
use firman_store::record::{EventKind, RevokeReason};

use crate::support::{App, World, at, refresh_token, refused};

const ALL: &str = "openid read offline_access";

/// A world with one grant that was refreshed at these times, and every refresh token of it.
async fn world(refreshed_at: &[i64]) -> (World, App, Vec<String>) {
    let world = World::new().await;
    let app = world.app("app").await;
    let first: TokenResponse = world.tokens(&app, ALL, at(0)).await;
    let mut tokens = vec![refresh_token(&first)];
    for time in refreshed_at {
        let next = world.refresh(&app, tokens.last().unwrap(), at(*time)).await.unwrap();
        tokens.push(refresh_token(&next));
    }
    (world, app, tokens)
}

/// The token is refused; whether the grant outlives that is told.
async fn grant_survives(world: &World, app: &App, token: &str, time: i64) -> bool {
    assert_eq!(refused(world.refresh(app, token, at(time)).await), InvalidGrant);
    let grant = world.grant(app).await.record;
    match grant.revoked_at {
        None => true,
        Some(when) => {
            assert_eq!((when, grant.reason), (at(time), Some(RevokeReason::RefreshReused)));
            false
        }
    }
}

#[tokio::test]
async fn a_token_that_comes_late_is_refused_and_nothing_more() {
    let (world, app, tokens) = world(&[100]).await;
    for time in [130, 150, 189] {
        assert!(grant_survives(&world, &app, &tokens[0], time).await, "at {time}");
    }
    assert!(world.events(EventKind::GrantRevoked).await.is_empty());
    world.refresh(&app, &tokens[1], at(189)).await.unwrap();
}

// RFC 9700 §4.14.2.
#[tokio::test]
async fn a_token_that_comes_later_still_is_reuse_and_revokes_the_grant() {
    let (world, app, tokens) = world(&[100]).await;
    assert!(!grant_survives(&world, &app, &tokens[0], 190).await);
    assert_eq!(refused(world.refresh(&app, &tokens[1], at(190)).await), InvalidGrant);
    assert_eq!(world.events(EventKind::GrantRevoked).await.len(), 1);
    // It is revoked for every node, and for good.
    let neighbour = world.neighbour(at(200)).await;
    assert_eq!(refused(neighbour.refresh(&app, &tokens[1], at(200)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.revoked_at, Some(at(190)));
}

#[tokio::test]
async fn a_token_two_generations_old_is_late_counted_from_its_own_rotation() {
    let (world, app, tokens) = world(&[100, 120]).await;
    for time in [121, 129, 130, 189] {
        assert!(grant_survives(&world, &app, &tokens[0], time).await, "at {time}");
    }
    assert!(!grant_survives(&world, &app, &tokens[0], 190).await);
}

#[tokio::test]
async fn the_token_before_has_its_window_while_an_older_one_has_none() {
    let (world, app, tokens) = world(&[100, 101]).await;
    assert!(grant_survives(&world, &app, &tokens[0], 102).await);
    let retry = world.refresh(&app, &tokens[1], at(130)).await.unwrap();
    assert_eq!(refresh_token(&retry), tokens[2]);
}

// RFC 9700 §4.14.2.
#[tokio::test]
async fn a_token_three_generations_old_is_reuse_at_once() {
    let (world, app, tokens) = world(&[100, 101, 102]).await;
    assert!(!grant_survives(&world, &app, &tokens[0], 103).await);
}

// RFC 6749 §6, RFC 9700 §4.14.2.
#[tokio::test]
async fn an_old_token_of_another_client_or_of_nobody_has_no_consequence() {
    let (world, app, tokens) = world(&[100, 101, 102]).await;
    let other = world.app("other").await;
    let mut guesser = app.clone();
    guesser.credentials.secret = Some("guess".to_owned());
    for token in &tokens {
        assert!(grant_survives_of(&world, &app, &other, token).await);
        assert_eq!(refused(world.refresh(&guesser, token, at(500)).await), InvalidClient);
    }
    assert_eq!(world.generation(&app).await, 3);
    world.refresh(&app, &tokens[3], at(500)).await.unwrap();
}

async fn grant_survives_of(world: &World, app: &App, asker: &App, token: &str) -> bool {
    assert_eq!(refused(world.refresh(asker, token, at(500)).await), InvalidGrant);
    world.grant(app).await.record.revoked_at.is_none()
}

#[tokio::test]
async fn an_old_token_of_a_dead_grant_changes_nothing() {
    let (world, app, tokens) = world(&[100]).await;
    world.revoke(&app, &tokens[1], at(101)).await.unwrap();
    assert_eq!(refused(world.refresh(&app, &tokens[0], at(500)).await), InvalidGrant);
    let grant = world.grant(&app).await.record;
    assert_eq!((grant.revoked_at, grant.reason), (Some(at(101)), Some(RevokeReason::Client)));
    assert_eq!(world.events(EventKind::GrantRevoked).await.len(), 1);
}

#[tokio::test]
async fn a_token_newer_than_its_grant_is_refused_without_cascade() {
    let (world, app, tokens) = world(&[100]).await;
    let backup = world.grant(&app).await.record;
    let next = world.refresh(&app, &tokens[1], at(200)).await.unwrap();
    world.store.roll_back(backup);
    for time in [201, 100_000] {
        assert_eq!(refused(world.refresh(&app, &refresh_token(&next), at(time)).await), InvalidGrant);
    }
    assert!(world.events(EventKind::GrantRevoked).await.is_empty());
}

#[tokio::test]
async fn a_token_of_a_branch_that_a_restored_backup_forgot_is_refused_without_cascade() {
    let (world, app, tokens) = world(&[100]).await;
    let mut restored = world.grant(&app).await.record;
    restored.refresh.as_mut().unwrap().current.salt = Salt::from_bytes([1; 16]);
    world.store.roll_back(restored);
    assert_eq!(refused(world.refresh(&app, &tokens[1], at(500)).await), InvalidGrant);
    assert!(world.events(EventKind::GrantRevoked).await.is_empty());
}

#[tokio::test]
async fn a_token_whose_seal_key_was_revoked_does_not_open_and_has_no_consequence() {
    let (world, app, tokens) = world(&[100]).await;
    world.engine.make_keys().revoke_sealing(1, at(101)).await.unwrap().expect("key 1");
    world.engine.keys().reload(&*world.store, at(101)).await.unwrap();
    assert!(grant_survives(&world, &app, &tokens[0], 500).await);
    assert!(grant_survives(&world, &app, &tokens[1], 500).await);
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_before_the_store_is_asked() {
    let (world, app, tokens) = world(&[]).await;
    let access = world.tokens(&world.app("other").await, ALL, at(0)).await.access_token;
    let changed = format!("{}{}", &tokens[0][..tokens[0].len() - 1], if tokens[0].ends_with('A') { "E" } else { "A" });
    let rekinded = access.replacen("fm_at_", "fm_rt_", 1);
    for forged in ["", "fm_rt_", "x", &access, &changed, &rekinded, &tokens[0][..40]] {
        world.store.forget_calls();
        assert_eq!(refused(world.refresh(&app, forged, at(1)).await), InvalidGrant, "{forged}");
        assert_eq!(world.store.calls(), 1, "the client is looked up, and nothing else");
    }
    world.refresh(&app, &tokens[0], at(1)).await.unwrap();
}

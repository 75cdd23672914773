//! The refresh token grant: what a good token gets, again and again.

use std::sync::Arc;

use firman_engine::admin::grants;
use firman_proto::error::ErrorCode::{InvalidGrant, InvalidScope, UnauthorizedClient};
use firman_proto::id_token::{IdToken, half_hash};
use firman_proto::jws::{self, Algorithm};
use firman_proto::time::Lifetime;
use firman_proto::token::TokenResponse;
use firman_store::Store as _;
use firman_store::record::EpochKey;
use tokio::task::JoinSet;

use crate::support::{App, Op, When, World, at, fault, refresh_token, refreshment, refused, scope};

const ALL: &str = "openid read write offline_access";

/// A world with one grant, made at 0.
async fn world() -> (Arc<World>, App, TokenResponse) {
    let world = World::new().await;
    let app = world.app("app").await;
    let first = world.tokens(&app, ALL, at(0)).await;
    (Arc::new(world), app, first)
}

fn id_token(world: &World, response: &TokenResponse) -> IdToken {
    jws::verify(response.id_token.as_deref().unwrap(), world.engine.keys().current().published()).unwrap()
}

// RFC 6749 §6.
#[tokio::test]
async fn a_refresh_token_gets_its_successor_and_a_new_access_token() {
    let (world, app, first) = world().await;
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    assert_ne!(first.access_token, second.access_token);
    assert_eq!((second.expires_in, &second.scope), (300, &scope(ALL)));
    assert_eq!(world.generation(&app).await, 1);
    let third = world.refresh(&app, &refresh_token(&second), at(200)).await.unwrap();
    assert_eq!(world.generation(&app).await, 2);
    // Access tokens live until they expire, however often their grant is refreshed.
    for response in [&first, &second, &third] {
        assert!(world.is_active(&app, &response.access_token, at(200)).await);
    }
}

#[tokio::test]
async fn refreshing_leaves_no_row_behind() {
    let (world, app, first) = world().await;
    let mut token = refresh_token(&first);
    let before = world.store.events(None, firman_store::Page::first(10_000)).await.unwrap();
    for n in 1..=50 {
        token = refresh_token(&world.refresh(&app, &token, at(n)).await.unwrap());
    }
    assert_eq!(world.store.events(None, firman_store::Page::first(10_000)).await.unwrap(), before);
    assert_eq!(world.generation(&app).await, 50);
}

// OpenID Connect Core §12.2.
#[tokio::test]
async fn the_id_token_of_a_refresh_has_no_nonce_and_the_first_sign_in() {
    let (world, app, first) = world().await;
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    let (before, after) = (id_token(&world, &first), id_token(&world, &second));
    let expected = IdToken {
        nonce: None,
        iat: at(100).seconds(),
        exp: at(400).seconds(),
        at_hash: Some(half_hash(&second.access_token, Algorithm::ES256)),
        ..before
    };
    assert_eq!(after, expected);
    assert_eq!(after.auth_time, Some(at(0).seconds()));
}

#[tokio::test]
async fn a_retry_inside_the_window_gets_the_identical_tokens() {
    let (world, app, first) = world().await;
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    let retry = world.refresh(&app, &refresh_token(&first), at(129)).await.unwrap();
    assert_eq!(retry.refresh_token, second.refresh_token);
    assert_eq!(retry.access_token, second.access_token);
    assert_eq!(retry.expires_in, 271, "it is the old access token");
    assert_eq!(world.generation(&app).await, 1);
}

#[tokio::test]
async fn a_public_clients_window_is_ten_seconds() {
    let world = World::new().await;
    let app = world.public_app("app").await;
    let first = world.tokens(&app, ALL, at(0)).await;
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    let retry = world.refresh(&app, &refresh_token(&first), at(109)).await.unwrap();
    assert_eq!(retry.refresh_token, second.refresh_token);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(110)).await), InvalidGrant);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(169)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.revoked_at, None);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(170)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.revoked_at, Some(at(170)));
}

async fn refresh_64_times_at_once(world: &Arc<World>, app: &App, token: &str) -> Vec<TokenResponse> {
    world.store.give_way();
    let mut rivals = JoinSet::new();
    for _ in 0..64 {
        let (world, app, token) = (Arc::clone(world), app.clone(), token.to_owned());
        rivals.spawn(async move { world.refresh(&app, &token, at(100)).await.unwrap() });
    }
    rivals.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_concurrent_refreshes_all_get_the_identical_tokens() {
    let (world, app, first) = world().await;
    let responses = refresh_64_times_at_once(&world, &app, &refresh_token(&first)).await;
    let one = &responses[0];
    assert_eq!(responses.len(), 64);
    assert!(responses.iter().all(|other| other.refresh_token == one.refresh_token));
    assert!(responses.iter().all(|other| other.access_token == one.access_token));
    assert_ne!(one.refresh_token, first.refresh_token);
    assert_eq!(world.generation(&app).await, 1);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_found_out_and_the_chain_moves_once() {
    let (world, app, first) = world().await;
    world.store.lose_acknowledgements(1);
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    assert_eq!(world.generation(&app).await, 1);
    let retry = world.refresh(&app, &refresh_token(&first), at(101)).await.unwrap();
    assert_eq!(retry.refresh_token, second.refresh_token);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_acknowledgement_among_64_rivals_changes_nothing() {
    let (world, app, first) = world().await;
    world.store.lose_acknowledgements(1);
    let responses = refresh_64_times_at_once(&world, &app, &refresh_token(&first)).await;
    assert!(responses.iter().all(|other| other.refresh_token == responses[0].refresh_token));
    assert_eq!(world.generation(&app).await, 1);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_fault_and_no_refusal() {
    let (world, app, first) = world().await;
    for op in [Op::Client, Op::Grant, Op::Commit] {
        world.store.fail(Some(op));
        assert!(fault(world.refresh(&app, &refresh_token(&first), at(100)).await).temporary, "{op:?}");
    }
    world.store.fail(None);
    world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
}

// RFC 6749 §6.
#[tokio::test]
async fn a_narrower_scope_narrows_the_access_token_and_nothing_else() {
    let (world, app, first) = world().await;
    let narrow = world.token(&app, refreshment(&refresh_token(&first), Some("read")), at(100)).await.unwrap();
    assert_eq!(narrow.scope, scope("read"));
    assert!(narrow.id_token.is_none(), "openid was not asked for");
    assert_eq!(world.introspect(&app, &narrow.access_token, at(100)).await["scope"], "read");
    let whole = world.introspect(&app, &refresh_token(&narrow), at(100)).await;
    assert_eq!(whole["scope"], scope(ALL).to_string());
    let next = world.refresh(&app, &refresh_token(&narrow), at(200)).await.unwrap();
    assert_eq!(next.scope, scope(ALL));
}

#[tokio::test]
async fn a_retry_with_the_same_narrower_scope_gets_the_identical_tokens() {
    let (world, app, first) = world().await;
    let narrow = || refreshment(&refresh_token(&first), Some("write read"));
    let second = world.token(&app, narrow(), at(100)).await.unwrap();
    let retry = world.token(&app, narrow(), at(101)).await.unwrap();
    assert_eq!((&retry.access_token, &retry.refresh_token), (&second.access_token, &second.refresh_token));
    let wider = world.refresh(&app, &refresh_token(&first), at(102)).await.unwrap();
    assert_eq!((wider.refresh_token, wider.scope), (second.refresh_token, scope(ALL)));
    assert_ne!(wider.access_token, second.access_token);
}

#[tokio::test]
async fn the_granted_scope_asked_for_again_is_not_narrower() {
    let (world, app, first) = world().await;
    let second = world.token(&app, refreshment(&refresh_token(&first), Some(ALL)), at(100)).await.unwrap();
    let retry = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    assert_eq!(second.access_token, retry.access_token);
}

// RFC 6749 §6.
#[tokio::test]
async fn a_wider_scope_is_refused_without_rotating() {
    let (world, app, first) = world().await;
    let wider = refreshment(&refresh_token(&first), Some("read email"));
    assert_eq!(refused(world.token(&app, wider, at(100)).await), InvalidScope);
    assert_eq!(world.generation(&app).await, 0);
}

#[tokio::test]
async fn a_narrower_scope_that_no_token_can_carry_is_refused_without_rotating() {
    let world = World::new().await;
    let words: Vec<_> = (10..40).map(|n| format!("{n}{}", "x".repeat(60))).collect();
    let app = world.app_with("app", |new| new.metadata.scope = scope(&words.join(" "))).await;
    let first = world.tokens(&app, &words.join(" "), at(0)).await;
    let long = refreshment(&refresh_token(&first), Some(&words[1..].join(" ")));
    assert_eq!(refused(world.token(&app, long, at(100)).await), InvalidScope);
    assert_eq!(world.generation(&app).await, 0);
}

#[tokio::test]
async fn a_grant_ends_at_its_absolute_end_and_no_access_token_outlives_it() {
    let world = World::new().await;
    let app = world.app_with("app", |new| new.policy.refresh_token_seconds = Some(1000)).await;
    let first = world.tokens(&app, ALL, at(0)).await;
    let second = world.refresh(&app, &refresh_token(&first), at(900)).await.unwrap();
    assert_eq!(second.expires_in, 100);
    assert!(world.is_active(&app, &second.access_token, at(999)).await);
    assert!(!world.is_active(&app, &second.access_token, at(1000)).await);
    let last = world.refresh(&app, &refresh_token(&second), at(999)).await.unwrap();
    assert_eq!(refused(world.refresh(&app, &refresh_token(&last), at(1000)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.revoked_at, None);
}

#[tokio::test]
async fn a_revoked_grant_is_not_refreshed_and_not_retried() {
    let (world, app, first) = world().await;
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    grants::revoke(&world.engine, world.grant(&app).await.record.id, at(101)).await.unwrap();
    for token in [refresh_token(&first), refresh_token(&second)] {
        assert_eq!(refused(world.refresh(&app, &token, at(102)).await), InvalidGrant);
    }
}

#[tokio::test]
async fn a_revocation_that_comes_between_wins() {
    let (world, app, first) = world().await;
    let (engine, id) = (Arc::clone(&world.engine), world.grant(&app).await.record.id);
    world.store.interrupt(When::After, Op::Grant, move || async move {
        grants::revoke(&engine, id, at(100)).await.unwrap();
    });
    assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(100)).await), InvalidGrant);
    assert_eq!(world.generation(&app).await, 0);
}

#[tokio::test]
async fn an_epoch_that_moves_between_kills_what_is_being_issued() {
    let (world, app, first) = world().await;
    let (engine, id) = (Arc::clone(&world.engine), app.id);
    world.store.interrupt(When::After, Op::Grant, move || async move {
        grants::sign_out_everywhere(&engine, EpochKey::Client(id), at(100)).await.unwrap();
    });
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    assert!(!world.is_active(&app, &second.access_token, at(100)).await);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&second), at(100)).await), InvalidGrant);
}

#[tokio::test]
async fn a_retry_after_the_seal_key_was_rotated_gets_the_identical_tokens() {
    let (world, app, first) = world().await;
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    world.engine.make_keys().rotate_sealing(Lifetime::ZERO, at(101)).await.unwrap();
    world.engine.keys().reload(&*world.store, at(101)).await.unwrap();
    assert_eq!(world.engine.keys().current().keyring.current_number(), 2);
    let retry = world.refresh(&app, &refresh_token(&first), at(102)).await.unwrap();
    assert_eq!((&retry.access_token, &retry.refresh_token), (&second.access_token, &second.refresh_token));
    let third = world.refresh(&app, &refresh_token(&second), at(103)).await.unwrap();
    assert_eq!(world.grant(&app).await.record.refresh.unwrap().seal_key, 2);
    world.refresh(&app, &refresh_token(&third), at(104)).await.unwrap();
}

#[tokio::test]
async fn a_retry_at_a_node_that_has_not_heard_of_the_new_seal_key_gets_the_identical_tokens() {
    let (world, app, first) = world().await;
    let neighbour = world.neighbour(at(0)).await;
    world.engine.make_keys().rotate_sealing(Lifetime::ZERO, at(99)).await.unwrap();
    world.engine.keys().reload(&*world.store, at(99)).await.unwrap();
    let second = world.refresh(&app, &refresh_token(&first), at(100)).await.unwrap();
    let retry = neighbour.refresh(&app, &refresh_token(&first), at(101)).await.unwrap();
    assert_eq!((&retry.access_token, &retry.refresh_token), (&second.access_token, &second.refresh_token));
}

// RFC 6749 §5.2.
#[tokio::test]
async fn a_client_that_may_no_longer_refresh_is_refused() {
    let (world, app, first) = world().await;
    world.edit_client(&app, |client| client.metadata.grant_types.clear()).await;
    assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(100)).await), UnauthorizedClient);
    assert_eq!(world.generation(&app).await, 0);
}

//! The refresh token grant under other policies than the default, of the server and of one client.

use firman_engine::Policy;
use firman_proto::error::ErrorCode::{InvalidGrant, InvalidScope};
use firman_store::record::{ClientPolicy, EventKind, RefreshPolicy, ReuseReaction, WiderScope};

use crate::support::{App, Op, World, at, refresh_token, refreshment, refused, scope, seconds};

const ALL: &str = "read write offline_access";

/// A world under a policy, and a client of it.
async fn world(edit: impl FnOnce(&mut Policy)) -> (World, App) {
    let world = World::with(|parts| edit(&mut parts.policy)).await;
    let app = world.app("app").await;
    (world, app)
}

async fn reusing() -> (World, App) {
    world(|policy| policy.refresh = RefreshPolicy::Reuse).await
}

#[tokio::test]
async fn a_refresh_token_that_stays_gets_one_access_token_after_the_other() {
    let (world, app) = reusing().await;
    let first = world.tokens(&app, ALL, at(0)).await;
    let token = refresh_token(&first);
    let mut access = vec![first.access_token];
    for time in [1, 100, 100, 86_400] {
        let next = world.refresh(&app, &token, at(time)).await.unwrap();
        assert_eq!((refresh_token(&next), next.expires_in), (token.clone(), 300));
        assert!(!access.contains(&next.access_token));
        assert!(world.is_active(&app, &next.access_token, at(time)).await);
        access.push(next.access_token);
    }
    assert_eq!(world.generation(&app).await, 0);
}

#[tokio::test]
async fn a_refresh_token_that_stays_costs_one_read_and_no_commit() {
    let (world, app) = reusing().await;
    let token = refresh_token(&world.tokens(&app, ALL, at(0)).await);
    world.store.forget_calls();
    world.refresh(&app, &token, at(1)).await.unwrap();
    assert_eq!((world.store.count(Op::Grant), world.store.count(Op::Commit)), (1, 0));
}

#[tokio::test]
async fn a_refresh_token_that_stays_ends_with_its_grant_and_so_do_its_access_tokens() {
    let (world, app) = reusing().await;
    let token = refresh_token(&world.tokens(&app, ALL, at(0)).await);
    let next = world.refresh(&app, &token, at(1)).await.unwrap();
    world.revoke(&app, &token, at(2)).await.unwrap();
    assert_eq!(refused(world.refresh(&app, &token, at(3)).await), InvalidGrant);
    assert!(!world.is_active(&app, &next.access_token, at(3)).await);
    let last = world.tokens(&app, ALL, at(10)).await;
    let end = 10 + 30 * 86_400;
    let cut = world.refresh(&app, &refresh_token(&last), at(end - 60)).await.unwrap();
    assert_eq!(cut.expires_in, 60);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&last), at(end)).await), InvalidGrant);
}

#[tokio::test]
async fn a_clients_word_goes_before_the_servers() {
    let world = World::new().await;
    let edit = ClientPolicy {
        refresh: Some(RefreshPolicy::Reuse),
        on_refresh_reuse: Some(ReuseReaction::Ignore),
        retry_window_seconds: Some(0),
        wider_scope: Some(WiderScope::Intersect),
        ..ClientPolicy::default()
    };
    let app = world.app_with("app", |new| new.policy = edit).await;
    let token = refresh_token(&world.tokens(&app, ALL, at(0)).await);
    assert_eq!(refresh_token(&world.refresh(&app, &token, at(1)).await.unwrap()), token);
    // From now on its tokens rotate; the window is none, and nothing is revoked.
    world.edit_client(&app, |client| client.policy.refresh = Some(RefreshPolicy::Rotate)).await;
    let next = world.token(&app, refreshment(&token, Some("read admin")), at(2)).await.unwrap();
    assert_eq!(next.scope, scope("read"));
    assert_eq!(refused(world.refresh(&app, &token, at(2)).await), InvalidGrant);
    assert_eq!(refused(world.refresh(&app, &token, at(1000)).await), InvalidGrant);
    world.refresh(&app, &refresh_token(&next), at(1000)).await.unwrap();
}

#[tokio::test]
async fn reuse_can_be_ignored() {
    let (world, app) = world(|policy| policy.on_refresh_reuse = ReuseReaction::Ignore).await;
    let first = refresh_token(&world.tokens(&app, ALL, at(0)).await);
    let second = refresh_token(&world.refresh(&app, &first, at(1)).await.unwrap());
    assert_eq!(refused(world.refresh(&app, &first, at(1000)).await), InvalidGrant);
    world.refresh(&app, &second, at(1000)).await.unwrap();
    assert!(world.events(EventKind::GrantRevoked).await.is_empty());
}

#[tokio::test]
async fn reuse_can_end_everything_its_subject_allowed() {
    let (world, app) = world(|policy| policy.on_refresh_reuse = ReuseReaction::Subject).await;
    let other = world.app("other").await;
    let elsewhere = world.tokens(&other, ALL, at(0)).await;
    let first = refresh_token(&world.tokens(&app, ALL, at(0)).await);
    let second = refresh_token(&world.refresh(&app, &first, at(1)).await.unwrap());
    assert!(world.is_active(&other, &elsewhere.access_token, at(100)).await);
    assert_eq!(refused(world.refresh(&app, &first, at(200)).await), InvalidGrant);
    assert!(!world.is_active(&other, &elsewhere.access_token, at(200)).await);
    assert_eq!(refused(world.refresh(&app, &second, at(200)).await), InvalidGrant);
    assert_eq!(refused(world.refresh(&other, &refresh_token(&elsewhere), at(200)).await), InvalidGrant);
    assert_eq!(world.events(EventKind::EpochAdvanced).await.len(), 1);
    // Who signs in afterwards goes on.
    let again = world.tokens(&app, ALL, at(300)).await;
    world.refresh(&app, &refresh_token(&again), at(301)).await.unwrap();
}

#[tokio::test]
async fn a_wider_scope_can_be_cut_to_what_was_granted_but_not_to_nothing() {
    let (world, app) = world(|policy| policy.wider_scope = WiderScope::Intersect).await;
    let token = refresh_token(&world.tokens(&app, "read offline_access", at(0)).await);
    let next = world.token(&app, refreshment(&token, Some("read write")), at(1)).await.unwrap();
    assert_eq!(next.scope, scope("read"));
    let nothing = world.token(&app, refreshment(&refresh_token(&next), Some("write")), at(2)).await;
    assert_eq!(refused(nothing), InvalidScope);
}

const DAY: i64 = 86_400;

/// A grant lives a week from its last use, and four weeks in all.
async fn sliding(refresh: RefreshPolicy) -> (World, App) {
    world(|policy| {
        policy.refresh = refresh;
        (policy.refresh_idle, policy.refresh_token) = (Some(seconds(7 * DAY)), seconds(28 * DAY));
    })
    .await
}

#[tokio::test]
async fn a_grant_that_lies_idle_ends_and_one_in_use_goes_on_to_its_absolute_end() {
    for refresh in [RefreshPolicy::Rotate, RefreshPolicy::Reuse] {
        let (world, app) = sliding(refresh).await;
        let mut token = refresh_token(&world.tokens(&app, ALL, at(0)).await);
        for day in [6, 12, 18, 24] {
            token = refresh_token(&world.refresh(&app, &token, at(day * DAY)).await.unwrap());
        }
        let last = world.refresh(&app, &token, at(28 * DAY - 60)).await.unwrap();
        assert_eq!(last.expires_in, 60);
        assert_eq!(refused(world.refresh(&app, &refresh_token(&last), at(28 * DAY)).await), InvalidGrant);

        let idle = world.app("idle").await;
        let token = refresh_token(&world.tokens(&idle, ALL, at(0)).await);
        let access = world.refresh(&idle, &token, at(7 * DAY - 1)).await.unwrap();
        assert!(world.is_active(&idle, &access.access_token, at(7 * DAY + 200)).await);
        assert_eq!(refused(world.refresh(&idle, &refresh_token(&access), at(14 * DAY)).await), InvalidGrant);
    }
}

#[tokio::test]
async fn a_refresh_token_that_stays_moves_its_expiry_by_one_write_now_and_then() {
    let (world, app) = sliding(RefreshPolicy::Reuse).await;
    let token = refresh_token(&world.tokens(&app, ALL, at(0)).await);
    world.store.forget_calls();
    for time in [1, 3600, 12 * 3600] {
        world.refresh(&app, &token, at(time)).await.unwrap();
    }
    assert_eq!((world.store.count(Op::Grant), world.store.count(Op::Commit)), (3, 0));
    world.refresh(&app, &token, at(DAY)).await.unwrap();
    world.refresh(&app, &token, at(DAY + 1)).await.unwrap();
    assert_eq!((world.store.count(Op::Grant), world.store.count(Op::Commit)), (5, 1));
    assert_eq!(world.grant(&app).await.record.expires_at, at(8 * DAY));
}

#[tokio::test]
async fn how_long_a_clients_grants_may_lie_idle_is_its_own_matter() {
    let (world, app) = sliding(RefreshPolicy::Rotate).await;
    let patient = world.app_with("patient", |new| new.policy.refresh_idle_seconds = Some(0)).await;
    let hasty = world.app_with("hasty", |new| new.policy.refresh_idle_seconds = Some(60)).await;
    for (app, ends) in [(&app, 7 * DAY), (&patient, 28 * DAY), (&hasty, 60)] {
        let token = refresh_token(&world.tokens(app, ALL, at(0)).await);
        assert_eq!(world.grant(app).await.record.expires_at, at(ends));
        assert_eq!(refused(world.refresh(app, &token, at(ends)).await), InvalidGrant);
    }
    // No access token outlives its grant.
    assert_eq!(world.tokens(&hasty, ALL, at(100)).await.expires_in, 60);
}

#[tokio::test]
async fn what_was_fixed_when_a_grant_was_made_stays() {
    let (world, app) = sliding(RefreshPolicy::Rotate).await;
    let token = refresh_token(&world.tokens(&app, ALL, at(0)).await);
    world.edit_client(&app, |client| client.policy.refresh_idle_seconds = Some(0)).await;
    world.refresh(&app, &token, at(DAY)).await.unwrap();
    assert_eq!(world.grant(&app).await.record.expires_at, at(8 * DAY));
}

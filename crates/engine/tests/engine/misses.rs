//! The authorization code grant: failed redemptions, which are counted and burn the code in the end.

use std::sync::Arc;

use firman_proto::error::ErrorCode::{self, InvalidClient, InvalidGrant};
use firman_proto::token::TokenRequest;
use firman_store::record::{EventKind, FlowFailure, FlowState};
use tokio::task::JoinSet;

use crate::support::{
    App, Ask, CALLBACK, Op, VERIFIER, World, at, fault, redemption, redemption_with, refused, with_secret,
};

/// What is wrong with a redemption, and how it is refused. None of them burns the code at once.
fn misses(code: &str, app: &App, other: &App) -> Vec<(&'static str, App, TokenRequest, ErrorCode)> {
    let miss = |redirect_uri, verifier| redemption_with(code, redirect_uri, verifier);
    let wrong = VERIFIER.replace('d', "e");
    vec![
        ("another client", other.clone(), redemption(code), InvalidGrant),
        ("another redirect_uri", app.clone(), miss(Some("https://app.example/"), Some(VERIFIER)), InvalidGrant),
        ("no redirect_uri", app.clone(), miss(None, Some(VERIFIER)), InvalidGrant),
        ("another verifier", app.clone(), miss(Some(CALLBACK), Some(&wrong)), InvalidGrant),
        ("no verifier", app.clone(), miss(Some(CALLBACK), None), InvalidGrant),
        ("a wrong secret", with_secret(app, "guess"), redemption(code), InvalidClient),
    ]
}

// RFC 6749 §4.1.3, RFC 7636 §4.5, §4.6.
#[tokio::test]
async fn a_miss_is_counted_and_leaves_the_code() {
    for place in 0..6 {
        let world = World::new().await;
        let (app, other) = (world.app("app").await, world.app("other").await);
        let code = world.code(&app, "openid", at(10)).await;
        let (name, asker, request, expected) = misses(&code, &app, &other).remove(place);
        assert_eq!(refused(world.token(&asker, request, at(11)).await), expected, "{name}");
        assert_eq!(world.flow().await.misses, 1, "{name}");
        let response = world.redeem(&app, &code, at(12)).await.expect(name);
        assert!(world.is_active(&app, &response.access_token, at(12)).await, "{name}");
    }
}

#[tokio::test]
async fn the_fifth_miss_burns_the_code() {
    for place in 0..6 {
        let world = World::new().await;
        let (app, other) = (world.app("app").await, world.app("other").await);
        let code = world.code(&app, "openid", at(10)).await;
        for miss in 1..=5 {
            assert_eq!(world.flow().await.state, FlowState::Ready, "before miss {miss}");
            let (name, asker, request, expected) = misses(&code, &app, &other).remove(place);
            assert_eq!(refused(world.token(&asker, request, at(11)).await), expected, "{name}");
        }
        assert_eq!(world.flow().await.state, FlowState::Failed(FlowFailure::Misses));
        assert_eq!(world.events(EventKind::CodeBurnt).await.len(), 1);
        assert_eq!(refused(world.redeem(&app, &code, at(12)).await), InvalidGrant);
    }
}

#[tokio::test]
async fn where_misses_are_not_counted_none_burns_the_code() {
    let world = World::with(|parts| parts.policy.failed_redemptions = 0).await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    for _ in 0..9 {
        let miss = redemption_with(&code, Some(CALLBACK), None);
        assert_eq!(refused(world.token(&app, miss, at(11)).await), InvalidGrant);
    }
    world.redeem(&app, &code, at(12)).await.unwrap();
}

#[tokio::test]
async fn misses_at_once_are_all_counted() {
    let world = Arc::new(World::new().await);
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    world.store.give_way();
    let mut rivals = JoinSet::new();
    for _ in 0..4 {
        let (world, app, code) = (Arc::clone(&world), app.clone(), code.clone());
        rivals.spawn(async move { world.token(&app, redemption_with(&code, Some(CALLBACK), None), at(11)).await });
    }
    assert!(rivals.join_all().await.into_iter().all(|lost| refused(lost) == InvalidGrant));
    assert_eq!(world.flow().await.misses, 4);
    world.redeem(&app, &code, at(12)).await.unwrap();
}

// RFC 9700 §2.1.1.
#[tokio::test]
async fn a_verifier_without_a_challenge_is_a_miss() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code_for(&Ask::new(&app, "openid").without_pkce(), at(10)).await;
    assert_eq!(refused(world.redeem(&app, &code, at(11)).await), InvalidGrant);
    assert_eq!(world.flow().await.misses, 1);
    world.token(&app, redemption_with(&code, Some(CALLBACK), None), at(12)).await.unwrap();
}

#[tokio::test]
async fn a_store_that_fails_while_a_client_is_looked_up_is_no_miss() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    world.store.fail(Some(Op::Client));
    assert!(fault(world.redeem(&app, &code, at(11)).await).temporary);
    world.store.fail(None);
    assert_eq!(world.flow().await.misses, 0);
}

//! The client credentials grant.

use std::sync::{Arc, Mutex};

use firman_engine::Failure;
use firman_engine::admin::clients::{self, NewClient};
use firman_engine::admin::grants;
use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::error::ErrorCode::{InvalidClient, InvalidRequest, InvalidScope, UnauthorizedClient};
use firman_store::record::{ClientPolicy, EpochKey, GrantKind};
use firman_store::{GrantsOf, Page, Store as _};
use tokio::task::JoinSet;

use crate::support::{App, Op, When, World, at, fault, refused, scope};

/// What an [`App`] may have for itself: what it registered, without what is about a person.
const OWN: &str = "email profile read write";

async fn world() -> (Arc<World>, App) {
    let world = World::new().await;
    let app = world.app("app").await;
    (Arc::new(world), app)
}

// RFC 6749 §4.4, RFC 9068 §2.2.
#[tokio::test]
async fn a_client_gets_an_access_token_for_itself_and_nothing_else() {
    let (world, app) = world().await;
    let response = world.client_credentials(&app, None, at(0)).await.unwrap();
    assert_eq!((response.expires_in, &response.scope), (300, &scope(OWN)));
    assert!(response.refresh_token.is_none() && response.id_token.is_none());
    let told = world.introspect(&app, &response.access_token, at(1)).await;
    assert_eq!((&told["sub"], &told["client_id"]), (&"app".into(), &"app".into()));
    assert_eq!(told["scope"], OWN);
}

#[tokio::test]
async fn only_the_first_token_writes_anything() {
    let (world, app) = world().await;
    world.client_credentials(&app, None, at(0)).await.unwrap();
    let before = world.store.events(None, Page::first(100)).await.unwrap();
    world.store.forget_calls();
    for n in 1..=20 {
        world.client_credentials(&app, Some("read"), at(n)).await.unwrap();
    }
    assert_eq!(world.store.count(Op::Commit), 0);
    assert_eq!(world.store.calls(), 40, "two reads a token: the client and its standing grant");
    assert_eq!(world.store.events(None, Page::first(100)).await.unwrap(), before);
    let grants = world.store.grants(GrantsOf::Client(app.id), Page::first(9)).await.unwrap();
    assert_eq!(
        grants.iter().map(|grant| (grant.id, grant.kind)).collect::<Vec<_>>(),
        [(app.id, GrantKind::ClientCredentials)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_tokens_at_once_are_all_good() {
    let (world, app) = world().await;
    world.store.give_way();
    for token in many_at_once(&world, &app).await {
        assert!(world.is_active(&app, &token, at(1)).await);
    }
}

async fn many_at_once(world: &Arc<World>, app: &App) -> Vec<String> {
    let mut rivals = JoinSet::new();
    for _ in 0..16 {
        let (world, app) = (Arc::clone(world), app.clone());
        rivals.spawn(async move { world.client_credentials(&app, None, at(1)).await.unwrap().access_token });
    }
    rivals.join_all().await
}

// RFC 6749 §4.4.2.
#[tokio::test]
async fn a_scope_may_be_asked_for_within_what_the_client_may_have_for_itself() {
    let (world, app) = world().await;
    let narrow = world.client_credentials(&app, Some("read"), at(0)).await.unwrap();
    assert_eq!(narrow.scope, scope("read"));
    assert_eq!(world.introspect(&app, &narrow.access_token, at(0)).await["scope"], "read");
    for wider in ["admin", "read admin", "openid", "read offline_access"] {
        assert_eq!(refused(world.client_credentials(&app, Some(wider), at(0)).await), InvalidScope, "{wider}");
    }
}

#[tokio::test]
async fn a_narrower_scope_that_no_token_can_carry_is_refused() {
    let world = World::new().await;
    let words: Vec<_> = (10..40).map(|n| format!("{n}{}", "x".repeat(60))).collect();
    let app = world.app_with("app", |new| new.metadata.scope = scope(&words.join(" "))).await;
    world.client_credentials(&app, Some(&words.join(" ")), at(0)).await.unwrap();
    assert_eq!(refused(world.client_credentials(&app, Some(&words[1..].join(" ")), at(0)).await), InvalidScope);
}

#[tokio::test]
async fn a_token_never_has_more_than_the_client_is_registered_for_now() {
    let (world, app) = world().await;
    let token = world.client_credentials(&app, None, at(0)).await.unwrap().access_token;
    world.edit_client(&app, |client| client.metadata.scope = scope("read openid")).await;
    assert_eq!(world.introspect(&app, &token, at(1)).await["scope"], "read");
    assert_eq!(world.client_credentials(&app, None, at(1)).await.unwrap().scope, scope("read"));
}

// RFC 6749 §3.2.1, §4.4, §5.2.
#[tokio::test]
async fn who_may_not_is_refused() {
    let world = World::new().await;
    let web = world.app_with("web", |new| new.metadata.grant_types = vec![GrantType::AuthorizationCode]).await;
    assert_eq!(refused(world.client_credentials(&web, None, at(0)).await), UnauthorizedClient);

    let app = world.app("app").await;
    let mut stranger = app.clone();
    stranger.credentials.client_id = "nobody".to_owned();
    let mut guesser = app.clone();
    guesser.credentials.secret = Some("guess".to_owned());
    let mut silent = app.clone();
    silent.credentials.secret = None;
    silent.credentials.method = AuthMethod::None;
    let mut endless = app.clone();
    endless.credentials.client_id = "x".repeat(1025);
    for asker in [&stranger, &guesser, &silent, &endless] {
        assert_eq!(refused(world.client_credentials(asker, None, at(0)).await), InvalidClient);
    }
    let public = world.public_app("public").await;
    let mut pretender = public.clone();
    pretender.credentials.secret = Some("secret".to_owned());
    assert_eq!(refused(world.client_credentials(&pretender, None, at(0)).await), InvalidClient);
    assert_eq!(refused(world.client_credentials(&public, None, at(0)).await), UnauthorizedClient);
}

// RFC 6749 §4.4.
#[tokio::test]
async fn a_public_client_gets_nothing_for_itself_whatever_its_registration_says() {
    let world = World::new().await;
    let public = world.public_app("public").await;
    world.edit_client(&public, |client| client.metadata.grant_types.push(GrantType::ClientCredentials)).await;
    assert_eq!(refused(world.client_credentials(&public, None, at(0)).await), InvalidClient);
    let mut metadata = ClientMetadata::new("public", AuthMethod::None);
    metadata.grant_types = vec![GrantType::ClientCredentials];
    let new = NewClient { client_id: None, metadata, policy: ClientPolicy::default(), owner: None, secret: None };
    assert_eq!(refused(clients::create(&world.engine, new, at(0)).await.map_err(Failure::from)), InvalidRequest);
}

#[tokio::test]
async fn after_an_epoch_old_tokens_stay_dead_and_new_ones_live() {
    for which in 0..2 {
        let (world, app) = world().await;
        let old = world.client_credentials(&app, None, at(0)).await.unwrap().access_token;
        let epoch = [EpochKey::Everything, EpochKey::Client(app.id)][which];
        grants::sign_out_everywhere(&world.engine, epoch, at(1)).await.unwrap();
        assert!(!world.is_active(&app, &old, at(1)).await);
        let new = world.client_credentials(&app, None, at(2)).await.unwrap().access_token;
        assert!(world.is_active(&app, &new, at(2)).await);
        assert!(!world.is_active(&app, &old, at(2)).await);
    }
}

#[tokio::test]
async fn of_tokens_asked_for_at_once_after_an_epoch_none_kills_another() {
    let (world, app) = world().await;
    world.client_credentials(&app, None, at(0)).await.unwrap();
    grants::sign_out_everywhere(&world.engine, EpochKey::Client(app.id), at(1)).await.unwrap();
    let (rival, rivals_app, rivals_token) = (Arc::clone(&world), app.clone(), Arc::new(Mutex::new(None)));
    let got = Arc::clone(&rivals_token);
    world.store.interrupt(When::After, Op::Grant, || async move {
        let token = rival.client_credentials(&rivals_app, None, at(2)).await.unwrap().access_token;
        *got.lock().unwrap() = Some(token);
    });
    let token = world.client_credentials(&app, None, at(2)).await.unwrap().access_token;
    let rivals_token = rivals_token.lock().unwrap().take().unwrap();
    for token in [token, rivals_token] {
        assert!(world.is_active(&app, &token, at(2)).await);
    }
}

#[tokio::test]
async fn revoking_the_standing_grant_twice_at_once_is_done() {
    let (world, app) = world().await;
    let token = world.client_credentials(&app, None, at(0)).await.unwrap().access_token;
    let (engine, id) = (Arc::clone(&world.engine), app.id);
    world.store.interrupt(When::Before, Op::Commit, move || async move {
        grants::revoke(&engine, id, at(1)).await.unwrap();
    });
    grants::revoke(&world.engine, app.id, at(1)).await.unwrap();
    assert!(!world.is_active(&app, &token, at(1)).await);
}

#[tokio::test]
async fn revoking_the_standing_grant_kills_kills_its_tokens_and_the_client_goes_on() {
    let (world, app) = world().await;
    let old = world.client_credentials(&app, None, at(0)).await.unwrap().access_token;
    grants::revoke(&world.engine, app.id, at(1)).await.unwrap();
    assert!(!world.is_active(&app, &old, at(1)).await);
    let new = world.client_credentials(&app, None, at(1)).await.unwrap().access_token;
    assert!(world.is_active(&app, &new, at(1)).await);
}

#[tokio::test]
async fn a_new_secret_works_at_once_and_the_old_one_for_as_long_as_it_is_told() {
    let (world, mut app) = world().await;
    let overlap = crate::support::seconds(60);
    let (client, secret) = clients::rotate_secret(&world.engine, "app", overlap, at(100)).await.unwrap();
    assert_eq!(world.store.client_by_id(app.id).await.unwrap().as_deref(), Some(&client));
    world.client_credentials(&app, None, at(159)).await.unwrap();
    assert_eq!(refused(world.client_credentials(&app, None, at(160)).await), InvalidClient);
    app.credentials.secret = Some(secret.to_string());
    world.client_credentials(&app, None, at(160)).await.unwrap();
}

#[tokio::test]
async fn an_old_secret_never_gets_more_time_and_leaves_when_it_is_over() {
    let (world, app) = world().await;
    let rotate = async |overlap, time| {
        let overlap = crate::support::seconds(overlap);
        clients::rotate_secret(&world.engine, "app", overlap, at(time)).await.unwrap().0
    };
    assert_eq!(rotate(60, 100).await.secrets.len(), 2);
    assert_eq!(rotate(1000, 110).await.secrets.len(), 3);
    assert_eq!(refused(world.client_credentials(&app, None, at(160)).await), InvalidClient);
    assert_eq!(rotate(0, 200).await.secrets.len(), 1);
}

#[tokio::test]
async fn a_deleted_client_and_everything_it_had_is_dead() {
    let (world, app) = world().await;
    let resource = world.app_with("resource", |new| new.policy.introspect_any = true).await;
    let own = world.client_credentials(&app, None, at(0)).await.unwrap().access_token;
    let persons = world.tokens(&app, "read", at(0)).await.access_token;
    clients::delete(&world.engine, "app", at(1)).await.unwrap();
    assert_eq!(refused(world.client_credentials(&app, None, at(1)).await), InvalidClient);
    assert!(!world.is_active(&resource, &own, at(1)).await);
    assert!(!world.is_active(&resource, &persons, at(1)).await);
    // Its name may be given again; what the first had is not the second's.
    let again = world.app("app").await;
    assert!(!world.is_active(&again, &own, at(1)).await);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_fault() {
    let (world, app) = world().await;
    world.store.fail(Some(Op::Grant));
    assert!(fault(world.client_credentials(&app, None, at(0)).await).temporary);
}

use firman_engine::account::allowed::{self, App as Listed};
use firman_proto::error::ErrorCode::InvalidGrant;
use firman_proto::time::Timestamp;
use firman_store::record::{EventKind, GrantKind, RevokeReason};

use super::{person, somebody, visitor};
use crate::support::{App, Ask, World, at, refresh_token, refused, scope};

async fn listed(world: &World, now: Timestamp) -> Vec<Listed> {
    let visitor = visitor(world, "somebody", now).await;
    let person = person(world, &visitor, now).await.unwrap();
    allowed::apps(&world.engine, &person, None, now).await.unwrap().items
}

/// An application with a grant of somebody's.
async fn app_with_tokens(world: &World, client_id: &str) -> (App, String) {
    let app = world.app(client_id).await;
    let tokens = world.tokens(&app, "openid read offline_access", at(0)).await;
    (app, refresh_token(&tokens))
}

#[tokio::test]
async fn what_somebody_allowed_is_listed_by_application() {
    let world = World::new().await;
    let (app, token) = app_with_tokens(&world, "app").await;
    world.tokens(&app, "openid", at(1)).await;
    app_with_tokens(&world, "other").await;
    world.refresh(&app, &token, at(60)).await.unwrap();
    let mut apps = listed(&world, at(61)).await;
    apps.sort_by(|one, other| one.client.client_id.cmp(&other.client.client_id));
    let names: Vec<_> = apps.iter().map(|app| app.client.client_id.as_str()).collect();
    assert_eq!(names, ["app", "other"]);
    let [first, second] = apps[0].grants.as_slice() else { panic!("{:?}", apps[0].grants) };
    assert_eq!((first.kind, &first.scope), (GrantKind::AuthorizationCode, &scope("openid read offline_access")));
    assert_eq!((first.since, first.last_used), (at(0), Some(at(60))));
    assert_eq!((second.last_used, &second.scope), (None, &scope("openid")));
    assert_eq!(apps[0].remembered.as_ref().unwrap().scope, scope("openid read offline_access"));
}

#[tokio::test]
async fn nobody_sees_what_others_allowed() {
    let world = World::new().await;
    app_with_tokens(&world, "app").await;
    let other = visitor(&world, "another", at(1)).await;
    let other = person(&world, &other, at(1)).await.unwrap();
    assert!(allowed::apps(&world.engine, &other, None, at(1)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn the_next_refresh_of_an_application_that_was_withdrawn_fails() {
    let world = World::new().await;
    let (app, token) = app_with_tokens(&world, "app").await;
    let (other, others) = app_with_tokens(&world, "other").await;
    let person = somebody(&world).await;
    allowed::withdraw(&world.engine, &person, app.id, at(1)).await.unwrap();
    assert_eq!(refused(world.refresh(&app, &token, at(2)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.reason, Some(RevokeReason::Subject));
    world.refresh(&other, &others, at(2)).await.unwrap();
    let apps = listed(&world, at(3)).await;
    assert_eq!(apps.len(), 1, "neither grant nor consent is left");

    let [revoked] = &world.events(EventKind::GrantRevoked).await[..] else { panic!("one event") };
    assert_eq!((revoked.client, revoked.subject.as_deref()), (Some(app.id), Some(person.subject().as_str())));
    let [forgotten] = &world.events(EventKind::ConsentWithdrawn).await[..] else { panic!("one event") };
    assert_eq!(forgotten.client, Some(app.id));
}

#[tokio::test]
async fn an_application_that_was_withdrawn_has_to_ask_again() {
    let world = World::new().await;
    let (app, _) = app_with_tokens(&world, "app").await;
    let visitor = visitor(&world, "somebody", at(1)).await;
    let ask = Ask::new(&app, "openid read");
    let next = world.authorize(&visitor, &ask, at(2)).await.unwrap();
    assert!(matches!(next, firman_engine::authorize::Next::Client(_)), "it was remembered");
    let person = person(&world, &visitor, at(2)).await.unwrap();
    allowed::withdraw(&world.engine, &person, app.id, at(3)).await.unwrap();
    let next = world.authorize(&visitor, &ask, at(4)).await.unwrap();
    assert!(matches!(next, firman_engine::authorize::Next::Consent(_)), "{next:?}");
}

#[tokio::test]
async fn everything_is_withdrawn_at_once() {
    let world = World::new().await;
    let mut tokens = Vec::new();
    for number in 0..60 {
        tokens.push(app_with_tokens(&world, &format!("app-{number}")).await);
    }
    let person = somebody(&world).await;
    let page = allowed::apps(&world.engine, &person, None, at(1)).await.unwrap();
    assert!(page.next.is_some(), "more than one page");
    let rest = allowed::apps(&world.engine, &person, page.next, at(1)).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (10, None));
    allowed::withdraw_all(&world.engine, &person, at(2)).await.unwrap();
    for (app, token) in &tokens {
        assert_eq!(refused(world.refresh(app, token, at(3)).await), InvalidGrant);
    }
    assert!(allowed::apps(&world.engine, &person, None, at(3)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn what_is_dead_anyway_is_not_listed() {
    let world = World::new().await;
    let (app, _) = app_with_tokens(&world, "app").await;
    let epoch = firman_store::record::EpochKey::Client(app.id);
    firman_engine::admin::grants::sign_out_everywhere(&world.engine, epoch, at(1)).await.unwrap();
    let apps = listed(&world, at(2)).await;
    assert!(apps[0].grants.is_empty() && apps[0].remembered.is_some());
}

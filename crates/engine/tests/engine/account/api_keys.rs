use firman_engine::Failure;
use firman_engine::account::Person;
use firman_engine::account::api_keys::{self, CLIENT, Made, NewApiKey};
use firman_engine::admin::tokens;
use firman_proto::error::ErrorCode::{InvalidRequest, InvalidScope};
use firman_proto::seal::{ApiKey, Kind as _, attenuate};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Client, EventKind, GrantKind};
use firman_store::{Change, Editable, Store as _};

use super::{person, somebody, visitor};
use crate::support::{World, at, refused, scope, seconds};

const DAY: i64 = 86_400;

async fn world() -> World {
    World::with(|parts| parts.policy.account.api_key_scope = scope("read write openid")).await
}

fn new(name: &str) -> NewApiKey {
    NewApiKey { name: name.to_owned(), scope: scope("read"), resources: Vec::new(), life: None }
}

async fn create(world: &World, person: &Person, new: NewApiKey, now: Timestamp) -> Result<Made, Failure> {
    api_keys::create(&world.engine, person.fresh(&world.engine, now).unwrap(), new, now).await
}

/// What a client that may ask about everything learns of a key.
async fn introspected(world: &World, key: &str, now: Timestamp) -> serde_json::Value {
    let asker = match world.store.client(Client::key(world.engine.number(), "asker")).await.unwrap() {
        Some(_) => panic!("asked before"),
        None => world.app_with("asker", |new| new.policy.introspect_any = true).await,
    };
    world.introspect(&asker, key, now).await
}

#[tokio::test]
async fn a_key_is_shown_once_and_is_good_until_it_ends() {
    let world = world().await;
    let person = somebody(&world).await;
    let made = create(&world, &person, new("Laptop"), at(0)).await.unwrap();
    let key = made.sealed.reveal();
    assert!(key.starts_with(ApiKey::PREFIX));
    let asker = world.app_with("asker", |new| new.policy.introspect_any = true).await;
    let answer = world.introspect(&asker, key, at(1)).await;
    assert_eq!(answer["active"], true);
    assert_eq!((answer["scope"].as_str(), answer["client_id"].as_str()), (Some("read"), Some(CLIENT)));
    assert_eq!(answer["sub"], person.subject().as_str());
    assert_eq!(answer["exp"], at(30 * DAY).seconds());
    assert!(!world.is_active(&asker, key, at(30 * DAY)).await);
    let listed = api_keys::list(&world.engine, &person, None, at(2)).await.unwrap().items;
    assert_eq!((listed[0].name.as_str(), listed[0].last_used), ("Laptop", Some(at(1))));
    assert_eq!(world.events(EventKind::ApiKeyMade).await.len(), 1);
}

#[tokio::test]
async fn a_key_lives_as_long_as_was_said_and_usually_for_thirty_days() {
    let world = world().await;
    let person = somebody(&world).await;
    for (life, end) in [
        (None, 30 * DAY),
        (Some(Lifetime::ZERO), 30 * DAY),
        (Some(seconds(-5)), 30 * DAY),
        (Some(seconds(3600)), 3600),
        (Some(Lifetime::from_days(366)), 366 * DAY),
    ] {
        let made = create(&world, &person, NewApiKey { life, ..new("x") }, at(0)).await.unwrap();
        assert_eq!(made.key.until, at(end), "{life:?}");
    }
    let longer = NewApiKey { life: Some(Lifetime::from_days(367)), ..new("x") };
    assert_eq!(refused(create(&world, &person, longer, at(0)).await), InvalidRequest);
}

#[tokio::test]
async fn a_key_is_for_something_that_keys_may_be_for() {
    let world = world().await;
    let person = somebody(&world).await;
    for text in ["", "read admin", "offline_access"] {
        let wider = NewApiKey { scope: scope(text), ..new("x") };
        assert_eq!(refused(create(&world, &person, wider, at(0)).await), InvalidScope, "{text}");
    }
    let name = "x".repeat(81);
    for name in ["", " ", "a\nb", &name] {
        assert_eq!(refused(create(&world, &person, new(name), at(0)).await), InvalidRequest, "{name:?}");
    }
}

#[tokio::test]
async fn a_key_for_a_resource_is_for_no_other() {
    let world = world().await;
    let books = world.resource("https://books.example", |_| {}).await;
    let other = world.resource("https://other.example", |_| {}).await;
    let person = somebody(&world).await;
    let resources = vec!["https://books.example".to_owned()];
    let made = create(&world, &person, NewApiKey { resources, ..new("x") }, at(0)).await.unwrap();
    assert_eq!(world.introspect_as(&books, made.sealed.reveal(), at(1)).await["active"], true);
    assert_eq!(world.introspect_as(&other, made.sealed.reveal(), at(1)).await["active"], false);
    let resources = vec!["https://nowhere.example".to_owned()];
    assert!(create(&world, &person, NewApiKey { resources, ..new("x") }, at(0)).await.is_err());
}

#[tokio::test]
async fn a_revoked_key_is_dead_and_nobody_revokes_anothers() {
    let world = world().await;
    let person_here = somebody(&world).await;
    let made = create(&world, &person_here, new("x"), at(0)).await.unwrap();
    let thief = visitor(&world, "another", at(0)).await;
    let thief = person(&world, &thief, at(0)).await.unwrap();
    assert_eq!(refused(api_keys::revoke(&world.engine, &thief, made.key.id, at(1)).await), InvalidRequest);
    let unknown = firman_proto::id::RecordId::from_bytes([9; 16]);
    assert_eq!(refused(api_keys::revoke(&world.engine, &person_here, unknown, at(1)).await), InvalidRequest);
    api_keys::revoke(&world.engine, &person_here, made.key.id, at(1)).await.unwrap();
    assert_eq!(introspected(&world, made.sealed.reveal(), at(2)).await["active"], false);
    assert!(api_keys::list(&world.engine, &person_here, None, at(2)).await.unwrap().items.is_empty());
    assert_eq!(world.events(EventKind::GrantRevoked).await.len(), 1);
}

#[tokio::test]
async fn a_weakened_key_can_do_less_and_dies_with_the_whole_one() {
    let world = world().await;
    let person = somebody(&world).await;
    let wide = NewApiKey { scope: scope("read write"), ..new("x") };
    let made = create(&world, &person, wide, at(0)).await.unwrap();
    let caveat = firman_proto::seal::Caveat::Scope(scope("read"));
    let weak = attenuate(made.sealed.reveal(), &caveat).unwrap();
    let asker = world.app_with("asker", |new| new.policy.introspect_any = true).await;
    assert_eq!(world.introspect(&asker, &weak, at(1)).await["scope"], "read");
    // The weakened one alone, then the whole.
    tokens::revoke(&world.engine, &weak, at(2)).await.unwrap();
    assert!(!world.is_active(&asker, &weak, at(3)).await);
    assert!(world.is_active(&asker, made.sealed.reveal(), at(3)).await);
    let report = tokens::revoke(&world.engine, made.sealed.reveal(), at(4)).await.unwrap();
    assert_eq!((report.kind, report.active), ("api_key", false));
    assert!(api_keys::list(&world.engine, &person, None, at(5)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn keys_belong_to_a_client_that_operators_can_disable() {
    let world = world().await;
    let person = somebody(&world).await;
    let made = create(&world, &person, new("x"), at(0)).await.unwrap();
    create(&world, &person, new("y"), at(0)).await.unwrap();
    let client = world.store.client(Client::key(world.engine.number(), CLIENT)).await.unwrap().unwrap();
    assert_eq!(world.store.grant(made.key.id, None).await.unwrap().unwrap().record.kind, GrantKind::ApiKey);
    let record = Editable::Client(Box::new(Client { enabled: false, ..Client::clone(&client) }));
    world.commit(Change::Replace { record, if_revision: client.revision }).await;
    assert_eq!(introspected(&world, made.sealed.reveal(), at(1)).await["active"], false);
    assert!(create(&world, &person, new("z"), at(1)).await.is_err());
}

#[tokio::test]
async fn a_key_outlives_the_seal_key_that_sealed_it() {
    let world = world().await;
    let person = somebody(&world).await;
    let life = Some(Lifetime::from_days(366));
    let made = create(&world, &person, NewApiKey { life, ..new("x") }, at(0)).await.unwrap();
    world.engine.make_keys().rotate_sealing(Lifetime::ZERO, at(1)).await.unwrap();
    let later = at(365 * DAY);
    let neighbour = world.neighbour_with(later, |parts| {
        parts.policy.account.api_key_scope = scope("read write openid");
    });
    let neighbour = neighbour.await.unwrap();
    assert_eq!(introspected(&neighbour, made.sealed.reveal(), later).await["active"], true);
}

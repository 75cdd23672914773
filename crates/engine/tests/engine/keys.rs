//! Keys: made when a store is set up, rotated on a schedule and by command, revoked, and known to every node.

use std::sync::Arc;

use firman_engine::discovery;
use firman_engine::keys::KeyPolicy;
use firman_engine::{Engine, Failure};
use firman_proto::error::ErrorCode::InvalidGrant;
use firman_proto::jws::{self, Algorithm};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{EventKind, KeyState};
use firman_store::{Change, EditableKey, Keys, Store as _};

use crate::support::{App, Op, World, at, master, parts, refresh_token, refused, seconds};

const DAY: i64 = 86_400;

/// Keys that work for ten days and are announced two days before.
fn ten_days() -> KeyPolicy {
    KeyPolicy {
        algorithms: vec![Algorithm::ES256],
        signing: Lifetime::from_days(10),
        sealing: Lifetime::from_days(10),
        announce: Lifetime::from_days(2),
    }
}

async fn world() -> (World, App) {
    let world = World::with(|parts| parts.key_policy = ten_days()).await;
    let app = world.app("app").await;
    (world, app)
}

async fn keys(world: &World) -> Keys {
    world.store.keys().await.unwrap()
}

/// Rotates what is due, as the server does from time to time, and looks at the keys.
async fn tick(world: &World, now: Timestamp) -> bool {
    let rotated = world.engine.make_keys().rotate_what_is_due(now).await.unwrap();
    world.engine.keys().reload(&*world.store, now).await.unwrap();
    rotated
}

fn published(world: &World) -> Vec<String> {
    let keys = discovery::published_keys(&world.engine);
    keys.published().keys.iter().map(|key| key.kid.clone()).collect()
}

fn signs(world: &World, now: Timestamp) -> String {
    world.engine.keys().current().signer(Algorithm::ES256, now).expect("a signer").jwk().kid.clone()
}

fn seals(world: &World) -> u32 {
    world.engine.keys().current().keyring.current_number()
}

#[tokio::test]
async fn a_store_that_was_filled_in_part_is_not_set_up() {
    let (world, _) = world().await;
    let deployment = keys(&world).await.deployment.unwrap();
    world.commit(Change::Remove { key: EditableKey::Deployment, if_revision: deployment.revision }).await;
    let before = keys(&world).await;
    let fault = world.neighbour_with(at(1), |_| {}).await.err().unwrap();
    assert!(fault.to_string().contains("was not finished"), "{fault}");
    assert_eq!(keys(&world).await, before);
}

#[tokio::test]
async fn setting_up_twice_changes_nothing() {
    let (world, _) = world().await;
    let before = keys(&world).await;
    assert_eq!((before.seal.len(), before.signing.len()), (1, 1));
    let neighbour = world.neighbour(at(1000)).await;
    assert_eq!(keys(&world).await, before);
    assert_eq!((published(&neighbour), seals(&neighbour)), (published(&world), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_set_up_at_once_agree() {
    let (store, people) = (Arc::default(), Arc::default());
    crate::support::Watched::give_way(&store);
    let mut rivals = tokio::task::JoinSet::new();
    for _ in 0..8 {
        rivals.spawn(Engine::start(parts(&store, &people), at(0)));
    }
    let engines: Vec<_> = rivals.join_all().await.into_iter().map(Result::unwrap).collect();
    let keys = store.keys().await.unwrap();
    assert_eq!((keys.seal.len(), keys.signing.len()), (1, 1));
    let worlds = engines.into_iter().map(|engine| World {
        engine: Arc::new(engine),
        store: Arc::clone(&store),
        people: Arc::clone(&people),
    });
    let worlds: Vec<_> = worlds.collect();
    let app = worlds[0].app("app").await;
    let code = worlds[1].code(&app, "read", at(1)).await;
    let tokens = worlds[2].redeem(&app, &code, at(2)).await.unwrap();
    assert!(worlds[3].is_active(&app, &tokens.access_token, at(3)).await);
}

#[tokio::test]
async fn an_algorithm_that_is_added_gets_a_key_at_the_next_start() {
    let (world, _) = world().await;
    let both = vec![Algorithm::ES256, Algorithm::EdDSA];
    let neighbour = world.neighbour_with(at(1), |parts| parts.key_policy.algorithms = both.clone()).await.unwrap();
    assert_eq!(neighbour.engine.keys().current().algorithms(at(1)), both);
    assert_eq!(published(&neighbour).len(), 2);
}

#[tokio::test]
async fn a_scheduled_successor_is_announced_before_it_takes_over() {
    let (world, app) = world().await;
    let day = |n: i64| at(n * DAY);
    assert!(!tick(&world, day(7)).await);
    let (old, before) = (signs(&world, day(7)), published(&world));
    assert!(tick(&world, day(8)).await);
    assert!(!tick(&world, day(8)).await, "announced once");

    let announced = published(&world);
    assert_eq!(announced.len(), 2, "Next is published");
    assert!(announced.starts_with(&before) && signs(&world, day(9)) == old && seals(&world) == 1);
    let states = keys(&world).await.signing.iter().map(|key| key.schedule.state(day(9))).collect::<Vec<_>>();
    assert_eq!(states, [KeyState::Current, KeyState::Next]);

    tick(&world, day(10)).await;
    let new = signs(&world, day(10));
    assert!(new != old && announced.contains(&new) && seals(&world) == 2);
    assert_eq!(published(&world), announced, "Retired is published");
    let tokens = world.tokens(&app, "openid", day(10)).await;
    let verified =
        jws::verify::<serde_json::Value>(&tokens.id_token.unwrap(), world.engine.keys().current().published());
    assert!(verified.is_ok());
}

#[tokio::test]
async fn a_retired_signing_key_is_published_until_what_it_signed_has_expired() {
    let (world, app) = world().await;
    let day = |n: i64| at(n * DAY);
    let last = world.tokens(&app, "openid", day(10).minus(seconds(1))).await.id_token.unwrap();
    tick(&world, day(8)).await;
    // A JWT access token lives a day at most; clients may keep the JWKS for another.
    let end = day(12);
    world.engine.keys().reload(&*world.store, end.minus(seconds(1))).await.unwrap();
    assert_eq!(published(&world).len(), 2);
    assert!(jws::verify::<serde_json::Value>(&last, world.engine.keys().current().published()).is_ok());
    world.engine.keys().reload(&*world.store, end).await.unwrap();
    assert_eq!(published(&world).len(), 1);
}

#[tokio::test]
async fn a_node_knows_when_a_key_changes_its_state() {
    let (world, _) = world().await;
    let day = |n: i64| at(n * DAY);
    assert!(!world.engine.keys().is_stale(day(9)));
    tick(&world, day(8)).await;
    assert!(!world.engine.keys().is_stale(day(10).minus(seconds(1))));
    assert!(world.engine.keys().is_stale(day(10)));
    // A signing key takes over on time even if nobody looked.
    assert_eq!(signs(&world, day(10)), published(&world)[1]);
}

#[tokio::test]
async fn a_rotation_that_is_late_is_never_unannounced() {
    let (world, _) = world().await;
    let day = |n: i64| at(n * DAY);
    let old = signs(&world, day(100));
    assert!(tick(&world, day(100)).await);
    assert!(signs(&world, day(102).minus(seconds(1))) == old);
    assert!(signs(&world, day(102)) != old);
}

#[tokio::test]
async fn nodes_that_rotate_at_once_make_one_successor() {
    let (world, _) = world().await;
    let neighbour = world.neighbour_with(at(0), |parts| parts.key_policy = ten_days()).await.unwrap();
    world.store.give_way();
    let (one, other) = tokio::join!(tick(&world, at(9 * DAY)), tick(&neighbour, at(9 * DAY)));
    assert!(one != other, "one of the two wins");
    let keys = keys(&world).await;
    assert_eq!((keys.seal.len(), keys.signing.len()), (2, 2));
}

#[tokio::test]
async fn tokens_live_through_every_rotation_of_their_seal_key() {
    let (world, app) = world().await;
    let first = refresh_token(&world.tokens(&app, "read", at(0)).await);
    for day in 0..29 {
        tick(&world, at(day * DAY)).await;
    }
    assert_eq!(seals(&world), 3);
    world.refresh(&app, &first, at(29 * DAY)).await.expect("a refresh token of 30 days");
}

#[tokio::test]
async fn the_signing_key_is_rotated_by_command() {
    let (world, app) = world().await;
    let before = world.tokens(&app, "openid", at(0)).await.id_token.unwrap();
    let old = signs(&world, at(1));
    world.engine.make_keys().rotate_signing_now(at(1)).await.unwrap();
    world.engine.keys().reload(&*world.store, at(1)).await.unwrap();
    assert_ne!(signs(&world, at(1)), old);
    let other = world.app("other").await;
    let after = world.tokens(&other, "openid", at(1)).await.id_token.unwrap();
    for token in [before, after] {
        assert!(jws::verify::<serde_json::Value>(&token, world.engine.keys().current().published()).is_ok());
    }
    // Even while a successor was announced already.
    assert!(tick(&world, at(9 * DAY)).await);
    let known = published(&world);
    world.engine.make_keys().rotate_signing_now(at(9 * DAY)).await.unwrap();
    tick(&world, at(9 * DAY)).await;
    for day in [9, 12] {
        assert!(!known.contains(&signs(&world, at(day * DAY))), "day {day}");
    }
}

#[tokio::test]
async fn a_revoked_seal_key_opens_nothing_more_and_another_takes_over() {
    let (world, app) = world().await;
    let tokens = world.tokens(&app, "read", at(0)).await;
    assert!(world.engine.make_keys().revoke_sealing(2, at(1)).await.unwrap().is_none(), "there is no key 2");
    world.engine.make_keys().revoke_sealing(1, at(1)).await.unwrap().expect("key 1");
    world.engine.keys().reload(&*world.store, at(1)).await.unwrap();
    assert_eq!(seals(&world), 2);
    assert!(!world.is_active(&app, &tokens.access_token, at(1)).await);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&tokens), at(1)).await), InvalidGrant);
    assert_eq!(world.events(EventKind::KeyRevoked).await.len(), 1);
    let other = world.app("other").await;
    let tokens = world.tokens(&other, "read", at(2)).await;
    assert!(world.is_active(&other, &tokens.access_token, at(2)).await);
}

/// From now on there is a key to seal with at any time, it is rotated, and every key ends.
async fn keys_go_on(world: &World, from: i64) {
    for day in from..from + 100 {
        tick(world, at(day * DAY)).await;
        let keys = keys(world).await;
        let current = keys.seal.iter().filter(|key| key.schedule.state(at(day * DAY)) == KeyState::Current);
        let current: Vec<_> = current.map(|key| key.number).collect();
        assert_eq!(current, [seals(world)], "day {day}");
    }
    let open_ended = keys(world).await.seal.into_iter().filter(|key| key.schedule.ends_at == Timestamp::NEVER);
    assert_eq!(open_ended.count(), 1);
}

#[tokio::test]
async fn revoking_the_announced_seal_key_leaves_another_to_take_over() {
    let (world, _) = world().await;
    tick(&world, at(8 * DAY)).await;
    world.engine.make_keys().revoke_sealing(2, at(9 * DAY)).await.unwrap().expect("key 2");
    keys_go_on(&world, 9).await;
}

#[tokio::test]
async fn revoking_the_current_seal_key_lets_the_announced_one_take_over_at_once() {
    let (world, _) = world().await;
    tick(&world, at(8 * DAY)).await;
    world.engine.make_keys().revoke_sealing(1, at(9 * DAY)).await.unwrap().expect("key 1");
    world.engine.keys().reload(&*world.store, at(9 * DAY)).await.unwrap();
    assert_eq!(seals(&world), 2, "every node knows it already");
    keys_go_on(&world, 9).await;
}

#[tokio::test]
async fn revoking_a_retired_seal_key_changes_nothing_else() {
    let (world, _) = world().await;
    tick(&world, at(8 * DAY)).await;
    tick(&world, at(11 * DAY)).await;
    world.engine.make_keys().revoke_sealing(1, at(11 * DAY)).await.unwrap().expect("key 1");
    assert_eq!(keys(&world).await.seal.len(), 2);
    keys_go_on(&world, 11).await;
}

#[tokio::test]
async fn every_seal_key_can_be_revoked_one_after_the_other() {
    let (world, _) = world().await;
    tick(&world, at(8 * DAY)).await;
    for number in [1, 2, 3] {
        world.engine.make_keys().revoke_sealing(number, at(9 * DAY)).await.unwrap().expect("a key");
        world.engine.keys().reload(&*world.store, at(9 * DAY)).await.unwrap();
    }
    keys_go_on(&world, 9).await;
}

async fn revoke_signer(world: &World, kid: &str, now: Timestamp) {
    world.engine.make_keys().revoke_signing(kid, now).await.unwrap().expect("a key");
    world.engine.keys().reload(&*world.store, now).await.unwrap();
}

#[tokio::test]
async fn a_revoked_signing_key_is_published_no_more_and_another_takes_over() {
    let (world, _) = world().await;
    assert!(world.engine.make_keys().revoke_signing("nobody", at(1)).await.unwrap().is_none());
    let old = signs(&world, at(0));
    revoke_signer(&world, &old, at(1)).await;
    assert!(!published(&world).contains(&old));
    assert_ne!(signs(&world, at(1)), old);
    assert_eq!(world.events(EventKind::KeyRevoked).await.len(), 1);
    // The announced one, which everybody knows, goes before a new one.
    tick(&world, at(9 * DAY)).await;
    let (current, all) = (signs(&world, at(9 * DAY)), published(&world));
    let announced = all.iter().find(|kid| **kid != current).unwrap();
    revoke_signer(&world, &current, at(9 * DAY)).await;
    assert_eq!((&signs(&world, at(9 * DAY)), published(&world).len()), (announced, 1));
    // And one that nothing came after is followed by another.
    revoke_signer(&world, announced, at(9 * DAY)).await;
    for day in 9..60 {
        tick(&world, at(day * DAY)).await;
        assert!(!all.contains(&signs(&world, at(day * DAY))), "day {day}");
    }
}

#[tokio::test]
async fn revoking_the_announced_signing_key_leaves_the_current_one_at_work() {
    let (world, _) = world().await;
    let current = signs(&world, at(0));
    tick(&world, at(9 * DAY)).await;
    let announced = published(&world).into_iter().find(|kid| *kid != current).unwrap();
    revoke_signer(&world, &announced, at(9 * DAY)).await;
    assert_eq!(signs(&world, at(9 * DAY)), current);
    for day in 9..60 {
        tick(&world, at(day * DAY)).await;
        assert_ne!(signs(&world, at(day * DAY)), announced, "day {day}");
    }
}

#[tokio::test]
async fn a_wrong_master_key_is_told_and_changes_nothing() {
    let (world, _) = world().await;
    let before = keys(&world).await;
    for algorithms in [vec![Algorithm::ES256], vec![Algorithm::ES256, Algorithm::EdDSA]] {
        let started = world
            .neighbour_with(at(1), |parts| {
                parts.master = master(8);
                parts.key_policy.algorithms = algorithms;
            })
            .await;
        let fault = started.err().expect("a fault");
        assert!(!fault.temporary && fault.to_string().contains("master key"), "{fault}");
    }
    assert_eq!(keys(&world).await, before);
    world.neighbour(at(2)).await;
}

#[tokio::test]
async fn a_token_of_a_key_that_another_node_has_just_made_opens() {
    let (world, app) = world().await;
    let neighbour = world.neighbour(at(0)).await;
    world.engine.make_keys().rotate_sealing(Lifetime::ZERO, at(10)).await.unwrap();
    world.engine.keys().reload(&*world.store, at(10)).await.unwrap();
    let tokens = world.tokens(&app, "read", at(10)).await;
    assert_eq!((seals(&world), seals(&neighbour)), (2, 1));
    assert!(neighbour.is_active(&app, &tokens.access_token, at(11)).await);
    assert_eq!(seals(&neighbour), 2);
}

#[tokio::test]
async fn an_unknown_key_number_is_worth_one_look_a_second() {
    let (world, app) = world().await;
    let tokens = world.tokens(&app, "read", at(0)).await;
    let strange = of_key_number(&tokens.access_token, 9);
    let (start, millis) = (at(100), Lifetime::from_millis);
    world.store.forget_calls();
    for time in [start, start, start.plus(millis(1)), start.plus(millis(999))] {
        assert!(!world.is_active(&app, &strange, time).await);
    }
    assert_eq!(world.store.count(Op::Keys), 1);
    assert!(!world.is_active(&app, &strange, start.plus(millis(1000))).await);
    assert_eq!(world.store.count(Op::Keys), 2);
    assert_eq!(world.store.count(Op::Grant), 0, "and no record is read for it");
    assert!(world.is_active(&app, &tokens.access_token, start.plus(millis(1001))).await);
    assert_eq!(world.store.count(Op::Keys), 2);
}

/// The same token as if another key had sealed it: prefix, base64url, and the number in clear after version and type.
fn of_key_number(token: &str, number: u8) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let text = token.strip_prefix("fm_at_").unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
    // Macaroon version; field type and length; seal version; four bytes of key number.
    assert_eq!(&bytes[..8], [2, 2, 82, 1, 0, 0, 0, 1]);
    bytes[7] = number;
    format!("fm_at_{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[tokio::test]
async fn a_look_that_fails_is_a_fault_and_no_refusal() {
    let (world, app) = world().await;
    let token = world.tokens(&app, "read", at(0)).await.access_token;
    world.store.fail(Some(Op::Keys));
    let presented = of_key_number(&token, 9);
    let answer = firman_engine::userinfo::userinfo(&world.engine, &presented, "GET", None, at(100)).await;
    assert!(matches!(answer, Err(Failure::Fault(fault)) if fault.temporary));
}

#[tokio::test]
async fn discovery_names_the_algorithms_there_are_keys_for() {
    let (world, _) = world().await;
    let metadata = discovery::metadata(&world.engine, at(1));
    assert_eq!(metadata.id_token_signing_alg_values_supported, ["ES256"]);
}

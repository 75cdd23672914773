//! The revocation feed: whatever withdraws access is told to those who verify tokens by themselves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_engine::admin::clients::{self, Edit};
use firman_engine::admin::grants;
use firman_engine::feed::{Listener, News};
use firman_proto::client::GrantType;
use firman_proto::exchange::TokenType;
use firman_proto::feed::{Key, LivesBy, Withdrawn};
use firman_proto::form::{self, Form};
use firman_proto::id::RecordId;
use firman_proto::jws::Algorithm;
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::token::TokenRequest;
use firman_store::record::{Client, EpochKey, EventKind, ExchangePolicy, TokenFormat};
use firman_store::{Change, Store as _};
use serde_json::{Value, json};

use crate::support::{App, Ask, Op, People, World, at, scope, seconds};

const API: &str = "https://api.example";

/// A resource server that verifies JWTs and listens.
struct Guard {
    listener: Listener,
    withdrawn: Withdrawn,
}

async fn world() -> World {
    let world = World::with(|parts| parts.policy.access_token_format = TokenFormat::Jwt).await;
    world.resource(API, |said| said.scope = scope("read")).await;
    world
}

impl Guard {
    async fn new(world: &World, now: Timestamp) -> Self {
        let mut guard = Self { listener: Listener::new(&world.engine).unwrap(), withdrawn: Withdrawn::default() };
        let begun = guard.listener.begin(None, now).await.unwrap();
        guard.hear(begun, now);
        guard
    }

    fn hear(&mut self, news: News, now: Timestamp) -> usize {
        let (News::Snapshot(messages) | News::Since(messages)) = news;
        let before = self.withdrawn.len();
        for told in &messages {
            self.withdrawn.note(told, now);
        }
        self.withdrawn.len().saturating_sub(before)
    }

    async fn listen(&mut self, now: Timestamp) -> usize {
        let news = self.listener.next(now).await.unwrap();
        self.hear(news, now)
    }

    /// Whether a token is dead: by what it says, and by the key that signed it.
    fn refuses(&self, token: &str) -> bool {
        let mut by = lives_by(token);
        by.keys.push(Key::signer(part(token, 0)["kid"].as_str().unwrap()));
        self.withdrawn.ends(&by)
    }
}

fn part(token: &str, place: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(place).unwrap()).unwrap()).unwrap()
}

fn claims(token: &str) -> Value {
    part(token, 1)
}

fn lives_by(token: &str) -> LivesBy {
    serde_json::from_value(claims(token)["lives_by"].clone()).unwrap()
}

async fn enable(world: &World, client_id: &str, enabled: bool, now: Timestamp) {
    let client = clients::find(&world.engine, client_id).await.unwrap();
    let client = Client { enabled, ..(*client).clone() };
    let edit = Edit { metadata: client.metadata.clone(), policy: client.policy.clone(), secret: None };
    clients::edit(&world.engine, &client, edit, now).await.unwrap();
}

async fn token(world: &World, app: &App, now: Timestamp) -> String {
    let ask = Ask::new(app, "read").with("resource", API);
    world.redeem(app, &world.code_for(&ask, now).await, now).await.unwrap().access_token
}

#[tokio::test]
async fn whatever_ends_a_token_is_told_and_nothing_else_dies_with_it() {
    let world = world().await;
    let (app, other) = (world.app("app").await, world.app("other").await);
    let mut guard = Guard::new(&world, at(0)).await;
    let mut now = 1;
    for way in ["token", "grant", "client", "subject", "everything", "disabled", "deleted"] {
        let (one, two) = (token(&world, &app, at(now)).await, token(&world, &other, at(now)).await);
        guard.listen(at(now + 1)).await;
        assert!(!guard.refuses(&one) && !guard.refuses(&two), "{way}: before");
        let subject = EpochKey::Subject(People::subject("somebody").key(world.engine.number()));
        let client = clients::find(&world.engine, "app").await.unwrap();
        let then = at(now + 2);
        match way {
            "token" => world.revoke(&app, &one, then).await.unwrap(),
            "grant" => {
                let of =
                    world.store.grants(firman_store::GrantsOf::Client(app.id), firman_store::Page::first(99)).await;
                grants::revoke(&world.engine, of.unwrap().last().unwrap().id, then).await.unwrap();
            }
            "client" => grants::sign_out_everywhere(&world.engine, EpochKey::Client(app.id), then).await.unwrap(),
            "subject" => grants::sign_out_everywhere(&world.engine, subject, then).await.unwrap(),
            "everything" => {
                grants::sign_out_everywhere(&world.engine, EpochKey::Everything, then).await.unwrap();
            }
            "disabled" => enable(&world, "app", false, then).await,
            _ => clients::remove(&world.engine, &client, then).await.unwrap(),
        }
        guard.listen(at(now + 3)).await;
        assert!(guard.refuses(&one), "{way}: after");
        assert_eq!(guard.refuses(&two), matches!(way, "subject" | "everything"), "{way}: the other client's");
        if way == "disabled" {
            enable(&world, "app", true, at(now + 3)).await;
            guard.listen(at(now + 4)).await;
            assert!(!guard.refuses(&one), "a client that is enabled again");
        }
        // Who listens only now is told the same.
        let late = Guard::new(&world, at(now + 4)).await;
        assert_eq!(late.refuses(&one), guard.refuses(&one), "{way}: in a snapshot");
        now += 10;
    }
}

#[tokio::test]
async fn a_new_salt_ends_what_a_client_got_before_and_not_what_it_gets_after() {
    let world = world().await;
    let app = world.app("app").await;
    let named = async |now| {
        let request = firman_proto::token::ClientCredentialsRequest { scope: None, resource: vec![API.to_owned()] };
        let request = firman_proto::token::TokenRequest::ClientCredentials(request);
        world.token(&app, request, now).await.unwrap().access_token
    };
    let mut guard = Guard::new(&world, at(0)).await;
    let before = named(at(1)).await;
    let grant = world.store.grants(firman_store::GrantsOf::Client(app.id), firman_store::Page::first(9)).await.unwrap();
    grants::revoke(&world.engine, grant[0].id, at(2)).await.unwrap();
    let after = named(at(3)).await;
    guard.listen(at(4)).await;
    assert!(guard.refuses(&before) && !guard.refuses(&after));
}

#[tokio::test]
async fn a_pairwise_person_is_told_by_the_names_that_resource_servers_know() {
    let world = world().await;
    let app = world
        .app_with("app", |new| {
            new.metadata.subject_type = Some("pairwise".to_owned());
        })
        .await;
    let mut guard = Guard::new(&world, at(0)).await;
    let one = token(&world, &app, at(1)).await;
    let subject = People::subject("somebody");
    let told = claims(&one)["sub"].as_str().unwrap().to_owned();
    grants::sign_out_everywhere(&world.engine, EpochKey::Subject(subject.key(world.engine.number())), at(2))
        .await
        .unwrap();
    guard.listen(at(3)).await;
    assert!(guard.refuses(&one));
    assert_eq!(guard.withdrawn.epoch(Key::subject(world.engine.number(), &told)), Some(1));
    assert_eq!(guard.withdrawn.epoch(Key::subject(world.engine.number(), subject.as_str())), None);
}

#[tokio::test]
async fn a_key_that_is_revoked_ends_what_it_made_and_one_that_is_succeeded_does_not() {
    let world = world().await;
    let app = world.app("app").await;
    let mut guard = Guard::new(&world, at(0)).await;
    for (way, now) in [("signs", 10), ("seals", 20)] {
        let before = token(&world, &app, at(now)).await;
        let make = world.engine.make_keys();
        make.rotate_signing_now(at(now)).await.unwrap();
        make.rotate_sealing(Lifetime::ZERO, at(now)).await.unwrap();
        world.engine.keys().reload(&*world.store, at(now)).await.unwrap();
        let after = token(&world, &app, at(now)).await;
        guard.listen(at(now + 1)).await;
        assert!(!guard.refuses(&before) && !guard.refuses(&after), "{way}: succeeded");
        let outcome = if way == "signs" {
            make.revoke_signing(part(&before, 0)["kid"].as_str().unwrap(), at(now + 2)).await.unwrap()
        } else {
            make.revoke_sealing(2, at(now + 2)).await.unwrap()
        };
        outcome.expect("a key");
        guard.listen(at(now + 3)).await;
        assert_eq!((guard.refuses(&before), guard.refuses(&after)), (true, false), "{way}: revoked");
        assert!(Guard::new(&world, at(now + 4)).await.refuses(&before), "{way}: in a snapshot");
    }
}

#[tokio::test]
async fn a_node_that_tells_of_a_dead_key_works_with_it_no_more() {
    let world = world().await;
    let neighbour = world.neighbour(at(0)).await;
    let mut guard = Guard::new(&neighbour, at(0)).await;
    let signer = |now| neighbour.engine.keys().current().signer(Algorithm::ES256, now).unwrap().jwk().kid.clone();
    let (kid, moment) = (signer(at(10)), Lifetime::from_millis(250));
    world.engine.make_keys().revoke_signing(&kid, at(10)).await.unwrap().expect("a key");
    assert_eq!(signer(at(10)), kid, "nobody has told it yet");
    guard.listen(at(10).plus(moment)).await;
    assert_ne!(signer(at(10).plus(moment)), kid);
    assert!(neighbour.engine.keys().current().published().keys.iter().all(|jwk| jwk.kid != kid));

    let sealer = || neighbour.engine.keys().current().keyring.current_number();
    let number = sealer();
    world.engine.make_keys().revoke_sealing(number, at(20)).await.unwrap().expect("a key");
    guard.listen(at(20).plus(moment)).await;
    assert_ne!(sealer(), number);
}

#[tokio::test]
async fn who_listens_has_keys_read_again_only_when_one_is_dead() {
    let world = world().await;
    let app = world.app("app").await;
    let mut guard = Guard::new(&world, at(0)).await;
    let one = token(&world, &app, at(1)).await;
    world.revoke(&app, &one, at(2)).await.unwrap();
    world.store.forget_calls();
    guard.listen(at(3)).await;
    assert!(guard.refuses(&one));
    assert_eq!(world.store.count(Op::Keys), 0);
}

// RFC 8693 §4.1.
#[tokio::test]
async fn what_was_delegated_dies_with_the_clients_it_was_delegated_from() {
    let world = world().await;
    let app = world.app("app").await;
    let agents = [agent(&world, "first").await, agent(&world, "second").await];
    let mut guard = Guard::new(&world, at(0)).await;
    for (way, now) in [("first", 10), ("app", 20)] {
        let first = exchange(&world, &agents[0], &token(&world, &app, at(now)).await, at(now)).await;
        let second = exchange(&world, &agents[1], &first, at(now)).await;
        guard.listen(at(now + 1)).await;
        assert!(!guard.refuses(&second));
        enable(&world, way, false, at(now + 2)).await;
        guard.listen(at(now + 3)).await;
        assert!(guard.refuses(&second), "{way} is disabled");
        enable(&world, way, true, at(now + 4)).await;
        guard.listen(at(now + 5)).await;
        assert!(!guard.refuses(&second), "{way} is enabled again");
        let client = clients::find(&world.engine, way).await.unwrap();
        grants::sign_out_everywhere(&world.engine, EpochKey::Client(client.id), at(now + 6)).await.unwrap();
        guard.listen(at(now + 7)).await;
        assert!(guard.refuses(&second), "{way} was signed out");
    }
}

async fn agent(world: &World, client_id: &str) -> App {
    let exchange = ExchangePolicy { tokens_of: vec!["*".to_owned()], ..ExchangePolicy::default() };
    world.app_with(client_id, |new| new.policy.exchange = Some(exchange)).await
}

async fn exchange(world: &World, agent: &App, token: &str, now: Timestamp) -> String {
    let mut body = String::new();
    for (name, value) in [
        ("grant_type", GrantType::TokenExchange.as_str()),
        ("subject_token", token),
        ("subject_token_type", TokenType::AccessToken.as_str()),
    ] {
        form::append(&mut body, name, value);
    }
    let request = TokenRequest::parse(&Form::parse(body.as_bytes()).unwrap()).unwrap();
    world.token(agent, request, now).await.unwrap().access_token
}

/// An event that withdraws something, with an id of another time than that of its commit.
async fn late(world: &World, made_at: Timestamp, n: u8) -> Key {
    let key = Key::record(RecordId::new(made_at, [n; 10]));
    let event = firman_store::record::Event {
        id: RecordId::new(made_at, [n; 10]),
        about: RecordId::from_bytes([n; 16]),
        kind: EventKind::GrantRevoked,
        at: made_at,
        client: None,
        subject: None,
        details: [("withdrawn".to_owned(), json!({ "dead": [key] }))].into_iter().collect(),
    };
    world.commit(Change::Append(Box::new(event))).await;
    key
}

#[tokio::test]
async fn what_is_committed_late_is_told_and_nothing_twice() {
    let world = world().await;
    let mut guard = Guard::new(&world, at(100)).await;
    let dead = |guard: &Guard, key: Key| guard.withdrawn.ends(&LivesBy { keys: vec![key], ..LivesBy::default() });
    guard.listen(at(101)).await;
    // Behind the last look by less than the overlap.
    let one = late(&world, at(99), 1).await;
    assert_eq!((guard.listen(at(102)).await, dead(&guard, one)), (1, true));
    // By more: found by a longer look, every five seconds.
    let two = late(&world, at(80), 2).await;
    guard.listen(at(103)).await;
    assert!(!dead(&guard, two));
    let mut found = 0;
    for second in 104..=106 {
        found += guard.listen(at(second)).await;
    }
    assert_eq!((found, dead(&guard, two)), (1, true));
    // By much more: after the store has stood still, all is read again.
    let three = late(&world, at(-2000), 3).await;
    assert_eq!((guard.listen(at(107)).await, dead(&guard, three)), (0, false));
    assert_eq!((guard.listen(at(111)).await, dead(&guard, three)), (1, true));
    // Or else within a minute.
    let four = late(&world, at(-2000), 4).await;
    let mut found = 0;
    for second in 112..=171 {
        found += guard.listen(at(second)).await;
    }
    assert_eq!((found, dead(&guard, four)), (1, true));
    let Ok(News::Since(again)) = guard.listener.next(at(172)).await else { panic!("no news") };
    assert!(again.is_empty(), "{again:?}");
}

#[tokio::test]
async fn who_comes_back_is_told_what_it_missed_and_who_was_away_too_long_all() {
    let world = world().await;
    let _first = Guard::new(&world, at(0)).await;
    late(&world, at(0), 1).await;
    let mut back = Listener::new(&world.engine).unwrap();
    let Ok(News::Since(missed)) = back.begin(Some(at(0)), at(2)).await else { panic!("a snapshot") };
    assert_eq!(missed.iter().map(|told| told.dead.len()).sum::<usize>(), 1);
    let window = world.engine.policy().feed.window;
    for (since, why) in
        [(None, "nothing said"), (Some(at(2).minus(window)), "too long ago"), (Some(at(900)), "of the future")]
    {
        let mut back = Listener::new(&world.engine).unwrap();
        assert!(matches!(back.begin(since, at(2)).await, Ok(News::Snapshot(_))), "{why}");
    }
}

#[tokio::test]
async fn only_so_many_listen_and_one_look_is_for_all() {
    let world = World::with(|parts| parts.policy.feed.listeners = 3).await;
    let mut all: Vec<_> = (0..3).map(|_| Listener::new(&world.engine).unwrap()).collect();
    assert!(Listener::new(&world.engine).is_none());
    let looks = || world.store.count(Op::List);
    let before = looks();
    for listener in &mut all {
        listener.begin(None, at(1)).await.unwrap();
    }
    assert_eq!(looks() - before, 1);
    for listener in &mut all {
        listener.next(at(1).plus(Lifetime::from_millis(249))).await.unwrap();
    }
    assert_eq!(looks() - before, 1, "not more often than is set");
    drop(all.pop());
    assert!(Listener::new(&world.engine).is_some());
}

#[tokio::test]
async fn a_hundred_thousand_are_told_in_pieces_and_forgotten_in_time() {
    let world = world().await;
    let changes = |n: u32| {
        let id = RecordId::new(at(1), std::array::from_fn(|place| n.to_be_bytes()[place % 4]));
        let dead: Vec<_> = (0..100u32)
            .map(|m| {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&n.to_be_bytes());
                bytes[4..8].copy_from_slice(&m.to_be_bytes());
                Key::record(RecordId::from_bytes(bytes))
            })
            .collect();
        let event = firman_store::record::Event {
            id,
            about: id,
            kind: EventKind::GrantRevoked,
            at: at(1),
            client: None,
            subject: None,
            details: [("withdrawn".to_owned(), json!({ "dead": dead }))].into_iter().collect(),
        };
        Change::Append(Box::new(event))
    };
    for n in 0..1000 {
        world.commit(changes(n)).await;
    }
    let mut listener = Listener::new(&world.engine).unwrap();
    let Ok(News::Snapshot(messages)) = listener.begin(None, at(2)).await else { panic!("no snapshot") };
    assert_eq!(messages.iter().map(|told| told.dead.len()).sum::<usize>(), 100_000);
    assert!(messages.iter().all(|told| told.dead.len() <= 1000));
    assert_eq!(messages.iter().filter(|told| !told.more).count(), 1);
    let window = world.engine.policy().feed.window;
    let mut after = Listener::new(&world.engine).unwrap();
    let Ok(News::Snapshot(messages)) = after.begin(None, at(1).plus(window).plus(seconds(1))).await else {
        panic!("no snapshot")
    };
    assert_eq!(messages.iter().map(|told| told.dead.len()).sum::<usize>(), 0);
}

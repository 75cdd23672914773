//! The revocation feed, followed. Tokio's clock runs by itself here, the guard's only when it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use firman_client::exchange::{Request, Unreachable};
use firman_client::guard::Guard;
use firman_client::guard::feed::{Follow, Knowledge, OnLoss, Pieces, Streams};
use firman_proto::digest::Digest16;
use firman_proto::feed::{Key, Told};
use firman_proto::time::Lifetime;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::world::{ISSUER, RESOURCE, World, es256, status};

/// Connections that wait to be opened, and what was asked for them.
#[derive(Default)]
struct Line {
    waiting: Mutex<VecDeque<(u16, UnboundedReceiver<Bytes>)>>,
    opened: Mutex<Vec<Request>>,
}

struct Ear(UnboundedReceiver<Bytes>);

#[async_trait]
impl Streams for Line {
    async fn open(&self, request: Request) -> Result<(StatusCode, Box<dyn Pieces>), Unreachable> {
        let url = request.url.clone();
        let Some((status, ear)) = self.waiting.lock().unwrap().pop_front() else {
            return Err(Unreachable::Connection { url, why: "refused".to_owned() });
        };
        self.opened.lock().unwrap().push(request);
        Ok((StatusCode::from_u16(status).unwrap(), Box::new(Ear(ear))))
    }
}

#[async_trait]
impl Pieces for Ear {
    async fn next(&mut self) -> Result<Option<Bytes>, Unreachable> {
        Ok(self.0.recv().await)
    }
}

/// The mouth of one connection.
struct Mouth(UnboundedSender<Bytes>);

impl Mouth {
    fn says(&self, event: &str, data: &Value) {
        self.0.send(Bytes::from(format!("event: {event}\ndata: {data}\n\n"))).unwrap();
    }

    fn alive(&self, id: i64) {
        self.0.send(Bytes::from(format!("id: {id}\nevent: alive\ndata: {{\"window\":3600}}\n\n"))).unwrap();
    }

    fn withdraws(&self, world: &World, keys: &[u32]) {
        let told = Told {
            until: world.now().seconds() + 3600,
            dead: keys.iter().map(|n| key(*n)).collect(),
            ..Told::default()
        };
        self.says("withdrawn", &json!(told));
    }
}

fn key(n: u32) -> Key {
    Key::token(Digest16::of(&[&n.to_be_bytes()]))
}

/// A token that dies with this key.
fn token(world: &World, n: u32) -> String {
    world.token(&json!({"jti": n.to_string(), "lives_by": {"keys": [key(n)], "epochs": {}}}))
}

struct Followed {
    world: World,
    line: Arc<Line>,
    guard: Guard,
}

/// Long enough for whatever is under way.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(20)).await;
}

impl Followed {
    fn new(on_loss: OnLoss) -> Self {
        let (world, line) = (World::new(), Arc::new(Line::default()));
        world.issuer.metadata.lock().unwrap()["revocation_feed_endpoint"] = json!(format!("{ISSUER}/feed"));
        let follow = Follow { on_loss, ..Follow::new(Arc::clone(&line) as Arc<dyn Streams>, RESOURCE, "a secret") };
        let guard = world.builder().verifies(world.transport()).follows(follow).build().unwrap();
        Self { world, line, guard }
    }

    /// Lets the guard connect.
    async fn connect(&self) -> Mouth {
        let (mouth, ear) = unbounded_channel();
        self.line.waiting.lock().unwrap().push_back((200, ear));
        settle().await;
        Mouth(mouth)
    }

    /// The same, and tells it that nothing is withdrawn.
    async fn begin(&self) -> Mouth {
        let mouth = self.connect().await;
        mouth.says("snapshot", &json!(Told::default()));
        mouth.alive(1);
        settle().await;
        mouth
    }

    async fn status(&self, n: u32) -> u16 {
        status(&self.guard, &token(&self.world, n)).await
    }

    fn pass(&self, seconds: i64) {
        self.world.pass(Lifetime::from_seconds(seconds));
    }
}

const CLOSED: OnLoss = OnLoss::ClosedAfter(Lifetime::from_seconds(30));

#[tokio::test(start_paused = true)]
async fn what_is_revoked_is_refused_at_once_also_where_the_token_was_let_through_before() {
    let followed = Followed::new(CLOSED);
    let mouth = followed.begin().await;
    assert_eq!(followed.guard.knowledge(), Some(Knowledge::Known));
    assert_eq!((followed.status(1).await, followed.status(2).await), (200, 200));
    mouth.withdraws(&followed.world, &[1]);
    settle().await;
    assert_eq!((followed.status(1).await, followed.status(2).await), (401, 200));
    let request = followed.line.opened.lock().unwrap()[0].clone();
    assert_eq!(request.url, format!("{ISSUER}/feed"));
    assert!(request.headers["authorization"].to_str().is_ok_and(|basic| basic.starts_with("Basic ")));
    assert!(!request.headers.contains_key("last-event-id"));
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_cut_for_a_minute_closes_the_guard_as_set_and_is_caught_up_with() {
    for (on_loss, after_30_s) in [(CLOSED, 503), (OnLoss::Open, 200)] {
        let followed = Followed::new(on_loss);
        let mouth = followed.begin().await;
        drop(mouth);
        settle().await;
        followed.pass(4);
        assert_eq!(followed.guard.knowledge(), Some(Knowledge::Known), "a moment is no silence");
        followed.pass(1);
        let since = followed.world.now().minus(Lifetime::from_seconds(5));
        assert_eq!(followed.guard.knowledge(), Some(Knowledge::CannotKnow { since }));
        followed.pass(24);
        assert_eq!(followed.status(1).await, 200, "29 s: within what is set");
        followed.pass(1);
        assert_eq!(followed.status(1).await, after_30_s, "30 s");
        followed.pass(30);
        let mouth = followed.connect().await;
        mouth.withdraws(&followed.world, &[1]);
        mouth.alive(2);
        settle().await;
        assert_eq!(followed.guard.knowledge(), Some(Knowledge::Known));
        assert_eq!((followed.status(1).await, followed.status(2).await), (401, 200));
        let opened = followed.line.opened.lock().unwrap();
        assert_eq!(opened.last().unwrap().headers["last-event-id"], "1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_revocations_are_held_until_they_no_longer_matter() {
    let followed = Followed::new(CLOSED);
    let mouth = followed.connect().await;
    let until = followed.world.now().seconds() + 3600;
    for piece in 0..100u32 {
        let dead = (piece * 1000..(piece + 1) * 1000).map(key).collect();
        mouth.says("snapshot", &json!(Told { until, dead, more: piece < 99, ..Told::default() }));
    }
    settle().await;
    assert!(matches!(followed.guard.knowledge(), Some(Knowledge::CannotKnow { .. })), "not all is told");
    mouth.alive(1);
    settle().await;
    for n in [0, 999, 1000, 54_321, 99_999] {
        assert_eq!(followed.status(n).await, 401, "{n}");
    }
    assert_eq!(followed.status(100_000).await, 200);
    followed.pass(3600);
    mouth.alive(2);
    settle().await;
    assert_eq!(followed.status(54_321).await, 200, "a new token of that name: the old ones have ended by themselves");
}

#[tokio::test(start_paused = true)]
async fn of_a_token_that_no_feed_speaks_of_nobody_can_know() {
    let followed = Followed::new(OnLoss::Open);
    let _mouth = followed.begin().await;
    let world = &followed.world;
    assert_eq!(status(&followed.guard, &world.token(&json!({}))).await, 503, "it does not say what it lives by");
    let long = json!({"exp": world.now().seconds() + 3601, "lives_by": {"keys": [key(1)], "epochs": {}}});
    assert_eq!(status(&followed.guard, &world.token(&long)).await, 503, "it lives longer than withdrawals are told");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_feed_tells_nothing() {
    let followed = Followed::new(CLOSED);
    for code in [302, 401, 404, 500] {
        let (mouth, ear) = unbounded_channel();
        mouth.send(Bytes::from("id: 1\nevent: alive\ndata: {\"window\":3600}\n\n")).unwrap();
        followed.line.waiting.lock().unwrap().push_back((code, ear));
        settle().await;
        assert!(matches!(followed.guard.knowledge(), Some(Knowledge::CannotKnow { .. })), "{code}");
    }
    for (event, data) in [("alive", json!("x")), ("snapshot", json!({"dead": ["short"]})), ("withdrawn", json!("x"))] {
        let mouth = followed.connect().await;
        mouth.says(event, &data);
        settle().await;
        assert!(mouth.0.is_closed(), "{event}: who says such a thing is not listened to");
        assert!(matches!(followed.guard.knowledge(), Some(Knowledge::CannotKnow { .. })), "{event}");
    }
    followed.pass(30);
    assert_eq!(followed.status(1).await, 503);
}

#[tokio::test(start_paused = true)]
async fn more_than_can_be_held_is_not_held_in_part() {
    let (world, line) = (World::new(), Arc::new(Line::default()));
    world.issuer.metadata.lock().unwrap()["revocation_feed_endpoint"] = json!(format!("{ISSUER}/feed"));
    let follow = Follow { most: 10, ..Follow::new(Arc::clone(&line) as Arc<dyn Streams>, RESOURCE, "s") };
    let guard = world.builder().verifies(world.transport()).follows(follow).build().unwrap();
    let followed = Followed { world, line, guard };
    let mouth = followed.begin().await;
    mouth.withdraws(&followed.world, &(0..11).collect::<Vec<_>>());
    mouth.alive(2);
    settle().await;
    assert!(matches!(followed.guard.knowledge(), Some(Knowledge::CannotKnow { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_gone_listens_no_more() {
    let followed = Followed::new(CLOSED);
    let mouth = followed.begin().await;
    drop(followed.guard);
    mouth.alive(2);
    settle().await;
    assert!(mouth.0.is_closed());
}

#[tokio::test(start_paused = true)]
async fn what_a_revoked_key_signed_is_refused_whatever_it_says_and_whatever_is_still_published() {
    let followed = Followed::new(CLOSED);
    let (mouth, world) = (followed.begin().await, &followed.world);
    let other = es256();
    world.issuer.publishes(&[&world.key, &other]);
    let good = || world.signed_by(&other, &json!({"lives_by": {"keys": [key(2)], "epochs": {}}}));
    assert_eq!((followed.status(1).await, status(&followed.guard, &good()).await), (200, 200));
    let kid = world.key.jwk().kid.clone();
    mouth.says("withdrawn", &json!(Told { until: i64::MAX, dead: vec![Key::signer(&kid)], ..Told::default() }));
    mouth.alive(2);
    settle().await;
    // One that was let through before, and one that its thief made now.
    assert_eq!((followed.status(1).await, followed.status(9).await), (401, 401));
    assert_eq!(status(&followed.guard, &good()).await, 200);
    assert_eq!(world.issuer.count("/jwks"), 1, "such a token is no reason to look for keys");
    // A cache on the way has the key still.
    followed.pass(600);
    mouth.alive(3);
    settle().await;
    assert_eq!((followed.status(9).await, status(&followed.guard, &good()).await), (401, 200));
}

// RFC 9111 §4.3.4.
#[tokio::test(start_paused = true)]
async fn a_revoked_key_that_a_cache_on_the_way_still_has_stays_away() {
    let followed = Followed::new(OnLoss::Open);
    let (mouth, world) = (followed.begin().await, &followed.world);
    let other = es256();
    world.issuer.publishes(&[&world.key, &other]);
    assert_eq!(followed.status(1).await, 200);
    let until = world.now().seconds() + 60;
    let dead = vec![Key::signer(&world.key.jwk().kid)];
    mouth.says("withdrawn", &json!(Told { until, dead, ..Told::default() }));
    // The set is as it was, and the feed does not speak of the key any more.
    followed.pass(600);
    mouth.alive(2);
    settle().await;
    let good = || world.signed_by(&other, &json!({"lives_by": {"keys": [key(2)], "epochs": {}}}));
    for _ in 0..2 {
        assert_eq!((status(&followed.guard, &good()).await, followed.status(9).await), (200, 401));
        settle().await;
    }
    assert!(world.issuer.count("/jwks") > 1);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_is_not_used_again_when_the_feed_no_longer_speaks_of_it() {
    let followed = Followed::new(OnLoss::Open);
    let (mouth, world) = (followed.begin().await, &followed.world);
    let other = es256();
    world.issuer.max_age.store(86_400, std::sync::atomic::Ordering::Relaxed);
    world.issuer.publishes(&[&world.key, &other]);
    assert_eq!(followed.status(1).await, 200);
    world.issuer.publishes(&[&other]);
    let told =
        Told { until: world.now().seconds() + 60, dead: vec![Key::signer(&world.key.jwk().kid)], ..Told::default() };
    mouth.says("withdrawn", &json!(told));
    mouth.alive(2);
    settle().await;
    let asked = world.issuer.count("/jwks");
    followed.pass(3600);
    mouth.alive(3);
    settle().await;
    // What was fetched before would still be fresh.
    assert_eq!((followed.status(9).await, world.issuer.count("/jwks")), (401, asked + 1));
}

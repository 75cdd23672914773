//! The worker that empties the outbox.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firman::metrics::Metrics;
use firman::outbox::Courier;
use firman_engine::admin::clients::{self, NewClient};
use firman_engine::outbox::{Deliver, Letter, Outcome, Outgoing};
use firman_engine::webhooks::{Webhook, Webhooks};
use firman_engine::{Clock, Engine, Parts};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{DeliveryKind, DeliveryState};
use firman_store::{Change, Commit, CommitId, Page, Store as _, Transaction};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::world::{NOW, World};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Delivers what does not go to "nobody", and tells of it.
struct Postman {
    told: mpsc::UnboundedSender<String>,
    /// Deliveries to "later" wait for this.
    gate: Arc<Notify>,
    at_once: Arc<Mutex<(usize, usize)>>,
    tried: Arc<AtomicUsize>,
}

#[async_trait]
impl Deliver for Postman {
    fn kind(&self) -> DeliveryKind {
        DeliveryKind::Webhook
    }

    async fn deliver(&self, _: &Engine, letter: &Letter, _: Timestamp) -> Outcome {
        self.tried.fetch_add(1, Ordering::SeqCst);
        {
            let mut at_once = self.at_once.lock().unwrap();
            at_once.0 += 1;
            at_once.1 = at_once.1.max(at_once.0);
        }
        let outcome = match letter.to.as_str() {
            "nobody" => std::future::pending().await,
            "a place that is down" => Outcome::Later("answered 503".into()),
            "later" => {
                self.told.send("begun".to_owned()).unwrap();
                self.gate.notified().await;
                Outcome::Done
            }
            _ => Outcome::Done,
        };
        tokio::task::yield_now().await;
        self.at_once.lock().unwrap().0 -= 1;
        self.told.send(String::from_utf8(letter.body.to_vec()).unwrap()).unwrap();
        outcome
    }
}

struct Office {
    world: World,
    told: mpsc::UnboundedReceiver<String>,
    gate: Arc<Notify>,
    at_once: Arc<Mutex<(usize, usize)>>,
    tried: Arc<AtomicUsize>,
    courier: Option<Arc<Courier>>,
    metrics: Arc<Metrics>,
}

impl Office {
    async fn new(at_once: usize, patience: Lifetime) -> Self {
        Self::with(at_once, |parts| parts.policy.outbox.attempt = patience).await
    }

    async fn with(at_once: usize, edit: impl FnOnce(&mut Parts)) -> Self {
        let world = World::with(|parts, _| edit(parts)).await;
        let (told, hears) = mpsc::unbounded_channel();
        let (gate, metrics) = (Arc::new(Notify::new()), Arc::new(Metrics::default()));
        let (most, tried) = (Arc::default(), Arc::default());
        let postman = Postman { told, gate: Arc::clone(&gate), at_once: Arc::clone(&most), tried: Arc::clone(&tried) };
        let ways: Vec<Arc<dyn Deliver>> = vec![Arc::new(postman)];
        let courier = Courier::new(Arc::clone(&world.engine), Arc::new(Fixed), Arc::clone(&metrics), ways, at_once);
        Self { world, told: hears, gate, at_once: most, tried, courier: Some(courier), metrics }
    }

    async fn put(&self, kind: DeliveryKind, to: &str, body: &str) {
        let outgoing =
            Outgoing { kind, client: None, to: to.to_owned(), body: body.as_bytes().to_vec().into(), life: None };
        let changes = vec![self.world.engine.send_later(outgoing, NOW).unwrap()];
        assert!(matches!(changes[0], Change::InsertDelivery(_)));
        let transaction = Transaction { id: CommitId([7; 16]), changes };
        assert_eq!(self.world.store.commit(transaction).await.unwrap(), Commit::Done);
    }

    /// Has the worker begin; it ends when what is given back is dropped.
    fn open(&mut self) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let (stops, stopped) = oneshot::channel::<()>();
        let courier = self.courier.take().unwrap();
        (stops, tokio::spawn(courier.run(async move { drop(stopped.await) })))
    }

    async fn states(&self) -> Vec<(String, DeliveryState, u32, Option<String>)> {
        let all = self.world.store.deliveries(Page::first(999)).await.unwrap();
        let to = |delivery: &_| firman_engine::outbox::to(delivery).to_owned();
        all.into_iter().map(|d| (to(&d), d.state, d.attempts, d.error)).collect()
    }
}

/// An office whose every event goes to a webhook.
async fn told_of_everything() -> Office {
    let secrets = vec![vec![7; 32].into()];
    let hook = Webhook { name: "somebody".to_owned(), url: "https://siem.example".to_owned(), events: None, secrets };
    let hooks = Webhooks::new(vec![hook]).unwrap();
    Office::with(4, |parts| parts.policy.webhooks = hooks).await
}

// The clock of the worker stands still until nobody has anything to do: only the bell wakes it earlier.
#[tokio::test(start_paused = true)]
async fn what_this_node_commits_is_delivered_at_once() {
    let mut office = told_of_everything().await;
    let (_stops, _done) = office.open();
    // A client and an account were made before it began, and the keys.
    let made = office.states().await.len();
    assert!(made >= 3, "{made}");
    for _ in 0..made {
        office.told.recv().await.unwrap();
    }
    for id in ["one", "another"] {
        let begun = tokio::time::Instant::now();
        let new = NewClient { client_id: Some(id.to_owned()), ..crate::world::client() };
        clients::create(&office.world.engine, new, NOW).await.unwrap();
        let told = office.told.recv().await.unwrap();
        assert!(told.contains("client_created"), "{told}");
        assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
    }
}

const PATIENT: Lifetime = Lifetime::from_seconds(600);

#[tokio::test]
async fn what_is_due_is_delivered_a_bounded_number_at_a_time() {
    let mut office = Office::new(4, PATIENT).await;
    for n in 0..50 {
        office.put(DeliveryKind::Webhook, &format!("place {}", n % 10), &n.to_string()).await;
    }
    let (stops, done) = office.open();
    let mut told = Vec::new();
    while told.len() < 50 {
        told.push(office.told.recv().await.unwrap());
    }
    drop(stops);
    done.await.unwrap();
    told.sort_by_key(|n| n.parse::<u32>().unwrap());
    assert_eq!(told, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
    let most = office.at_once.lock().unwrap().1;
    assert!((1..=4).contains(&most), "{most}");
    let states = office.states().await;
    assert!(states.iter().all(|(_, state, attempts, _)| *state == DeliveryState::Done { at: NOW } && *attempts == 1));
    assert_eq!(office.metrics.deliveries.get_or_create(&[("kind", "webhook"), ("outcome", "done")]).get(), 50);
}

#[tokio::test]
async fn who_does_not_answer_holds_up_nobody_else() {
    let mut office = Office::new(4, PATIENT).await;
    for n in 0..30 {
        office.put(DeliveryKind::Webhook, "nobody", &n.to_string()).await;
    }
    office.put(DeliveryKind::Webhook, "somebody", "hello").await;
    let (_stops, _done) = office.open();
    assert_eq!(office.told.recv().await.unwrap(), "hello");
    assert_eq!(office.tried.load(Ordering::SeqCst), 2, "one place has one of four");
}

#[tokio::test]
async fn an_attempt_ends_in_time_and_what_else_goes_there_waits_untried() {
    let mut office = Office::new(4, Lifetime::from_millis(1)).await;
    for n in 0..5 {
        office.put(DeliveryKind::Webhook, "nobody", &n.to_string()).await;
    }
    let (stops, done) = office.open();
    while office.states().await.iter().any(|(_, _, attempts, _)| *attempts == 0) {
        tokio::task::yield_now().await;
    }
    drop(stops);
    done.await.unwrap();
    assert_eq!(office.tried.load(Ordering::SeqCst), 1);
    let states = office.states().await;
    assert_eq!(states.iter().filter(|state| state.3.as_deref() == Some("it took too long")).count(), 1);
    assert!(states.iter().all(|(_, state, ..)| matches!(state, DeliveryState::Due { at } if *at > NOW)));
}

#[tokio::test]
async fn a_place_that_says_no_is_tried_for_each_and_every_kind_needs_a_way() {
    let mut office = Office::new(4, PATIENT).await;
    for n in 0..3 {
        office.put(DeliveryKind::Webhook, "a place that is down", &n.to_string()).await;
    }
    office.put(DeliveryKind::Email, "somebody", "hello").await;
    let (stops, done) = office.open();
    for _ in 0..3 {
        office.told.recv().await.unwrap();
    }
    while office.states().await.iter().any(|(_, _, _, error)| error.is_none()) {
        tokio::task::yield_now().await;
    }
    drop(stops);
    done.await.unwrap();
    let no_way = office.states().await.into_iter().find(|state| state.0 == "somebody").unwrap();
    assert_eq!(no_way.3.as_deref(), Some("this server has no way to deliver this"));
    assert!(matches!(no_way.1, DeliveryState::Due { .. }));
    assert_eq!(office.metrics.deliveries.get_or_create(&[("kind", "webhook"), ("outcome", "later")]).get(), 3);
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_it_has_begun_and_leaves_the_rest() {
    let mut office = Office::new(4, PATIENT).await;
    office.put(DeliveryKind::Webhook, "later", "first").await;
    let (stops, done) = office.open();
    assert_eq!(office.told.recv().await.unwrap(), "begun");
    office.put(DeliveryKind::Webhook, "somebody", "second").await;
    drop(stops);
    tokio::task::yield_now().await;
    office.gate.notify_one();
    done.await.unwrap();
    assert_eq!(office.told.recv().await.unwrap(), "first");
    let mut attempts: Vec<_> = office.states().await.into_iter().map(|state| (state.0, state.2)).collect();
    attempts.sort();
    assert_eq!(attempts, [("later".to_owned(), 1), ("somebody".to_owned(), 0)]);
}

//! What must reach somebody else.

use firman_engine::outbox::{Letter, OutboxPolicy, Outcome, Outgoing, Taken, conclude, due, put_off, take};
use firman_engine::{FetchError, Reply};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Delivery, DeliveryKind, DeliveryState, EventKind};
use firman_store::{Change, Page, Store as _};

use crate::support::{World, at, master, seconds};

const BODY: &[u8] = b"what nobody but its reader may know";

/// A world with something in its outbox.
async fn with_something(edit: impl FnOnce(&mut Outgoing)) -> (World, Delivery) {
    let world = World::new().await;
    let delivery = put(&world, edit).await;
    (world, delivery)
}

async fn put(world: &World, edit: impl FnOnce(&mut Outgoing)) -> Delivery {
    let (kind, body) = (DeliveryKind::Webhook, BODY.to_vec().into());
    let mut outgoing = Outgoing { kind, client: None, to: "a place".to_owned(), body, life: None };
    edit(&mut outgoing);
    let change = world.engine.send_later(outgoing, at(0)).unwrap();
    let Change::InsertDelivery(delivery) = &change else { panic!("{change:?}") };
    let id = delivery.id;
    world.commit(change).await;
    world.store.delivery(id).await.unwrap().unwrap()
}

async fn letter(world: &World, now: Timestamp) -> Letter {
    let due = due(&world.engine, 9, now).await.unwrap();
    match take(&world.engine, &due[0], now).await.unwrap() {
        Taken::Letter(letter) => letter,
        other => panic!("{other:?}"),
    }
}

async fn is_due(world: &World, now: Timestamp) -> bool {
    !due(&world.engine, 9, now).await.unwrap().is_empty()
}

async fn kept(world: &World, delivery: &Delivery) -> Delivery {
    world.store.delivery(delivery.id).await.unwrap().unwrap()
}

fn no() -> Outcome {
    Outcome::Later("answered 503".into())
}

#[tokio::test]
async fn what_arrives_was_sealed_until_then_and_is_forgotten_after() {
    let (world, delivery) = with_something(|_| {}).await;
    assert!(!delivery.sealed.windows(8).any(|bytes| BODY.windows(8).any(|body| body == bytes)));
    let letter = letter(&world, at(0)).await;
    assert_eq!((&letter.body[..], letter.attempt, letter.to.as_str()), (BODY, 1, "a place"));
    assert!(!format!("{letter:?} {delivery:?}").contains("nobody"));
    let state = conclude(&world.engine, &letter, &Outcome::Done, at(1)).await.unwrap();
    assert_eq!(state, Some(DeliveryState::Done { at: at(1) }));
    assert_eq!(kept(&world, &delivery).await.sealed, b"");
    assert!(!is_due(&world, at(99_999_999)).await);
}

#[tokio::test]
async fn what_fails_is_tried_again_ever_later_and_at_last_given_up_and_told() {
    let (world, delivery) = with_something(|_| {}).await;
    let policy = OutboxPolicy::default();
    let (mut now, mut pauses) = (at(0), Vec::new());
    let last = loop {
        let letter = letter(&world, now).await;
        match conclude(&world.engine, &letter, &no(), now).await.unwrap() {
            Some(DeliveryState::Due { at: then }) => {
                assert!(!is_due(&world, then.minus(Lifetime::from_millis(1))).await && is_due(&world, then).await);
                pauses.push(then.since(now));
                now = then;
            }
            Some(DeliveryState::GivenUp { .. }) => break letter,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((pauses.len(), last.attempt), (19, policy.attempts));
    assert!(pauses[0] <= seconds(5) && pauses[18] >= seconds(3 * 3600), "{pauses:?}");
    assert!(now < at(0).plus(policy.life));
    let kept = kept(&world, &delivery).await;
    assert_eq!((kept.error.as_deref(), kept.attempts), (Some("answered 503"), 20));
    let told = world.events(EventKind::DeliveryGivenUp).await.pop().unwrap();
    let said = serde_json::json!({"kind": "webhook", "to": "a place", "attempts": 20, "error": "answered 503"});
    assert_eq!((told.about, serde_json::json!(told.details)), (delivery.id, said));
    assert!(!is_due(&world, at(99_999_999)).await);
}

#[tokio::test]
async fn its_maker_says_how_long_it_is_worth_trying_and_the_policy_says_more_than_enough() {
    let (world, delivery) = with_something(|outgoing| outgoing.life = Some(seconds(60))).await;
    assert_eq!(delivery.expires_at, at(60));
    let late = due(&world.engine, 9, at(60)).await.unwrap();
    assert!(matches!(take(&world.engine, &late[0], at(60)).await.unwrap(), Taken::GivenUp));
    assert_eq!(kept(&world, &delivery).await.error.as_deref(), Some("its time is up"));
    assert_eq!(world.events(EventKind::DeliveryGivenUp).await.len(), 1);

    let delivery = put(&world, |outgoing| outgoing.life = Some(Lifetime::from_days(99))).await;
    assert_eq!(delivery.expires_at, at(0).plus(OutboxPolicy::default().life));
    // What would be due too late is not waited for.
    let delivery = put(&world, |outgoing| outgoing.life = Some(seconds(2))).await;
    let letter = match take(&world.engine, &delivery, at(1)).await.unwrap() {
        Taken::Letter(letter) => letter,
        other => panic!("{other:?}"),
    };
    let state = conclude(&world.engine, &letter, &no(), at(1)).await.unwrap();
    assert_eq!(state, Some(DeliveryState::GivenUp { at: at(1) }));
}

#[tokio::test]
async fn one_node_at_a_time_tries_and_who_dies_leaves_it_to_others() {
    let (world, delivery) = with_something(|_| {}).await;
    let other = world.neighbour(at(0)).await;
    let first = letter(&world, at(0)).await;
    assert!(matches!(take(&other.engine, &delivery, at(0)).await.unwrap(), Taken::Elsewhere));
    assert!(!is_due(&other, at(79)).await, "the first still has time to say what became of it");
    let second = letter(&other, at(80)).await;
    assert_eq!(second.attempt, 2);
    // Its attempt may have arrived; what counts is what the second says.
    assert_eq!(conclude(&world.engine, &first, &no(), at(81)).await.unwrap(), None);
    assert!(conclude(&other.engine, &second, &Outcome::Done, at(82)).await.unwrap().is_some());
    assert!(matches!(kept(&world, &delivery).await.state, DeliveryState::Done { .. }));
}

#[tokio::test]
async fn what_ends_its_process_each_time_is_given_up_too() {
    let (world, delivery) = with_something(|_| {}).await;
    for attempt in 0..20 {
        assert_eq!(letter(&world, at(attempt * 100)).await.attempt, u32::try_from(attempt).unwrap() + 1);
    }
    let left = due(&world.engine, 9, at(2_000)).await.unwrap();
    assert!(matches!(take(&world.engine, &left[0], at(2_000)).await.unwrap(), Taken::GivenUp));
    assert_eq!(kept(&world, &delivery).await.error.as_deref(), Some("it was tried too often"));
}

#[tokio::test]
async fn what_no_key_opens_is_given_up() {
    let (world, delivery) = with_something(|_| {}).await;
    let stranger = World::with(|parts| parts.master = master(8)).await;
    stranger.commit(Change::InsertDelivery(Box::new(delivery.clone()))).await;
    assert!(matches!(take(&stranger.engine, &delivery, at(0)).await.unwrap(), Taken::GivenUp));
    let error = kept(&stranger, &delivery).await.error.unwrap();
    assert!(error.contains("cannot be opened"), "{error}");
    // Nor does it open in the place of another.
    let other = put(&world, |_| {}).await;
    let swapped = Delivery { sealed: delivery.sealed, ..other };
    assert!(matches!(take(&world.engine, &swapped, at(0)).await.unwrap(), Taken::GivenUp));
}

#[tokio::test]
async fn what_waits_for_somebody_who_does_not_answer_is_put_off_untried() {
    let (world, delivery) = with_something(|_| {}).await;
    put_off(&world.engine, &delivery, at(0)).await.unwrap();
    assert!(!is_due(&world, at(1)).await && is_due(&world, at(5)).await);
    assert_eq!(kept(&world, &delivery).await.attempts, 1);
    // Somebody else had it meanwhile: then it is theirs.
    put_off(&world.engine, &delivery, at(5)).await.unwrap();
    assert!(is_due(&world, at(5)).await);
}

#[tokio::test]
async fn only_what_was_committed_is_delivered() {
    let world = World::new().await;
    let (kind, body) = (DeliveryKind::Email, BODY.to_vec().into());
    let outgoing = Outgoing { kind, client: None, to: "a place".to_owned(), body, life: None };
    world.engine.send_later(outgoing, at(0)).unwrap();
    assert!(world.store.deliveries(Page::first(9)).await.unwrap().is_empty());
}

// RFC 9110 §15.5.11.
#[test]
fn an_answer_says_whether_it_arrived() {
    let answered = |status| Outcome::of(Ok(Reply { status, media_type: String::new(), body: Vec::new() }));
    for status in [200, 202, 204] {
        assert_eq!(answered(status), Outcome::Done);
    }
    for status in [301, 307, 400, 401, 404, 429, 500, 503] {
        assert_eq!(answered(status), Outcome::Later(format!("answered {status}").into()));
    }
    assert!(matches!(answered(410), Outcome::GiveUp(_)));
    assert!(matches!(Outcome::of(Err(FetchError::Failed("no route".into()))), Outcome::NoAnswer(_)));
    assert!(matches!(Outcome::of(Err(FetchError::Refused("a private address".into()))), Outcome::Later(_)));
}

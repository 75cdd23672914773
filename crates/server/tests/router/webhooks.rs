//! Those who are told of events, on sockets of this machine: they fail, stall, send elsewhere, and check what they get.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman::fetch::{Network, Networks, Options, SystemResolver, Web};
use firman_engine::admin::clients;
use firman_engine::outbox::{Deliver as _, Outcome, Taken, conclude, due, take};
use firman_engine::webhooks::{Webhook, Webhooks};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Delivery, DeliveryState, EventKind};
use firman_store::{Page, Store as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::world::{CLIENT, NOW, World, client};

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

/// A request as it came: its head in lower case, and its body.
type Got = (String, String);

/// Somebody who is told of events. Answers each request with the next of these statuses, the last for ever; 0 is silence.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    async fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let told = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = Vec::new();
                let (head, body) = loop {
                    if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                        break Got::default();
                    }
                    let text = String::from_utf8(bytes.clone()).unwrap();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let head = head.to_lowercase();
                    if body.len() >= header(&head, "content-length").parse().unwrap() {
                        break (head, body.to_owned());
                    }
                };
                let count = {
                    let mut got = told.lock().unwrap();
                    got.push((head, body));
                    got.len()
                };
                match statuses[(count - 1).min(statuses.len() - 1)] {
                    0 => {
                        tokio::spawn(async move { stream.read_u8().await });
                    }
                    status => {
                        let elsewhere = "location: http://127.0.0.1:9/elsewhere\r\ncontent-length: 0\r\n\r\n";
                        let _ = stream.write_all(format!("HTTP/1.1 {status} It\r\n{elsewhere}").as_bytes()).await;
                    }
                }
            }
        });
        Self { url, got }
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

fn header<'h>(head: &'h str, name: &str) -> &'h str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

/// What a receiver does with what it gets (Standard Webhooks 1.0): true if one of the signatures is of this secret.
fn is_signed((head, body): &Got, secret: &[u8]) -> bool {
    let signed = format!("{}.{}.{body}", header(head, "webhook-id"), header(head, "webhook-timestamp"));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let own = STANDARD.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes())).to_lowercase();
    header(head, "webhook-signature").split(' ').any(|one| one == format!("v1,{own}"))
}

/// A server that tells this address of clients that are made.
async fn telling(url: &str, allowed: &str) -> World {
    let events = Some(vec![EventKind::ClientCreated]);
    let secrets = [NEW, OLD].map(|secret| secret.to_vec().into()).to_vec();
    let hook = Webhook { name: "the receiver".to_owned(), url: url.to_owned(), events, secrets };
    let allowed = Networks(vec![Network::parse(allowed).unwrap()]);
    let options =
        Options { timeout: Duration::from_millis(300), max_bytes: 4096, allowed, plain_http: true, roots: None };
    World::with(|parts, _| {
        parts.policy.webhooks = Webhooks::new(vec![hook]).unwrap();
        parts.fetch = Arc::new(Web::new(options, Arc::new(SystemResolver)).unwrap());
    })
    .await
}

async fn waiting(world: &World) -> Delivery {
    let mut all = world.store.deliveries(Page::first(9)).await.unwrap();
    assert_eq!(all.len(), 1, "one event that is wanted, one webhook: {all:?}");
    all.remove(0)
}

/// One attempt, as the worker makes it.
async fn attempt(world: &World, now: Timestamp) -> (Outcome, DeliveryState) {
    let engine = &world.engine;
    let due = due(engine, 9, now).await.unwrap();
    let Taken::Letter(letter) = take(engine, &due[0], now).await.unwrap() else { panic!("{due:?}") };
    let outcome = engine.policy().webhooks.deliver(engine, &letter, now).await;
    let state = conclude(engine, &letter, &outcome, now).await.unwrap().unwrap();
    (outcome, state)
}

#[tokio::test]
async fn an_event_arrives_signed_under_one_id_however_often_it_takes() {
    let receiver = Receiver::answering(&[503, 500, 204]).await;
    let world = telling(&receiver.url, "127.0.0.0/8").await;
    let (mut now, mut outcomes) = (NOW, Vec::new());
    loop {
        let (outcome, state) = attempt(&world, now).await;
        outcomes.push(outcome);
        match state {
            DeliveryState::Due { at } => now = at,
            other => break assert_eq!(other, DeliveryState::Done { at: now }),
        }
    }
    let later = |status: u16| Outcome::Later(format!("answered {status}").into());
    assert_eq!(outcomes, [later(503), later(500), Outcome::Done]);
    let got = receiver.got();
    assert_eq!(got.len(), 3);
    let event = &world.store.events(None, Page::first(99)).await.unwrap();
    let event = event.iter().find(|event| event.kind == EventKind::ClientCreated).unwrap();
    for one in &got {
        assert!(is_signed(one, &NEW) && is_signed(one, &OLD) && !is_signed(one, &[3; 32]), "{one:?}");
        assert_eq!(header(&one.0, "webhook-id"), waiting(&world).await.id.to_string());
        assert_eq!(header(&one.0, "content-type"), "application/json");
        let body: Value = serde_json::from_str(&one.1).unwrap();
        assert_eq!((&body["type"], &body["data"]["id"]), (&"client_created".into(), &event.id.to_string().into()));
        assert_eq!(body["timestamp"], firman_proto::rfc3339::format(NOW));
        assert_eq!(
            body["data"]["about"],
            world.engine.store().client_by_id(event.about).await.unwrap().unwrap().id.to_string()
        );
    }
    let times: Vec<i64> = got.iter().map(|(head, _)| header(head, "webhook-timestamp").parse().unwrap()).collect();
    assert!(times[0] == NOW.seconds() && times[0] < times[1] && times[1] < times[2], "{times:?}");
}

// A redirect is followed by nobody here; RFC 9110 §15.5.11: 410 is the end of it.
#[tokio::test]
async fn a_redirect_is_not_followed_and_gone_is_gone() {
    let receiver = Receiver::answering(&[302, 307, 410]).await;
    let world = telling(&receiver.url, "127.0.0.0/8").await;
    let (first, state) = attempt(&world, NOW).await;
    assert_eq!(first, Outcome::Later("answered 302".into()));
    let DeliveryState::Due { at } = state else { panic!("{state:?}") };
    let (second, state) = attempt(&world, at).await;
    assert_eq!(second, Outcome::Later("answered 307".into()));
    let DeliveryState::Due { at } = state else { panic!("{state:?}") };
    let (third, state) = attempt(&world, at).await;
    assert_eq!(third, Outcome::GiveUp("answered 410".into()));
    assert_eq!(state, DeliveryState::GivenUp { at });
    let told = world.store.events(None, Page::first(99)).await.unwrap();
    assert!(told.iter().any(|event| event.kind == EventKind::DeliveryGivenUp));
    waiting(&world).await;
}

#[tokio::test]
async fn who_is_slow_holds_nobody_up_for_longer_than_the_limit() {
    let receiver = Receiver::answering(&[0, 204]).await;
    let world = telling(&receiver.url, "127.0.0.0/8").await;
    let (outcome, state) = attempt(&world, NOW).await;
    assert!(matches!(outcome, Outcome::NoAnswer(_)), "{outcome:?}");
    let DeliveryState::Due { at } = state else { panic!("{state:?}") };
    assert_eq!(attempt(&world, at).await.0, Outcome::Done);
}

#[tokio::test]
async fn private_addresses_are_not_told_unless_an_operator_names_them() {
    let receiver = Receiver::answering(&[204]).await;
    let world = telling(&receiver.url, "10.9.0.0/16").await;
    let (outcome, state) = attempt(&world, NOW).await;
    let Outcome::Later(why) = &outcome else { panic!("{outcome:?}") };
    assert!(why.starts_with("not sent: "), "{why}");
    assert!(matches!(state, DeliveryState::Due { .. }));
    assert_eq!(receiver.got(), []);
}

#[tokio::test]
async fn an_event_that_is_not_committed_is_told_to_nobody_and_a_webhook_that_is_gone_gets_nothing() {
    let receiver = Receiver::answering(&[204]).await;
    let world = telling(&receiver.url, "127.0.0.0/8").await;
    // Another client of the same id: the commit loses, and with it its event and its delivery.
    let mut again = client();
    again.client_id = Some(CLIENT.to_owned());
    clients::create(&world.engine, again, NOW).await.unwrap_err();
    let delivery = waiting(&world).await;
    let Taken::Letter(letter) = take(&world.engine, &delivery, NOW.plus(Lifetime::from_seconds(1))).await.unwrap()
    else {
        panic!("{delivery:?}")
    };
    let outcome = Webhooks::default().deliver(&world.engine, &letter, NOW).await;
    assert_eq!(outcome, Outcome::GiveUp("there is no such webhook any more".into()));
    assert_eq!(receiver.got(), []);
}

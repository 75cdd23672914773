//! Who is told of events: a delivery for each rides in the commit of the event, and is signed when it is sent.
//!
//! What is sent is what Standard Webhooks 1.0 says: a body `{type, timestamp, data}`, and the headers `webhook-id` (the same at each
//! attempt), `webhook-timestamp` (that of the attempt) and `webhook-signature`: `v1,` and the base64 of HMAC-SHA-256 over id,
//! timestamp and body with dots between, once for each secret.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_proto::id::RecordId;
use firman_proto::rfc3339;
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{DeliveryKind, Event, EventKind};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::Engine;
use crate::failure::Fault;
use crate::fetch::Call;
use crate::outbox::{Deliver, Letter, Outcome, Outgoing, Packer};

/// How long a secret is, in bytes: what Standard Webhooks says.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Somebody who is told of events.
#[derive(Clone)]
pub struct Webhook {
    /// What operators call it. Deliveries name it, so that address and secrets may change while they wait.
    pub name: String,
    /// Where its requests go.
    pub url: String,
    /// Of which events; nothing said: of all.
    pub events: Option<Vec<EventKind>>,
    /// What its requests are signed with: the newest first, while one takes the place of another.
    pub secrets: Vec<Zeroizing<Vec<u8>>>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Webhooks(Arc<[Webhook]>);

impl Webhooks {
    /// All of them, or what is wrong with one.
    pub fn new(webhooks: Vec<Webhook>) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        for Webhook { name, url, events, secrets } in &webhooks {
            if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
                return Err(format!("a webhook's name has 1 to 100 printable characters, not {name:?}"));
            }
            if !names.insert(name) {
                return Err(format!("two webhooks are called {name:?}"));
            }
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(format!("{name}: url: give an absolute https address"));
            }
            let unknown = |kind: &&EventKind| matches!(kind, EventKind::Other(_));
            if let Some(EventKind::Other(kind)) = events.iter().flatten().find(unknown) {
                return Err(format!("{name}: events: there is no kind of event {kind:?}"));
            }
            if secrets.is_empty() || secrets.iter().any(|secret| !SECRET_BYTES.contains(&secret.len())) {
                return Err(format!("{name}: a webhook has secrets of 24 to 64 random bytes"));
            }
        }
        Ok(Self(webhooks.into()))
    }

    fn wanting<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a Webhook> {
        // That a webhook did not get something is no news for webhooks: it would never end.
        let own = event.kind == EventKind::DeliveryGivenUp
            && event.details.get("kind").and_then(Value::as_str) == Some("webhook");
        self.0.iter().filter(move |hook| !own && hook.events.as_ref().is_none_or(|kinds| kinds.contains(&event.kind)))
    }
}

/// These changes, and for each event among them a delivery to whoever wants it.
pub(crate) fn with_deliveries(packer: &Packer<'_>, mut changes: Vec<Change>) -> Result<Vec<Change>, Fault> {
    let webhooks = &packer.policy.webhooks;
    if webhooks.0.is_empty() {
        return Ok(changes);
    }
    let events = changes.iter().filter_map(|change| match change {
        Change::Append(event) => Some(event),
        _ => None,
    });
    let mut deliveries = Vec::new();
    for event in events {
        for hook in webhooks.wanting(event) {
            let (kind, to) = (DeliveryKind::Webhook, hook.name.clone());
            let body = Zeroizing::new(payload(event).to_string().into_bytes());
            deliveries.push(packer.pack(Outgoing { kind, client: None, to, body, life: None }, event.at)?);
        }
    }
    changes.extend(deliveries);
    Ok(changes)
}

/// What is sent of an event.
fn payload(event: &Event) -> Value {
    json!({
        "type": event.kind,
        "timestamp": rfc3339::format(event.at),
        "data": {
            "id": event.id,
            "about": event.about,
            "client": event.client,
            "subject": event.subject,
            "details": event.details,
        },
    })
}

#[async_trait]
impl Deliver for Webhooks {
    fn kind(&self) -> DeliveryKind {
        DeliveryKind::Webhook
    }

    async fn deliver(&self, engine: &Engine, letter: &Letter, now: Timestamp) -> Outcome {
        let Some(hook) = self.0.iter().find(|hook| hook.name == letter.to) else {
            return Outcome::GiveUp("there is no such webhook any more".into());
        };
        let (id, timestamp) = (letter.id.to_string(), now.seconds().to_string());
        let signature = signature(&hook.secrets, letter.id, now, &letter.body);
        let headers =
            [("webhook-id", id.as_str()), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)];
        let body = Some(("application/json", letter.body.as_slice()));
        Outcome::of(engine.fetch.send(&Call { url: &hook.url, headers: &headers, body, wants_body: false }).await)
    }
}

fn signature(secrets: &[Zeroizing<Vec<u8>>], id: RecordId, now: Timestamp, body: &[u8]) -> String {
    let head = format!("{id}.{}.", now.seconds());
    let one = |secret: &Zeroizing<Vec<u8>>| {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
        mac.update(head.as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.sign()))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Without its secrets.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({} to {})", self.name, self.url.split('?').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use firman_store::record::Rest;

    use super::*;

    fn hook(name: &str) -> Webhook {
        let secrets = vec![Zeroizing::new(vec![7; 32])];
        Webhook { name: name.to_owned(), url: "https://siem.example/in".to_owned(), events: None, secrets }
    }

    #[test]
    fn what_is_wrong_with_a_webhook_is_told() {
        assert!(Webhooks::new(vec![hook("a"), hook("b")]).is_ok());
        let short = vec![Zeroizing::new(vec![7; 23])];
        let unknown = Some(vec![EventKind::Other("hue_changed".into())]);
        for (hooks, told) in [
            (vec![hook("a"), hook("a")], "two webhooks"),
            (vec![hook("")], "name"),
            (vec![Webhook { url: "siem.example".to_owned(), ..hook("a") }], "url"),
            (vec![Webhook { secrets: short, ..hook("a") }], "secrets"),
            (vec![Webhook { secrets: Vec::new(), ..hook("a") }], "secrets"),
            (vec![Webhook { events: unknown, ..hook("a") }], "hue_changed"),
        ] {
            let error = Webhooks::new(hooks).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn each_gets_the_events_it_wants_and_none_of_deliveries_to_webhooks() {
        let some = Webhook { events: Some(vec![EventKind::SignedIn]), ..hook("some") };
        let webhooks = Webhooks::new(vec![hook("all"), some]).unwrap();
        let to = |event: &Event| webhooks.wanting(event).map(|hook| hook.name.clone()).collect::<Vec<_>>();
        let (id, at, kind) = (RecordId::from_bytes([1; 16]), Timestamp::from_seconds(1), EventKind::SignedIn);
        let mut event = Event { id, about: id, kind, at, client: None, subject: None, details: Rest::new() };
        assert_eq!(to(&event), ["all", "some"]);
        event.kind = EventKind::DeliveryGivenUp;
        event.details.insert("kind".to_owned(), json!(DeliveryKind::Email));
        assert_eq!(to(&event), ["all"]);
        event.details.insert("kind".to_owned(), json!(DeliveryKind::Webhook));
        assert_eq!(to(&event), Vec::<String>::new());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let webhook = Webhook { url: "https://siem.example/in?key=hush".to_owned(), ..hook("a") };
        assert_eq!(format!("{webhook:?}"), "Webhook(a to https://siem.example/in)");
    }
}

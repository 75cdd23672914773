//! Following: connect, listen, and connect again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firman_proto::feed::Told;
use firman_proto::time::Lifetime;
use firman_store::Clock;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::events::{Event, Reader};
use super::state::State;
use super::{Follow, Pieces};
use crate::backoff::Backoff;
use crate::exchange::Request;
use crate::guard::endpoints::Endpoints;
use crate::guard::introspector::basic;
use crate::guard::keys::Keys;

/// Waits between connections: those of all guards at once would be a storm.
const BACKOFF: Backoff = Backoff { first: Lifetime::from_millis(200), most: Lifetime::from_seconds(5) };

/// Follows the feed for as long as somebody holds its state.
pub(in crate::guard) async fn run(
    follow: Follow,
    keys: Arc<Keys>,
    state: std::sync::Weak<State>,
    clock: Arc<dyn Clock>,
) {
    let random = std::hash::RandomState::new();
    let secret = Zeroizing::new(follow.secret.clone());
    let mut failures = 0u32;
    while let Some(held) = state.upgrade() {
        let cursor = held.again();
        drop(held);
        let heard = match connect(&follow, &secret, keys.endpoints(), cursor, &*clock).await {
            Ok(mut pieces) => listen(&mut *pieces, &state, &keys, &*clock).await,
            Err(()) => false,
        };
        failures = if heard { 1 } else { failures.saturating_add(1) };
        let wait = BACKOFF.wait(failures, std::hash::BuildHasher::hash_one(&random, clock.now()));
        tokio::time::sleep(Duration::from_millis(u64::try_from(wait.millis()).unwrap_or_default())).await;
    }
}

async fn connect(
    follow: &Follow,
    secret: &str,
    endpoints: &Endpoints,
    cursor: Option<String>,
    clock: &dyn Clock,
) -> Result<Box<dyn Pieces>, ()> {
    let metadata = endpoints.now(clock.now()).await.map_err(|_| ())?;
    // Our servers' own member; others have no such feed, and nothing is ever known.
    let url = metadata.rest.get("revocation_feed_endpoint").and_then(|url| url.as_str()).ok_or(())?;
    let url = crate::flow::address::read(url).map_err(|_| ())?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.extend(basic(&follow.id, secret).map(|value| (AUTHORIZATION, value)));
    let cursor = cursor.and_then(|cursor| HeaderValue::from_str(&cursor).ok());
    headers.extend(cursor.map(|cursor| (HeaderName::from_static("last-event-id"), cursor)));
    let request = Request { method: Method::GET, url: url.into(), headers, body: Bytes::new() };
    let (status, pieces) = follow.streams.open(request).await.map_err(|_| ())?;
    if status == http::StatusCode::OK { Ok(pieces) } else { Err(()) }
}

/// Listens until it ends; whether anything was heard.
async fn listen(pieces: &mut dyn Pieces, state: &std::sync::Weak<State>, keys: &Keys, clock: &dyn Clock) -> bool {
    let (mut reader, mut heard) = (Reader::default(), false);
    while let Ok(Some(piece)) = pieces.next().await {
        let Ok(events) = reader.read(&piece) else { return heard };
        let Some(state) = state.upgrade() else { return heard };
        for event in events {
            if take(&state, keys, &event, clock).is_none() {
                return heard;
            }
            heard = true;
        }
    }
    heard
}

#[derive(Deserialize)]
struct Alive {
    window: Option<i64>,
}

/// Takes one event; `None` where it is not what a feed says: then all that follows may be wrong.
fn take(state: &State, keys: &Keys, event: &Event, clock: &dyn Clock) -> Option<()> {
    let now = clock.now();
    let told = || {
        let told: Told = serde_json::from_str(&event.data).ok()?;
        keys.drop_dead(&told.dead);
        Some(told)
    };
    match event.name.as_str() {
        "snapshot" => state.snapshot(&told()?, now),
        "withdrawn" => state.withdrawn(&told()?, now),
        "alive" => {
            let said: Alive = serde_json::from_str(&event.data).ok()?;
            state.alive(event.id.clone(), said.window.map(Lifetime::from_seconds), now);
        }
        // Of a later version.
        _ => {}
    }
    Some(())
}

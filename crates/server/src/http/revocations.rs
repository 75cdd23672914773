//! `/oauth2/revocations`: what is withdrawn, as server-sent events (`text/event-stream`).
//!
//! `snapshot` events come first, in place of what was told before, unless the request says by `Last-Event-ID` from where to go on. Then
//! `withdrawn` events, as they come. `alive` events say, once a second, that everything is told that was withdrawn before their id; only they
//! have an id, so that whoever goes on from one has missed nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use firman_engine::Clock;
use firman_engine::feed::{Listener, News};
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::feed::Told;
use firman_proto::metadata::path;
use firman_proto::time::{Lifetime, Timestamp};
use futures_util::stream;

use super::{App, answer, asker, read};

/// How often somebody who hears nothing else is told that there is nothing.
const ALIVE: Lifetime = Lifetime::from_seconds(1);
/// How long one request is answered: then who asks proves again who they are.
const LIFE: Lifetime = Lifetime::from_seconds(600);

/// Tells a resource server what is withdrawn.
pub async fn revocations(State(app): State<App>, request: Request) -> Response {
    let head = read::Head::of(&request);
    let (scope, now) = (&app.engine.policy().feed.scope, app.now());
    match asker::of(&app, &head, b"", ("GET", path::REVOCATIONS, scope), now).await {
        Ok(asker) if asker.may_listen() => {}
        Ok(_) => {
            let text = "only resource servers are told, and clients that may introspect any token";
            return answer::client_error(&app, Denied::new(ErrorCode::UnauthorizedClient, text));
        }
        Err(refused) => return asker::refused(&app, refused, scope),
    }
    let Some(listener) = Listener::new(&app.engine) else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response();
    };
    let poll = Duration::from_millis(u64::try_from(app.engine.policy().feed.poll.millis()).unwrap_or(u64::MAX));
    let window = app.engine.policy().feed.window;
    let since = last_event_id(&head);
    let speaker = Speaker {
        listener,
        clock: Arc::clone(&app.clock),
        poll,
        window,
        since,
        begun: false,
        until: now.plus(LIFE),
        alive: Timestamp::default(),
        waiting: VecDeque::new(),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies such as nginx would hold it back.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(stream::unfold(speaker, Speaker::speak))).into_response()
}

fn last_event_id(headers: &HeaderMap) -> Option<Timestamp> {
    let id = headers.get("last-event-id")?.to_str().ok()?;
    id.parse().ok().map(Timestamp::from_millis)
}

struct Speaker {
    listener: Listener,
    clock: Arc<dyn Clock>,
    poll: Duration,
    window: Lifetime,
    since: Option<Timestamp>,
    begun: bool,
    until: Timestamp,
    /// When it was last said that there is nothing else.
    alive: Timestamp,
    waiting: VecDeque<Bytes>,
}

impl Speaker {
    /// The next piece, when there is one.
    async fn speak(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                return Some((Ok(piece), self));
            }
            let now = self.clock.now();
            if self.begun && (now >= self.until || self.listener.is_over()) {
                return None;
            }
            let news = if self.begun {
                tokio::time::sleep(self.poll).await;
                self.listener.next(self.clock.now()).await
            } else {
                self.listener.begin(self.since, now).await
            };
            match news {
                Ok(news) => {
                    self.begun = true;
                    self.say(&news, now);
                }
                Err(fault) => {
                    // Nobody is told that all is well; who listens draws its own conclusions.
                    tracing::warn!(%fault, "what was withdrawn cannot be read");
                    if !self.begun {
                        return None;
                    }
                }
            }
        }
    }

    /// `now` is from before the look.
    fn say(&mut self, news: &News, now: Timestamp) {
        let (event, messages) = match news {
            News::Snapshot(messages) => ("snapshot", messages),
            News::Since(messages) => ("withdrawn", messages),
        };
        let worth = |told: &&Told| event == "snapshot" || !told.is_empty();
        for told in messages.iter().filter(worth) {
            // A structure of texts and numbers becomes JSON.
            let Ok(data) = serde_json::to_string(told) else { continue };
            self.waiting.push_back(Bytes::from(format!("event: {event}\ndata: {data}\n\n")));
        }
        if !self.waiting.is_empty() || now >= self.alive.plus(ALIVE) {
            self.alive = now;
            let mut text = String::new();
            let _ =
                write!(text, "id: {}\nevent: alive\ndata: {{\"window\":{}}}\n\n", now.millis(), self.window.seconds());
            self.waiting.push_back(Bytes::from(text));
        }
    }
}

//! What an operator looks for in the audit trail.

use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Page;
use firman_store::record::{Event, EventKind};

use super::AdminError;
use crate::Engine;

/// How many events are read at once.
const AT_ONCE: u32 = 500;

/// The most events that one call looks at: who looks for what is rare gets a place to go on from.
const MOST: u32 = 10_000;

/// Which events: what is given must fit.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// About this record.
    pub about: Option<RecordId>,
    /// Of this kind.
    pub kind: Option<EventKind>,
    /// To or by this client.
    pub client: Option<RecordId>,
    /// To or by this subject.
    pub subject: Option<String>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
}

impl EventFilter {
    /// Whether an event is one of these.
    pub fn fits(&self, event: &Event) -> bool {
        self.about.is_none_or(|about| event.about == about)
            && self.kind.as_ref().is_none_or(|kind| event.kind == *kind)
            && self.client.is_none_or(|client| event.client == Some(client))
            && self.subject.as_ref().is_none_or(|subject| event.subject.as_ref() == Some(subject))
            && self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
    }
}

/// Events, and where to go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundEvents {
    /// The newest first.
    pub events: Vec<Event>,
    /// Where to go on, if there may be more: also where nothing was found so far.
    pub next: Option<RecordId>,
}

/// Events that fit, the newest first: those before the id of the page.
pub async fn search(engine: &Engine, filter: &EventFilter, page: Page) -> Result<FoundEvents, AdminError> {
    let before = filter.until.map(|until| RecordId::new(until, [0; 10]));
    let begin = [page.after, before].into_iter().flatten().min();
    let (mut found, mut looked) = (FoundEvents { events: Vec::new(), next: begin }, 0);
    let wanted = page.limit.max(1) as usize;
    loop {
        let events = engine.store.latest_events(Page { after: found.next, limit: AT_ONCE }).await?;
        let read = events.len();
        for event in events {
            found.next = Some(event.id);
            if filter.fits(&event) {
                found.events.push(event);
            }
            if found.events.len() == wanted {
                return Ok(found);
            }
        }
        // An event's id is made when it happens: what is before this id was before that time.
        let is_past = filter.since.is_some_and(|since| found.next.is_some_and(|id| id.made_at() < since));
        if read < AT_ONCE as usize || is_past {
            found.next = None;
            return Ok(found);
        }
        looked += AT_ONCE;
        if looked >= MOST {
            return Ok(found);
        }
    }
}

/// A stretch of the trail, as it is exported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// Those that fit, the oldest first.
    pub events: Vec<Event>,
    /// The last that was looked at, whether or not it fits: the next stretch begins after it.
    pub last: Option<RecordId>,
    /// Whether there may be more.
    pub more: bool,
}

/// The events after `after` that fit, the oldest first; none younger than `settled`, because what is committed late or by a node whose
/// clock is behind would come before what was exported already, and never be exported itself.
pub async fn stretch(
    engine: &Engine,
    filter: &EventFilter,
    after: Option<RecordId>,
    settled: Lifetime,
    now: Timestamp,
) -> Result<Stretch, AdminError> {
    let until = filter.until.unwrap_or(Timestamp::NEVER).min(now.minus(settled));
    let before = filter.since.map(|since| RecordId::new(since.minus(Lifetime::from_millis(1)), [0xff; 10]));
    let begin = [after, before].into_iter().flatten().max();
    let events = engine.store.events(None, Page { after: begin, limit: AT_ONCE }).await?;
    let read = events.len();
    let mut stretch = Stretch { events: Vec::new(), last: after, more: read == AT_ONCE as usize };
    for event in events {
        if event.id.made_at() >= until {
            stretch.more = false;
            break;
        }
        stretch.last = Some(event.id);
        if filter.fits(&event) {
            stretch.events.push(event);
        }
    }
    Ok(stretch)
}

//! What an operator looks for in the audit trail.

use firman_proto::id::RecordId;
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
}

impl EventFilter {
    /// Whether an event is one of these.
    pub fn fits(&self, event: &Event) -> bool {
        self.about.is_none_or(|about| event.about == about)
            && self.kind.as_ref().is_none_or(|kind| event.kind == *kind)
            && self.client.is_none_or(|client| event.client == Some(client))
            && self.subject.as_ref().is_none_or(|subject| event.subject.as_ref() == Some(subject))
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
    let (mut found, mut looked) = (FoundEvents { events: Vec::new(), next: page.after }, 0);
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
        if read < AT_ONCE as usize {
            found.next = None;
            return Ok(found);
        }
        looked += AT_ONCE;
        if looked >= MOST {
            return Ok(found);
        }
    }
}

//! Events.

use firman_store::StoreError;
use firman_store::record::{Event, EventKind};
use serde_json::Value as Json;

use super::body;
use crate::row::Columns;
use crate::value::{Value, values};

/// A whole row.
pub(crate) fn row(event: &Event) -> Vec<Value> {
    values![
        event.at.day(),
        event.about,
        event.id,
        kind_name(&event.kind),
        event.at,
        event.client,
        event.subject.as_deref(),
        details_text(event),
    ]
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Event, StoreError> {
    columns.skip(1);
    let (about, id) = (columns.id()?, columns.id()?);
    let kind = columns.parsed("known kind of event", kind_of)?;
    let (at, client, subject) = (columns.time()?, columns.maybe_id()?, columns.maybe_string()?);
    let details = body::take(&mut body::read(columns)?, "details", columns)?;
    Ok(Event { id, about, kind, at, client, subject, details })
}

fn details_text(event: &Event) -> String {
    let details = (!event.details.is_empty()).then(|| ("details".to_owned(), Json::Object(event.details.clone())));
    body::write(details.into_iter().collect())
}

/// The name of a kind, as its JSON form.
fn kind_name(kind: &EventKind) -> String {
    match serde_json::to_value(kind) {
        Ok(Json::String(name)) => name,
        _ => String::new(),
    }
}

fn kind_of(name: &str) -> Option<EventKind> {
    serde_json::from_value(Json::from(name)).ok()
}

//! The audit trail.

use axum::Json;
use axum::extract::State;
use firman_proto::id::RecordId;
use firman_store::record::{self, EventKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::page::{Page, seconds, wanted};
use super::problem::Problem;
use super::read::Asked;

/// One line of the audit trail.
#[derive(Serialize, ToSchema)]
pub(super) struct Event {
    id: String,
    /// The record it is about.
    about: String,
    /// What happened.
    #[schema(value_type = String)]
    kind: EventKind,
    /// When.
    at: Option<i64>,
    /// To or by which client: its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    /// To or by whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Anything else: `actor` says who did it.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

impl Event {
    fn of(event: &record::Event) -> Self {
        Self {
            id: event.id.to_string(),
            about: event.about.to_string(),
            kind: event.kind,
            at: seconds(event.at),
            client: event.client.map(|client| client.to_string()),
            subject: event.subject.clone(),
            details: event.details.clone(),
        }
    }
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those about this record.
    #[param(format = "uuid")]
    about: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List what happened, oldest first.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "list_events", params(Which),
    security(("operator" = ["firman.events.read"])), responses((status = 200, body = Page<Event>, description = "A page of events.")))]
pub(super) async fn list(
    State(admin): State<Shared>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Event>>, Problem> {
    let page = wanted(which.limit, which.cursor.as_deref())?;
    let malformed = || Problem::invalid("about: not the id of a record");
    let about = which.about.map(|about| RecordId::parse(&about).ok_or_else(malformed)).transpose()?;
    let found = admin.engine.store().events(about, page).await?;
    Ok(Json(Page::of(&found, page, |event| event.id, Event::of)))
}

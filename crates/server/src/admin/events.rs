//! The audit trail.

use axum::Json;
use axum::extract::State;
use firman_engine::admin::events::{self, EventFilter};
use firman_proto::id::RecordId;
use firman_store::record::{self, EventKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::page::{Page, cursor_of, seconds, wanted};
use super::problem::Problem;
use super::read::Asked;

/// The longest name of a kind that is sought, in bytes.
const LONGEST_KIND: usize = 64;

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
            kind: event.kind.clone(),
            at: seconds(event.at),
            client: event.client.map(|client| client.to_string()),
            subject: event.subject.clone(),
            details: event.details.clone(),
        }
    }
}

/// Which events: what is given must fit.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those about this record.
    #[param(format = "uuid")]
    about: Option<String>,
    /// Those of this kind, such as `grant_revoked`.
    #[param(value_type = Option<String>, max_length = 64)]
    kind: Option<String>,
    /// Those to or by this client: its record.
    #[param(format = "uuid")]
    client: Option<String>,
    /// Those to or by this person.
    subject: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List what happened, the newest first. A page may have fewer events than it could, even none, where those sought are rare; `next` goes on.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "list_events", params(Which),
    security(("operator" = ["firman.events.read"])), responses((status = 200, body = Page<Event>, description = "A page of events.")))]
pub(super) async fn list(
    State(admin): State<Shared>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Event>>, Problem> {
    let page = wanted(which.limit, which.cursor.as_deref())?;
    let id = |name: &str, text: Option<String>| {
        let malformed = || Problem::invalid(format!("{name}: not the id of a record"));
        text.map(|text| RecordId::parse(&text).ok_or_else(malformed)).transpose()
    };
    let malformed = || Problem::invalid("kind: not the name of a kind of event");
    let kind = |text: String| {
        let text = Some(text).filter(|text| text.len() <= LONGEST_KIND);
        text.and_then(|text| serde_json::from_value(text.into()).ok()).ok_or_else(malformed)
    };
    let kind = which.kind.map(kind).transpose()?;
    let filter = EventFilter {
        about: id("about", which.about)?,
        kind,
        client: id("client", which.client)?,
        subject: which.subject,
        since: None,
        until: None,
    };
    let found = events::search(&admin.engine, &filter, page).await?;
    Ok(Json(Page { items: found.events.iter().map(Event::of).collect(), next: found.next.map(cursor_of) }))
}

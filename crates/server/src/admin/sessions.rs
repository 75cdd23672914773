//! Browser sessions.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use firman_engine::admin::sessions;
use firman_proto::time::Timestamp;
use firman_store::record::{self, Subject};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::page::{Page, seconds, wanted};
use super::problem::Problem;
use super::read::{Asked, Id};

/// A browser that somebody signed in with. What its cookie is proved against is not shown.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    id: String,
    /// Who signed in.
    subject: String,
    /// The name they were greeted with.
    username: String,
    /// When they last proved who they are.
    auth_time: Option<i64>,
    /// How well (OpenID Connect Core §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    /// How (RFC 8176).
    amr: Vec<String>,
    /// When it was last used, to within a minute.
    last_seen: Option<i64>,
    /// The absolute end.
    expires_at: Option<i64>,
    /// Since when it is ended.
    ended_at: Option<i64>,
    /// Whether by itself it is good.
    live: bool,
}

impl Session {
    fn of(session: &record::Session, now: Timestamp) -> Self {
        Self {
            id: session.id.to_string(),
            subject: session.subject.to_string(),
            username: session.details.username.clone(),
            auth_time: seconds(session.auth_time),
            acr: session.details.acr.clone(),
            amr: session.details.amr.clone(),
            last_seen: seconds(session.last_seen),
            expires_at: seconds(session.expires_at),
            ended_at: session.ended_at.and_then(seconds),
            live: session.is_live(now),
        }
    }
}

/// Whose sessions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those of this person.
    #[param(min_length = 1, max_length = 255, pattern = "^[ -~]+$")]
    subject: String,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List a person's sessions, whatever their state, in the order in which they began.
#[utoipa::path(get, path = "/sessions", tag = "sessions", operation_id = "list_sessions", params(Which),
    security(("operator" = ["firman.sessions.read"])), responses((status = 200, body = Page<Session>, description = "A page of sessions.")))]
pub(super) async fn list(
    State(admin): State<Shared>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Session>>, Problem> {
    let page = wanted(which.limit, which.cursor.as_deref())?;
    let subject = Subject::new(which.subject);
    let subject = subject.ok_or_else(|| Problem::invalid("subject: 1 to 255 printable ASCII characters"))?;
    let (found, now) = (sessions::of(&admin.engine, &subject, page).await?, admin.now());
    Ok(Json(Page::of(&found, page, |session| session.id, |session| Session::of(session, now))))
}

/// Show a session.
#[utoipa::path(get, path = "/sessions/{id}", tag = "sessions", operation_id = "show_session", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.sessions.read"])), responses((status = 200, body = Session, description = "The session.")))]
pub(super) async fn show(State(admin): State<Shared>, Id(id): Id) -> Result<Json<Session>, Problem> {
    Ok(Json(Session::of(&sessions::find(&admin.engine, id).await?, admin.now())))
}

/// End a session: its browser is signed out.
#[utoipa::path(post, path = "/sessions/{id}/end", tag = "sessions", operation_id = "end_session", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.sessions.write"])), responses((status = 204, description = "It is over.")))]
pub(super) async fn end(State(admin): State<Shared>, Id(id): Id) -> Result<StatusCode, Problem> {
    sessions::end(&admin.engine, id, admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

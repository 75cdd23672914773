//! What this is, and who asks.

use axum::Json;
use axum::extract::{Extension, State};
use firman_engine::operator::Operator;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use super::page::seconds;
use super::problem::Problem;

/// The server.
#[derive(Serialize, ToSchema)]
pub(super) struct Server {
    /// Its issuer identifier.
    issuer: String,
    /// The version of the program.
    version: &'static str,
    /// Since when this process serves.
    started_at: Option<i64>,
    /// The time here.
    now: Option<i64>,
    /// Whether its store answers.
    ready: bool,
}

/// Show which server this is, and whether it is well.
#[utoipa::path(get, path = "/version", tag = "server", operation_id = "show_version",
    security(("operator" = ["firman.figures.read"])), responses((status = 200, body = Server, description = "The server.")))]
pub(super) async fn version(State(admin): State<Shared>) -> Json<Server> {
    Json(Server {
        issuer: admin.engine.issuer().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        started_at: seconds(admin.started),
        now: seconds(admin.now()),
        ready: admin.engine.store().check().await.is_ok(),
    })
}

/// Whoever asks.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// The person; absent where a client acts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What they sign in with, where they have an account here.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The client they use.
    client_id: String,
    /// What they may do with this token.
    scope: String,
}

/// Show who asks, and what they may do. Any operator may.
#[utoipa::path(get, path = "/me", tag = "server", operation_id = "show_me",
    security(("operator" = [])), responses((status = 200, body = Me, description = "Whoever asks.")))]
pub(super) async fn me(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
) -> Result<Json<Me>, Problem> {
    let id = operator.subject.as_ref().and_then(|subject| firman_proto::id::RecordId::parse(subject.as_str()));
    let account = match id {
        Some(id) => admin.engine.store().account(id).await?,
        None => None,
    };
    Ok(Json(Me {
        subject: operator.subject.map(|subject| subject.to_string()),
        username: account.map(|account| account.username),
        client_id: operator.client_id,
        scope: operator.scope.to_string(),
    }))
}

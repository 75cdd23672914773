//! Flows: what somebody was asked, until it became a grant or nothing.

use axum::Json;
use axum::extract::State;
use firman_proto::time::Day;
use firman_store::record::{self, FlowRequest, FlowState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::page::{Page, seconds, wanted};
use super::problem::Problem;
use super::read::{Asked, Id};

/// A flow. What its code or request is proved against is not shown.
#[derive(Serialize, ToSchema)]
pub(super) struct Flow {
    /// Its id; the grant that comes of it has the same.
    id: String,
    /// `code`, `pushed`, `device` or `backchannel`.
    kind: &'static str,
    /// `pending`, `ready`, `done`, `denied`, `failed` or `revoked`.
    state: &'static str,
    /// The record of the client that asked.
    client: String,
    /// What it asked for.
    scope: String,
    /// Who allowed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What was allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_scope: Option<String>,
    /// Failed attempts to redeem its code.
    misses: u32,
    /// When it was made.
    made_at: Option<i64>,
    /// Until when it, or its code, is good.
    expires_at: Option<i64>,
}

impl Flow {
    fn of(flow: &record::Flow) -> Self {
        let kind = match flow.request {
            FlowRequest::Code(_) => "code",
            FlowRequest::Pushed(_) => "pushed",
            FlowRequest::Device(_) => "device",
            FlowRequest::Backchannel(_) => "backchannel",
        };
        let state = match flow.state {
            FlowState::Pending => "pending",
            FlowState::Ready => "ready",
            FlowState::Done { .. } => "done",
            FlowState::Denied => "denied",
            FlowState::Failed(_) => "failed",
            FlowState::Revoked => "revoked",
        };
        Self {
            id: flow.id.to_string(),
            kind,
            state,
            client: flow.client.to_string(),
            scope: flow.request.scope().to_string(),
            subject: flow.approval.as_ref().map(|approval| approval.subject.to_string()),
            granted_scope: flow.approval.as_ref().map(|approval| approval.scope.to_string()),
            misses: flow.misses,
            made_at: seconds(flow.id.made_at()),
            expires_at: seconds(flow.expires_at),
        }
    }
}

/// Which flows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those that began on this day of the calendar (UTC), counted from 1970-01-01; today if it is not said.
    #[param(minimum = 0, maximum = 100_000)]
    day: Option<i32>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List the flows of a day, the newest first.
#[utoipa::path(get, path = "/flows", tag = "flows", operation_id = "list_flows", params(Which),
    security(("operator" = ["firman.flows.read"])), responses((status = 200, body = Page<Flow>, description = "A page of flows.")))]
pub(super) async fn list(State(admin): State<Shared>, Asked(which): Asked<Which>) -> Result<Json<Page<Flow>>, Problem> {
    let page = wanted(which.limit, which.cursor.as_deref())?;
    if which.day.is_some_and(|day| !(0..=100_000).contains(&day)) {
        return Err(Problem::invalid("day: from 0 to 100000"));
    }
    let day = which.day.map_or_else(|| admin.now().day(), Day::from_number);
    let found = admin.engine.store().flows_of(day, page).await?;
    Ok(Json(Page::of(&found, page, |flow| flow.id, Flow::of)))
}

/// Show a flow.
#[utoipa::path(get, path = "/flows/{id}", tag = "flows", operation_id = "show_flow", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.flows.read"])), responses((status = 200, body = Flow, description = "The flow.")))]
pub(super) async fn show(State(admin): State<Shared>, Id(id): Id) -> Result<Json<Flow>, Problem> {
    let flow = admin.engine.store().flow(id).await?.map(|standing| standing.record);
    let flow = flow.filter(|flow| flow.issuer == admin.engine.number());
    Ok(Json(Flow::of(&flow.ok_or_else(|| Problem::not_found("no such flow"))?)))
}

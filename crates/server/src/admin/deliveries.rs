//! Deliveries: what must reach somebody else, and is tried until it does or its time is up.

use axum::Json;
use axum::extract::State;
use firman_store::record::{self, DeliveryKind, DeliveryState};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::page::{Page, seconds, wanted};
use super::problem::Problem;
use super::read::{Asked, Id};

/// A delivery. Where to and what is sealed, and not shown.
#[derive(Serialize, ToSchema)]
pub(super) struct Delivery {
    id: String,
    /// `backchannel_logout`, `webhook` or `email`.
    #[schema(value_type = String)]
    kind: DeliveryKind,
    /// The record of the client it goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    /// `due`, `done` or `given_up`.
    state: &'static str,
    /// When it is due, arrived, or was given up.
    state_at: Option<i64>,
    /// How often it was tried.
    attempts: u32,
    /// When it was made.
    made_at: Option<i64>,
    /// It is given up then.
    expires_at: Option<i64>,
    /// What went wrong the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What people may see of it.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

impl Delivery {
    fn of(delivery: &record::Delivery) -> Self {
        let (state, at) = match delivery.state {
            DeliveryState::Due { at } => ("due", at),
            DeliveryState::Done { at } => ("done", at),
            DeliveryState::GivenUp { at } => ("given_up", at),
        };
        Self {
            id: delivery.id.to_string(),
            kind: delivery.kind,
            client: delivery.client.map(|client| client.to_string()),
            state,
            state_at: seconds(at),
            attempts: delivery.attempts,
            made_at: seconds(delivery.id.made_at()),
            expires_at: seconds(delivery.expires_at),
            error: delivery.error.clone(),
            details: delivery.rest.clone(),
        }
    }
}

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List deliveries, the newest first.
#[utoipa::path(get, path = "/deliveries", tag = "deliveries", operation_id = "list_deliveries", params(Which),
    security(("operator" = ["firman.deliveries.read"])), responses((status = 200, body = Page<Delivery>, description = "A page of deliveries.")))]
pub(super) async fn list(
    State(admin): State<Shared>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Delivery>>, Problem> {
    let page = wanted(which.limit, which.cursor.as_deref())?;
    let found = admin.engine.store().deliveries(page).await?;
    Ok(Json(Page::of(&found, page, |delivery| delivery.id, Delivery::of)))
}

/// Show a delivery.
#[utoipa::path(get, path = "/deliveries/{id}", tag = "deliveries", operation_id = "show_delivery", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.deliveries.read"])), responses((status = 200, body = Delivery, description = "The delivery.")))]
pub(super) async fn show(State(admin): State<Shared>, Id(id): Id) -> Result<Json<Delivery>, Problem> {
    let delivery = admin.engine.store().delivery(id).await?;
    let delivery = delivery.filter(|delivery| delivery.issuer == admin.engine.number());
    Ok(Json(Delivery::of(&delivery.ok_or_else(|| Problem::not_found("no such delivery"))?)))
}

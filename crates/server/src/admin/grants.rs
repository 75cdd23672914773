//! Grants: what was allowed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use firman_engine::admin::{clients, grants};
use firman_proto::time::Timestamp;
use firman_store::GrantsOf;
use firman_store::record::{self, EpochKey, GrantKind, RevokeReason, Subject};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::page::{Page, seconds, wanted};
use super::problem::Problem;
use super::read::{Asked, Body, Id};

/// A grant. Its salts, against which tokens are proved, are not shown.
#[derive(Serialize, ToSchema)]
pub(super) struct Grant {
    id: String,
    /// How it came about.
    #[schema(value_type = String)]
    kind: GrantKind,
    /// The record of the client it was made to.
    client: String,
    /// Who allowed it; absent where a client acts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The browser session in which it was allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// What was allowed.
    scope: String,
    /// The resources its tokens can be for; none: this server.
    resource: Vec<String>,
    /// What its owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The grant it was delegated from.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// When it was made.
    made_at: Option<i64>,
    /// How often it was refreshed; absent where it cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    /// When it was last refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    refreshed_at: Option<i64>,
    /// When it ends; null: never.
    expires_at: Option<i64>,
    /// Since when it is revoked.
    revoked_at: Option<i64>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<RevokeReason>,
    /// Whether by itself it is good; one whose client, person or parent is not, is dead all the same.
    live: bool,
}

impl Grant {
    fn of(grant: &record::Grant, now: Timestamp) -> Self {
        Self {
            id: grant.id.to_string(),
            kind: grant.kind,
            client: grant.client.to_string(),
            subject: grant.subject.as_ref().map(ToString::to_string),
            session: grant.session.map(|session| session.to_string()),
            scope: grant.scope.to_string(),
            resource: grant.terms.resource.clone(),
            name: grant.terms.name.clone(),
            parent: grant.parent.map(|parent| parent.to_string()),
            made_at: seconds(grant.id.made_at()),
            generation: grant.refresh.as_ref().map(|refresh| refresh.generation),
            refreshed_at: grant.refresh.as_ref().and_then(|refresh| seconds(refresh.current.since)),
            expires_at: seconds(grant.expires_at),
            revoked_at: grant.revoked_at.and_then(seconds),
            reason: grant.reason,
            live: grant.is_live(now),
        }
    }
}

/// Which grants.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those this person allowed.
    subject: Option<String>,
    /// Those this client has, by its client id.
    client_id: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List grants: a person's, a client's, or all.
#[utoipa::path(get, path = "/grants", tag = "grants", operation_id = "list_grants", params(Which),
    security(("operator" = ["firman.grants.read"])), responses((status = 200, body = Page<Grant>, description = "A page of grants.")))]
pub(super) async fn list(
    State(admin): State<Shared>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Grant>>, Problem> {
    let page = wanted(which.limit, which.cursor.as_deref())?;
    let of = match (which.subject, which.client_id) {
        (Some(_), Some(_)) => return Err(Problem::invalid("subject: not beside client_id")),
        (Some(subject), None) => match Subject::new(subject) {
            Some(subject) => GrantsOf::Subject(subject.key(admin.engine.number())),
            None => return Ok(Json(Page::one(None))),
        },
        (None, Some(client_id)) => {
            let key = record::Client::key(admin.engine.number(), &client_id);
            match admin.engine.store().client(key).await? {
                Some(client) => GrantsOf::Client(client.id),
                None => return Ok(Json(Page::one(None))),
            }
        }
        (None, None) => GrantsOf::Everybody,
    };
    let (found, now) = (grants::list(&admin.engine, of, page).await?, admin.now());
    Ok(Json(Page::of(&found, page, |grant| grant.id, |grant| Grant::of(grant, now))))
}

/// Show a grant.
#[utoipa::path(get, path = "/grants/{id}", tag = "grants", operation_id = "show_grant", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.grants.read"])), responses((status = 200, body = Grant, description = "The grant.")))]
pub(super) async fn show(State(admin): State<Shared>, Id(id): Id) -> Result<Json<Grant>, Problem> {
    let grant = admin.engine.store().grant(id, None).await?.map(|standing| standing.record);
    let grant = grant.filter(|grant| grant.issuer == admin.engine.number());
    Ok(Json(Grant::of(&grant.ok_or_else(|| Problem::not_found("no such grant"))?, admin.now())))
}

/// Revoke a grant: every token under it is dead at once.
#[utoipa::path(post, path = "/grants/{id}/revoke", tag = "grants", operation_id = "revoke_grant", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.grants.write"])), responses((status = 204, description = "It is revoked.")))]
pub(super) async fn revoke(State(admin): State<Shared>, Id(id): Id) -> Result<StatusCode, Problem> {
    grants::revoke(&admin.engine, id, admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose grants end: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    /// All that this person allowed.
    #[schema(max_length = 255)]
    subject: Option<String>,
    /// All that this client has, by its client id.
    client_id: Option<String>,
}

/// Revoke all grants of a person or of a client, and end the person's sessions: one row, however many they are.
#[utoipa::path(post, path = "/grants/revoke", tag = "grants", operation_id = "revoke_grants", request_body = Whose,
    security(("operator" = ["firman.grants.write"])), responses((status = 204, description = "They are revoked."), (status = 404, description = "There is no such client.")))]
pub(super) async fn revoke_all(State(admin): State<Shared>, Body(whose): Body<Whose>) -> Result<StatusCode, Problem> {
    let of = match (whose.subject, whose.client_id) {
        (Some(subject), None) => {
            let subject = Subject::new(subject)
                .ok_or_else(|| Problem::invalid("subject: 1 to 255 printable ASCII characters"))?;
            EpochKey::subject(admin.engine.number(), &subject)
        }
        (None, Some(client_id)) => EpochKey::Client(clients::find(&admin.engine, &client_id).await?.id),
        _ => return Err(Problem::invalid("give subject or client_id")),
    };
    grants::sign_out_everywhere(&admin.engine, of, admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

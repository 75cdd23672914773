//! Resources: the servers that access tokens are for (RFC 8707).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use firman_engine::admin::resources::{self, NewResource, Settings};
use firman_proto::scope::Scope;
use firman_store::record::{self, TokenFormat};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::clients::{Rotation, Secret};
use super::etag::{IfMatch, Tagged};
use super::page::{Page, seconds, sought, wanted};
use super::problem::Problem;
use super::read::{Asked, Body, Named};

/// A resource.
#[derive(Serialize, ToSchema)]
pub(super) struct Resource {
    /// Its resource indicator: the audience of its tokens.
    identifier: String,
    /// Its record, as events name it.
    id: String,
    /// A disabled one is no target, and is told nothing.
    enabled: bool,
    #[serde(flatten)]
    about: About,
    /// Its secrets, of which only digests are kept.
    secrets: Vec<Secret>,
    created_at: Option<i64>,
    updated_at: Option<i64>,
    /// Counts edits; the ETag.
    revision: u64,
}

/// What is said of a resource.
#[derive(Serialize, ToSchema)]
struct About {
    /// A name for people.
    name: String,
    /// What may be asked for there; nothing said is anything.
    scope: String,
    /// How its access tokens look: `opaque` or `jwt`; null is the client's or the server's way.
    #[schema(value_type = Option<String>)]
    token_format: Option<TokenFormat>,
    /// Lifetime of its access tokens, in seconds; null is the client's or the server's.
    access_token_seconds: Option<i64>,
    /// Names of the caveats that it checks itself (`method`, `path`).
    enforces: Vec<String>,
}

/// A resource, and its secret if it has just been given one: shown once and never again.
#[derive(Serialize, ToSchema)]
pub(super) struct ResourceWithSecret {
    resource: Resource,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl Resource {
    fn of(resource: &record::Resource) -> Self {
        Self {
            identifier: resource.identifier.clone(),
            id: resource.id.to_string(),
            enabled: resource.enabled,
            about: About {
                name: resource.name.clone(),
                scope: resource.scope.to_string(),
                token_format: resource.token_format,
                access_token_seconds: resource.access_token_seconds,
                enforces: resource.enforces.clone(),
            },
            secrets: resource.secrets.iter().map(Secret::of).collect(),
            created_at: seconds(resource.created_at),
            updated_at: seconds(resource.updated_at),
            revision: resource.revision,
        }
    }
}

/// Which resources.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The one with this identifier.
    identifier: Option<String>,
    /// Those whose identifier begins with this, in the order of the alphabet. Upper and lower case tell texts apart.
    prefix: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List resources, in the order in which they were made.
#[utoipa::path(get, path = "/resources", tag = "resources", operation_id = "list_resources", params(Which),
    security(("operator" = ["firman.resources.read"])), responses((status = 200, body = Page<Resource>, description = "A page of resources.")))]
pub(super) async fn list(
    State(admin): State<Shared>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Resource>>, Problem> {
    if let Some(prefix) = which.prefix {
        if which.identifier.is_some() {
            return Err(Problem::invalid("prefix: not beside identifier"));
        }
        let search = sought(prefix, which.limit, which.cursor.as_deref())?;
        let limit = search.limit;
        let found = admin.engine.store().search_resources(admin.engine.number(), search).await?;
        return Ok(Json(Page::found(&found, limit, |resource| (&resource.identifier, resource.id), Resource::of)));
    }
    let page = wanted(which.limit, which.cursor.as_deref())?;
    if let Some(identifier) = which.identifier {
        let key = record::Resource::key(admin.engine.number(), &identifier);
        let found = admin.engine.store().resource(key).await?;
        return Ok(Json(Page::one(found.map(|resource| Resource::of(&resource)))));
    }
    let found = resources::list(&admin.engine, page).await?;
    Ok(Json(Page::of(&found, page, |resource| resource.id, Resource::of)))
}

/// A resource to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOne {
    /// Its resource indicator: an absolute URI without a fragment.
    #[schema(format = "uri")]
    identifier: String,
    /// Whether it gets a secret, to ask about tokens with.
    #[serde(default)]
    secret: bool,
    /// A name for people.
    #[serde(default)]
    name: String,
    /// What may be asked for there; nothing said is anything.
    #[serde(default)]
    #[schema(value_type = String)]
    scope: Scope,
    /// How its access tokens look.
    #[schema(value_type = Option<String>, pattern = "^(opaque|jwt)$")]
    token_format: Option<TokenFormat>,
    /// Lifetime of its access tokens, in seconds.
    #[schema(minimum = 10, maximum = 86_400)]
    access_token_seconds: Option<i64>,
    /// Names of the caveats that it checks itself (`method`, `path`).
    #[serde(default)]
    enforces: Vec<String>,
}

/// Register a resource. Its secret, if it gets one, is shown once.
#[utoipa::path(post, path = "/resources", tag = "resources", operation_id = "create_resource", request_body = NewOne,
    security(("operator" = ["firman.resources.write"])), responses((status = 201, body = ResourceWithSecret, description = "It is registered.", headers(("ETag" = String)))))]
pub(super) async fn create(State(admin): State<Shared>, Body(new): Body<NewOne>) -> Result<Response, Problem> {
    let NewOne { identifier, secret, name, scope, token_format, access_token_seconds, enforces } = new;
    let settings = Settings { name, scope, token_format, access_token_seconds, enforces };
    let new = NewResource { identifier, settings, secret };
    let (resource, secret) = resources::add(&admin.engine, new, admin.now()).await?;
    Ok(with_secret(StatusCode::CREATED, &resource, secret.map(|secret| secret.to_string())))
}

/// Show a resource.
#[utoipa::path(get, path = "/resources/{identifier}", tag = "resources", operation_id = "show_resource",
    params(("identifier" = String, Path, description = "Its resource indicator, percent-encoded.")),
    security(("operator" = ["firman.resources.read"])), responses((status = 200, body = Resource, description = "The resource.", headers(("ETag" = String)))))]
pub(super) async fn show(State(admin): State<Shared>, Named(identifier): Named) -> Result<Response, Problem> {
    let resource = resources::find(&admin.engine, &identifier).await?;
    Ok(Tagged(StatusCode::OK, resource.revision, Resource::of(&resource)).into_response())
}

/// What a resource becomes. What is not said is not kept, but for its secrets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Becomes {
    /// A disabled one is no target, and is told nothing.
    enabled: bool,
    /// A name for people.
    #[serde(default)]
    name: String,
    /// What may be asked for there; nothing said is anything.
    #[serde(default)]
    #[schema(value_type = String)]
    scope: Scope,
    /// How its access tokens look.
    #[schema(value_type = Option<String>, pattern = "^(opaque|jwt)$")]
    token_format: Option<TokenFormat>,
    /// Lifetime of its access tokens, in seconds.
    #[schema(minimum = 10, maximum = 86_400)]
    access_token_seconds: Option<i64>,
    /// Names of the caveats that it checks itself (`method`, `path`).
    #[serde(default)]
    enforces: Vec<String>,
}

/// Edit a resource.
#[utoipa::path(put, path = "/resources/{identifier}", tag = "resources", operation_id = "edit_resource", request_body = Becomes,
    params(("identifier" = String, Path, description = "Its resource indicator, percent-encoded."), ("If-Match" = String, Header, description = "The ETag of what is edited.")),
    security(("operator" = ["firman.resources.write"])), responses((status = 200, body = Resource, description = "What it is now.", headers(("ETag" = String)))))]
pub(super) async fn edit(
    State(admin): State<Shared>,
    seen: IfMatch,
    Named(identifier): Named,
    Body(becomes): Body<Becomes>,
) -> Result<Response, Problem> {
    let resource = resources::find(&admin.engine, &identifier).await?;
    seen.must_be(resource.revision)?;
    let Becomes { enabled, name, scope, token_format, access_token_seconds, enforces } = becomes;
    let settings = Settings { name, scope, token_format, access_token_seconds, enforces };
    let resource = resources::edit(&admin.engine, &resource, settings, enabled, admin.now()).await?;
    Ok(Tagged(StatusCode::OK, resource.revision, Resource::of(&resource)).into_response())
}

/// Remove a resource: nothing is issued for it any more. What was issued ends by itself.
#[utoipa::path(delete, path = "/resources/{identifier}", tag = "resources", operation_id = "delete_resource",
    params(("identifier" = String, Path, description = "Its resource indicator, percent-encoded."), ("If-Match" = String, Header, description = "The ETag of what is removed.")),
    security(("operator" = ["firman.resources.write"])), responses((status = 204, description = "It is gone.")))]
pub(super) async fn remove(
    State(admin): State<Shared>,
    seen: IfMatch,
    Named(identifier): Named,
) -> Result<StatusCode, Problem> {
    let resource = resources::find(&admin.engine, &identifier).await?;
    seen.must_be(resource.revision)?;
    resources::remove_seen(&admin.engine, &resource, admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a resource a new secret, which is shown once.
#[utoipa::path(post, path = "/resources/{identifier}/secret", tag = "resources", operation_id = "rotate_resource_secret", request_body = Rotation,
    params(("identifier" = String, Path, description = "Its resource indicator, percent-encoded.")),
    security(("operator" = ["firman.resources.write"])), responses((status = 200, body = ResourceWithSecret, description = "It has a new secret.", headers(("ETag" = String)))))]
pub(super) async fn rotate_secret(
    State(admin): State<Shared>,
    Named(identifier): Named,
    Body(rotation): Body<Rotation>,
) -> Result<Response, Problem> {
    let overlap = rotation.overlap()?;
    let (resource, secret) = resources::rotate_secret(&admin.engine, &identifier, overlap, admin.now()).await?;
    Ok(with_secret(StatusCode::OK, &resource, Some(secret.to_string())))
}

fn with_secret(status: StatusCode, resource: &record::Resource, secret: Option<String>) -> Response {
    let body = ResourceWithSecret { resource: Resource::of(resource), secret };
    Tagged(status, resource.revision, body).into_response()
}

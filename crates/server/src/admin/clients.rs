//! Clients.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use firman_engine::admin::clients::{self, Edit, NewClient};
use firman_engine::admin::grants;
use firman_engine::operator::{Operator, all_scopes, names_the_api};
use firman_proto::client::ClientMetadata;
use firman_proto::scope::Scope;
use firman_proto::time::Lifetime;
use firman_store::record::{self, ClientPolicy, EpochKey, Origin};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::etag::{IfMatch, Tagged};
use super::members::{self, must_cover};
use super::page::{Page, seconds, sought, wanted};
use super::problem::Problem;
use super::read::{Asked, Body, Named};
use super::{Shared, etag};

/// A client.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the name of the parameter everywhere")]
pub(super) struct Client {
    /// What it calls itself.
    client_id: String,
    /// Its record, as grants and events name it.
    id: String,
    /// A disabled one can do nothing, and nothing issued to it is good.
    enabled: bool,
    /// Who may edit it.
    owner: Option<String>,
    /// Where it came from.
    #[schema(value_type = String)]
    origin: Origin,
    /// Whether it registered itself.
    registered_itself: bool,
    /// Whether it may be used for this API.
    serves_operators: bool,
    /// RFC 7591 metadata.
    #[schema(schema_with = members::metadata_schema)]
    metadata: Map<String, Value>,
    /// Where it differs from the server's policy.
    #[schema(schema_with = members::policy_schema)]
    policy: Map<String, Value>,
    /// Its secrets, of which only digests are kept.
    secrets: Vec<Secret>,
    /// When it was made.
    created_at: Option<i64>,
    /// When it was last edited.
    updated_at: Option<i64>,
    /// Counts edits; the ETag.
    revision: u64,
}

/// A secret that is known to be there.
#[derive(Serialize, ToSchema)]
pub(super) struct Secret {
    /// When it was made.
    created_at: Option<i64>,
    /// When it stops working, if another replaces it.
    expires_at: Option<i64>,
}

impl Secret {
    pub(super) fn of(secret: &record::ClientSecret) -> Self {
        Self { created_at: seconds(secret.created_at), expires_at: secret.expires_at.and_then(seconds) }
    }
}

/// A client, and its secret if it has just been given one: shown once and never again.
#[derive(Serialize, ToSchema)]
pub(super) struct WithSecret {
    client: Client,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

impl Client {
    fn of(admin: &Shared, client: &record::Client) -> Self {
        Self {
            client_id: client.client_id.clone(),
            id: client.id.to_string(),
            enabled: client.enabled,
            owner: client.owner.clone(),
            origin: client.origin,
            registered_itself: client.registration.is_some(),
            serves_operators: names_the_api(&admin.engine, &client.policy),
            metadata: members::said(&client.metadata),
            policy: members::differing(&client.policy),
            secrets: client.secrets.iter().map(Secret::of).collect(),
            created_at: seconds(client.created_at),
            updated_at: seconds(client.updated_at),
            revision: client.revision,
        }
    }
}

/// Which clients.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The one with exactly this id.
    client_id: Option<String>,
    /// Those whose client_id begins with this, in the order of the alphabet. Upper and lower case tell texts apart.
    prefix: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List clients, in the order in which they were made.
#[utoipa::path(get, path = "/clients", tag = "clients", operation_id = "list_clients", params(Which),
    security(("operator" = ["firman.clients.read"])), responses((status = 200, body = Page<Client>, description = "A page of clients.")))]
pub(super) async fn list(
    State(admin): State<Shared>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Client>>, Problem> {
    if let Some(prefix) = which.prefix {
        if which.client_id.is_some() {
            return Err(Problem::invalid("prefix: not beside client_id"));
        }
        let search = sought(prefix, which.limit, which.cursor.as_deref())?;
        let limit = search.limit;
        let found = admin.engine.store().search_clients(admin.engine.number(), search).await?;
        return Ok(Json(Page::found(
            &found,
            limit,
            |client| (&client.client_id, client.id),
            |client| Client::of(&admin, client),
        )));
    }
    let page = wanted(which.limit, which.cursor.as_deref())?;
    if let Some(client_id) = which.client_id {
        let key = record::Client::key(admin.engine.number(), &client_id);
        let found = admin.engine.store().client(key).await?;
        return Ok(Json(Page::one(found.map(|client| Client::of(&admin, &client)))));
    }
    let found = clients::list(&admin.engine, page).await?;
    Ok(Json(Page::of(&found, page, |client| client.id, |client| Client::of(&admin, client))))
}

/// A client to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// What it calls itself; a random one if it is not said.
    client_id: Option<String>,
    /// Who may edit it.
    owner: Option<String>,
    #[schema(schema_with = members::metadata_schema)]
    metadata: Map<String, Value>,
    #[serde(default)]
    #[schema(schema_with = members::policy_schema)]
    policy: Map<String, Value>,
}

/// Make a client. A confidential one comes with its secret, which is shown once.
#[utoipa::path(post, path = "/clients", tag = "clients", operation_id = "create_client", request_body = New,
    security(("operator" = ["firman.clients.write"])), responses((status = 201, body = WithSecret, description = "It was made.")))]
pub(super) async fn create(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    Body(new): Body<New>,
) -> Result<Response, Problem> {
    let (metadata, policy) = (members::metadata(new.metadata)?, members::policy(new.policy)?);
    must_cover(&operator, &power(&admin, &metadata, &policy))?;
    let new = NewClient { client_id: new.client_id, metadata, policy, owner: new.owner, secret: None };
    let (client, secret) = clients::create(&admin.engine, new, admin.now()).await?;
    Ok(with_secret(&admin, StatusCode::CREATED, &client, secret.map(|secret| secret.to_string())))
}

/// Show a client.
#[utoipa::path(get, path = "/clients/{client_id}", tag = "clients", operation_id = "show_client",
    params(("client_id" = String, Path, description = "What it calls itself.")),
    security(("operator" = ["firman.clients.read"])), responses((status = 200, body = Client, description = "The client.", headers(("ETag" = String)))))]
pub(super) async fn show(State(admin): State<Shared>, Named(client_id): Named) -> Result<Response, Problem> {
    let client = clients::find(&admin.engine, &client_id).await?;
    Ok(Tagged(StatusCode::OK, client.revision, Client::of(&admin, &client)).into_response())
}

/// What a client becomes. What is not said is not kept, but for its secrets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// A disabled one can do nothing, and nothing issued to it is good.
    enabled: bool,
    /// Who may edit it.
    owner: Option<String>,
    #[schema(schema_with = members::metadata_schema)]
    metadata: Map<String, Value>,
    #[serde(default)]
    #[schema(schema_with = members::policy_schema)]
    policy: Map<String, Value>,
}

/// Edit a client. Where its way to authenticate now needs a secret that it has not, a new one comes with it.
#[utoipa::path(put, path = "/clients/{client_id}", tag = "clients", operation_id = "edit_client", request_body = Change,
    params(("client_id" = String, Path, description = "What it calls itself."), ("If-Match" = String, Header, description = "The ETag of what is edited.")),
    security(("operator" = ["firman.clients.write"])), responses((status = 200, body = WithSecret, description = "What it is now.", headers(("ETag" = String)))))]
pub(super) async fn edit(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    seen: IfMatch,
    Named(client_id): Named,
    Body(change): Body<Change>,
) -> Result<Response, Problem> {
    let client = clients::find(&admin.engine, &client_id).await?;
    let (metadata, policy) = (members::metadata(change.metadata)?, members::policy(change.policy)?);
    must_cover(&operator, &power(&admin, &client.metadata, &client.policy).union(&power(&admin, &metadata, &policy)))?;
    seen.must_be(client.revision)?;
    let said = record::Client { enabled: change.enabled, owner: change.owner, ..record::Client::clone(&client) };
    let edit = Edit { metadata, policy, secret: None };
    let (client, secret) = clients::edit(&admin.engine, &said, edit, admin.now()).await?;
    Ok(with_secret(&admin, StatusCode::OK, &client, secret.map(|secret| secret.to_string())))
}

/// Delete a client. Everything issued to it is dead at once.
#[utoipa::path(delete, path = "/clients/{client_id}", tag = "clients", operation_id = "delete_client",
    params(("client_id" = String, Path, description = "What it calls itself."), ("If-Match" = String, Header, description = "The ETag of what is deleted.")),
    security(("operator" = ["firman.clients.write"])), responses((status = 204, description = "It is gone.")))]
pub(super) async fn remove(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    seen: IfMatch,
    Named(client_id): Named,
) -> Result<StatusCode, Problem> {
    let client = clients::find(&admin.engine, &client_id).await?;
    must_cover(&operator, &power(&admin, &client.metadata, &client.policy))?;
    seen.must_be(client.revision)?;
    clients::remove(&admin.engine, &client, admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a secret is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// For how long those it has go on working, in seconds.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 31_536_000, default = 0)]
    overlap_seconds: u32,
}

impl Rotation {
    pub(super) fn overlap(&self) -> Result<Lifetime, Problem> {
        if self.overlap_seconds > 31_536_000 {
            return Err(Problem::invalid("overlap_seconds: from 0 to 31536000"));
        }
        Ok(Lifetime::from_seconds(self.overlap_seconds.into()))
    }
}

/// Give a client a new secret, which is shown once.
#[utoipa::path(post, path = "/clients/{client_id}/secret", tag = "clients", operation_id = "rotate_client_secret", request_body = Rotation,
    params(("client_id" = String, Path, description = "What it calls itself.")),
    security(("operator" = ["firman.clients.write"])), responses((status = 200, body = WithSecret, description = "It has a new secret.", headers(("ETag" = String)))))]
pub(super) async fn rotate_secret(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    Named(client_id): Named,
    Body(rotation): Body<Rotation>,
) -> Result<Response, Problem> {
    let client = clients::find(&admin.engine, &client_id).await?;
    must_cover(&operator, &power(&admin, &client.metadata, &client.policy))?;
    let (client, secret) = clients::rotate_secret(&admin.engine, &client_id, rotation.overlap()?, admin.now()).await?;
    Ok(with_secret(&admin, StatusCode::OK, &client, Some(secret.to_string())))
}

/// End everything that was issued to a client. It may get new tokens.
#[utoipa::path(post, path = "/clients/{client_id}/sign-out", tag = "clients", operation_id = "sign_out_client",
    params(("client_id" = String, Path, description = "What it calls itself.")),
    security(("operator" = ["firman.grants.write"])), responses((status = 204, description = "Nothing issued to it before is good any more.")))]
pub(super) async fn sign_out(State(admin): State<Shared>, Named(client_id): Named) -> Result<StatusCode, Problem> {
    let client = clients::find(&admin.engine, &client_id).await?;
    grants::sign_out_everywhere(&admin.engine, EpochKey::Client(client.id), admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What could be done here through such a client.
fn power(admin: &Shared, metadata: &ClientMetadata, policy: &ClientPolicy) -> Scope {
    if names_the_api(&admin.engine, policy) { metadata.scope.intersect(&all_scopes()) } else { Scope::default() }
}

fn with_secret(admin: &Shared, status: StatusCode, client: &record::Client, client_secret: Option<String>) -> Response {
    let body = WithSecret { client: Client::of(admin, client), client_secret };
    etag::Tagged(status, client.revision, body).into_response()
}

//! Accounts.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use firman_engine::admin::account_edits::{self, Edit};
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::admin::{AdminError, account_factors, operators};
use firman_engine::mail;
use firman_engine::operator::{Operator, role_of, role_of_subject};
use firman_proto::scope::Scope;
use firman_store::record;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::etag::{IfMatch, Tagged};
use super::members::must_cover;
use super::page::{Page, seconds, sought, wanted};
use super::problem::Problem;
use super::read::{Asked, Body, Id};
use crate::http::mail::RESET;

/// A local account.
#[derive(Serialize, ToSchema)]
pub(super) struct Account {
    /// Its id, which is the subject.
    id: String,
    /// What the person types to sign in.
    username: String,
    /// Whether they may.
    enabled: bool,
    /// Whether there is a password.
    has_password: bool,
    /// What proves the person beside it: `totp`, `recovery_codes`, `passkey`.
    factors: Vec<&'static str>,
    /// Failed attempts to sign in since the last that succeeded.
    failed_attempts: u32,
    /// What they may do as an operator; empty: nothing.
    operator: String,
    /// Standard claims (OpenID Connect Core §5.1).
    #[schema(value_type = Object)]
    claims: Map<String, Value>,
    /// When it was made.
    created_at: Option<i64>,
    /// When it was last edited.
    updated_at: Option<i64>,
    /// Counts edits; the ETag.
    revision: u64,
}

impl Account {
    fn of(account: &record::Account) -> Self {
        Self {
            id: account.id.to_string(),
            username: account.username.clone(),
            enabled: account.enabled,
            has_password: account.password.is_some(),
            factors: [
                (account.factors.totp.is_some(), "totp"),
                (!account.factors.recovery_codes.is_empty(), "recovery_codes"),
                (!account.factors.passkeys.is_empty(), "passkey"),
            ]
            .into_iter()
            .filter_map(|(there, name)| there.then_some(name))
            .collect(),
            failed_attempts: account.attempts.count,
            operator: role_of(account).to_string(),
            claims: account.claims.clone(),
            created_at: seconds(account.created_at),
            updated_at: seconds(account.updated_at),
            revision: account.revision,
        }
    }
}

/// Which accounts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The one with exactly this user name.
    username: Option<String>,
    /// Those whose username begins with this, in the order of the alphabet. Upper and lower case tell texts apart.
    prefix: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List accounts, in the order in which they were made.
#[utoipa::path(get, path = "/accounts", tag = "accounts", operation_id = "list_accounts", params(Which),
    security(("operator" = ["firman.accounts.read"])), responses((status = 200, body = Page<Account>, description = "A page of accounts.")))]
pub(super) async fn list(
    State(admin): State<Shared>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Account>>, Problem> {
    if let Some(prefix) = which.prefix {
        if which.username.is_some() {
            return Err(Problem::invalid("prefix: not beside username"));
        }
        let search = sought(prefix, which.limit, which.cursor.as_deref())?;
        let limit = search.limit;
        let found = admin.engine.store().search_accounts(admin.engine.number(), search).await?;
        return Ok(Json(Page::found(&found, limit, |account| (&account.username, account.id), Account::of)));
    }
    let page = wanted(which.limit, which.cursor.as_deref())?;
    if let Some(username) = which.username {
        return match accounts::find(&admin.engine, &username, admin.now()).await {
            Ok(account) => Ok(Json(Page::one(Some(Account::of(&account))))),
            Err(AdminError::NotFound(_)) => Ok(Json(Page::one(None))),
            Err(error) => Err(error.into()),
        };
    }
    let found = accounts::list(&admin.engine, page).await?;
    Ok(Json(Page::of(&found, page, |account| account.id, Account::of)))
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// What the person types to sign in.
    #[schema(min_length = 1, max_length = 255)]
    username: String,
    /// The first password.
    #[schema(min_length = 8)]
    password: String,
    /// Standard claims (OpenID Connect Core §5.1).
    #[serde(default)]
    #[schema(value_type = Object)]
    claims: Map<String, Value>,
}

/// Make an account.
#[utoipa::path(post, path = "/accounts", tag = "accounts", operation_id = "create_account", request_body = New,
    security(("operator" = ["firman.accounts.write"])), responses((status = 201, body = Account, description = "It was made.", headers(("ETag" = String)))))]
pub(super) async fn create(State(admin): State<Shared>, Body(new): Body<New>) -> Result<Response, Problem> {
    let new = NewAccount { username: new.username, password: new.password, claims: new.claims };
    let account = accounts::create(&admin.engine, &admin.passwords, new, admin.now()).await?;
    Ok(tagged(StatusCode::CREATED, &account))
}

/// Show an account.
#[utoipa::path(get, path = "/accounts/{id}", tag = "accounts", operation_id = "show_account", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.accounts.read"])), responses((status = 200, body = Account, description = "The account.", headers(("ETag" = String)))))]
pub(super) async fn show(State(admin): State<Shared>, Id(id): Id) -> Result<Response, Problem> {
    Ok(tagged(StatusCode::OK, &account_edits::find(&admin.engine, id).await?))
}

/// What an account becomes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// What the person types to sign in.
    #[schema(min_length = 1, max_length = 255)]
    username: String,
    /// Whether they may. Who is disabled is signed out everywhere, and what they allowed is dead.
    enabled: bool,
    /// Standard claims (OpenID Connect Core §5.1).
    #[schema(value_type = Object)]
    claims: Map<String, Value>,
}

/// Edit an account.
#[utoipa::path(put, path = "/accounts/{id}", tag = "accounts", operation_id = "edit_account", request_body = Change,
    params(("id" = String, Path, description = "Its id."), ("If-Match" = String, Header, description = "The ETag of what is edited.")),
    security(("operator" = ["firman.accounts.write"])), responses((status = 200, body = Account, description = "What it is now.", headers(("ETag" = String)))))]
pub(super) async fn edit(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    seen: IfMatch,
    Id(id): Id,
    Body(change): Body<Change>,
) -> Result<Response, Problem> {
    let account = editable(&admin, &operator, id).await?;
    seen.must_be(account.revision)?;
    let edit = Edit { username: change.username, enabled: change.enabled, claims: change.claims };
    let account = account_edits::edit(&admin.engine, &account, edit, admin.now()).await?;
    Ok(tagged(StatusCode::OK, &account))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// What it is.
    #[schema(min_length = 8)]
    password: String,
}

/// Set an account's password. It is signed out everywhere.
#[utoipa::path(put, path = "/accounts/{id}/password", tag = "accounts", operation_id = "set_password", request_body = NewPassword,
    params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.accounts.write"])), responses((status = 204, description = "It has that password now.")))]
pub(super) async fn set_password(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    Id(id): Id,
    Body(new): Body<NewPassword>,
) -> Result<StatusCode, Problem> {
    let account = editable(&admin, &operator, id).await?;
    accounts::set_password(&admin.engine, &admin.passwords, &account.username, new.password, admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take away what proves an account's person beside the password: the app, the recovery codes, the passkeys. It is signed out everywhere.
#[utoipa::path(delete, path = "/accounts/{id}/factors", tag = "accounts", operation_id = "reset_factors",
    params(("If-Match" = String, Header, description = "The ETag of what is edited."), ("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.accounts.write"])), responses((status = 200, body = Account, description = "What it is now.", headers(("ETag" = String)))))]
pub(super) async fn reset_factors(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    seen: IfMatch,
    Id(id): Id,
) -> Result<Response, Problem> {
    let account = editable(&admin, &operator, id).await?;
    seen.must_be(account.revision)?;
    Ok(tagged(StatusCode::OK, &account_edits::reset_factors(&admin.engine, &account, admin.now()).await?))
}

/// A link with which a person chooses another password.
#[derive(Serialize, ToSchema)]
pub(super) struct ResetLink {
    /// Where it leads. Whoever has it, has the account: hand it to nobody else.
    link: String,
    /// Until when it is good.
    expires_at: i64,
}

/// Make a link with which a person chooses another password, within half an hour, and once. Nothing is sent to them.
#[utoipa::path(post, path = "/accounts/{id}/reset-link", tag = "accounts", operation_id = "make_reset_link", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.accounts.write"])), responses((status = 201, body = ResetLink, description = "The link, shown this once.")))]
pub(super) async fn reset_link(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    Id(id): Id,
) -> Result<(StatusCode, Json<ResetLink>), Problem> {
    let account = editable(&admin, &operator, id).await?;
    let made = mail::reset_link(&admin.engine, &account, RESET, admin.now()).await.map_err(AdminError::from)?;
    Ok((StatusCode::CREATED, Json(ResetLink { link: made.link, expires_at: made.expires_at.seconds() })))
}

/// Forget the failed attempts to sign in to an account, at the password and at the second step.
#[utoipa::path(post, path = "/accounts/{id}/unlock", tag = "accounts", operation_id = "unlock_account", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.accounts.write"])), responses((status = 204, description = "They may try again.")))]
pub(super) async fn unlock(State(admin): State<Shared>, Id(id): Id) -> Result<StatusCode, Problem> {
    let account = account_edits::find(&admin.engine, id).await?;
    account_factors::unlock(&admin.engine, &account, admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign an account out everywhere: its sessions end, and what it allowed is dead.
#[utoipa::path(post, path = "/accounts/{id}/sign-out", tag = "accounts", operation_id = "sign_out_account", params(("id" = String, Path, description = "Its id.")),
    security(("operator" = ["firman.sessions.write", "firman.grants.write"])), responses((status = 204, description = "It is signed out.")))]
pub(super) async fn sign_out(State(admin): State<Shared>, Id(id): Id) -> Result<StatusCode, Problem> {
    let account = account_edits::find(&admin.engine, id).await?;
    account_edits::sign_out(&admin.engine, &account, admin.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an operator may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    /// Scopes of this API, with spaces between; not said: everything.
    #[schema(value_type = Option<String>)]
    scope: Option<Scope>,
}

/// Make somebody an operator.
#[utoipa::path(put, path = "/accounts/{id}/operator", tag = "accounts", operation_id = "make_operator", request_body = Role,
    params(("id" = String, Path, description = "Its id."), ("If-Match" = String, Header, description = "The ETag of what is edited.")),
    security(("operator" = ["firman.operators.write"])), responses((status = 200, body = Account, description = "They may use this API.", headers(("ETag" = String)))))]
pub(super) async fn make_operator(
    State(admin): State<Shared>,
    Extension(operator): Extension<Operator>,
    seen: IfMatch,
    Id(id): Id,
    Body(role): Body<Role>,
) -> Result<Response, Problem> {
    let account = account_edits::find(&admin.engine, id).await?;
    seen.must_be(account.revision)?;
    let all = firman_engine::operator::all_scopes();
    // Nobody gives what they have not got.
    if !role.scope.as_ref().unwrap_or(&all).is_within(&operator.scope) {
        return Err(Problem::forbidden("scope: more than what this token allows"));
    }
    let account = operators::grant(&admin.engine, &account, role.scope.as_ref(), admin.now()).await?;
    Ok(tagged(StatusCode::OK, &account))
}

/// Make somebody an operator no more: at once, whatever tokens they hold.
#[utoipa::path(delete, path = "/accounts/{id}/operator", tag = "accounts", operation_id = "withdraw_operator",
    params(("id" = String, Path, description = "Its id."), ("If-Match" = String, Header, description = "The ETag of what is edited.")),
    security(("operator" = ["firman.operators.write"])), responses((status = 200, body = Account, description = "They are no operator.", headers(("ETag" = String)))))]
pub(super) async fn withdraw_operator(
    State(admin): State<Shared>,
    seen: IfMatch,
    Id(id): Id,
) -> Result<Response, Problem> {
    let account = account_edits::find(&admin.engine, id).await?;
    seen.must_be(account.revision)?;
    Ok(tagged(StatusCode::OK, &operators::withdraw(&admin.engine, &account, admin.now()).await?))
}

/// An account that this operator may edit: another operator's only who makes operators.
async fn editable(
    admin: &Shared,
    operator: &Operator,
    id: firman_proto::id::RecordId,
) -> Result<record::Account, Problem> {
    let account = account_edits::find(&admin.engine, id).await?;
    let role = match account.subject() {
        Some(subject) => role_of_subject(&admin.engine, &subject).await?.union(&role_of(&account)),
        None => role_of(&account),
    };
    must_cover(operator, &role)?;
    Ok(account)
}

fn tagged(status: StatusCode, account: &record::Account) -> Response {
    Tagged(status, account.revision, Account::of(account)).into_response()
}

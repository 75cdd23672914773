//! Identity providers whose people may sign in here: as settings say, and not to be edited here.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use firman_engine::Engine;
use firman_engine::upstream::{OnRefusal, Provider, SubjectFrom, post_logout_redirect_uri, redirect_uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;

/// Where people sign in beside here.
#[derive(Serialize, ToSchema)]
pub(super) struct Upstreams {
    /// Whether they sign in with accounts of this server, too.
    local_accounts: bool,
    /// The providers, in the order of the login page.
    upstreams: Vec<Upstream>,
}

/// An identity provider.
#[derive(Serialize, ToSchema)]
pub(super) struct Upstream {
    /// What it is called in addresses, subjects and events.
    name: String,
    /// What people know it as.
    display_name: String,
    issuer: String,
    /// Who this server is there.
    client_id: String,
    /// How this server proves it.
    authentication: &'static str,
    /// What must be registered there.
    redirect_uri: String,
    /// What must be registered there for signing out; null: who signs out here is not sent there.
    post_logout_redirect_uri: Option<String>,
    /// What is asked for there.
    scope: String,
    /// Whose names lead there.
    domains: Vec<String>,
    /// What clients may say to have somebody sent there.
    hints: Vec<String>,
    /// Who its people are here: `account` or `upstream`.
    subject: &'static str,
    /// Whether somebody new gets an account.
    create: bool,
    /// The claim with groups.
    groups: Option<String>,
    /// Only people of these are let in; none: everybody.
    allowed_groups: Vec<String>,
    /// Scopes that only people of these groups can allow.
    scopes: BTreeMap<String, Vec<String>>,
    /// How old its word may be at a refresh, in seconds; 0: it is not asked.
    recheck_seconds: u32,
    /// For how long after that refreshes go on while it gives no answer, in seconds.
    outage_seconds: u32,
    /// What becomes of a grant whose person is not there any more: `keep` or `revoke`.
    on_refusal: &'static str,
}

impl Upstream {
    fn of(engine: &Engine, provider: &Provider) -> Self {
        Self {
            name: provider.name.clone(),
            display_name: provider.label().to_owned(),
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            authentication: provider.authentication.as_str(),
            redirect_uri: redirect_uri(engine, provider),
            post_logout_redirect_uri: post_logout_redirect_uri(engine, provider),
            scope: provider.scope.to_string(),
            domains: provider.domains.clone(),
            hints: provider.hints.clone(),
            subject: match provider.subject {
                SubjectFrom::Account => "account",
                SubjectFrom::Upstream => "upstream",
            },
            create: provider.create,
            groups: provider.groups.clone(),
            allowed_groups: provider.allowed_groups.clone(),
            scopes: provider.scopes.clone(),
            recheck_seconds: provider.recheck_seconds,
            outage_seconds: provider.outage_seconds,
            on_refusal: match provider.on_refusal {
                OnRefusal::Keep => "keep",
                OnRefusal::Revoke => "revoke",
            },
        }
    }
}

/// Show where people sign in beside here.
#[utoipa::path(get, path = "/upstreams", tag = "upstreams", operation_id = "show_upstreams",
    security(("operator" = ["firman.upstreams.read"])),
    responses((status = 200, body = Upstreams, description = "The identity providers.")))]
pub(super) async fn show(State(admin): State<Shared>) -> Json<Upstreams> {
    let policy = &admin.engine.policy().upstream;
    let of = |provider: &Provider| Upstream::of(&admin.engine, provider);
    Json(Upstreams { local_accounts: policy.local, upstreams: policy.providers.iter().map(of).collect() })
}

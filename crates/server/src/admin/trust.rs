//! Who else is trusted here: as settings say, and not to be edited here.

use axum::Json;
use axum::extract::State;
use firman_engine::trust::{AccountOf, TrustedIssuer};
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;

/// Whom this server trusts.
#[derive(Serialize, ToSchema)]
pub(super) struct Trust {
    /// Issuers whose assertions are taken (RFC 7523 §2.1).
    assertions: Vec<Issuer>,
    /// Issuers whose software statements are taken (RFC 7591 §2.3).
    statements: Vec<Statements>,
    /// Hosts whose client documents are taken.
    client_documents: Vec<String>,
}

/// An issuer whose assertions are taken, and how far.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the name of the claim everywhere")]
pub(super) struct Issuer {
    issuer: String,
    /// Where its keys are; absent where they stand in the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    /// The most that comes of its assertions.
    scope: String,
    /// The clients that may present them; `*` is everybody.
    clients: Vec<String>,
    /// Whom they may be about.
    subjects: Vec<String>,
    /// Whose account here they mean: `username` or `subject`.
    account: &'static str,
    /// The claim that says whose.
    claim: String,
}

/// An issuer whose software statements are taken.
#[derive(Serialize, ToSchema)]
pub(super) struct Statements {
    issuer: String,
    /// Where its keys are.
    jwks_uri: String,
}

impl Issuer {
    fn of(issuer: &TrustedIssuer) -> Self {
        Self {
            issuer: issuer.issuer.clone(),
            jwks_uri: issuer.jwks_uri.clone(),
            scope: issuer.scope.to_string(),
            clients: issuer.clients.clone(),
            subjects: issuer.subjects.clone(),
            account: match issuer.account {
                AccountOf::Username => "username",
                AccountOf::Subject => "subject",
            },
            claim: issuer.claim.clone(),
        }
    }
}

/// Show whom this server trusts.
#[utoipa::path(get, path = "/trust", tag = "trust", operation_id = "show_trust",
    security(("operator" = ["firman.trust.read"])), responses((status = 200, body = Trust, description = "Whom it trusts.")))]
pub(super) async fn show(State(admin): State<Shared>) -> Json<Trust> {
    let policy = admin.engine.policy();
    let statements = policy.registration.statements.iter();
    Json(Trust {
        assertions: policy.trusted_issuers.iter().map(Issuer::of).collect(),
        statements: statements
            .map(|one| Statements { issuer: one.issuer.clone(), jwks_uri: one.jwks_uri.clone() })
            .collect(),
        client_documents: policy.client_documents.0.clone(),
    })
}

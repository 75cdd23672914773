//! The claims about a person that a token or an answer tells: those of scopes, and those asked for one by one.

use firman_proto::claims;
use firman_proto::claims_parameter::ClaimsParameter;
use firman_proto::scope::Scope;
use firman_store::record::Subject;
use serde_json::{Map, Value};

use crate::Engine;
use crate::failure::Fault;

/// What an ID token tells: what was asked for one by one (OpenID Connect Core §5.5), and what scopes ask for only where no access
/// token comes with which that could be asked for (OpenID Connect Core §5.4).
pub(crate) async fn in_id_token(
    engine: &Engine,
    subject: &Subject,
    scope: Option<&Scope>,
    kept: Option<&Value>,
) -> Result<Map<String, Value>, Fault> {
    let asked = ClaimsParameter::kept(kept);
    if scope.is_none() && asked.id_token().is_empty() {
        return Ok(Map::new());
    }
    let Some(all) = engine.accounts.claims(subject).await? else { return Ok(Map::new()) };
    let mut told = scope.map(|scope| claims::for_scope(&all, scope, asked.locales())).unwrap_or_default();
    told.extend(claims::asked(&all, asked.id_token(), asked.locales()));
    Ok(told)
}

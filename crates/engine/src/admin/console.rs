//! The client that the operators' console is: made where it is missing, and kept as this version wants it.

use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::record::ClientPolicy;

use super::AdminError;
use super::clients::{self, Edit, NewClient};
use crate::Engine;
use crate::failure::Fault;
use crate::operator::{all_scopes, identifier};

/// Its client id.
pub const CLIENT: &str = "firman-console";
/// Where the console is, below the address of the admin API.
pub const PATH: &str = "/console/";

/// Makes the console's client what it must be. Harmless where it is, and where another node does the same.
pub async fn ensure(engine: &Engine, now: Timestamp) -> Result<(), AdminError> {
    let Some(policy) = &engine.policy.admin else { return Ok(()) };
    let metadata = metadata(&policy.address)?;
    let policy = ClientPolicy {
        skip_consent: true,
        resources: Some(vec![identifier(engine.issuer.as_str())]),
        ..ClientPolicy::default()
    };
    match clients::find(engine, CLIENT).await {
        Ok(known) if known.metadata == metadata && known.policy == policy => Ok(()),
        Ok(known) => match clients::edit(engine, &known, Edit { metadata, policy, secret: None }, now).await {
            Ok(_) | Err(AdminError::Edited(_)) => Ok(()),
            Err(error) => Err(error),
        },
        Err(AdminError::NotFound(_)) => {
            let client_id = Some(CLIENT.to_owned());
            let new = NewClient { client_id, metadata, policy, owner: None, secret: None };
            match clients::create(engine, new, now).await {
                Ok(_) => Ok(()),
                // Another node was first.
                Err(AdminError::Refused(denied)) => {
                    clients::find(engine, CLIENT).await.map(|_| ()).map_err(|_| denied.into())
                }
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

fn metadata(address: &str) -> Result<ClientMetadata, Fault> {
    let redirect_uri = RedirectUri::parse(&format!("{address}{PATH}"));
    let redirect_uri =
        redirect_uri.map_err(|error| Fault::lasting("set up the console", format!("admin.address: {error}")))?;
    let mut metadata = ClientMetadata::new("Console", AuthMethod::None);
    metadata.redirect_uris = vec![redirect_uri];
    metadata.grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    metadata.scope = all_scopes().union(&Scope::parse("offline_access").unwrap_or_default());
    // RFC 9449 §5.2: what a script holds is of no use without its key.
    metadata.dpop_bound_access_tokens = true;
    Ok(metadata)
}

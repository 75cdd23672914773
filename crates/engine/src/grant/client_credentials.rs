//! The client credentials grant (RFC 6749 §4.4): writes nothing; its tokens refer to the client's standing grant.

use firman_proto::error::{Denied, ErrorCode, invalid_client};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_proto::token::{ClientCredentialsRequest, TokenResponse};
use firman_store::record::{AuthContext, Client, Grant, GrantKind, Rest, Terms};
use firman_store::{Change, Commit};

use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::dpop;
use crate::failure::{Failure, Fault};
use crate::issue::{self, AccessToken, Issued};
use crate::random;
use crate::sender::Sender;

pub(super) async fn issue(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &ClientCredentialsRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    // RFC 6749 §4.4: only confidential clients.
    client.must_be_confidential()?;
    let sender = Sender::of(client)?;
    let client = client.record();
    let own = own_scope(client);
    let scope = scope_for(&own, request.scope.as_ref())?;
    let grant = standing_grant(engine, client, &own, now).await?;
    let access = AccessToken {
        serial: random::serial(&*engine.entropy)?,
        issued_at: now,
        expires_at: now.plus(engine.policy.access_token_of(client)),
        seal_key: engine.keys.current().keyring.current_number(),
    };
    if let Some(proved) = sender.key() {
        dpop::must_be_new(engine, proved).await?;
    }
    let narrowed = scope != own;
    let issued = Issued { access, scope: &scope, narrowed, caveats: Vec::new(), refresh: None, nonce: None, sender };
    Ok(issued.seal(engine, client, &grant, now)?)
}

/// RFC 6749 §4.4.2: what was asked for, or everything; without the scopes that are about a person.
fn scope_for(own: &Scope, asked: Option<&Scope>) -> Result<Scope, Denied> {
    match asked {
        None => Ok(own.clone()),
        Some(asked) if asked == own => Ok(own.clone()),
        Some(asked) if asked.is_within(own) => issue::must_fit(asked).map(|()| asked.clone()),
        Some(_) => Err(Denied::new(ErrorCode::InvalidScope, "scope: more than this client may have for itself")),
    }
}

/// What a client may have for itself. Its standing grant allows just this, also after its registration was edited.
pub(crate) fn own_scope(client: &Client) -> Scope {
    ["openid", "offline_access"].iter().fold(client.metadata.scope.clone(), |scope, personal| scope.without(personal))
}

/// The client's grant to itself. It is made with the first token, and made anew when an epoch has killed it.
async fn standing_grant(engine: &Engine, client: &Client, own: &Scope, now: Timestamp) -> Result<Grant, Failure> {
    for _ in 0..3 {
        let change = match engine.store.grant(client.id, None).await? {
            Some(standing) if standing.is_live(now) => {
                return Ok(Grant { scope: own.clone(), ..standing.record });
            }
            Some(standing) if !standing.client_enabled => {
                return Err(invalid_client("the client was disabled a moment ago").into());
            }
            Some(standing) => Change::ResaltGrant {
                id: client.id,
                from: standing.record.salt.clone(),
                to: random::salt(&*engine.entropy)?,
                epochs: standing.epochs,
            },
            None => Change::InsertGrant(Box::new(new_standing_grant(engine, client).await?)),
        };
        if engine.commit(vec![change]).await? == Commit::Conflict(0) {
            tracing::debug!(client = %client.id, "another request made the standing grant at the same time");
        }
    }
    Err(Fault::temporary("find the standing grant", "it is revoked, or dies faster than it is made").into())
}

async fn new_standing_grant(engine: &Engine, client: &Client) -> Result<Grant, Failure> {
    Ok(Grant {
        id: client.id,
        issuer: engine.number,
        kind: GrantKind::ClientCredentials,
        client: client.id,
        subject: None,
        session: None,
        scope: own_scope(client),
        salt: random::salt(&*engine.entropy)?,
        refresh: None,
        epochs: engine.store.epochs(Some(client.id), None).await?,
        parent: None,
        expires_at: Timestamp::NEVER,
        revoked_at: None,
        reason: None,
        auth: AuthContext::default(),
        terms: Terms::default(),
        rest: Rest::new(),
    })
}

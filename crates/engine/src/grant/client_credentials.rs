//! The client credentials grant (RFC 6749 §4.4): writes nothing; its tokens refer to the client's standing grant.

use firman_proto::digest::Digest16;
use firman_proto::error::{Denied, ErrorCode, invalid_client};
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_proto::token::{ClientCredentialsRequest, TokenResponse};
use firman_store::record::{AuthContext, Client, Grant, GrantKind, Rest, Terms};
use firman_store::{Change, Commit};

use crate::Engine;
use crate::access_token::AccessToken;
use crate::authenticate::AuthenticatedClient;
use crate::dpop;
use crate::failure::{Failure, Fault};
use crate::issue::{Extra, Issued};
use crate::random;
use crate::sender::Sender;
use crate::target::{self, Target};

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
    let target = target::chosen(engine, client, &request.resource).await?;
    let (scope, narrowed) = target.cut(&scope_for(&own, request.scope.as_ref())?, &own)?;
    let grant = standing_grant(engine, client, &own, &target, now).await?;
    let access = AccessToken {
        serial: random::serial(&*engine.entropy)?,
        issued_at: now,
        expires_at: now.plus(target.lifetime(engine, client)),
        seal_key: engine.keys.current().keyring.current_number(),
    };
    let extra = Extra::ask(engine, client, &grant, &scope, &target, now).await?;
    if let Some(proved) = sender.key() {
        dpop::must_be_new(engine, proved).await?;
    }
    let (target, caveats, details) = (&target, Vec::new(), None);
    let (refresh, nonce) = (None, None);
    let issued = Issued { access, scope: &scope, narrowed, details, caveats, refresh, nonce, sender, target, extra };
    Ok(issued.seal(engine, client, &grant, now)?)
}

/// RFC 6749 §4.4.2: what was asked for, or everything; without the scopes that are about a person.
fn scope_for(own: &Scope, asked: Option<&Scope>) -> Result<Scope, Denied> {
    match asked {
        None => Ok(own.clone()),
        Some(asked) if asked.is_within(own) => Ok(asked.clone()),
        Some(_) => Err(Denied::new(ErrorCode::InvalidScope, "scope: more than this client may have for itself")),
    }
}

/// What a client may have for itself. Its standing grant allows just this, also after its registration was edited.
pub(crate) fn own_scope(client: &Client) -> Scope {
    ["openid", "offline_access"].iter().fold(client.metadata.scope.clone(), |scope, personal| scope.without(personal))
}

/// The client's grant to itself, of which there is one for each set of resources it has asked for: so what a grant's tokens are for
/// stands in the grant. It is made with the first token, and made anew when an epoch has killed it.
async fn standing_grant(
    engine: &Engine,
    client: &Client,
    own: &Scope,
    target: &Target,
    now: Timestamp,
) -> Result<Grant, Failure> {
    let id = standing_id(client, target);
    for _ in 0..3 {
        let change = match engine.store.grant(id, None).await? {
            Some(standing) if standing.is_live(now) => {
                return Ok(Grant { scope: own.clone(), ..standing.record });
            }
            Some(standing) if !standing.client_enabled => {
                return Err(invalid_client("the client was disabled a moment ago").into());
            }
            Some(standing) => Change::ResaltGrant {
                id,
                from: standing.record.salt.clone(),
                to: random::salt(&*engine.entropy)?,
                epochs: standing.epochs,
            },
            None => Change::InsertGrant(Box::new(new_standing_grant(engine, client, id, target).await?)),
        };
        if engine.commit(vec![change]).await? == Commit::Conflict(0) {
            tracing::debug!(client = %client.id, "another request made the standing grant at the same time");
        }
    }
    Err(Fault::temporary("find the standing grant", "it is revoked, or dies faster than it is made").into())
}

/// The client's own id, or one that follows from it and the resources.
fn standing_id(client: &Client, target: &Target) -> RecordId {
    let identifiers = target.identifiers();
    if identifiers.is_empty() {
        return client.id;
    }
    let mut parts: Vec<&[u8]> = vec![b"standing grant", client.id.as_bytes()];
    parts.extend(identifiers.iter().map(String::as_bytes));
    RecordId::from_bytes(Digest16::of(&parts).0)
}

async fn new_standing_grant(engine: &Engine, client: &Client, id: RecordId, target: &Target) -> Result<Grant, Failure> {
    Ok(Grant {
        id,
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
        terms: Terms { resource: target.identifiers().to_vec(), ..Terms::default() },
        last_used_at: None,
        rest: Rest::new(),
    })
}

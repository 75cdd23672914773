//! Tokens that travel through the browser (Multiple Response Types, OpenID Connect Core §3.2 and §3.3).

use firman_proto::claims;
use firman_proto::seal::{Access, Caveats, Sealed};
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{Approval, AuthContext, Client, Grant, GrantKind, Rest, Terms};
use serde_json::Map;

use super::Interaction;
use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::issue::{AccessToken, IdTokenFor};
use crate::random;

/// Members of a response, and what must be written before it may be sent.
pub(super) type Brought = (Vec<(&'static str, String)>, Option<Change>);

/// The tokens a request asked for, beside its code.
pub(super) async fn tokens(
    engine: &Engine,
    client: &Client,
    interaction: &Interaction,
    approval: &Approval,
    code: Option<&str>,
    now: Timestamp,
) -> Result<Brought, Failure> {
    let asked = interaction.request.response_type;
    let (mut members, mut change, mut access) = (Vec::new(), None, None);
    if asked.token {
        let (sealed, grant) = access_token(engine, client, interaction, approval, now)?;
        members.extend([
            ("access_token", sealed.reveal().to_owned()),
            ("token_type", "Bearer".to_owned()),
            ("expires_in", grant.expires_at.since(now).seconds().to_string()),
            ("scope", grant.scope.to_string()),
        ]);
        change = Some(Change::InsertGrant(Box::new(grant)));
        access = Some(sealed);
    }
    if asked.id_token {
        // OpenID Connect Core §5.4: without an access token, what the scopes ask for is in the ID token.
        let claims = if asked.code || asked.token {
            Map::new()
        } else {
            let all = engine.accounts.claims(&approval.subject).await?;
            all.map(|all| claims::for_scope(&all, &approval.scope)).unwrap_or_default()
        };
        let id_token = IdTokenFor {
            client,
            subject: &approval.subject,
            session: approval.session,
            auth: &auth_of(approval),
            nonce: interaction.request.nonce.clone(),
            access_token: access.as_ref().map(Sealed::reveal),
            code,
            claims,
        };
        members.push(("id_token", id_token.sign(engine, now)?));
    }
    Ok((members, change))
}

fn auth_of(approval: &Approval) -> AuthContext {
    AuthContext {
        auth_time: Some(approval.auth_time),
        acr: approval.acr.clone(),
        amr: approval.amr.clone(),
        nonce: None,
    }
}

/// RFC 6749 §4.2.2: an access token of a grant of its own, that ends with it and is never refreshed.
fn access_token(
    engine: &Engine,
    client: &Client,
    interaction: &Interaction,
    approval: &Approval,
    now: Timestamp,
) -> Result<(Sealed<Access>, Grant), Fault> {
    let keys = engine.keys.current();
    let expires_at = now.plus(engine.policy.access_token_of(client));
    let grant = Grant {
        id: random::record_id(&*engine.entropy, now)?,
        issuer: engine.number,
        kind: GrantKind::AuthorizationCode,
        client: client.id,
        subject: Some(approval.subject.clone()),
        session: approval.session,
        scope: approval.scope.without("offline_access"),
        salt: random::salt(&*engine.entropy)?,
        refresh: None,
        epochs: approval.epochs,
        parent: None,
        expires_at,
        revoked_at: None,
        reason: None,
        auth: auth_of(approval),
        terms: Terms { resource: interaction.request.resource.clone(), ..Terms::default() },
        rest: Rest::new(),
    };
    let serial = random::serial(&*engine.entropy)?;
    let seal_key = keys.keyring.current_number();
    let access =
        AccessToken { serial, issued_at: now, expires_at, seal_key }.seal(&keys, &grant, &Caveats::default(), now)?;
    Ok((access, grant))
}

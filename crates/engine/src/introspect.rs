//! Token introspection (RFC 7662).

use firman_proto::introspection::{ActiveToken, Confirmation, Introspection, PresentedToken};
use firman_proto::seal::{self, Kind, Opened, Presented, Thumbprint};
use firman_proto::time::Timestamp;
use firman_store::Standing;
use firman_store::record::{Client, Grant, GrantKind, Subject, TokenTrace};

use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;
use crate::grant::own_scope;

/// Tells a client about a token of its own, or a resource server about any.
pub async fn introspect(
    engine: &Engine,
    asker: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Introspection, Failure> {
    // RFC 7662 §2.1: the endpoint must require authorization; a public client proves nothing.
    asker.must_be_confidential()?;
    let token = presented.token.as_str();
    let active = if token.starts_with(seal::Refresh::PREFIX) {
        refresh_token(engine, asker.record(), token, now).await?
    } else {
        access_token(engine, asker.record(), token, now).await?
    };
    // RFC 7662 §2.2: nothing is said about why a token is not active.
    Ok(active.map_or(Introspection::INACTIVE, |active| Introspection::Active(Box::new(active))))
}

/// What to look for in the list of revoked tokens. Tokens whose record decides when they end are revoked by it.
pub(crate) fn trace<K: Kind>(opened: &Opened<K>) -> Option<TokenTrace> {
    let day = opened.expires_at()?.day();
    Some(TokenTrace { day, digests: opened.ancestor_digests().to_vec() })
}

async fn access_token(
    engine: &Engine,
    asker: &Client,
    token: &str,
    now: Timestamp,
) -> Result<Option<ActiveToken>, Failure> {
    let Ok(opened) = engine.keys.open::<seal::Access>(&*engine.store, token, now).await? else { return Ok(None) };
    let Some(standing) = engine.grant(opened.record(), trace(&opened)).await? else { return Ok(None) };
    if !standing.is_live(now) {
        return Ok(None);
    }
    // The standard members carry scope, audience, expiry and key; any other caveat this asker could not enforce.
    let Ok(authority) = opened.authorize(&standing.record, &Presented::folding(now)) else { return Ok(None) };
    let Some(mut active) = active(engine, asker, &standing).await? else { return Ok(None) };
    let caveats = authority.caveats();
    active.scope = caveats.scope(&active.scope);
    active.aud = caveats.audience(&[engine.issuer.as_str()]).into_iter().map(str::to_owned).collect();
    // A token for nobody is good for nothing; without `aud` it would read as one for everybody.
    if active.aud.is_empty() {
        return Ok(None);
    }
    active.exp = authority.expires_at().map(Timestamp::seconds);
    active.iat = authority.issued_at().seconds();
    active.token_type = Some("Bearer");
    active.jti = format!("{}.{:016x}", authority.record(), authority.serial());
    let (Ok(jkt), Ok(certificate)) = (caveats.jkt(), caveats.certificate()) else { return Ok(None) };
    if jkt.is_some() {
        // RFC 9449 §6.2: a token bound to a key is told by its type and its cnf.
        active.token_type = Some("DPoP");
    }
    if jkt.is_some() || certificate.is_some() {
        let text = |print: Option<Thumbprint>| print.map(|print| print.to_string());
        active.cnf = Some(Confirmation { jkt: text(jkt), certificate: text(certificate) });
    }
    Ok(Some(active))
}

async fn refresh_token(
    engine: &Engine,
    asker: &Client,
    token: &str,
    now: Timestamp,
) -> Result<Option<ActiveToken>, Failure> {
    let Ok(opened) = engine.keys.open::<seal::Refresh>(&*engine.store, token, now).await? else { return Ok(None) };
    let Some(standing) = engine.store.grant(opened.record(), None).await? else { return Ok(None) };
    let is_current = standing
        .record
        .refresh
        .as_ref()
        .is_some_and(|chain| chain.generation == opened.serial() && opened.proves(&chain.current.salt));
    if !is_current || !standing.is_live(now) {
        return Ok(None);
    }
    let Some(mut active) = active(engine, asker, &standing).await? else { return Ok(None) };
    active.exp = Some(standing.record.expires_at.seconds());
    active.iat = opened.issued_at().seconds();
    active.jti = format!("{}.{}", opened.record(), opened.serial());
    Ok(Some(active))
}

/// The members that come from the grant; `None` if it is none of the asker's business.
async fn active(engine: &Engine, asker: &Client, standing: &Standing<Grant>) -> Result<Option<ActiveToken>, Failure> {
    let grant = &standing.record;
    if grant.client != asker.id && !asker.policy.introspect_any {
        return Ok(None);
    }
    let Some(client) = engine.store.client_by_id(grant.client).await? else { return Ok(None) };
    let scope = match grant.kind {
        GrantKind::ClientCredentials => own_scope(&client),
        _ => grant.scope.clone(),
    };
    Ok(Some(ActiveToken {
        active: true,
        scope,
        // RFC 9068 §2.2: where no person is involved, the client is the subject.
        sub: Some(grant.subject.as_ref().map_or_else(|| client.client_id.clone(), Subject::to_string)),
        client_id: client.client_id.clone(),
        iss: engine.issuer.to_string(),
        auth_time: grant.auth.auth_time.map(Timestamp::seconds),
        acr: grant.auth.acr.clone(),
        act: grant.terms.actor.clone(),
        ..ActiveToken::default()
    }))
}

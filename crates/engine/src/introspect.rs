//! Token introspection (RFC 7662), and its signed answers (RFC 9701).

use firman_proto::introspection::{ActiveToken, Introspection, PresentedToken, SIGNED, SignedIntrospection};
use firman_proto::jws::Algorithm;
use firman_proto::seal::{self, CaveatKind, Kind, Presented};
use firman_proto::time::Timestamp;
use firman_store::Standing;
use firman_store::record::{Client, Grant, GrantKind};
use serde_json::Map;

use crate::Engine;
use crate::access_token::confirmation;
use crate::account::api_keys;
use crate::asker::Asker;
use crate::encrypt::{self, Registered};
use crate::failure::{Failure, Fault};
use crate::grant::own_scope;
use crate::hooks::{self, Endpoint, Occasion, Place};
use crate::issue::signer;
use crate::presented::OpenedAccess;
use crate::subject::subject_for;
use crate::target;

/// Tells a client about a token of its own, a resource server about those that are for it, or one that may about any.
pub async fn introspect(
    engine: &Engine,
    asker: &Asker,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Introspection, Failure> {
    // RFC 7662 §2.1: the endpoint must require authorization; a public client proves nothing.
    asker.must_be_confidential()?;
    if let Some(client) = asker.client() {
        hooks::before(engine, Endpoint::Introspection, client).await?;
    }
    let token = presented.token.as_str();
    let active = if token.starts_with(seal::Refresh::PREFIX) {
        refresh_token(engine, asker, token, now).await?
    } else {
        access_token(engine, asker, token, now).await?
    };
    // RFC 7662 §2.2: nothing is said about why a token is not active.
    Ok(active.map_or(Introspection::INACTIVE, |active| Introspection::Active(Box::new(active))))
}

/// The same answer, signed for whoever asked (RFC 9701 §5).
pub async fn signed(engine: &Engine, asker: &Asker, answer: &Introspection, now: Timestamp) -> Result<String, Failure> {
    let claims = SignedIntrospection {
        iss: engine.issuer.as_str(),
        aud: asker.identifier(),
        iat: now.seconds(),
        token_introspection: answer,
    };
    let keys = engine.keys.current();
    // RFC 9701 §6: as the asker registered it.
    let registered =
        asker.client().and_then(|client| client.metadata.jose.introspection_signed_response_alg.as_deref());
    let key = signer(engine, &keys, registered.and_then(Algorithm::parse), now)?;
    let signed = key.sign_as(SIGNED, &claims);
    let signed = signed.map_err(|error| Fault::lasting("sign an introspection answer", error.to_string()))?;
    let Some(client) = asker.client() else { return Ok(signed) };
    // RFC 9701 §6: and encrypted, where that is registered.
    match encrypt::to(engine, client, Registered::introspection(&client.metadata), now).await? {
        None => Ok(signed),
        Some(encryption) => Ok(encryption.nested(engine, &signed)?),
    }
}

async fn access_token(
    engine: &Engine,
    asker: &Asker,
    token: &str,
    now: Timestamp,
) -> Result<Option<ActiveToken>, Failure> {
    let Some(opened) = OpenedAccess::open(engine, token, now).await? else { return Ok(None) };
    let Some(standing) = engine.grant(opened.record(), opened.trace()).await? else { return Ok(None) };
    if !standing.is_live(now) {
        return Ok(None);
    }
    // The standard members carry scope, audience, expiry and key; any other caveat only an asker may see that enforces it.
    let enforced = asker.enforces();
    let left: Vec<CaveatKind> = CaveatKind::STANDARD.iter().chain(&enforced).copied().collect();
    let request = Presented { left_to_reader: &left, ..Presented::at(now) };
    let Ok(authority) = opened.authorize(&standing.record, &request) else { return Ok(None) };
    let caveats = authority.caveats();
    // A token for nobody is good for nothing; without `aud` it would read as one for everybody.
    let granted = target::audience_of(engine, &standing.record);
    let audience = caveats.audience(&granted);
    let Some(audience) = asker.sees(&standing.record, audience) else { return Ok(None) };
    // RFC 9396 §9.2: what the token allows, which may be less than what was granted.
    let Ok(details) = caveats.details(standing.record.terms.authorization_details.as_ref()) else { return Ok(None) };
    let Some((mut active, client)) = active(engine, &standing).await? else { return Ok(None) };
    let scope = caveats.scope(&active.scope);
    active.scope = asker.knows(&scope);
    active.authorization_details = details;
    active.aud = audience.into_iter().map(str::to_owned).collect();
    active.exp = authority.expires_at().map(Timestamp::seconds);
    active.iat = authority.issued_at().seconds();
    active.jti = authority.jti();
    active.cnf = confirmation(caveats);
    // RFC 9449 §6.2: a token bound to a key is told by its type and its cnf.
    let bound = active.cnf.as_ref().is_some_and(|cnf| cnf.jkt.is_some());
    active.token_type = Some(if bound { "DPoP" } else { "Bearer" });
    let contextual = caveats.iter().filter(|caveat| caveat.kind().is_contextual());
    active.caveats = contextual.map(ToString::to_string).collect();
    let grant = &standing.record;
    let subject = grant.subject.as_ref();
    let occasion = Occasion { client: &client, subject, scope: &scope, audience: &active.aud, grant: Some(grant.id) };
    api_keys::used(engine, grant, now).await;
    active.claims = match hooks::claims(engine, Place::Introspection, &occasion).await {
        Ok(claims) => claims,
        // A hook's no makes the token as good as dead for this asker.
        Err(Failure::Denied(_)) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    Ok(Some(active))
}

async fn refresh_token(
    engine: &Engine,
    asker: &Asker,
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
    // RFC 7662 §4: a refresh token is nothing that a resource server is ever shown.
    if !is_current || !standing.is_live(now) || !asker.may_see_all_of(&standing.record) {
        return Ok(None);
    }
    let Some((mut active, _)) = active(engine, &standing).await? else { return Ok(None) };
    active.exp = Some(standing.record.expires_at.seconds());
    active.iat = opened.issued_at().seconds();
    active.jti = format!("{}.{}", opened.record(), opened.serial());
    Ok(Some(active))
}

/// The members that come from the grant, and whose it is.
async fn active(
    engine: &Engine,
    standing: &Standing<Grant>,
) -> Result<Option<(ActiveToken, std::sync::Arc<Client>)>, Failure> {
    let grant = &standing.record;
    let Some(client) = engine.store.client_by_id(grant.client).await? else { return Ok(None) };
    let scope = match grant.kind {
        GrantKind::ClientCredentials => own_scope(&client),
        _ => grant.scope.clone(),
    };
    let active = ActiveToken {
        active: true,
        scope,
        // RFC 9068 §2.2: where no person is involved, the client is the subject.
        sub: Some(
            grant
                .subject
                .as_ref()
                .map_or_else(|| client.client_id.clone(), |subject| subject_for(engine, &client, subject)),
        ),
        client_id: client.client_id.clone(),
        iss: engine.issuer.to_string(),
        auth_time: grant.auth.auth_time.map(Timestamp::seconds),
        acr: grant.auth.acr.clone(),
        authorization_details: grant.terms.authorization_details.clone(),
        act: grant.terms.actor.clone(),
        claims: Map::new(),
        ..ActiveToken::default()
    };
    Ok(Some((active, client)))
}

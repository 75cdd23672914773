//! Who a token that is exchanged is about, and how far it reaches (RFC 8693 §2.1).

use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::exchange::{LONGEST_CHAIN, TokenType, TypedToken};
use firman_proto::id::RecordId;
use firman_proto::id_token::IdToken;
use firman_proto::jws;
use firman_proto::scope::Scope;
use firman_proto::seal::{Caveat, CaveatKind, Presented};
use firman_proto::time::Timestamp;
use firman_store::record::{AuthContext, Client, Epochs, Grant, Subject};
use serde_json::Value;

use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;
use crate::presented::OpenedAccess;
use crate::subject::subject_for;
use crate::target;
use crate::trust;

/// Somebody whom a token is about, and what it allows.
pub(super) struct Party {
    /// The person; nobody where a client has a token for itself.
    pub(super) subject: Option<Subject>,
    /// How they are called in a token.
    pub(super) sub: String,
    pub(super) session: Option<RecordId>,
    pub(super) scope: Scope,
    /// Whom it is for, and what comes of it at most; any resource where it says nothing.
    pub(super) audience: Option<Vec<String>>,
    /// No token that comes of it is good for longer.
    pub(super) until: Timestamp,
    /// What it allows beyond its scope (RFC 9396).
    pub(super) details: Option<Value>,
    /// What it is limited to beyond its scope.
    pub(super) caveats: Vec<Caveat>,
    pub(super) epochs: Epochs,
    /// The grant it refers to.
    pub(super) lineage: Option<Lineage>,
    pub(super) act: Option<Value>,
    pub(super) may_act: Option<Value>,
    pub(super) auth: AuthContext,
    /// Whether it was made for the client that presents it.
    pub(super) is_own: bool,
}

/// The grants that one is delegated from.
pub(super) struct Lineage {
    /// The first of them.
    pub(super) parent: RecordId,
    /// Those in between, the nearest first.
    pub(super) via: Vec<RecordId>,
}

/// RFC 8693 §2.2.2: a token that is not good, or not to be taken from this client, is invalid_request.
fn refused(name: &'static str, why: impl Into<std::borrow::Cow<'static, str>>) -> Denied {
    invalid_request(format!("{name}: not valid, or not this client's to exchange")).because(why)
}

/// Who a presented token is about. `name` is the parameter it came in.
pub(super) async fn resolve(
    engine: &Engine,
    client: &AuthenticatedClient,
    (name, presented): (&'static str, &TypedToken),
    now: Timestamp,
) -> Result<Party, Failure> {
    match presented.kind {
        TokenType::AccessToken => access_token(engine, client, (name, &presented.token), now).await,
        TokenType::IdToken => id_token(engine, client.record(), (name, &presented.token), now).await,
        TokenType::Jwt => assertion(engine, client.record(), (name, &presented.token), now).await,
        TokenType::IdJag => Err(refused(name, "an ID-JAG is not exchanged").into()),
    }
}

async fn access_token(
    engine: &Engine,
    client: &AuthenticatedClient,
    (name, token): (&'static str, &str),
    now: Timestamp,
) -> Result<Party, Failure> {
    let opened = OpenedAccess::open(engine, token, now).await?.ok_or_else(|| refused(name, "it does not open"))?;
    let standing = engine.grant(opened.record(), opened.trace()).await?.ok_or_else(|| refused(name, "no grant"))?;
    if !standing.is_live(now) {
        return Err(refused(name, "revoked or expired, or its client or person is gone").into());
    }
    let (jkt, certificate) = (client.key().map(|proved| proved.jkt), client.certificate());
    let shown = Presented {
        // A token that is bound to a key is not exchanged without that: else it would be bound no more.
        jkt: jkt.as_ref(),
        certificate: certificate.as_ref(),
        // What comes of it has the other caveats, too.
        left_to_reader: &[CaveatKind::Scope, CaveatKind::Audience, CaveatKind::Method, CaveatKind::Path],
        ..Presented::at(now)
    };
    let authority = opened.authorize(&standing.record, &shown);
    let authority = authority.map_err(|why| refused(name, format!("a caveat or proof fails: {why:?}")))?;
    let grant = &standing.record;
    let owner = engine.store.client_by_id(grant.client).await?.ok_or_else(|| refused(name, "its client is gone"))?;
    let is_own = must_be_taken(client.record(), &owner).map_err(|why| refused(name, why))?;
    let epochs = if is_own {
        standing.epochs
    } else {
        let own = engine.store.epochs(Some(client.record().id), None).await?;
        Epochs { client: own.client, ..standing.epochs }
    };
    let granted = target::audience_of(engine, grant);
    let audience = authority.caveats().audience(&granted);
    if audience.is_empty() {
        return Err(refused(name, "its caveats leave nobody whom it is for").into());
    }
    let audience = audience.into_iter().map(str::to_owned).collect();
    // Scope and end are those of the new grant itself.
    let folded = [CaveatKind::Scope, CaveatKind::Before];
    let caveats = authority.caveats().iter().filter(|caveat| !folded.contains(&caveat.kind())).cloned().collect();
    let details = authority.caveats().details(grant.terms.authorization_details.as_ref());
    let details = details.map_err(|why| refused(name, format!("its details were widened: {why:?}")))?;
    let ends = authority.expires_at().unwrap_or(grant.expires_at).min(grant.expires_at);
    Ok(Party {
        sub: grant
            .subject
            .as_ref()
            .map_or_else(|| owner.client_id.clone(), |subject| subject_for(engine, client.record(), subject)),
        subject: grant.subject.clone(),
        session: grant.session,
        scope: authority.caveats().scope(&grant.scope),
        audience: Some(audience),
        details,
        until: ends,
        caveats,
        epochs,
        lineage: Some(lineage_of(grant).ok_or_else(|| refused(name, "delegated too often"))?),
        act: grant.terms.actor.clone(),
        may_act: None,
        auth: AuthContext { nonce: None, ..grant.auth.clone() },
        is_own,
    })
}

/// What is delegated from a grant; `None` where that would be one link too many.
fn lineage_of(grant: &Grant) -> Option<Lineage> {
    let Some(parent) = grant.parent else { return Some(Lineage { parent: grant.id, via: Vec::new() }) };
    let via: Vec<_> = std::iter::once(grant.id).chain(grant.terms.via.iter().copied()).collect();
    (via.len() < LONGEST_CHAIN).then_some(Lineage { parent, via })
}

/// Whether a token is the presenting client's own; refused if it is another's of whom it takes none.
fn must_be_taken(client: &Client, owner: &Client) -> Result<bool, &'static str> {
    if owner.id == client.id {
        return Ok(true);
    }
    match &client.policy.exchange {
        Some(policy) if policy.takes_tokens_of(&owner.client_id) => Ok(false),
        _ => Err("issued to another client, whose tokens this one may not exchange"),
    }
}

/// An ID token of ours: it lives while the browser session does in which it was made.
async fn id_token(
    engine: &Engine,
    client: &Client,
    (name, token): (&'static str, &str),
    now: Timestamp,
) -> Result<Party, Failure> {
    let claims: IdToken = jws::verify_id_token(token, engine.keys.current().published())
        .map_err(|_| refused(name, "not an ID token that our keys have signed"))?;
    // OpenID Connect Core §3.1.3.7 (2), (9).
    if claims.iss != engine.issuer.as_str() || now >= Timestamp::from_seconds(claims.exp) {
        return Err(refused(name, "another issuer's, or expired").into());
    }
    let owner = engine.store.client(Client::key(engine.number, &claims.aud)).await?;
    let owner = owner.filter(|owner| owner.enabled).ok_or_else(|| refused(name, "its client is gone or disabled"))?;
    let is_own = must_be_taken(client, &owner).map_err(|why| refused(name, why))?;
    // A logout token, a JARM response and whatever else we sign has no session of ours.
    let sid = claims
        .sid
        .as_deref()
        .and_then(|sid| engine.keys.sid().open(sid, owner.id))
        .ok_or_else(|| refused(name, "it has no session"))?;
    let signed_in = engine.store.session(sid, Some(owner.id)).await?;
    let signed_in = signed_in
        .filter(|signed_in| signed_in.is_live(now, engine.policy.session_idle))
        .filter(|signed_in| subject_for(engine, &owner, &signed_in.session.subject) == claims.sub)
        .ok_or_else(|| refused(name, "its session has ended"))?;
    // What the person has allowed the client is the most that comes of it.
    let scope = match signed_in.consent {
        Some(consent) => consent.scope,
        None if owner.policy.skip_consent => owner.metadata.scope.clone(),
        None => Scope::parse("openid").unwrap_or_default(),
    };
    let own = engine.store.epochs(Some(client.id), None).await?;
    Ok(Party {
        sub: subject_for(engine, client, &signed_in.session.subject),
        subject: Some(signed_in.session.subject.clone()),
        session: Some(sid),
        scope: scope.without("offline_access"),
        audience: None,
        details: None,
        until: Timestamp::from_seconds(claims.exp),
        caveats: Vec::new(),
        epochs: Epochs { client: own.client, ..signed_in.epochs },
        lineage: None,
        act: None,
        may_act: claims.claims.get("may_act").cloned(),
        auth: AuthContext {
            auth_time: claims.auth_time.map(Timestamp::from_seconds),
            acr: claims.acr,
            amr: claims.amr,
            nonce: None,
        },
        is_own,
    })
}

/// A JWT of an issuer that is trusted here.
async fn assertion(
    engine: &Engine,
    client: &Client,
    (name, token): (&'static str, &str),
    now: Timestamp,
) -> Result<Party, Failure> {
    let vouched = trust::verify(engine, &client.client_id, token, ErrorCode::InvalidRequest, now).await?;
    if vouched.is_id_jag {
        return Err(refused(name, "an ID-JAG is presented by itself (RFC 7523 §2.1)").into());
    }
    let user = trust::person(engine, &vouched, now).await?;
    let user = user.ok_or_else(|| refused(name, "nobody here is whom it is about"))?;
    let epochs = engine.store.epochs(Some(client.id), Some(user.subject.key(engine.number))).await?;
    let claim = |name: &str| vouched.claims.rest.get(name).cloned();
    Ok(Party {
        sub: subject_for(engine, client, &user.subject),
        subject: Some(user.subject),
        session: None,
        scope: vouched.issuer.scope.without("openid").without("offline_access"),
        audience: None,
        details: None,
        until: vouched.claims.exp.unwrap_or(now),
        caveats: Vec::new(),
        epochs,
        lineage: None,
        act: claim("act"),
        may_act: claim("may_act"),
        auth: AuthContext::default(),
        is_own: true,
    })
}

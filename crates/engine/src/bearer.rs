//! Access tokens of ours that are presented to ourselves (RFC 6750): at userinfo, and wherever else one opens a door.

use firman_proto::certificate::Certificate;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::scope::Scope;
use firman_proto::seal::Presented;
use firman_proto::time::Timestamp;
use firman_store::Standing;
use firman_store::record::{Grant, GrantKind};

use crate::Engine;
use crate::account::api_keys;
use crate::dpop;
use crate::failure::Failure;
use crate::presented::OpenedAccess;
use crate::target;

/// An access token, and the request it came with.
#[derive(Clone, Copy)]
pub struct Bearer<'a> {
    /// The token.
    pub token: &'a str,
    /// The proof of the key it is bound to (RFC 9449 §7.1), if it is presented with one.
    pub proof: Option<&'a str>,
    /// The certificate of the connection.
    pub certificate: Option<&'a Certificate>,
    /// The HTTP method.
    pub method: &'a str,
    /// The endpoint, below the issuer (or below the address of the admin API).
    pub path: &'a str,
}

impl std::fmt::Debug for Bearer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bearer({} {})", self.method, self.path)
    }
}

/// What a token that is good here rests on.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) standing: Standing<Grant>,
    /// What it allows.
    pub(crate) scope: Scope,
}

/// What a token is presented at.
pub(crate) struct Gate<'a> {
    /// Whom tokens must be for.
    pub(crate) audience: &'a str,
    /// Its address, as clients know it.
    pub(crate) uri: String,
    /// Its path.
    pub(crate) route: String,
}

/// Admits a live token that is for this server and has this scope.
pub(crate) async fn admit(
    engine: &Engine,
    bearer: &Bearer<'_>,
    needed: &Scope,
    now: Timestamp,
) -> Result<Admitted, Failure> {
    let gate = Gate {
        audience: engine.issuer.as_str(),
        uri: engine.issuer.endpoint(bearer.path),
        route: engine.issuer.route(bearer.path),
    };
    admit_at(engine, bearer, &gate, needed, now).await
}

/// Admits a live token that is for what is behind this gate and has this scope.
pub(crate) async fn admit_at(
    engine: &Engine,
    bearer: &Bearer<'_>,
    gate: &Gate<'_>,
    needed: &Scope,
    now: Timestamp,
) -> Result<Admitted, Failure> {
    // RFC 6750 §3.1: expired, revoked, malformed, or invalid for other reasons.
    let dead = |why: &'static str| Denied::new(ErrorCode::InvalidToken, "the access token is not valid").because(why);
    let proved = match bearer.proof {
        Some(proof) => Some(dpop::verify_at(engine, proof, (bearer.method, &gate.uri), Some(bearer.token), now)?),
        None => None,
    };
    let opened = OpenedAccess::open(engine, bearer.token, now).await?.ok_or_else(|| dead("does not open"))?;
    let standing = engine.grant(opened.record(), opened.trace()).await?.ok_or_else(|| dead("no grant"))?;
    if !standing.is_live(now) {
        return Err(dead("its grant, or the token itself, is revoked or has expired").into());
    }
    // RFC 8707 §2: a token for somebody else is not for us.
    if !target::audience_of(engine, &standing.record).contains(&gate.audience) {
        return Err(dead("it is for another audience").into());
    }
    let scope = opened.caveats().scope(&granted_scope(engine, &standing.record).await?);
    // RFC 6750 §3.1 insufficient_scope.
    if !needed.is_within(&scope) {
        return Err(Denied::new(ErrorCode::InsufficientScope, format!("scope: {needed} is needed here")).into());
    }
    let certificate = bearer.certificate.map(Certificate::thumbprint);
    let request = Presented {
        scope: Some(needed),
        audience: Some(gate.audience),
        method: Some(bearer.method),
        path: Some(&gate.route),
        // RFC 8705 §3: a bound token is good only beside its certificate.
        certificate: certificate.as_ref(),
        // RFC 9449 §7.1: a bound token is good only with a proof of its key.
        jkt: proved.as_ref().map(|proved| &proved.jkt),
        ..Presented::at(now)
    };
    if let Some(proved) = proved {
        // RFC 9449 §7.2: a token that is bound to no key is presented as a bearer token.
        if opened.caveats().jkt().ok().flatten().as_ref() != Some(&proved.jkt) {
            return Err(dead("it is not bound to the key that is proved").into());
        }
        dpop::must_be_new(engine, proved).await?;
    }
    opened
        .authorize(&standing.record, &request)
        .map_err(|why| dead("a caveat or proof fails").because(format!("{why:?}")))?;
    api_keys::used(engine, &standing.record, now).await;
    Ok(Admitted { standing, scope })
}

/// What a grant allows now. That of a client to itself follows its registration.
async fn granted_scope(engine: &Engine, grant: &Grant) -> Result<Scope, Failure> {
    if grant.kind != GrantKind::ClientCredentials {
        return Ok(grant.scope.clone());
    }
    let client = engine.store.client_by_id(grant.client).await?;
    Ok(client.map(|client| crate::grant::own_scope(&client)).unwrap_or_default())
}

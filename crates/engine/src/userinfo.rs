//! Userinfo (OpenID Connect Core §5.3).

use firman_proto::certificate::Certificate;
use firman_proto::claims;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::metadata::path;
use firman_proto::scope::Scope;
use firman_proto::seal::{self, Presented};
use firman_proto::time::Timestamp;
use serde_json::{Map, Value};

use crate::Engine;
use crate::dpop::{self, Proved};
use crate::failure::Failure;
use crate::introspect::trace;

/// The claims that an access token shows of its subject.
pub async fn userinfo(
    engine: &Engine,
    token: &str,
    method: &str,
    certificate: Option<&Certificate>,
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    show(engine, token, method, (certificate, None), now).await
}

/// The same for a token that is presented with a proof of the key it is bound to (RFC 9449 §7.1).
pub async fn userinfo_with_proof(
    engine: &Engine,
    token: &str,
    method: &str,
    (certificate, proof): (Option<&Certificate>, &str),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    let proved = dpop::verify(engine, proof, (method, path::USERINFO), Some(token), now)?;
    show(engine, token, method, (certificate, Some(proved)), now).await
}

async fn show(
    engine: &Engine,
    token: &str,
    method: &str,
    (certificate, proved): (Option<&Certificate>, Option<Proved>),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    // RFC 6750 §3.1: expired, revoked, malformed, or invalid for other reasons.
    let dead = |why: &'static str| Denied::new(ErrorCode::InvalidToken, "the access token is not valid").because(why);
    let opened =
        engine.keys.open::<seal::Access>(&*engine.store, token, now).await?.map_err(|_| dead("does not open"))?;
    let standing = engine.grant(opened.record(), trace(&opened)).await?.ok_or_else(|| dead("no grant"))?;
    if !standing.is_live(now) {
        return Err(dead("its grant, or the token itself, is revoked or has expired").into());
    }
    let scope = opened.caveats().scope(&standing.record.scope);
    // OpenID Connect Core §5.3: only tokens of OpenID requests; RFC 6750 §3.1 insufficient_scope.
    if !scope.contains("openid") {
        return Err(Denied::new(ErrorCode::InsufficientScope, "scope: userinfo needs openid").into());
    }
    let needed = Scope::parse("openid").unwrap_or_default();
    let certificate = certificate.map(Certificate::thumbprint);
    let issuer_path = format!("{}{}", engine.issuer.path(), path::USERINFO);
    let request = Presented {
        scope: Some(&needed),
        audience: Some(engine.issuer.as_str()),
        method: Some(method),
        path: Some(&issuer_path),
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
    let subject = standing.record.subject.as_ref().ok_or_else(|| dead("nobody is its subject"))?;
    let all = engine.accounts.claims(subject).await?.ok_or_else(|| dead("its subject is gone or disabled"))?;
    let mut shown = claims::for_scope(&all, &scope);
    // OpenID Connect Core §5.3.2: sub is always there.
    shown.insert("sub".to_owned(), subject.to_string().into());
    Ok(shown)
}

//! Userinfo (OpenID Connect Core §5.3).

use std::sync::Arc;

use firman_proto::certificate::Certificate;
use firman_proto::claims;
use firman_proto::claims_parameter::ClaimsParameter;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::jws::Algorithm;
use firman_proto::metadata::path;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::record::Client;
use serde_json::{Map, Value};

use crate::Engine;
use crate::bearer::{self, Bearer};
use crate::encrypt::{self, Registered};
use crate::failure::{Failure, Fault};
use crate::hooks::{self, Occasion, Place};
use crate::issue::signer;
use crate::subject::subject_for;

/// The claims that an access token shows of its subject.
pub async fn userinfo(
    engine: &Engine,
    token: &str,
    method: &str,
    certificate: Option<&Certificate>,
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    show(engine, &Bearer { token, proof: None, certificate, method, path: path::USERINFO }, now).await
}

/// The same for a token that is presented with a proof of the key it is bound to (RFC 9449 §7.1).
pub async fn userinfo_with_proof(
    engine: &Engine,
    token: &str,
    method: &str,
    (certificate, proof): (Option<&Certificate>, &str),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    show(engine, &Bearer { token, proof: Some(proof), certificate, method, path: path::USERINFO }, now).await
}

/// An answer as the client has registered it (OpenID Connect Core §5.3.2).
pub enum Answer {
    /// JSON.
    Plain(Map<String, Value>),
    /// A JWT, signed, or encrypted, or both.
    Jwt(String),
}

/// What an access token shows of its subject, as its client has registered to be answered.
pub async fn answer(
    engine: &Engine,
    token: &str,
    method: &str,
    (certificate, proof): (Option<&Certificate>, Option<&str>),
    now: Timestamp,
) -> Result<Answer, Failure> {
    let (claims, client) =
        told(engine, &Bearer { token, proof, certificate, method, path: path::USERINFO }, now).await?;
    let encryption = encrypt::to(engine, &client, Registered::userinfo(&client.metadata), now).await?;
    let Some(algorithm) = client.metadata.jose.userinfo_signed_response_alg.as_deref() else {
        let Some(encryption) = encryption else { return Ok(Answer::Plain(claims)) };
        // OpenID Connect Registration §2: encrypted and not signed, if only that was asked for.
        let text = Value::Object(claims).to_string();
        return Ok(Answer::Jwt(encryption.plain(engine, text.as_bytes())?));
    };
    let signed = signed(engine, &client, claims, Algorithm::parse(algorithm), now)?;
    Ok(Answer::Jwt(match encryption {
        None => signed,
        Some(encryption) => encryption.nested(engine, &signed)?,
    }))
}

/// OpenID Connect Core §5.3.2: who says it, and to whom.
fn signed(
    engine: &Engine,
    client: &Client,
    mut claims: Map<String, Value>,
    algorithm: Option<Algorithm>,
    now: Timestamp,
) -> Result<String, Fault> {
    claims.insert("iss".to_owned(), engine.issuer.as_str().into());
    claims.insert("aud".to_owned(), client.client_id.as_str().into());
    let keys = engine.keys.current();
    let key = signer(engine, &keys, algorithm, now)?;
    key.sign(&claims).map_err(|error| Fault::lasting("sign a userinfo answer", error.to_string()))
}

async fn show(engine: &Engine, bearer: &Bearer<'_>, now: Timestamp) -> Result<Map<String, Value>, Failure> {
    told(engine, bearer, now).await.map(|(claims, _)| claims)
}

/// The claims, and whose token it is.
async fn told(
    engine: &Engine,
    bearer: &Bearer<'_>,
    now: Timestamp,
) -> Result<(Map<String, Value>, Arc<Client>), Failure> {
    // OpenID Connect Core §5.3: only tokens of OpenID requests.
    let needed = Scope::parse("openid").unwrap_or_default();
    let admitted = bearer::admit(engine, bearer, &needed, now).await?;
    let (grant, scope) = (&admitted.standing.record, &admitted.scope);
    // RFC 6750 §3.1: expired, revoked, malformed, or invalid for other reasons.
    let dead = |why: &'static str| Denied::new(ErrorCode::InvalidToken, "the access token is not valid").because(why);
    // RFC 9470 §3: where a policy asks for more than a good token.
    engine.policy.userinfo.must_be_met(&grant.auth, now)?;
    let subject = grant.subject.as_ref().ok_or_else(|| dead("nobody is its subject"))?;
    let all = engine.accounts.claims(subject).await?.ok_or_else(|| dead("its subject is gone or disabled"))?;
    let client = engine.store.client_by_id(grant.client).await?.ok_or_else(|| dead("its client is gone"))?;
    let asked = ClaimsParameter::kept(grant.terms.claims.as_ref());
    let mut shown = claims::for_scope(&all, scope, asked.locales());
    // OpenID Connect Core §5.5: what was asked for one by one; whoever has cut the token down did not mean to hand that on.
    if *scope == grant.scope {
        shown.extend(claims::asked(&all, asked.userinfo(), asked.locales()));
    }
    shown.extend(extra(engine, &admitted, &client).await?);
    // OpenID Connect Core §5.3.2: sub is always there.
    shown.insert("sub".to_owned(), subject_for(engine, &client, subject).into());
    Ok((shown, client))
}

/// What settings and hooks add. A hook's no is one about this token.
async fn extra(engine: &Engine, admitted: &bearer::Admitted, client: &Client) -> Result<Map<String, Value>, Failure> {
    if !hooks::adds(engine, Place::Userinfo) {
        return Ok(Map::new());
    }
    let grant = &admitted.standing.record;
    let audience = [engine.issuer.to_string()];
    let (subject, scope) = (grant.subject.as_ref(), &admitted.scope);
    let occasion = Occasion { client, subject, scope, audience: &audience, grant: Some(grant.id) };
    match hooks::claims(engine, Place::Userinfo, &occasion).await {
        Err(Failure::Denied(denied)) => Err(Denied::new(ErrorCode::InsufficientScope, denied.text).into()),
        claims => claims,
    }
}

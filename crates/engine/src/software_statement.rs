//! What somebody whom the operator trusts states about the software of a client (RFC 7591 §2.3).

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::jose::{Alg, Claims, Jwks, Jwt, Typ};
use firman_proto::registration::{Body, Requested, invalid_statement, statement_of, unapproved};
use firman_proto::time::Timestamp;

use crate::Engine;
use crate::failure::Failure;
use crate::key_sets::Whose;

/// Reads the body of a registration request, with what a statement in it says.
pub(crate) async fn requested(engine: &Engine, body: &[u8], now: Timestamp) -> Result<Requested, Failure> {
    let body = Body::parse(body)?;
    let Some(text) = body.statement() else {
        if engine.policy.registration.require_statement {
            let text = "software_statement: missing; this server registers no client without one";
            return Err(Denied::new(ErrorCode::InvalidClientMetadata, text).into());
        }
        return Ok(body.requested()?);
    };
    let claims = signed(engine, text, now).await?;
    let stated = statement_of(claims, engine.issuer.as_str(), now)?;
    Ok(body.stated(stated).requested()?)
}

/// RFC 7591 §2.3: signed by an issuer that is trusted.
async fn signed(engine: &Engine, text: &str, now: Timestamp) -> Result<Claims, Failure> {
    if engine.policy.registration.statements.is_empty() {
        return Err(unapproved().into());
    }
    let iss = Jwt::parse(text).map_err(invalid_statement)?.unverified().iss.clone();
    let trusted = engine.policy.registration.statements.iter().find(|trusted| Some(&trusted.issuer) == iss.as_ref());
    let url = &trusted.ok_or_else(unapproved)?.jwks_uri;
    let typ = Typ::Optional(&["JWT", "software-statement+jwt"]);
    let verify = |keys: &Jwks| Jwt::parse(text).and_then(|jwt| jwt.verify_signature(keys, Alg::PUBLIC, typ));
    let verified = engine.key_sets.verify(engine, Whose::Published(url), now, verify).await;
    let verified = verified.map_err(|failure| match failure {
        Failure::Denied(denied) if denied.code == ErrorCode::InvalidClient => {
            invalid_statement("the keys of its issuer cannot be used").because(denied.why).into()
        }
        other => other,
    });
    Ok(verified?.map_err(invalid_statement)?)
}

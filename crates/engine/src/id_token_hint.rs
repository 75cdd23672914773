//! ID tokens of ours that come back as a hint (OpenID Connect Core §3.1.2.1 `id_token_hint`).

use firman_proto::error::{Denied, invalid_request};
use firman_proto::id_token::IdToken;
use firman_proto::pairwise::is_pairwise;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Subject};

use crate::Engine;
use crate::encrypt;
use crate::failure::{Failure, Fault};
use crate::subject::subject_for;

/// What an ID token said that this client once got. It may have expired: it proves nothing but whom is meant.
pub(crate) async fn read(engine: &Engine, client: &Client, token: &str, now: Timestamp) -> Result<IdToken, Failure> {
    let claims = of_ours(engine, token, now).await?;
    // Another client's is none of this one's business.
    Ok(claims.filter(|claims| claims.aud == client.client_id).ok_or_else(wrong)?)
}

/// The same, whichever client got it; `None` for what is no ID token of this server.
pub(crate) async fn of_ours(engine: &Engine, token: &str, now: Timestamp) -> Result<Option<IdToken>, Fault> {
    // OpenID Connect Core §3.1.2.1: one that was encrypted may be encrypted for us again.
    let Ok(inner) = encrypt::opened(engine, token) else { return Ok(None) };
    let token = inner.as_deref().unwrap_or(token);
    let claims = engine.keys.verified_id_token(&*engine.store, token, now).await?;
    Ok(claims.filter(|claims| claims.iss == engine.issuer.as_str()))
}

/// Whom it is about. A pairwise name leads back to nobody; the session it was given in does, as long as that is remembered.
pub(crate) async fn person(engine: &Engine, client: &Client, claims: &IdToken) -> Result<Option<Subject>, Fault> {
    if !is_pairwise(&client.metadata) {
        return Ok(Subject::new(claims.sub.clone()));
    }
    let session = claims.sid.as_deref().and_then(|sid| engine.keys.sid().open(sid, client.id));
    let Some(session) = session else { return Ok(None) };
    let subject = engine.store.session(session, None).await?.map(|signed_in| signed_in.session.subject);
    Ok(subject.filter(|subject| subject_for(engine, client, subject) == claims.sub))
}

fn wrong() -> Denied {
    invalid_request("id_token_hint: not an ID token of this server for this client")
}

//! ID tokens of ours that come back as a hint (OpenID Connect Core §3.1.2.1 `id_token_hint`).

use firman_proto::error::{Denied, invalid_request};
use firman_proto::id_token::IdToken;
use firman_proto::jws;
use firman_store::record::Client;

use crate::Engine;
use crate::encrypt;

/// What an ID token said that this client once got. It may have expired: it proves nothing but whom is meant.
pub(crate) fn read(engine: &Engine, client: &Client, token: &str) -> Result<IdToken, Denied> {
    let wrong = || invalid_request("id_token_hint: not an ID token of this server for this client");
    // OpenID Connect Core §3.1.2.1: one that was encrypted may be encrypted for us again.
    let inner = encrypt::opened(engine, token).map_err(|_| wrong())?;
    let token = inner.as_deref().unwrap_or(token);
    let claims = jws::verify_id_token(token, engine.keys.current().published()).map_err(|_| wrong())?;
    // OpenID Connect Core §3.1.2.1: issued by this server; another client's is none of this one's business.
    if claims.iss != engine.issuer.as_str() || claims.aud != client.client_id {
        return Err(wrong());
    }
    Ok(claims)
}

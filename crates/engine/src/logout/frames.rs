//! What a browser loads so that clients learn that somebody has signed out (OpenID Connect Front-Channel Logout).

use firman_proto::form;
use firman_proto::redirect_uri::RedirectUri;
use firman_store::record::{Client, Session};

use crate::Engine;
use crate::failure::Fault;

/// More than anybody signs in at in a day: what names their origins has to fit into a header.
const MOST: usize = 64;

/// One address to be loaded in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The address, with who tells it and of which session.
    pub url: String,
    /// Its origin: nothing else has to be let into a frame.
    pub origin: String,
}

/// Those of the clients that took part in a session.
pub(super) async fn of(engine: &Engine, session: &Session) -> Result<Vec<Frame>, Fault> {
    let mut frames = Vec::new();
    for id in engine.store.session_clients(session.id, session.expires_at).await? {
        let Some(client) = engine.store.client_by_id(id).await?.filter(|client| client.enabled) else { continue };
        frames.extend(frame(engine, &client, session)?);
    }
    if frames.len() > MOST {
        tracing::warn!(session = %session.id, frames = frames.len(), "more frames than a page has; the last ones are left out");
        frames.truncate(MOST);
    }
    Ok(frames)
}

fn frame(engine: &Engine, client: &Client, session: &Session) -> Result<Option<Frame>, Fault> {
    let uri = client.metadata.logout.frontchannel_logout_uri.as_deref();
    let Some(uri) = uri.and_then(|uri| RedirectUri::parse(uri).ok()) else { return Ok(None) };
    let Some(origin) = uri.origin() else { return Ok(None) };
    // OpenID Connect Front-Channel Logout §2: both or neither, and a client that asks for them needs both.
    let mut query = String::new();
    form::append(&mut query, "iss", engine.issuer.as_str());
    form::append(&mut query, "sid", &engine.sid(session.id, client.id)?);
    Ok(Some(Frame { url: uri.with_query(&query), origin }))
}

//! How browsers tell clients that somebody has signed in or out (OpenID Connect Session Management).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::id::RecordId;
use firman_proto::session_state::session_state;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Session};

use super::{Browser, Interaction, signed_in};
use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::random;

/// What a response says of the browser's state, where that is said.
pub(super) fn of(
    engine: &Engine,
    client: &Client,
    interaction: &Interaction,
    session: &Session,
) -> Result<Option<(&'static str, String)>, Fault> {
    let request = &interaction.request;
    // An application without an origin has no frame to look through.
    let Some(origin) = request.redirect_uri.origin() else { return Ok(None) };
    // OpenID Connect Session Management §3: a member of authentication responses.
    if !engine.policy.session_management || !request.scope.contains("openid") {
        return Ok(None);
    }
    let salt = URL_SAFE_NO_PAD.encode(random::bytes::<12>(&*engine.entropy)?);
    let state = state_of(engine, session.id)?;
    Ok(Some(("session_state", session_state(&client.client_id, &origin, &state, &salt))))
}

/// The state of a browser with this session: scripts may read it, and it opens nothing. It is the browser's own name for the session, as
/// each client has one (`sid`).
pub(super) fn state_of(engine: &Engine, session: RecordId) -> Result<String, Fault> {
    engine.sid(session, RecordId::from_bytes([0; 16]))
}

/// The state of a browser that has brought a session, empty where that is over; none where it has brought none, which a frame of another
/// site never does, or where nobody looks.
pub async fn browser_state(engine: &Engine, browser: &Browser, now: Timestamp) -> Result<Option<String>, Failure> {
    if !engine.policy.session_management || !browser.has_session() {
        return Ok(None);
    }
    let signed_in = signed_in(engine, browser, None, now).await?;
    let state = signed_in.map(|signed_in| state_of(engine, signed_in.session.id)).transpose()?;
    Ok(Some(state.unwrap_or_default()))
}

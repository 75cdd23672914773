//! By which name a client knows a person, and a session: everything that leaves for a client asks here (OpenID Connect Core §8).

use firman_proto::id::RecordId;
use firman_proto::pairwise::{is_pairwise, sector_of};
use firman_store::record::{Client, Subject};

use crate::Engine;

/// The `sub` of a person for a client: one for everybody, or one for its sector (OpenID Connect Core §8.1).
pub(crate) fn subject_for(engine: &Engine, client: &Client, subject: &Subject) -> String {
    match sector(client) {
        None => subject.to_string(),
        Some(sector) => engine.keys.current().pairwise.subject(engine.number, &sector, subject.as_str()),
    }
}

/// The `sid` of a session for a client; nothing that two sectors could compare.
pub(crate) fn sid_for(engine: &Engine, client: &Client, session: RecordId) -> Option<String> {
    let Some(sector) = sector(client) else { return Some(session.to_string()) };
    let known_as = engine.keys.current().pairwise.session(engine.number, &sector, session)?;
    Some(known_as.to_string())
}

/// The session that a client knows by this `sid`.
pub(crate) fn session_of(engine: &Engine, client: &Client, sid: &str) -> Option<RecordId> {
    let known_as = RecordId::parse(sid)?;
    let Some(sector) = sector(client) else { return Some(known_as) };
    engine.keys.current().pairwise.session_of(engine.number, &sector, known_as)
}

/// The sector of a client that has pairwise subjects. Where none can be told any more, the client is its own.
fn sector(client: &Client) -> Option<String> {
    is_pairwise(&client.metadata)
        .then(|| sector_of(&client.metadata).unwrap_or_else(|| format!("client {}", client.id)))
}

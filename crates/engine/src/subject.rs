//! By which name a client knows a person: everything that leaves for a client asks here (OpenID Connect Core §8).

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

/// The sector of a client that has pairwise subjects. Where none can be told any more, the client is its own.
fn sector(client: &Client) -> Option<String> {
    is_pairwise(&client.metadata)
        .then(|| sector_of(&client.metadata).unwrap_or_else(|| format!("client {}", client.id)))
}

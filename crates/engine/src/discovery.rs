//! What the server says about itself (RFC 8414, OpenID Connect Discovery, RFC 7517).

use std::sync::Arc;

use firman_proto::metadata::Metadata;
use firman_proto::time::Timestamp;

use crate::Engine;
use crate::keys::KeySet;

/// The metadata document: it names what works and nothing else.
pub fn metadata(engine: &Engine, now: Timestamp) -> Metadata {
    let metadata =
        Metadata::new(&engine.issuer, engine.keys.current().algorithms(now), engine.policy.front_channel_tokens);
    Metadata { require_pushed_authorization_requests: engine.policy.require_pushed, ..metadata }
}

/// The keys whose public halves are published.
pub fn published_keys(engine: &Engine) -> Arc<KeySet> {
    engine.keys.current()
}

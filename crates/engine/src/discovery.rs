//! What the server says about itself (RFC 8414, OpenID Connect Discovery, RFC 7517).

use std::sync::Arc;

use firman_proto::jose::Alg;
use firman_proto::metadata::{Metadata, Offers};
use firman_proto::time::Timestamp;

use crate::Engine;
use crate::authenticate::SECRET_ALGORITHMS;
use crate::encrypt;
use crate::keys::KeySet;
use crate::registration::Mode;

/// The metadata document: it names what works and nothing else.
pub fn metadata(engine: &Engine, now: Timestamp) -> Metadata {
    let offers = Offers {
        grant_types: engine.policy.grant_types().collect(),
        decryption: encrypt::OURS.to_vec(),
        signing: engine.keys.current().algorithms(now),
        auth_methods: engine.policy.auth_methods().collect(),
        assertions: Alg::PUBLIC.iter().chain(SECRET_ALGORITHMS).copied().collect(),
        registration: engine.policy.registration.mode != Mode::Off,
        client_documents: !engine.policy.client_documents.0.is_empty(),
        certificate_bound: engine.policy.client_certificates,
        session_management: engine.policy.session_management,
        sign_up: engine.policy.sign_up,
        front_channel: engine.policy.front_channel_tokens,
        pages: engine.policy.pages,
        about: engine.policy.about.clone(),
        acr_values: engine.policy.acr.names().map(str::to_owned).collect(),
        details: engine.policy.details.names().map(str::to_owned).collect(),
    };
    let metadata = Metadata::new(&engine.issuer, &offers);
    Metadata {
        require_pushed_authorization_requests: engine.policy.require_pushed,
        require_signed_request_object: engine.policy.require_signed_request,
        ..metadata
    }
}

/// The keys whose public halves are published.
pub fn published_keys(engine: &Engine) -> Arc<KeySet> {
    engine.keys.current()
}

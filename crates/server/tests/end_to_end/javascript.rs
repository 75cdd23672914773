//! A strict JavaScript client, in `tests/browser`, uses what newer profiles ask for.

use std::fs;

use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::engines::engine;
use crate::support::script;
use crate::support::server::Server;

/// The key of RFC 7517 Appendix A.2: everybody has it.
fn key() -> Value {
    json!({"kty": "EC", "crv": "P-256", "kid": "1", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
           "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})
}

fn private_key() -> Value {
    let mut key = key();
    key["d"] = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE".into();
    key
}

#[test]
fn openid_client_pushes_and_signs_its_requests_binds_its_tokens_asks_elsewhere_and_registers() {
    let Some(node) = engine("FIRMAN_TEST_NODE") else { return };
    let settings = [
        ("FIRMAN__TOKENS__REQUIRE_DPOP_NONCE", "true"),
        ("FIRMAN__REGISTRATION__MODE", "open"),
        ("FIRMAN__DEVICE__INTERVAL_SECONDS", "1"),
        ("FIRMAN__BACKCHANNEL__ENABLED", "true"),
        ("FIRMAN__BACKCHANNEL__INTERVAL_SECONDS", "1"),
    ];
    let server = Server::start_with("javascript", &settings);
    let signer = json!({"client_id": "signer", "client_name": "Signer", "redirect_uris": [server.ready.redirect_uri],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key()]},
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile email offline_access",
        "require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true});
    let asker = json!({"client_id": "asker", "client_name": "Asker", "redirect_uris": [server.ready.redirect_uri],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key()]}, "scope": "openid profile email offline_access",
        "grant_types": ["authorization_code", "refresh_token", "urn:openid:params:grant-type:ciba"],
        "backchannel_token_delivery_mode": "poll", "require_signed_request_object": true});
    let file = server.folder().data().join("clients.json");
    fs::write(&file, json!({"clients": [signer, asker]}).to_string()).unwrap();
    Cli::on(server.folder()).json(&["client", "apply", file.to_str().unwrap()]);

    let given = json!({"client_id": "signer", "asking_client_id": "asker", "private_key": private_key()});
    script::run(node, "modern.mjs", &[&given.to_string()], &server.ready_line);
}

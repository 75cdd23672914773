//! People who sign in at other identity providers, in a real browser: at one that nobody here wrote, and at a second Firman.

use std::fs;

use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::engines::engine;
use crate::support::script;
use crate::support::server::{Folder, Server, free_port};

/// A server asks others of this machine, without TLS.
const LOOPBACK: [(&str, &str); 2] =
    [("FIRMAN__FETCH__ALLOW_NETWORKS", "127.0.0.0/8,::1/128"), ("FIRMAN__FETCH__ALLOW_HTTP", "true")];

// OpenID Connect Core §3.1.2, RFC 9207 §2.4, RFC 7523 §2.2.
#[test]
fn chromium_signs_in_at_oidc_provider_and_at_a_second_firman() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let folder = Folder::with_settings("upstream", &LOOPBACK).at_a_name();
    let back = |name: &str| format!("{}/login/upstream/callback/{name}", folder.issuer());

    // Both providers listen at an address, and this server has a name: browsers keep cookies apart by that.
    let second = Server::start_with("upstream-second", &LOOPBACK);
    let port = free_port();
    let lab = json!({"client_id": "firman", "client_secret": "a secret of the tests", "redirect_uris": [back("lab")]});
    register(&second, &folder, &back("second"));
    let upstreams = json!({"upstream": [
        {"name": "lab", "issuer": format!("http://127.0.0.1:{port}"), "client_id": "firman", "client_secret_file": "lab.secret",
         "display_name": "The lab", "domains": ["lab.example"], "subject": "upstream", "userinfo": true,
         "trust_email_verified": true, "scope": "openid profile email groups", "groups": "groups",
         "scopes": {"email": ["staff"]}, "recheck_seconds": 1},
        {"name": "second", "issuer": second.ready.issuer, "client_id": "firman", "authentication": "private_key_jwt"},
    ]});
    folder.file("lab.secret", lab["client_secret"].as_str().unwrap());
    let file = folder.file("upstreams.json", &upstreams.to_string());
    let folder = folder
        .with_setting("FIRMAN__LOGIN__UPSTREAMS", file.to_str().unwrap())
        .with_setting("FIRMAN__DEVICE__INTERVAL_SECONDS", "1");
    let server = folder.start_again();

    let second_ready: Value = serde_json::from_str(&second.ready_line).unwrap();
    let given = json!({"port": port, "client": lab, "second": second_ready});
    script::run(node, "upstream.mjs", &[&given.to_string()], &server.ready_line);
}

/// Registers the server that will be in this folder as a client that signs, with the keys that it publishes.
fn register(at: &Server, folder: &Folder, redirect_uri: &str) {
    let client = json!({"client_id": "firman", "client_name": "The first", "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": format!("{}/oauth2/jwks", folder.issuer()),
        "grant_types": ["authorization_code"], "scope": "openid profile email"});
    let file = at.folder().data().join("clients.json");
    fs::write(&file, json!({"clients": [client]}).to_string()).unwrap();
    Cli::on(at.folder()).json(&["client", "apply", file.to_str().unwrap()]);
}

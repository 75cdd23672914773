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
    let issuer = folder.issuer();
    let back = |name: &str| format!("{issuer}/login/upstream/callback/{name}");

    // Both providers listen at an address, and this server has a name: browsers keep cookies apart by that.
    let second = Server::start_with("upstream-second", &LOOPBACK);
    let port = free_port();
    let out = format!("{issuer}/logout/upstream");
    let lab = json!({"client_id": "firman", "client_secret": "a secret of the tests", "redirect_uris": [back("lab")],
        "post_logout_redirect_uris": [out]});
    register(&second, &folder, &back("second"), &out);
    let upstreams = json!({"upstream": [
        {"name": "lab", "issuer": format!("http://127.0.0.1:{port}"), "client_id": "firman", "client_secret_file": "lab.secret",
         "display_name": "The lab", "domains": ["lab.example"], "subject": "upstream", "userinfo": true,
         "trust_email_verified": true, "scope": "openid profile email groups", "groups": "groups",
         "scopes": {"email": ["staff"]}, "recheck_seconds": 1, "logout": true},
        {"name": "second", "issuer": second.ready.issuer, "client_id": "firman", "authentication": "private_key_jwt",
         "claims": {"preferred_username": "sub"}, "logout": true},
        {"name": "stranger", "issuer": second.ready.issuer, "client_id": "nobody", "authentication": "none"},
    ]});
    folder.file("lab.secret", lab["client_secret"].as_str().unwrap());
    let file = folder.file("upstreams.json", &upstreams.to_string());
    let folder = folder
        .with_setting("FIRMAN__LOGIN__UPSTREAMS", file.to_str().unwrap())
        .with_setting("FIRMAN__REGISTRATION__MODE", "open")
        .with_setting("FIRMAN__DEVICE__INTERVAL_SECONDS", "1");
    let server = folder.start_again();
    check(&server, &back("second"));

    let second_ready: Value = serde_json::from_str(&second.ready_line).unwrap();
    let given = json!({"port": port, "client": lab, "second": second_ready});
    script::run(node, "upstream.mjs", &[&given.to_string()], &server.ready_line);
}

/// What operators see of the providers before anybody signs in: one is down, one is good, and one does not know this server.
fn check(server: &Server, back_from_second: &str) {
    let cli = Cli::on(server.folder());
    let listed = cli.json(&["upstream", "list"]);
    assert_eq!(listed["upstreams"][1]["redirect_uri"], *back_from_second);
    let out = format!("{}/logout/upstream", server.ready.issuer);
    let outs: Vec<_> = (0..3).map(|place| listed["upstreams"][place]["post_logout_redirect_uri"].as_str()).collect();
    assert_eq!(outs, [Some(&*out), Some(&*out), None]);
    let checked = cli.run(&["upstream", "check"], "");
    assert_eq!(checked.code, Some(5), "{}", checked.stderr);
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    let wrong = |place: usize| -> Vec<&str> {
        let findings = checked["upstreams"][place]["findings"].as_array().unwrap();
        findings.iter().filter(|one| one["level"] == "wrong").map(|one| one["check"].as_str().unwrap()).collect()
    };
    assert_eq!(wrong(0), ["discovery"]);
    assert_eq!(wrong(1), [""; 0], "{checked}");
    assert_eq!(wrong(2), ["redirect-uri", "credentials"], "{checked}");
    cli.json(&["upstream", "check", "second"]);
}

/// Registers the server that will be in this folder as a client that signs, with the keys that it publishes.
fn register(at: &Server, folder: &Folder, redirect_uri: &str, out: &str) {
    let client = json!({"client_id": "firman", "client_name": "The first", "redirect_uris": [redirect_uri], "post_logout_redirect_uris": [out],
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": format!("{}/oauth2/jwks", folder.issuer()),
        "grant_types": ["authorization_code"], "scope": "openid profile email"});
    let file = at.folder().data().join("clients.json");
    fs::write(&file, json!({"clients": [client]}).to_string()).unwrap();
    Cli::on(at.folder()).json(&["client", "apply", file.to_str().unwrap()]);
}

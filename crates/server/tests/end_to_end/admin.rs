//! The admin API and its console from outside: a generator of requests that nobody here wrote, and a browser.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::engines::engine;
use crate::support::script;
use crate::support::server::{Folder, Server};

/// A client that may do whatever there is; gives its secret.
pub(crate) fn operations(server: &Server) -> String {
    let clients = json!({"clients": [{
        "client_id": "operations",
        "grant_types": ["client_credentials"],
        "scope": firman_engine::operator::all_scopes().as_str(),
        "policy": {"resources": [format!("{}/admin", server.ready.issuer)]},
    }]});
    let file = server.folder().file("clients.json", &clients.to_string());
    let made = Cli::on(server.folder()).json(&["client", "apply", file.to_str().unwrap()]);
    made[0]["client_secret"].as_str().unwrap().to_owned()
}

/// The address of the listener of operators.
fn admin(server: &Server) -> String {
    server.ready.console.trim_end_matches("/console/").to_owned()
}

#[test]
fn schemathesis_finds_no_answer_that_the_document_does_not_have() {
    let Some(python) = engine("FIRMAN_TEST_PYTHON") else { return };
    let server = Server::start("schemathesis");
    let secret = operations(&server);
    let document = format!("{}/admin/v1/openapi.json", admin(&server));
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python");
    let output = Command::new(Path::new(&python).with_file_name("schemathesis"))
        .arg("--config-file")
        .arg(scripts.join("schemathesis.toml"))
        .args(["run", &document, "--no-color"])
        .env("SCHEMATHESIS_HOOKS", "operator_auth")
        .env("PYTHONPATH", &scripts)
        .env("OPERATOR_ISSUER", &server.ready.issuer)
        .env("OPERATOR_SECRET", &secret)
        .current_dir(server.folder().data())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("Fuzzing") && !told.contains("Authentication failed"), "{told}");
}

#[test]
fn an_operator_presses_through_the_console_in_chromium() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let folder = Folder::with_settings("console", &[]);
    let upstreams = json!({"upstream": [
        {"name": "uni", "issuer": "https://idp.uni.example", "client_id": "firman", "authentication": "none",
         "domains": ["uni.example"], "groups": "groups", "allowed_groups": ["staff", "students"],
         "scopes": {"payments": ["staff"]}, "recheck_seconds": 600, "logout": true},
        {"name": "lab", "issuer": "https://lab.example/realms/main", "client_id": "firman", "authentication": "none"},
    ]});
    let file = folder.file("upstreams.json", &upstreams.to_string());
    let server = folder.with_setting("FIRMAN__LOGIN__UPSTREAMS", file.to_str().unwrap()).start_again();
    let (demo, mut browser) = (server.demo(), server.browser());
    let tokens = demo.redeem(&browser.sign_in());
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let cli = Cli::on(server.folder());
    let made = cli.run(&["user", "create", "somebody", "--password-stdin"], "a long enough password\n");
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let grants = cli.json(&["grant", "list"]);
    let grant = grants.as_array().unwrap().iter().find(|grant| grant["kind"] == "authorization_code").unwrap();
    let mut ready: Value = serde_json::from_str(&server.ready_line).unwrap();
    ready["victim"] = "somebody".into();
    ready["grant"] = grant["id"].clone();
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console-screenshots");
    let _ = std::fs::remove_dir_all(&screenshots);
    let steps = script::run(node, "console.mjs", &[screenshots.to_str().unwrap()], &ready.to_string());
    assert!(steps.contains("ok  signed out"), "{steps}");
}

//! `firman login`: a code flow from the terminal, with somebody at a browser.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;
use url::Url;

use crate::support::browser::AuthorizationRequest;
use crate::support::server::Server;

#[test]
fn login_prints_the_tokens_of_whoever_signs_in() {
    let server = Server::start("login");
    let mut child = Command::new(env!("CARGO_BIN_EXE_firman"))
        .args(["login", "--no-browser", "--json", "--dir"])
        .arg(server.folder().data())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.by_ref().map(|line| line.trim().to_owned()).find(|line| line.starts_with("http")).unwrap();

    let request = AuthorizationRequest { url: Url::parse(&address).unwrap(), ..AuthorizationRequest::new(&server) };
    let callback = server.browser().authorize(&request);
    let page = server.http.get(callback.as_str());
    assert_eq!(page.status, 200, "{page:?}");

    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let tokens: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(server.demo().is_active(tokens["access_token"].as_str().unwrap()), "{tokens}");
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string());
}

//! `firman login --device`: a code on a terminal, typed by somebody at a browser.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;
use url::Url;

use crate::support::browser::{Browser, Place};
use crate::support::page;
use crate::support::server::Server;

// RFC 8628 §3.2, §3.4, §3.5.
#[test]
fn a_terminal_without_a_browser_gets_the_tokens_of_whoever_types_its_code() {
    let server = Server::start("device");
    let mut child = Command::new(env!("CARGO_BIN_EXE_firman"))
        .args(["login", "--device", "--json", "--dir"])
        .arg(server.folder().data())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut seen = String::new();
    let address = lines
        .by_ref()
        .inspect(|line| seen.push_str(line))
        .map(|line| line.trim().to_owned())
        .find(|line| line.starts_with("http") && line.contains("user_code="))
        .unwrap();
    assert!(seen.contains("█"), "a QR code is shown: {seen}");

    let mut browser = server.browser();
    let last = connect(&server, &mut browser, &Url::parse(&address).unwrap(), "consent-allow");
    assert_eq!(last.path(), "/device/allowed");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let tokens: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(server.demo().is_active(tokens["access_token"].as_str().unwrap()), "{tokens}");
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string());
}

// RFC 8628 §3.3, §3.3.1, §3.5.
#[test]
fn a_device_learns_that_it_was_refused_and_a_wrong_code_gets_the_page_again() {
    let server = Server::start("device-refused");
    let codes = server.demo().post("/oauth2/device_authorization", &[("scope", "openid")]);
    assert_eq!((codes.status, codes.header("cache-control")), (200, "no-store"));
    let mut browser = server.browser();
    let wrong = Url::parse(&server.url("/device?user_code=BCDF-GHJK")).unwrap();
    let Place::Page { url, answer } = browser.open(&wrong) else { panic!("no page") };
    let Place::Page { answer, .. } = browser.press(&url, &answer, "device-submit", &[("user-code", "x".to_owned())])
    else {
        panic!("no page")
    };
    assert!(answer.status == 422 && page::has(&answer.body, "device-problem"), "{answer:?}");

    let address = Url::parse(&codes.text("verification_uri_complete")).unwrap();
    assert_eq!(connect(&server, &mut browser, &address, "consent-deny").path(), "/device/denied");
    let asked =
        [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", &codes.text("device_code"))];
    let answer = server.demo().post("/oauth2/token", &asked);
    assert_eq!((answer.status, answer.text("error").as_str()), (400, "access_denied"));
}

/// Somebody opens the address, presses on, signs in, and answers.
pub(crate) fn connect(server: &Server, browser: &mut Browser<'_>, address: &Url, answer_with: &str) -> Url {
    let typed = address.query_pairs().find(|(name, _)| name == "user_code").unwrap().1.into_owned();
    let ready = &server.ready;
    let mut place = browser.open(address);
    for _ in 0..6 {
        let Place::Page { url, answer } = place else { panic!("sent away") };
        place = if page::has(&answer.body, "device-form") {
            browser.press(&url, &answer, "device-submit", &[("user-code", typed.to_lowercase())])
        } else if page::has(&answer.body, "login-form") {
            let filled = [("username", ready.username.clone()), ("password", ready.password.clone())];
            browser.press(&url, &answer, "login-submit", &filled)
        } else if page::has(&answer.body, answer_with) {
            assert!(answer.body.contains(&typed), "{}", answer.body);
            browser.press(&url, &answer, answer_with, &[])
        } else {
            return url;
        };
    }
    panic!("it does not end")
}

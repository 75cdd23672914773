//! `firman guard`: before a service, for clients nobody here wrote; and what is revoked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use firman_proto::seal::{Caveat, attenuate};
use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::client::Client;
use crate::support::engines::engine;
use crate::support::guarded::{Guarded, bearer, get, service};
use crate::support::script;
use crate::support::server::Server;

#[test]
fn before_a_service_it_lets_through_who_may_and_says_who_that_is() {
    let guarded = Guarded::start("guard-before", "opaque", None, &["--to", &service()]);
    let refused = guarded.get("/v1/books", &[]);
    assert_eq!((refused.status, refused.body.as_str()), (401, ""));
    let metadata = format!("resource_metadata=\"{}/.well-known/oauth-protected-resource\"", guarded.guard);
    assert!(refused.header("www-authenticate").contains(&metadata), "{refused:?}");
    let said = guarded.get("/.well-known/oauth-protected-resource", &[]).json();
    assert_eq!(said["authorization_servers"], json!([guarded.server.ready.issuer]));

    let token = guarded.token("books.read");
    let headers = [("authorization", &*bearer(&token)), ("x-firman-subject", "root"), ("x-firman-acr", "best")];
    let page = guarded.get("/v1/books/7?page=2", &headers);
    assert_eq!(page.status, 200, "{page:?}");
    let client = format!("x-firman-client: {}\r\n", guarded.server.ready.service_client_id);
    assert!(
        page.body.starts_with("get /v1/books/7?page=2 http/1.1\r\n") && page.body.contains(&client),
        "{}",
        page.body
    );
    for never in ["root", "best", "authorization", "bearer"] {
        assert!(!page.body.contains(never), "{never}: {}", page.body);
    }
    assert_eq!(guarded.get("/health", &[]).status, 200);
    assert_eq!(guarded.get("/v1/write", &headers[..1]).refusal(), (403, "insufficient_scope".to_owned()));
    let step_up = guarded.get("/v1/transfers", &headers[..1]);
    assert_eq!(step_up.refusal(), (401, "insufficient_user_authentication".to_owned()));
    assert!(step_up.header("www-authenticate").contains("acr_values=\"mfa\""), "{step_up:?}");
    assert_eq!(guarded.get("/nobody", &headers[..1]).status, 403, "no rule");
    for twofold in ["/v1/books/../write", "/v1/books/%2e%2e/write", "/health/..;/v1/write", "/health//x"] {
        assert_eq!(raw(&guarded, twofold), 400, "{twofold}");
    }
    let weaker = attenuate(&token, &Caveat::parse("path = /v1/books/7").unwrap()).unwrap();
    assert_eq!(guarded.get("/v1/books/7", &[("authorization", &bearer(&weaker))]).status, 200);
    assert_eq!(guarded.get("/v1/books/8", &[("authorization", &bearer(&weaker))]).status, 403);
}

/// A path that no well-behaved client sends.
fn raw(guarded: &Guarded, path: &str) -> u16 {
    let mut stream = TcpStream::connect(guarded.guard.trim_start_matches("http://")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_is_revoked_is_refused_within_a_second_where_the_feed_is_followed() {
    let guarded = Guarded::start("guard-feed", "jwt", None, &["--follow", "--to", &service()]);
    let through = |token: &str| guarded.get("/v1/books", &[("authorization", &bearer(token))]).status;
    let wait = |token: &str, status: u16| {
        let begun = Instant::now();
        while through(token) != status {
            assert!(begun.elapsed() < Duration::from_secs(20), "never {status}");
            std::thread::sleep(Duration::from_millis(5));
        }
        begun.elapsed()
    };
    let (one, two) = (guarded.token("books.read"), guarded.token("books.read"));
    assert!(one.starts_with("ey"));
    wait(&one, 200);
    assert_eq!(through(&two), 200);
    // Until the guard has heard the first message, it goes on without.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(guarded.server.service().revoke(&one).status, 200);
    let took = wait(&one, 401);
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(through(&two), 200, "the other token of the same grant lives");

    // The key that signed it: what comes next is signed by another, as soon as the server has seen that.
    let keys = Cli::on(guarded.server.folder());
    let listed = keys.json(&["key", "list"]);
    let current = |key: &&Value| (&key["alg"], &key["state"]) == (&json!("ES256"), &json!("current"));
    let kid = listed.as_array().unwrap().iter().find(current).unwrap()["kid"].as_str().unwrap().to_owned();
    keys.json(&["key", "revoke", &kid]);
    let took = wait(&two, 401);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let begun = Instant::now();
    while through(&guarded.token("books.read")) != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "no key signs");
        std::thread::sleep(Duration::from_millis(100));
    }
}

// RFC 8414 §2: what the metadata names works.
#[test]
fn the_feed_is_for_resource_servers_and_says_at_once_that_all_is_well() {
    let server = Server::start("feed");
    let cli = Cli::on(server.folder());
    let made = cli.json(&["resource", "add", "https://api.example"]);
    let url = server.http.get(&server.url("/.well-known/oauth-authorization-server")).text("revocation_feed_endpoint");
    assert_eq!(server.http.get(&url).refusal(), (401, "invalid_client".to_owned()));
    let demo = Client::new(&server, &server.ready.client_id, &server.ready.client_secret).request("/x", &[]);
    let as_client = get(&server, &url, &[("authorization", demo.headers()["authorization"].to_str().unwrap())]);
    assert_eq!(as_client.refusal(), (400, "unauthorized_client".to_owned()));
    let own = Client::new(&server, "https://api.example", made["secret"].as_str().unwrap()).request("/x", &[]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let basic = own.headers()["authorization"].to_str().unwrap();
    let path = url.split_once("//").unwrap().1.split_once('/').unwrap().1;
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: x\r\nauthorization: {basic}\r\n\r\n").unwrap();
    let mut seen = String::new();
    let mut lines = BufReader::new(stream);
    while !seen.contains("event: alive") {
        assert!(lines.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    let lower = seen.to_lowercase();
    assert!(lower.starts_with("http/1.1 200") && lower.contains("content-type: text/event-stream"), "{seen}");
    assert!(seen.contains("event: snapshot\ndata: {\"until\":"), "{seen}");
    drop(server.stop());
}

// RFC 9728 §5.1, RFC 9449 §7.1.
#[test]
fn a_client_that_nobody_here_wrote_finds_its_way_through_the_guard() {
    let Some(node) = engine("FIRMAN_TEST_NODE") else { return };
    let guarded = Guarded::start("guard-client", "jwt", None, &["--to", &service()]);
    let given: Value = json!({
        "resource": guarded.resource,
        "client_id": guarded.server.ready.service_client_id,
        "client_secret": guarded.server.ready.service_client_secret,
        "allowed": format!("{}/v1/books", guarded.guard),
        "other": format!("{}/v1/write", guarded.guard),
    });
    let steps = script::run(node, "guarded.mjs", &[], &given.to_string());
    assert_eq!(steps.lines().filter(|line| line.starts_with("ok  ")).count(), 5, "{steps}");
}

// RFC 6749 §4.4, RFC 6750 §2.1.
#[test]
fn a_python_client_that_nobody_here_wrote_uses_a_guarded_route() {
    let Some(python) = engine("FIRMAN_TEST_PYTHON") else { return };
    let guarded = Guarded::start("guard-python", "jwt", None, &["--to", &service()]);
    let given: Value = json!({
        "resource": guarded.resource,
        "token_endpoint": guarded.server.url("/oauth2/token"),
        "client_id": guarded.server.ready.service_client_id,
        "client_secret": guarded.server.ready.service_client_secret,
        "allowed": format!("{}/v1/books", guarded.guard),
        "other": format!("{}/v1/write", guarded.guard),
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/guarded.py");
    let output = Command::new(python).arg(script).arg(given.to_string()).output().unwrap();
    let steps = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{steps}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(steps.lines().filter(|line| line.starts_with("ok  ")).count(), 3, "{steps}");
}

#[test]
fn settings_that_cannot_be_meant_end_it_with_what_to_do() {
    let run = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_firman")).arg("guard").args(words).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let who = ["--issuer", "https://as.example", "--resource", "https://api.example"];
    for (more, told) in [
        (&["--to", "http://127.0.0.1:1"][..], "nobody would get through"),
        (&["--scope", "a"], "--to a service, or --behind a proxy"),
        (&["--scope", "a", "--to", "https://x"], "http://HOST:PORT"),
        (&["--scope", "a", "--to", "http://x", "--secret-file", "/nowhere"], "/nowhere"),
        (&["--scope", "a", "--to", "http://x", "--file", "/nowhere"], "/nowhere"),
        (&["--scope", "a", "--to", "http://x", "--ca-file", "/nowhere"], "/nowhere"),
    ] {
        let (code, text) = run(&[&who[..], more].concat());
        assert!(code == Some(3) && text.contains(told), "{more:?}: {code:?} {text}");
    }
    let (code, text) = run(&["--help"]);
    assert!(code == Some(0) || text.is_empty());
}

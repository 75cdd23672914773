//! `firman doctor`, against good servers and against one of which everything is bad.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::support::cli::{Outcome, firman};
use crate::support::secured::Secured;
use crate::support::server::Server;

fn doctor(words: &[&str]) -> (Outcome, Value) {
    let words: Vec<_> = ["doctor", "--json"].iter().chain(words).map(Into::into).collect();
    let outcome = firman(&words, "");
    let report = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", outcome.stdout, outcome.stderr));
    (outcome, report)
}

/// The checks that came out like this.
fn checks(report: &Value, level: &str) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == level);
    findings.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_server_as_it_is_has_nothing_wrong() {
    let server = Server::start_with("doctor", &[("FIRMAN__REGISTRATION__MODE", "open")]);
    let (outcome, report) = doctor(&["--strict", &server.ready.issuer]);
    assert_eq!(outcome.code, Some(0), "{report:#}");
    assert_eq!(report["issuer"], server.ready.issuer);
    let good = checks(&report, "good");
    for check in
        ["issuer", "well-known", "endpoint", "no-store", "cors", "keys", "key", "clickjacking", "cookies", "clock"]
    {
        assert!(good.contains(check), "{check}: {report:#}");
    }
    // For people: a line, and with --all a line for each.
    let text = firman(
        &["doctor", "--dir"].map(Into::into).iter().cloned().chain([server.folder().data().into()]).collect::<Vec<_>>(),
        "",
    );
    assert!(
        text.code == Some(0) && text.stdout.contains("checks are good") && !text.stdout.contains("WRONG"),
        "{}",
        text.stdout
    );
}

#[test]
fn an_issuer_with_a_path_behind_tls_has_nothing_wrong_but_a_stranger_does_not_trust_it() {
    let server = Secured::start("doctor-tls");
    let (outcome, report) = doctor(&[&server.issuer, "--ca-file", server.authority.to_str().unwrap()]);
    assert_eq!(outcome.code, Some(0), "{report:#}");
    let good = checks(&report, "good");
    assert!(["tls", "certificate", "plain-http", "cookies"].iter().all(|check| good.contains(*check)), "{report:#}");
    let (outcome, report) = doctor(&[&server.issuer]);
    assert_eq!((outcome.code, checks(&report, "wrong").contains("tls")), (Some(5), true), "{report:#}");
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (outcome, report) = doctor(&[&format!("http://127.0.0.1:{port}")]);
    assert_eq!(outcome.code, Some(5));
    assert_eq!(checks(&report, "wrong"), BTreeSet::from(["reach".to_owned()]), "{report:#}");
    let public = firman(&["doctor", "http://login.invalid"].map(Into::into), "");
    assert!(public.code == Some(5) && public.stdout.contains("not https"), "{}", public.stdout);
}

/// What a server says of which everything is bad, as its proxy and its settings made it.
fn badly(home: &str, method: &str, path: &str) -> String {
    let (status, more, body) = match (method, path) {
        (_, "/.well-known/openid-configuration") => (
            200,
            "content-type: application/json\r\n",
            json!({"issuer": "http://internal:8080", "authorization_endpoint": format!("{home}/authorize"),
                "token_endpoint": format!("{home}/token"), "userinfo_endpoint": format!("{home}/userinfo"),
                "introspection_endpoint": "http://internal:8080/introspect", "revocation_endpoint": format!("{home}/revoke"),
                "jwks_uri": format!("{home}/jwks"), "id_token_signing_alg_values_supported": ["RS256"]})
            .to_string(),
        ),
        ("OPTIONS", _) => (
            200,
            "access-control-allow-origin: https://app.example\r\naccess-control-allow-credentials: true\r\n",
            String::new(),
        ),
        (_, "/jwks") => (200, "", json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}]}).to_string()),
        (_, "/authorize") => {
            (200, "content-type: text/html\r\nset-cookie: session=1; Domain=127.0.0.1\r\naccess-control-allow-origin: *\r\n", "<html>".to_owned())
        }
        ("GET", "/token") => (200, "", "{}".to_owned()),
        (_, "/token") => (400, "cache-control: public\r\n", json!({"error": "invalid_request"}).to_string()),
        (_, "/revoke") => (502, "", "bad gateway".to_owned()),
        (_, "/userinfo") => (401, "www-authenticate: Basic\r\n", String::new()),
        _ => (404, "", String::new()),
    };
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    format!(
        "HTTP/1.1 {status} X\r\ndate: {date}\r\nconnection: close\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}

// RFC 8414 §3.3, OpenID Connect Discovery §4.3.
#[test]
fn everything_that_is_bad_is_told_with_its_cure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = format!("http://{}", listener.local_addr().unwrap());
    let url = home.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut bytes = [0; 8192];
            let length = stream.read(&mut bytes).unwrap_or(0);
            let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let mut words = request.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let _ = stream.write_all(badly(&home, method, path).as_bytes());
        }
    });
    let (outcome, report) = doctor(&[&url]);
    assert_eq!(outcome.code, Some(5));
    let wrong = checks(&report, "wrong");
    for check in [
        "clock",
        "issuer",
        "well-known",
        "members",
        "addresses",
        "cors-discovery",
        "endpoint",
        "no-store",
        "authorization",
        "cors",
        "cors-credentials",
        "methods",
        "keys",
        "page",
        "clickjacking",
        "csp",
        "nosniff",
        "referrer",
        "cors-pages",
        "cookies",
    ] {
        assert!(wrong.contains(check), "{check}: {report:#}");
    }
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["level"] == "good", finding.get("cure").is_none(), "{finding}");
    }
}

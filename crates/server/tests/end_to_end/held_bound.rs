//! Tokens that `firman token` gives to clients for themselves, that are bound to a key or a certificate, or made weaker; and where the key
//! lies that they are sealed with.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Request;
use serde_json::{Value, json};

use crate::held::{begin, code, firman, said, said_by};
use crate::mtls::World;
use crate::support::browser::AuthorizationRequest;
use crate::support::engines::engine;
use crate::support::guarded::{Guarded, bearer, service};
use crate::support::server::Server;

const USERINFO: &str = "/oauth2/userinfo";

/// `firman token --own` of the service client, with more words.
fn own(server: &Server, tokens: &Path, more: &[&str]) -> Child {
    let words = ["token", "--own", "--issuer", &server.ready.issuer, "--client-id", &server.ready.service_client_id];
    let mut command = firman(tokens, &[&words, more].concat());
    command.env("FIRMAN_CLIENT_SECRET", &server.ready.service_client_secret).spawn().unwrap()
}

// RFC 6749 §4.4.
#[test]
fn a_client_has_one_token_of_its_own_for_all_who_ask() {
    let (server, folder) = (Server::start("held-own"), tempfile::tempdir().unwrap());
    let tokens = folder.path();
    let all: Vec<_> = (0..20).map(|_| own(&server, tokens, &[])).collect();
    let printed: Vec<_> = all.into_iter().map(said_by).collect();
    assert!(printed.iter().all(|token| *token == printed[0]), "{printed:?}");
    let facts = server.service().introspect(&printed[0]);
    assert_eq!((&facts["active"], &facts["client_id"]), (&json!(true), &json!(server.ready.service_client_id)));
    let (refused, text) = code(tokens, &["token", "--own", "--issuer", &server.ready.issuer, "--client-id", "x"]);
    assert!(refused == Some(5) && text.contains("FIRMAN_CLIENT_SECRET"), "{text}");
    assert_eq!(code(tokens, &["token"]).0, Some(4), "nobody has signed in by that");
}

/// Sends the headers that `firman token --for` prints.
fn send(server: &Server, method: &str, path: &str, printed: &str) -> u16 {
    let mut request = Request::builder().method(method).uri(server.url(path));
    for (name, value) in printed.lines().map(|line| line.split_once(": ").unwrap()) {
        request = request.header(name, value);
    }
    server.http.send(request.body(Vec::new()).unwrap()).status
}

// RFC 9449 §4.1, §5, §7.1, §10.
#[test]
fn a_token_bound_by_login_is_of_use_with_the_key_that_is_kept() {
    let settings = [("FIRMAN__REGISTRATION__MODE", "open")];
    let (server, folder) = (Server::start_with("held-bound", &settings), tempfile::tempdir().unwrap());
    let (tokens, issuer) = (folder.path(), server.ready.issuer.as_str());
    let (login, address) = begin(tokens, &["--issuer", issuer, "--dpop"]);
    let request = AuthorizationRequest { url: address, ..AuthorizationRequest::new(&server) };
    let callback = server.browser().authorize(&request);
    assert_eq!(server.http.get(callback.as_str()).status, 200);
    let signed_in: Value = serde_json::from_str(&said_by(login)).unwrap();
    assert_eq!(signed_in["token_type"], "DPoP", "{signed_in}");

    let output = firman(tokens, &["token"]).output().unwrap();
    let token = String::from_utf8(output.stdout).unwrap().trim_end().to_owned();
    assert!(String::from_utf8(output.stderr).unwrap().contains("--for METHOD URL"));
    let key = server.service().introspect(&token)["cnf"]["jkt"].clone();
    assert!(key.is_string());
    let at = server.url(USERINFO);
    let present = |method| said(tokens, &["token", "--for", method, &at]);
    assert!(present("GET").to_lowercase().contains(&format!("authorization: dpop {}", token.to_lowercase())));
    assert_eq!(send(&server, "GET", USERINFO, &present("GET")), 200);
    assert_eq!(send(&server, "GET", USERINFO, &present("POST")), 401, "the proof is for another method");
    let alone = format!("authorization: DPoP {token}");
    assert_eq!(send(&server, "GET", USERINFO, &alone), 401);
    assert_eq!(send(&server, "GET", USERINFO, &format!("authorization: {}", bearer(&token))), 401);

    let next: Value = serde_json::from_str(&said(tokens, &["token", "--json", "--not", &token])).unwrap();
    let next = next["access_token"].as_str().unwrap();
    assert!(
        next != token && server.service().introspect(next)["cnf"]["jkt"] == key,
        "the refresh has used the same key"
    );
    said(tokens, &["logout"]);
    assert!(!server.service().is_active(next));
}

// RFC 8705 §2.1, §3.
#[test]
fn a_client_with_a_certificate_has_tokens_that_are_bound_to_it() {
    let (world, folder) = (World::new("held-mtls"), tempfile::tempdir().unwrap());
    world.apply(
        &json!([{"client_id": "named", "client_name": "Named", "grant_types": ["client_credentials"], "scope": "read",
        "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=The client",
        "tls_client_certificate_bound_access_tokens": true}]),
    );
    for (name, made) in [("right", &world.issued), ("wrong", &world.stranger)] {
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            BASE64_STANDARD.encode(&made.certificate)
        );
        fs::write(world.folder.join(format!("{name}.pem")), pem).unwrap();
        fs::write(world.folder.join(format!("{name}.key")), &made.key).unwrap();
    }
    let file = |name: &str| world.folder.join(name).display().to_string();
    let ask = |name: &str| {
        let (pem, key, ca) = (file(&format!("{name}.pem")), file(&format!("{name}.key")), file("server.pem"));
        let words = ["token", "--own", "--issuer", &world.issuer, "--client-id", "named", "--scope", "read"];
        let more = ["--certificate", &pem, "--certificate-key", &key, "--ca-file", &ca];
        firman(folder.path(), &[&words[..], &more].concat()).output().unwrap()
    };
    let refused = ask("wrong");
    assert_eq!(refused.status.code(), Some(5), "{}", String::from_utf8_lossy(&refused.stderr));
    let printed = ask("right");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let token = String::from_utf8(printed.stdout).unwrap().trim_end().to_owned();
    let form = format!("client_id=named&token={token}");
    let (_, told) = world.post("/oauth2/introspect", Some(&world.issued), &form);
    assert!(told["active"] == true && told["cnf"]["x5t#S256"].is_string(), "{told}");
}

#[test]
fn a_token_that_is_weakened_offline_opens_less_at_a_guard() {
    let guarded = Guarded::start("held-weaker", "opaque", None, &["--to", &service()]);
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path();
    let more = ["--resource", &guarded.resource, "--scope", "books.read books.write"];
    let token = said_by(own(&guarded.server, tokens, &more));
    let status = |token: &str, path: &str| guarded.get(path, &[("authorization", &bearer(token))]).status;
    assert_eq!((status(&token, "/v1/books/7"), status(&token, "/v1/write")), (200, 200));
    // A folder without tokens, and no server named: nobody could be asked.
    let weaken = |words: &[&str]| said(Path::new("/nonexistent"), &[&["token", "attenuate"][..], words].concat());
    let weak = weaken(&[&token, "--scope", "books.read", "--path", "/v1/books", "--before", "10m"]);
    assert_eq!((status(&weak, "/v1/books/7"), status(&weak, "/v1/write")), (200, 403));
    let weaker = weaken(&[&weak, "--path", "/v1/books/7", "--method", "GET"]);
    assert_eq!((status(&weaker, "/v1/books/7"), status(&weaker, "/v1/books/8")), (200, 403));
    let over = weaken(&[&weak, "--before", "1000000000"]);
    assert_eq!(status(&over, "/v1/books/7"), 401);
    assert_eq!(status(&token, "/v1/write"), 200, "what it was made from is as it was");
}

/// A session of a desktop with a keyring that is open, in which a script runs.
const SESSION: &str = "eval \"$(printf pw | \"$KEYRING\" --unlock --components=secrets | sed 's/^/export /')\"\n";

#[test]
fn the_key_of_the_tokens_is_in_the_keyring_of_the_desktop() {
    let Some(keyring) = engine("FIRMAN_TEST_KEYRING") else { return };
    let server = Server::start("held-keyring");
    let (desktop, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let run = |script: &str| {
        let mut session = Command::new("dbus-run-session");
        session.args(["--", "sh", "-c", &format!("{SESSION}{script}")]);
        session.env("HOME", desktop.path()).env("XDG_RUNTIME_DIR", desktop.path()).env("KEYRING", &keyring);
        session.env("FIRMAN", env!("CARGO_BIN_EXE_firman")).env("FIRMAN_TOKENS", folder.path());
        session.env("ISSUER", &server.ready.issuer).env("CLIENT", &server.ready.service_client_id);
        session.env("FIRMAN_CLIENT_SECRET", &server.ready.service_client_secret).stdin(Stdio::null());
        let output = session.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let ask = "\"$FIRMAN\" token --own --issuer \"$ISSUER\" --client-id \"$CLIENT\"\n";
    let printed = run(&format!("{ask}{ask}"));
    let lines: Vec<_> = printed.lines().collect();
    assert!(lines.len() == 2 && lines[0] == lines[1] && server.service().is_active(lines[0]), "{printed}");
    assert!(fs::read_to_string(folder.path().join("tokens.key")).unwrap().starts_with("in the keyring"));
    // The next day: another session, and the keyring opened anew.
    assert_eq!(run(ask), format!("{}\n", lines[0]));
    // Where there is no desktop nobody waits for one, and nothing is lost.
    let mut alone = firman(folder.path(), &["token"]);
    let output = alone.env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("DISPLAY").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(5) && text.contains("unlock it"), "{text}");
    assert_eq!(run(ask), format!("{}\n", lines[0]));
}

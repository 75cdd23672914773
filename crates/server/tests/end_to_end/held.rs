//! What `firman login` keeps, and `firman token` gives out: to one, to two hundred at once, and after a death in the middle.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use firman_proto::jws::{Algorithm, HeldKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;
use url::form_urlencoded::parse;

use crate::support::browser::{AuthorizationRequest, parameter};
use crate::support::engines::engine;
use crate::support::http::Http;
use crate::support::server::Server;

/// `firman` with its tokens in this folder.
pub(crate) fn firman(tokens: &Path, words: &[&str]) -> Command {
    let mut firman = Command::new(env!("CARGO_BIN_EXE_firman"));
    firman.args(words).env("FIRMAN_TOKENS", tokens).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    firman
}

/// What a command prints; it must succeed.
pub(crate) fn said(tokens: &Path, words: &[&str]) -> String {
    said_by(firman(tokens, words).spawn().unwrap())
}

pub(crate) fn said_by(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{} {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(crate) fn code(tokens: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = firman(tokens, words).spawn().unwrap().wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// `firman login --no-browser` up to the address that it prints.
pub(crate) fn begin(tokens: &Path, words: &[&str]) -> (Child, Url) {
    let mut child = firman(tokens, &[&["login", "--no-browser", "--json"], words].concat()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.as_mut().unwrap()).lines().map_while(Result::ok);
    let address = lines.by_ref().map(|line| line.trim().to_owned()).find(|line| line.starts_with("http")).unwrap();
    (child, Url::parse(&address).unwrap())
}

// RFC 7591 §3, RFC 7009 §2.1.
#[test]
fn who_signs_in_without_a_client_gets_one_and_a_token_whenever_it_is_needed() {
    let settings = [("FIRMAN__REGISTRATION__MODE", "open")];
    let (server, folder) = (Server::start_with("held", &settings), tempfile::tempdir().unwrap());
    let (tokens, issuer) = (folder.path(), server.ready.issuer.as_str());
    for _ in 0..2 {
        let (login, address) = begin(tokens, &["--issuer", issuer]);
        let request = AuthorizationRequest { url: address, ..AuthorizationRequest::new(&server) };
        let callback = server.browser().authorize(&request);
        assert_eq!(server.http.get(callback.as_str()).status, 200);
        let signed_in: Value = serde_json::from_str(&said_by(login)).unwrap();
        assert!(signed_in["subject"].is_string() && signed_in["refresh_token"].is_string(), "{signed_in}");
    }
    let clients = crate::support::cli::Cli::on(server.folder()).json(&["client", "list"]).to_string();
    assert_eq!(clients.matches("\"firman\"").count(), 1, "one client for both: {clients}");

    let token = said(tokens, &["token"]);
    assert_eq!(said(tokens, &["token", "--issuer", issuer, "--scope", "openid"]), token);
    let facts = server.service().introspect(&token);
    assert_eq!(facts["active"], true, "{facts}");
    let weak = said(tokens, &["token", "attenuate", "--scope", "openid", "--before", "10m"]);
    let facts = server.service().introspect(&weak);
    assert_eq!((&facts["active"], &facts["scope"]), (&json!(true), &json!("openid")));
    let weaker = said(tokens, &["token", "attenuate", &weak, "--path", "/v1/books"]);
    assert!(!server.service().is_active(&weaker), "this asker enforces no paths");

    let next = said(tokens, &["token", "--not", &token]);
    assert!(next != token && server.service().is_active(&next));
    let (more, text) = code(tokens, &["token", "--scope", "books.burn"]);
    assert!(more == Some(5) && text.contains("allow that too"), "{text}");
    assert_eq!(code(tokens, &["token", "--issuer", "https://other.example"]).0, Some(4));

    said(tokens, &["logout"]);
    assert!(!server.service().is_active(&next) && !server.service().is_active(&token));
    assert_eq!(code(tokens, &["token"]).0, Some(4));
    for entry in std::fs::read_dir(tokens).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(20).any(|part| token.as_bytes().starts_with(part)));
    }
}

/// A server whose access tokens have ended before they come, that takes each refresh token once, and that answers when it is let.
struct Once {
    issuer: String,
    gate: Arc<(Mutex<Gate>, Condvar)>,
    arrived: Receiver<()>,
}

#[derive(Default)]
struct Gate {
    /// Questions to the token endpoint wait.
    shut: bool,
    /// What was presented, in order.
    refreshed: Vec<String>,
    /// How many refresh tokens were given.
    given: u32,
    /// Whether access tokens are good from the next on.
    good: bool,
    /// Which of the questions comes to nothing.
    lost: Option<usize>,
    /// How often it was asked what it says of itself.
    described: u32,
    /// What it signs ID tokens with, if it gives any, and the nonce in them.
    signer: Option<HeldKey>,
    nonce: Option<String>,
    /// How often it was asked for its keys.
    keys_asked: u32,
}

impl Once {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let gate: Arc<(Mutex<Gate>, Condvar)> = Arc::default();
        let (arrives, arrived) = channel();
        let once = Self { issuer: issuer.clone(), gate: Arc::clone(&gate), arrived };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (issuer, gate, arrives) = (issuer.clone(), Arc::clone(&gate), arrives.clone());
                thread::spawn(move || answer(&stream, &issuer, &gate, &arrives));
            }
        });
        once
    }

    fn with<T>(&self, edit: impl FnOnce(&mut Gate) -> T) -> T {
        let outcome = edit(&mut self.gate.0.lock().unwrap());
        self.gate.1.notify_all();
        outcome
    }

    /// Somebody has signed in, and the access token has ended already.
    fn signed_in(&self, tokens: &Path) {
        let (login, address) = begin(tokens, &["--issuer", &self.issuer, "--client-id", "app"]);
        let mut back = Url::parse(&parameter(&address, "redirect_uri").unwrap()).unwrap();
        back.query_pairs_mut().append_pair("code", "c").append_pair("state", &parameter(&address, "state").unwrap());
        self.with(|gate| gate.nonce = parameter(&address, "nonce"));
        assert_eq!(Http::new().get(back.as_str()).status, 200);
        said_by(login);
        self.with(|gate| gate.good = true);
    }
}

fn answer(stream: &TcpStream, issuer: &str, gate: &(Mutex<Gate>, Condvar), arrives: &Sender<()>) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).unwrap_or_default();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or_default() == 0 || header == "\r\n" {
            break;
        }
        let lower = header.to_ascii_lowercase();
        length = lower.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap_or_default();
    let form: HashMap<_, _> = parse(&body).into_owned().collect();
    let (status, body) = match path.as_str() {
        "/token" => token(&form, issuer, gate, arrives),
        "/jwks" => {
            let mut open = gate.0.lock().unwrap();
            open.keys_asked += 1;
            ("200 OK", json!({"keys": open.signer.iter().map(HeldKey::jwk).collect::<Vec<_>>()}))
        }
        "/.well-known/openid-configuration" => {
            let at = |path: &str| format!("{issuer}{path}");
            let document = json!({"issuer": issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
                "jwks_uri": at("/jwks"), "scopes_supported": ["openid", "offline_access"],
                "id_token_signing_alg_values_supported": ["ES256"]});
            gate.0.lock().unwrap().described += 1;
            ("200 OK", document)
        }
        _ => ("404 Not Found", json!({})),
    };
    let (body, mut stream) = (body.to_string(), stream);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}",
        body.len()
    );
    let _ = write!(stream, "{head}\r\n\r\n{body}");
}

fn token(
    form: &HashMap<String, String>,
    issuer: &str,
    gate: &(Mutex<Gate>, Condvar),
    arrives: &Sender<()>,
) -> (&'static str, Value) {
    let mut open = gate.0.lock().unwrap();
    if let Some(presented) = form.get("refresh_token") {
        open.refreshed.push(presented.clone());
        let number = open.refreshed.len();
        let _ = arrives.send(());
        while open.shut {
            open = gate.1.wait(open).unwrap();
        }
        if open.lost == Some(number) {
            return ("500 Internal Server Error", json!({}));
        }
        if *presented != format!("rt-{}", open.given) {
            open.given = u32::MAX;
            return ("400 Bad Request", json!({"error": "invalid_grant"}));
        }
    }
    open.given += 1;
    let (expires_in, number) = (if open.good { 300 } else { 0 }, open.given);
    let (access, refresh) = (format!("at-{number}"), format!("rt-{number}"));
    let mut body =
        json!({"access_token": access, "token_type": "Bearer", "expires_in": expires_in, "refresh_token": refresh});
    if let Some(signer) = &open.signer {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims =
            json!({"iss": issuer, "sub": "alice", "aud": "app", "nonce": open.nonce, "iat": now, "exp": now + 300});
        body["id_token"] = signer.sign(&claims).unwrap().into();
    }
    ("200 OK", body)
}

// RFC 6749 §6.
#[test]
fn of_200_processes_that_need_a_token_at_once_one_renews_it() {
    let (once, folder) = (Once::start(), tempfile::tempdir().unwrap());
    once.signed_in(folder.path());
    let all: Vec<_> = (0..200).map(|_| firman(folder.path(), &["token"]).spawn().unwrap()).collect();
    for process in all {
        assert_eq!(said_by(process), "at-2");
    }
    assert_eq!(once.with(|gate| gate.refreshed.clone()), ["rt-1"]);
    // RFC 9111 §4.2: what the server says of itself was kept by who signed in.
    assert_eq!(once.with(|gate| gate.described), 1);
}

// OpenID Connect Core §10.1.1, RFC 9111 §4.2.
#[test]
fn the_keys_of_a_server_are_kept_between_commands() {
    let (once, folder) = (Once::start(), tempfile::tempdir().unwrap());
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let signer = HeldKey::from_pkcs8(Algorithm::ES256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    once.with(|gate| gate.signer = Some(signer));
    once.signed_in(folder.path());
    assert_eq!(said(folder.path(), &["token"]), "at-2");
    assert_eq!(said(folder.path(), &["token", "--not", "at-2"]), "at-3");
    assert_eq!(said(folder.path(), &["token", "--not", "-is-no-option"]), "at-3");
    let (described, keys_asked) = once.with(|gate| (gate.described, gate.keys_asked));
    assert_eq!((described, keys_asked), (1, 1), "three ID tokens of three commands were verified");
}

// RFC 6749 §6.
#[test]
fn who_dies_while_renewing_leaves_it_to_another() {
    let (once, folder) = (Once::start(), tempfile::tempdir().unwrap());
    once.signed_in(folder.path());
    once.with(|gate| gate.shut = true);
    let mut first = firman(folder.path(), &["token"]).spawn().unwrap();
    once.arrived.recv().unwrap();
    // It has the lock, and has asked.
    let others: Vec<_> = (0..50).map(|_| firman(folder.path(), &["token"]).spawn().unwrap()).collect();
    first.kill().unwrap();
    first.wait().unwrap();
    once.arrived.recv().unwrap();
    once.with(|gate| {
        assert_eq!(gate.refreshed, ["rt-1", "rt-1"], "one took over, and the others wait");
        // Nobody waits for what the first has asked.
        gate.lost = Some(1);
        gate.shut = false;
    });
    let printed: Vec<_> = others.into_iter().map(said_by).collect();
    assert!(printed.iter().all(|token| *token == printed[0]), "{printed:?}");
    assert_eq!(once.with(|gate| gate.refreshed.len()), 2);
}

#[test]
fn a_token_that_is_not_to_be_had_says_why_by_its_code() {
    let (once, folder) = (Once::start(), tempfile::tempdir().unwrap());
    let tokens = folder.path();
    assert_eq!(code(tokens, &["token"]).0, Some(4), "nobody is signed in");
    once.signed_in(tokens);
    once.with(|gate| gate.given = 7);
    let (dead, text) = code(tokens, &["token"]);
    assert!(dead == Some(5) && text.contains("sign in again"), "{text}");
    // A file that cannot be read is kept.
    std::fs::write(tokens.join("tokens"), "not ours").unwrap();
    let (refused, text) = code(tokens, &["token"]);
    assert!(refused == Some(5) && text.contains("tokens.refused-1"), "{text}");
    assert_eq!(std::fs::read_to_string(tokens.join("tokens.refused-1")).unwrap(), "not ours");
}

/// node-oidc-provider with rotation, for as long as the test runs.
struct Provider {
    process: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Provider {
    fn start(node: impl AsRef<std::ffi::OsStr>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser/rotation.mjs");
        let mut process = Command::new(node).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        Self { process, lines: Box::new(lines) }
    }

    fn ask(&mut self, line: &str) -> Value {
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.said()
    }

    fn said(&mut self) -> Value {
        // What it warns of is not for us.
        let line = self.lines.find(|line| line.starts_with('{')).expect("the provider lives");
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

// RFC 6749 §6, RFC 7591 §3, RFC 9700 §4.14.2.
#[test]
fn twenty_processes_at_a_provider_that_rotates_renew_once_and_keep_the_session() {
    let Some(node) = engine("FIRMAN_TEST_NODE") else { return };
    let mut provider = Provider::start(node);
    let issuer = provider.said()["issuer"].as_str().unwrap().to_owned();
    let folder: TempDir = tempfile::tempdir().unwrap();
    let tokens = folder.path();
    let (login, address) = begin(tokens, &["--issuer", &issuer, "--prompt", "consent"]);
    assert_eq!(provider.ask(&format!("sign in {address}"))["status"], 200);
    let signed_in: Value = serde_json::from_str(&said_by(login)).unwrap();
    assert_eq!(signed_in["subject"], "alice", "{signed_in}");
    let mut token = said(tokens, &["token"]);
    for round in 1..=3 {
        let all: Vec<_> = (0..20).map(|_| firman(tokens, &["token", "--not", &token]).spawn().unwrap()).collect();
        let printed: Vec<_> = all.into_iter().map(said_by).collect();
        assert!(printed.iter().all(|one| *one == printed[0] && *one != token), "{printed:?}");
        let counted = provider.ask("count");
        assert_eq!((&counted["refreshed"], &counted["revoked"]), (&json!(round), &json!(0)), "{counted}");
        token.clone_from(&printed[0]);
    }
    said(tokens, &["logout"]);
    assert!(provider.ask("count")["revoked"].as_i64().unwrap() >= 1, "the server heard of it");
}

//! `firman login`: a code flow from the terminal, with somebody at a browser.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64URL, Engine as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::support::browser::{AuthorizationRequest, parameter};
use crate::support::cli::firman;
use crate::support::http::Http;
use crate::support::secured::Secured;
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

/// `firman login` up to the address it prints.
struct Login {
    child: Child,
    address: Url,
    _tokens: TempDir,
}

impl Login {
    fn begin(words: &[&OsStr]) -> Self {
        let tokens = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_firman"))
            .args(["login", "--no-browser", "--json"])
            .args(words)
            .env("FIRMAN_TOKENS", tokens.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.as_mut().unwrap()).lines().map_while(Result::ok);
        let address = lines.by_ref().map(|line| line.trim().to_owned()).find(|line| line.starts_with("http")).unwrap();
        let address = Url::parse(&address).unwrap();
        Self { child, address, _tokens: tokens }
    }

    fn parameter(&self, name: &str) -> String {
        parameter(&self.address, name).unwrap()
    }

    /// Comes back as a browser does, with these members.
    fn come_back(&self, http: &Http, members: &[(&str, &str)]) -> u16 {
        let mut url = Url::parse(&self.parameter("redirect_uri")).unwrap();
        url.query_pairs_mut().extend_pairs(members);
        http.get(url.as_str()).status
    }

    /// How it ends, and what it says last.
    fn ends(self) -> (Option<i32>, String) {
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    fn ends_well(self) -> bool {
        self.child.wait_with_output().unwrap().status.success()
    }
}

// RFC 6749 §10.12, RFC 9207 §2.4.
#[test]
fn login_takes_no_answer_to_another_question_and_none_of_another_server() {
    let server = Server::start("login-mixed-up");
    let folder = server.folder().data();
    let login = Login::begin(&["--dir".as_ref(), folder.as_os_str()]);
    let (state, issuer) = (login.parameter("state"), &server.ready.issuer);
    for wrong in ["", "x", &state[1..]] {
        assert_eq!(login.come_back(&server.http, &[("code", "x"), ("state", wrong), ("iss", issuer)]), 400, "{wrong}");
    }
    let mixed_up = [("code", "x"), ("state", &*state), ("iss", "https://evil.example")];
    assert_eq!(login.come_back(&server.http, &mixed_up), 400);
    assert!(!login.ends_well());
}

#[test]
fn login_trusts_the_authorities_of_the_system_and_those_it_is_given() {
    let server = Secured::start("login-tls");
    let tokens = tempfile::tempdir().unwrap();
    let folder = tokens.path().to_str().unwrap();
    let words = ["login", "--no-browser", "--client-id", "x", "--issuer", &server.issuer, "--tokens", folder];
    let stranger = firman(&words.map(Into::into), "");
    assert_eq!(stranger.code, Some(6), "{}", stranger.stderr);
    assert!(stranger.stderr.contains("certificate"), "{}", stranger.stderr);

    let words = ["--client-id", "x", "--issuer", &server.issuer, "--ca-file"].map(OsStr::new);
    let login = Login::begin(&[&words, &[server.authority.as_os_str()][..]].concat());
    assert!(login.address.as_str().starts_with(&server.issuer), "{}", login.address);
    let members = [("code", "x"), ("state", &*login.parameter("state")), ("iss", &server.issuer)];
    assert_eq!(login.come_back(&Http::new(), &members), 200);
    // Nobody knows this client: the token endpoint itself has said so.
    let (code, said) = login.ends();
    assert!(code == Some(5) && said.contains("invalid_client"), "{code:?} {said}");
}

/// A server of which everything is well-formed, and something wrong.
struct Fake {
    issuer: String,
    key: EcdsaKeyPair,
    said: Arc<Mutex<HashMap<String, String>>>,
}

impl Fake {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let said: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let answers = Arc::clone(&said);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut bytes = [0; 8192];
                let length = stream.read(&mut bytes).unwrap_or(0);
                let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let body = answers.lock().unwrap().get(path).cloned().unwrap_or_default();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
                let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
            }
        });
        let fake = Self { issuer, key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), said };
        let point = fake.key.public_key().as_ref();
        fake.say(
            "/jwks",
            &json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig",
            "x": BASE64URL.encode(&point[1..33]), "y": BASE64URL.encode(&point[33..])}]}),
        );
        fake.describe(&fake.issuer);
        fake
    }

    fn say(&self, path: &str, body: &Value) {
        self.said.lock().unwrap().insert(path.to_owned(), body.to_string());
    }

    fn describe(&self, issuer: &str) {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let (authorize, token, jwks) = (at("/authorize"), at("/token"), at("/jwks"));
        self.say(
            "/.well-known/openid-configuration",
            &json!({"issuer": issuer, "authorization_endpoint": authorize,
            "token_endpoint": token, "jwks_uri": jwks, "id_token_signing_alg_values_supported": ["ES256"]}),
        );
    }

    fn sign(&self, claims: &Value) -> String {
        let part = |value: &Value| BASE64URL.encode(value.to_string());
        let input = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "k", "typ": "JWT"})), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", BASE64URL.encode(signature.as_ref()))
    }
}

// OpenID Connect Discovery §4.3.
#[test]
fn login_refuses_a_server_that_calls_itself_another() {
    let fake = Fake::start();
    fake.describe("https://evil.example");
    let tokens = tempfile::tempdir().unwrap();
    let folder = tokens.path().to_str().unwrap();
    let words = ["login", "--no-browser", "--client-id", "app", "--issuer", &fake.issuer, "--tokens", folder];
    let outcome = firman(&words.map(Into::into), "");
    assert!(
        outcome.code != Some(0) && outcome.stderr.contains("of the issuer https://evil.example"),
        "{}",
        outcome.stderr
    );
}

// OpenID Connect Core §3.1.3.7, §3.1.3.8.
#[test]
fn login_refuses_an_id_token_that_is_not_for_this_sign_in() {
    let (fake, stranger, http) = (Fake::start(), Fake::start(), Http::new());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let hash = |token: &str| BASE64URL.encode(&digest(&SHA256, token.as_bytes()).as_ref()[..16]);
    for (name, value, good) in [
        ("sub", json!("somebody"), true),
        ("iss", json!(stranger.issuer), false),
        ("aud", json!("another"), false),
        ("exp", json!(now - 61), false),
        ("nonce", json!("another"), false),
        ("nonce", Value::Null, false),
        ("at_hash", json!(hash("another")), false),
        ("signed by a stranger", Value::Null, false),
    ] {
        let login = Login::begin(&["--issuer".as_ref(), fake.issuer.as_ref(), "--client-id".as_ref(), "app".as_ref()]);
        let mut claims = json!({"iss": fake.issuer, "sub": "s", "aud": "app", "iat": now, "exp": now + 300,
            "nonce": login.parameter("nonce"), "at_hash": hash("the token"), "amr": []});
        claims[name] = value;
        let signer = if name.starts_with("signed") { &stranger } else { &fake };
        let tokens = json!({"access_token": "the token", "token_type": "Bearer", "expires_in": 300,
            "id_token": signer.sign(&claims)});
        fake.say("/token", &tokens);
        let state = login.parameter("state");
        assert_eq!(login.come_back(&http, &[("code", "c"), ("state", &state), ("iss", &fake.issuer)]), 200);
        assert_eq!(login.ends_well(), good, "{name}");
    }
}

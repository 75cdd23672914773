//! `firman guard`: before a service, beside nginx, for a client nobody here wrote; and what is revoked.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firman_proto::seal::{Caveat, attenuate};
use http::Request;
use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::client::Client;
use crate::support::engines::engine;
use crate::support::http::Answer;
use crate::support::script;
use crate::support::server::Server;

/// A service that answers with the request it got.
pub(crate) fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || echo(stream));
        }
    });
    format!("http://{address}")
}

fn echo(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{head}", head.len());
    let _ = stream.write_all(answer.as_bytes());
}

/// A process of its own with a folder, both gone in the end.
pub(crate) struct Program(Child, PathBuf);

impl Drop for Program {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.0.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.1);
        }
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server, a resource of it, and a guard before that.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    /// The resource, and the address of the guard.
    pub(crate) resource: String,
    secret: String,
    guard: String,
    _program: Program,
}

impl Guarded {
    /// `options` of `firman guard`; tokens of this format. With `at`, the resource is at another address than the guard.
    pub(crate) fn start(name: &str, format: &str, at: Option<&str>, options: &[&str]) -> Self {
        let server = Server::start(name);
        let port = free();
        let guard = format!("http://127.0.0.1:{port}");
        let resource = at.map_or_else(|| guard.clone(), str::to_owned);
        let scopes = [
            "--scope",
            "books.read books.write",
            "--token-format",
            format,
            "--enforces",
            "path",
            "--enforces",
            "method",
        ];
        let made = Cli::on(server.folder()).json(&[&["resource", "add", &resource][..], &scopes].concat());
        let secret = made["secret"].as_str().unwrap().to_owned();
        let folder = folder(&format!("{name}-guard"));
        let rules = "[[rules]]\npath = '/v1/books'\nany_of = ['books.read']\n[[rules]]\npath = '/v1/write'\nany_of = ['books.write']\n\
                     [[rules]]\npath = '/health'\nopen = true\n[[rules]]\npath = '/v1/transfers'\nacr = ['mfa']\n";
        fs::write(folder.join("guard.toml"), rules).unwrap();
        fs::write(folder.join("secret"), &secret).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_firman"))
            .current_dir(&folder)
            .args(["guard", "--json", "--file", "guard.toml", "--secret-file", "secret", "--issuer"])
            .arg(&server.ready.issuer)
            .args(["--resource", &resource, "--listen", &format!("127.0.0.1:{port}")])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(&port.to_string()), "it does not start: {line}");
        Self { server, resource, secret, guard, _program: Program(process, folder) }
    }

    fn token(&self, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("resource", self.resource.as_str()), ("scope", scope)];
        let answer = self.server.service().post("/oauth2/token", &form);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("access_token")
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(&self.server, &format!("{}{path}", self.guard), headers)
    }
}

fn get(server: &Server, url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.http.send(request.body(Vec::new()).unwrap())
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

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

/// A throwaway nginx.
fn nginx(name: &str, lines: &str, server: &Server) -> Option<(Program, String)> {
    let program = engine("FIRMAN_TEST_NGINX")?;
    let folder = folder(name);
    let home = format!("127.0.0.1:{}", free());
    let user = if rustix::process::getuid().is_root() { "user daemon;" } else { "" };
    let at = folder.display();
    let settings = format!(
        "daemon off; master_process off; {user} pid {at}/pid; error_log {at}/log;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {at}/a; proxy_temp_path {at}/b; fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;\n\
         server {{ listen {home};\n{lines}\n}}\n}}\n"
    );
    fs::write(folder.join("nginx.conf"), settings).unwrap();
    let arguments =
        ["-e".into(), folder.join("log"), "-c".into(), folder.join("nginx.conf"), "-p".into(), folder.clone()];
    let process = Command::new(program).args(arguments).stdin(Stdio::null()).spawn().unwrap();
    let mut program = Program(process, folder.clone());
    let begun = Instant::now();
    let url = format!("http://{home}");
    loop {
        if server.http.try_send(Request::get(&url).body(Vec::new()).unwrap()).is_ok() {
            return Some((program, url));
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(program.0.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(20), "nginx: {log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn beside_nginx_it_answers_for_each_request() {
    let guarded = Guarded::start("guard-nginx", "jwt", Some("http://api.example"), &["--behind", "nginx"]);
    let lines = format!(
        "location /v1/ {{ auth_request /_guard; auth_request_set $client $upstream_http_x_firman_client;\n\
         proxy_set_header X-Firman-Client $client; proxy_set_header Authorization \"\"; proxy_pass {service}; }}\n\
         location = /_guard {{ internal; proxy_pass {guard}/auth; proxy_pass_request_body off; proxy_set_header Content-Length \"\";\n\
         proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-URI $request_uri; }}",
        service = service(),
        guard = guarded.guard,
    );
    let Some((_nginx, home)) = nginx("guard-nginx-of", &lines, &guarded.server) else { return };
    let ask = |path: &str, headers: &[(&str, &str)]| get(&guarded.server, &format!("{home}{path}"), headers);
    let refused = ask("/v1/books", &[]);
    assert_eq!(refused.status, 401);
    assert!(
        refused.header("www-authenticate").contains("resource_metadata="),
        "nginx hands challenges on: {refused:?}"
    );
    let token = bearer(&guarded.token("books.read"));
    let page = ask(
        "/v1/books?x=y",
        &[("authorization", &token), ("x-original-uri", "/health"), ("x-forwarded-uri", "/health")],
    );
    assert_eq!(page.status, 200, "{page:?}");
    assert!(
        page.body.contains(&format!("x-firman-client: {}", guarded.server.ready.service_client_id)),
        "{}",
        page.body
    );
    assert!(!page.body.contains("bearer"), "{}", page.body);
    let spoofed =
        [("authorization", token.as_str()), ("x-original-uri", "/v1/books"), ("x-forwarded-uri", "/v1/books")];
    assert_eq!(ask("/v1/write", &spoofed).status, 403);
    assert_eq!(ask("/v1/nobody", &spoofed).status, 403);
    // Asked directly, without what nginx says.
    assert_eq!(guarded.get("/auth", &[("authorization", &token)]).status, 400);
    assert_eq!(guarded.get("/v1/books", &[("authorization", &token)]).status, 404);
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
    assert!(!guarded.secret.is_empty());
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

//! A server, a resource of it, and `firman guard` before that.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use http::Request;

use super::cli::Cli;
use super::http::Answer;
use super::server::{Server, free_port};

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
pub(crate) struct Program(pub(crate) Child, pub(crate) PathBuf);

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

pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A server, a resource of it, and a guard before that.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    pub(crate) resource: String,
    /// The address of the guard.
    pub(crate) guard: String,
    _program: Program,
}

impl Guarded {
    /// `options` of `firman guard`; tokens of this format. With `at`, the resource is at another address than the guard.
    pub(crate) fn start(name: &str, format: &str, at: Option<&str>, options: &[&str]) -> Self {
        let (server, port) = (Server::start(name), free_port());
        let guard = format!("http://127.0.0.1:{port}");
        let resource = at.map_or_else(|| guard.clone(), str::to_owned);
        let secret = register(&server, &resource, format);
        let program = guard_of(&server, (&resource, &secret), port, options);
        Self { server, resource, guard, _program: program }
    }

    pub(crate) fn token(&self, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("resource", self.resource.as_str()), ("scope", scope)];
        let answer = self.server.service().post("/oauth2/token", &form);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("access_token")
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(&self.server, &format!("{}{path}", self.guard), headers)
    }
}

/// A resource with two scopes that keeps all caveats; gives its secret.
pub(crate) fn register(server: &Server, resource: &str, format: &str) -> String {
    let words = ["resource", "add", resource, "--scope", "books.read books.write", "--token-format", format];
    let enforces = ["--enforces", "path", "--enforces", "method"];
    let made = Cli::on(server.folder()).json(&[&words[..], &enforces].concat());
    made["secret"].as_str().unwrap().to_owned()
}

/// A guard of it on this port.
pub(crate) fn guard_of(server: &Server, (resource, secret): (&str, &str), port: u16, options: &[&str]) -> Program {
    let folder = folder(&format!("guard-{port}"));
    let rules = "[[rules]]\npath = '/v1/books'\nany_of = ['books.read']\n[[rules]]\npath = '/v1/write'\nany_of = ['books.write']\n\
                 [[rules]]\npath = '/health'\nopen = true\n[[rules]]\npath = '/v1/transfers'\nacr = ['mfa']\n";
    fs::write(folder.join("guard.toml"), rules).unwrap();
    fs::write(folder.join("secret"), secret).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_firman"))
        .current_dir(&folder)
        .args(["guard", "--json", "--file", "guard.toml", "--secret-file", "secret", "--issuer"])
        .arg(&server.ready.issuer)
        .args(["--resource", resource, "--listen", &format!("127.0.0.1:{port}")])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains(&port.to_string()), "it does not start: {line}");
    Program(process, folder)
}

/// A GET with these headers.
pub(crate) fn get(server: &Server, url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.http.send(request.body(Vec::new()).unwrap())
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

//! `firman guard` beside proxies that ask it about each request.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use http::Request;

use crate::support::engines::engine;
use crate::support::guarded::{Guarded, Program, bearer, folder, get, service};
use crate::support::http::Answer;
use crate::support::server::{Server, free_port};

/// What the guard tells of whom it lets through.
const TOLD: [&str; 5] = ["x-firman-subject", "x-firman-client", "x-firman-scope", "x-firman-acr", "x-firman-issuer"];

/// A throwaway nginx.
fn nginx(name: &str, lines: &str, server: &Server) -> Option<(Program, String)> {
    let program = engine("FIRMAN_TEST_NGINX")?;
    let folder = folder(name);
    let home = format!("127.0.0.1:{}", free_port());
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
    Some((started(Program(process, folder.clone()), &home, &folder.join("log"), server), format!("http://{home}")))
}

/// A proxy that answers.
fn started(mut program: Program, home: &str, log: &Path, server: &Server) -> Program {
    let begun = Instant::now();
    while server.http.try_send(Request::get(format!("http://{home}")).body(Vec::new()).unwrap()).is_err() {
        let log = fs::read_to_string(log).unwrap_or_default();
        assert!(program.0.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(20), "{log}");
        std::thread::sleep(Duration::from_millis(10));
    }
    program
}

#[test]
fn beside_nginx_it_answers_for_each_request() {
    let guarded = Guarded::start("guard-nginx", "jwt", Some("http://api.example"), &["--behind", "nginx"]);
    let lines = format!(
        "location /v1/ {{ auth_request /_guard; {told} proxy_set_header Authorization \"\"; proxy_pass {service}; }}\n\
         location = /_guard {{ internal; proxy_pass {guard}/auth; proxy_pass_request_body off; proxy_set_header Content-Length \"\";\n\
         proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-URI $request_uri; }}",
        told = TOLD.map(nginx_hands_on).concat(),
        service = service(),
        guard = guarded.guard,
    );
    let Some((_nginx, home)) = nginx("guard-nginx-of", &lines, &guarded.server) else { return };
    let ask = |path: &str, headers: &[(&str, &str)]| get(&guarded.server, &format!("{home}{path}"), headers);
    only_who_may(&guarded, "x-original-uri", ask);
}

#[test]
fn beside_caddy_it_answers_for_each_request() {
    let guarded = Guarded::start("guard-caddy", "jwt", Some("http://api.example"), &["--behind", "caddy"]);
    let Some((_caddy, home)) = caddy("guard-caddy-of", &guarded) else { return };
    let ask = |path: &str, headers: &[(&str, &str)]| get(&guarded.server, &format!("{home}{path}"), headers);
    only_who_may(&guarded, "x-forwarded-uri", ask);
}

/// What holds behind every proxy.
fn only_who_may(guarded: &Guarded, proxys_own: &str, ask: impl Fn(&str, &[(&str, &str)]) -> Answer) {
    let refused = ask("/v1/books", &[]);
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").contains("resource_metadata="), "challenges are handed on: {refused:?}");
    let token = bearer(&guarded.token("books.read"));
    let claimed: Vec<_> = TOLD.into_iter().chain(["x_firman_scope"]).map(|name| (name, "root")).collect();
    let spoofed = [("authorization", &*token), ("x-original-uri", "/health"), ("x-forwarded-uri", "/health")];
    let page = ask("/v1/books?x=y", &[&spoofed[..], &claimed].concat());
    assert_eq!(page.status, 200, "{page:?}");
    let client = format!("x-firman-client: {}", guarded.server.ready.service_client_id);
    assert!(page.body.contains(&client), "{}", page.body);
    for never in ["bearer", "root"] {
        assert!(!page.body.contains(never), "{never}: {}", page.body);
    }
    let spoofed = [("authorization", &*token), ("x-original-uri", "/v1/books"), ("x-forwarded-uri", "/v1/books")];
    assert_eq!(ask("/v1/write", &spoofed).status, 403);
    assert_eq!(ask("/v1/nobody", &spoofed).status, 403);
    // Asked directly, without what the proxy says.
    assert_eq!(guarded.get("/auth", &[("authorization", &token)]).status, 400);
    let half = [("authorization", &*token), (proxys_own, "/v1/books")];
    assert_eq!(guarded.get("/auth", &half).status, 400);
    assert_eq!(guarded.get("/v1/books", &[("authorization", &token)]).status, 404);
}

/// A throwaway Caddy.
fn caddy(name: &str, guarded: &Guarded) -> Option<(Program, String)> {
    let program = engine("FIRMAN_TEST_CADDY")?;
    let folder = folder(name);
    let home = format!("127.0.0.1:{}", free_port());
    let settings = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://{home} {{\n\troute /v1/* {{\n\t\trequest_header -X-Firman-*\n\t\trequest_header -X_Firman_*\n\
         \t\tforward_auth {guard} {{\n\t\t\turi /auth\n\t\t\tcopy_headers {told}\n\t\t}}\n\
         \t\treverse_proxy {service} {{\n\t\t\theader_up -Authorization\n\t\t}}\n\t}}\n}}\n",
        guard = guarded.guard.trim_start_matches("http://"),
        told = TOLD.join(" "),
        service = service().trim_start_matches("http://"),
    );
    fs::write(folder.join("Caddyfile"), settings).unwrap();
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(program);
    command.args(["run", "--config"]).arg(folder.join("Caddyfile"));
    command.env("HOME", &folder).env("XDG_DATA_HOME", &folder).env("XDG_CONFIG_HOME", &folder);
    let process = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
    let program = started(Program(process, folder.clone()), &home, &folder.join("log"), &guarded.server);
    Some((program, format!("http://{home}")))
}

/// The lines with which nginx hands on what the guard tells; whatever a client says in its place is taken off.
fn nginx_hands_on(name: &str) -> String {
    let variable = name.replace('-', "_");
    format!("auth_request_set ${variable} $upstream_http_{variable}; proxy_set_header {name} ${variable};\n")
}

//! Resource servers over HTTP: registered by command, told about tokens for them, by credentials, by token, and signed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::client::{Client, basic};
use crate::support::engines::engine;
use crate::support::http::{Answer, Http, form_request};
use crate::support::script;
use crate::support::server::Server;

const API: &str = "https://api.example";
const SIGNED: &str = "application/token-introspection+jwt";

fn part(token: &str, place: usize) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(place).unwrap()).unwrap()).unwrap()
}

// RFC 9701 §4, §5.
#[test]
fn a_resource_is_registered_by_command_and_asks_about_tokens_for_it() {
    let server = Server::start("resources");
    let cli = Cli::on(server.folder());
    let made = cli.json(&["resource", "add", API, "--scope", "books.read", "--token-format", "jwt"]);
    let secret = made["secret"].as_str().unwrap().to_owned();
    let api = Client::new(&server, API, &secret);
    let service = server.service();

    let asked = [("grant_type", "client_credentials"), ("resource", "https://API.example/")];
    let answer = service.post("/oauth2/token", &asked);
    assert_eq!((answer.status, answer.text("scope").as_str()), (200, "books.read"), "{answer:?}");
    let token = answer.text("access_token");
    assert_eq!(part(&token, 0)["typ"], "at+jwt");
    assert_eq!((&part(&token, 1)["aud"], &part(&token, 1)["scope"]), (&json!(API), &json!("books.read")));
    let told = api.introspect(&token);
    assert_eq!((&told["aud"], &told["client_id"]), (&json!([API]), &json!(server.ready.service_client_id)));
    assert!(!api.is_active(&service.client_credentials().text("access_token")), "a token for the server itself");

    let mut request = api.request("/oauth2/introspect", &[("token", &token)]);
    request.headers_mut().insert(ACCEPT, format!("{SIGNED}, application/json;q=0.1").parse().unwrap());
    let signed = server.http.send(request);
    assert_eq!(
        (signed.status, signed.header("content-type"), signed.header("cache-control")),
        (200, SIGNED, "no-store")
    );
    assert_eq!(part(&signed.body, 0)["typ"], "token-introspection+jwt");
    assert_eq!((&part(&signed.body, 1)["aud"], &part(&signed.body, 1)["token_introspection"]), (&json!(API), &told));

    let unknown = [("grant_type", "client_credentials"), ("resource", "https://other.example")];
    assert_eq!(service.post("/oauth2/token", &unknown).refusal(), (400, "invalid_target".to_owned()));
    let malformed = [("grant_type", "client_credentials"), ("resource", "api")];
    assert_eq!(service.post("/oauth2/token", &malformed).refusal(), (400, "invalid_target".to_owned()));
    assert_eq!(Client::new(&server, API, "wrong").post("/oauth2/introspect", &[("token", "x")]).status, 401);

    assert_eq!(api.revoke(&token).status, 200);
    assert!(!api.is_active(&token) && !service.is_active(&token));
}

#[test]
fn a_resource_is_listed_edited_given_a_new_secret_and_removed() {
    let server = Server::start("cli-resource");
    let cli = Cli::on(server.folder());
    let made = cli.json(&["resource", "add", API, "--name", "Books", "--no-secret"]);
    assert_eq!((&made["name"], made.get("secret")), (&json!("Books"), None));
    assert_eq!(cli.run(&["resource", "add", "https://API.example/"], "").code, Some(5), "registered already");
    assert_eq!(cli.run(&["resource", "add", "api"], "").code, Some(5));
    cli.json(&["resource", "edit", API, "--scope", "books.read", "--enforces", "path", "--access-token-seconds", "60"]);
    let shown = cli.json(&["resource", "edit", API, "--disable"]);
    let expected = (&json!("books.read"), &json!(["path"]), &json!(60), &json!(false));
    assert_eq!((&shown["scope"], &shown["enforces"], &shown["access_token_seconds"], &shown["enabled"]), expected);
    let shown = cli.json(&["resource", "edit", API, "--enable", "--enforces", "none", "--access-token-seconds", "0"]);
    assert_eq!(
        (&shown["enabled"], &shown["enforces"], &shown["access_token_seconds"]),
        (&json!(true), &json!([]), &Value::Null)
    );
    let rotated = cli.json(&["resource", "rotate-secret", API]);
    let secret = rotated["secret"].as_str().unwrap();
    assert!(!cli.json(&["resource", "show", API]).to_string().contains(secret), "a secret is shown once");
    assert_eq!(cli.json(&["resource", "list"]).as_array().unwrap().len(), 1);
    cli.json(&["resource", "remove", API]);
    assert_eq!(cli.run(&["resource", "show", API], "").code, Some(4));
    assert_eq!(cli.run(&["resource", "remove", API], "").code, Some(4));
}

/// A server with settings of its own. Dropping it stops it; its folder stays where the test has failed.
struct Own {
    folder: PathBuf,
    process: Child,
    url: String,
    http: Http,
}

impl Own {
    fn start(name: &str, settings: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        // The key of a server that lives for this test alone.
        fs::write(folder.join("master.key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        fs::write(folder.join("firman.toml"), format!("[server]\nissuer = \"http://127.0.0.1:9\"\n{settings}"))
            .unwrap();
        let mut process =
            firman(&folder).args(["serve", "--json", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = format!("http://{}", ready["listen"].as_str().unwrap());
        Self { folder, process, url, http: Http::new() }
    }

    fn run(&self, words: &[&str]) -> Value {
        let output = firman(&self.folder).args(words).arg("--json").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn post(&self, path: &str, authorization: &str, form: &[(&str, &str)]) -> Answer {
        let mut request = form_request(&format!("{}{path}", self.url), form);
        request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        self.http.send(request)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn firman(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firman"));
    command.current_dir(folder).env("FIRMAN__SECRETS__MASTER_KEY_FILE", "master.key").stdin(Stdio::null());
    command
}

#[test]
fn whoever_holds_a_token_with_the_scope_of_the_settings_asks_and_revokes() {
    let settings = "[tokens]\nintrospect_scope = \"ask\"\nrevoke_scope = \"end\"\naccess_token_format = \"jwt\"\n\
                    [claims]\naccess_token = [\"tenant = acme\"]\nintrospection = [\"tenant = acme if read\"]\n";
    let own = Own::start("holders", settings);
    let scopes = ["--scope", "ask end read"];
    let create = [&["client", "create", "--name", "x", "--grant-type", "client_credentials"][..], &scopes].concat();
    let made = own.run(&create);
    let credentials = basic(made["client_id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let token = |scope: &str| {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        own.post("/oauth2/token", &credentials, &form).text("access_token")
    };
    let (asks, reads) = (token("ask"), token("read"));
    assert_eq!(part(&asks, 1)["tenant"], "acme");
    let bearer = |token: &str| format!("Bearer {token}");
    let told = own.post("/oauth2/introspect", &bearer(&asks), &[("token", &reads)]).json();
    assert_eq!((&told["active"], &told["tenant"]), (&json!(true), &json!("acme")));

    let refused = own.post("/oauth2/introspect", &bearer(&reads), &[("token", &asks)]);
    assert_eq!(refused.refusal(), (403, "insufficient_scope".to_owned()));
    assert!(refused.header("www-authenticate").contains("scope=\"ask\""), "{refused:?}");
    let refused = own.post("/oauth2/introspect", &bearer("x"), &[("token", &asks)]);
    assert_eq!(refused.refusal(), (401, "invalid_token".to_owned()));
    let refused = own.post("/oauth2/introspect", &format!("DPoP {asks}"), &[("token", &asks)]);
    assert_eq!(refused.refusal(), (401, "invalid_dpop_proof".to_owned()));
    let refused = own.post("/oauth2/revoke", &bearer(&asks), &[("token", &reads)]);
    assert_eq!(refused.refusal(), (403, "insufficient_scope".to_owned()));

    assert_eq!(own.post("/oauth2/revoke", &bearer(&token("end")), &[("token", &reads)]).status, 200);
    let told = own.post("/oauth2/introspect", &bearer(&asks), &[("token", &reads)]).json();
    assert_eq!(told, json!({"active": false}));
}

#[test]
fn without_a_setting_no_token_opens_introspection() {
    let server = Server::start("no-holders");
    let token = server.service().client_credentials().text("access_token");
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        let mut request = form_request(&server.url(path), &[("token", &token)]);
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        assert_eq!(server.http.send(request).refusal(), (401, "invalid_client".to_owned()), "{path}");
    }
}

#[test]
fn a_resource_server_that_nobody_here_wrote_takes_our_jwt_access_tokens() {
    let Some(node) = engine("FIRMAN_TEST_NODE") else { return };
    let server = Server::start("jwt-reader");
    let cli = Cli::on(server.folder());
    let made = cli.json(&["resource", "add", API, "--token-format", "jwt"]);
    let asked = [("grant_type", "client_credentials"), ("resource", API)];
    let answer = server.service().post("/oauth2/token", &asked);
    let mut request = Client::new(&server, API, made["secret"].as_str().unwrap())
        .request("/oauth2/introspect", &[("token", &answer.text("access_token"))]);
    request.headers_mut().insert(ACCEPT, SIGNED.parse().unwrap());
    let signed = server.http.send(request);
    let given = json!({
        "issuer": server.ready.issuer,
        "audience": API,
        "access_token": answer.text("access_token"),
        "introspection": signed.body,
    });
    let steps = script::run(node, "resource-server.mjs", &[], &given.to_string());
    assert_eq!(steps.lines().filter(|line| line.starts_with("ok  ")).count(), 3, "{steps}");
}

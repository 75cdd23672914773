//! Agents at an MCP-style resource server behind the guard: found, registered, allowed, stepped up, and delegated to.

#[path = "../../../client/examples/mcp.rs"]
#[allow(unreachable_pub, reason = "an example is a program of its own")]
mod mcp;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use firman_client::guard::Guard;
use firman_client::over_reqwest::OverReqwest;
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::time::Timestamp;
use firman_store::Clock;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::browser::{AuthorizationRequest, Browser, parameter};
use crate::support::certificates::serve_file;
use crate::support::guarded::register;
use crate::support::http::Answer;
use crate::support::server::Server;

/// The clock of the machine, or another.
#[derive(Default)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        match self.0.load(Ordering::Relaxed) {
            0 => firman_client::world::System.now(),
            millis => Timestamp::from_millis(millis),
        }
    }
}

/// A server of books for agents, in a thread of its own.
struct Books {
    server: Server,
    resource: String,
    clock: Arc<Hands>,
}

impl Books {
    /// With these settings beside the scopes that agents may have.
    fn start(name: &str, settings: &[(&str, &str)]) -> Self {
        let scope = ("FIRMAN__REGISTRATION__SCOPE", "books.read books.write");
        let server = Server::start_with(name, &[&[scope], settings].concat());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let resource = format!("http://{}", listener.local_addr().unwrap());
        let secret = register(&server, &resource, "opaque");
        let (issuer, clock) = (server.ready.issuer.clone(), Arc::new(Hands::default()));
        let (at, hands) = (resource.clone(), Arc::clone(&clock));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let transport = Arc::new(OverReqwest::new(reqwest::Client::builder().no_proxy()).unwrap());
                let guard = Guard::of(&at, issuer).clock(hands).asks(transport, &at, secret).build().unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, mcp::app(&guard)).await.unwrap();
            });
        });
        Self { server, resource, clock }
    }

    fn call(&self, token: &str, method: &str, params: &Value) -> Answer {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let mut request = Request::post(format!("{}/mcp", self.resource)).header(CONTENT_TYPE, "application/json");
        if !token.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.server.http.send(request.body(body.into_bytes()).unwrap())
    }

    fn tool(&self, token: &str, name: &str) -> Answer {
        self.call(token, "tools/call", &json!({ "name": name }))
    }

    /// Signs the person in and gives the agent what it asks for.
    fn token(&self, browser: &mut Browser<'_>, client: &str, scope: &str, more: &[(&str, &str)]) -> String {
        let mut request =
            AuthorizationRequest::new(&self.server).with("client_id", Some(client)).with("scope", Some(scope));
        for (name, value) in [("resource", self.resource.as_str())].iter().chain(more) {
            request = request.and(name, value);
        }
        let callback = browser.authorize(&request);
        let code = parameter(&callback, "code").unwrap_or_else(|| panic!("no code in {callback}"));
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code.as_str()),
            ("redirect_uri", &request.redirect_uri),
            ("code_verifier", &request.verifier),
        ];
        let answer = self.server.http.post(&self.server.url("/oauth2/token"), &form);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("access_token")
    }
}

fn of_challenge<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let told = answer.header("www-authenticate");
    told.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split_once('"')).map_or("", |(value, _)| value)
}

fn auth_time(books: &Books, token: &str) -> i64 {
    books.server.service().introspect(token)["auth_time"].as_i64().unwrap_or_default()
}

// RFC 9728 §5.1, RFC 7591 §3.1, RFC 8707 §2, RFC 9470 §3, §4.
#[test]
fn an_agent_finds_registers_asks_steps_up_and_delegates_less() {
    let books = Books::start("agents", &[("FIRMAN__REGISTRATION__MODE", "open")]);
    // It knows the address of the server, and nothing else.
    let refused = books.call("", "initialize", &json!({}));
    assert_eq!(refused.status, 401);
    let said = books.server.http.get(of_challenge(&refused, "resource_metadata")).json();
    assert_eq!(said["resource"], books.resource.as_str());
    let issuer = said["authorization_servers"][0].as_str().unwrap();
    let metadata = books.server.http.get(&format!("{issuer}/.well-known/oauth-authorization-server")).json();
    assert_eq!(metadata["issuer"], issuer);

    let wanted = json!({"redirect_uris": [books.server.ready.redirect_uri], "client_name": "An agent",
        "token_endpoint_auth_method": "none", "scope": "books.read books.write"});
    let request =
        Request::post(metadata["registration_endpoint"].as_str().unwrap()).header(CONTENT_TYPE, "application/json");
    let made = books.server.http.send(request.body(wanted.to_string().into_bytes()).unwrap());
    assert_eq!(made.status, 201, "{made:?}");
    let agent = made.text("client_id");

    let mut browser = books.server.browser();
    let token = books.token(&mut browser, &agent, "books.read", &[]);
    assert_eq!(books.call(&token, "initialize", &json!({})).json()["result"]["serverInfo"]["name"], "books");
    assert!(books.tool(&token, "list_books").body.contains("list_books for "));
    let lacking = books.tool(&token, "buy_book");
    assert_eq!((lacking.status, of_challenge(&lacking, "scope")), (403, "books.write"), "{lacking:?}");

    // The scope that was missing; then the sign-in that is too old.
    let token = books.token(&mut browser, &agent, "books.read books.write", &[]);
    assert_eq!(books.tool(&token, "buy_book").status, 200);
    let old = auth_time(&books, &token);
    let too_late = (old + mcp::FRESH.seconds() + 30 + 1) * 1000;
    books.clock.0.store(too_late, Ordering::Relaxed);
    let stale = books.tool(&token, "buy_book");
    assert_eq!((stale.status, of_challenge(&stale, "error")), (401, "insufficient_user_authentication"), "{stale:?}");
    assert_eq!(of_challenge(&stale, "max_age"), "60");
    assert_eq!(books.tool(&token, "list_books").status, 200, "the other tool asks for no more");
    // Signing in again is a second later at least, by the clock of the server.
    let fresh = loop {
        books.clock.0.store(0, Ordering::Relaxed);
        let fresh = books.token(&mut browser, &agent, "books.read books.write", &[("prompt", "login")]);
        if auth_time(&books, &fresh) > old {
            break fresh;
        }
    };
    books.clock.0.store(too_late, Ordering::Relaxed);
    assert_eq!((books.tool(&fresh, "buy_book").status, books.tool(&token, "buy_book").status), (200, 401));
    books.clock.0.store(0, Ordering::Relaxed);

    // A sub-agent gets less, offline: one scope, this path, a little while.
    let soon = format!("before = {}", firman_client::world::System.now().seconds() + 60);
    let less = ["scope = books.read", "path = /mcp", &soon];
    let weaker =
        less.iter().fold(fresh.clone(), |token, text| attenuate(&token, &Caveat::parse(text).unwrap()).unwrap());
    assert_eq!(books.tool(&weaker, "list_books").status, 200);
    let beyond = books.tool(&weaker, "buy_book");
    assert_eq!((beyond.status, of_challenge(&beyond, "error")), (403, "insufficient_scope"));
    let elsewhere = attenuate(&fresh, &Caveat::parse("path = /other").unwrap()).unwrap();
    assert_eq!(books.tool(&elsewhere, "list_books").status, 403);
    // What is handed on ends with what it was made of.
    let form = [("token", fresh.as_str()), ("client_id", agent.as_str())];
    assert_eq!(books.server.http.post(&books.server.url("/oauth2/revoke"), &form).status, 200);
    // Later than answers are remembered.
    books.clock.0.store(too_late + 11_000, Ordering::Relaxed);
    assert_eq!((books.tool(&fresh, "list_books").status, books.tool(&weaker, "list_books").status), (401, 401));
}

// OAuth Client ID Metadata Document §3, §4; RFC 8707 §2.
#[test]
fn an_agent_that_nobody_has_registered_brings_the_address_of_its_document() {
    let file = serve_file("/agent.json");
    let authority = std::env::temp_dir().join(format!("firman-agents-{}.pem", std::process::id()));
    std::fs::write(&authority, &file.authority).unwrap();
    let books = Books::start(
        "agents-document",
        &[
            ("FIRMAN__REGISTRATION__DOCUMENT_HOSTS", "localhost"),
            ("FIRMAN__FETCH__ALLOW_NETWORKS", "127.0.0.1,::1"),
            ("FIRMAN__FETCH__CA_FILE", authority.to_str().unwrap()),
        ],
    );
    std::fs::remove_file(&authority).unwrap();
    let said = json!({"client_id": file.url, "client_name": "An agent", "redirect_uris": [books.server.ready.redirect_uri],
        "token_endpoint_auth_method": "none", "scope": "books.read"});
    *file.text.lock().unwrap() = said.to_string();
    let refused = books.call("", "initialize", &json!({}));
    let metadata = books.server.http.get(of_challenge(&refused, "resource_metadata")).json();
    let issuer = metadata["authorization_servers"][0].as_str().unwrap();
    let metadata = books.server.http.get(&format!("{issuer}/.well-known/oauth-authorization-server")).json();
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    let token = books.token(&mut books.server.browser(), &file.url, "books.read", &[]);
    assert!(books.tool(&token, "list_books").body.contains("list_books for "));
    assert_eq!(books.tool(&token, "buy_book").status, 403, "its document asks for no more");
}

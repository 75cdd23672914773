//! `firman guard` and tokens that are bound to certificates: where it ends TLS itself, and where a front does.

use std::fs;

use http::Request;
use serde_json::json;

use crate::support::certificates::{Made, agent, self_signed};
use crate::support::cli::Cli;
use crate::support::guarded::{bearer, folder, get, guard_of, register, service};
use crate::support::server::{Server, free_port};

const RESOURCE: &str = "https://api.example";

/// A server that takes certificates from a front on this machine, and a client whose tokens are bound to its own.
fn server(own: &Made) -> Server {
    let front = [("FIRMAN__MTLS__FRONT_HEADER", "client-cert"), ("FIRMAN__MTLS__FRONTS", "127.0.0.1")];
    let server = Server::start_with("guard-certificates", &front);
    let client = json!({"client_id": "bound", "client_name": "Bound", "grant_types": ["client_credentials"], "scope": "books.read",
        "token_endpoint_auth_method": "self_signed_tls_client_auth", "tls_client_certificate_bound_access_tokens": true,
        "jwks": {"keys": [own.jwk()]}});
    let file = server.folder().file("clients.json", &json!({"clients": [client]}).to_string());
    Cli::on(server.folder()).json(&["client", "apply", file.to_str().unwrap()]);
    server
}

fn token(server: &Server, own: &Made) -> String {
    let form = format!("grant_type=client_credentials&client_id=bound&resource={RESOURCE}");
    let request = Request::post(server.url("/oauth2/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("client-cert", own.header());
    let answer = server.http.send(request.body(form.into_bytes()).unwrap());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("access_token")
}

// RFC 8705 §3, RFC 9440 §2.
#[test]
fn a_token_of_a_certificate_is_let_through_beside_that_certificate_alone() {
    let (own, other) = (self_signed("client.example"), self_signed("client.example"));
    let server = server(&own);
    let secret = register(&server, RESOURCE, "jwt");
    let (to, token) = (service(), bearer(&token(&server, &own)));
    let home = folder("guard-tls");
    let shown = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (home.join("chain.pem"), home.join("key.pem"));
    fs::write(&chain, shown.cert.pem()).unwrap();
    fs::write(&key, shown.signing_key.serialize_pem()).unwrap();

    // It ends TLS itself: the header is anybody's word.
    let port = free_port();
    let tls = ["--tls-certificate", chain.to_str().unwrap(), "--tls-key", key.to_str().unwrap(), "--ask-certificates"];
    let by_tls = guard_of(&server, (RESOURCE, &secret), port, &[&tls[..], &["--to", &to]].concat());
    let status = |shown_by: Option<&Made>| {
        let request = agent(shown.cert.pem().as_bytes(), shown_by).get(format!("https://localhost:{port}/v1/books"));
        let mut answer = request.header("authorization", &token).header("client-cert", own.header()).call().unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        assert!(!body.contains("client-cert"), "nobody behind the guard is told so: {body}");
        answer.status().as_u16()
    };
    assert_eq!((status(Some(&own)), status(Some(&other)), status(None)), (200, 401, 401));
    drop(by_tls);

    // A front does, and only its word counts.
    for (fronts, expected) in [("127.0.0.1", [200, 401, 401]), ("10.0.0.0/24,192.0.2.1", [401, 401, 401])] {
        let port = free_port();
        let options = ["--front-header", "client-cert", "--fronts", fronts, "--to", &to];
        let by_header = guard_of(&server, (RESOURCE, &secret), port, &options);
        let status = |passed_on: Option<String>| {
            let mut headers = vec![("authorization", &*token)];
            headers.extend(passed_on.as_deref().map(|value| ("client-cert", value)));
            get(&server, &format!("http://127.0.0.1:{port}/v1/books"), &headers).status
        };
        let statuses = [status(Some(own.header())), status(Some(other.header())), status(None)];
        assert_eq!(statuses, expected, "{fronts}");
        drop(by_header);
    }
    fs::remove_dir_all(home).unwrap();
}

//! Clients that register themselves, over HTTP.

use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::browser::{AuthorizationRequest, Code, parameter};
use crate::support::client::{Client, Tokens};
use crate::support::http::Answer;
use crate::support::server::Server;

const REGISTER: &str = "/oauth2/register";

fn send(server: &Server, method: &str, url: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    server.http.send(request.body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default()).unwrap())
}

// RFC 7591 §3, §3.1, §3.2.1, RFC 7592 §2.1, §2.2, §2.3.
#[test]
fn a_client_registers_signs_somebody_in_and_leaves() {
    let server = Server::start_with("registration", &[("FIRMAN__REGISTRATION__MODE", "open")]);
    let mut wanted = json!({"redirect_uris": [server.ready.redirect_uri], "client_name": "Mine",
        "grant_types": ["authorization_code", "refresh_token"]});
    let made = send(&server, "POST", &server.url(REGISTER), None, Some(&wanted));
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{made:?}");
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    let (uri, token) = (made.text("registration_client_uri"), made.text("registration_access_token"));
    assert_eq!(uri, server.url(&format!("{REGISTER}/{id}")));

    let request = AuthorizationRequest::new(&server).with("client_id", Some(&id));
    let callback = server.browser().authorize(&request);
    let value = parameter(&callback, "code").unwrap();
    let code = Code { value, verifier: request.verifier, redirect_uri: request.redirect_uri };
    let client = Client::new(&server, &id, &secret);
    let tokens = Tokens::of(&client.redeem(&code));
    assert!(client.is_active(&tokens.access) && !tokens.refresh.is_empty());

    let shown = send(&server, "GET", &uri, Some(&token), None);
    assert_eq!((shown.status, shown.text("client_name").as_str()), (200, "Mine"), "{shown:?}");
    (wanted["client_name"], wanted["client_id"]) = ("Ours".into(), id.as_str().into());
    let edited = send(&server, "PUT", &uri, Some(&token), Some(&wanted));
    assert_eq!((edited.status, edited.text("client_name").as_str()), (200, "Ours"), "{edited:?}");

    let gone = send(&server, "DELETE", &uri, Some(&token), None);
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert_eq!(send(&server, "GET", &uri, Some(&token), None).status, 401);
    let refused = client.refresh(&tokens.refresh);
    assert_eq!(refused.refusal(), (401, "invalid_client".into()), "{refused:?} {:?}", tokens.refresh);
    assert!(!server.service().is_active(&tokens.access));
}

// RFC 7591 §3.1, §3.2.2, RFC 7592 §2, RFC 6750 §3, §3.1.
#[test]
fn what_is_wrong_with_a_registration_has_its_code() {
    let server = Server::start_with("registration-wrong", &[("FIRMAN__REGISTRATION__MODE", "open")]);
    let url = server.url(REGISTER);
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "redirect_uris=https://a.example/"),
        ("text/plain", "{}"),
        ("application/json", "[]"),
        ("application/json", "{\"a\":1"),
        ("application/json", "{\"client_name\":\"a\",\"client_name\":\"b\"}"),
    ] {
        let request = Request::post(&url).header(CONTENT_TYPE, kind).body(body.as_bytes().to_vec()).unwrap();
        assert_eq!(server.http.send(request).refusal(), (400, "invalid_request".into()), "{kind} {body}");
    }
    for (body, error) in [
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (
            json!({"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "magic"}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": ["https://a.example/cb"], "software_statement": "a.b.c"}),
            "unapproved_software_statement",
        ),
    ] {
        let answer = send(&server, "POST", &url, None, Some(&body));
        assert_eq!(answer.refusal(), (400, error.into()), "{body}: {answer:?}");
    }
    let made = send(&server, "POST", &url, None, Some(&json!({"redirect_uris": ["https://a.example/cb"]})));
    let uri = made.text("registration_client_uri");
    for token in [None, Some("x"), Some("fm_ra_x"), Some(made.text("client_secret").as_str())] {
        let answer = send(&server, "GET", &uri, token, None);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.header("www-authenticate").starts_with("Bearer "), "{answer:?}");
    }
}

// RFC 7591 §3.
#[test]
fn where_registration_is_off_there_is_no_such_address() {
    let server = Server::start("registration-off");
    let answer = send(&server, "POST", &server.url(REGISTER), None, Some(&json!({})));
    assert_eq!(answer.status, 404, "{answer:?}");
    assert!(
        server.http.get(&server.url("/.well-known/openid-configuration")).json().get("registration_endpoint").is_none()
    );
}

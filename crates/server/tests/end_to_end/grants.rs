//! The grants beyond code, refresh, device and client credentials, over HTTP.

use serde_json::Value;
use url::Url;

use crate::support::browser::Place;
use crate::support::cli::Cli;
use crate::support::client::Client;
use crate::support::page;
use crate::support::server::Server;

const SETTINGS: &[(&str, &str)] =
    &[("FIRMAN__BACKCHANNEL__ENABLED", "true"), ("FIRMAN__TOKENS__PASSWORD_GRANT", "true")];

/// A client of these grant types, made on the command line.
fn client(server: &Server, grants: &[&str]) -> (String, String) {
    let mut words = vec!["client", "create", "--name", "Wide", "--scope", "openid profile read write"];
    for grant in grants {
        words.extend(["--grant-type", grant]);
    }
    let made = Cli::on(server.folder()).json(&words);
    let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    (text("client_id"), text("client_secret"))
}

#[test]
fn somebody_is_asked_elsewhere_and_says_yes_on_the_page_for_it() {
    let server = Server::start_with("backchannel", SETTINGS);
    let (id, secret) = client(&server, &["ciba", "refresh_token"]);
    let client = Client::new(&server, &id, &secret);
    let metadata = server.http.get(&server.url("/.well-known/openid-configuration")).json();
    assert_eq!(metadata["backchannel_authentication_endpoint"], server.url("/oauth2/bc-authorize"));
    let hint = server.ready.username.as_str();
    let members = [("scope", "openid profile"), ("login_hint", hint), ("binding_message", "W4SCT")];
    let begun = client.post("/oauth2/bc-authorize", &members);
    assert_eq!((begun.status, begun.header("cache-control")), (200, "no-store"), "{begun:?}");
    let auth_req_id = begun.text("auth_req_id");
    let ask = || {
        client.post(
            "/oauth2/token",
            &[("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", &auth_req_id)],
        )
    };
    assert_eq!(ask().text("error"), "authorization_pending");

    let mut browser = server.browser();
    let address = Url::parse(&server.url("/requests")).unwrap();
    let Place::Page { url, answer } = browser.open(&address) else { panic!("no page") };
    let wrong = [("username", hint.to_owned()), ("password", "wrong".to_owned())];
    let Place::Page { url, answer } = browser.press(&url, &answer, "login-submit", &wrong) else { panic!("no page") };
    assert!(answer.status == 422 && page::has(&answer.body, "login-problem"), "{answer:?}");
    let right = [("username", hint.to_owned()), ("password", server.ready.password.clone())];
    let Place::Page { url, answer } = browser.press(&url, &answer, "login-submit", &right) else { panic!("no page") };
    assert!(answer.body.contains("W4SCT") && answer.body.contains("Wide"), "{}", answer.body);
    let (_, rest) = answer.body.split_once("id=\"allow-").unwrap();
    let button = format!("allow-{}", rest.split('"').next().unwrap());
    let Place::Page { answer, .. } = browser.press(&url, &answer, &button, &[]) else { panic!("no page") };
    assert!(page::has(&answer.body, "requests-news") && page::has(&answer.body, "requests-none"), "{}", answer.body);

    let tokens = ask();
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert!(client.is_active(&tokens.text("access_token")));
    assert_eq!(ask().text("error"), "invalid_grant");
}

#[test]
fn a_password_gets_tokens_and_one_token_another_that_dies_with_it() {
    let server = Server::start_with("delegation", SETTINGS);
    let (id, secret) = client(&server, &["password", "token_exchange"]);
    let client = Client::new(&server, &id, &secret);
    let ready = &server.ready;
    let password = |password: &str| {
        client.post(
            "/oauth2/token",
            &[
                ("grant_type", "password"),
                ("username", &ready.username),
                ("password", password),
                ("scope", "read write"),
            ],
        )
    };
    assert_eq!(password("wrong").text("error"), "invalid_grant");
    let tokens = password(&ready.password);
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let access = tokens.text("access_token");
    let exchanged = client.post(
        "/oauth2/token",
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", &access),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("scope", "read"),
        ],
    );
    assert_eq!(exchanged.status, 200, "{exchanged:?}");
    assert_eq!(exchanged.text("issued_token_type"), "urn:ietf:params:oauth:token-type:access_token");
    let narrow = exchanged.text("access_token");
    assert_eq!(client.introspect(&narrow)["scope"], "read");
    let grants = Cli::on(server.folder()).json(&["grant", "list"]);
    let of_password = |grant: &&Value| grant["kind"] == "password";
    let root = grants.as_array().unwrap().iter().find(of_password).unwrap()["id"].as_str().unwrap().to_owned();
    Cli::on(server.folder()).json(&["grant", "revoke", &root]);
    assert!(!client.is_active(&access) && !client.is_active(&narrow));
}

#[test]
fn what_is_off_is_not_there() {
    let server = Server::start("grants-off");
    let demo = server.demo();
    for grant_type in ["password", "urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        let members = [
            ("grant_type", grant_type),
            ("username", "a"),
            ("password", "b"),
            ("auth_req_id", "c"),
            ("assertion", "d"),
        ];
        let answer = demo.post("/oauth2/token", &members);
        assert_eq!((answer.status, answer.text("error").as_str()), (400, "unsupported_grant_type"), "{grant_type}");
    }
    assert_eq!(demo.post("/oauth2/bc-authorize", &[("scope", "openid")]).status, 404);
    assert_eq!(server.http.get(&server.url("/requests")).status, 404);
}

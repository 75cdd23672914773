//! Pushed authorization requests, from the client's post to the code.

use crate::support::browser::{AuthorizationRequest, Code, parameter};
use crate::support::client::Tokens;
use crate::support::server::Server;

fn form(request: &AuthorizationRequest) -> Vec<(String, String)> {
    request.url.query_pairs().into_owned().filter(|(name, _)| name != "client_id").collect()
}

fn pairs(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (&**name, &**value)).collect()
}

// RFC 9126 §2.1, §2.2, §4.
#[test]
fn a_pushed_request_gets_201_and_a_browser_comes_with_its_address() {
    let server = Server::start("pushed");
    let demo = server.demo();
    let request = AuthorizationRequest::new(&server);
    let pushed = demo.post("/oauth2/par", &pairs(&form(&request)));
    assert_eq!((pushed.status, pushed.header("cache-control")), (201, "no-store"), "{pushed:?}");
    assert_eq!(pushed.json()["expires_in"], 90);
    let come = AuthorizationRequest { url: request.url.clone(), ..AuthorizationRequest::new(&server) };
    let mut come = form(&come).iter().fold(come, |come, (name, _)| come.with(name, None));
    come = come.with("request_uri", Some(&pushed.text("request_uri")));
    let callback = server.browser().authorize(&come);
    assert_eq!(parameter(&callback, "state"), Some(request.state));
    let code = parameter(&callback, "code").unwrap();
    let code = Code { value: code, verifier: request.verifier, redirect_uri: request.redirect_uri };
    Tokens::of(&demo.redeem(&code));
}

// RFC 9126 §2.1, §5.
#[test]
fn what_is_wrong_with_a_pushed_request_is_told_at_once_and_a_plain_one_may_be_refused() {
    let server = Server::start_with("pushed-only", &[("FIRMAN__TOKENS__REQUIRE_PUSHED_REQUESTS", "true")]);
    let good = form(&AuthorizationRequest::new(&server));
    let nobody = server.http.post(&server.url("/oauth2/par"), &pairs(&good));
    assert_eq!(nobody.refusal(), (401, "invalid_client".into()));
    for (name, value, error) in [
        ("request_uri", "urn:ietf:params:oauth:request_uri:x", "invalid_request"),
        ("redirect_uri", "https://evil.example/", "invalid_request"),
        ("scope", "nothing", "invalid_scope"),
        ("code_challenge", "short", "invalid_request"),
    ] {
        let mut bad: Vec<_> = good.iter().filter(|(known, _)| known != name).cloned().collect();
        bad.push((name.to_owned(), value.to_owned()));
        let answer = server.demo().post("/oauth2/par", &pairs(&bad));
        assert_eq!(answer.refusal(), (400, error.into()), "{name}: {answer:?}");
    }
    let callback = server.browser().authorize(&AuthorizationRequest::new(&server));
    assert_eq!(parameter(&callback, "error").as_deref(), Some("invalid_request"));
    let told = server.http.get(&server.url("/.well-known/openid-configuration")).json();
    assert_eq!(told["require_pushed_authorization_requests"], true);
}

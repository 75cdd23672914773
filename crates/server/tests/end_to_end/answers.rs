//! What answers look like on the wire: status, type, headers.

use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use url::Url;

use crate::support::browser::{AuthorizationRequest, Code, Place, parameter};
use crate::support::client::Tokens;
use crate::support::http::form_request;
use crate::support::page;
use crate::support::server::Server;

// RFC 6749 §5.1.
#[test]
fn tokens_come_as_json_that_nobody_keeps() {
    let server = Server::start("token-answer");
    let answer = server.demo().redeem(&server.browser().sign_in());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let members = answer.json();
    assert_eq!((&members["token_type"], &members["expires_in"]), (&"Bearer".into(), &300.into()));
    assert_eq!(members["scope"], "email offline_access openid profile");
}

#[test]
fn an_error_of_the_token_endpoint_is_json_whatever_the_client_accepts() {
    let server = Server::start("token-error");
    let callback = server.ready.redirect_uri.clone();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("response_mode", "form_post"),
        ("redirect_uri", &*callback),
    ];
    for accept in [None, Some("text/html"), Some("image/png"), Some("*/*;q=0"), Some("")] {
        let mut request = server.demo().request("/oauth2/token", &form);
        if let Some(accept) = accept {
            request.headers_mut().insert(ACCEPT, accept.parse().unwrap());
        }
        let answer = server.http.send(request);
        assert_eq!(answer.refusal(), (400, "invalid_grant".into()), "{accept:?}: {answer:?}");
        assert_eq!((answer.header("content-type"), answer.header("location")), ("application/json", ""), "{accept:?}");
    }
}

// RFC 6750 §2, §2.2, §3, §3.1.
#[test]
fn an_access_token_may_come_in_the_form_and_in_no_query() {
    let server = Server::start("token-in-form");
    let tokens = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));
    let url = server.url("/oauth2/userinfo");
    let post = |header: Option<&str>, token: &str| {
        let mut request = form_request(&url, &[("access_token", token)]);
        if let Some(token) = header {
            request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        server.http.send(request)
    };
    assert_eq!(post(None, &tokens.access).status, 200);
    let wrong = post(None, "x");
    assert_eq!(wrong.refusal(), (401, "invalid_token".into()));
    assert!(wrong.header("www-authenticate").contains("error=\"invalid_token\""), "{wrong:?}");
    // The header counts, and the form beside it is not looked at.
    assert_eq!(post(Some(&tokens.access), "x").status, 200);
    assert_eq!(post(Some("x"), &tokens.access).status, 401);
    // Not as a form, and not in the address.
    let json = Request::post(&url).header(CONTENT_TYPE, "application/json");
    let json = json.body(format!("{{\"access_token\":\"{}\"}}", tokens.access).into_bytes()).unwrap();
    assert_eq!(server.http.send(json).status, 401);
    let query = form_request(&format!("{url}?access_token={}", tokens.access), &[("a", "b")]);
    assert_eq!(server.http.send(query).status, 401);
}

#[test]
fn a_script_of_another_origin_may_ask_and_is_told_so_before() {
    let server = Server::start("preflight");
    for (path, allowed) in [
        ("/oauth2/token", true),
        ("/oauth2/userinfo", true),
        ("/oauth2/jwks", true),
        ("/.well-known/openid-configuration", true),
        ("/oauth2/authorize", false),
        ("/login", false),
    ] {
        let request = Request::options(server.url(path))
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,dpop");
        let answer = server.http.send(request.body(Vec::new()).unwrap());
        let headers = answer.header("access-control-allow-headers");
        let told = answer.status == 200 && headers.contains("dpop") && headers.contains("authorization");
        assert_eq!(told, allowed, "{path}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), if allowed { "*" } else { "" }, "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
    }
}

// RFC 7009 §2.1, RFC 7662 §2.1.
#[test]
fn a_hint_about_the_type_of_a_token_is_a_hint() {
    let server = Server::start("hints");
    let demo = server.demo();
    for hint in ["access_token", "refresh_token", "urn:x:unknown", ""] {
        let tokens = Tokens::of(&demo.redeem(&server.browser().sign_in()));
        for token in [&tokens.access, &tokens.refresh] {
            let form = [("token", &**token), ("token_type_hint", hint)];
            assert_eq!(demo.post("/oauth2/introspect", &form).json()["active"], true, "{hint}");
        }
        for token in [&tokens.access, &tokens.refresh, &tokens.refresh] {
            let form = [("token", &**token), ("token_type_hint", hint)];
            assert_eq!(demo.post("/oauth2/revoke", &form).status, 200, "{hint}");
            assert!(!demo.is_active(token), "{hint}");
        }
    }
}

// RFC 9700 §4.12.
#[test]
fn whoever_is_sent_on_is_sent_on_with_303() {
    let server = Server::start("sent-on");
    let mut browser = server.browser();
    browser.sign_in();
    assert_eq!(browser.sent_on_with, [303, 303, 303], "to the login page, to the consent page, to the client");
}

// Form Post Response Mode §2.
#[test]
fn a_response_is_posted_by_a_page_with_one_script_of_ours() {
    let server = Server::start("form-post");
    let mut browser = server.browser();
    browser.sign_in();
    let request = AuthorizationRequest::new(&server).with("response_mode", Some("form_post"));
    let Place::Page { answer, .. } = browser.open(&request.url) else { panic!("sent away") };
    let press = page::press(&answer.body, "form-post-submit").unwrap();
    assert_eq!((answer.status, &press.action), (200, &request.redirect_uri));
    let member = |name: &str| press.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    assert_eq!((member("state"), member("iss")), (Some(request.state), Some(server.ready.issuer.clone())));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let (_, script) = answer.body.split_once("<script src=\"").unwrap();
    let script = server.http.get(&server.url(script.split('"').next().unwrap()));
    assert!(script.status == 200 && script.header("content-type").contains("javascript"), "{script:?}");
    let code = Code { value: member("code").unwrap(), verifier: request.verifier, redirect_uri: request.redirect_uri };
    Tokens::of(&server.demo().redeem(&code));

    // An error travels in the same way.
    let wrong =
        AuthorizationRequest::new(&server).with("response_mode", Some("form_post")).with("scope", Some("nothing"));
    let Place::Page { answer, .. } = browser.open(&wrong.url) else { panic!("sent away") };
    let fields = page::press(&answer.body, "form-post-submit").unwrap().fields;
    assert!(fields.contains(&("error".to_owned(), "invalid_scope".to_owned())), "{fields:?}");
}

// JARM §2.1, §2.3.1.
#[test]
fn a_response_is_one_jwt_in_the_place_of_its_mode() {
    let server = Server::start("jarm");
    let mut browser = server.browser();
    browser.sign_in();
    for (mode, mark) in [("jwt", '?'), ("query.jwt", '?'), ("fragment.jwt", '#')] {
        let request = AuthorizationRequest::new(&server).with("response_mode", Some(mode));
        let Place::Elsewhere(url) = browser.open(&request.url) else { panic!("no answer") };
        assert!(url.as_str().starts_with(&format!("{}{mark}response=", request.redirect_uri)), "{url}");
        let url = Url::parse(&url.as_str().replacen('#', "?", 1)).unwrap();
        assert_eq!(parameter(&url, "response").unwrap().split('.').count(), 3);
        assert_eq!((parameter(&url, "code"), parameter(&url, "state")), (None, None));
    }
}

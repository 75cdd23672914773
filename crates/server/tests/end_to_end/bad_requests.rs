//! What bad input gets at the authorization endpoint: an error page as long as client and redirect URI are in doubt, and
//! after that a redirect with `error`, `state` and `iss`.

use url::Url;

use crate::support::browser::{AuthorizationRequest, Place, parameter};
use crate::support::http::{Answer, encode};
use crate::support::page;
use crate::support::server::Server;

type Change = fn(AuthorizationRequest) -> AuthorizationRequest;

// RFC 6749 §3.1.2.4, §4.1.2.1.
#[test]
fn an_unknown_client_or_redirect_uri_gets_an_error_page_and_never_a_redirect() {
    let server = Server::start("error-pages");
    let changes: [Change; 14] = [
        |request| request.with("client_id", None),
        |request| request.with("client_id", Some("nobody")),
        |request| request.with("client_id", Some("<script>alert(1)</script>")),
        |request| {
            let id = parameter(&request.url, "client_id").unwrap();
            request.and("client_id", &id)
        },
        |request| request.with("redirect_uri", None).with("client_id", None),
        |request| request.with("redirect_uri", Some("https://elsewhere.example/callback")),
        |request| request.with("redirect_uri", Some("javascript:alert(1)")),
        |request| request.with("redirect_uri", Some("not a URI")),
        |request| changed_uri(request, |uri| format!("{uri}x")),
        |request| changed_uri(request, |uri| format!("{uri}?extra=1")),
        |request| changed_uri(request, |uri| format!("{uri}#fragment")),
        |request| changed_uri(request, |uri| uri.replacen("http://", "http://user@", 1)),
        |request| changed_uri(request, |uri| uri.replacen("http://", "http://elsewhere.example\\@", 1)),
        |request| request.and("redirect_uri", "https://elsewhere.example/callback"),
    ];
    for change in changes {
        let request = change(AuthorizationRequest::new(&server));
        assert_error_page(&server.http.get(request.url.as_str()), &request.url);
        let endpoint = server.url("/oauth2/authorize");
        let form: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_error_page(&server.http.post(&endpoint, &form), &request.url);
    }
}

fn changed_uri(request: AuthorizationRequest, change: fn(&str) -> String) -> AuthorizationRequest {
    let uri = change(&request.redirect_uri);
    request.with("redirect_uri", Some(&uri))
}

fn assert_error_page(answer: &Answer, url: &Url) {
    assert_eq!(answer.status, 400, "{url}: {answer:?}");
    assert_eq!(answer.header("location"), "", "{url}");
    assert!(answer.header("content-type").starts_with("text/html"), "{url}");
    assert!(page::has(&answer.body, "oauth-error"), "{url}: {}", answer.body);
    assert!(!answer.body.contains("<script") && !answer.body.contains("elsewhere.example"), "{url}: {}", answer.body);
    assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
}

// RFC 6749 §4.1.2.1, RFC 9207 §2.
#[test]
fn every_other_error_goes_back_to_the_client_with_state_and_iss() {
    let server = Server::start("redirects");
    let cases: [(Change, &[&str]); 12] = [
        (|request| request.with("response_type", None), &["invalid_request", "unsupported_response_type"]),
        (|request| request.with("response_type", Some("token")), &["unsupported_response_type"]),
        (|request| request.with("response_type", Some("code id_token")), &["unsupported_response_type"]),
        (|request| request.with("scope", Some("openid no\"quotes")), &["invalid_scope"]),
        (|request| request.with("scope", Some("openid nonsense")), &["invalid_scope"]),
        (|request| request.and("scope", "openid"), &["invalid_request"]),
        (|request| request.with("code_challenge", Some("short")), &["invalid_request"]),
        (|request| request.with("code_challenge_method", Some("plain")), &["invalid_request"]),
        (|request| request.with("max_age", Some("-1")), &["invalid_request"]),
        (|request| request.with("prompt", Some("none login")), &["invalid_request"]),
        (|request| request.with("prompt", Some("none")), &["login_required"]),
        (|request| request.with("request", Some("e30.e30.")), &["invalid_request_object"]),
    ];
    for (change, expected) in cases {
        let request = change(AuthorizationRequest::new(&server));
        let Place::Elsewhere(callback) = server.browser().open(&request.url) else {
            panic!("{} did not redirect", request.url)
        };
        assert!(callback.as_str().starts_with(&server.ready.redirect_uri), "{callback}");
        // Multiple Response Types §5: what would bring tokens answers in the fragment, errors too.
        let callback = Url::parse(&callback.as_str().replacen('#', "?", 1)).unwrap();
        let error = parameter(&callback, "error").unwrap_or_default();
        assert!(expected.contains(&&*error), "{}: {callback}", request.url);
        assert_eq!(parameter(&callback, "state").as_deref(), Some(&*request.state), "{callback}");
        assert_eq!(parameter(&callback, "iss").as_deref(), Some(&*server.ready.issuer), "{callback}");
        assert_eq!(parameter(&callback, "code"), None);
    }
}

// RFC 8252 §7.3.
#[test]
fn any_port_of_the_registered_loopback_address_is_accepted() {
    let server = Server::start("loopback");
    let mut uri = Url::parse(&server.ready.redirect_uri).unwrap();
    uri.set_port(Some(50_123)).unwrap();
    let request = AuthorizationRequest::new(&server).with("redirect_uri", Some(uri.as_str()));
    let callback = server.browser().authorize(&request);
    assert!(callback.as_str().starts_with(uri.as_str()), "{callback}");
    assert!(parameter(&callback, "code").is_some());
}

// RFC 9700 §4.7.
#[test]
fn a_login_form_without_its_cookie_or_its_token_signs_nobody_in() {
    let server = Server::start("forgery");
    let mut browser = server.browser();
    let Place::Page { url, answer } = browser.open(&AuthorizationRequest::new(&server).url) else {
        panic!("there is no session yet")
    };
    let press = page::press(&answer.body, "login-submit").unwrap();
    let target = url.join(&press.action).unwrap();
    let person = [("username", &*server.ready.username), ("password", &*server.ready.password)];
    let hidden: Vec<(&str, &str)> = press.fields.iter().map(|(name, value)| (&**name, &**value)).collect();

    // The whole form from a browser that never saw the page; and from the right browser with each field missing or wrong.
    let without_cookies = server.http.post(target.as_str(), &[&hidden[..], &person].concat());
    assert_refused(&without_cookies);
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for (index, (name, _)) in hidden.iter().enumerate() {
        for value in [None, Some("x")] {
            let mut fields = hidden.clone();
            fields.remove(index);
            fields.extend(value.map(|value| (*name, value)));
            let body = encode(&[&fields[..], &person].concat());
            let request = http::Request::post(target.as_str())
                .header("content-type", "application/x-www-form-urlencoded")
                .header("cookie", cookies.join("; "))
                .body(body.into_bytes());
            assert_refused(&server.http.send(request.unwrap()));
        }
    }
}

fn assert_refused(answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert_eq!(answer.header("location"), "");
}

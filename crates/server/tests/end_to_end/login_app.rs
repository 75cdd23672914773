//! `examples/login-app` signs people in, asks them, and signs them out.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use url::Url;

use crate::support::browser::{AuthorizationRequest, Browser, Code, Place, parameter};
use crate::support::engines::engine;
use crate::support::http::{Answer, form_request};
use crate::support::page;
use crate::support::server::Server;

/// The example, until it is dropped.
struct App(Child);

impl App {
    fn start(python: impl AsRef<std::ffi::OsStr>, server: &Server, port: &str) -> Self {
        let mut child = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/login-app/app.py"))
            .env("FIRMAN", &server.ready.issuer)
            .env("CLIENT_ID", &server.ready.service_client_id)
            .env("CLIENT_SECRET", &server.ready.service_client_secret)
            .env("PORT", port)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(port), "{line}");
        Self(child)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Presses a button on a page of the app; gives the address to which it sends the browser, or its next page.
fn press(server: &Server, url: &Url, button: &str, filled: &[(&str, &str)]) -> Result<Url, Box<Answer>> {
    let shown = server.http.get(url.as_str());
    assert_eq!(shown.status, 200, "{}", shown.body);
    let press = page::press(&shown.body, button).unwrap_or_else(|| panic!("no {button}: {}", shown.body));
    let mut fields: Vec<(&str, &str)> = press.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    fields.extend(filled);
    let answer = server.http.send(form_request(url.as_str(), &fields));
    if answer.status == 303 { Ok(Url::parse(answer.header("location")).unwrap()) } else { Err(Box::new(answer)) }
}

fn elsewhere(place: Place) -> Url {
    match place {
        Place::Elsewhere(url) => url,
        Place::Page { url, answer } => panic!("a page at {url}: {} {}", answer.status, answer.body),
    }
}

/// The example signs in and allows whoever comes.
fn sign_in(server: &Server, browser: &mut Browser<'_>) -> Code {
    let request = AuthorizationRequest::new(server);
    let login = elsewhere(browser.open(&request.url));
    let typed = [("name", "reader"), ("password", "open sesame"), ("remember", "1")];
    let back = press(server, &login, "yes", &typed).unwrap();
    assert!(back.as_str().starts_with(&server.url("/login-app/return?answer=")), "{back}");
    let consent = elsewhere(browser.open(&back));
    let page = server.http.get(consent.as_str()).body;
    assert!(page.contains("<li>offline_access"), "{page}");
    let callback = elsewhere(browser.open(&press(server, &consent, "yes", &[]).unwrap()));
    let value = parameter(&callback, "code").unwrap_or_else(|| panic!("no code in {callback}"));
    Code { value, verifier: request.verifier, redirect_uri: request.redirect_uri }
}

#[test]
fn the_example_signs_people_in_asks_them_and_signs_them_out() {
    let Some(python) = engine("FIRMAN_TEST_PYTHON") else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let url = format!("http://127.0.0.1:{port}/sign-in");
    let server = Server::start_with(
        "login-app",
        &[
            ("FIRMAN__LOGIN_APP__URL", &url),
            ("FIRMAN__LOGIN_APP__CLIENTS", "demo-service"),
            ("FIRMAN__LOGIN_APP__CONSENT", "true"),
            ("FIRMAN__LOGIN_APP__LOGOUT", "true"),
        ],
    );
    let _app = App::start(python, &server, &port);
    let (http, mut browser) = (&server.http, server.browser());

    // A wrong password is a page of the app, and a no is an error of the protocol.
    let request = AuthorizationRequest::new(&server);
    let login = elsewhere(browser.open(&request.url));
    let wrong = press(&server, &login, "yes", &[("name", "reader"), ("password", "wrong")]).unwrap_err();
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("Name or password is wrong."), "{}", wrong.body);
    let callback = elsewhere(browser.open(&press(&server, &login, "no", &[]).unwrap()));
    assert_eq!(parameter(&callback, "error").as_deref(), Some("access_denied"), "{callback}");
    // It was answered: the same page is gone.
    assert_eq!(http.get(login.as_str()).status, 400);

    let code = sign_in(&server, &mut browser);
    let tokens = server.demo().redeem(&code).json();
    let access = tokens["access_token"].as_str().unwrap();
    let userinfo =
        http::Request::get(server.url("/oauth2/userinfo")).header("authorization", format!("Bearer {access}"));
    let userinfo = http.send(userinfo.body(Vec::new()).unwrap()).json();
    let said = json!({"sub": "person-1", "name": "A Reader", "email": "reader@example.org", "email_verified": true});
    assert_eq!(userinfo, said);

    // Signed in once, the same client gets its next code without a page.
    let again = AuthorizationRequest::new(&server).with("prompt", Some("none"));
    assert!(parameter(&elsewhere(browser.open(&again.url)), "code").is_some());
    let ask = Url::parse(&server.url("/logout")).unwrap();
    let stay = press(&server, &elsewhere(browser.open(&ask)), "no", &[]).unwrap();
    let Place::Page { answer, .. } = browser.open(&stay) else { panic!("sent elsewhere") };
    assert!(answer.body.contains("You are still signed in"), "{}", answer.body);
    let leave = press(&server, &elsewhere(browser.open(&ask)), "yes", &[]).unwrap();
    let Place::Page { answer, .. } = browser.open(&leave) else { panic!("sent elsewhere") };
    assert!(page::has(&answer.body, "signed-out"), "{}", answer.body);
    let silent = elsewhere(browser.open(&again.url));
    assert_eq!(parameter(&silent, "error").as_deref(), Some("login_required"), "{silent}");
}

//! Nothing a thief could present is in the database, the log or an error page.

use std::fs;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use url::form_urlencoded::byte_serialize;

use crate::support::browser::{AuthorizationRequest, Place};
use crate::support::client::{Client, Tokens};
use crate::support::http::Answer;
use crate::support::server::Server;

#[test]
fn no_secret_that_was_ever_issued_is_in_the_database_the_log_or_an_error() {
    let server = Server::start("secrets");
    let mut issued = Issued::default();
    let errors = use_everything(&server, &mut issued);
    assert!(issued.0.len() > 30, "only {} secrets", issued.0.len());

    let mut places: Vec<(String, String)> = errors.into_iter().map(|text| ("an error".to_owned(), text)).collect();
    for path in files(&server) {
        places.push((path.display().to_string(), latin1(&fs::read(&path).unwrap())));
    }
    // Once more when the log of the database has been folded into it.
    let folder = server.stop();
    places.push(("the database afterwards".to_owned(), latin1(&fs::read(folder.database()).unwrap())));

    for secret in &issued.0 {
        for (form, needle) in forms(secret) {
            for (place, text) in &places {
                assert!(!text.contains(&needle), "{}, {form}, is in {place}: {}", secret.what, secret.text);
            }
        }
    }
}

#[test]
fn a_secret_that_is_there_would_be_found() {
    let secret = Secret { what: "token", text: "fm_at_AAECAwQFBgcICQoLDA0ODw".to_owned() };
    let found = |bytes: &[u8]| forms(&secret).iter().any(|(_, needle)| latin1(bytes).contains(needle));
    assert!(found(b"xx fm_at_AAECAwQFBgcICQoLDA0ODw xx"));
    assert!(found(b"000102030405060708090a0b0c0d0e0f"));
    assert!(found(&[9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 9]));
    assert!(found(digest(&SHA256, secret.text.as_bytes()).as_ref()));
    assert!(!found(b"fm_at_other"));
}

struct Secret {
    what: &'static str,
    text: String,
}

#[derive(Default)]
struct Issued(Vec<Secret>);

impl Issued {
    fn add(&mut self, what: &'static str, text: &str) {
        assert!(text.len() >= 8, "{what} is too short to look for: {text:?}");
        self.0.push(Secret { what, text: text.to_owned() });
    }

    fn add_tokens(&mut self, tokens: &Tokens) {
        self.add("access token", &tokens.access);
        self.add("refresh token", &tokens.refresh);
        self.add("ID token", &tokens.id_token);
        self.add("signature of an ID token", tokens.id_token.rsplit('.').next().unwrap());
    }
}

/// Signs in, refreshes, revokes, errs; remembers every secret, and returns the bodies of all errors.
fn use_everything(server: &Server, issued: &mut Issued) -> Vec<String> {
    let (ready, demo) = (&server.ready, server.demo());
    issued.add("client secret", &ready.client_secret);
    issued.add("client secret", &ready.service_client_secret);
    issued.add("password", &ready.password);

    let mut errors = Vec::new();
    let mut browser = server.browser();
    for _ in 0..3 {
        let code = browser.sign_in();
        issued.add("code", &code.value);
        issued.add("code verifier", &code.verifier);
        let mut wrong = code.clone();
        wrong.verifier = format!("wrong-{}", code.verifier);
        errors.push(demo.redeem(&wrong));
        let first = Tokens::of(&demo.redeem(&code));
        let second = Tokens::of(&demo.refresh(&first.refresh));
        issued.add_tokens(&first);
        issued.add_tokens(&second);
        errors.extend(misuse(server, &code.value, &first, &second));
        errors.push(demo.redeem(&code));
        assert_eq!(demo.revoke(&second.refresh).status, 200);
        errors.push(demo.refresh(&second.refresh));
    }
    let mine = server.service().client_credentials();
    issued.add("access token", &mine.text("access_token"));

    errors.extend(mistyped_password(server, issued));
    let code = issued.0.iter().find(|secret| secret.what == "code").unwrap().text.clone();
    let bad =
        AuthorizationRequest::new(server).with("redirect_uri", Some(&format!("https://elsewhere.example/?{code}")));
    if let Place::Page { answer, .. } = browser.open(&bad.url) {
        errors.push(answer);
    }
    for value in browser.cookies.values() {
        issued.add("cookie", value);
    }
    for value in browser.hidden.iter().filter(|value| value.len() > 16) {
        issued.add("hidden field", value);
    }
    assert!(errors.iter().all(|answer| answer.status >= 400), "{errors:#?}");
    errors.into_iter().map(|answer| format!("{:?}\n{}", answer.headers, answer.body)).collect()
}

/// Real tokens where they do not belong, and real credentials with something wrong beside them.
fn misuse(server: &Server, code: &str, first: &Tokens, second: &Tokens) -> Vec<Answer> {
    let (ready, demo) = (&server.ready, server.demo());
    let bearer = |token: &str| {
        let request =
            http::Request::get(server.url("/oauth2/userinfo")).header("authorization", format!("Bearer {token}"));
        server.http.send(request.body(Vec::new()).unwrap())
    };
    let swapped = Client::new(server, &ready.service_client_id, &ready.client_secret);
    vec![
        demo.refresh(&first.access),
        demo.refresh(code),
        demo.refresh(&format!("{}A", second.refresh)),
        bearer(&second.refresh),
        bearer(&second.id_token),
        swapped.refresh(&second.refresh),
        server.service().refresh(&second.refresh),
        demo.post("/oauth2/token", &[("grant_type", &second.refresh)]),
        demo.post("/oauth2/token", &[("grant_type", "refresh_token"), (&second.refresh, "x")]),
        demo.post("/oauth2/token", &[("scope", "openid"), ("scope", &second.access)]),
        server.http.get(&server.url(&format!("/oauth2/nowhere/{}?token={}", second.access, second.refresh))),
    ]
}

/// The right password for the wrong name, and the other way round, typed into the login page.
fn mistyped_password(server: &Server, issued: &mut Issued) -> Vec<Answer> {
    let mut browser = server.browser();
    let mut answers = Vec::new();
    let wrong = "correct horse battery staple";
    issued.add("password", wrong);
    for (name, password) in [("nobody", &*server.ready.password), (&*server.ready.username, wrong)] {
        let Place::Page { url, answer } = browser.open(&AuthorizationRequest::new(server).url) else {
            panic!("there is no session yet")
        };
        let filled = [("username", name.to_owned()), ("password", password.to_owned())];
        let Place::Page { answer, .. } = browser.press(&url, &answer, "login-submit", &filled) else {
            panic!("that was not the password")
        };
        answers.push(answer);
    }
    answers
}

/// The database with its companions, and the log. (In demo mode the folder also holds the master key, by design.)
fn files(server: &Server) -> Vec<PathBuf> {
    let database = server.folder().database();
    let beside = |end: &str| PathBuf::from(format!("{}{end}", database.display()));
    let companions = [beside("-wal"), beside("-shm")].into_iter().filter(|path| path.exists());
    let log = server.folder().log_path();
    assert!(fs::metadata(&log).unwrap().len() > 0, "there is no log to search");
    [database.clone(), log].into_iter().chain(companions).collect()
}

/// The ways a secret could be written down.
fn forms(secret: &Secret) -> Vec<(&'static str, String)> {
    let text = secret.text.as_bytes();
    let mut forms = vec![
        ("as it is", secret.text.clone()),
        ("in hex", hex(text)),
        ("in base64", BASE64_STANDARD_NO_PAD.encode(text)),
        ("escaped for a URL", byte_serialize(text).collect()),
    ];
    // A sealed token: the bytes its text stands for.
    let body = secret.text.strip_prefix("fm_").and_then(|rest| rest.split_once('_')).map(|(_, body)| body);
    if let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(body.unwrap_or(&secret.text)) {
        forms.push(("decoded", latin1(&bytes)));
        forms.push(("decoded, in hex", hex(&bytes)));
        forms.push(("decoded, in base64", BASE64_STANDARD_NO_PAD.encode(&bytes)));
    }
    // The database has the digests of a client secret and of a verifier; of all else there is not even that.
    if !matches!(secret.what, "client secret" | "code verifier") {
        let digest = digest(&SHA256, text);
        forms.push(("as a digest", latin1(digest.as_ref())));
        forms.push(("as a digest in hex", hex(digest.as_ref())));
        forms.push(("as a digest in base64", BASE64_STANDARD_NO_PAD.encode(digest)));
        forms.push(("as a digest in base64url", BASE64_URL_SAFE_NO_PAD.encode(digest)));
    }
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Bytes as text, one character each: the standard library searches text fast even in a debug build.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

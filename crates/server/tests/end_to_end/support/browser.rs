//! A browser without a window: cookies, redirects within the server, buttons pressed by their ids.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64URL, Engine as _};
use http::Request;
use http::header::{COOKIE, SET_COOKIE};
use url::Url;

use super::http::{Answer, form_request};
use super::page;
use super::server::Server;

/// More pages than any sign-in has.
const MOST_STEPS: usize = 12;

pub(crate) struct Browser<'s> {
    server: &'s Server,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Every hidden field it was given: sealed requests and tokens against forgery.
    pub(crate) hidden: Vec<String>,
    /// The status of every answer that sent it on.
    pub(crate) sent_on_with: Vec<u16>,
}

/// Where a browser ends up.
pub(crate) enum Place {
    /// A page of the server.
    Page { url: Url, answer: Answer },
    /// Somebody else's address: the client's.
    Elsewhere(Url),
}

/// An authorization code, and what redeems it.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) value: String,
    pub(crate) verifier: String,
    pub(crate) redirect_uri: String,
}

/// An authorization request of the demo client with PKCE, state and nonce; each is unlike the one before.
pub(crate) struct AuthorizationRequest {
    pub(crate) url: Url,
    pub(crate) state: String,
    pub(crate) verifier: String,
    pub(crate) redirect_uri: String,
}

impl AuthorizationRequest {
    pub(crate) fn new(server: &Server) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let ready = &server.ready;
        let (state, verifier) = (format!("state-{number}"), format!("verifier-{number:0>48}"));
        let mut url = Url::parse(&server.url("/oauth2/authorize")).unwrap();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &ready.client_id)
            .append_pair("redirect_uri", &ready.redirect_uri)
            .append_pair("scope", "openid profile email offline_access")
            .append_pair("state", &state)
            .append_pair("nonce", &format!("nonce-{number}"))
            .append_pair("code_challenge", &challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        Self { url, state, verifier, redirect_uri: ready.redirect_uri.clone() }
    }

    /// With one parameter changed; None leaves it out.
    pub(crate) fn with(mut self, name: &str, value: Option<&str>) -> Self {
        let kept: Vec<(String, String)> =
            self.url.query_pairs().into_owned().filter(|(other, _)| other != name).collect();
        self.url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(value.map(|value| (name, value)));
        self
    }

    /// With one parameter more, whether or not it is there already.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }
}

/// RFC 7636 §4.2.
pub(crate) fn challenge(verifier: &str) -> String {
    BASE64URL.encode(digest(&SHA256, verifier.as_bytes()))
}

impl<'s> Browser<'s> {
    pub(crate) fn new(server: &'s Server) -> Self {
        Self { server, cookies: BTreeMap::new(), hidden: Vec::new(), sent_on_with: Vec::new() }
    }

    /// Gets a code for the demo client: by the login and consent pages where they come, else at once.
    pub(crate) fn sign_in(&mut self) -> Code {
        let request = AuthorizationRequest::new(self.server);
        let callback = self.authorize(&request);
        assert_eq!(parameter(&callback, "state").as_deref(), Some(&*request.state), "{callback}");
        assert_eq!(parameter(&callback, "iss").as_deref(), Some(&*self.server.ready.issuer), "{callback}");
        let code = parameter(&callback, "code").unwrap_or_else(|| panic!("no code in {callback}"));
        Code { value: code, verifier: request.verifier, redirect_uri: request.redirect_uri }
    }

    /// Follows an authorization request through all pages to the client's redirect URI.
    pub(crate) fn authorize(&mut self, request: &AuthorizationRequest) -> Url {
        let mut place = self.open(&request.url);
        for _ in 0..MOST_STEPS {
            place = match place {
                Place::Elsewhere(url) => return url,
                Place::Page { url, answer } if page::has(&answer.body, "login-form") => {
                    let (username, password) = (&self.server.ready.username, &self.server.ready.password);
                    let filled = [("username", username.clone()), ("password", password.clone())];
                    self.press(&url, &answer, "login-submit", &filled)
                }
                Place::Page { url, answer } if page::has(&answer.body, "consent-allow") => {
                    self.press(&url, &answer, "consent-allow", &[])
                }
                Place::Page { url, answer } => panic!("stopped at {url}: {} {}", answer.status, answer.body),
            }
        }
        panic!("the sign-in does not end")
    }

    /// Opens an address and follows redirects as long as they stay on the server.
    pub(crate) fn open(&mut self, url: &Url) -> Place {
        self.follow(url.clone(), Request::get(url.as_str()).body(Vec::new()).unwrap())
    }

    /// Presses the button with this id, after filling in the fields with these ids.
    pub(crate) fn press(&mut self, url: &Url, page: &Answer, button: &str, filled: &[(&str, String)]) -> Place {
        let press = page::press(&page.body, button).unwrap_or_else(|| panic!("no button {button} on {url}"));
        self.hidden.extend(press.fields.iter().map(|(_, value)| value.clone()));
        let mut fields = press.fields;
        for (id, value) in filled {
            let name = page::field_name(&page.body, id).unwrap_or_else(|| panic!("no field {id} on {url}"));
            fields.push((name, value.clone()));
        }
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let target = url.join(&press.action).unwrap();
        self.follow(target.clone(), form_request(target.as_str(), &pairs))
    }

    fn follow(&mut self, mut url: Url, mut request: Request<Vec<u8>>) -> Place {
        let home = Url::parse(&self.server.ready.issuer).unwrap().origin();
        for _ in 0..MOST_STEPS {
            let answer = self.send(request);
            let location = answer.header("location");
            if !(300..400).contains(&answer.status) || location.is_empty() {
                return Place::Page { url, answer };
            }
            self.sent_on_with.push(answer.status);
            url = url.join(location).unwrap();
            if url.origin() != home {
                return Place::Elsewhere(url);
            }
            request = Request::get(url.as_str()).body(Vec::new()).unwrap();
        }
        panic!("too many redirects, the last to {url}")
    }

    fn send(&mut self, mut request: Request<Vec<u8>>) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(COOKIE, cookies.join("; ").parse().unwrap());
        }
        let answer = self.server.http.send(request);
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() || cookie.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}

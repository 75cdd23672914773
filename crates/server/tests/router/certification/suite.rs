//! A relying party that looks as closely as the conformance suite does, a person who presses through the pages, and their clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_engine::registration::Mode;
use firman_engine::{Document, Fetch, FetchError, Wanted};
use firman_proto::form::{self, Form};
use firman_proto::jws::{self, Algorithm, JwkSet};
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use serde_json::{Value, json};

use crate::world::{CALLBACK, ISSUER, PASSWORD, Reply, USERNAME, World};

/// As long as the suite's longest.
pub(super) const STATE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Documents that clients publish.
#[derive(Default)]
pub(super) struct Web(Mutex<HashMap<String, (String, &'static str)>>);

impl Web {
    pub(super) fn put(&self, url: &str, media_type: &'static str, body: &(impl ToString + ?Sized)) {
        self.0.lock().unwrap().insert(url.to_owned(), (body.to_string(), media_type));
    }
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<Arc<Document>, FetchError> {
        let shelves = self.0.lock().unwrap();
        let (body, media_type) = shelves.get(wanted.url).ok_or(FetchError::Failed("nobody is there".into()))?;
        if !wanted.types.contains(media_type) {
            return Err(FetchError::Failed("another media type".into()));
        }
        let fresh_until = now.plus(Lifetime::from_seconds(60));
        let body = body.clone().into_bytes();
        Ok(Arc::new(Document { body, media_type: (*media_type).to_owned(), fetched_at: now, fresh_until }))
    }
}

/// A form of ours: its id, what the page is called, and what is typed into it.
type Known<'a> = (&'a str, &'static str, &'a [(&'a str, &'a str)]);

/// A server that is to be certified: every flow, registration for everybody.
pub(super) struct Suite {
    pub(super) world: World,
    pub(super) web: Arc<Web>,
}

/// A client of it.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: Option<String>,
}

/// A browser with its cookies, and which pages it was shown.
#[derive(Clone, Default)]
pub(super) struct Person {
    cookies: HashMap<String, String>,
    pub(super) seen: Vec<&'static str>,
}

/// What came back to the client.
#[derive(Debug)]
pub(super) struct Back {
    /// `query`, `fragment` or `form_post`.
    pub(super) by: &'static str,
    pub(super) members: HashMap<String, String>,
}

impl Back {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.members.get(name).map(String::as_str)
    }

    pub(super) fn code(&self) -> &str {
        self.get("code").unwrap_or_else(|| panic!("no code: {self:?}"))
    }
}

impl Suite {
    pub(super) async fn new() -> Self {
        let web = Arc::new(Web::default());
        let world = World::with(|parts, _| {
            parts.fetch = Arc::clone(&web) as _;
            parts.policy.front_channel_tokens = true;
            parts.policy.session_management = true;
            parts.policy.registration.mode = Mode::Open;
            parts.policy.registration.endpoint_audience = true;
            parts.policy.registration.scope =
                Scope::parse("openid profile email address phone offline_access").unwrap();
            parts.policy.registration.grant_types = parts.policy.grant_types().collect();
            parts.key_policy.algorithms = vec![Algorithm::ES256, Algorithm::RS256];
        })
        .await;
        Self { world, web }
    }

    /// Registers a client as the suite does, with these members too.
    pub(super) async fn register(&self, members: Value) -> Client {
        let (status, made) = self.try_register(members).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        assert!(made["error"].is_null() && made["registration_access_token"].is_string(), "{made}");
        assert_eq!(made["client_secret"].is_string(), made["client_secret_expires_at"].is_number(), "{made}");
        Client {
            id: made["client_id"].as_str().unwrap().to_owned(),
            secret: made["client_secret"].as_str().map(str::to_owned),
        }
    }

    pub(super) async fn try_register(&self, members: Value) -> (StatusCode, Value) {
        let mut body = json!({
            "client_name": "A relying party", "redirect_uris": [CALLBACK], "contacts": ["certification@rp.example"],
            "grant_types": ["authorization_code", "implicit", "refresh_token"],
            "response_types": ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"],
        });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let request = Request::post("/oauth2/register").header(CONTENT_TYPE, "application/json");
        let reply = self.world.give(request.body(Body::from(body.to_string())).unwrap()).await;
        (reply.status, serde_json::from_str(&reply.body).unwrap_or_default())
    }

    /// The parameters of a good request, and these in place of those; an empty one is left out.
    pub(super) fn ask(client: &Client, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let usual = [
            ("client_id", client.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", STATE),
            ("nonce", "a nonce"),
        ];
        let kept = usual.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let all = kept.chain(changes.iter().copied()).filter(|(_, value)| !value.is_empty());
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Sends the person with a request, and brings back what the client gets.
    pub(super) async fn go(&self, person: &mut Person, client: &Client, changes: &[(&str, &str)]) -> Back {
        match self.send(person, &Self::ask(client, changes), Method::GET).await {
            Ok(back) => back,
            Err(reply) => panic!("{} {}", reply.status, reply.body),
        }
    }

    /// The same where the person may end at a page of ours.
    pub(super) async fn send(
        &self,
        person: &mut Person,
        ask: &[(String, String)],
        method: Method,
    ) -> Result<Back, Reply> {
        let parameters = encoded(ask);
        let mut reply = if method == Method::GET {
            self.browse(person, Method::GET, &format!("/oauth2/authorize?{parameters}"), None).await
        } else {
            self.browse(person, method, "/oauth2/authorize", Some(parameters)).await
        };
        for _ in 0..10 {
            if let Some(location) = reply.headers.get(LOCATION).map(|to| to.to_str().unwrap().to_owned()) {
                // Distinct addresses and 303, or a script that drives the browser cannot tell what it sees.
                assert_eq!(reply.status, StatusCode::SEE_OTHER);
                match location.strip_prefix(ISSUER) {
                    Some(path) => reply = self.browse(person, Method::GET, path, None).await,
                    None => return Ok(came_back(&location)),
                }
                continue;
            }
            let page = reply.body.clone();
            let forms: [Known<'_>; 3] = [
                ("login-form", "login", &[("username", USERNAME), ("password", PASSWORD)]),
                ("consent-form", "consent", &[("decision", "allow")]),
                ("form-post", "", &[]),
            ];
            let here = forms.into_iter().find(|(id, ..)| page.contains(&format!("id=\"{id}\"")));
            let Some((id, name, answer)) = here else { return Err(reply) };
            let page = form_of(&page, id);
            if id == "form-post" {
                return Ok(Back { by: "form_post", members: hidden_fields(page) });
            }
            person.seen.push(name);
            let mut form: Vec<(String, String)> = hidden_fields(page).into_iter().collect();
            form.extend(answer.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let path = between(page, "action=\"", "\"").strip_prefix(ISSUER).unwrap().to_owned();
            reply = self.browse(person, Method::POST, &path, Some(encoded(&form))).await;
        }
        panic!("the pages have no end");
    }

    pub(super) async fn browse(&self, person: &mut Person, method: Method, path: &str, form: Option<String>) -> Reply {
        let cookies: Vec<_> = person.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(path).header(COOKIE, cookies.join("; "));
        if form.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let reply = self.world.give(request.body(form.map_or_else(Body::empty, Body::from)).unwrap()).await;
        for cookie in reply.headers.get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            person.cookies.insert(name.to_owned(), value.to_owned());
        }
        reply
    }

    /// Asks the token endpoint, authenticated with the secret.
    pub(super) async fn token(&self, client: &Client, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let form: Vec<_> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let secret = client.secret.as_deref().unwrap_or_default();
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", client.id)));
        let mut request = Request::post("/oauth2/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if client.secret.is_some() {
            request = request.header(AUTHORIZATION, basic);
        }
        let reply = self.world.give(request.body(Body::from(encoded(&form))).unwrap()).await;
        if reply.status == StatusCode::OK {
            assert_eq!(reply.headers["cache-control"], "no-store");
        }
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    /// Redeems a code.
    pub(super) async fn redeem(&self, client: &Client, code: &str) -> Value {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        let (status, tokens) = self.token(client, &form).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        assert!(
            tokens["access_token"].is_string() && tokens["token_type"] == "Bearer" && tokens["expires_in"].is_i64()
        );
        tokens
    }

    /// The claims of an ID token, every rule of the suite's first section looked at.
    pub(super) async fn id_token(&self, client: &Client, text: &str) -> Value {
        let keys: JwkSet = serde_json::from_value(self.document("/oauth2/jwks").await).unwrap();
        let claims: Value = jws::verify(text, &keys).unwrap();
        let now = self.world.now().seconds();
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(client.id)));
        let within = |name: &str, span: i64| (claims[name].as_i64().unwrap() - now).abs() <= span;
        assert!(within("iat", 300) && within("exp", 3600) && claims["exp"].as_i64().unwrap() > now, "{claims}");
        assert!(claims["auth_time"].as_i64().unwrap() <= now, "{claims}");
        let sub = claims["sub"].as_str().unwrap();
        assert!(sub.is_ascii() && sub.len() <= 255, "{sub}");
        claims
    }

    pub(super) async fn document(&self, path: &str) -> Value {
        let reply = self.world.give(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(
            (reply.status, &reply.headers["content-type"].to_str().unwrap()),
            (StatusCode::OK, &"application/json")
        );
        serde_json::from_str(&reply.body).unwrap()
    }

    pub(super) async fn discovery(&self) -> Value {
        self.document("/.well-known/openid-configuration").await
    }

    pub(super) async fn userinfo(&self, token: &str) -> Reply {
        let request = Request::get("/oauth2/userinfo").header(AUTHORIZATION, format!("Bearer {token}"));
        self.world.give(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn claims(&self, token: &str) -> Value {
        let reply = self.userinfo(token).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }
}

/// The answer in an address. What belongs in the fragment is not in the query, nor the other way round.
fn came_back(location: &str) -> Back {
    let rest = location.strip_prefix(CALLBACK).unwrap_or_else(|| panic!("sent elsewhere: {location}"));
    let (by, text) = match rest.strip_prefix('#') {
        Some(fragment) => ("fragment", fragment),
        None => ("query", rest.strip_prefix('?').unwrap()),
    };
    let form = Form::parse(text.as_bytes()).unwrap();
    let members: HashMap<_, _> = form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(members.len(), form.iter().count(), "nothing is there twice: {location}");
    let back = Back { by, members };
    assert_eq!(back.get("iss"), Some(ISSUER));
    if back.get("error").is_some() {
        let known = ["error", "error_description", "state", "iss"];
        assert!(back.members.keys().all(|name| known.contains(&name.as_str())), "{back:?}");
        let legal = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(back.get("error_description").is_none_or(|text| text.bytes().all(legal)), "{back:?}");
    }
    back
}

/// One form of a page, by its id.
pub(super) fn form_of<'p>(page: &'p str, id: &str) -> &'p str {
    let at = page.find(&format!("id=\"{id}\"")).unwrap();
    let start = page[..at].rfind("<form").unwrap();
    page[start..].split_once("</form>").unwrap().0
}

/// The hidden fields of a form.
pub(super) fn hidden_fields(page: &str) -> HashMap<String, String> {
    let inputs = page.split("<input type=\"hidden\" ").skip(1);
    let unescaped =
        |text: &str| text.replace("&#38;", "&").replace("&amp;", "&").replace("&#60;", "<").replace("&#34;", "\"");
    inputs
        .map(|input| (between(input, "name=\"", "\"").to_owned(), unescaped(between(input, "value=\"", "\""))))
        .collect()
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start}: {text}"));
    rest.split_once(end).unwrap().0
}

pub(super) fn encoded(pairs: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        form::append(&mut text, name, value);
    }
    text
}

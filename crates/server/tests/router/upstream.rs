//! People who sign in at another identity provider, as their browser sees it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{Method, StatusCode};
use firman_engine::admin::account_edits::{self, Edit};
use firman_engine::admin::accounts::find;
use firman_engine::upstream::{Provider, Providers};
use firman_engine::{Call, Document, Fetch, FetchError, Reply as Answer, Wanted};
use firman_proto::form::Form;
use firman_proto::time::{Lifetime, Timestamp};
use serde_json::{Value, json};

use crate::endpoints::asked;
use crate::signer::Signer;
use crate::world::{Ask, BACK, CLIENT, ISSUER, NOW, PASSWORD, Reply, USERNAME, World, encoded};

const IDP: &str = "https://idp.example";
const EMAIL: &str = "alice@uni.example";
/// Keeps that a browser is known to an account.
const DEVICE: &str = "__Host-fm_device";

/// A provider that vouches for whoever it is told to.
struct Idp {
    signer: Signer,
    vouched: Mutex<Option<Value>>,
    down: Mutex<bool>,
    /// Where its people sign out.
    ends: Mutex<Option<String>>,
}

impl Idp {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            signer: Signer::of("ES256"),
            vouched: Mutex::default(),
            down: Mutex::default(),
            ends: Mutex::default(),
        })
    }

    fn vouch(&self, nonce: &str) {
        let (iat, exp) = (NOW.seconds(), NOW.seconds() + 300);
        let claims = json!({"iss": IDP, "aud": "us", "sub": "alice", "nonce": nonce, "iat": iat, "exp": exp});
        *self.vouched.lock().unwrap() = Some(claims);
    }

    /// It says this, too.
    fn also(&self, claims: &Value) {
        let mut vouched = self.vouched.lock().unwrap();
        vouched.as_mut().unwrap().as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    }
}

#[async_trait]
impl Fetch for Idp {
    async fn get(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<Arc<Document>, FetchError> {
        let body = match wanted.url.strip_prefix(IDP) {
            _ if *self.down.lock().unwrap() => return Err(FetchError::Failed("nobody is there".into())),
            Some("/.well-known/openid-configuration") => json!({
                "issuer": IDP,
                "authorization_endpoint": format!("{IDP}/auth"),
                "token_endpoint": format!("{IDP}/token"),
                "jwks_uri": format!("{IDP}/keys"),
                "end_session_endpoint": self.ends.lock().unwrap().clone(),
            }),
            Some("/keys") => json!({"keys": [self.signer.jwk()]}),
            other => panic!("no such place: {other:?}"),
        };
        let fresh_until = now.plus(Lifetime::from_seconds(300));
        let (body, media_type) = (body.to_string().into_bytes(), "application/json".to_owned());
        Ok(Arc::new(Document { body, media_type, fetched_at: now, fresh_until }))
    }

    async fn send(&self, _: &Call<'_>) -> Result<Answer, FetchError> {
        let claims = self.vouched.lock().unwrap().take();
        let id_token = claims.map(|claims| self.signer.sign(&json!({"alg": "ES256"}), &claims));
        // A code is good once.
        let (status, body) = match id_token {
            Some(id_token) => (200, json!({"id_token": id_token})),
            None => (400, json!({"error": "invalid_grant"})),
        };
        Ok(Answer { status, media_type: "application/json".to_owned(), body: body.to_string().into_bytes() })
    }
}

async fn world(idp: &Arc<Idp>, local: bool, settings: Value) -> World {
    let mut uni = json!({"name": "uni", "issuer": IDP, "client_id": "us", "authentication": "none",
        "display_name": "The <University>", "domains": ["uni.example"], "hints": ["campus"]});
    uni.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let providers: Vec<Provider> = serde_json::from_value(json!([uni])).unwrap();
    let fetch = Arc::clone(idp);
    World::with(|parts, _| {
        parts.fetch = fetch;
        parts.policy.upstream.providers = Providers::new(providers).unwrap();
        parts.policy.upstream.local = local;
    })
    .await
}

fn location(reply: &Reply) -> &str {
    reply.headers.get(LOCATION).unwrap_or_else(|| panic!("{} {}", reply.status, reply.body)).to_str().unwrap()
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once(['?', '#'])?;
    Form::parse(query.as_bytes()).unwrap().get(name).map(str::to_owned)
}

async fn open(world: &World, url: &str) -> Reply {
    let path = url.strip_prefix(ISSUER).unwrap_or(url).to_owned();
    let headers = vec![world.cookie()];
    world.browse(&Ask { method: Method::GET, path, form: vec![], json: None, headers }).await
}

async fn post(world: &World, path: &str, fields: &[(&str, &str)]) -> Reply {
    let form = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let headers = vec![world.cookie()];
    world.browse(&Ask { method: Method::POST, path: path.to_owned(), form, json: None, headers }).await
}

/// A hidden field of the form with this id.
fn hidden(html: &str, form: &str, name: &str) -> String {
    let (_, form) = html.split_once(&format!("id=\"{form}\"")).unwrap_or_else(|| panic!("no {form}: {html}"));
    let (_, value) = form.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
    value.split('"').next().unwrap().to_owned()
}

/// The address of the login page.
async fn asked_to_sign_in(world: &World, more: &[(&str, &str)]) -> String {
    let mut ask = asked();
    for (name, value) in more {
        ask.path = format!("{}&{}", ask.path, encoded(&[((*name).to_owned(), (*value).to_owned())]));
    }
    location(&world.browse(&ask).await).to_owned()
}

/// Presses the provider's button; gives where it leads.
async fn sent_off(world: &World) -> String {
    let page = open(world, &asked_to_sign_in(world, &[]).await).await;
    assert!(page.body.contains("Sign in with <bdi>The &#60;University&#62;</bdi>"), "{}", page.body);
    let (request, csrf) = (hidden(&page.body, "upstream-form", "request"), hidden(&page.body, "upstream-form", "csrf"));
    let fields = [("request", &*request), ("csrf", &*csrf), ("upstream", "uni")];
    let reply = post(world, "/login/upstream", &fields).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    assert_eq!(reply.headers["cache-control"], "no-store");
    let cookie = reply.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-fm_upstream_") && cookie.contains("Max-Age=600"), "{cookie}");
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    location(&reply).to_owned()
}

fn answer(to: &str, more: &str) -> String {
    format!("/login/upstream/callback/uni?state={}{more}", parameter(to, "state").unwrap())
}

#[tokio::test]
async fn a_button_leads_there_and_the_browser_comes_back_signed_in() {
    let idp = Idp::new();
    let world = world(&idp, true, json!({})).await;
    let to = sent_off(&world).await;
    assert!(to.starts_with("https://idp.example/auth?"), "{to}");
    idp.vouch(&parameter(&to, "nonce").unwrap());
    let back = open(&world, &answer(&to, "&code=x")).await;
    assert!(location(&back).starts_with("https://login.example/consent?"), "{}", back.body);
    let cookies: Vec<_> = back.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("__Host-fm_session=")), "{cookies:?}");
    let forgotten = |cookie: &&str| {
        cookie.starts_with("__Host-fm_upstream_") && cookie.contains("=; ") && cookie.contains("Max-Age=0")
    };
    assert!(cookies.iter().any(forgotten), "{cookies:?}");
    assert!(
        !cookies.iter().any(|cookie| cookie.starts_with(DEVICE)),
        "nobody signs in here by their name: {cookies:?}"
    );
    // A second completion: what the browser carried for it is gone.
    assert_eq!(open(&world, &answer(&to, "&code=x")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_browser_is_known_for_the_account_of_its_person_and_not_for_one_of_the_same_name() {
    for (settings, email, is_known) in [
        (json!({"trust_email_verified": true, "link_by_email": true}), EMAIL, true),
        (json!({"trust_email_verified": true, "link_by_email": true}), "mallory@uni.example", false),
        (json!({}), EMAIL, false),
    ] {
        let idp = Idp::new();
        let world = world(&idp, true, settings).await;
        let account = find(&world.engine, USERNAME, NOW).await.unwrap();
        let Value::Object(claims) = json!({"email": EMAIL, "email_verified": true}) else { unreachable!() };
        let proved = Edit { username: USERNAME.to_owned(), enabled: true, claims };
        account_edits::edit(&world.engine, &account, proved, NOW).await.unwrap();
        let to = sent_off(&world).await;
        idp.vouch(&parameter(&to, "nonce").unwrap());
        idp.also(&json!({"preferred_username": USERNAME, "email": email, "email_verified": true}));
        let back = open(&world, &answer(&to, "&code=x")).await;
        let mut cookies = back.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
        assert_eq!(cookies.any(|cookie| cookie.starts_with(DEVICE)), is_known, "{email}");
    }
}

#[tokio::test]
async fn an_answer_by_post_comes_again_with_the_cookies() {
    let idp = Idp::new();
    let world = world(&idp, true, json!({"response_mode": "form_post"})).await;
    let to = sent_off(&world).await;
    assert_eq!(parameter(&to, "response_mode").as_deref(), Some("form_post"));
    idp.vouch(&parameter(&to, "nonce").unwrap());
    // Another site's form brings no cookies.
    let state = parameter(&to, "state").unwrap();
    let form = vec![("state".to_owned(), state), ("code".to_owned(), "x".to_owned())];
    let path = "/login/upstream/callback/uni".to_owned();
    let reply = world.send(&Ask { method: Method::POST, path, form, json: None, headers: vec![] }).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    let back = open(&world, location(&reply)).await;
    assert!(location(&back).starts_with("https://login.example/consent?"), "{}", back.body);
    let nowhere = post(&world, "/login/upstream/callback/nowhere", &[("state", "x")]).await;
    assert_eq!(nowhere.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_goes_wrong_there_has_a_page_of_its_own_and_a_status() {
    let idp = Idp::new();
    let world = world(&idp, true, json!({})).await;
    // Nobody is there: the page offers another try, and the request waits.
    *idp.down.lock().unwrap() = true;
    let page = open(&world, &asked_to_sign_in(&world, &[]).await).await;
    let (request, csrf) = (hidden(&page.body, "upstream-form", "request"), hidden(&page.body, "upstream-form", "csrf"));
    let fields = [("request", &*request), ("csrf", &*csrf), ("upstream", "uni")];
    let down = post(&world, "/login/upstream", &fields).await;
    assert_eq!(down.status, StatusCode::BAD_GATEWAY);
    assert!(down.body.contains("id=\"upstream-again\"") && down.body.contains("id=\"upstream-choose\""));
    assert!(down.body.contains("temporarily_unavailable"));
    *idp.down.lock().unwrap() = false;
    let again = hidden(&down.body, "upstream-again-form", "request");
    let fields = [("request", &*again), ("csrf", &*csrf), ("upstream", "uni")];
    let to = location(&post(&world, "/login/upstream", &fields).await).to_owned();

    // A code that is none; and a person who says no there, and leaves.
    assert_eq!(open(&world, &answer(&to, "&code=bad")).await.status, StatusCode::UNAUTHORIZED);
    let to = sent_off(&world).await;
    let refused = open(&world, &answer(&to, "&error=access_denied")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let form = "upstream-leave-form";
    let (request, csrf, error) = (
        hidden(&refused.body, form, "request"),
        hidden(&refused.body, form, "csrf"),
        hidden(&refused.body, form, "error"),
    );
    let fields = [("request", &*request), ("csrf", &*csrf), ("error", &*error)];
    let left = post(&world, "/login/upstream/leave", &fields).await;
    assert_eq!(parameter(location(&left), "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(location(&left), "state").as_deref(), Some("s"), "the client's own");

    // What nobody here has begun.
    for bad in ["&code=x", "&error=access_denied"] {
        let unknown = format!("/login/upstream/callback/uni?state={}{bad}", "A".repeat(43));
        let page = open(&world, &unknown).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.body.contains("not begun in this browser") && page.body.contains("start again"), "{}", page.body);
    }
    let forged = post(&world, "/login/upstream", &[("request", &*request), ("csrf", "x"), ("upstream", "uni")]).await;
    assert_eq!(forged.status, StatusCode::BAD_REQUEST);
    let forged = post(&world, "/login/upstream/leave", &[("request", &*request), ("csrf", "x")]).await;
    assert_eq!(forged.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_hint_a_domain_or_the_only_way_leads_there_at_once() {
    let idp = Idp::new();
    let both = world(&idp, true, json!({})).await;
    for hint in
        [("idp_hint", "campus"), ("idp_hint", "uni"), ("login_hint", "al@uni.example"), ("acr_values", "campus")]
    {
        let login = asked_to_sign_in(&both, &[hint]).await;
        assert!(location(&open(&both, &login).await).starts_with("https://idp.example/auth?"), "{hint:?}");
        // Who wants to choose is not sent away again.
        assert!(open(&both, &format!("{login}&choose=1")).await.body.contains("login-form"), "{hint:?}");
    }
    for other in [("idp_hint", "elsewhere"), ("login_hint", "al@example.org")] {
        let login = asked_to_sign_in(&both, &[other]).await;
        assert!(open(&both, &login).await.body.contains("id=\"password\""), "{other:?}");
    }
    // What is typed decides, too, and the password is not looked at.
    let page = open(&both, &asked_to_sign_in(&both, &[]).await).await;
    let (request, csrf) = (hidden(&page.body, "login-form", "request"), hidden(&page.body, "login-form", "csrf"));
    let fields = [("request", &*request), ("csrf", &*csrf), ("username", "al@UNI.example")];
    let reply = post(&both, "/login", &fields).await;
    assert!(location(&reply).starts_with("https://idp.example/auth?"), "{}", reply.body);

    let alone = world(&idp, false, json!({"domains": []})).await;
    let login = asked_to_sign_in(&alone, &[]).await;
    assert!(location(&open(&alone, &login).await).starts_with("https://idp.example/auth?"));
    let page = open(&alone, &format!("{login}&choose=1")).await;
    assert!(!page.body.contains("id=\"password\"") && page.body.contains("id=\"login-cancel\""), "{}", page.body);
    let (request, csrf) = (hidden(&page.body, "login-form", "request"), hidden(&page.body, "login-form", "csrf"));
    let fields = [("request", &*request), ("csrf", &*csrf), ("username", USERNAME), ("password", PASSWORD)];
    assert_eq!(post(&alone, "/login", &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY, "no password is taken");
    let cancel = [("request", &*request), ("csrf", &*csrf), ("cancel", "1")];
    assert_eq!(parameter(location(&post(&alone, "/login", &cancel).await), "error").as_deref(), Some("access_denied"));
}

/// Somebody of the provider is signed in, and the client signs them out: what they get when they have said yes.
async fn signed_out(world: &World, idp: &Idp) -> Reply {
    let to = sent_off(world).await;
    idp.vouch(&parameter(&to, "nonce").unwrap());
    open(world, &answer(&to, "&code=x")).await;
    let asked = [("client_id", CLIENT), ("post_logout_redirect_uri", BACK), ("state", "a state")];
    let asked = asked.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let page = open(world, &format!("/oauth2/logout?{}", encoded(&asked))).await;
    let page = open(world, location(&page)).await;
    let form = "logout-page";
    let (request, csrf) = (hidden(&page.body, form, "request"), hidden(&page.body, form, "csrf"));
    post(world, "/logout", &[("request", &request), ("csrf", &csrf)]).await
}

// OpenID Connect RP-Initiated Logout §2, §3.
#[tokio::test]
async fn who_signs_out_here_goes_there_and_then_where_the_client_wants_them() {
    let idp = Idp::new();
    *idp.ends.lock().unwrap() = Some(format!("{IDP}/end"));
    let world = world(&idp, true, json!({"logout": true})).await;
    let out = signed_out(&world, &idp).await;
    let to = location(&out);
    assert!(to.starts_with("https://idp.example/end?id_token_hint="), "{to}");
    let cookies: Vec<_> = out.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("__Host-fm_session=; ")), "{cookies:?}");
    let state = parameter(to, "state").unwrap();
    // Somebody else's browser, or a state that is nobody's: the page of who is signed out, and no more.
    let done = format!("{ISSUER}/logout/done");
    for other in ["/logout/upstream".to_owned(), format!("/logout/upstream?state={}", "A".repeat(43))] {
        assert_eq!(location(&open(&world, &other).await), done);
    }
    let back = format!("/logout/upstream?state={state}");
    let stranger = Ask { method: Method::GET, path: back.clone(), form: vec![], json: None, headers: vec![] };
    assert_eq!(location(&world.send(&stranger).await), done);
    assert_eq!(location(&open(&world, &back).await), format!("{BACK}?state=a%20state"));
    assert_eq!(location(&open(&world, &back).await), done, "the cookie is gone");
}

#[tokio::test]
async fn who_cannot_be_signed_out_there_reads_so_before_they_go_on() {
    let idp = Idp::new();
    let world = world(&idp, true, json!({"logout": true})).await;
    let page = signed_out(&world, &idp).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("still signed in at <bdi>The &#60;University&#62;</bdi>"), "{}", page.body);
    assert!(
        page.body.contains(&format!("href=\"{BACK}?state=a%20state\"")) && !page.body.contains("<script"),
        "{}",
        page.body
    );
}

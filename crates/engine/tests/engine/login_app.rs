//! A login app of somebody's own: what it is told, what it may answer, and which browser may come back with it.

use std::sync::Arc;

use async_trait::async_trait;
use firman_engine::asker::{self, Asker};
use firman_engine::authorize::Next;
use firman_engine::bearer::Bearer;
use firman_engine::login_app::{self, Accept, ClaimsOf, Kind, LoginAppPolicy, Reject, Resumed, ToldAccounts};
use firman_engine::{Accounts as _, Call, Document, Failure, Fetch, FetchError, Parts, Reply, Wanted, logout};
use firman_proto::credentials::AuthMethod;
use firman_proto::error::ErrorCode::{InsufficientScope, InvalidClient, InvalidRequest, UnauthorizedClient};
use firman_proto::id::IssuerNumber;
use firman_proto::id_token::IdToken;
use firman_proto::jws;
use firman_proto::logout::LogoutRequest;
use firman_proto::time::Timestamp;
use firman_proto::token::{ClientCredentialsRequest, TokenRequest};
use firman_store::record::Subject;
use serde_json::{Value, json};

use crate::support::{App, Ask, Visitor, World, at, fault, parameter, refused, scope};

const URL: &str = "https://accounts.example/firman?from=here";

fn handed_off(parts: &mut Parts) {
    parts.accounts = Arc::new(ToldAccounts::new(Arc::clone(&parts.store), IssuerNumber(0), None));
    let clients = vec!["login-app".to_owned(), "public".to_owned()];
    parts.policy.login_app =
        LoginAppPolicy { url: Some(URL.to_owned()), clients, consent: true, logout: true, ..LoginAppPolicy::default() };
}

/// A world, a client, and the login app.
async fn world() -> (World, App, Asker) {
    let world = World::with(handed_off).await;
    let app = world.app("app").await;
    let login_app = world.app("login-app").await;
    let asker = asker::known(&world.engine, &login_app.credentials, at(0)).await.unwrap();
    (world, app, asker)
}

/// The reference with which the app gets a browser.
async fn hand_off(world: &World, visitor: &Visitor, kind: Kind, request: &str, now: Timestamp) -> String {
    let url = login_app::hand_off(&world.engine, &visitor.browser(), kind, request, now).await.unwrap();
    assert!(url.starts_with(&format!("{URL}&request=")), "{url}");
    parameter(&url, "request").unwrap()
}

/// The same for somebody whom a client sends to sign in.
async fn sent(world: &World, visitor: &Visitor, ask: &Ask, now: Timestamp) -> String {
    let Next::Login(request) = world.authorize(visitor, ask, now).await.unwrap() else { panic!("nobody is asked") };
    hand_off(world, visitor, Kind::Login, &request, now).await
}

fn yes(members: Value) -> Accept {
    serde_json::from_value(members).unwrap()
}

fn reader() -> Accept {
    yes(json!({
        "subject": "person-1", "username": "reader", "amr": ["pwd", "otp"], "acr": "urn:example:two",
        "claims": {"name": "A Reader", "email": "r@app.example"}, "remember": true,
    }))
}

async fn come_back(world: &World, visitor: &mut Visitor, answer: &str, now: Timestamp) -> Result<Next, Failure> {
    match login_app::resume(&world.engine, &visitor.browser(), answer, now).await? {
        Resumed::SignedIn { cookie, next, .. } => {
            visitor.session = Some(cookie.value.reveal().to_owned());
            Ok(next)
        }
        Resumed::Next(next) => Ok(next),
        Resumed::Left(_) | Resumed::Stayed => panic!("about signing out"),
    }
}

async fn sign_in(world: &World, asker: &Asker, visitor: &mut Visitor, ask: &Ask, said: Accept, now: Timestamp) -> Next {
    let reference = sent(world, visitor, ask, now).await;
    let answer = login_app::accept(&world.engine, asker, &reference, said, now).await.unwrap();
    come_back(world, visitor, &answer, now).await.unwrap()
}

#[tokio::test]
async fn an_app_signs_people_in_and_asks_them_and_the_client_gets_what_it_said() {
    let (world, app, asker) = world().await;
    let ask = Ask::new(&app, "openid profile email read").with("login_hint", "reader").with("max_age", "60");
    let mut visitor = Visitor::new(&world);
    let reference = sent(&world, &visitor, &ask, at(10)).await;
    let asked = login_app::read(&world.engine, &asker, &reference, at(11)).await.unwrap();
    assert_eq!(asked["kind"], "login");
    assert_eq!(asked["client"]["client_id"], "app");
    assert_eq!(asked["scope"], "email openid profile read");
    assert_eq!(asked["login_hint"], "reader");
    assert_eq!(asked["max_age"], 60);
    assert_eq!(asked["redirect_host"], "app.example");
    assert_eq!(asked["expires_at"], at(910).seconds());
    assert!(asked.get("session").is_none() && asked.get("prompt").is_none(), "{asked}");

    let answer = login_app::accept(&world.engine, &asker, &reference, reader(), at(20)).await.unwrap();
    let next = come_back(&world, &mut visitor, &answer, at(21)).await.unwrap();
    let Next::Consent(request) = next else { panic!("{next:?}") };
    let reference = hand_off(&world, &visitor, Kind::Consent, &request, at(21)).await;
    let asked = login_app::read(&world.engine, &asker, &reference, at(22)).await.unwrap();
    assert_eq!(asked["kind"], "consent");
    let session = json!({
        "subject": "person-1", "username": "reader", "auth_time": at(21).seconds(), "amr": ["pwd", "otp"],
        "acr": "urn:example:two",
    });
    assert_eq!(asked["session"], session);

    // Less than was asked.
    let less = yes(json!({"scope": "openid email write"}));
    let answer = login_app::accept(&world.engine, &asker, &reference, less, at(23)).await.unwrap();
    let next = come_back(&world, &mut visitor, &answer, at(24)).await.unwrap();
    let Next::Client(url) = next else { panic!("{next:?}") };
    let tokens = world.redeem(&app, &parameter(&url, "code").unwrap(), at(25)).await.unwrap();
    assert_eq!(tokens.scope, scope("openid email"));
    let keys = world.engine.keys().current();
    let id_token: IdToken = jws::verify_id_token(&tokens.id_token.unwrap(), keys.published()).unwrap();
    assert_eq!((&*id_token.sub, id_token.acr.as_deref()), ("person-1", Some("urn:example:two")));
    assert_eq!(id_token.amr, ["pwd", "otp"]);
    let userinfo = firman_engine::userinfo::userinfo(&world.engine, &tokens.access_token, "GET", None, at(26)).await;
    assert_eq!(Value::Object(userinfo.unwrap()), json!({"sub": "person-1", "email": "r@app.example"}));
}

#[tokio::test]
async fn only_the_browser_that_was_handed_off_comes_back_and_once() {
    let (world, app, asker) = world().await;
    let ask = Ask::new(&app, "openid");
    let (mut visitor, mut another) = (Visitor::new(&world), Visitor::new(&world));
    let reference = sent(&world, &visitor, &ask, at(0)).await;
    let accept = async |said, now| login_app::accept(&world.engine, &asker, &reference, said, now).await;
    let first = accept(reader(), at(1)).await.unwrap();
    // Nobody has come back: the app may think again.
    let second = accept(yes(json!({"subject": "person-2"})), at(2)).await.unwrap();
    assert_eq!(refused(come_back(&world, &mut another, &first, at(3)).await), InvalidRequest);
    for broken in ["", "x", &first[1..], &reference] {
        assert_eq!(refused(come_back(&world, &mut visitor, broken, at(3)).await), InvalidRequest);
    }
    assert_eq!(refused(come_back(&world, &mut visitor.clone(), &first, at(121)).await), InvalidRequest, "too late");
    assert!(come_back(&world, &mut visitor, &second, at(4)).await.is_ok());
    for replayed in [&first, &second] {
        assert_eq!(refused(come_back(&world, &mut visitor.clone(), replayed, at(5)).await), InvalidRequest);
    }
    // Answered is answered, for the app too.
    assert_eq!(refused(accept(reader(), at(6)).await), InvalidRequest);
    assert_eq!(refused(login_app::read(&world.engine, &asker, &reference, at(6)).await), InvalidRequest);
    let late = sent(&world, &another, &ask, at(10)).await;
    assert!(login_app::read(&world.engine, &asker, &late, at(909)).await.is_ok());
    assert_eq!(refused(login_app::read(&world.engine, &asker, &late, at(910)).await), InvalidRequest);
}

#[tokio::test]
async fn nobody_but_the_app_is_told_or_answers() {
    let (world, app, _) = world().await;
    let reference = sent(&world, &Visitor::new(&world), &Ask::new(&app, "openid"), at(0)).await;
    let read = async |asker: &Asker| login_app::read(&world.engine, asker, &reference, at(1)).await;
    let other = asker::known(&world.engine, &app.credentials, at(1)).await.unwrap();
    assert_eq!(refused(read(&other).await), UnauthorizedClient);
    let no = Reject { error: "access_denied".to_owned(), error_description: None };
    assert_eq!(
        refused(login_app::accept(&world.engine, &other, &reference, reader(), at(1)).await),
        UnauthorizedClient
    );
    assert_eq!(refused(login_app::reject(&world.engine, &other, &reference, no, at(1)).await), UnauthorizedClient);
    // Settings name it, and still: it cannot prove who it is.
    let public = world.app_with("public", |new| {
        new.metadata.token_endpoint_auth_method = AuthMethod::None;
        new.metadata.grant_types.retain(|grant| grant.as_str() != "client_credentials");
    });
    let public = asker::known(&world.engine, &public.await.credentials, at(1)).await.unwrap();
    assert_eq!(refused(read(&public).await), InvalidClient);

    // By a token with the scope, and by none without it.
    let needed = scope(login_app::SCOPE);
    for (granted, told) in [(login_app::SCOPE, true), ("read", false)] {
        let holder = world.app_with(&format!("holder-of-{granted}"), |new| new.metadata.scope = scope(granted)).await;
        let request = ClientCredentialsRequest { scope: Some(scope(granted)), resource: Vec::new() };
        let token = world.token(&holder, TokenRequest::ClientCredentials(request), at(1)).await.unwrap().access_token;
        let path = "/login-app/request";
        let shown = Bearer { token: &token, proof: None, certificate: None, method: "GET", path };
        match asker::by_token(&world.engine, &shown, &needed, at(1)).await {
            Ok(asker) => assert!(told && read(&asker).await.is_ok(), "{granted}"),
            refusal => assert_eq!((told, refused(refusal)), (false, InsufficientScope)),
        }
    }
}

#[tokio::test]
async fn a_no_reaches_the_client_in_the_apps_words() {
    let (world, app, asker) = world().await;
    let mut visitor = Visitor::new(&world);
    for (no, error, text) in [
        (json!({}), "access_denied", "the person did not sign in or say yes"),
        (json!({"error": "login_required", "error_description": "gone home"}), "login_required", "gone home"),
    ] {
        let reference = sent(&world, &visitor, &Ask::new(&app, "openid"), at(0)).await;
        let no: Reject = serde_json::from_value(no).unwrap();
        let answer = login_app::reject(&world.engine, &asker, &reference, no, at(1)).await.unwrap();
        let next = come_back(&world, &mut visitor, &answer, at(2)).await.unwrap();
        let Next::Client(url) = next else { panic!("{next:?}") };
        assert_eq!(parameter(&url, "error").as_deref(), Some(error));
        assert_eq!(parameter(&url, "error_description").as_deref(), Some(text));
        assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
    }
    let reference = sent(&world, &visitor, &Ask::new(&app, "openid"), at(0)).await;
    for wrong in [json!({"error": "magic"}), json!({"error_description": "a \"quote\""})] {
        let no: Reject = serde_json::from_value(wrong).unwrap();
        assert_eq!(refused(login_app::reject(&world.engine, &asker, &reference, no, at(1)).await), InvalidRequest);
    }
    for wrong in [
        json!({}),
        json!({"subject": ""}),
        json!({"subject": "a", "username": ""}),
        json!({"subject": "a", "amr": vec!["x"; 17]}),
        json!({"subject": "a", "claims": {"name": "n".repeat(2048)}}),
    ] {
        let text = wrong.to_string();
        let said = login_app::accept(&world.engine, &asker, &reference, yes(wrong), at(1)).await;
        assert_eq!(refused(said), InvalidRequest, "{text}");
    }
}

#[tokio::test]
async fn consent_is_of_whoever_was_asked() {
    let (world, app, asker) = world().await;
    let ask = Ask::new(&app, "openid read");
    let mut visitor = Visitor::new(&world);
    let next = sign_in(&world, &asker, &mut visitor, &ask, reader(), at(0)).await;
    let Next::Consent(request) = next else { panic!("{next:?}") };
    let reference = hand_off(&world, &visitor, Kind::Consent, &request, at(1)).await;
    let answer = login_app::accept(&world.engine, &asker, &reference, Accept::default(), at(2)).await.unwrap();
    let again = ask.with("prompt", "login");
    sign_in(&world, &asker, &mut visitor, &again, yes(json!({"subject": "person-2"})), at(3)).await;
    assert_eq!(refused(come_back(&world, &mut visitor, &answer, at(4)).await), InvalidRequest);
}

#[tokio::test]
async fn an_app_asks_who_wants_to_sign_out() {
    let (world, app, asker) = world().await;
    let mut visitor = Visitor::new(&world);
    sign_in(&world, &asker, &mut visitor, &Ask::new(&app, "openid"), reader(), at(0)).await;
    let asked = LogoutRequest { logout_hint: Some("somebody".to_owned()), ..LogoutRequest::default() };
    for (says_yes, now) in [(false, 10), (true, 20)] {
        let request = logout::request(&world.engine, &asked, at(now)).await.unwrap();
        let reference = hand_off(&world, &visitor, Kind::Logout, &request, at(now)).await;
        let told = login_app::read(&world.engine, &asker, &reference, at(now)).await.unwrap();
        assert_eq!((&told["kind"], &told["logout_hint"]), (&json!("logout"), &json!("somebody")));
        assert_eq!(told["session"]["username"], "reader");
        let answer = if says_yes {
            login_app::accept(&world.engine, &asker, &reference, Accept::default(), at(now)).await.unwrap()
        } else {
            let no: Reject = serde_json::from_value(json!({})).unwrap();
            login_app::reject(&world.engine, &asker, &reference, no, at(now)).await.unwrap()
        };
        let resumed = login_app::resume(&world.engine, &visitor.browser(), &answer, at(now + 1)).await.unwrap();
        assert_eq!(matches!(resumed, Resumed::Left(_)), says_yes);
        assert_eq!(matches!(resumed, Resumed::Stayed), !says_yes);
        let silent = Ask::new(&app, "openid").with("prompt", "none");
        let next = world.authorize(&visitor, &silent, at(now + 2)).await.unwrap();
        let Next::Client(url) = next else { panic!("{next:?}") };
        let still = parameter(&url, "error").as_deref() != Some("login_required");
        assert_eq!(still, !says_yes, "{url}");
    }
}

/// Whoever gives claims of people.
struct Directory;

#[async_trait]
impl Fetch for Directory {
    async fn get(&self, _: &Wanted<'_>, _: Timestamp) -> Result<Arc<Document>, FetchError> {
        Err(FetchError::Refused("nothing is here".into()))
    }

    async fn send(&self, call: &Call<'_>) -> Result<Reply, FetchError> {
        assert_eq!(call.headers, [("authorization", "Bearer s3cret")]);
        assert!(call.body.is_none() && call.wants_body);
        let (status, body) = match call.url {
            "https://accounts.example/claims?sub=person-1" => (200, json!({"name": "A Reader"}).to_string()),
            "https://accounts.example/claims?sub=person-2" => (404, String::new()),
            "https://accounts.example/claims?sub=person-3" => (200, "[]".to_owned()),
            "https://accounts.example/claims?sub=person-4" => (500, String::new()),
            _ => return Err(FetchError::Failed("nobody answers".into())),
        };
        Ok(Reply { status, media_type: "application/json".to_owned(), body: body.into_bytes() })
    }
}

#[tokio::test]
async fn claims_are_asked_for_where_an_address_for_them_is_set() {
    let of = ClaimsOf { url: "https://accounts.example/claims".to_owned(), secret: Some("s3cret".to_owned()) };
    assert!(!format!("{of:?}").contains("s3cret"));
    let world = World::new().await;
    let accounts =
        ToldAccounts::new(Arc::clone(world.engine.store()), IssuerNumber(0), Some((of, Arc::new(Directory))));
    let claims = async |who: &str| accounts.claims(&Subject::new(who).unwrap()).await;
    assert_eq!(claims("person-1").await.unwrap().unwrap()["name"], "A Reader");
    assert_eq!(claims("person-2").await.unwrap(), None);
    for broken in ["person-3", "person-4", "person-5"] {
        let fault = fault(claims(broken).await.map_err(Failure::Fault));
        assert!(fault.temporary, "{broken}");
    }
    assert!(accounts.authenticate("person-1", "x", at(0)).await.unwrap().is_none(), "nobody signs in here");
}

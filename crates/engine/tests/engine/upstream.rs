//! People who sign in at another identity provider.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_engine::Failure;
use firman_engine::authorize::Next;
use firman_engine::upstream::{self, Returned, What};
use firman_proto::acr::{Class, Classes};
use firman_proto::error::ErrorCode::{self, InvalidRequest};
use firman_proto::pkce::Challenge;
use firman_store::Page;
use firman_store::record::{Account, EventKind};
use serde_json::{Value, json};

use crate::support::{Ask, Away, Idp, Visitor, World, at, parameter, refused, world_of, world_with};

fn with(away: &Away, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut answer = away.answer();
    answer.retain(|(known, _)| *known != name);
    answer.push((name, value.to_owned()));
    answer
}

fn without(away: &Away, name: &str) -> Vec<(&'static str, String)> {
    away.answer().into_iter().filter(|(known, _)| *known != name).collect()
}

async fn accounts(world: &World) -> Vec<Account> {
    world.engine.store().accounts(world.engine.number(), Page::first(9)).await.unwrap()
}

/// The claims of the ID token of a code.
async fn id_token(world: &World, app: &crate::support::App, code: &str, now: i64) -> Value {
    let token = world.redeem(app, code, at(now)).await.unwrap().id_token.expect("an ID token");
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

// OpenID Connect Core §3.1.2.1, §3.1.2.5, RFC 7636 §4.3, §4.5, RFC 6749 §2.3.1.
#[tokio::test]
async fn somebody_signs_in_at_a_provider_and_the_client_gets_its_code() {
    let (idp, now) = (Idp::new(), at(10));
    let world = world_of(&idp, &json!({"scope": "openid profile"})).await;
    let app = world.app("app").await;
    let mut away = world.off(&Ask::new(&app, "openid profile").with("login_hint", "al"), now).await;
    assert!(away.departure.to.starts_with("https://idp.example/auth?response_type=code&client_id=us&"));
    for (name, value) in [
        ("redirect_uri", "https://login.example/login/upstream/callback/uni"),
        ("scope", "openid profile"),
        ("code_challenge_method", "S256"),
        ("login_hint", "al"),
    ] {
        assert_eq!(away.parameter(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(away.parameter("state").as_deref(), Some(away.departure.state.as_str()));
    assert_eq!(away.departure.state.len(), 43);
    assert!(accounts(&world).await.is_empty(), "nothing is written for who has not come back");

    let mut claims = Idp::claims("alice", &away.nonce(), now);
    claims["preferred_username"] = "alice@uni.example".into();
    idp.vouch(&claims);
    let Next::Consent(request) = world.welcomed(&mut away, at(20)).await else { panic!("not asked") };
    let heard = idp.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].authorization.as_deref(), Some("Basic dXM6aHVzaCUzQWh1c2g="));
    assert_eq!(heard[0].parameter("code").as_deref(), Some("a code"));
    let challenge = Challenge::s256(&heard[0].parameter("code_verifier").unwrap());
    assert_eq!(Some(challenge), away.parameter("code_challenge"));
    assert_eq!(heard[0].parameter("redirect_uri"), away.parameter("redirect_uri"));

    let Next::Client(url) = world.allow(&away.visitor, &request, at(21)).await.unwrap() else {
        panic!("not sent back")
    };
    assert_eq!(parameter(&url, "state").as_deref(), Some("a state"), "the client's own");
    let token = id_token(&world, &app, &parameter(&url, "code").unwrap(), 22).await;
    let account = accounts(&world).await.pop().unwrap();
    assert_eq!(token["sub"], json!(account.id.to_string()));
    assert_eq!(account.username, "alice@uni.example");
    assert_eq!(account.password, None);
    assert_eq!(world.events(EventKind::AccountCreated).await.len(), 1);

    // The next time they are the same person, and no second account is made.
    world.code_of_guest(&idp, &Ask::new(&app, "openid profile"), &json!({"preferred_username": "al"}), at(30)).await;
    assert_eq!(accounts(&world).await.len(), 1);
    assert_eq!(accounts(&world).await[0].upstreams.links[0].claims["preferred_username"], json!("al"));
}

// OpenID Connect Core §9, RFC 7523 §2.2, §3, RFC 6749 §2.3.1.
#[tokio::test]
async fn the_server_proves_who_it_is_in_the_way_that_was_agreed() {
    let now = at(10);
    for method in ["client_secret_post", "private_key_jwt", "none"] {
        let idp = Idp::new();
        let world = world_of(&idp, &json!({"authentication": method})).await;
        let app = world.app("app").await;
        world.code_of_guest(&idp, &Ask::new(&app, "openid"), &json!({}), now).await;
        let heard = idp.heard().pop().unwrap();
        assert_eq!((heard.parameter("client_id").as_deref(), &heard.authorization), (Some("us"), &None), "{method}");
        let secret = (method == "client_secret_post").then_some("hush:hush");
        assert_eq!(heard.parameter("client_secret").as_deref(), secret);
        let Some(assertion) = heard.parameter("client_assertion") else {
            assert_ne!(method, "private_key_jwt");
            continue;
        };
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap()).unwrap();
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("us"), &json!("us")));
        assert_eq!((&claims["aud"], &claims["exp"]), (&json!("https://idp.example"), &json!(now.seconds() + 60)));
    }
}

// OpenID Connect Core §3.1.3.7.
#[tokio::test]
async fn the_clock_of_a_provider_may_differ_by_what_is_set() {
    let now = at(10);
    for (settings, ahead, taken) in [
        (json!({}), 60, true),
        (json!({}), 61, false),
        (json!({"clock_skew_seconds": 0}), 1, false),
        (json!({"clock_skew_seconds": 300}), 300, true),
        (json!({"clock_skew_seconds": 300}), 301, false),
    ] {
        let idp = Idp::new();
        let world = world_of(&idp, &settings).await;
        let app = world.app("app").await;
        let mut away = world.off(&Ask::new(&app, "openid"), now).await;
        idp.vouch(&Idp::claims("alice", &away.nonce(), at(10 + ahead)));
        if taken {
            world.welcomed(&mut away, now).await;
        } else {
            assert_eq!(world.troubled(&away, &away.answer(), now).await.what, What::Unproved, "{settings} {ahead}");
        }
    }
}

// OpenID Connect Core §3.1.3.7, RFC 9207 §2.4, RFC 9700 §4.4.2.
#[tokio::test]
async fn what_is_no_proof_signs_nobody_in() {
    let (idp, now) = (Idp::new(), at(10));
    let world = world_of(&idp, &json!({})).await;
    let app = world.app("app").await;
    for (name, value) in [
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("aud", json!("others")),
        ("iss", json!("https://evil.example")),
        ("exp", json!(now.seconds() - 100)),
        ("sub", json!("")),
        ("azp", json!("others")),
    ] {
        let away = world.off(&Ask::new(&app, "openid"), now).await;
        let mut claims = Idp::claims("alice", &away.nonce(), now);
        claims[name] = value;
        idp.vouch(&claims);
        let trouble = world.troubled(&away, &away.answer(), now).await;
        assert_eq!((trouble.what, trouble.code), (What::Unproved, ErrorCode::AccessDenied), "{name}");
    }
    // Signed by somebody else, by nobody, or not there at all.
    let away = world.off(&Ask::new(&app, "openid"), now).await;
    let claims = Idp::claims("alice", &away.nonce(), now);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims));
    for id_token in [Some(crate::support::Signer::new().sign(&claims)), Some(unsigned), None] {
        idp.set_reply(200, &json!({"access_token": "at", "id_token": id_token}));
        let trouble = world.troubled(&away, &away.answer(), now).await;
        assert_eq!(trouble.what, What::Unproved);
    }
    idp.set_reply(400, &json!({"error": "invalid_grant"}));
    assert_eq!(world.troubled(&away, &away.answer(), now).await.what, What::Unproved, "a bad code");
    assert!(accounts(&world).await.is_empty());
}

// RFC 9207 §2.4, RFC 9700 §4.4.2.
#[tokio::test]
async fn an_answer_of_another_issuer_is_not_taken() {
    let (idp, now) = (Idp::new(), at(10));
    let world = world_of(&idp, &json!({})).await;
    let app = world.app("app").await;
    let away = world.off(&Ask::new(&app, "openid"), now).await;
    idp.vouch(&Idp::claims("alice", &away.nonce(), now));
    let evil = with(&away, "iss", "https://evil.example");
    assert_eq!(refused(world.back(&away, &evil, now).await), InvalidRequest);
    let mut error = with(&away, "iss", "https://evil.example");
    error.push(("error", "access_denied".to_owned()));
    assert_eq!(refused(world.back(&away, &error, now).await), InvalidRequest);
    assert!(idp.heard().is_empty(), "no code is sent anywhere");
    // At another provider's address.
    let query = format!("code=x&state={}", away.departure.state);
    let form = firman_proto::form::Form::parse(query.as_bytes()).unwrap();
    let errand = Some(away.departure.errand.as_str());
    let elsewhere = upstream::back(&world.engine, &away.visitor.browser(), ("lab", &form, errand), now).await;
    assert_eq!(refused(elsewhere), InvalidRequest);
    // Where it says that it always names itself, it must.
    idp.set_metadata("authorization_response_iss_parameter_supported", true.into());
    assert_eq!(refused(world.back(&away, &away.answer(), now).await), InvalidRequest);
    let named = with(&away, "iss", "https://idp.example");
    assert!(matches!(world.back(&away, &named, now).await.unwrap(), Returned::Welcome(..)));
}

// OpenID Connect Core §3.1.2.1 state, RFC 9700 §4.7.
#[tokio::test]
async fn an_answer_counts_in_its_own_browser_in_time_and_once() {
    let (idp, now) = (Idp::new(), at(10));
    let world = world_of(&idp, &json!({})).await;
    let app = world.app("app").await;
    let mut away = world.off(&Ask::new(&app, "openid"), now).await;
    idp.vouch(&Idp::claims("alice", &away.nonce(), now));
    let stranger =
        Away { visitor: Visitor::new(&world), departure: world.off(&Ask::new(&app, "openid"), now).await.departure };
    assert_eq!(refused(world.back(&stranger, &stranger.answer(), now).await), InvalidRequest, "another browser");
    let other = world.off_with(away.visitor.clone(), &Ask::new(&app, "openid"), now).await;
    for own in ["state", "nonce", "code_challenge"] {
        assert_ne!(away.parameter(own), other.parameter(own), "{own} is of each sign-in");
    }
    assert_eq!(refused(world.back(&away, &other.answer(), now).await), InvalidRequest, "another state");
    assert_eq!(refused(world.back(&away, &with(&away, "state", "x"), now).await), InvalidRequest);
    assert_eq!(refused(world.back(&away, &without(&away, "state"), now).await), InvalidRequest);
    assert_eq!(refused(world.back(&away, &without(&away, "code"), now).await), InvalidRequest);
    assert_eq!(refused(world.back(&away, &away.answer(), at(610)).await), InvalidRequest, "too late");
    assert!(idp.heard().is_empty(), "no code is sent anywhere");
    idp.vouch(&Idp::claims("alice", &away.nonce(), at(609)));
    world.welcomed(&mut away, at(609)).await;
    let again = world.back(&away, &away.answer(), at(609)).await;
    assert_eq!(refused(again), InvalidRequest, "a second completion");
}

// RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6.
#[tokio::test]
async fn an_error_of_the_provider_reaches_the_client_as_the_right_one() {
    let (idp, now) = (Idp::new(), at(10));
    let world = world_of(&idp, &json!({})).await;
    let app = world.app("app").await;
    for (error, what, told) in [
        ("access_denied", What::Refused, "access_denied"),
        ("login_required", What::Refused, "login_required"),
        ("interaction_required", What::Refused, "login_required"),
        ("unmet_authentication_requirements", What::Refused, "unmet_authentication_requirements"),
        ("temporarily_unavailable", What::Unreachable, "temporarily_unavailable"),
        ("server_error", What::Unreachable, "temporarily_unavailable"),
        ("invalid_scope", What::Refused, "server_error"),
        ("<script>", What::Refused, "server_error"),
    ] {
        let away = world.off(&Ask::new(&app, "openid"), now).await;
        let mut answer = without(&away, "code");
        answer.push(("error", error.to_owned()));
        let trouble = world.troubled(&away, &answer, now).await;
        assert_eq!(trouble.what, what, "{error}");
        let (browser, code) = (away.visitor.browser(), trouble.code.as_str());
        let next = upstream::leave(&world.engine, &browser, &trouble.request, code, now).await.unwrap();
        let Next::Client(url) = next else { panic!("not sent back") };
        assert_eq!(parameter(&url, "error").as_deref(), Some(told), "{error}");
        assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
    }
}

#[tokio::test]
async fn a_provider_that_is_down_loses_nobodys_request() {
    let (idp, now) = (Idp::new(), at(10));
    let world = world_of(&idp, &json!({})).await;
    let app = world.app("app").await;
    let visitor = Visitor::new(&world);
    let Next::Login(request) = world.authorize(&visitor, &Ask::new(&app, "openid"), now).await.unwrap() else {
        panic!()
    };
    idp.set_down(true);
    let went = upstream::go(&world.engine, &visitor.browser(), &request, "uni", now).await.unwrap();
    let upstream::Went::Trouble(trouble) = went else { panic!("went") };
    assert_eq!((trouble.what, trouble.code), (What::Unreachable, ErrorCode::TemporarilyUnavailable));
    idp.set_down(false);
    let again = upstream::go(&world.engine, &visitor.browser(), &trouble.request, "uni", at(11)).await.unwrap();
    let upstream::Went::Off(departure) = again else { panic!("did not go") };
    // What it said of itself is known by now; nobody is sent to where nobody answers, all the same.
    idp.set_down(true);
    let went = upstream::go(&world.engine, &visitor.browser(), &trouble.request, "uni", at(12)).await.unwrap();
    assert!(matches!(went, upstream::Went::Trouble(trouble) if trouble.what == What::Unreachable));
    idp.set_down(false);
    // Down while they are there, and up again.
    let away = Away { visitor, departure };
    for down in [(500, json!({})), (200, json!("no object"))] {
        idp.set_reply(down.0, &down.1);
        assert_eq!(world.troubled(&away, &away.answer(), at(12)).await.what, What::Unreachable);
    }
    idp.set_down(true);
    assert_eq!(world.troubled(&away, &away.answer(), at(12)).await.what, What::Unreachable);
    idp.set_down(false);
    idp.vouch(&Idp::claims("alice", &away.nonce(), at(12)));
    assert!(matches!(world.back(&away, &away.answer(), at(13)).await, Ok(Returned::Welcome(..))));
}

// OpenID Connect Core §3.1.2.1, §2 (auth_time, amr, acr).
#[tokio::test]
async fn what_the_client_asks_of_the_sign_in_is_asked_there_and_checked() {
    let (idp, now) = (Idp::new(), at(1000));
    let classes = ["low =", "high = mfa"].map(|text| Class::parse(text).unwrap()).to_vec();
    let settings = json!({"acr": {"high": "urn:uni:2"}, "amr": ["fed"]});
    let world = world_with(&idp, &settings, |parts| parts.policy.acr = Classes::new(classes).unwrap()).await;
    let app = world.app_with("app", |new| new.policy.skip_consent = true).await;
    let anew = Ask::new(&app, "openid").with("prompt", "login");

    // Who proved it before they were sent has not proved it anew; who does not say when has not either.
    for auth_time in [json!(at(900).seconds()), Value::Null] {
        let away = world.off(&anew, now).await;
        assert_eq!(away.parameter("prompt").as_deref(), Some("login"));
        assert_eq!(away.parameter("max_age").as_deref(), Some("0"));
        let mut claims = Idp::claims("alice", &away.nonce(), at(1010));
        claims["auth_time"] = auth_time;
        idp.vouch(&claims);
        assert_eq!(world.troubled(&away, &away.answer(), at(1010)).await.what, What::Unproved);
    }
    let code = world.code_of_guest(&idp, &anew, &json!({"auth_time": now.seconds()}), now).await;
    assert_eq!(id_token(&world, &app, &code, 1001).await["auth_time"], json!(now.seconds()));

    // When they proved it is told as it was; too long ago is not taken.
    let young = Ask::new(&app, "openid").with("max_age", "300");
    let before = json!({"auth_time": at(800).seconds(), "amr": ["pwd"]});
    let code = world.code_of_guest(&idp, &young, &before, now).await;
    let token = id_token(&world, &app, &code, 1001).await;
    assert_eq!((&token["auth_time"], &token["amr"]), (&json!(at(800).seconds()), &json!(["fed", "pwd"])));
    assert_eq!(token["acr"], json!("low"));
    let away = world.off(&young, now).await;
    assert_eq!(away.parameter("max_age").as_deref(), Some("300"));
    let mut claims = Idp::claims("alice", &away.nonce(), now);
    claims["auth_time"] = at(600).seconds().into();
    idp.vouch(&claims);
    assert_eq!(world.troubled(&away, &away.answer(), now).await.what, What::Unproved);

    // Classes by their names there, and back.
    let high = Ask::new(&app, "openid").with("acr_values", "high");
    let code = world.code_of_guest(&idp, &high, &json!({"acr": "urn:uni:2"}), now).await;
    assert_eq!(id_token(&world, &app, &code, 1001).await["acr"], json!("high"));
    let mut away = world.off(&high, now).await;
    assert_eq!(away.parameter("acr_values").as_deref(), Some("urn:uni:2"));
    idp.vouch(&Idp::claims("alice", &away.nonce(), now));
    let Next::Client(url) = world.welcomed(&mut away, now).await else { panic!("not told") };
    assert_eq!(parameter(&url, "error").as_deref(), Some("unmet_authentication_requirements"));
}

// OpenID Connect Core §5.3.2, §5.3.4, §5.7.
#[tokio::test]
async fn userinfo_adds_what_the_id_token_does_not_say_and_is_about_the_same_person() {
    let (idp, now) = (Idp::new(), at(10));
    let world = world_of(&idp, &json!({"userinfo": true, "groups": "roles"})).await;
    let app = world.app("app").await;
    idp.set_userinfo(
        json!({"sub": "alice", "name": "Alice", "roles": ["staff"], "email": "a@uni.example", "email_verified": true}),
    );
    let code = world.code_of_guest(&idp, &Ask::new(&app, "openid profile email"), &json!({"name": "A."}), now).await;
    let token = world.redeem(&app, &code, at(11)).await.unwrap().access_token;
    let shown = firman_engine::userinfo::userinfo(&world.engine, &token, "GET", None, at(12)).await.unwrap();
    assert_eq!((&shown["name"], &shown["email"]), (&json!("A."), &json!("a@uni.example")));
    assert_eq!(shown["email_verified"], json!(false), "nobody here trusts them with that");
    assert_eq!(accounts(&world).await[0].upstreams.links[0].claims["groups"], json!(["staff"]));
    let bearer = idp.heard().pop().unwrap();
    assert_eq!(
        (bearer.url.as_str(), bearer.authorization.as_deref()),
        ("https://idp.example/userinfo", Some("Bearer at"))
    );

    idp.set_userinfo(json!({"sub": "mallory"}));
    let away = world.off(&Ask::new(&app, "openid"), now).await;
    idp.vouch(&Idp::claims("alice", &away.nonce(), now));
    assert_eq!(world.troubled(&away, &away.answer(), now).await.what, What::Unproved);
}

#[tokio::test]
async fn many_who_come_for_the_first_time_at_once_are_one_person() {
    let (idp, now) = (Idp::new(), at(10));
    let world = Arc::new(world_of(&idp, &json!({"subject": "upstream"})).await);
    let app = world.app_with("app", |new| new.policy.skip_consent = true).await;
    let mut aways = Vec::new();
    for _ in 0..4 {
        aways.push(world.off(&Ask::new(&app, "openid"), now).await);
    }
    // The nonce of each is its own: the provider answers them one by one, and they arrive as they do.
    for away in &mut aways {
        idp.vouch(&Idp::claims("alice", &away.nonce(), now));
        assert!(matches!(world.welcomed(away, now).await, Next::Client(_)));
    }
    let accounts = accounts(&world).await;
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].subject().unwrap().as_str(), "uni:alice");
}

#[tokio::test]
async fn who_is_nobody_here_is_told_so() {
    let now = at(10);
    for settings in [json!({"create": false}), json!({"groups": "roles", "allowed_groups": ["staff"]})] {
        let idp = Idp::new();
        let world = world_of(&idp, &settings).await;
        let app = world.app("app").await;
        let away = world.off(&Ask::new(&app, "openid"), now).await;
        let mut claims = Idp::claims("alice", &away.nonce(), now);
        claims["roles"] = json!(["guest"]);
        idp.vouch(&claims);
        let trouble = world.troubled(&away, &away.answer(), now).await;
        assert_eq!((trouble.what, trouble.code), (What::NotAdmitted, ErrorCode::AccessDenied), "{settings}");
        assert!(accounts(&world).await.is_empty());
    }
}

#[tokio::test]
async fn nobody_is_sent_to_a_provider_that_is_none() {
    let (idp, now) = (Idp::new(), at(10));
    let world = world_of(&idp, &json!({})).await;
    let app = world.app("app").await;
    let visitor = Visitor::new(&world);
    let Next::Login(request) = world.authorize(&visitor, &Ask::new(&app, "openid"), now).await.unwrap() else {
        panic!()
    };
    let gone = upstream::go(&world.engine, &visitor.browser(), &request, "nowhere", now).await;
    assert!(matches!(gone, Err(Failure::Denied(denied)) if denied.code == InvalidRequest));
}

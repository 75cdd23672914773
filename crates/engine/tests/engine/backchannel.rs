//! People who are asked elsewhere than where they use something (OpenID Connect CIBA Core), in poll mode.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firman_engine::admin::clients;
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::Decision;
use firman_engine::backchannel::{self, Answered, Asked, Notify, Pending, Shown};
use firman_engine::sessions::SessionGrants;
use firman_engine::{Failure, Fault, Parts};
use firman_proto::backchannel::BackchannelResponse;
use firman_proto::client::GrantType;
use firman_proto::credentials::AuthMethod;
use firman_proto::error::ErrorCode::{
    self, AccessDenied, AuthorizationPending, ExpiredToken, InvalidClient, InvalidGrant, InvalidRequest, InvalidTarget,
    SlowDown, TemporarilyUnavailable, UnauthorizedClient, UnknownUserId, UnsupportedGrantType,
};
use firman_proto::form::{self, Form};
use firman_proto::time::Timestamp;
use firman_proto::token::{BackchannelTokenRequest, TokenRequest, TokenResponse};
use firman_store::Change;
use firman_store::record::{EpochKey, GrantKind};
use serde_json::{Value, json};

use crate::support::{
    App, Ask, ISSUER, Op, People, Signer, Visitor, World, at, new_client, parameter, providers, refused, with_secret,
};

const GOOD: &str = "scope=openid+read+offline_access&login_hint=somebody";

async fn world() -> (World, App) {
    world_with(|_| {}).await
}

async fn world_with(edit: impl FnOnce(&mut Parts)) -> (World, App) {
    let world = World::with(|parts| {
        parts.policy.backchannel.enabled = true;
        edit(parts);
    })
    .await;
    let app = world.app_with("app", |new| new.metadata.grant_types.push(GrantType::Backchannel)).await;
    (world, app)
}

async fn begin(world: &World, app: &App, body: &str, now: Timestamp) -> Result<BackchannelResponse, Failure> {
    let form = Form::parse(body.as_bytes()).unwrap();
    let client = authenticate(&world.engine, &app.credentials, now).await?;
    backchannel::authenticate(&world.engine, &client, &form, now).await
}

async fn ask(world: &World, app: &App, begun: &BackchannelResponse, now: Timestamp) -> Result<TokenResponse, Failure> {
    let request = BackchannelTokenRequest {
        auth_req_id: begun.auth_req_id.clone(),
        resource: Vec::new(),
        authorization_details: None,
    };
    world.token(app, TokenRequest::Backchannel(request), now).await
}

async fn told(world: &World, app: &App, begun: &BackchannelResponse, now: Timestamp) -> ErrorCode {
    refused(ask(world, app, begun, now).await)
}

/// Somebody with a browser who has signed in on the page.
async fn person(world: &World, username: &str, now: Timestamp) -> Visitor {
    let mut visitor = Visitor::new(world);
    world.enter(&mut visitor, username, now).await;
    visitor
}

async fn waiting(world: &World, visitor: &Visitor, now: Timestamp) -> Vec<Pending> {
    match backchannel::pending(&world.engine, &visitor.browser(), now).await.unwrap() {
        Shown::Pending { requests, .. } => requests,
        Shown::SignIn => panic!("not signed in"),
    }
}

async fn answer(world: &World, visitor: &Visitor, decision: Decision, now: Timestamp) -> Result<Answered, Failure> {
    let waiting = waiting(world, visitor, now).await;
    let [only] = waiting.as_slice() else { panic!("{waiting:?}") };
    backchannel::answer(&world.engine, &visitor.browser(), only.id, decision, now).await
}

// OpenID Connect CIBA Core §7, §7.1, §7.3, §10.1.
#[tokio::test]
async fn somebody_who_is_asked_elsewhere_says_yes_and_the_client_gets_tokens() {
    let (world, app) = world().await;
    let begun = begin(&world, &app, &format!("{GOOD}&binding_message=W4SCT"), at(0)).await.unwrap();
    assert!(begun.auth_req_id.starts_with("fm_cb_"));
    assert_eq!((begun.expires_in, begun.interval), (300, 5));
    assert_eq!(told(&world, &app, &begun, at(1)).await, AuthorizationPending);
    let visitor = person(&world, "somebody", at(2)).await;
    let [only] = &waiting(&world, &visitor, at(3)).await[..] else { panic!("one request") };
    assert_eq!((only.client_name.as_str(), only.binding_message.as_deref()), ("app", Some("W4SCT")));
    let answered = answer(&world, &visitor, Decision::Allow, at(4)).await.unwrap();
    assert_eq!(answered, Answered::Done(Decision::Allow));
    assert!(waiting(&world, &visitor, at(5)).await.is_empty());
    let tokens = ask(&world, &app, &begun, at(6)).await.unwrap();
    assert!(tokens.refresh_token.is_some() && tokens.id_token.is_some());
    let grant = world.grant(&app).await.record;
    assert_eq!(
        (grant.kind, grant.subject, grant.auth.auth_time),
        (GrantKind::Backchannel, Some(People::subject("somebody")), Some(at(2)))
    );
    // Claimed once.
    assert_eq!(told(&world, &app, &begun, at(12)).await, InvalidGrant);
}

#[tokio::test]
async fn who_is_asked_elsewhere_sees_for_which_resources_and_the_tokens_are_for_them() {
    let (world, app) = world().await;
    let (a, b) = ("https://a.example", "https://b.example");
    world.resource(a, |said| said.name = "Ledger".to_owned()).await;
    world.resource(b, |_| {}).await;
    let begun = begin(&world, &app, &format!("{GOOD}&resource={a}&resource={b}"), at(0)).await.unwrap();
    let visitor = person(&world, "somebody", at(1)).await;
    assert_eq!(waiting(&world, &visitor, at(1)).await[0].resources, ["Ledger", b]);
    answer(&world, &visitor, Decision::Allow, at(2)).await.unwrap();
    let poll = |named: &str| {
        let request = BackchannelTokenRequest {
            auth_req_id: begun.auth_req_id.clone(),
            resource: vec![named.to_owned()],
            authorization_details: None,
        };
        world.token(&app, TokenRequest::Backchannel(request), at(9))
    };
    assert_eq!(refused(poll(ISSUER).await), InvalidTarget);
    let token = poll(b).await.unwrap().access_token;
    assert_eq!(world.introspect(&app, &token, at(9)).await["aud"], json!([b]));
    let unknown = begin(&world, &app, &format!("{GOOD}&resource=https://unknown.example"), at(10)).await;
    assert_eq!(refused(unknown), InvalidTarget);
}

// RFC 6749 §3.3, §5.2.
#[tokio::test]
async fn what_is_kept_for_groups_elsewhere_is_not_allowed_by_others() {
    let kept = providers(&json!({"groups": "roles", "scopes": {"read": ["staff"]}}));
    let (world, app) = world_with(|parts| parts.policy.upstream.providers = kept).await;
    let visitor = person(&world, "somebody", at(0)).await;
    let begun = begin(&world, &app, GOOD, at(1)).await.unwrap();
    answer(&world, &visitor, Decision::Allow, at(2)).await.unwrap();
    assert_eq!(ask(&world, &app, &begun, at(6)).await.unwrap().scope.as_str(), "offline_access openid");
}

// OpenID Connect CIBA Core §11.
#[tokio::test]
async fn who_asks_too_soon_waits_longer() {
    let (world, app) = world().await;
    let begun = begin(&world, &app, GOOD, at(0)).await.unwrap();
    for (now, error) in [(0, AuthorizationPending), (4, SlowDown), (14, AuthorizationPending)] {
        assert_eq!(told(&world, &app, &begun, at(now)).await, error, "at {now}");
    }
}

// OpenID Connect CIBA Core §11.
#[tokio::test]
async fn saying_no_is_told_to_the_client_and_silence_ends() {
    let (world, app) = world().await;
    let visitor = person(&world, "somebody", at(0)).await;
    let begun = begin(&world, &app, GOOD, at(0)).await.unwrap();
    answer(&world, &visitor, Decision::Deny, at(1)).await.unwrap();
    assert_eq!(told(&world, &app, &begun, at(2)).await, AccessDenied);
    let short = begin(&world, &app, &format!("{GOOD}&requested_expiry=60"), at(100)).await.unwrap();
    assert_eq!(short.expires_in, 60);
    let id = waiting(&world, &visitor, at(101)).await[0].id;
    assert_eq!(told(&world, &app, &short, at(160)).await, ExpiredToken);
    assert!(waiting(&world, &visitor, at(160)).await.is_empty());
    let late = backchannel::answer(&world.engine, &visitor.browser(), id, Decision::Allow, at(160)).await;
    assert_eq!(refused(late), ExpiredToken);
    // No request waits longer than the server lets it.
    let long = begin(&world, &app, &format!("{GOOD}&requested_expiry=100000"), at(200)).await.unwrap();
    assert_eq!(long.expires_in, 300);
}

#[tokio::test]
async fn nobody_sees_or_answers_what_waits_for_somebody_else() {
    let (world, app) = world().await;
    let begun = begin(&world, &app, GOOD, at(0)).await.unwrap();
    let (theirs, other) = (person(&world, "somebody", at(1)).await, person(&world, "another", at(1)).await);
    let id = waiting(&world, &theirs, at(2)).await[0].id;
    assert!(waiting(&world, &other, at(2)).await.is_empty());
    let answered = backchannel::answer(&world.engine, &other.browser(), id, Decision::Allow, at(2)).await;
    assert_eq!(refused(answered), ExpiredToken);
    let nobody = Visitor::new(&world);
    let answered = backchannel::answer(&world.engine, &nobody.browser(), id, Decision::Allow, at(2)).await.unwrap();
    assert_eq!(answered, Answered::SignIn);
    assert!(matches!(backchannel::pending(&world.engine, &nobody.browser(), at(2)).await.unwrap(), Shown::SignIn));
    assert_eq!(told(&world, &app, &begun, at(3)).await, AuthorizationPending);
}

#[tokio::test]
async fn nobody_is_flooded() {
    let (world, app) = world().await;
    for _ in 0..5 {
        begin(&world, &app, GOOD, at(0)).await.unwrap();
    }
    assert_eq!(refused(begin(&world, &app, GOOD, at(1)).await), TemporarilyUnavailable);
    begin(&world, &app, &GOOD.replace("somebody", "another"), at(1)).await.unwrap();
    // A place is free again when its request is answered, or its time is up.
    let visitor = person(&world, "somebody", at(2)).await;
    let all = waiting(&world, &visitor, at(2)).await;
    assert_eq!(all.len(), 5);
    backchannel::answer(&world.engine, &visitor.browser(), all[2].id, Decision::Deny, at(3)).await.unwrap();
    begin(&world, &app, GOOD, at(4)).await.unwrap();
    assert_eq!(refused(begin(&world, &app, GOOD, at(5)).await), TemporarilyUnavailable);
    begin(&world, &app, GOOD, at(300)).await.unwrap();
}

// OpenID Connect CIBA Core §7.1, §13.
#[tokio::test]
async fn a_hint_names_somebody_who_is_here() {
    let (world, app) = world().await;
    let (_, url) = world.walk(&Ask::new(&app, "openid"), "somebody", at(0)).await;
    let tokens = world.redeem(&app, &parameter(&url, "code").unwrap(), at(0)).await.unwrap();
    let hint = |token: &str| format!("scope=openid&id_token_hint={token}");
    let id_token = tokens.id_token.unwrap();
    // Also when it has expired.
    begin(&world, &app, &hint(&id_token), at(10_000)).await.unwrap();
    assert_eq!(waiting(&world, &person(&world, "somebody", at(10_000)).await, at(10_001)).await.len(), 1);
    let other = world.app_with("other", |new| new.metadata.grant_types.push(GrantType::Backchannel)).await;
    assert_eq!(refused(begin(&world, &other, &hint(&id_token), at(1)).await), InvalidRequest);
    let forged = Signer::new().sign(&json!({"iss": ISSUER, "aud": "app", "sub": "x", "exp": 1, "iat": 1}));
    assert_eq!(refused(begin(&world, &app, &hint(&forged), at(1)).await), InvalidRequest);
    let token_hint = format!("scope=openid&login_hint_token={forged}");
    assert_eq!(refused(begin(&world, &app, &token_hint, at(1)).await), InvalidRequest);
    world.people.leave("somebody");
    assert_eq!(refused(begin(&world, &app, &hint(&id_token), at(1)).await), UnknownUserId);
    assert_eq!(refused(begin(&world, &app, GOOD, at(1)).await), UnknownUserId);
}

// OpenID Connect CIBA Core §4, §7.1.
#[tokio::test]
async fn who_may_not_have_people_asked_is_refused() {
    let (world, app) = world().await;
    let begun = begin(&world, &app, GOOD, at(0)).await.unwrap();
    assert_eq!(refused(begin(&world, &with_secret(&app, "wrong"), GOOD, at(0)).await), InvalidClient);
    let silent =
        world.app_with("silent", |new| new.metadata.grant_types.retain(|of| *of != GrantType::Backchannel)).await;
    assert_eq!(refused(begin(&world, &silent, GOOD, at(0)).await), UnauthorizedClient);
    assert_eq!(told(&world, &silent, &begun, at(1)).await, UnauthorizedClient);
    let other = world.app_with("other", |new| new.metadata.grant_types.push(GrantType::Backchannel)).await;
    assert_eq!(told(&world, &other, &begun, at(1)).await, InvalidGrant);
    for wrong in ["x", &begun.auth_req_id.replace("fm_cb_", "fm_dc_"), &format!("{}A", begun.auth_req_id)] {
        let wrong = BackchannelResponse { auth_req_id: wrong.to_owned(), ..begun.clone() };
        assert_eq!(told(&world, &app, &wrong, at(1)).await, InvalidGrant);
    }
    for (member, edit) in [
        ("grant_types", json!({"token_endpoint_auth_method": "none"})),
        ("backchannel_token_delivery_mode", json!({"backchannel_token_delivery_mode": "ping"})),
        ("backchannel_user_code_parameter", json!({"backchannel_user_code_parameter": true})),
        (
            "backchannel_authentication_request_signing_alg",
            json!({"backchannel_authentication_request_signing_alg": "HS256"}),
        ),
        ("jwks", json!({"backchannel_authentication_request_signing_alg": "ES256"})),
    ] {
        let new = new_client("new", |new| {
            let mut members = serde_json::to_value(&new.metadata).unwrap();
            members["grant_types"] = json!([GrantType::Backchannel.as_str()]);
            members.as_object_mut().unwrap().extend(edit.as_object().unwrap().clone());
            new.metadata = serde_json::from_value(members).unwrap();
        });
        let refused = clients::create(&world.engine, new, at(0)).await.unwrap_err().to_string();
        assert!(refused.contains(member), "{member}: {refused}");
    }
}

#[tokio::test]
async fn signing_out_everywhere_kills_what_was_said_elsewhere() {
    let (world, app) = world().await;
    let begun = begin(&world, &app, GOOD, at(0)).await.unwrap();
    let visitor = person(&world, "somebody", at(1)).await;
    answer(&world, &visitor, Decision::Allow, at(2)).await.unwrap();
    world.commit(Change::AdvanceEpoch(EpochKey::subject(world.engine.number(), &People::subject("somebody")))).await;
    assert_eq!(told(&world, &app, &begun, at(3)).await, InvalidGrant);
}

#[tokio::test]
async fn what_was_said_elsewhere_ends_with_the_session_where_everything_does() {
    for (policy, ends) in [(SessionGrants::Online, false), (SessionGrants::All, true)] {
        let (world, app) = world_with(|parts| parts.policy.session_grants = policy).await;
        let begun = begin(&world, &app, GOOD, at(0)).await.unwrap();
        let visitor = person(&world, "somebody", at(1)).await;
        answer(&world, &visitor, Decision::Allow, at(2)).await.unwrap();
        let session = world.flow().await.approval.unwrap().session.unwrap();
        world.commit(Change::EndSession { id: session, now: at(2) }).await;
        let told = ask(&world, &app, &begun, at(3)).await;
        assert_eq!(told.is_err(), ends, "{policy:?}");
        if ends {
            assert_eq!(refused(told), InvalidGrant);
        }
    }
}

#[tokio::test]
async fn a_question_is_one_read_and_one_commit_at_most() {
    let (world, app) = world().await;
    let begun = begin(&world, &app, GOOD, at(0)).await.unwrap();
    world.store.forget_calls();
    assert_eq!(told(&world, &app, &begun, at(1)).await, AuthorizationPending);
    assert_eq!((world.store.count(Op::Flow), world.store.count(Op::Commit)), (1, 1));
}

#[tokio::test]
async fn it_is_off_unless_settings_say_otherwise() {
    let world = World::new().await;
    let app = world.app("app").await;
    let begun = BackchannelResponse { auth_req_id: "x".to_owned(), expires_in: 1, interval: 1 };
    assert_eq!(told(&world, &app, &begun, at(0)).await, UnsupportedGrantType);
    let shown = |world: &World| serde_json::to_value(firman_engine::discovery::metadata(&world.engine, at(0))).unwrap();
    assert_eq!(
        shown(&world)
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| name.starts_with("backchannel") && !name.contains("logout"))
            .count(),
        0
    );
    let (world, _) = self::world().await;
    assert_eq!(shown(&world)["backchannel_authentication_endpoint"], format!("{ISSUER}/oauth2/bc-authorize"));
    assert_eq!(shown(&world)["backchannel_token_delivery_modes_supported"], json!(["poll"]));
}

// OpenID Connect CIBA Core §4, §7.1.1.
#[tokio::test]
async fn signed_requests_are_verified_and_taken_once() {
    let (world, _) = world().await;
    let key = Signer::new();
    let app = world
        .app_with("signing", |new| {
            new.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
            new.metadata.grant_types.push(GrantType::Backchannel);
            new.metadata.jwks = Some(key.jwks());
            new.metadata.backchannel.backchannel_authentication_request_signing_alg = Some("ES256".to_owned());
        })
        .await;
    let claims = |jti: &str| {
        json!({"iss": "signing", "aud": ISSUER, "iat": at(0).seconds(), "nbf": at(0).seconds(), "exp": at(60).seconds(),
               "jti": jti, "scope": "openid", "login_hint": "somebody", "requested_expiry": 120})
    };
    let with = |jti: &str, name: &str, value: Value| {
        let mut claims = claims(jti);
        claims[name] = value;
        claims
    };
    let body = |text: &str| {
        let mut body = String::new();
        form::append(&mut body, "request", text);
        body
    };
    let good = body(&key.sign(&claims("1")));
    let before = world.store.count(Op::Commit);
    assert_eq!(begin(&world, &app, &good, at(0)).await.unwrap().expires_in, 120);
    assert_eq!(world.store.count(Op::Commit) - before, 1, "its jti is taken in the commit that begins the flow");
    assert_eq!(refused(begin(&world, &app, &good, at(0)).await), InvalidRequest);
    for (number, (name, value)) in [
        ("iss", json!("other")),
        ("aud", json!("https://other.example")),
        ("exp", json!(at(-60).seconds())),
        ("exp", json!(at(9000).seconds())),
        ("nbf", Value::Null),
        ("iat", Value::Null),
        ("jti", json!("")),
        ("login_hint", json!(["somebody"])),
    ]
    .into_iter()
    .enumerate()
    {
        let claims = with(&format!("w{number}"), name, value.clone());
        assert_eq!(
            refused(begin(&world, &app, &body(&key.sign(&claims)), at(0)).await),
            InvalidRequest,
            "{name} {value}"
        );
    }
    // Not beside what is signed, not unsigned, and not by another key.
    let beside = format!("{}&login_hint=another", body(&key.sign(&claims("2"))));
    for wrong in [beside, GOOD.to_owned(), body(&Signer::new().sign(&claims("3")))] {
        assert_eq!(refused(begin(&world, &app, &wrong, at(0)).await), InvalidRequest);
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<Asked>>);

#[async_trait]
impl Notify for Told {
    async fn tell(&self, asked: &Asked, _: Timestamp) -> Result<(), Fault> {
        self.0.lock().unwrap().push(asked.clone());
        Err(Fault::temporary("tell", "nobody answers"))
    }
}

#[tokio::test]
async fn people_are_told_and_that_it_could_not_be_done_ends_nothing() {
    let told = Arc::new(Told::default());
    let notify = Arc::clone(&told);
    let (world, app) = world_with(|parts| parts.notify = notify).await;
    begin(&world, &app, &format!("{GOOD}&binding_message=W4SCT"), at(0)).await.unwrap();
    let told = told.0.lock().unwrap();
    let [asked] = told.as_slice() else { panic!("told once") };
    assert_eq!(
        (asked.subject.as_str(), asked.binding_message.as_deref()),
        (People::subject("somebody").as_str(), Some("W4SCT"))
    );
}

//! Pushed authorization requests (RFC 9126).

use firman_engine::authenticate::authenticate;
use firman_engine::authorize::Next;
use firman_engine::{Failure, par};
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::{
    InvalidClient, InvalidGrant, InvalidRequest, InvalidRequestUri, InvalidScope, UnauthorizedClient,
};
use firman_proto::form::Form;
use firman_proto::time::Timestamp;
use firman_store::record::FlowState;

use crate::support::{App, Ask, Visitor, World, at, parameter, refused, with_secret};

async fn world() -> (World, App) {
    let world = World::new().await;
    let app = world.app("app").await;
    (world, app)
}

async fn push(world: &World, app: &App, ask: &Ask, now: Timestamp) -> Result<String, Failure> {
    let query = ask.query();
    let form = Form::parse(query.as_bytes()).unwrap();
    let client = authenticate(&world.engine, &app.credentials, now).await?;
    Ok(par::push(&world.engine, &client, &form, now).await?.request_uri)
}

/// What the browser comes with.
fn come(app: &App, request_uri: &str) -> Ask {
    Ask::empty().with("client_id", app.client_id.clone()).with("request_uri", request_uri)
}

fn code_of(url: &str) -> String {
    parameter(url, "code").unwrap_or_else(|| panic!("no code: {url}"))
}

// RFC 9126 §2.2, §4, RFC 9101 §6.3.
#[tokio::test]
async fn a_pushed_request_becomes_a_code() {
    let (world, app) = world().await;
    let request_uri = push(&world, &app, &Ask::new(&app, "openid read"), at(0)).await.unwrap();
    assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:fm_ru_"));
    // RFC 9126 §4, RFC 9101 §6.3: nothing but the pushed request counts.
    let ask = come(&app, &request_uri)
        .with("scope", "write")
        .with("state", "another")
        .with("redirect_uri", "https://evil.example");
    let (_, url) = world.walk(&ask, "somebody", at(1)).await;
    assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
    let response = world.redeem(&app, &code_of(&url), at(2)).await.unwrap();
    assert_eq!(response.scope.as_str(), "openid read");
}

// RFC 9126 §7.3.
#[tokio::test]
async fn opening_the_login_page_does_not_use_it_up_and_approving_does() {
    let (world, app) = world().await;
    let ask = come(&app, &push(&world, &app, &Ask::new(&app, "openid"), at(0)).await.unwrap());
    let mut late = Visitor::new(&world);
    for _ in 0..3 {
        assert!(matches!(world.authorize(&late, &ask, at(1)).await, Ok(Next::Login(_))));
    }
    let Ok(Next::Login(request)) = world.authorize(&late, &ask, at(1)).await else { panic!("no login") };
    let mut asked = Visitor::new(&world);
    let Ok(Next::Login(login)) = world.authorize(&asked, &ask, at(1)).await else { panic!("no login") };
    let Ok(Next::Consent(question)) = world.sign_in(&mut asked, &login, "another", at(1)).await else {
        panic!("not asked")
    };
    let (visitor, url) = world.walk(&ask, "somebody", at(2)).await;
    // From then on it is refused: to whoever comes, and to whoever was on the way.
    assert_eq!(refused(world.authorize(&visitor, &ask, at(3)).await), InvalidRequestUri);
    assert_eq!(refused(world.sign_in(&mut late, &request, "another", at(3)).await), InvalidRequestUri);
    assert_eq!(refused(world.allow(&asked, &question, at(3)).await), InvalidRequestUri);
    let code = code_of(&url);
    world.redeem(&app, &code, at(4)).await.unwrap();
    assert_eq!(refused(world.redeem(&app, &code, at(5)).await), InvalidGrant);
}

#[tokio::test]
async fn saying_no_leaves_it() {
    let (world, app) = world().await;
    let ask = come(&app, &push(&world, &app, &Ask::new(&app, "openid"), at(0)).await.unwrap());
    let mut visitor = Visitor::new(&world);
    let Ok(Next::Login(request)) = world.authorize(&visitor, &ask, at(1)).await else { panic!("no login") };
    let Ok(Next::Consent(_)) = world.sign_in(&mut visitor, &request, "somebody", at(1)).await else {
        panic!("no consent")
    };
    assert!(matches!(world.authorize(&visitor, &ask, at(2)).await, Ok(Next::Consent(_))));
}

#[tokio::test]
async fn who_came_in_time_may_take_their_time() {
    let (world, app) = world().await;
    let ask = come(&app, &push(&world, &app, &Ask::new(&app, "openid"), at(0)).await.unwrap());
    let mut visitor = Visitor::new(&world);
    let Ok(Next::Login(request)) = world.authorize(&visitor, &ask, at(89)).await else { panic!("no login") };
    assert_eq!(refused(world.authorize(&Visitor::new(&world), &ask, at(90)).await), InvalidRequestUri);
    let next = world.sign_in(&mut visitor, &request, "somebody", at(900)).await.unwrap();
    let Next::Consent(request) = next else { panic!("no consent: {next:?}") };
    let Ok(Next::Client(url)) = world.allow(&visitor, &request, at(901)).await else { panic!("not sent back") };
    world.redeem(&app, &code_of(&url), at(960)).await.unwrap();
}

// RFC 9126 §2.2.
#[tokio::test]
async fn another_clients_or_a_forged_one_is_refused_with_a_page() {
    let (world, app) = world().await;
    let other = world.app("other").await;
    let request_uri = push(&world, &app, &Ask::new(&app, "openid"), at(0)).await.unwrap();
    let visitor = Visitor::new(&world);
    assert_eq!(refused(world.authorize(&visitor, &come(&other, &request_uri), at(1)).await), InvalidRequestUri);
    for wrong in [
        format!("{request_uri}A"),
        "urn:ietf:params:oauth:request_uri:".to_owned(),
        request_uri.replace("fm_ru_", "fm_ac_"),
    ] {
        assert_eq!(refused(world.authorize(&visitor, &come(&app, &wrong), at(1)).await), InvalidRequestUri, "{wrong}");
    }
    let nobody = Ask::empty().with("request_uri", request_uri.clone());
    assert_eq!(refused(world.authorize(&visitor, &nobody, at(1)).await), InvalidRequest);
    // A code is no request, and a request no code.
    let reference = request_uri.rsplit(':').next().unwrap();
    assert_eq!(refused(world.redeem(&app, reference, at(1)).await), InvalidGrant);
    assert_eq!(refused(world.redeem(&app, &reference.replace("fm_ru_", "fm_ac_"), at(1)).await), InvalidGrant);
}

// RFC 9126 §2.1.
#[tokio::test]
async fn what_is_wrong_is_told_at_once() {
    let (world, app) = world().await;
    let good = Ask::new(&app, "openid");
    let silent = world.app_with("silent", |new| new.metadata.grant_types = vec![GrantType::ClientCredentials]).await;
    for (ask, error) in [
        // RFC 9126 §2.1.
        (good.clone().with("request_uri", "urn:ietf:params:oauth:request_uri:x"), InvalidRequest),
        (good.clone().with("redirect_uri", "https://evil.example/"), InvalidRequest),
        (good.clone().without("redirect_uri"), InvalidRequest),
        (good.clone().with("scope", "openid admin"), InvalidScope),
        (good.clone().without("response_type"), InvalidRequest),
        (good.clone().with("code_challenge", "short"), InvalidRequest),
    ] {
        assert_eq!(refused(push(&world, &app, &ask, at(0)).await), error, "{ask:?}");
    }
    assert_eq!(refused(push(&world, &silent, &Ask::new(&silent, "openid"), at(0)).await), UnauthorizedClient);
    assert_eq!(refused(push(&world, &with_secret(&app, "wrong"), &good, at(0)).await), InvalidClient);
    assert_eq!(world.store.count(crate::support::Op::Flow), 0);
}

// RFC 9126 §5, §6.
#[tokio::test]
async fn where_requests_must_be_pushed_no_other_is_taken() {
    let strict = World::with(|parts| parts.policy.require_pushed = true).await;
    let (world, app) = (World::new().await, strict.app("app").await);
    let choosy = world.app_with("app", |new| new.metadata.require_pushed_authorization_requests = true).await;
    for (world, app) in [(&strict, &app), (&world, &choosy)] {
        let ask = Ask::new(app, "openid");
        let next = world.authorize(&Visitor::new(world), &ask, at(0)).await.unwrap();
        let Next::Client(url) = next else { panic!("not sent back: {next:?}") };
        assert_eq!(parameter(&url, "error").as_deref(), Some("invalid_request"));
        let request_uri = push(world, app, &ask, at(0)).await.unwrap();
        world.walk(&come(app, &request_uri), "somebody", at(1)).await;
    }
    assert!(firman_engine::discovery::metadata(&strict.engine, at(0)).require_pushed_authorization_requests);
}

#[tokio::test]
async fn signing_out_everywhere_kills_the_code_of_a_pushed_request() {
    let (world, app) = world().await;
    let ask = come(&app, &push(&world, &app, &Ask::new(&app, "openid"), at(0)).await.unwrap());
    let (_, url) = world.walk(&ask, "somebody", at(1)).await;
    let flow = world.flow().await;
    assert_eq!(flow.state, FlowState::Ready);
    let subject = flow.approval.unwrap().subject;
    world
        .commit(firman_store::Change::AdvanceEpoch(firman_store::record::EpochKey::subject(flow.issuer, &subject)))
        .await;
    assert_eq!(refused(world.redeem(&app, &code_of(&url), at(2)).await), InvalidGrant);
}

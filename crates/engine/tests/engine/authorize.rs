//! The authorization endpoint: what is asked, and what somebody has to do before it is answered.

use firman_engine::authorize::Next;
use firman_engine::{Failure, Parts};
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::InvalidRequest;
use firman_proto::redirect_uri::RedirectUri;

use crate::support::{App, Ask, CALLBACK, ISSUER, Visitor, World, at, parameter, refused, scope, seconds};

async fn world() -> (World, App) {
    let world = World::new().await;
    let app = world.app("app").await;
    (world, app)
}

/// The error that was sent to the client, with state and issuer.
fn sent(next: Result<Next, Failure>) -> String {
    let next = next.unwrap();
    let Next::Client(url) = next else { panic!("not sent to the client: {next:?}") };
    assert!(url.starts_with(CALLBACK), "{url}");
    // RFC 6749 §4.1.2.1, RFC 9207 §2.
    assert_eq!(parameter(&url, "state").as_deref(), Some("a state"), "{url}");
    assert_eq!(parameter(&url, "iss").as_deref(), Some(ISSUER), "{url}");
    assert_eq!(parameter(&url, "code"), None, "{url}");
    parameter(&url, "error").unwrap_or_else(|| panic!("no error: {url}"))
}

fn page(next: &Result<Next, Failure>) -> &'static str {
    match next.as_ref().unwrap() {
        Next::Login(_) => "login",
        Next::Consent(_) => "consent",
        Next::Client(url) if parameter(url, "code").is_some() => "client",
        Next::Client(url) => panic!("refused: {url}"),
        Next::Post { .. } => panic!("nobody asked for a form"),
        Next::Device(_) | Next::Page(_) => panic!("no device asked"),
        Next::Second(_) => panic!("nobody has a second step"),
        Next::Select(_) => "select",
        Next::SignUp(_) => "sign up",
    }
}

/// Somebody who signed in at 0 and allowed the client `openid read`.
async fn signed_in(world: &World, app: &App) -> Visitor {
    world.walk(&Ask::new(app, "openid read"), "somebody", at(0)).await.0
}

// OpenID Connect Core §3.1.2, §3.1.2.3, §3.1.2.4, RFC 6749 §3.1, §4.1, §4.1.1, §4.1.2.
#[tokio::test]
async fn a_request_goes_by_login_and_consent_back_to_the_client() {
    let (world, app) = world().await;
    let (ask, mut visitor) = (Ask::new(&app, "openid read"), Visitor::new(&world));
    let Next::Login(request) = world.authorize(&visitor, &ask, at(0)).await.unwrap() else { panic!("no login") };
    let Next::Consent(request) = world.sign_in(&mut visitor, &request, "somebody", at(1)).await.unwrap() else {
        panic!("no consent")
    };
    let Next::Client(url) = world.allow(&visitor, &request, at(2)).await.unwrap() else { panic!("not sent back") };
    assert!(url.starts_with("https://app.example/callback?code=fm_ac_"));
    assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
    assert_eq!(parameter(&url, "iss").as_deref(), Some(ISSUER));
    world.redeem(&app, &parameter(&url, "code").unwrap(), at(3)).await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_before_somebody_has_signed_in() {
    let (world, app) = world().await;
    let visitor = Visitor::new(&world);
    world.store.forget_calls();
    for _ in 0..10 {
        assert_eq!(page(&world.authorize(&visitor, &Ask::new(&app, "openid"), at(0)).await), "login");
    }
    assert_eq!(world.store.count(crate::support::Op::Commit), 0);
}

// RFC 6749 §3.1.2.4, §4.1.2.1.
#[tokio::test]
async fn nobody_is_redirected_before_client_and_redirect_uri_are_verified() {
    let (world, app) = world().await;
    let (good, visitor) = (Ask::new(&app, "openid"), Visitor::new(&world));
    for ask in [
        good.clone().without("client_id"),
        good.clone().with("client_id", "nobody"),
        good.clone().with("client_id", "x".repeat(1025)),
        good.clone().with("redirect_uri", "https://evil.example/callback"),
        good.clone().with("redirect_uri", "https://app.example/callback/"),
        good.clone().with("redirect_uri", "https://app.example/callback#"),
        good.clone().with("redirect_uri", "javascript:alert(1)"),
        // What else is wrong with them does not change that.
        good.clone().with("redirect_uri", "https://evil.example/").with("response_type", "token"),
        good.clone().with("client_id", "nobody").with("prompt", "none"),
    ] {
        assert_eq!(refused(world.authorize(&visitor, &ask, at(0)).await), InvalidRequest);
    }
    world.edit_client(&app, |client| client.enabled = false).await;
    assert_eq!(refused(world.authorize(&visitor, &good, at(0)).await), InvalidRequest);
}

// RFC 6749 §3.1.2.3, OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn redirect_uri_may_be_left_out_if_one_is_registered_and_openid_is_not_spoken() {
    let (world, app) = world().await;
    let visitor = Visitor::new(&world);
    let plain = Ask::new(&app, "read").without("redirect_uri");
    assert_eq!(page(&world.authorize(&visitor, &plain, at(0)).await), "login");
    let openid = Ask::new(&app, "openid").without("redirect_uri");
    assert_eq!(refused(world.authorize(&visitor, &openid, at(0)).await), InvalidRequest);
    let uris = ["https://app.example/callback", "https://app.example/other"];
    world
        .edit_client(&app, |client| {
            client.metadata.redirect_uris = uris.map(|uri| RedirectUri::parse(uri).unwrap()).to_vec();
        })
        .await;
    assert_eq!(refused(world.authorize(&visitor, &plain, at(0)).await), InvalidRequest);
}

// RFC 6749 §4.1.2.1, RFC 9207 §2.
#[tokio::test]
async fn every_other_error_goes_to_the_client_with_state_and_issuer() {
    let (world, app) = world().await;
    let (good, visitor) = (Ask::new(&app, "openid"), Visitor::new(&world));
    for (ask, error) in [
        (good.clone().without("response_type"), "invalid_request"),
        (good.clone().with("response_type", "token"), "unsupported_response_type"),
        (good.clone().with("response_mode", "web_message"), "invalid_request"),
        (good.clone().with("scope", "openid admin"), "invalid_scope"),
        (good.clone().with("scope", "openid  read"), "invalid_scope"),
        (good.clone().with("code_challenge_method", "plain"), "invalid_request"),
        (good.clone().with("code_challenge", "short"), "invalid_request"),
        (good.clone().without("code_challenge"), "invalid_request"),
        (good.clone().with("prompt", "none login"), "invalid_request"),
        (good.clone().with("prompt", "create"), "invalid_request"),
        (good.clone().with("max_age", "-1"), "invalid_request"),
        (good.clone().with("nonce", "x".repeat(1025)), "invalid_request"),
        (good.clone().with("request", "x"), "invalid_request_object"),
        (good.clone().with("request_uri", "x"), "invalid_request_uri"),
        (good.clone().with("registration", "x"), "registration_not_supported"),
    ] {
        assert_eq!(sent(world.authorize(&visitor, &ask, at(0)).await), error);
    }
    world.edit_client(&app, |client| client.metadata.grant_types = vec![GrantType::ClientCredentials]).await;
    assert_eq!(sent(world.authorize(&visitor, &good, at(0)).await), "unauthorized_client");
}

// RFC 9700 §2.1.1.
#[tokio::test]
async fn a_public_client_needs_pkce_and_any_other_where_it_is_told_so() {
    let (world, app) = world().await;
    let visitor = Visitor::new(&world);
    let public = world.public_app("public").await;
    let strict = world.app_with("strict", |new| new.policy.require_pkce = Some(true)).await;
    let lax = world
        .app_with("lax", |new| {
            new.metadata.token_endpoint_auth_method = firman_proto::credentials::AuthMethod::None;
            new.metadata.grant_types.retain(|grant| *grant != GrantType::ClientCredentials);
            new.policy.require_pkce = Some(false);
        })
        .await;
    for app in [&public, &strict, &lax] {
        let ask = Ask::new(app, "openid").without_pkce();
        assert_eq!(sent(world.authorize(&visitor, &ask, at(0)).await), "invalid_request");
    }
    let ask = Ask::new(&app, "openid").without_pkce();
    assert_eq!(page(&world.authorize(&visitor, &ask, at(0)).await), "login");
}

#[tokio::test]
async fn a_remembered_consent_is_not_asked_for_again() {
    let (world, app) = world().await;
    let visitor = signed_in(&world, &app).await;
    for fewer in ["openid read", "openid", "read"] {
        assert_eq!(page(&world.authorize(&visitor, &Ask::new(&app, fewer), at(1)).await), "client", "{fewer}");
    }
    // It is remembered for this person and this client.
    let other = world.app("other").await;
    assert_eq!(page(&world.authorize(&visitor, &Ask::new(&other, "openid"), at(1)).await), "consent");
    let (another, _) = world.walk(&Ask::new(&other, "openid"), "another", at(1)).await;
    assert_eq!(page(&world.authorize(&another, &Ask::new(&app, "openid"), at(1)).await), "consent");
}

#[tokio::test]
async fn more_than_was_allowed_is_asked_for_and_adds_to_it() {
    let (world, app) = world().await;
    let visitor = signed_in(&world, &app).await;
    let more = Ask::new(&app, "openid write");
    let next = world.authorize(&visitor, &more, at(1)).await.unwrap();
    let Next::Consent(request) = next else { panic!("not asked: {next:?}") };
    world.allow(&visitor, &request, at(1)).await.unwrap();
    assert_eq!(world.flow().await.approval.unwrap().scope, scope("openid write"), "the code is for what was asked");
    let all = Ask::new(&app, "openid read write");
    assert_eq!(page(&world.authorize(&visitor, &all, at(2)).await), "client", "what was allowed adds up");
}

#[tokio::test]
async fn a_first_party_client_asks_nobody_unless_it_wants_to() {
    let world = World::new().await;
    let app = world.app_with("app", |new| new.policy.skip_consent = true).await;
    let mut visitor = Visitor::new(&world);
    let Next::Login(request) = world.authorize(&visitor, &Ask::new(&app, "openid"), at(0)).await.unwrap() else {
        panic!("no login")
    };
    assert_eq!(page(&world.sign_in(&mut visitor, &request, "somebody", at(0)).await), "client");
    let wanted = Ask::new(&app, "openid").with("prompt", "consent");
    assert_eq!(page(&world.authorize(&visitor, &wanted, at(1)).await), "consent");
}

// OpenID Connect Core §3.1.2.6.
#[tokio::test]
async fn prompt_none_shows_no_page() {
    let (world, app) = world().await;
    let silent = |scope| Ask::new(&app, scope).with("prompt", "none");
    let stranger = Visitor::new(&world);
    assert_eq!(sent(world.authorize(&stranger, &silent("openid"), at(0)).await), "login_required");
    let visitor = signed_in(&world, &app).await;
    assert_eq!(page(&world.authorize(&visitor, &silent("openid read"), at(1)).await), "client");
    assert_eq!(sent(world.authorize(&visitor, &silent("openid write"), at(1)).await), "consent_required");
    let young = silent("openid").with("max_age", "10");
    assert_eq!(page(&world.authorize(&visitor, &young, at(10)).await), "client");
    assert_eq!(sent(world.authorize(&visitor, &young, at(11)).await), "login_required");
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn prompt_login_asks_again_and_is_content_with_one_sign_in() {
    let (world, app) = world().await;
    let mut visitor = signed_in(&world, &app).await;
    let ask = Ask::new(&app, "openid").with("prompt", "login");
    let next = world.authorize(&visitor, &ask, at(1)).await.unwrap();
    let Next::Login(request) = next else { panic!("not asked: {next:?}") };
    assert_eq!(page(&world.sign_in(&mut visitor, &request, "somebody", at(2)).await), "client");
    assert_eq!(world.flow().await.approval.unwrap().auth_time, at(2));
    assert_eq!(page(&world.authorize(&visitor, &ask, at(3)).await), "login", "and again the next time");
}

#[tokio::test]
async fn prompt_consent_asks_again() {
    let (world, app) = world().await;
    let visitor = signed_in(&world, &app).await;
    let ask = Ask::new(&app, "openid").with("prompt", "consent");
    assert_eq!(page(&world.authorize(&visitor, &ask, at(1)).await), "consent");
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn a_sign_in_older_than_max_age_is_done_again() {
    let (world, app) = world().await;
    let mut visitor = signed_in(&world, &app).await;
    let ask = Ask::new(&app, "openid").with("max_age", "100");
    assert_eq!(page(&world.authorize(&visitor, &ask, at(100)).await), "client");
    let next = world.authorize(&visitor, &ask, at(101)).await.unwrap();
    let Next::Login(request) = next else { panic!("not asked: {next:?}") };
    assert_eq!(page(&world.sign_in(&mut visitor, &request, "somebody", at(102)).await), "client");
}

#[tokio::test]
async fn max_age_0_asks_once_and_not_for_ever() {
    let (world, app) = world().await;
    let mut visitor = signed_in(&world, &app).await;
    let ask = Ask::new(&app, "openid write").with("max_age", "0");
    let next = world.authorize(&visitor, &ask, at(1)).await.unwrap();
    let Next::Login(request) = next else { panic!("not asked: {next:?}") };
    let next = world.sign_in(&mut visitor, &request, "somebody", at(5)).await.unwrap();
    let Next::Consent(request) = next else { panic!("not asked: {next:?}") };
    assert_eq!(page(&world.allow(&visitor, &request, at(60)).await), "client");
}

// OpenID Connect Registration §2.
#[tokio::test]
async fn a_client_may_have_a_max_age_of_its_own() {
    let world = World::new().await;
    let app = world.app_with("app", |new| new.metadata.default_max_age = Some(10)).await;
    let visitor = signed_in(&world, &app).await;
    assert_eq!(page(&world.authorize(&visitor, &Ask::new(&app, "openid"), at(11)).await), "login");
    let own = Ask::new(&app, "openid").with("max_age", "1000");
    assert_eq!(page(&world.authorize(&visitor, &own, at(11)).await), "client");
}

#[tokio::test]
async fn a_code_lives_as_long_as_the_policy_says() {
    let world = World::with(|parts: &mut Parts| parts.policy.code = seconds(5)).await;
    let app = world.app("app").await;
    let code = world.code(&app, "read", at(0)).await;
    refused(world.redeem(&app, &code, at(5)).await);
    world.redeem(&app, &code, at(4)).await.unwrap();
}

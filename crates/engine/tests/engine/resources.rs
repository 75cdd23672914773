//! Resource indicators (RFC 8707): whom a token is for, and who takes it.

use firman_engine::admin::{clients, grants, resources};
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::Next;
use firman_engine::device;
use firman_engine::userinfo::userinfo;
use firman_engine::{Failure, par};
use firman_proto::error::ErrorCode::{InvalidClient, InvalidScope, InvalidTarget, InvalidToken};
use firman_proto::form::Form;
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::time::Timestamp;
use firman_proto::token::{
    ClientCredentialsRequest, CodeRequest, DeviceCodeRequest, RefreshRequest, TokenRequest, TokenResponse,
};
use firman_store::record::EpochKey;
use firman_store::{Cutoffs, GrantsOf, Page, Store as _};
use serde_json::{Value, json};

use crate::support::{
    App, Ask, CALLBACK, ISSUER, Op, VERIFIER, Visitor, World, at, parameter, refresh_token, refused, scope,
};

const A: &str = "https://a.example";
const B: &str = "https://b.example/api";

/// A world, a client, and two resources: at A one reads, at B one writes.
async fn world() -> (World, App) {
    let world = World::new().await;
    world.resource(A, |said| said.scope = scope("read")).await;
    world.resource(B, |said| said.scope = scope("write")).await;
    let app = world.app("app").await;
    (world, app)
}

fn for_both(app: &App, scope: &str) -> Ask {
    Ask::new(app, scope).with("resource", A).and("resource", B)
}

async fn redeem(world: &World, app: &App, code: &str, named: &[&str]) -> Result<TokenResponse, Failure> {
    let resource = named.iter().map(|one| (*one).to_owned()).collect();
    let (redirect_uri, verifier) = (Some(CALLBACK.to_owned()), Some(VERIFIER.to_owned()));
    let code = code.to_owned();
    let request = CodeRequest { code, redirect_uri, verifier, resource, authorization_details: None };
    world.token(app, TokenRequest::AuthorizationCode(request), at(1)).await
}

async fn refresh(world: &World, app: &App, token: &str, named: &[&str]) -> Result<TokenResponse, Failure> {
    let resource = named.iter().map(|one| (*one).to_owned()).collect();
    let token = token.to_owned();
    let request = RefreshRequest { token, scope: None, resource, authorization_details: None };
    world.token(app, TokenRequest::RefreshToken(request), at(2)).await
}

async fn own_token(world: &World, app: &App, named: &[&str]) -> Result<TokenResponse, Failure> {
    let resource = named.iter().map(|one| (*one).to_owned()).collect();
    world.token(app, TokenRequest::ClientCredentials(ClientCredentialsRequest { scope: None, resource }), at(1)).await
}

/// What the client is told of its token's audience and scope.
async fn told(world: &World, app: &App, token: &str) -> (Value, Value) {
    let mut told = world.introspect(app, token, at(2)).await;
    (told["aud"].take(), told["scope"].take())
}

// RFC 8707 §2, §2.1.
#[tokio::test]
async fn a_token_is_for_the_resources_that_were_asked_for() {
    let (world, app) = world().await;
    for (named, audience) in
        [(&[A][..], json!([A])), (&[B, A], json!([A, B])), (&[A, "https://A.EXAMPLE:443/"], json!([A]))]
    {
        let ask = named.iter().fold(Ask::new(&app, "openid read write"), |ask, one| ask.and("resource", *one));
        let tokens = redeem(&world, &app, &world.code_for(&ask, at(0)).await, &[]).await.unwrap();
        assert_eq!(told(&world, &app, &tokens.access_token).await.0, audience);
        let length = tokens.access_token.len();
        assert_eq!(
            length,
            world.tokens(&app, "openid", at(1)).await.access_token.len(),
            "the audience is in the grant"
        );
    }
}

#[tokio::test]
async fn a_token_for_a_resource_is_not_for_our_own_api() {
    let (world, app) = world().await;
    let code = world.code_for(&Ask::new(&app, "openid read").with("resource", A), at(0)).await;
    let token = redeem(&world, &app, &code, &[]).await.unwrap().access_token;
    assert_eq!(refused(userinfo(&world.engine, &token, "GET", None, at(1)).await), InvalidToken);
    let ask = Ask::new(&app, "openid read").with("resource", A).and("resource", format!("{ISSUER}/"));
    let tokens = redeem(&world, &app, &world.code_for(&ask, at(0)).await, &[]).await.unwrap();
    assert_eq!(told(&world, &app, &tokens.access_token).await.0, json!([A, ISSUER]));
    userinfo(&world.engine, &tokens.access_token, "GET", None, at(1)).await.unwrap();
}

#[tokio::test]
async fn no_holder_makes_a_token_one_for_another_resource() {
    let (world, app) = world().await;
    let plain = world.tokens(&app, "read", at(0)).await.access_token;
    let code = world.code_for(&for_both(&app, "read write"), at(0)).await;
    let for_a = redeem(&world, &app, &code, &[A]).await.unwrap().access_token;
    let own = own_token(&world, &app, &[]).await.unwrap().access_token;
    let weakened =
        |token: &str, audience: &str| attenuate(token, &Caveat::parse(&format!("aud = {audience}")).unwrap()).unwrap();
    for (token, audience) in [(&plain, A), (&own, A), (&for_a, B), (&for_a, ISSUER)] {
        assert!(!world.is_active(&app, &weakened(token, audience), at(2)).await, "{audience}");
    }
    assert!(world.is_active(&app, &weakened(&for_a, A), at(2)).await);
}

#[tokio::test]
async fn what_a_client_had_for_itself_leaves_after_it() {
    let (world, app) = world().await;
    for named in [&[][..], &[A], &[B], &[A, B]] {
        own_token(&world, &app, named).await.unwrap();
    }
    let next_year = Cutoffs::all(at(365 * 86_400));
    assert_eq!(world.store.sweep(next_year, 1000).await.unwrap().grants, 0);
    clients::delete(&world.engine, "app", at(2)).await.unwrap();
    assert_eq!(world.store.sweep(next_year, 1000).await.unwrap().grants, 4);
}

// RFC 8707 §2.2.
#[tokio::test]
async fn the_token_request_chooses_among_the_resources_of_the_code_and_the_grant() {
    let (world, app) = world().await;
    let code = world.code_for(&for_both(&app, "read write offline_access"), at(0)).await;
    let first = redeem(&world, &app, &code, &[B]).await.unwrap();
    assert_eq!(told(&world, &app, &first.access_token).await, (json!([B]), json!("offline_access write")));
    assert_eq!(first.scope, scope("offline_access write"));
    let both = refresh(&world, &app, &refresh_token(&first), &[]).await.unwrap();
    assert_eq!(told(&world, &app, &both.access_token).await, (json!([A, B]), json!("offline_access read write")));
    let next = refresh(&world, &app, &refresh_token(&both), &["https://A.example/"]).await.unwrap();
    assert_eq!(told(&world, &app, &next.access_token).await, (json!([A]), json!("offline_access read")));
}

// RFC 8707 §2.2.
#[tokio::test]
async fn more_than_was_granted_is_invalid_target_and_moves_nothing() {
    let (world, app) = world().await;
    let code = world.code_for(&Ask::new(&app, "read").with("resource", A), at(0)).await;
    for beyond in [B, ISSUER, "https://unknown.example"] {
        assert_eq!(refused(redeem(&world, &app, &code, &[beyond]).await), InvalidTarget, "{beyond}");
        assert_eq!(refused(redeem(&world, &app, &code, &[A, beyond]).await), InvalidTarget, "{beyond}");
    }
    let token = refresh_token(&redeem(&world, &app, &code, &[A]).await.unwrap());
    assert_eq!(refused(refresh(&world, &app, &token, &[B]).await), InvalidTarget);
    assert_eq!(world.generation(&app).await, 0);
    // A grant that is for no resource is for this server.
    let other = world.app("other").await;
    let plain = refresh_token(&world.tokens(&other, "read", at(0)).await);
    assert_eq!(refused(refresh(&world, &other, &plain, &[A]).await), InvalidTarget);
    refresh(&world, &other, &plain, &[ISSUER]).await.unwrap();
}

#[tokio::test]
async fn a_resource_that_is_not_known_is_invalid_target_wherever_it_is_named() {
    let (world, app) = world().await;
    let known = world.resource("urn:example:off", |_| {}).await.client_id;
    let off = resources::find(&world.engine, &known).await.unwrap();
    resources::edit(&world.engine, &off, resources::Settings::of(&off), false, at(0)).await.unwrap();
    for unknown in ["https://unknown.example", "urn:example:off", "https://a.example/x", "http://a.example", "a"] {
        let ask = Ask::new(&app, "read").with("resource", unknown);
        let next = world.authorize(&Visitor::new(&world), &ask, at(0)).await.unwrap();
        let Next::Client(url) = next else { panic!("not sent back: {next:?}") };
        assert_eq!(parameter(&url, "error").as_deref(), Some("invalid_target"), "{unknown}");
        assert!(url.starts_with(CALLBACK) && parameter(&url, "state").is_some());

        let client = authenticate(&world.engine, &app.credentials, at(0)).await.unwrap();
        let query = ask.query();
        let form = Form::parse(query.as_bytes()).unwrap();
        assert_eq!(refused(par::push(&world.engine, &client, &form, at(0)).await), InvalidTarget, "{unknown}");
        assert_eq!(refused(device::authorize(&world.engine, &client, &form, at(0)).await), InvalidTarget, "{unknown}");
        if unknown != "a" {
            assert_eq!(refused(own_token(&world, &app, &[unknown]).await), InvalidTarget, "{unknown}");
        }
    }
}

#[tokio::test]
async fn the_scope_is_what_the_resources_know_of_it() {
    let (world, app) = world().await;
    let ask = Ask::new(&app, "openid email read write").with("resource", A);
    let tokens = redeem(&world, &app, &world.code_for(&ask, at(0)).await, &[]).await.unwrap();
    assert_eq!(tokens.scope, scope("openid email read"), "scopes about a person are known everywhere");
    assert!(tokens.id_token.is_some());
    let nothing = Ask::new(&app, "write").with("resource", A);
    let next = world.authorize(&Visitor::new(&world), &nothing, at(0)).await.unwrap();
    let Next::Client(url) = next else { panic!("not sent back: {next:?}") };
    assert_eq!(parameter(&url, "error").as_deref(), Some("invalid_scope"));
    world.resource("urn:example:any", |_| {}).await;
    let ask = Ask::new(&app, "read write").with("resource", "urn:example:any");
    let tokens = redeem(&world, &app, &world.code_for(&ask, at(0)).await, &[]).await.unwrap();
    assert_eq!(tokens.scope, scope("read write"), "a resource without scopes takes any");
}

#[tokio::test]
async fn a_client_asks_for_itself_too() {
    let (world, app) = world().await;
    let plain = own_token(&world, &app, &[]).await.unwrap();
    assert_eq!(told(&world, &app, &plain.access_token).await.0, json!([ISSUER]));
    let for_a = own_token(&world, &app, &[A]).await.unwrap();
    assert_eq!(told(&world, &app, &for_a.access_token).await, (json!([A]), json!("email profile read")));
    let both = own_token(&world, &app, &[B, A]).await.unwrap();
    assert_eq!(told(&world, &app, &both.access_token).await.0, json!([A, B]));
    let reader = world.app_with("reader", |new| new.metadata.scope = scope("other")).await;
    assert_eq!(refused(own_token(&world, &reader, &[A]).await), InvalidScope);
    // One standing grant for each choice, found again each time; and all of them end with the client's epoch.
    own_token(&world, &app, &[A, B]).await.unwrap();
    let grants = world.store.grants(GrantsOf::Client(app.id), Page::first(9)).await.unwrap();
    assert_eq!(grants.len(), 3);
    grants::sign_out_everywhere(&world.engine, EpochKey::Client(app.id), at(2)).await.unwrap();
    for dead in [&plain, &for_a, &both] {
        assert!(!world.is_active(&app, &dead.access_token, at(2)).await);
    }
    let anew = own_token(&world, &app, &[A]).await.unwrap();
    assert!(world.is_active(&app, &anew.access_token, at(2)).await);
}

#[tokio::test]
async fn a_device_asks_for_resources_too() {
    let (world, app) = world().await;
    let client = authenticate(&world.engine, &app.credentials, at(0)).await.unwrap();
    let form = format!("scope=read+write+offline_access&resource={A}&resource={B}");
    let codes = device::authorize(&world.engine, &client, &Form::parse(form.as_bytes()).unwrap(), at(0)).await.unwrap();
    let mut visitor = Visitor::new(&world);
    let entered = device::enter(&world.engine, &visitor.browser(), None, &codes.user_code, at(1)).await.unwrap();
    let device::Entered::Next(Next::Login(request)) = entered else { panic!("no login: {entered:?}") };
    let next = world.sign_in(&mut visitor, &request, "somebody", at(1)).await.unwrap();
    let Next::Consent(request) = next else { panic!("no consent: {next:?}") };
    world.allow(&visitor, &request, at(1)).await.unwrap();
    let poll = |named: &str| {
        let (device_code, resource) = (codes.device_code.clone(), vec![named.to_owned()]);
        let request = DeviceCodeRequest { device_code, resource, authorization_details: None };
        world.token(&app, TokenRequest::DeviceCode(request), at(20))
    };
    assert_eq!(refused(poll(ISSUER).await), InvalidTarget);
    let tokens = poll(B).await.unwrap();
    let mut told = world.introspect(&app, &tokens.access_token, at(20)).await;
    assert_eq!((told["aud"].take(), told["scope"].take()), (json!([B]), json!("offline_access write")));
}

#[tokio::test]
async fn a_resource_says_how_long_its_tokens_live() {
    let (world, app) = world().await;
    world.resource("urn:example:brief", |said| said.access_token_seconds = Some(60)).await;
    let ask = Ask::new(&app, "read").with("resource", A).and("resource", "urn:example:brief");
    let tokens = redeem(&world, &app, &world.code_for(&ask, at(0)).await, &[]).await.unwrap();
    assert_eq!(tokens.expires_in, 60);
    let next = refresh(&world, &app, &refresh_token(&tokens), &[A]).await.unwrap();
    assert_eq!(next.expires_in, 300);
    assert_eq!(own_token(&world, &app, &["urn:example:brief"]).await.unwrap().expires_in, 60);
}

#[tokio::test]
async fn what_was_removed_is_no_audience_any_more() {
    let (world, app) = world().await;
    let code = world.code_for(&for_both(&app, "read write"), at(0)).await;
    let tokens = redeem(&world, &app, &code, &[]).await.unwrap();
    resources::remove(&world.engine, A, at(1)).await.unwrap();
    let next = refresh(&world, &app, &refresh_token(&tokens), &[]).await.unwrap();
    assert_eq!(told(&world, &app, &next.access_token).await, (json!([B]), json!("write")));
    resources::remove(&world.engine, B, at(1)).await.unwrap();
    assert_eq!(refused(refresh(&world, &app, &refresh_token(&next), &[]).await), InvalidTarget);
    assert_eq!(refused(refresh(&world, &app, &refresh_token(&next), &[B]).await), InvalidTarget);
}

#[tokio::test]
async fn a_client_may_be_kept_to_some_resources() {
    let (world, _) = world().await;
    let kept = world.app_with("kept", |new| new.policy.resources = Some(vec!["https://A.example/".to_owned()])).await;
    own_token(&world, &kept, &[A]).await.unwrap();
    own_token(&world, &kept, &[]).await.unwrap();
    assert_eq!(refused(own_token(&world, &kept, &[B]).await), InvalidTarget);
    assert_eq!(refused(own_token(&world, &kept, &[A, B]).await), InvalidTarget);
}

#[tokio::test]
async fn somebody_is_asked_for_each_resource_and_scope_and_once() {
    let (world, app) = world().await;
    let mut visitor = Visitor::new(&world);
    let ask = |named: &str| Ask::new(&app, "openid").with("resource", named);
    let next = world.authorize(&visitor, &ask(A), at(0)).await.unwrap();
    let Next::Login(request) = next else { panic!("no login: {next:?}") };
    let next = world.sign_in(&mut visitor, &request, "somebody", at(0)).await.unwrap();
    let Next::Consent(request) = next else { panic!("no consent: {next:?}") };
    world.allow(&visitor, &request, at(0)).await.unwrap();
    assert!(matches!(world.authorize(&visitor, &ask(A), at(1)).await.unwrap(), Next::Client(_)));
    for new in [ask(B), ask(A).and("resource", B), Ask::new(&app, "openid"), ask(A).with("scope", "openid read")] {
        assert!(matches!(world.authorize(&visitor, &new, at(1)).await.unwrap(), Next::Consent(_)), "{new:?}");
    }
}

#[tokio::test]
async fn a_resource_costs_one_look_at_what_is_remembered() {
    let (world, app) = world().await;
    let code = world.code_for(&Ask::new(&app, "read").with("resource", A), at(0)).await;
    world.store.forget_calls();
    let tokens = redeem(&world, &app, &code, &[]).await.unwrap();
    assert_eq!(
        (world.store.count(Op::Resource), world.store.count(Op::Flow), world.store.count(Op::Commit)),
        (1, 1, 1)
    );
    assert_eq!(world.store.calls(), 4, "and the client");
    world.store.forget_calls();
    world.is_active(&app, &tokens.access_token, at(1)).await;
    assert_eq!(world.store.count(Op::Resource), 0);
}

#[tokio::test]
async fn resources_are_registered_once_and_checked() {
    let (world, _) = world().await;
    let add = |identifier: &str, said: resources::Settings| {
        let new = resources::NewResource { identifier: identifier.to_owned(), settings: said, secret: false };
        let engine = &world.engine;
        async move { resources::add(engine, new, at(0)).await.map(|_| ()).map_err(|error| error.to_string()) }
    };
    let plain = resources::Settings::default;
    for (identifier, said, text) in [
        ("https://A.example/", plain(), "registered already"),
        (ISSUER, plain(), "the server itself"),
        ("a", plain(), "absolute"),
        ("https://c.example/#a", plain(), "fragment"),
        ("https://c.example", resources::Settings { access_token_seconds: Some(1), ..plain() }, "access_token_seconds"),
        ("https://c.example", resources::Settings { enforces: vec!["scope".to_owned()], ..plain() }, "enforces"),
    ] {
        let refused = add(identifier, said).await.unwrap_err();
        assert!(refused.contains(text), "{refused}");
    }
    add("https://c.example", plain()).await.unwrap();
    let all = resources::list(&world.engine, Page::first(9)).await.unwrap();
    let mut identifiers: Vec<_> = all.iter().map(|one| one.identifier.as_str()).collect();
    identifiers.sort_unstable();
    assert_eq!(identifiers, [A, B, "https://c.example"]);
}

#[tokio::test]
async fn a_secret_of_a_resource_is_replaced_with_an_overlap() {
    let (world, app) = world().await;
    let credentials = world.resource("urn:example:asks", |_| {}).await;
    let token = own_token(&world, &app, &["urn:example:asks"]).await.unwrap().access_token;
    let overlap = firman_proto::time::Lifetime::from_seconds(10);
    let (_, secret) = resources::rotate_secret(&world.engine, "urn:example:asks", overlap, at(1)).await.unwrap();
    let mut new = credentials.clone();
    new.secret = Some(secret.to_string());
    let active = |credentials, now: Timestamp| {
        let (world, token) = (&world, &token);
        async move { world.introspect_as(credentials, token, now).await["active"] == true }
    };
    assert!(active(&credentials, at(10)).await && active(&new, at(10)).await && active(&new, at(11)).await);
    let late = firman_engine::asker::known(&world.engine, &credentials, at(11)).await;
    assert_eq!(refused(late), InvalidClient);
}

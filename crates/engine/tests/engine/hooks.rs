//! Claims that settings and hooks add, and what a hook can refuse.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::Next;
use firman_engine::hooks::{ClaimPolicy, Endpoint, Hooks, Occasion, Place, Refusal};
use firman_engine::userinfo::userinfo;
use firman_engine::{Failure, Parts, asker, backchannel, device, introspect, par};
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::{AccessDenied, InsufficientScope};
use firman_proto::extra_claims::ExtraClaim;
use firman_proto::form::Form;
use firman_proto::introspection::PresentedToken;
use firman_proto::jws::verify;
use firman_proto::token::TokenResponse;
use firman_store::record::{Client, TokenFormat};
use serde_json::{Map, Value, json};

use crate::support::{App, Ask, People, Visitor, World, at, fault, parameter, refresh_token, refused};

/// What a hook does, and where.
#[derive(Clone)]
enum Deed {
    Nothing,
    Add(Value),
    Deny,
    Panic,
}

struct Hook {
    closed: Mutex<Option<(Endpoint, Deed)>>,
    before_issue: Mutex<Deed>,
    claims: Mutex<(Place, Deed)>,
    seen: Mutex<Vec<String>>,
}

impl Hook {
    fn new() -> Arc<Self> {
        let (before_issue, claims) = (Mutex::new(Deed::Nothing), Mutex::new((Place::IdToken, Deed::Nothing)));
        Arc::new(Self { closed: Mutex::default(), before_issue, claims, seen: Mutex::default() })
    }

    fn close(&self, endpoint: Endpoint, deed: Deed) {
        *self.closed.lock().unwrap() = Some((endpoint, deed));
    }

    fn before_issue(&self, deed: Deed) {
        *self.before_issue.lock().unwrap() = deed;
    }

    fn at(&self, place: Place, deed: Deed) {
        *self.claims.lock().unwrap() = (place, deed);
    }
}

fn done(deed: Deed) -> Result<Map<String, Value>, Refusal> {
    match deed {
        Deed::Nothing => Ok(Map::new()),
        Deed::Add(claims) => Ok(claims.as_object().unwrap().clone()),
        Deed::Deny => Err(Refusal("not on a Sunday".into())),
        Deed::Panic => panic!("a hook of somebody's own"),
    }
}

#[async_trait]
impl Hooks for Hook {
    async fn before(&self, endpoint: Endpoint, client: &Client) -> Result<(), Refusal> {
        assert_eq!(client.client_id, "app");
        let closed = self.closed.lock().unwrap().clone();
        match closed {
            Some((closed, deed)) if closed == endpoint => done(deed).map(|_| ()),
            _ => Ok(()),
        }
    }

    async fn before_issue(&self, occasion: &Occasion<'_>) -> Result<(), Refusal> {
        let who = occasion.subject.map_or("nobody", |subject| subject.as_str());
        self.seen.lock().unwrap().push(format!("{} {who} {}", occasion.client.client_id, occasion.scope));
        let deed = self.before_issue.lock().unwrap().clone();
        done(deed).map(|_| ())
    }

    async fn claims(&self, place: Place, _occasion: &Occasion<'_>) -> Result<Map<String, Value>, Refusal> {
        let (wanted, deed) = self.claims.lock().unwrap().clone();
        if wanted == place { done(deed) } else { Ok(Map::new()) }
    }
}

/// A world with a hook, whose access tokens are JWTs.
async fn world() -> (World, App, Arc<Hook>) {
    let hook = Hook::new();
    let hooks = Arc::clone(&hook);
    let edit = |parts: &mut Parts| {
        parts.hooks = Some(hooks);
        parts.policy.access_token_format = TokenFormat::Jwt;
        parts.policy.front_channel_tokens = true;
        parts.policy.backchannel.enabled = true;
    };
    let world = World::with(edit).await;
    let app = world
        .app_with("app", |new| {
            new.metadata.response_types = ["code", "token", "id_token"].map(str::to_owned).to_vec();
            new.metadata.grant_types.push(GrantType::Backchannel);
        })
        .await;
    (world, app, hook)
}

fn claims(world: &World, token: &str) -> Value {
    verify(token, world.engine.keys().current().published()).unwrap()
}

async fn redeem(world: &World, app: &App) -> Result<TokenResponse, Failure> {
    let code = world.code(app, "openid offline_access", at(0)).await;
    world.redeem(app, &code, at(0)).await
}

#[tokio::test]
async fn a_hook_adds_claims_wherever_something_is_told() {
    let (world, app, hook) = world().await;
    let extra = || Deed::Add(json!({"tenant": "acme"}));
    hook.at(Place::AccessToken, extra());
    let tokens = redeem(&world, &app).await.unwrap();
    assert_eq!(claims(&world, &tokens.access_token)["tenant"], "acme");
    assert_eq!(claims(&world, tokens.id_token.as_ref().unwrap()).get("tenant"), None);
    hook.at(Place::IdToken, extra());
    let tokens = world.refresh(&app, &refresh_token(&tokens), at(1)).await.unwrap();
    assert_eq!(claims(&world, tokens.id_token.as_ref().unwrap())["tenant"], "acme");
    assert_eq!(claims(&world, &tokens.access_token).get("tenant"), None);
    hook.at(Place::Introspection, extra());
    assert_eq!(world.introspect(&app, &tokens.access_token, at(1)).await["tenant"], "acme");
    hook.at(Place::Userinfo, extra());
    let shown = userinfo(&world.engine, &tokens.access_token, "GET", None, at(1)).await.unwrap();
    assert_eq!(Value::Object(shown), json!({"sub": People::subject("somebody").to_string(), "tenant": "acme"}));
    assert_eq!(hook.seen.lock().unwrap()[0], "app subject-of-somebody offline_access openid");
}

#[tokio::test]
async fn a_claim_that_only_this_server_gives_is_refused() {
    let (world, app, hook) = world().await;
    for name in ["sub", "aud", "exp", "scope", "cnf", "client_id", "nonce", "active", "act"] {
        for place in [Place::AccessToken, Place::IdToken] {
            hook.at(place, Deed::Add(json!({name: "x"})));
            assert!(!fault(redeem(&world, &app).await).temporary, "{name}");
        }
    }
    hook.at(Place::IdToken, Deed::Nothing);
    let token = redeem(&world, &app).await.unwrap().access_token;
    hook.at(Place::Userinfo, Deed::Add(json!({"sub": "somebody else"})));
    fault(userinfo(&world.engine, &token, "GET", None, at(1)).await);
}

#[tokio::test]
async fn a_hook_denies_with_a_reason_and_nothing_is_used_up() {
    let (world, app, hook) = world().await;
    let code = world.code(&app, "openid offline_access", at(0)).await;
    hook.before_issue(Deed::Deny);
    let Err(Failure::Denied(denied)) = world.redeem(&app, &code, at(0)).await else { panic!("not denied") };
    assert_eq!((denied.code, &*denied.text), (AccessDenied, "not on a Sunday"));
    assert_eq!(refused(world.client_credentials(&app, None, at(0)).await), AccessDenied);
    hook.before_issue(Deed::Nothing);
    let first = world.redeem(&app, &code, at(0)).await.unwrap();
    hook.before_issue(Deed::Deny);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(1)).await), AccessDenied);
    assert_eq!(world.generation(&app).await, 0, "the refresh token was not used up");
    hook.before_issue(Deed::Nothing);
    world.refresh(&app, &refresh_token(&first), at(1)).await.unwrap();
    hook.at(Place::Introspection, Deed::Deny);
    assert!(!world.is_active(&app, &first.access_token, at(1)).await);
    hook.at(Place::Userinfo, Deed::Deny);
    assert_eq!(refused(userinfo(&world.engine, &first.access_token, "GET", None, at(1)).await), InsufficientScope);
}

/// Asks every endpoint, and gives what the one that is closed says.
async fn ask(world: &World, app: &App, endpoint: Endpoint) -> Result<(), Failure> {
    let ask = Ask::new(app, "openid");
    let query = ask.query();
    let form = Form::parse(query.as_bytes()).unwrap();
    let client = authenticate(&world.engine, &app.credentials, at(1)).await.unwrap();
    let known = asker::known(&world.engine, &app.credentials, at(1)).await.unwrap();
    let token = PresentedToken { token: "x".to_owned() };
    match endpoint {
        Endpoint::Authorization => world.authorize(&Visitor::new(world), &ask, at(1)).await.map(|_| ()),
        Endpoint::PushedRequest => par::push(&world.engine, &client, &form, at(1)).await.map(|_| ()),
        Endpoint::DeviceAuthorization => device::authorize(&world.engine, &client, &form, at(1)).await.map(|_| ()),
        Endpoint::BackchannelAuthentication => {
            let body = b"scope=openid&login_hint=somebody";
            let form = Form::parse(body).unwrap();
            backchannel::authenticate(&world.engine, &client, &form, at(1)).await.map(|_| ())
        }
        Endpoint::Token => world.client_credentials(app, None, at(1)).await.map(|_| ()),
        Endpoint::Introspection => introspect::introspect(&world.engine, &known, &token, at(1)).await.map(|_| ()),
        Endpoint::Revocation => world.revoke(app, "x", at(1)).await,
    }
}

// RFC 7009 §2, RFC 7662 §2, RFC 9126 §2.
#[tokio::test]
async fn a_hook_closes_any_endpoint_to_a_client() {
    let (world, app, hook) = world().await;
    let direct = [
        Endpoint::PushedRequest,
        Endpoint::DeviceAuthorization,
        Endpoint::BackchannelAuthentication,
        Endpoint::Token,
        Endpoint::Introspection,
        Endpoint::Revocation,
    ];
    for endpoint in direct {
        ask(&world, &app, endpoint).await.unwrap();
        hook.close(endpoint, Deed::Deny);
        assert_eq!(refused(ask(&world, &app, endpoint).await), AccessDenied, "{endpoint:?}");
        hook.close(endpoint, Deed::Panic);
        fault(ask(&world, &app, endpoint).await);
    }
    hook.close(Endpoint::Authorization, Deed::Deny);
    let next = world.authorize(&Visitor::new(&world), &Ask::new(&app, "openid"), at(1)).await.unwrap();
    let Next::Client(url) = next else { panic!("not sent back: {next:?}") };
    assert_eq!(parameter(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
    hook.close(Endpoint::Authorization, Deed::Panic);
    fault(ask(&world, &app, Endpoint::Authorization).await);
}

// RFC 6749 §4.2.2.1.
#[tokio::test]
async fn a_refusal_in_the_front_channel_goes_to_the_client() {
    let (world, app, hook) = world().await;
    hook.before_issue(Deed::Deny);
    for response_type in ["token", "id_token"] {
        let ask = Ask::new(&app, "openid").without_pkce().with("response_type", response_type);
        let (_, url) = world.walk(&ask, "somebody", at(0)).await;
        assert_eq!(parameter(&url, "error").as_deref(), Some("access_denied"), "{url}");
        assert_eq!(parameter(&url, "access_token"), None);
    }
    hook.before_issue(Deed::Nothing);
    hook.at(Place::AccessToken, Deed::Add(json!({"tenant": "acme"})));
    let ask = Ask::new(&app, "openid").without_pkce().with("response_type", "token");
    let (_, url) = world.walk(&ask, "somebody", at(0)).await;
    assert_eq!(claims(&world, &parameter(&url, "access_token").unwrap())["tenant"], "acme");
}

#[tokio::test]
async fn a_hook_that_panics_breaks_its_own_request_and_no_other() {
    let (world, app, hook) = world().await;
    let code = world.code(&app, "openid", at(0)).await;
    hook.before_issue(Deed::Panic);
    assert!(!fault(world.redeem(&app, &code, at(0)).await).temporary);
    hook.before_issue(Deed::Nothing);
    for place in [Place::AccessToken, Place::IdToken] {
        hook.at(place, Deed::Panic);
        fault(world.redeem(&app, &code, at(0)).await);
    }
    hook.at(Place::Userinfo, Deed::Panic);
    let token = world.redeem(&app, &code, at(0)).await.unwrap().access_token;
    fault(userinfo(&world.engine, &token, "GET", None, at(1)).await);
    hook.at(Place::Userinfo, Deed::Nothing);
    userinfo(&world.engine, &token, "GET", None, at(1)).await.unwrap();
}

#[tokio::test]
async fn a_token_that_nobody_could_carry_is_not_issued() {
    let (world, app, hook) = world().await;
    hook.at(Place::AccessToken, Deed::Add(json!({"long": "x".repeat(20_000)})));
    assert!(!fault(redeem(&world, &app).await).temporary);
}

#[tokio::test]
async fn settings_add_claims_of_their_own_and_of_the_account() {
    let list = |texts: &[&str]| texts.iter().map(|text| ExtraClaim::parse(text).unwrap()).collect::<Vec<_>>();
    let edit = |parts: &mut Parts| {
        parts.policy.access_token_format = TokenFormat::Jwt;
        parts.policy.claims = ClaimPolicy {
            id_token: list(&["tenant = acme"]),
            access_token: list(&["groups = account.groups if read", "level = 3 if write"]),
            introspection: list(&["tenant = acme", "groups = account.groups"]),
            userinfo: list(&["groups = account.groups if read"]),
        };
    };
    let world = World::with(edit).await;
    let app = world.app("app").await;
    world.people.set_claims("somebody", json!({"groups": ["a"], "name": "N"}));
    let tokens = world.tokens(&app, "openid read", at(0)).await;
    let said = claims(&world, &tokens.access_token);
    assert_eq!((&said["groups"], said.get("level")), (&json!(["a"]), None));
    assert_eq!(claims(&world, tokens.id_token.as_ref().unwrap())["tenant"], "acme");
    let told = world.introspect(&app, &tokens.access_token, at(1)).await;
    assert_eq!((&told["tenant"], &told["groups"]), (&json!("acme"), &json!(["a"])));
    let shown = userinfo(&world.engine, &tokens.access_token, "GET", None, at(1)).await.unwrap();
    assert_eq!(shown["groups"], json!(["a"]));
    let less = world.tokens(&app, "openid", at(0)).await;
    assert_eq!(claims(&world, &less.access_token).get("groups"), None);
    let shown = userinfo(&world.engine, &less.access_token, "GET", None, at(1)).await.unwrap();
    assert_eq!(shown.get("groups"), None);
    let own = world.client_credentials(&app, Some("read write"), at(0)).await.unwrap().access_token;
    let said = claims(&world, &own);
    assert_eq!((said.get("groups"), &said["level"]), (None, &json!(3)), "nobody is its subject");
}

//! JWT access tokens (RFC 9068): what they say to their readers, and that for us they are what sealed references are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_engine::admin::{grants, tokens};
use firman_engine::userinfo::userinfo;
use firman_engine::{Failure, Parts};
use firman_proto::error::ErrorCode::{InsufficientScope, InvalidToken};
use firman_proto::feed::LivesBy;
use firman_proto::jws::{Algorithm, verify};
use firman_proto::seal::{Caveat, NotWeakened, attenuate};
use firman_proto::time::Timestamp;
use firman_proto::token::{ClientCredentialsRequest, TokenRequest, TokenResponse};
use firman_store::record::{EpochKey, TokenFormat};
use serde_json::{Map, Value, json};

use crate::support::{
    App, Ask, ISSUER, People, Signer, World, at, redemption, refresh_token, refreshment, refused, scope,
};

/// A world whose access tokens are JWTs, and a client.
async fn world() -> (World, App) {
    let world = World::with(|parts: &mut Parts| parts.policy.access_token_format = TokenFormat::Jwt).await;
    let app = world.app("app").await;
    (world, app)
}

fn part(token: &str, place: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(place).unwrap()).unwrap()).unwrap()
}

/// The claims of a token that our published keys verify.
fn claims(world: &World, token: &str) -> Value {
    verify(token, world.engine.keys().current().published()).unwrap()
}

async fn shown(world: &World, token: &str, now: Timestamp) -> Result<Map<String, Value>, Failure> {
    userinfo(&world.engine, token, "GET", None, now).await
}

// RFC 9068 §2, §2.1, §2.2.
#[tokio::test]
async fn it_has_the_type_and_the_claims_of_the_rfc() {
    let (world, app) = world().await;
    let tokens = world.tokens(&app, "openid read", at(0)).await;
    let header = part(&tokens.access_token, 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    let mut said = claims(&world, &tokens.access_token);
    let jti = said["jti"].take();
    assert!(jti.as_str().unwrap().starts_with("fm_ji_"));
    // What the revocation feed ends it by; the tests of the feed look at what it is worth.
    let lives_by: LivesBy = serde_json::from_value(said["lives_by"].take()).unwrap();
    assert_eq!((lives_by.keys.len(), lives_by.epochs.len()), (5, 3));
    assert_eq!(
        said,
        json!({
            "iss": ISSUER,
            "sub": People::subject("somebody").to_string(),
            "aud": ISSUER,
            "client_id": "app",
            "exp": at(300).seconds(),
            "iat": at(0).seconds(),
            "jti": null,
            "lives_by": null,
            "scope": "openid read",
            "auth_time": at(0).seconds(),
            "amr": ["pwd"],
        })
    );
    let own = world.client_credentials(&app, Some("read"), at(0)).await.unwrap().access_token;
    assert_eq!(claims(&world, &own)["sub"], "app", "where no person is involved, the client is the subject");
}

#[tokio::test]
async fn it_goes_the_way_of_a_sealed_reference() {
    let (world, app) = world().await;
    let tokens = world.tokens(&app, "openid read offline_access", at(0)).await;
    let token = &tokens.access_token;
    let told = world.introspect(&app, token, at(1)).await;
    assert_eq!((&told["active"], &told["jti"]), (&json!(true), &claims(&world, token)["jti"]));
    assert_eq!((&told["scope"], &told["exp"]), (&json!("offline_access openid read"), &json!(at(300).seconds())));
    shown(&world, token, at(299)).await.unwrap();
    assert_eq!(refused(shown(&world, token, at(300)).await), InvalidToken);
    assert!(!world.is_active(&app, token, at(300)).await);
    assert_eq!(tokens::inspect(&world.engine, token, at(300)).await.unwrap().why, Some("it has expired"));
    assert_eq!(tokens::inspect(&world.engine, token, at(1)).await.unwrap().kind, "jwt_access_token");
}

#[tokio::test]
async fn it_is_revoked_by_itself_with_its_grant_and_with_every_epoch() {
    let (world, app) = world().await;
    let token = async |now| world.tokens(&app, "openid", now).await.access_token;
    let (one, other) = (token(at(0)).await, token(at(0)).await);
    world.revoke(&app, &one, at(1)).await.unwrap();
    assert!(!world.is_active(&app, &one, at(1)).await && world.is_active(&app, &other, at(1)).await);
    assert_eq!(refused(shown(&world, &one, at(1)).await), InvalidToken);
    tokens::revoke(&world.engine, &other, at(1)).await.unwrap();
    assert!(!world.is_active(&app, &other, at(1)).await);

    let third = token(at(1)).await;
    let grant = tokens::inspect(&world.engine, &third, at(1)).await.unwrap().grant;
    grants::revoke(&world.engine, grant, at(2)).await.unwrap();
    assert!(!world.is_active(&app, &third, at(2)).await);
    for epoch in [EpochKey::Everything, EpochKey::Client(app.id)] {
        let live = token(at(2)).await;
        grants::sign_out_everywhere(&world.engine, epoch, at(3)).await.unwrap();
        assert!(!world.is_active(&app, &live, at(3)).await, "{epoch:?}");
        assert_eq!(refused(shown(&world, &live, at(3)).await), InvalidToken);
    }
}

#[tokio::test]
async fn a_retried_refresh_gets_the_same_token_again() {
    let (world, app) = world().await;
    let first = world.tokens(&app, "openid offline_access", at(0)).await;
    let second = world.refresh(&app, &refresh_token(&first), at(10)).await.unwrap();
    let again = world.refresh(&app, &refresh_token(&first), at(20)).await.unwrap();
    assert_eq!(claims(&world, &second.access_token), claims(&world, &again.access_token));
    world.revoke(&app, &again.access_token, at(21)).await.unwrap();
    assert!(!world.is_active(&app, &second.access_token, at(21)).await, "it is one token");
}

// RFC 9068 §4, RFC 8725 §3.11.
#[tokio::test]
async fn nothing_else_that_is_signed_here_is_an_access_token() {
    let (world, app) = world().await;
    let tokens = world.tokens(&app, "openid", at(0)).await;
    let said = claims(&world, &tokens.access_token);
    let keys = world.engine.keys().current();
    let key = keys.signer(Algorithm::ES256, at(0)).unwrap();
    let jti = said["jti"].as_str().unwrap().to_owned();
    let without_jti = {
        let mut said = said.clone();
        said.as_object_mut().unwrap().remove("jti");
        key.sign_as("at+jwt", &said).unwrap()
    };
    let refused_ones = [
        tokens.id_token.clone().unwrap(),
        // The same claims under another type.
        key.sign(&said).unwrap(),
        key.sign_as("token-introspection+jwt", &said).unwrap(),
        key.sign_as("logout+jwt", &said).unwrap(),
        without_jti,
        key.sign_as("at+jwt", &json!({"jti": "x"})).unwrap(),
        // What stands inside, by itself or as another kind.
        jti.clone(),
        jti.replacen("fm_ji_", "fm_at_", 1),
        key.sign_as("at+jwt", &json!({"jti": jti.replacen("fm_ji_", "fm_at_", 1)})).unwrap(),
    ];
    for text in refused_ones {
        assert!(!world.is_active(&app, &text, at(1)).await, "{text}");
        assert_eq!(refused(shown(&world, &text, at(1)).await), InvalidToken, "{text}");
        world.revoke(&app, &text, at(1)).await.unwrap();
    }
    let opaque = World::new().await;
    let sealed = opaque.tokens(&opaque.app("app").await, "openid", at(0)).await.access_token;
    let around = key.sign_as("at+jwt", &json!({"jti": sealed})).unwrap();
    assert!(!world.is_active(&app, &around, at(1)).await, "a sealed reference is no jti");
    assert!(world.is_active(&app, &tokens.access_token, at(1)).await);
}

// RFC 9068 §4.
#[tokio::test]
async fn what_our_keys_have_not_signed_is_refused() {
    let (world, app) = world().await;
    let token = world.tokens(&app, "openid", at(0)).await.access_token;
    let parts: Vec<&str> = token.split('.').collect();
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut more = part(&token, 1);
    more["scope"] = json!("openid admin");
    let kid = part(&token, 0)["kid"].clone();
    let stranger = Signer::new();
    let header = |more: Value| {
        let mut header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        encoded(&header)
    };
    let with_header = |more: Value| format!("{}.{}.{}", header(more), parts[1], parts[2]);
    for forged in [
        format!("{}.{}.{}", parts[0], encoded(&more), parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.", encoded(&json!({"alg": "none", "typ": "at+jwt"})), parts[1]),
        format!("{}.{}.", encoded(&json!({"alg": "nOnE", "typ": "at+jwt"})), parts[1]),
        with_header(json!({"alg": "HS256"})),
        with_header(json!({"alg": "RS256"})),
        with_header(json!({"kid": "../../etc/passwd"})),
        with_header(json!({"jwk": stranger.jwks()["keys"][0]})),
        with_header(json!({"jku": "https://evil.example/jwks"})),
        with_header(json!({"x5u": "https://evil.example/x5"})),
        with_header(json!({"crit": ["exp"]})),
        with_header(json!({"b64": false})),
        with_header(json!({"zip": "DEF"})),
        stranger.sign(&part(&token, 1)),
        format!("{token}."),
        format!("{token}AAAA"),
        token.to_uppercase(),
        "a.".repeat(100_000),
        format!("{}.{}.{}", parts[0], "A".repeat(1_000_000), parts[2]),
    ] {
        assert!(!world.is_active(&app, &forged, at(1)).await);
        assert_eq!(refused(shown(&world, &forged, at(1)).await), InvalidToken);
    }
    let elsewhere = World::elsewhere().await;
    let app_there = elsewhere.app("app").await;
    assert!(!elsewhere.is_active(&app_there, &token, at(1)).await, "signed by another deployment");
    assert!(world.is_active(&app, &token, at(1)).await);
}

#[tokio::test]
async fn nobody_weakens_it_but_this_server() {
    let (world, app) = world().await;
    let first = world.tokens(&app, "openid read offline_access", at(0)).await;
    let caveat = Caveat::parse("scope = read").unwrap();
    assert_eq!(attenuate(&first.access_token, &caveat), Err(NotWeakened::OtherKind));
    let request = refreshment(&refresh_token(&first), Some("read"));
    let narrower = world.token(&app, request, at(1)).await.unwrap().access_token;
    assert_eq!(claims(&world, &narrower)["scope"], "read");
    assert_eq!(world.introspect(&app, &narrower, at(1)).await["scope"], "read");
    assert_eq!(refused(shown(&world, &narrower, at(1)).await), InsufficientScope);
}

async fn for_resources(world: &World, app: &App, named: &[&str]) -> TokenResponse {
    let ask = named.iter().fold(Ask::new(app, "openid read write"), |ask, one| ask.and("resource", *one));
    world.token(app, redemption(&world.code_for(&ask, at(0)).await), at(0)).await.unwrap()
}

fn is_jwt(tokens: &TokenResponse) -> bool {
    tokens.access_token.split('.').count() == 3
}

#[tokio::test]
async fn the_resource_says_how_its_tokens_look_or_else_the_client_or_the_server() {
    let world = World::new().await;
    world.resource("urn:a:jwt", |said| said.token_format = Some(TokenFormat::Jwt)).await;
    world.resource("urn:a:opaque", |said| said.token_format = Some(TokenFormat::Opaque)).await;
    world.resource("urn:a:any", |_| {}).await;
    let app = world.app("app").await;
    let jwt_app = world.app_with("jwt", |new| new.policy.access_token_format = Some(TokenFormat::Jwt)).await;
    for (app, named, expected) in [
        (&app, &[][..], false),
        (&app, &["urn:a:any"], false),
        (&app, &["urn:a:jwt"], true),
        (&app, &["urn:a:jwt", "urn:a:any"], true),
        (&app, &["urn:a:jwt", "urn:a:opaque"], false),
        (&jwt_app, &[], true),
        (&jwt_app, &["urn:a:any"], true),
        (&jwt_app, &["urn:a:opaque"], false),
    ] {
        assert_eq!(is_jwt(&for_resources(&world, app, named).await), expected, "{} {named:?}", app.client_id);
    }
}

// RFC 9068 §2.2.3, §3.
#[tokio::test]
async fn it_names_its_audience_and_the_scopes_that_mean_something_there() {
    let (world, app) = world().await;
    let a = world.resource("https://a.example", |said| said.scope = scope("read")).await;
    world.resource("https://b.example", |said| said.scope = scope("write")).await;
    let one = for_resources(&world, &app, &["https://a.example"]).await;
    let said = claims(&world, &one.access_token);
    assert_eq!((&said["aud"], &said["scope"]), (&json!("https://a.example"), &json!("read")));
    assert_eq!(one.scope, scope("openid read"), "what was granted is told to the client");
    let both = for_resources(&world, &app, &["https://a.example", "https://b.example"]).await;
    let said = claims(&world, &both.access_token);
    assert_eq!(
        (&said["aud"], &said["scope"]),
        (&json!(["https://a.example", "https://b.example"]), &json!("read write"))
    );
    assert_eq!(world.introspect_as(&a, &both.access_token, at(1)).await["aud"], json!(["https://a.example"]));
    assert_eq!(refused(shown(&world, &one.access_token, at(1)).await), InvalidToken, "not for our own API");
    let resource = vec!["https://b.example".to_owned()];
    let request = ClientCredentialsRequest { scope: None, resource };
    let own = world.token(&app, TokenRequest::ClientCredentials(request), at(0)).await.unwrap();
    assert_eq!(claims(&world, &own.access_token)["scope"], "write");
    assert_eq!(world.introspect_as(&a, &own.access_token, at(1)).await, json!({"active": false}));
}

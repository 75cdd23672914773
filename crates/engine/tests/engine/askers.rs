//! Who is told of tokens, and may make them dead: clients, resource servers, holders of an access token for it.

use firman_engine::admin::resources;
use firman_engine::asker::{self, Asker};
use firman_engine::bearer::Bearer;
use firman_engine::introspect::{introspect, signed};
use firman_engine::{Failure, Parts};
use firman_proto::credentials::{AuthMethod, Credentials};
use firman_proto::error::ErrorCode::{
    InsufficientScope, InvalidClient, InvalidDpopProof, InvalidToken, UnauthorizedClient,
};
use firman_proto::introspection::PresentedToken;
use firman_proto::jws::{Algorithm, verify};
use firman_proto::metadata::path;
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::time::Timestamp;
use firman_proto::token::{ClientCredentialsRequest, TokenRequest};
use serde_json::{Value, json};

use crate::support::{App, Ask, ISSUER, World, at, redemption, refresh_token, refused, scope};

const A: &str = "https://a.example";

async fn token_for_a(world: &World, app: &App) -> firman_proto::token::TokenResponse {
    let ask = Ask::new(app, "openid read write offline_access").with("resource", A);
    let code = world.code_for(&ask, at(0)).await;
    world.token(app, redemption(&code), at(0)).await.unwrap()
}

async fn revoke_as(world: &World, credentials: &Credentials, token: &str) -> Result<(), Failure> {
    let asker = asker::known(&world.engine, credentials, at(1)).await?;
    let presented = PresentedToken { token: token.to_owned() };
    firman_engine::revoke::revoke(&world.engine, &asker, &presented, at(1)).await
}

// RFC 7662 §4, RFC 9701 §8.2.
#[tokio::test]
async fn a_resource_server_is_told_of_tokens_for_it_and_of_its_own_share_in_them() {
    let world = World::new().await;
    let a = world.resource(A, |said| said.scope = scope("read")).await;
    let b = world.resource("https://b.example", |said| said.scope = scope("write")).await;
    let app = world.app("app").await;
    let ask =
        Ask::new(&app, "openid read write offline_access").with("resource", A).and("resource", "https://b.example");
    let both = world.token(&app, redemption(&world.code_for(&ask, at(0)).await), at(0)).await.unwrap();
    let told = world.introspect_as(&a, &both.access_token, at(1)).await;
    assert_eq!((&told["active"], &told["aud"], &told["scope"]), (&json!(true), &json!([A]), &json!("read")));
    assert_eq!(told["client_id"], "app");
    let told = world.introspect_as(&b, &both.access_token, at(1)).await;
    assert_eq!((&told["aud"], &told["scope"]), (&json!(["https://b.example"]), &json!("write")));
    // Nothing of tokens for others, of those for this server, or of refresh tokens.
    let only_a = token_for_a(&world, &app).await;
    let plain = world.tokens(&app, "read", at(0)).await.access_token;
    for none_of_its_business in [&only_a.access_token, &plain, &refresh_token(&both)] {
        let told = world.introspect_as(&b, none_of_its_business, at(1)).await;
        assert_eq!(told, json!({"active": false}));
    }
}

#[tokio::test]
async fn a_resource_server_proves_itself_with_its_own_secret() {
    let world = World::new().await;
    let a = world.resource(A, |_| {}).await;
    let app = world.app("app").await;
    let known = |credentials: Credentials| {
        let engine = world.engine.clone();
        async move { asker::known(&engine, &credentials, at(1)).await }
    };
    assert!(matches!(known(a.clone()).await.unwrap(), Asker::Resource(_)));
    let posted =
        Credentials { method: AuthMethod::ClientSecretPost, client_id: "https://A.example/".to_owned(), ..a.clone() };
    assert!(matches!(known(posted).await.unwrap(), Asker::Resource(_)));
    let wrong = [
        Credentials { secret: Some("wrong".to_owned()), ..a.clone() },
        Credentials { secret: None, method: AuthMethod::None, ..a.clone() },
        Credentials { secret: app.credentials.secret.clone(), ..a.clone() },
        Credentials { client_id: "https://b.example".to_owned(), ..a.clone() },
    ];
    for credentials in wrong {
        assert_eq!(refused(known(credentials).await), InvalidClient);
    }
    let resource = resources::find(&world.engine, A).await.unwrap();
    resources::edit(&world.engine, &resource, resources::Settings::of(&resource), false, at(1)).await.unwrap();
    assert_eq!(refused(known(a).await), InvalidClient, "a disabled one asks nothing");
}

#[tokio::test]
async fn a_resource_server_is_no_client() {
    let world = World::new().await;
    let a = world.resource(A, |_| {}).await;
    let app = App { id: world.app("app").await.id, client_id: A.to_owned(), credentials: a };
    let own = world.token(
        &app,
        TokenRequest::ClientCredentials(ClientCredentialsRequest { scope: None, resource: vec![] }),
        at(1),
    );
    assert_eq!(refused(own.await), InvalidClient);
}

#[tokio::test]
async fn caveats_that_a_resource_server_enforces_are_left_to_it_and_shown() {
    let world = World::new().await;
    let a = world.resource(A, |said| said.enforces = vec!["path".to_owned()]).await;
    let app = world.app("app").await;
    let token = token_for_a(&world, &app).await.access_token;
    let weakened = |text: &str| attenuate(&token, &Caveat::parse(text).unwrap()).unwrap();
    let told = world.introspect_as(&a, &weakened("path = /v1"), at(1)).await;
    assert_eq!((&told["active"], &told["caveats"]), (&json!(true), &json!(["path = /v1"])));
    assert_eq!(world.introspect_as(&a, &weakened("method = GET"), at(1)).await, json!({"active": false}));
    assert!(!world.is_active(&app, &weakened("path = /v1"), at(1)).await);
    assert_eq!(world.introspect_as(&a, &token, at(1)).await.get("caveats"), None);
}

#[tokio::test]
async fn a_resource_server_revokes_tokens_for_it_and_no_others() {
    let world = World::new().await;
    let a = world.resource(A, |_| {}).await;
    let b = world.resource("https://b.example", |_| {}).await;
    let app = world.app("app").await;
    let tokens = token_for_a(&world, &app).await;
    let plain = world.tokens(&app, "read", at(0)).await.access_token;
    for (credentials, token) in [(&b, &tokens.access_token), (&a, &plain), (&a, &refresh_token(&tokens))] {
        assert_eq!(refused(revoke_as(&world, credentials, token).await), UnauthorizedClient);
        assert!(world.is_active(&app, token, at(1)).await);
    }
    revoke_as(&world, &a, &tokens.access_token).await.unwrap();
    assert!(!world.is_active(&app, &tokens.access_token, at(1)).await);
    assert!(world.is_active(&app, &refresh_token(&tokens), at(1)).await, "that one token, and not its grant");
    revoke_as(&world, &a, "x").await.unwrap();
}

/// A world in which access tokens with the scopes `ask` and `end` open the doors.
async fn world_of_holders() -> (World, App) {
    let settings = |parts: &mut Parts| {
        parts.policy.introspect_scope = scope("ask");
        parts.policy.revoke_scope = scope("end");
    };
    let world = World::with(settings).await;
    let app = world.app_with("app", |new| new.metadata.scope = scope("openid ask end read")).await;
    (world, app)
}

async fn holder(world: &World, token: &str, needed: &str, now: Timestamp) -> Result<Asker, Failure> {
    let bearer = Bearer { token, proof: None, certificate: None, method: "POST", path: path::INTROSPECT };
    asker::by_token(&world.engine, &bearer, &scope(needed), now).await
}

async fn told(world: &World, asker: &Asker, token: &str) -> Value {
    let presented = PresentedToken { token: token.to_owned() };
    serde_json::to_value(introspect(&world.engine, asker, &presented, at(1)).await.unwrap()).unwrap()
}

#[tokio::test]
async fn whoever_holds_a_token_with_the_scope_asks_as_its_client_could() {
    let (world, app) = world_of_holders().await;
    let key = world.client_credentials(&app, Some("ask"), at(0)).await.unwrap().access_token;
    let asker = holder(&world, &key, "ask", at(1)).await.unwrap();
    let own = world.tokens(&app, "read", at(0)).await;
    assert_eq!(told(&world, &asker, &own.access_token).await["active"], true);
    assert_eq!(told(&world, &asker, &key).await["scope"], "ask");
    let other = world.app("other").await;
    let others = world.tokens(&other, "read", at(0)).await.access_token;
    assert_eq!(told(&world, &asker, &others).await, json!({"active": false}));
    let presented = PresentedToken { token: others.clone() };
    let end = firman_engine::revoke::revoke(&world.engine, &asker, &presented, at(1)).await;
    assert_eq!(refused(end), UnauthorizedClient);
    let presented = PresentedToken { token: own.access_token.clone() };
    firman_engine::revoke::revoke(&world.engine, &asker, &presented, at(1)).await.unwrap();
    assert!(!world.is_active(&app, &own.access_token, at(1)).await);
    world.edit_client(&app, |client| client.policy.introspect_any = true).await;
    let asker = holder(&world, &key, "ask", at(1)).await.unwrap();
    assert_eq!(told(&world, &asker, &others).await["active"], true);
}

#[tokio::test]
async fn a_token_that_is_dead_or_for_others_or_of_another_scope_opens_no_door() {
    let (world, app) = world_of_holders().await;
    world.resource(A, |_| {}).await;
    let of = |asked: &'static str| world.client_credentials(&app, Some(asked), at(0));
    let key = of("ask").await.unwrap().access_token;
    assert_eq!(refused(holder(&world, &of("end").await.unwrap().access_token, "ask", at(1)).await), InsufficientScope);
    assert_eq!(refused(holder(&world, &key, "ask", at(300)).await), InvalidToken);
    assert_eq!(refused(holder(&world, "fm_at_x", "ask", at(1)).await), InvalidToken);
    assert_eq!(refused(holder(&world, &key, "", at(1)).await), InvalidClient, "no setting names a scope");
    let asked = ClientCredentialsRequest { scope: Some(scope("ask")), resource: vec![A.to_owned()] };
    let for_a = world.token(&app, TokenRequest::ClientCredentials(asked), at(0)).await.unwrap().access_token;
    assert_eq!(refused(holder(&world, &for_a, "ask", at(1)).await), InvalidToken);
    let weak = |text: &str| attenuate(&key, &Caveat::parse(text).unwrap()).unwrap();
    assert_eq!(refused(holder(&world, &weak("path = /oauth2/revoke"), "ask", at(1)).await), InvalidToken);
    assert_eq!(refused(holder(&world, &weak("scope = read"), "ask", at(1)).await), InsufficientScope);
    holder(&world, &weak("path = /oauth2/introspect"), "ask", at(1)).await.unwrap();
    let proof = Bearer { token: &key, proof: Some("x"), certificate: None, method: "POST", path: path::INTROSPECT };
    assert_eq!(refused(asker::by_token(&world.engine, &proof, &scope("ask"), at(1)).await), InvalidDpopProof);
    world.revoke(&app, &key, at(1)).await.unwrap();
    assert_eq!(refused(holder(&world, &key, "ask", at(1)).await), InvalidToken);
}

/// Header and claims of what is signed with one of our keys.
fn opened(world: &World, text: &str) -> (Value, Value) {
    use base64::Engine as _;
    let keys = world.engine.keys().current();
    let claims = verify(text, keys.published()).unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap();
    (serde_json::from_slice(&header).unwrap(), claims)
}

// RFC 9701 §5, §6.
#[tokio::test]
async fn a_signed_answer_is_for_whoever_asked_and_is_no_token() {
    let edit = |parts: &mut Parts| parts.key_policy.algorithms = vec![Algorithm::ES256, Algorithm::EdDSA];
    let world = World::with(edit).await;
    let a = world.resource(A, |_| {}).await;
    let alg = |new: &mut firman_engine::admin::clients::NewClient| {
        new.metadata.jose.introspection_signed_response_alg = Some("EdDSA".to_owned());
    };
    let app = world.app_with("app", alg).await;
    let token = token_for_a(&world, &app).await.access_token;
    let answered = |credentials: Credentials, token: String| {
        let engine = world.engine.clone();
        async move {
            let asker = asker::known(&engine, &credentials, at(5)).await.unwrap();
            let answer = introspect(&engine, &asker, &PresentedToken { token }, at(5)).await.unwrap();
            (signed(&engine, &asker, &answer, at(5)).await.unwrap(), serde_json::to_value(answer).unwrap())
        }
    };
    for (credentials, name, alg) in [(a, A, "ES256"), (app.credentials.clone(), "app", "EdDSA")] {
        let (text, plain) = answered(credentials.clone(), token.clone()).await;
        let (header, claims) = opened(&world, &text);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("token-introspection+jwt"), &json!(alg)));
        let expected = json!({"iss": ISSUER, "aud": name, "iat": at(5).seconds(), "token_introspection": plain});
        assert_eq!(claims, expected);
        assert_eq!(plain["active"], true);
        let (text_of_dead, _) = answered(credentials, "x".to_owned()).await;
        assert_eq!(opened(&world, &text_of_dead).1["token_introspection"], json!({"active": false}));
        // RFC 9701 §8.1: presented as a token it is none.
        assert!(!world.is_active(&app, &text, at(5)).await);
    }
}

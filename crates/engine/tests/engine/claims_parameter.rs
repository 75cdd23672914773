//! Claims that are asked for one by one (OpenID Connect Core §5.5).

use firman_engine::authorize::Next;
use firman_proto::acr::{Class, Classes};
use firman_proto::id_token::IdToken;
use firman_proto::jws;
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::token::TokenResponse;
use serde_json::{Value, json};

use crate::support::{App, Ask, People, Visitor, World, at, parameter, refresh_token};

async fn world() -> (World, App) {
    let world = World::new().await;
    world.people.set_claims(
        "somebody",
        json!({"name": "N", "nickname": "i", "email": "e@app.example", "name#de": "D", "phone_number": "1", "secret": 1}),
    );
    let app = world.app("app").await;
    (world, app)
}

async fn userinfo(world: &World, token: &str) -> Value {
    Value::Object(firman_engine::userinfo::userinfo(&world.engine, token, "GET", None, at(1)).await.unwrap())
}

fn id_token(world: &World, response: &TokenResponse) -> IdToken {
    jws::verify_id_token(response.id_token.as_ref().unwrap(), world.engine.keys().current().published()).unwrap()
}

async fn tokens(world: &World, app: &App, ask: &Ask) -> TokenResponse {
    let code = world.code_for(ask, at(0)).await;
    world.redeem(app, &code, at(0)).await.unwrap()
}

fn sub() -> Value {
    People::subject("somebody").to_string().into()
}

// OpenID Connect Core §5.4, §5.5, §12.2.
#[tokio::test]
async fn each_claim_is_told_where_it_was_asked_for_and_after_a_refresh_too() {
    let (world, app) = world().await;
    let claims = json!({"userinfo": {"nickname": {"essential": true}, "email": {"value": "other@app.example"}},
        "id_token": {"name": null, "email": {"values": ["x", "e@app.example"]}, "phone_number": null, "secret": null}});
    let ask = Ask::new(&app, "openid offline_access").with("claims", claims.to_string());
    let first = tokens(&world, &app, &ask).await;
    let again = world.refresh(&app, &refresh_token(&first), at(1)).await.unwrap();
    for response in [&first, &again] {
        // The client is not registered for the scope phone, and nobody may ask for what is not a claim.
        let told = id_token(&world, response).claims;
        assert_eq!(Value::Object(told), json!({"name": "N", "email": "e@app.example"}));
        let shown = userinfo(&world, &response.access_token).await;
        assert_eq!(shown, json!({"sub": sub(), "nickname": "i"}));
    }
    // What somebody cuts a token down to is all that it is good for.
    let weak = attenuate(&first.access_token, &Caveat::parse("scope = openid").unwrap()).unwrap();
    assert_eq!(userinfo(&world, &weak).await, json!({"sub": sub()}));
}

// OpenID Connect Core §5.4.
#[tokio::test]
async fn what_a_scope_asks_for_is_at_userinfo_and_not_in_the_id_token() {
    let (world, app) = world().await;
    let response = tokens(&world, &app, &Ask::new(&app, "openid profile email")).await;
    assert!(id_token(&world, &response).claims.is_empty());
    assert_eq!(userinfo(&world, &response.access_token).await["name"], "N");
}

// OpenID Connect Core §5.2.
#[tokio::test]
async fn claims_are_told_in_the_languages_that_are_asked_for() {
    let (world, app) = world().await;
    let ask = Ask::new(&app, "openid profile").with("claims_locales", "fr de-AT");
    let response = tokens(&world, &app, &ask).await;
    let shown = userinfo(&world, &response.access_token).await;
    assert_eq!((&shown["name"], &shown["name#de"]), (&json!("N"), &json!("D")));
    let claims = json!({"id_token": {"name#de": null}}).to_string();
    let response = tokens(&world, &app, &Ask::new(&app, "openid").with("claims", claims)).await;
    assert_eq!(Value::Object(id_token(&world, &response).claims), json!({"name#de": "D"}));
}

// OpenID Connect Core §5.5.
#[tokio::test]
async fn somebody_is_asked_before_a_claim_is_told_and_the_answer_is_remembered() {
    let (world, app) = world().await;
    let (mut visitor, _) = world.walk(&Ask::new(&app, "openid profile"), "somebody", at(0)).await;
    let asking = |claim: &str| Ask::new(&app, "openid").with("claims", json!({"userinfo": {claim: null}}).to_string());
    // The scope has allowed it.
    assert!(matches!(world.authorize(&visitor, &asking("nickname"), at(1)).await, Ok(Next::Client(_))));
    let silent = asking("email").with("prompt", "none");
    let Ok(Next::Client(url)) = world.authorize(&visitor, &silent, at(1)).await else { panic!("asked") };
    assert_eq!(parameter(&url, "error").as_deref(), Some("consent_required"));
    let Ok(Next::Consent(request)) = world.authorize(&visitor, &asking("email"), at(1)).await else {
        panic!("not asked")
    };
    world.allow(&visitor, &request, at(1)).await.unwrap();
    assert!(matches!(world.authorize(&visitor, &silent, at(2)).await, Ok(Next::Client(_))));
    // What was allowed by itself is not the whole scope.
    let scope = Ask::new(&app, "openid email");
    assert!(matches!(world.authorize(&visitor, &scope, at(2)).await, Ok(Next::Consent(_))));
    visitor.session = None;
    assert!(matches!(world.authorize(&visitor, &asking("email"), at(2)).await, Ok(Next::Login(_))));
}

// OpenID Connect Core §5.5.1.1, RFC 9470 §5.
#[tokio::test]
async fn an_essential_class_is_reached_or_the_sign_in_has_failed() {
    let class = |text| Class::parse(text).unwrap();
    let classes = Classes::new(vec![class("low = "), class("pwd = pwd"), class("high = pwd otp")]).unwrap();
    let world = World::with(|parts| parts.policy.acr = classes).await;
    let app = world.app("app").await;
    let ask = |acr: Value| Ask::new(&app, "openid").with("claims", json!({"id_token": {"acr": acr}}).to_string());
    let acr = async |ask: &Ask| {
        let (_, url) = world.walk(ask, "somebody", at(0)).await;
        match parameter(&url, "code") {
            Some(code) => id_token(&world, &world.redeem(&app, &code, at(0)).await.unwrap()).acr.unwrap(),
            None => parameter(&url, "error").unwrap(),
        }
    };
    assert_eq!(acr(&ask(Value::Null)).await, "pwd");
    assert_eq!(acr(&ask(json!({"values": ["high", "low"]}))).await, "low");
    assert_eq!(acr(&ask(json!({"value": "high"}))).await, "pwd");
    assert_eq!(acr(&ask(json!({"essential": true, "values": ["high", "low"]}))).await, "low");
    assert_eq!(acr(&ask(json!({"essential": true, "value": "high"}))).await, "unmet_authentication_requirements");
    assert_eq!(acr(&ask(json!({"essential": true}))).await, "pwd");
    // A server that tells no class has none that could be the one.
    let plain = World::new().await;
    let app = plain.app("app").await;
    let ask = Ask::new(&app, "openid")
        .with("claims", json!({"id_token": {"acr": {"essential": true, "value": "1"}}}).to_string());
    let (_, url) = plain.walk(&ask, "somebody", at(0)).await;
    assert_eq!(parameter(&url, "error").as_deref(), Some("unmet_authentication_requirements"));
}

// OpenID Connect Core §5.5, §5.5.1.
#[tokio::test]
async fn a_malformed_parameter_is_refused_and_a_subject_that_is_not_there_is_not_replaced() {
    let (world, app) = world().await;
    let (visitor, _) = world.walk(&Ask::new(&app, "openid"), "somebody", at(0)).await;
    let error = async |visitor: &Visitor, claims: &str| {
        let ask = Ask::new(&app, "openid").with("prompt", "none").with("claims", claims);
        let Ok(Next::Client(url)) = world.authorize(visitor, &ask, at(1)).await else { panic!("not sent back") };
        parameter(&url, "error").unwrap_or_default()
    };
    assert_eq!(error(&visitor, "[]").await, "invalid_request");
    let subject = |name: &str| json!({"id_token": {"sub": {"value": People::subject(name).to_string()}}}).to_string();
    assert_eq!(error(&visitor, &subject("somebody")).await, "");
    assert_eq!(error(&visitor, &subject("somebody else")).await, "login_required");
}

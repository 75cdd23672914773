//! Whom exchanged tokens are for, and how they look (RFC 8693 §2.1, RFC 8707, RFC 9068).

use firman_engine::Failure;
use firman_engine::userinfo::userinfo;
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::{InvalidRequest, InvalidTarget, InvalidToken};
use firman_proto::exchange::TokenType;
use firman_proto::form::{self, Form};
use firman_proto::jws;
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::token::{TokenRequest, TokenResponse};
use firman_store::record::{ExchangePolicy, RevokeReason, TokenFormat};
use firman_store::{Change, GrantsOf, Page, Store as _};
use serde_json::{Value, json};

use crate::support::{App, Ask, ISSUER, People, World, at, refused, scope};

const A: &str = "https://a.example";
const B: &str = "https://b.example/api";

/// Two resources, a client that brings people, and an agent that may exchange its tokens.
async fn world(format: TokenFormat) -> (World, App, App) {
    let world = World::with(|parts| parts.policy.access_token_format = format).await;
    world.resource(A, |said| said.scope = scope("read")).await;
    world.resource(B, |said| said.scope = scope("write")).await;
    let app = world.app("app").await;
    let policy = ExchangePolicy { tokens_of: vec!["app".to_owned(), "agent".to_owned()], ..ExchangePolicy::default() };
    let agent = world.app_with("agent", |new| new.policy.exchange = Some(policy)).await;
    (world, app, agent)
}

/// A token of a person that is for these resources.
async fn subject(world: &World, app: &App, resources: &[&str]) -> String {
    let ask = resources.iter().fold(Ask::new(app, "openid read write"), |ask, one| ask.and("resource", *one));
    let code = world.code_for(&ask, at(0)).await;
    world.redeem(app, &code, at(0)).await.unwrap().access_token
}

async fn exchange(world: &World, app: &App, token: &str, more: &[(&str, &str)]) -> Result<TokenResponse, Failure> {
    let mut body = String::new();
    form::append(&mut body, "grant_type", GrantType::TokenExchange.as_str());
    form::append(&mut body, "subject_token", token);
    form::append(&mut body, "subject_token_type", TokenType::AccessToken.as_str());
    for (name, value) in more {
        form::append(&mut body, name, value);
    }
    let form = Form::parse(body.as_bytes()).unwrap();
    world.token(app, TokenRequest::parse(&form).unwrap(), at(1)).await
}

fn weaken(token: &str, caveat: &str) -> String {
    attenuate(token, &Caveat::parse(caveat).unwrap()).unwrap()
}

#[tokio::test]
async fn an_exchanged_token_is_for_those_of_the_subject_token_that_are_named_or_all() {
    let (world, app, agent) = world(TokenFormat::Opaque).await;
    let subject = subject(&world, &app, &[A, B]).await;
    for (more, audience, allowed) in [
        (&[][..], json!([A, B]), "openid read write"),
        (&[("resource", A)][..], json!([A]), "openid read"),
        (&[("audience", B)], json!([B]), "openid write"),
        (&[("audience", B), ("resource", "https://A.EXAMPLE/")], json!([A, B]), "openid read write"),
    ] {
        let tokens = exchange(&world, &agent, &subject, more).await.unwrap();
        let told = world.introspect(&agent, &tokens.access_token, at(2)).await;
        assert_eq!((&told["aud"], tokens.scope), (&audience, scope(allowed)), "{more:?}");
    }
    for more in [("resource", ISSUER), ("audience", "https://unknown.example"), ("audience", "unknown")] {
        assert_eq!(refused(exchange(&world, &agent, &subject, &[more]).await), InvalidTarget, "{more:?}");
    }
}

#[tokio::test]
async fn an_exchange_leads_to_no_resource_that_the_subject_token_was_narrowed_from() {
    let (world, app, agent) = world(TokenFormat::Opaque).await;
    let narrow = weaken(&subject(&world, &app, &[A, B]).await, &format!("aud = {A}"));
    let tokens = exchange(&world, &agent, &narrow, &[]).await.unwrap();
    assert_eq!(world.introspect(&agent, &tokens.access_token, at(2)).await["aud"], json!([A]));
    assert_eq!(refused(exchange(&world, &agent, &narrow, &[("resource", B)]).await), InvalidTarget);
    let own = subject(&world, &app, &[]).await;
    assert_eq!(refused(exchange(&world, &agent, &own, &[("resource", A)]).await), InvalidTarget);
}

#[tokio::test]
async fn a_jwt_is_exchanged_for_a_jwt_that_names_who_acts() {
    let (world, app, agent) = world(TokenFormat::Jwt).await;
    let subject = subject(&world, &app, &[A, B]).await;
    let tokens = exchange(&world, &agent, &subject, &[("resource", A)]).await.unwrap();
    let claims: Value = jws::verify(&tokens.access_token, world.engine.keys().current().published()).unwrap();
    assert_eq!(
        (&claims["aud"], &claims["act"], &claims["sub"], &claims["client_id"]),
        (&json!(A), &json!({"sub": "agent"}), &json!(People::subject("somebody")), &json!("agent"))
    );
    let as_id_token = [
        ("grant_type", GrantType::TokenExchange.as_str()),
        ("subject_token", tokens.access_token.as_str()),
        ("subject_token_type", TokenType::IdToken.as_str()),
    ];
    let mut body = String::new();
    for (name, value) in as_id_token {
        form::append(&mut body, name, value);
    }
    let request = TokenRequest::parse(&Form::parse(body.as_bytes()).unwrap()).unwrap();
    assert_eq!(refused(world.token(&agent, request, at(1)).await), InvalidRequest);
}

#[tokio::test]
async fn what_no_claim_of_a_jwt_expresses_stays_in_a_token_that_is_asked_about() {
    let (world, app, agent) = world(TokenFormat::Jwt).await;
    world.edit_client(&app, |client| client.policy.access_token_format = Some(TokenFormat::Opaque)).await;
    let limited = weaken(&subject(&world, &app, &[A]).await, "method = GET");
    let token = exchange(&world, &agent, &limited, &[]).await.unwrap().access_token;
    assert!(token.starts_with("fm_at_"), "a JWT would be good for any method: {token}");
    assert!(!world.is_active(&agent, &token, at(2)).await, "the caveat is there");
}

#[tokio::test]
async fn our_own_endpoints_refuse_what_was_delegated_by_a_link_that_is_dead() {
    let (world, app, agent) = world(TokenFormat::Opaque).await;
    let first = exchange(&world, &agent, &subject(&world, &app, &[]).await, &[]).await.unwrap().access_token;
    let middle = world.store.grants(GrantsOf::Client(agent.id), Page::first(9)).await.unwrap()[0].id;
    let last = exchange(&world, &agent, &first, &[]).await.unwrap().access_token;
    userinfo(&world.engine, &last, "GET", None, at(2)).await.unwrap();
    world.commit(Change::RevokeGrant { id: middle, reason: RevokeReason::Operator, now: at(3) }).await;
    assert_eq!(refused(userinfo(&world.engine, &last, "GET", None, at(4)).await), InvalidToken);
}

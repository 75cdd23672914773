//! Token exchange (RFC 8693).

use firman_engine::Failure;
use firman_engine::trust::TrustedIssuers;
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::{self, InvalidRequest, InvalidScope, InvalidTarget, UnauthorizedClient};
use firman_proto::exchange::TokenType;
use firman_proto::form::{self, Form};
use firman_proto::jws;
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::time::Timestamp;
use firman_proto::token::{TokenRequest, TokenResponse};
use firman_store::Change;
use firman_store::record::{EpochKey, ExchangePolicy, GrantKind, RevokeReason};
use firman_store::{GrantsOf, Page, Store as _};
use serde_json::{Value, json};

use crate::support::{App, Ask, ISSUER, People, Signer, World, at, parameter, refused, scope};

const ACCESS: &str = TokenType::AccessToken.as_str();
const ID: &str = TokenType::IdToken.as_str();
const JWT: &str = TokenType::Jwt.as_str();
const ID_JAG: &str = TokenType::IdJag.as_str();
const ELSEWHERE: &str = "https://elsewhere.example";

/// A client that brings people, and an agent that may exchange its tokens.
async fn world() -> (World, App, App) {
    let world = World::new().await;
    let app = world.app("app").await;
    let agent = agent(&world, "agent", |_| {}).await;
    (world, app, agent)
}

async fn agent(world: &World, client_id: &str, edit: impl FnOnce(&mut ExchangePolicy)) -> App {
    let mut policy = ExchangePolicy { tokens_of: vec!["*".to_owned()], ..ExchangePolicy::default() };
    edit(&mut policy);
    world.app_with(client_id, |new| new.policy.exchange = Some(policy)).await
}

async fn ask(world: &World, app: &App, members: &[(&str, &str)], now: Timestamp) -> Result<TokenResponse, Failure> {
    let mut body = String::new();
    form::append(&mut body, "grant_type", GrantType::TokenExchange.as_str());
    for (name, value) in members {
        form::append(&mut body, name, value);
    }
    let form = Form::parse(body.as_bytes()).unwrap();
    world.token(app, TokenRequest::parse(&form).unwrap(), now).await
}

async fn exchange(world: &World, app: &App, token: &str, now: Timestamp) -> Result<TokenResponse, Failure> {
    ask(world, app, &[("subject_token", token), ("subject_token_type", ACCESS)], now).await
}

async fn told(world: &World, app: &App, members: &[(&str, &str)], now: Timestamp) -> ErrorCode {
    refused(ask(world, app, members, now).await)
}

// RFC 8693 §1.1, §2.2.1, §3, §4.1.
#[tokio::test]
async fn an_agent_gets_a_token_for_the_same_person_that_names_the_agent() {
    let (world, app, agent) = world().await;
    let subject = world.tokens(&app, "openid read write offline_access", at(0)).await.access_token;
    let tokens = exchange(&world, &agent, &subject, at(100)).await.unwrap();
    assert_eq!(tokens.issued_token_type, Some(ACCESS));
    assert!(tokens.refresh_token.is_none());
    assert_eq!((tokens.scope.contains("offline_access"), tokens.expires_in), (false, 200));
    let shown = world.introspect(&agent, &tokens.access_token, at(101)).await;
    assert_eq!((&shown["sub"], &shown["client_id"]), (&json!(People::subject("somebody")), &json!("agent")));
    assert_eq!(shown["act"], json!({"sub": "agent"}));
    assert_eq!(world.grant(&agent).await.record.kind, GrantKind::TokenExchange);
}

// RFC 8693 §4.1.
#[tokio::test]
async fn an_actor_token_names_who_acts_and_the_chain_grows_outward_to_its_end() {
    let (world, app, agent) = world().await;
    let mut subject = world.tokens(&app, "read", at(0)).await.access_token;
    let actor = world.client_credentials(&agent, None, at(0)).await.unwrap().access_token;
    let exchange = async |subject: &str| {
        let members = [
            ("subject_token", subject),
            ("subject_token_type", ACCESS),
            ("actor_token", &actor),
            ("actor_token_type", ACCESS),
        ];
        ask(&world, &agent, &members, at(1)).await
    };
    for depth in 1..=4 {
        subject = exchange(&subject).await.unwrap().access_token;
        let shown = world.introspect(&agent, &subject, at(2)).await;
        let chain: Vec<_> = std::iter::successors(Some(&shown["act"]), |link| link.get("act")).collect();
        assert_eq!(chain.len(), depth);
        assert!(chain.iter().all(|link| link["sub"] == "agent"));
    }
    assert_eq!(refused(exchange(&subject).await), InvalidRequest);
}

#[tokio::test]
async fn a_client_may_weaken_its_own_token_and_stays_unnamed() {
    let (world, app, _) = world().await;
    let subject = world.tokens(&app, "read write", at(0)).await.access_token;
    let members = [("subject_token", subject.as_str()), ("subject_token_type", ACCESS), ("scope", "read")];
    let tokens = ask(&world, &app, &members, at(1)).await.unwrap();
    assert_eq!(tokens.scope, scope("read"));
    let shown = world.introspect(&app, &tokens.access_token, at(2)).await;
    assert_eq!((&shown["act"], &shown["scope"]), (&Value::Null, &json!("read")));
    // A token that is about nobody else is not exchanged.
    let own = world.client_credentials(&app, None, at(0)).await.unwrap().access_token;
    assert_eq!(refused(exchange(&world, &app, &own, at(1)).await), InvalidRequest);
}

#[tokio::test]
async fn whose_tokens_a_client_may_exchange_is_said_of_it() {
    let (world, app, _) = world().await;
    let subject = world.tokens(&app, "read", at(0)).await.access_token;
    let stranger = world.app("stranger").await;
    let other = agent(&world, "other", |policy| policy.tokens_of = vec!["somebody-else".to_owned()]).await;
    let trusted = agent(&world, "trusted", |policy| policy.tokens_of = vec!["app".to_owned()]).await;
    let standing_in = agent(&world, "standing-in", |policy| policy.impersonate = true).await;
    for refused_client in [&stranger, &other] {
        assert_eq!(refused(exchange(&world, refused_client, &subject, at(1)).await), InvalidRequest);
    }
    exchange(&world, &trusted, &subject, at(1)).await.unwrap();
    let tokens = exchange(&world, &standing_in, &subject, at(1)).await.unwrap();
    assert_eq!(world.introspect(&standing_in, &tokens.access_token, at(2)).await["act"], Value::Null);
    let silent = world.app_with("silent", |new| new.metadata.grant_types = vec![GrantType::ClientCredentials]).await;
    assert_eq!(refused(exchange(&world, &silent, &subject, at(1)).await), UnauthorizedClient);
}

#[tokio::test]
async fn nothing_grows_by_an_exchange() {
    let (world, app, agent) = world().await;
    let reader = world
        .app_with("reader", |new| {
            new.metadata.scope = scope("read");
            new.policy.exchange =
                Some(ExchangePolicy { tokens_of: vec!["app".to_owned()], ..ExchangePolicy::default() });
        })
        .await;
    let subject = world.tokens(&app, "read", at(0)).await.access_token;
    let both = world.tokens(&app, "read write", at(0)).await.access_token;
    let members = |token| [("subject_token", token), ("subject_token_type", ACCESS), ("scope", "write")];
    assert_eq!(told(&world, &agent, &members(&subject), at(1)).await, InvalidScope);
    assert_eq!(told(&world, &reader, &members(&both), at(1)).await, InvalidScope);
    assert_eq!(exchange(&world, &reader, &both, at(1)).await.unwrap().scope, scope("read"));
    // Nor does its life: what comes of it ends with it.
    let late = exchange(&world, &agent, &both, at(299)).await.unwrap();
    assert_eq!(late.expires_in, 1);
    assert!(!world.is_active(&agent, &late.access_token, at(300)).await);
    assert_eq!(refused(exchange(&world, &agent, &both, at(300)).await), InvalidRequest);
}

// RFC 8693 §2.2.2.
#[tokio::test]
async fn what_a_holder_has_limited_stays_limited() {
    let (world, app, agent) = world().await;
    let subject = world.tokens(&app, "read write", at(0)).await.access_token;
    let weaken = |text: &str| attenuate(&subject, &Caveat::parse(text).unwrap()).unwrap();
    let narrow = exchange(&world, &agent, &weaken("scope = read"), at(1)).await.unwrap();
    assert_eq!(narrow.scope, scope("read"));
    let short = exchange(&world, &agent, &weaken(&format!("before = {}", at(60).seconds())), at(1)).await.unwrap();
    assert_eq!(short.expires_in, 59);
    // Of another caveat introspection can tell nobody: the new token has it, too.
    let path = exchange(&world, &agent, &weaken("path = /v1"), at(1)).await.unwrap();
    assert!(!world.is_active(&agent, &path.access_token, at(2)).await);
    // What is for nobody comes to be for nobody.
    let nowhere = weaken("aud = https://api.example");
    assert_eq!(refused(exchange(&world, &agent, &nowhere, at(1)).await), InvalidRequest);
    // A key is not shed.
    let bound = weaken("cnf.jkt = 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(refused(exchange(&world, &agent, &bound, at(1)).await), InvalidRequest);
}

#[tokio::test]
async fn revoking_what_a_token_was_delegated_from_kills_it_at_every_depth() {
    for depth in 0..3 {
        let (world, app, agent) = world().await;
        let mut tokens = vec![world.tokens(&app, "read", at(0)).await.access_token];
        let mut grants = vec![world.grant(&app).await.record.id];
        for _ in 0..3 {
            let next = exchange(&world, &agent, tokens.last().unwrap(), at(1)).await.unwrap();
            tokens.push(next.access_token);
            let all = world.store.grants(GrantsOf::Client(agent.id), Page::first(9)).await.unwrap();
            let newest = all.iter().map(|grant| grant.id).find(|id| !grants.contains(id)).unwrap();
            grants.push(newest);
        }
        assert!(world.is_active(&agent, tokens.last().unwrap(), at(2)).await);
        world.commit(Change::RevokeGrant { id: grants[depth], reason: RevokeReason::Operator, now: at(3) }).await;
        assert!(!world.is_active(&agent, tokens.last().unwrap(), at(4)).await, "revoked at depth {depth}");
        assert_eq!(refused(exchange(&world, &agent, tokens.last().unwrap(), at(4)).await), InvalidRequest);
    }
}

#[tokio::test]
async fn signing_out_everywhere_kills_what_was_delegated() {
    let (world, app, agent) = world().await;
    let subject = world.tokens(&app, "read", at(0)).await.access_token;
    let delegated = exchange(&world, &agent, &subject, at(1)).await.unwrap().access_token;
    world.commit(Change::AdvanceEpoch(EpochKey::subject(world.engine.number(), &People::subject("somebody")))).await;
    assert!(!world.is_active(&agent, &delegated, at(2)).await);
    assert_eq!(refused(exchange(&world, &agent, &subject, at(2)).await), InvalidRequest);
}

#[tokio::test]
async fn an_id_token_is_worth_what_its_person_has_allowed_while_they_are_signed_in() {
    let (world, app, agent) = world().await;
    let (_, answer) = world.walk(&Ask::new(&app, "openid read"), "somebody", at(0)).await;
    let tokens = world.redeem(&app, &parameter(&answer, "code").unwrap(), at(0)).await.unwrap();
    let id_token = tokens.id_token.unwrap();
    let session = world.grant(&app).await.record.session;
    let members = [("subject_token", id_token.as_str()), ("subject_token_type", ID)];
    let own = ask(&world, &app, &members, at(1)).await.unwrap();
    assert_eq!(own.scope, scope("openid read"));
    let delegated = ask(&world, &agent, &members, at(1)).await.unwrap();
    let shown = world.introspect(&agent, &delegated.access_token, at(2)).await;
    assert_eq!((&shown["act"]["sub"], &shown["scope"]), (&json!("agent"), &json!("openid read")));
    let stranger = world.app("stranger").await;
    assert_eq!(told(&world, &stranger, &members, at(1)).await, InvalidRequest);
    let other =
        Signer::new().sign(&json!({"iss": ISSUER, "sub": "x", "aud": "app", "exp": at(300).seconds(), "iat": 0}));
    for wrong in [other.as_str(), "a.b.c", &tokens.access_token] {
        let members = [("subject_token", wrong), ("subject_token_type", ID)];
        assert_eq!(told(&world, &app, &members, at(1)).await, InvalidRequest);
    }
    assert_eq!(told(&world, &app, &members, at(300)).await, InvalidRequest);
    world.commit(Change::EndSession { id: session.unwrap(), now: at(2) }).await;
    assert_eq!(told(&world, &app, &members, at(3)).await, InvalidRequest);
}

// RFC 8693 §4.4.
#[tokio::test]
async fn a_jwt_of_a_trusted_issuer_is_taken_and_its_may_act_is_kept() {
    let idp = Signer::new();
    let issuer = json!({"issuer": ELSEWHERE, "jwks": idp.jwks(), "scope": "read"});
    let issuers = TrustedIssuers::new(vec![serde_json::from_value(issuer).unwrap()]).unwrap();
    let world = World::with(|parts| parts.policy.trusted_issuers = issuers).await;
    let app = world.app("app").await;
    let claims = |may_act: Value| {
        json!({"iss": ELSEWHERE, "sub": "somebody", "aud": ISSUER, "exp": at(60).seconds(), "may_act": may_act,
               "act": {"sub": "before"}})
    };
    let ask = async |may_act: Value| {
        let token = idp.sign(&claims(may_act));
        ask(&world, &app, &[("subject_token", token.as_str()), ("subject_token_type", JWT)], at(0)).await
    };
    let tokens = ask(json!({"sub": "app"})).await.unwrap();
    assert_eq!((tokens.scope, tokens.expires_in), (scope("read"), 60));
    let shown = world.introspect(&app, &tokens.access_token, at(1)).await;
    assert_eq!((&shown["sub"], &shown["act"]), (&json!(People::subject("somebody")), &json!({"sub": "before"})));
    for wrong in [json!({"sub": "other"}), json!({}), json!("app")] {
        assert_eq!(refused(ask(wrong).await), InvalidRequest);
    }
}

// RFC 8693 §2.1, §2.2.2.
#[tokio::test]
async fn wrong_requests_get_their_errors() {
    let (world, app, _) = world().await;
    let subject = world.tokens(&app, "read", at(0)).await;
    let token = subject.access_token.as_str();
    let good = [("subject_token", token), ("subject_token_type", ACCESS)];
    for more in [("audience", ELSEWHERE), ("resource", "https://api.example")] {
        assert_eq!(told(&world, &app, &[good[0], good[1], more], at(1)).await, InvalidTarget, "{more:?}");
    }
    ask(&world, &app, &[good[0], good[1], ("audience", ISSUER)], at(1)).await.unwrap();
    for wrong in ["x", &format!("{token}A"), &token.replace("fm_at_", "fm_rt_")] {
        let members = [("subject_token", wrong), ("subject_token_type", ACCESS)];
        assert_eq!(told(&world, &app, &members, at(1)).await, InvalidRequest, "{wrong}");
    }
    world.revoke(&app, token, at(2)).await.unwrap();
    assert_eq!(told(&world, &app, &good, at(3)).await, InvalidRequest);
}

// Identity Assertion Authorization Grant §4.3, §8.1.
#[tokio::test]
async fn an_assertion_for_another_server_says_who_somebody_is() {
    let (world, app, _) = world().await;
    let sender = agent(&world, "sender", |policy| policy.id_jag_for = vec![ELSEWHERE.to_owned()]).await;
    let tokens = world.tokens(&sender, "openid read", at(0)).await;
    let id_token = tokens.id_token.unwrap();
    let members = |audience| {
        [
            ("subject_token", id_token.as_str()),
            ("subject_token_type", ID),
            ("requested_token_type", ID_JAG),
            ("audience", audience),
            ("scope", "chat.read"),
            ("resource", "https://api.elsewhere.example"),
        ]
    };
    let answer = ask(&world, &sender, &members(ELSEWHERE), at(1)).await.unwrap();
    assert_eq!((answer.issued_token_type, answer.token_type), (Some(ID_JAG), "N_A"));
    let claims: Value = jws::verify(&answer.access_token, world.engine.keys().current().published()).unwrap();
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(ELSEWHERE)),
        ("sub", json!(People::subject("somebody"))),
        ("client_id", json!("sender")),
        ("scope", json!("chat.read")),
        ("resource", json!("https://api.elsewhere.example")),
        ("auth_time", json!(at(0).seconds())),
        ("iat", json!(at(1).seconds())),
        ("exp", json!(at(1).seconds() + answer.expires_in)),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert!(claims["jti"].is_string());
    let header = firman_proto::jose::Jwt::parse(&answer.access_token).unwrap().header().clone();
    assert!(header.is_typ("oauth-id-jag+jwt"));
    // It is nothing here, and for nobody else.
    assert_eq!(told(&world, &sender, &members("https://other.example"), at(1)).await, InvalidTarget);
    assert_eq!(told(&world, &sender, &members(ELSEWHERE)[..3], at(1)).await, InvalidRequest);
    let own = world.tokens(&app, "openid", at(0)).await.id_token.unwrap();
    let theirs = [("subject_token", own.as_str()), members(ELSEWHERE)[1], members(ELSEWHERE)[2], members(ELSEWHERE)[3]];
    assert_eq!(told(&world, &app, &theirs, at(1)).await, InvalidTarget);
    let plain = world.tokens(&sender, "read", at(0)).await.access_token;
    let plain = [
        ("subject_token", plain.as_str()),
        ("subject_token_type", ACCESS),
        members(ELSEWHERE)[2],
        members(ELSEWHERE)[3],
    ];
    assert_eq!(told(&world, &sender, &plain, at(1)).await, InvalidRequest);
    let as_token = [("subject_token", answer.access_token.as_str()), ("subject_token_type", ID)];
    assert_eq!(told(&world, &sender, &as_token, at(1)).await, InvalidRequest);
}

//! What is asked for in detail (RFC 9396) by people who are elsewhere, and what other grants make of it.

use firman_engine::authenticate::authenticate;
use firman_engine::authorize::Decision;
use firman_engine::backchannel::{self, Pending, Shown};
use firman_engine::{Failure, Parts};
use firman_proto::acr::{Class, Classes};
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::InvalidAuthorizationDetails;
use firman_proto::exchange::TokenType;
use firman_proto::form::{self, Form};
use firman_proto::jws::verify;
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::token::{TokenRequest, TokenResponse};
use firman_store::record::{ExchangePolicy, TokenFormat};
use serde_json::{Value, json};

use crate::support::{App, Ask, ISSUER, PASSWORD, Signer, Visitor, World, at, refused};

fn payment(actions: &Value) -> Value {
    json!({"type": "payment", "actions": actions})
}

async fn world_with(edit: impl FnOnce(&mut Parts)) -> (World, App) {
    let types = json!({"payment": {"title": "Pay", "actions": ["initiate", "status"]}, "files": {"actions": ["read"]}});
    let world = World::with(|parts| {
        parts.policy.details = serde_json::from_value(types).unwrap();
        parts.policy.backchannel.enabled = true;
        edit(parts);
    })
    .await;
    let app = world
        .app_with("app", |new| {
            new.metadata.grant_types.push(GrantType::Backchannel);
            new.metadata.authorization_details_types = vec!["payment".to_owned(), "files".to_owned()];
        })
        .await;
    (world, app)
}

/// Asks the token endpoint with these parameters.
async fn token(world: &World, app: &App, pairs: &[(&str, &str)], now: i64) -> Result<TokenResponse, Failure> {
    let body = encoded(pairs);
    world.token(app, TokenRequest::parse(&Form::parse(body.as_bytes()).unwrap())?, at(now)).await
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in pairs {
        form::append(&mut body, name, value);
    }
    body
}

async fn begin(world: &World, app: &App, pairs: &[(&str, &str)]) -> Result<String, Failure> {
    let body = encoded(pairs);
    let client = authenticate(&world.engine, &app.credentials, at(0)).await?;
    let form = Form::parse(body.as_bytes()).unwrap();
    Ok(backchannel::authenticate(&world.engine, &client, &form, at(0)).await?.auth_req_id)
}

fn asking(details: &str) -> [(&str, &str); 3] {
    [("scope", "openid read"), ("login_hint", "somebody"), ("authorization_details", details)]
}

/// Somebody sees the one request that waits for them, and allows it.
async fn allow(world: &World) -> Pending {
    let mut visitor = Visitor::new(world);
    world.enter(&mut visitor, "somebody", at(1)).await;
    let Shown::Pending { requests, .. } = backchannel::pending(&world.engine, &visitor.browser(), at(1)).await.unwrap()
    else {
        panic!("not signed in")
    };
    let [only] = &requests[..] else { panic!("{requests:?}") };
    backchannel::answer(&world.engine, &visitor.browser(), only.id, Decision::Allow, at(2)).await.unwrap();
    only.clone()
}

async fn redeem(world: &World, app: &App, id: &str, details: Option<&Value>) -> Result<TokenResponse, Failure> {
    let details = details.map(Value::to_string).unwrap_or_default();
    let grant_type = GrantType::Backchannel.as_str();
    token(world, app, &[("grant_type", grant_type), ("auth_req_id", id), ("authorization_details", &details)], 9).await
}

// RFC 9396 §6.
#[tokio::test]
async fn who_is_asked_elsewhere_sees_them_and_the_client_gets_no_more() {
    let (world, app) = world_with(|_| {}).await;
    let details = json!([payment(&json!(["initiate", "status"]))]);
    for wrong in ["x", "[]", r#"[{"type":"unknown"}]"#, r#"[{"type":"payment","actions":["refund"]}]"#] {
        assert_eq!(refused(begin(&world, &app, &asking(wrong)).await), InvalidAuthorizationDetails, "{wrong}");
    }
    let id = begin(&world, &app, &asking(&details.to_string())).await.unwrap();
    let shown = allow(&world).await.details;
    assert_eq!((shown.len(), shown[0].title.as_str()), (1, "Pay"));
    let wider = json!([{"type": "files", "actions": ["read"]}]);
    assert_eq!(refused(redeem(&world, &app, &id, Some(&wider)).await), InvalidAuthorizationDetails);
    let narrower = json!([payment(&json!(["status"]))]);
    let tokens = redeem(&world, &app, &id, Some(&narrower)).await.unwrap();
    assert_eq!(tokens.authorization_details, Some(narrower.clone()));
    assert_eq!(world.introspect(&app, &tokens.access_token, at(9)).await["authorization_details"], narrower);
}

// OpenID Connect CIBA Core §7.1.1.
#[tokio::test]
async fn a_signed_request_asks_for_them_inside_and_for_none_beside() {
    let (world, app) = world_with(|_| {}).await;
    let signer = Signer::new();
    let keys = signer.jwks();
    world
        .edit_client(&app, |client| {
            client.metadata.jwks = Some(keys);
            client.metadata.backchannel.backchannel_authentication_request_signing_alg = Some("ES256".to_owned());
        })
        .await;
    let details = json!([payment(&json!(["initiate"]))]);
    let object = |jti: &str| {
        signer.sign(&json!({
            "iss": app.client_id, "aud": ISSUER, "jti": jti, "scope": "openid", "login_hint": "somebody",
            "iat": at(0).seconds(), "nbf": at(0).seconds(), "exp": at(60).seconds(), "authorization_details": details,
        }))
    };
    let beside = [("request", object("1")), ("authorization_details", details.to_string())];
    let beside = [(beside[0].0, beside[0].1.as_str()), (beside[1].0, beside[1].1.as_str())];
    assert_eq!(refused(begin(&world, &app, &beside).await), firman_proto::error::ErrorCode::InvalidRequest);
    let id = begin(&world, &app, &[("request", &object("2"))]).await.unwrap();
    assert_eq!(allow(&world).await.details.len(), 1);
    assert_eq!(redeem(&world, &app, &id, None).await.unwrap().authorization_details, Some(details));
}

// RFC 9470 §5.
#[tokio::test]
async fn the_class_of_a_sign_in_elsewhere_or_by_password_is_told() {
    let class = |text: &str| Class::parse(text).unwrap();
    let (world, app) = world_with(|parts| {
        parts.policy.acr = Classes::new(vec![class("low ="), class("password = pwd")]).unwrap();
        parts.policy.password_grant = true;
    })
    .await;
    world.edit_client(&app, |client| client.metadata.grant_types.push(GrantType::Password)).await;
    let pairs = [("scope", "openid"), ("login_hint", "somebody"), ("acr_values", "low")];
    let id = begin(&world, &app, &pairs).await.unwrap();
    allow(&world).await;
    let elsewhere = redeem(&world, &app, &id, None).await.unwrap();
    let pairs = [("grant_type", "password"), ("username", "somebody"), ("password", PASSWORD), ("scope", "openid")];
    let here = token(&world, &app, &pairs, 1).await.unwrap();
    for (tokens, acr) in [(elsewhere, "low"), (here, "password")] {
        assert_eq!(world.introspect(&app, &tokens.access_token, at(9)).await["acr"], acr);
    }
}

async fn exchange(world: &World, app: &App, subject: &str, details: Option<&Value>) -> Result<TokenResponse, Failure> {
    let details = details.map(Value::to_string).unwrap_or_default();
    let pairs = [
        ("grant_type", GrantType::TokenExchange.as_str()),
        ("subject_token", subject),
        ("subject_token_type", TokenType::AccessToken.as_str()),
        ("authorization_details", &details),
    ];
    token(world, app, &pairs, 3).await
}

// RFC 9396 §6.1, RFC 8693 §2.1.
#[tokio::test]
async fn a_token_that_is_exchanged_passes_on_what_the_other_client_may_use_and_no_more() {
    let (world, app) = world_with(|_| {}).await;
    let agent = async |name: &str, types: &[&str]| {
        let edit = |new: &mut firman_engine::admin::clients::NewClient| {
            new.policy.exchange = Some(ExchangePolicy { tokens_of: vec!["*".to_owned()], ..ExchangePolicy::default() });
            new.metadata.authorization_details_types = types.iter().map(|name| (*name).to_owned()).collect();
        };
        world.app_with(name, edit).await
    };
    let (payer, reader) = (agent("payer", &["payment"]).await, agent("reader", &[]).await);
    let jwt = agent("jwt", &["payment", "files"]).await;
    world.edit_client(&jwt, |client| client.policy.access_token_format = Some(TokenFormat::Jwt)).await;
    let (pay, read) = (payment(&json!(["initiate", "status"])), json!({"type": "files", "actions": ["read"]}));
    let ask = Ask::new(&app, "read").with("authorization_details", json!([pay, read]).to_string());
    let subject = world.redeem(&app, &world.code_for(&ask, at(0)).await, at(1)).await.unwrap().access_token;
    let status = json!([payment(&json!(["status"]))]);
    for (client, asked, left) in [
        (&app, None, Some(json!([pay, read]))),
        (&payer, None, Some(json!([pay]))),
        (&payer, Some(&status), Some(status.clone())),
        (&reader, None, None),
    ] {
        let tokens = exchange(&world, client, &subject, asked).await.unwrap();
        assert_eq!(tokens.authorization_details, left, "{}", client.client_id);
        let told = world.introspect(client, &tokens.access_token, at(4)).await;
        assert_eq!((&told["active"], told.get("authorization_details")), (&json!(true), left.as_ref()));
    }
    for (client, asked) in [(&payer, json!([read])), (&reader, status.clone())] {
        assert_eq!(refused(exchange(&world, client, &subject, Some(&asked)).await), InvalidAuthorizationDetails);
    }
    // What the holder took away is not had back by exchanging.
    let weakened = attenuate(&subject, &Caveat::parse(&format!("authorization_details = {status}")).unwrap()).unwrap();
    let tokens = exchange(&world, &jwt, &weakened, None).await.unwrap();
    let said: Value = verify(&tokens.access_token, world.engine.keys().current().published()).unwrap();
    assert_eq!(said["authorization_details"], status);
    let all = json!([pay]);
    assert_eq!(refused(exchange(&world, &payer, &weakened, Some(&all)).await), InvalidAuthorizationDetails);
}

// RFC 9396 §12.
#[tokio::test]
async fn where_there_is_one_grant_what_was_allowed_in_detail_stands_beside_it() {
    let (world, app) = world_with(|parts| {
        parts.policy.one_grant = true;
        parts.policy.reuse_access_token = true;
    })
    .await;
    let mut tokens = vec![world.tokens(&app, "read", at(0)).await];
    for actions in [json!(["initiate"]), json!(["initiate"]), json!(["status"])] {
        let ask = Ask::new(&app, "read").with("authorization_details", json!([payment(&actions)]).to_string());
        tokens.push(world.redeem(&app, &world.code_for(&ask, at(0)).await, at(1)).await.unwrap());
    }
    for (place, one) in tokens.iter().enumerate() {
        assert!(world.is_active(&app, &one.access_token, at(2)).await);
        assert!(tokens.iter().skip(place + 1).all(|other| other.access_token != one.access_token));
    }
}

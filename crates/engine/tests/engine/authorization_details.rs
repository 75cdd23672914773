//! What is asked for beyond scopes (RFC 9396), from the request to the token.

use firman_engine::asker;
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::{Interaction, Next};
use firman_engine::device::{self, Entered};
use firman_engine::introspect::{introspect, signed};
use firman_engine::{Failure, discovery, par};
use firman_proto::error::ErrorCode::InvalidAuthorizationDetails;
use firman_proto::form::{self, Form};
use firman_proto::introspection::PresentedToken;
use firman_proto::jws::verify;
use firman_proto::seal::Caveat;
use firman_proto::token::{TokenRequest, TokenResponse};
use firman_store::record::TokenFormat;
use serde_json::{Value, json};

use crate::support::{App, Ask, Signer, VERIFIER, Visitor, World, at, parameter, redemption, refresh_token, refused};

fn types() -> Value {
    json!({
        "payment": {
            "title": "Make a payment",
            "actions": ["initiate", "status", "cancel"],
            "properties": {"amount": {"type": "string"}},
            "required": ["actions"],
        },
        "files": {"actions": ["read"], "locations": ["*"]},
        "secret": {},
    })
}

fn payment(actions: &Value) -> Value {
    json!({"type": "payment", "actions": actions, "amount": "12 EUR"})
}

async fn world() -> (World, App) {
    let world = World::with(|parts| parts.policy.details = serde_json::from_value(types()).unwrap()).await;
    let app = world.app_with("app", |new| new.metadata.authorization_details_types = may_use()).await;
    (world, app)
}

fn may_use() -> Vec<String> {
    vec!["payment".to_owned(), "files".to_owned()]
}

fn ask(app: &App, details: &Value) -> Ask {
    Ask::new(app, "read").with("authorization_details", details.to_string())
}

/// Asks the token endpoint with the parameter.
async fn token(world: &World, app: &App, pairs: &[(&str, &str)], now: i64) -> Result<TokenResponse, Failure> {
    let mut body = String::new();
    for (name, value) in pairs {
        form::append(&mut body, name, value);
    }
    let request = TokenRequest::parse(&Form::parse(body.as_bytes()).unwrap())?;
    world.token(app, request, at(now)).await
}

async fn refresh_for(
    world: &World,
    app: &App,
    token_text: &str,
    details: &Value,
    now: i64,
) -> Result<TokenResponse, Failure> {
    let details = details.to_string();
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token_text), ("authorization_details", &details)];
    token(world, app, &pairs, now).await
}

// RFC 9396 §7, §9.2.
#[tokio::test]
async fn what_was_allowed_is_told_with_the_token_and_by_introspection() {
    let (world, app) = world().await;
    let details = json!([payment(&json!(["initiate", "status"])), {"type": "files", "actions": ["read"]}]);
    let code = world.code_for(&ask(&app, &details), at(0)).await;
    let tokens = world.redeem(&app, &code, at(1)).await.unwrap();
    assert_eq!(tokens.authorization_details, Some(details.clone()));
    assert_eq!(world.introspect(&app, &tokens.access_token, at(2)).await["authorization_details"], details);
    let refresh = refresh_token(&tokens);
    assert_eq!(world.introspect(&app, &refresh, at(2)).await["authorization_details"], details);
    let again = world.refresh(&app, &refresh, at(3)).await.unwrap();
    assert_eq!(again.authorization_details, Some(details));
    // Who asked for none has none.
    let plain = world.tokens(&app, "read", at(4)).await;
    assert_eq!(plain.authorization_details, None);
    assert!(world.introspect(&app, &plain.access_token, at(5)).await.get("authorization_details").is_none());
}

// RFC 9396 §9.1, RFC 9701 §5.
#[tokio::test]
async fn a_jwt_access_token_and_a_signed_answer_say_them_as_narrow_as_they_are() {
    let world = World::with(|parts| {
        parts.policy.details = serde_json::from_value(types()).unwrap();
        parts.policy.access_token_format = TokenFormat::Jwt;
    })
    .await;
    let app = world.app_with("app", |new| new.metadata.authorization_details_types = may_use()).await;
    let said = |token: &str| -> Value { verify(token, world.engine.keys().current().published()).unwrap() };
    let details = json!([payment(&json!(["initiate", "status"]))]);
    let tokens = world.redeem(&app, &world.code_for(&ask(&app, &details), at(0)).await, at(1)).await.unwrap();
    assert_eq!(said(&tokens.access_token)["authorization_details"], details);
    let narrower = json!([payment(&json!(["status"]))]);
    let less = refresh_for(&world, &app, &refresh_token(&tokens), &narrower, 2).await.unwrap();
    assert_eq!(said(&less.access_token)["authorization_details"], narrower);
    assert_eq!(world.introspect(&app, &less.access_token, at(3)).await["authorization_details"], narrower);
    let asker = asker::known(&world.engine, &app.credentials, at(3)).await.unwrap();
    let presented = PresentedToken { token: less.access_token.clone() };
    let answer = introspect(&world.engine, &asker, &presented, at(3)).await.unwrap();
    let answer = said(&signed(&world.engine, &asker, &answer, at(3)).await.unwrap());
    assert_eq!(answer["token_introspection"]["authorization_details"], narrower);
    assert!(said(&world.tokens(&app, "read", at(4)).await.access_token).get("authorization_details").is_none());
}

// RFC 8707 §2.2, RFC 9396 §6.1.
#[tokio::test]
async fn a_token_may_be_for_fewer_resources_and_of_fewer_details_as_long_as_there_is_room_for_both() {
    let (world, app) = world().await;
    let long = format!("https://b.example/{}", "b".repeat(480));
    world.resource("https://a.example", |_| {}).await;
    world.resource(&long, |_| {}).await;
    let details = json!([{"type": "files", "actions": ["read"], "locations": ["x".repeat(500), "y"]}]);
    let ask = ask(&app, &details).and("resource", "https://a.example").and("resource", long.clone());
    let tokens = world.redeem(&app, &world.code_for(&ask, at(0)).await, at(1)).await.unwrap();
    let refresh = refresh_token(&tokens);
    let narrowed = async |locations: &Value| {
        let details = json!([{"type": "files", "actions": ["read"], "locations": locations}]).to_string();
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &refresh),
            ("authorization_details", &details),
            ("resource", &long),
        ];
        token(&world, &app, &pairs, 2).await
    };
    assert_eq!(refused(narrowed(&json!(["x".repeat(500)])).await), InvalidAuthorizationDetails);
    let less = narrowed(&json!(["y"])).await.unwrap();
    let told = world.introspect(&app, &less.access_token, at(3)).await;
    assert_eq!((&told["aud"], &told["authorization_details"][0]["locations"]), (&json!([long]), &json!(["y"])));
}

// RFC 9396 §5.
#[tokio::test]
async fn what_is_malformed_unknown_or_not_for_this_client_is_refused_everywhere() {
    let (world, app) = world().await;
    let other = world.app("other").await;
    let good = json!([payment(&json!(["initiate"]))]);
    for (app, text) in [
        (&app, "x".to_owned()),
        (&app, "{}".to_owned()),
        (&app, "[]".to_owned()),
        (&app, r#"[{"type":"payment","type":"files"}]"#.to_owned()),
        (&app, json!([{"type": "unknown"}]).to_string()),
        (&app, json!([{"type": "secret"}]).to_string()),
        (&app, json!([payment(&json!(["refund"]))]).to_string()),
        (&app, json!([{"type": "payment"}]).to_string()),
        (&other, good.to_string()),
    ] {
        let ask = Ask::new(app, "read").with("authorization_details", text.clone());
        let Ok(Next::Client(url)) = world.authorize(&Visitor::new(&world), &ask, at(0)).await else { panic!("{text}") };
        assert_eq!(parameter(&url, "error").as_deref(), Some("invalid_authorization_details"), "{text}");
        let client = authenticate(&world.engine, &app.credentials, at(0)).await.unwrap();
        let query = ask.query();
        let form = Form::parse(query.as_bytes()).unwrap();
        assert_eq!(refused(par::push(&world.engine, &client, &form, at(0)).await), InvalidAuthorizationDetails);
        assert_eq!(refused(device::authorize(&world.engine, &client, &form, at(0)).await), InvalidAuthorizationDetails);
    }
}

// RFC 9396 §2, §5.
#[tokio::test]
async fn they_may_be_pushed_signed_or_asked_for_by_a_device() {
    let (world, app) = world().await;
    let signer = Signer::new();
    let keys = Some(signer.jwks());
    world.edit_client(&app, |client| client.metadata.jwks = keys).await;
    let details = json!([payment(&json!(["initiate"]))]);
    let client = authenticate(&world.engine, &app.credentials, at(0)).await.unwrap();
    let query = ask(&app, &details).query();
    let form = Form::parse(query.as_bytes()).unwrap();
    let pushed = par::push(&world.engine, &client, &form, at(0)).await.unwrap();
    let come = |name, value: &str| Ask::empty().with("client_id", app.client_id.clone()).with(name, value);
    let object = signer.sign(&json!({
        "iss": app.client_id, "aud": crate::support::ISSUER, "client_id": app.client_id, "scope": "read",
        "response_type": "code", "redirect_uri": crate::support::CALLBACK, "authorization_details": details,
        "code_challenge": firman_proto::pkce::Challenge::s256(VERIFIER), "code_challenge_method": "S256",
    }));
    for ask in [come("request_uri", &pushed.request_uri), come("request", &object)] {
        let code = world.code_for(&ask, at(1)).await;
        assert_eq!(world.redeem(&app, &code, at(2)).await.unwrap().authorization_details, Some(details.clone()));
    }

    let begun = device::authorize(&world.engine, &client, &form, at(0)).await.unwrap();
    let mut visitor = Visitor::new(&world);
    let entered = device::enter(&world.engine, &visitor.browser(), None, &begun.user_code, at(1)).await.unwrap();
    let Entered::Next(Next::Login(request)) = entered else { panic!("{entered:?}") };
    let Ok(Next::Consent(request)) = world.sign_in(&mut visitor, &request, "somebody", at(1)).await else { panic!() };
    world.allow(&visitor, &request, at(1)).await.unwrap();
    let narrower = json!([payment(&json!(["initiate"]))]).to_string();
    let pairs = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", &begun.device_code),
        ("authorization_details", &narrower),
    ];
    assert_eq!(token(&world, &app, &pairs, 9).await.unwrap().authorization_details, Some(details));
}

// RFC 9396 §6, §6.1.
#[tokio::test]
async fn a_code_may_be_redeemed_for_less_and_never_for_more() {
    let (world, app) = world().await;
    let details = json!([payment(&json!(["initiate", "status"])), {"type": "files", "actions": ["read"]}]);
    let redeem = async |code: &str, details: &Value| {
        let TokenRequest::AuthorizationCode(request) = redemption(code) else { panic!() };
        let authorization_details = Some(details.to_string());
        let request = firman_proto::token::CodeRequest { authorization_details, ..request };
        world.token(&app, TokenRequest::AuthorizationCode(request), at(1)).await
    };
    let code = world.code_for(&ask(&app, &details), at(0)).await;
    for wider in [
        json!([payment(&json!(["cancel"]))]),
        json!([{"type": "payment", "actions": ["initiate"]}]),
        json!([{"type": "secret"}]),
    ] {
        assert_eq!(refused(redeem(&code, &wider).await), InvalidAuthorizationDetails, "{wider}");
    }
    let narrower = json!([payment(&json!(["status"]))]);
    let tokens = redeem(&code, &narrower).await.unwrap();
    assert_eq!(tokens.authorization_details, Some(narrower.clone()));
    assert_eq!(world.grant(&app).await.record.terms.authorization_details, Some(narrower.clone()));
    // What was not redeemed is not had back by refreshing.
    assert_eq!(
        refused(refresh_for(&world, &app, &refresh_token(&tokens), &details, 2).await),
        InvalidAuthorizationDetails
    );
    // RFC 9396 §6.1: where nobody has allowed any, there are none.
    let code = world.code(&app, "read", at(0)).await;
    assert_eq!(refused(redeem(&code, &narrower).await), InvalidAuthorizationDetails);
    let pairs = [("grant_type", "client_credentials"), ("authorization_details", "[]")];
    assert_eq!(refused(token(&world, &app, &pairs, 0).await), InvalidAuthorizationDetails);
}

// RFC 9396 §6.1.
#[tokio::test]
async fn a_refresh_may_narrow_its_access_token_and_leaves_the_grant() {
    let (world, app) = world().await;
    let details = json!([payment(&json!(["initiate", "status"]))]);
    let tokens = world.redeem(&app, &world.code_for(&ask(&app, &details), at(0)).await, at(1)).await.unwrap();
    let narrower = json!([payment(&json!(["status"]))]);
    let less = refresh_for(&world, &app, &refresh_token(&tokens), &narrower, 2).await.unwrap();
    assert_eq!(less.authorization_details, Some(narrower.clone()));
    assert_eq!(world.introspect(&app, &less.access_token, at(3)).await["authorization_details"], narrower);
    // Asked again inside the window, it is the same token.
    let retried = refresh_for(&world, &app, &refresh_token(&tokens), &narrower, 3).await.unwrap();
    assert_eq!(retried.access_token, less.access_token);
    let all = world.refresh(&app, &refresh_token(&less), at(4)).await.unwrap();
    assert_eq!(all.authorization_details, Some(details));
    let wider = json!([payment(&json!(["cancel"]))]);
    assert_eq!(refused(refresh_for(&world, &app, &refresh_token(&all), &wider, 5).await), InvalidAuthorizationDetails);
    // Before anything is written: it has no room in a token.
    let long = json!([{"type": "files", "actions": ["read"], "locations": [format!("https://{}", "x".repeat(1100))]}]);
    let tokens = world
        .redeem(&app, &world.code_for(&ask(&app, &json!([{"type": "files", "actions": ["read"]}])), at(0)).await, at(1))
        .await
        .unwrap();
    assert_eq!(
        refused(refresh_for(&world, &app, &refresh_token(&tokens), &long, 5).await),
        InvalidAuthorizationDetails
    );
    world.refresh(&app, &refresh_token(&tokens), at(6)).await.unwrap();
}

#[tokio::test]
async fn a_holder_may_take_details_away_and_add_none() {
    let (world, app) = world().await;
    let details = json!([payment(&json!(["initiate", "status"]))]);
    let tokens = world.redeem(&app, &world.code_for(&ask(&app, &details), at(0)).await, at(1)).await.unwrap();
    let weakened = |details: &Value| {
        let caveat = Caveat::parse(&format!("authorization_details = {details}")).unwrap();
        firman_proto::seal::attenuate(&tokens.access_token, &caveat).unwrap()
    };
    let narrower = json!([payment(&json!(["status"]))]);
    let told = world.introspect(&app, &weakened(&narrower), at(2)).await;
    assert_eq!(told["authorization_details"], narrower);
    assert!(!world.is_active(&app, &weakened(&json!([payment(&json!(["cancel"]))])), at(2)).await);
}

// RFC 9396 §12.
#[tokio::test]
async fn they_are_asked_about_every_time_and_shown() {
    let (world, app) = world().await;
    let details = json!([payment(&json!(["initiate"]))]);
    let (visitor, _) = world.walk(&ask(&app, &details), "somebody", at(0)).await;
    // The same scope is remembered, the payment is not.
    assert!(matches!(world.authorize(&visitor, &Ask::new(&app, "read"), at(1)).await, Ok(Next::Client(_))));
    let Ok(Next::Consent(request)) = world.authorize(&visitor, &ask(&app, &details), at(1)).await else { panic!() };
    let view = Interaction::view(&world.engine, &visitor.browser(), &request, at(1)).await.unwrap();
    assert_eq!(view.interaction.request.authorization_details, Some(details.clone()));
    let silent = ask(&app, &details).with("prompt", "none");
    let Ok(Next::Client(url)) = world.authorize(&visitor, &silent, at(1)).await else { panic!() };
    assert_eq!(parameter(&url, "error").as_deref(), Some("consent_required"));
}

// RFC 9396 §10.
#[tokio::test]
async fn discovery_names_the_types_where_there_are_any() {
    let (world, _) = world().await;
    let told = |world: &World| serde_json::to_value(discovery::metadata(&world.engine, at(0))).unwrap();
    assert_eq!(told(&world)["authorization_details_types_supported"], json!(["files", "payment", "secret"]));
    assert!(told(&World::new().await).get("authorization_details_types_supported").is_none());
}

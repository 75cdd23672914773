//! How well and how lately somebody must have signed in (RFC 9470, OpenID Connect Core §3.1.2.1).

use firman_engine::authorize::Next;
use firman_engine::userinfo::userinfo;
use firman_engine::{StepUp, discovery};
use firman_proto::acr::{Class, Classes};
use firman_proto::error::ErrorCode::InsufficientUserAuthentication;
use serde_json::json;

use crate::support::{App, Ask, Visitor, World, at, parameter, refused, seconds};

const LOW: &str = "urn:example:low";
const PASSWORD: &str = "urn:example:password";
const HIGH: &str = "urn:example:high";

fn classes() -> Classes {
    let texts = [format!("{LOW} ="), format!("{PASSWORD} = pwd"), format!("{HIGH} = pwd otp")];
    Classes::new(texts.iter().map(|text| Class::parse(text).unwrap()).collect()).unwrap()
}

async fn world() -> (World, App) {
    let world = World::with(|parts| parts.policy.acr = classes()).await;
    let app = world.app("app").await;
    (world, app)
}

fn error(next: &Next) -> Option<String> {
    let Next::Client(url) = next else { panic!("not sent back: {next:?}") };
    parameter(url, "error")
}

async fn told(world: &World, app: &App, ask: &Ask) -> serde_json::Value {
    let code = world.code_for(ask, at(0)).await;
    let tokens = world.redeem(app, &code, at(1)).await.unwrap();
    world.introspect(app, &tokens.access_token, at(2)).await
}

// RFC 9470 §4, §7.
#[tokio::test]
async fn tokens_tell_the_class_that_was_asked_for_and_reached() {
    let (world, app) = world().await;
    for (asked, acr) in [
        (None, PASSWORD),
        (Some(LOW.to_owned()), LOW),
        (Some(format!("{HIGH} {PASSWORD}")), PASSWORD),
        (Some(format!("unknown {LOW}")), LOW),
    ] {
        let ask = Ask::new(&app, "openid");
        let ask = match &asked {
            Some(asked) => ask.with("acr_values", asked.clone()),
            None => ask,
        };
        let told = told(&world, &app, &ask).await;
        assert_eq!(told["acr"], acr, "{asked:?}");
        assert_eq!(told["auth_time"], at(0).seconds());
    }
    assert_eq!(
        serde_json::to_value(discovery::metadata(&world.engine, at(0))).unwrap()["acr_values_supported"],
        json!([LOW, PASSWORD, HIGH])
    );
}

// RFC 9470 §5.
#[tokio::test]
async fn a_class_that_cannot_be_met_is_said_so() {
    let (world, app) = world().await;
    let mut visitor = Visitor::new(&world);
    // Nobody is bothered where no sign-in could help.
    let unknown = Ask::new(&app, "openid").with("acr_values", "unknown");
    let next = world.authorize(&visitor, &unknown, at(0)).await.unwrap();
    assert_eq!(error(&next).as_deref(), Some("unmet_authentication_requirements"));
    // Where one could, it is tried once.
    let high = Ask::new(&app, "openid").with("acr_values", HIGH);
    let Ok(Next::Login(request)) = world.authorize(&visitor, &high, at(0)).await else { panic!("no login") };
    let next = world.sign_in(&mut visitor, &request, "somebody", at(1)).await.unwrap();
    assert_eq!(error(&next).as_deref(), Some("unmet_authentication_requirements"));
    // The session that is there now is not enough either, but another sign-in might be.
    assert!(matches!(world.authorize(&visitor, &high, at(2)).await, Ok(Next::Login(_))));
    let silent = high.with("prompt", "none");
    let next = world.authorize(&visitor, &silent, at(2)).await.unwrap();
    assert_eq!(error(&next).as_deref(), Some("login_required"));
}

// OpenID Connect Core §3.1.2.1: acr_values is a voluntary wish.
#[tokio::test]
async fn a_server_without_classes_takes_every_wish_and_tells_none() {
    let world = World::new().await;
    let app = world.app("app").await;
    let told = told(&world, &app, &Ask::new(&app, "openid").with("acr_values", "1 2")).await;
    assert!(told.get("acr").is_none());
    let metadata = serde_json::to_value(discovery::metadata(&world.engine, at(0))).unwrap();
    assert!(metadata.get("acr_values_supported").is_none());
}

// OpenID Connect Registration §2.
#[tokio::test]
async fn a_client_may_have_a_wish_of_its_own() {
    let (world, _) = world().await;
    let app = world.app_with("choosy", |new| new.metadata.default_acr_values = vec![LOW.to_owned()]).await;
    assert_eq!(told(&world, &app, &Ask::new(&app, "openid")).await["acr"], LOW);
    let own = Ask::new(&app, "openid").with("acr_values", PASSWORD);
    assert_eq!(told(&world, &app, &own).await["acr"], PASSWORD);
}

// RFC 9470 §3.
#[tokio::test]
async fn userinfo_asks_for_another_sign_in_where_a_policy_says_so() {
    for (rule, class, age, enough) in [
        (StepUp::default(), LOW, 200, true),
        (StepUp { acr_values: vec![PASSWORD.to_owned()], max_age: None }, PASSWORD, 200, true),
        (StepUp { acr_values: vec![PASSWORD.to_owned()], max_age: None }, LOW, 2, false),
        (StepUp { acr_values: Vec::new(), max_age: Some(seconds(100)) }, LOW, 100, true),
        (StepUp { acr_values: Vec::new(), max_age: Some(seconds(100)) }, LOW, 101, false),
    ] {
        let world = World::with(|parts| {
            parts.policy.acr = classes();
            parts.policy.userinfo = rule.clone();
        })
        .await;
        let app = world.app("app").await;
        let code = world.code_for(&Ask::new(&app, "openid").with("acr_values", class), at(0)).await;
        let tokens = world.redeem(&app, &code, at(1)).await.unwrap();
        let shown = userinfo(&world.engine, &tokens.access_token, "GET", None, at(age)).await;
        if enough {
            shown.unwrap();
        } else {
            assert_eq!(refused(shown), InsufficientUserAuthentication, "{rule:?}");
        }
    }
}

//! Cases in which servers differ from each other or go wrong, and what this one answers.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use firman_engine::Failure;
use firman_engine::admin::grants::sign_out_everywhere;
use firman_engine::asker;
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::Next;
use firman_engine::bearer::Bearer;
use firman_engine::introspect::introspect;
use firman_engine::registration::{self, Mode, RegistrationPolicy};
use firman_proto::credentials::{AuthMethod, Credentials, JWT_BEARER};
use firman_proto::error::ErrorCode::{self, InvalidClient, InvalidGrant};
use firman_proto::form::Form;
use firman_proto::introspection::PresentedToken;
use firman_store::record::EpochKey;
use serde_json::{Value, json};

use crate::support::{
    Ask, CALLBACK, ISSUER, People, Signer, Visitor, World, at, parameter, refresh_token, refused, scope,
};

/// What the client is told: the code and the text.
fn told<T>(result: Result<T, Failure>) -> (ErrorCode, String) {
    match result {
        Err(Failure::Denied(denied)) => (denied.code, denied.text.into_owned()),
        Err(Failure::Fault(fault)) => panic!("a fault: {fault}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test]
async fn an_expired_a_used_and_an_unknown_code_are_told_the_same() {
    let world = World::new().await;
    let (app, other) = (world.app("app").await, world.app("other").await);
    let unknown = told(world.redeem(&app, "fm_ac_AAAA", at(0)).await);
    assert_eq!(unknown.0, InvalidGrant);
    let expired = world.code(&app, "read", at(0)).await;
    assert_eq!(told(world.redeem(&app, &expired, at(60)).await), unknown);
    let foreign = world.code(&other, "read", at(0)).await;
    assert_eq!(told(world.redeem(&app, &foreign, at(1)).await), unknown);
    let used = world.code(&app, "read", at(0)).await;
    world.redeem(&app, &used, at(1)).await.unwrap();
    assert_eq!(told(world.redeem(&app, &used, at(2)).await), unknown);
}

#[tokio::test]
async fn a_code_that_expired_or_whose_subject_signed_out_or_of_another_client_is_an_invalid_grant() {
    let world = World::new().await;
    let (app, other) = (world.app("app").await, world.app("other").await);
    let code = world.code(&app, "read", at(0)).await;
    assert_eq!(refused(world.redeem(&other, &code, at(1)).await), InvalidGrant);
    assert_eq!(refused(world.redeem(&app, &code, at(60)).await), InvalidGrant);
    let code = world.code(&app, "read", at(100)).await;
    let epoch = EpochKey::subject(world.engine.number(), &People::subject("somebody"));
    sign_out_everywhere(&world.engine, epoch, at(101)).await.unwrap();
    assert_eq!(refused(world.redeem(&app, &code, at(102)).await), InvalidGrant);
}

#[tokio::test]
async fn a_yes_is_remembered_when_its_grant_has_expired() {
    let world = World::new().await;
    let app = world.app("app").await;
    let first = world.tokens(&app, "openid read", at(0)).await;
    let later = at(90 * 86_400);
    assert!(!world.is_active(&app, &first.access_token, later).await);
    for (asked, remembered) in [("openid read", true), ("openid read write", false)] {
        let mut visitor = Visitor::new(&world);
        let next = world.authorize(&visitor, &Ask::new(&app, asked), later).await.unwrap();
        let Next::Login(request) = next else { panic!("no login: {next:?}") };
        let next = world.sign_in(&mut visitor, &request, "somebody", later).await.unwrap();
        assert_eq!(matches!(next, Next::Client(_)), remembered, "{asked}: {next:?}");
    }
}

#[tokio::test]
async fn an_edit_of_a_registration_touches_no_other_and_one_that_changes_nothing_nothing() {
    let world = World::with(|parts| {
        let scope = scope("openid read");
        parts.policy.registration = RegistrationPolicy { mode: Mode::Open, scope, ..RegistrationPolicy::default() };
    })
    .await;
    let wanted = json!({"redirect_uris": [CALLBACK], "client_name": "One", "scope": "openid"});
    let register = async || {
        let made = registration::register(&world.engine, None, wanted.to_string().as_bytes(), at(0)).await.unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("client_id"), text("registration_access_token"))
    };
    let (one, other) = (register().await, register().await);
    let read =
        async |(id, token): &(String, String)| registration::read(&world.engine, id, token, at(1)).await.unwrap();
    let update = async |(id, token): &(String, String), name: &str| {
        let mut body = wanted.clone();
        (body["client_name"], body["client_id"]) = (Value::from(name), Value::from(id.as_str()));
        registration::update(&world.engine, id, token, body.to_string().as_bytes(), at(1)).await.unwrap()
    };
    let (before, others) = (read(&one).await, read(&other).await);
    update(&one, "One").await;
    assert_eq!(read(&one).await, before);
    update(&one, "Another name").await;
    assert_eq!(read(&one).await["client_name"], "Another name");
    assert_eq!(read(&other).await, others);
}

#[tokio::test]
async fn a_clock_that_went_back_undoes_nothing_that_was_done() {
    let world = World::new().await;
    let app = world.app("app").await;
    // A node whose clock is behind takes what another has just made.
    let code = world.code(&app, "openid read offline_access", at(100)).await;
    let first = world.redeem(&app, &code, at(90)).await.unwrap();
    assert!(world.is_active(&app, &first.access_token, at(80)).await);
    let second = world.refresh(&app, &refresh_token(&first), at(80)).await.unwrap();
    let retry = world.refresh(&app, &refresh_token(&first), at(70)).await.unwrap();
    assert_eq!((retry.refresh_token, &retry.access_token), (second.refresh_token.clone(), &second.access_token));
    // What is revoked stays so, and a used code stays used.
    world.revoke(&app, &refresh_token(&second), at(60)).await.unwrap();
    for time in [0, 50, 60, 80, 100] {
        assert!(!world.is_active(&app, &second.access_token, at(time)).await, "{time}");
        assert_eq!(refused(world.refresh(&app, &refresh_token(&second), at(time)).await), InvalidGrant, "{time}");
        assert_eq!(refused(world.redeem(&app, &code, at(time)).await), InvalidGrant, "{time}");
    }
}

#[tokio::test]
async fn an_access_token_is_given_again_to_the_same_client_and_person_for_the_same_scope_alone() {
    let world = World::with(|parts| parts.policy.reuse_access_token = true).await;
    let (app, other) = (world.app("app").await, world.app("other").await);
    let first = world.tokens(&app, "read write offline_access", at(0)).await;
    let again = world.tokens(&app, "offline_access write read", at(1)).await;
    assert_eq!((&again.access_token, &again.refresh_token), (&first.access_token, &first.refresh_token));
    let narrower = world.tokens(&app, "read offline_access", at(2)).await;
    let others = world.tokens(&other, "read write offline_access", at(2)).await;
    let (_, answer) = world.walk(&Ask::new(&app, "read write offline_access"), "somebody-else", at(2)).await;
    let persons = world.redeem(&app, &parameter(&answer, "code").unwrap(), at(2)).await.unwrap();
    for (asker, tokens) in [(&app, &narrower), (&other, &others), (&app, &persons)] {
        assert_ne!(tokens.access_token, first.access_token);
        assert_ne!(tokens.refresh_token, first.refresh_token);
        assert!(world.is_active(asker, &tokens.access_token, at(3)).await);
    }
    assert!(world.is_active(&app, &first.access_token, at(3)).await);
}

// RFC 7662 §2.2, RFC 9068 §2.2.
#[tokio::test]
async fn a_token_of_a_client_itself_is_told_as_of_no_person_and_lets_its_holder_ask() {
    let world = World::with(|parts| parts.policy.introspect_scope = scope("read")).await;
    let app = world.app_with("app", |new| new.metadata.scope = scope("openid read")).await;
    let own = world.client_credentials(&app, Some("read"), at(0)).await.unwrap().access_token;
    let persons = world.tokens(&app, "openid", at(0)).await.access_token;
    let told = world.introspect(&app, &own, at(1)).await;
    assert_eq!((&told["sub"], &told["client_id"]), (&json!("app"), &json!("app")));
    for of_a_person in ["username", "auth_time", "acr", "act"] {
        assert!(told.get(of_a_person).is_none(), "{told}");
    }
    let bearer = Bearer { token: &own, proof: None, certificate: None, method: "POST", path: "/oauth2/introspect" };
    let asker = asker::by_token(&world.engine, &bearer, &scope("read"), at(1)).await.unwrap();
    let presented = PresentedToken { token: persons };
    let told = introspect(&world.engine, &asker, &presented, at(1)).await.unwrap();
    let told = serde_json::to_value(told).unwrap();
    assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(People::subject("somebody").as_str())));
}

// RFC 7517 §4.3, RFC 7523 §3.
#[tokio::test]
async fn an_assertion_without_a_signature_or_by_a_key_that_is_not_for_signatures_is_no_client() {
    for (number, (edit, taken)) in [
        (json!({}), true),
        (json!({"key_ops": ["verify"]}), true),
        (json!({"use": "sig", "key_ops": ["verify"]}), true),
        (json!({"key_ops": ["sign"]}), false),
        (json!({"key_ops": ["encrypt"]}), false),
        (json!({"key_ops": []}), false),
        (json!({"use": "enc"}), false),
    ]
    .into_iter()
    .enumerate()
    {
        let (world, signer) = (World::new().await, Signer::new());
        let mut keys = signer.jwks();
        keys["keys"][0].as_object_mut().unwrap().extend(edit.as_object().unwrap().clone());
        // A set without any key that can be used is not registered at all.
        keys["keys"].as_array_mut().unwrap().push(Signer::new().jwks()["keys"][0].clone());
        let edited = |new: &mut firman_engine::admin::clients::NewClient| {
            new.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            new.metadata.jwks = Some(keys);
        };
        world.app_with("app", edited).await;
        let present = async |assertion: &str| -> Result<(), Failure> {
            let kind = JWT_BEARER.replace(':', "%3A");
            let body = format!("client_assertion={assertion}&client_assertion_type={kind}");
            let credentials = Credentials::find(None, &Form::parse(body.as_bytes()).unwrap())?;
            authenticate(&world.engine, &credentials, at(0)).await.map(|_| ())
        };
        let claims =
            json!({"iss": "app", "sub": "app", "aud": ISSUER, "exp": at(60).seconds(), "jti": number.to_string()});
        let signed = signer.sign(&claims);
        let body = signed.split('.').nth(1).unwrap();
        for none in [r#"{"alg":"none"}"#, r#"{"alg":"nOnE"}"#, r#"{"alg":"none","typ":"JWT"}"#] {
            let unsigned = format!("{}.{body}.", BASE64_URL_SAFE_NO_PAD.encode(none));
            assert_eq!(refused(present(&unsigned).await), InvalidClient, "{none}");
        }
        assert_eq!(refused(present(&Signer::new().sign(&claims)).await), InvalidClient);
        let outcome = present(&signed).await;
        if taken {
            outcome.unwrap();
        } else {
            assert_eq!(refused(outcome), InvalidClient, "{edit}");
        }
    }
}

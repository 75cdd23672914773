//! Clients that register themselves, look after their registration, and leave if nobody uses them.

use firman_engine::registration::{self, Mode, RegistrationPolicy, SCOPE};
use firman_engine::{Failure, discovery};
use firman_proto::credentials::Credentials;
use firman_proto::error::ErrorCode::{
    InsufficientScope, InvalidClient, InvalidClientMetadata, InvalidRedirectUri, InvalidRequest, InvalidToken,
    TemporarilyUnavailable, UnapprovedSoftwareStatement,
};
use firman_proto::form::Form;
use firman_proto::time::Timestamp;
use firman_store::record::ClientPolicy;
use serde_json::{Value, json};

use crate::support::{App, CALLBACK, Signer, World, at, refused, scope};

const DAY: i64 = 86_400;

async fn world(mode: Mode) -> World {
    World::with(|parts| {
        parts.policy.registration =
            RegistrationPolicy { mode, scope: scope("openid offline_access read"), ..RegistrationPolicy::default() };
    })
    .await
}

fn wanted() -> Value {
    json!({"redirect_uris": [CALLBACK], "client_name": "My app", "scope": "openid read write", "from_the_future": 1})
}

async fn register(world: &World, body: &Value, now: Timestamp) -> Result<Value, Failure> {
    registration::register(&world.engine, None, body.to_string().as_bytes(), now).await
}

fn text(information: &Value, name: &str) -> String {
    information[name].as_str().unwrap().to_owned()
}

/// The client as it authenticates from now on.
async fn app(world: &World, information: &Value) -> App {
    let (id, secret) = (text(information, "client_id"), text(information, "client_secret"));
    let form = format!("client_id={id}&client_secret={secret}");
    let credentials = Credentials::find(None, &Form::parse(form.as_bytes()).unwrap()).unwrap();
    let client = firman_engine::admin::clients::find(&world.engine, &id).await.unwrap();
    App { id: client.id, client_id: id, credentials }
}

// RFC 7591 §2, §3, §3.2.1, RFC 7592 §3.
#[tokio::test]
async fn whoever_registers_gets_what_such_clients_may_have() {
    let world = world(Mode::Open).await;
    let made = register(&world, &wanted(), at(0)).await.unwrap();
    assert_eq!(made["scope"], "openid read", "what is more is not registered");
    assert_eq!(
        (&made["token_endpoint_auth_method"], &made["client_secret_expires_at"]),
        (&json!("client_secret_basic"), &json!(0))
    );
    assert_eq!(made["client_id_issued_at"], at(0).seconds());
    assert!(made.get("from_the_future").is_none() && made.get("salt").is_none());
    let uri = format!("{}/{}", "https://login.example/oauth2/register", text(&made, "client_id"));
    assert_eq!(made["registration_client_uri"], uri);
    // It works, and is no first-party client.
    let app = app(&world, &made).await;
    let tokens = world.tokens(&app, "openid", at(1)).await;
    assert!(world.is_active(&app, &tokens.access_token, at(2)).await);
    let client = firman_engine::admin::clients::find(&world.engine, &app.client_id).await.unwrap();
    assert_eq!(client.policy, ClientPolicy::default());
    let told = serde_json::to_value(discovery::metadata(&world.engine, at(0))).unwrap();
    assert_eq!(told["registration_endpoint"], "https://login.example/oauth2/register");
}

// RFC 7591 §3.2.2.
#[tokio::test]
async fn what_cannot_be_registered_has_its_code() {
    let world = world(Mode::Open).await;
    for (name, value, expected) in [
        ("redirect_uris", json!([]), InvalidRedirectUri),
        ("redirect_uris", json!(["http://app.example/cb"]), InvalidRedirectUri),
        ("token_endpoint_auth_method", json!("private_key_jwt"), InvalidClientMetadata),
        ("token_endpoint_auth_method", json!("tls_client_auth"), InvalidClientMetadata),
        ("grant_types", json!(["client_credentials"]), InvalidClientMetadata),
        ("jwks", json!({"keys": [{"kty": "oct", "k": "AAAA"}]}), InvalidClientMetadata),
        ("software_statement", json!("a.b.c"), UnapprovedSoftwareStatement),
        ("client_id_issued_at", json!(0), InvalidRequest),
    ] {
        let mut body = wanted();
        body[name] = value;
        assert_eq!(refused(register(&world, &body, at(0)).await), expected, "{body}");
    }
    let mut public = wanted();
    public["token_endpoint_auth_method"] = json!("none");
    assert!(register(&world, &public, at(0)).await.unwrap().get("client_secret").is_none());
    let mut signing = wanted();
    signing["token_endpoint_auth_method"] = json!("private_key_jwt");
    signing["jwks"] = Signer::new().jwks();
    assert!(register(&world, &signing, at(0)).await.unwrap().get("client_secret").is_none());
}

// RFC 7591 §1.2, §3, RFC 6750 §3.1.
#[tokio::test]
async fn an_initial_access_token_is_one_of_ours_with_the_right_scope() {
    let world = world(Mode::Token).await;
    let operator = world.app_with("operator", |new| new.metadata.scope = scope("firman.register read")).await;
    let token = async |asked| world.client_credentials(&operator, asked, at(0)).await.unwrap().access_token;
    let body = wanted().to_string();
    let register =
        async |token: Option<&str>, now| registration::register(&world.engine, token, body.as_bytes(), now).await;
    let good = token(Some(SCOPE)).await;
    register(Some(&good), at(1)).await.unwrap();
    assert_eq!(refused(register(None, at(1)).await), InvalidToken);
    assert_eq!(refused(register(Some("fm_at_x"), at(1)).await), InvalidToken);
    assert_eq!(refused(register(Some(&token(Some("read")).await), at(1)).await), InsufficientScope);
    assert_eq!(refused(register(Some(&good), at(300)).await), InvalidToken, "it expires");
    world.revoke(&operator, &good, at(2)).await.unwrap();
    assert_eq!(refused(register(Some(&good), at(3)).await), InvalidToken, "it can be revoked");
}

#[tokio::test]
async fn where_registration_is_off_nobody_registers() {
    let world = world(Mode::Off).await;
    assert_eq!(refused(register(&world, &wanted(), at(0)).await), InvalidToken);
    let told = serde_json::to_value(discovery::metadata(&world.engine, at(0))).unwrap();
    assert!(told.get("registration_endpoint").is_none());
}

#[tokio::test]
async fn open_registration_is_bounded_in_number() {
    let world = world(Mode::Open).await;
    for _ in 0..60 {
        register(&world, &wanted(), at(0)).await.unwrap();
    }
    assert_eq!(refused(register(&world, &wanted(), at(0)).await), TemporarilyUnavailable);
    register(&world, &wanted(), at(60)).await.unwrap();
}

// RFC 7592 §2, §2.1, §2.2, §2.3.
#[tokio::test]
async fn a_client_reads_edits_and_ends_its_own_registration() {
    let world = world(Mode::Open).await;
    let made = register(&world, &wanted(), at(0)).await.unwrap();
    let stranger = register(&world, &wanted(), at(0)).await.unwrap();
    let (id, token) = (text(&made, "client_id"), text(&made, "registration_access_token"));
    let read = async |id: &str, token: &str| registration::read(&world.engine, id, token, at(1)).await;
    let shown = read(&id, &token).await.unwrap();
    assert_eq!((&shown["client_name"], &shown["registration_access_token"]), (&json!("My app"), &json!(token)));
    assert!(shown.get("client_secret").is_none(), "nobody has it");
    for (id, token) in [
        (id.as_str(), text(&stranger, "registration_access_token").as_str()),
        (&text(&stranger, "client_id"), &token),
        ("nobody", &token),
        (&id, "fm_ra_x"),
        (&id, ""),
    ] {
        assert_eq!(refused(read(id, token).await), InvalidToken);
    }

    let update =
        async |body: Value| registration::update(&world.engine, &id, &token, body.to_string().as_bytes(), at(1)).await;
    let mut edited = wanted();
    (edited["client_name"], edited["client_id"]) = (json!("Another name"), json!(id));
    let shown = update(edited.clone()).await.unwrap();
    assert_eq!(shown["client_name"], "Another name");
    assert!(shown.get("client_secret").is_none(), "it keeps the one it has");
    authenticate(&world, &made).await.unwrap();
    for (name, value) in [
        ("client_id", json!("other")),
        ("client_id", Value::Null),
        ("client_secret", json!("wrong")),
        ("registration_access_token", json!(token)),
    ] {
        let mut bad = edited.clone();
        bad[name] = value;
        assert_eq!(refused(update(bad).await), InvalidRequest, "{name}");
    }
    edited["client_secret"] = made["client_secret"].clone();
    edited["token_endpoint_auth_method"] = json!("client_secret_jwt");
    let renewed = update(edited).await.unwrap();
    assert_ne!(renewed["client_secret"], made["client_secret"], "of the old one there is no copy for HMAC");

    registration::delete(&world.engine, &id, &token, at(2)).await.unwrap();
    assert_eq!(refused(read(&id, &token).await), InvalidToken);
    assert_eq!(refused(authenticate(&world, &made).await), InvalidClient);
}

async fn authenticate(world: &World, information: &Value) -> Result<(), Failure> {
    let (id, secret) = (text(information, "client_id"), text(information, "client_secret"));
    let form = format!("client_id={id}&client_secret={secret}");
    let credentials = Credentials::find(None, &Form::parse(form.as_bytes()).unwrap()).unwrap();
    firman_engine::authenticate::authenticate(&world.engine, &credentials, at(2)).await.map(|_| ())
}

#[tokio::test]
async fn a_registration_that_nobody_uses_leaves_and_one_that_was_used_stays() {
    let world = world(Mode::Open).await;
    let operators = world.app("operators").await;
    let used = app(&world, &register(&world, &wanted(), at(0)).await.unwrap()).await;
    let unused = register(&world, &wanted(), at(0)).await.unwrap();
    world.tokens(&used, "openid", at(1)).await;
    for (day, left) in [(1, 0), (6, 0), (7, 1), (8, 0), (100, 0)] {
        assert_eq!(registration::tidy(&world.engine, at(day * DAY)).await.unwrap(), left, "day {day}");
    }
    assert_eq!(refused(authenticate(&world, &unused).await), InvalidClient);
    for stays in [&used, &operators] {
        let credentials = stays.credentials.clone();
        firman_engine::authenticate::authenticate(&world.engine, &credentials, at(100 * DAY)).await.unwrap();
    }
}

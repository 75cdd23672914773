//! Clients that come with a statement of somebody who is trusted (RFC 7591 §2.3).

use std::sync::Arc;

use firman_engine::Failure;
use firman_engine::registration::{self, Mode, RegistrationPolicy, StatementIssuer};
use firman_proto::error::ErrorCode::{
    InvalidClientMetadata, InvalidRequest, InvalidSoftwareStatement, TemporarilyUnavailable,
    UnapprovedSoftwareStatement,
};
use serde_json::{Value, json};

use crate::support::{CALLBACK, ISSUER, Library, Signer, World, at, refused, scope};

const DIRECTORY: &str = "https://directory.example";
const KEYS: &str = "https://directory.example/jwks";

async fn world(signer: &Signer, require_statement: bool) -> World {
    let library = Arc::new(Library::default());
    library.put(KEYS, "application/json", &signer.jwks());
    let trusted = |issuer: &str, jwks_uri: &str| StatementIssuer { issuer: issuer.into(), jwks_uri: jwks_uri.into() };
    World::with(|parts| {
        parts.fetch = Arc::clone(&library) as _;
        parts.policy.registration = RegistrationPolicy {
            mode: Mode::Open,
            scope: scope("openid read"),
            statements: vec![trusted(DIRECTORY, KEYS), trusted("https://gone.example", "https://gone.example/jwks")],
            require_statement,
            ..RegistrationPolicy::default()
        };
    })
    .await
}

fn stated() -> Value {
    json!({
        "iss": DIRECTORY, "iat": at(0).seconds(), "client_name": "The true name", "software_id": "4",
        "redirect_uris": [CALLBACK],
    })
}

async fn register(world: &World, statement: &str) -> Result<Value, Failure> {
    let body = json!({
        "client_name": "A lie", "redirect_uris": ["https://evil.example/"], "contacts": ["me@app.example"],
        "software_statement": statement,
    });
    registration::register(&world.engine, None, body.to_string().as_bytes(), at(1)).await
}

// RFC 7591 §2.3, §3.2.1.
#[tokio::test]
async fn what_is_stated_goes_before_what_is_said_and_the_statement_comes_back() {
    let signer = Signer::new();
    let world = world(&signer, true).await;
    let statement = signer.sign(&stated());
    let made = register(&world, &statement).await.unwrap();
    for (name, value) in [
        ("client_name", json!("The true name")),
        ("software_id", json!("4")),
        ("redirect_uris", json!([CALLBACK])),
        ("contacts", json!(["me@app.example"])),
        ("software_statement", json!(statement)),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    let (id, token) = (made["client_id"].as_str().unwrap(), made["registration_access_token"].as_str().unwrap());
    let read = registration::read(&world.engine, id, token, at(2)).await.unwrap();
    assert_eq!(read["software_statement"], statement);
    // RFC 7592 §2.2: an edit is held to the same.
    let edit =
        async |body: Value| registration::update(&world.engine, id, token, body.to_string().as_bytes(), at(2)).await;
    let body = json!({"client_id": id, "client_name": "Another lie", "software_statement": statement});
    assert_eq!(edit(body).await.unwrap()["client_name"], "The true name");
    let body = json!({"client_id": id, "redirect_uris": [CALLBACK]});
    assert_eq!(refused(edit(body).await), InvalidClientMetadata);
}

// RFC 7591 §3.2.2.
#[tokio::test]
async fn a_statement_that_is_not_good_has_its_code() {
    let signer = Signer::new();
    let world = world(&signer, false).await;
    let edited = |name: &str, value: Value| {
        let mut stated = stated();
        stated[name] = value;
        signer.sign(&stated)
    };
    for (statement, code) in [
        ("x".to_owned(), InvalidSoftwareStatement),
        ("a.b.c".to_owned(), InvalidSoftwareStatement),
        ("e30.e30.".to_owned(), InvalidSoftwareStatement),
        (Signer::new().sign(&stated()), InvalidSoftwareStatement),
        (crate::support::mac("secret", &stated()), InvalidSoftwareStatement),
        (edited("exp", json!(at(-60).seconds())), InvalidSoftwareStatement),
        (edited("iat", json!(at(90).seconds())), InvalidSoftwareStatement),
        (edited("aud", json!("https://other.example")), InvalidSoftwareStatement),
        (edited("iss", json!("https://nobody.example")), UnapprovedSoftwareStatement),
        (edited("iss", Value::Null), InvalidSoftwareStatement),
        (edited("iss", json!("https://gone.example")), TemporarilyUnavailable),
        (edited("token_endpoint_auth_method", json!("magic")), InvalidClientMetadata),
    ] {
        assert_eq!(refused(register(&world, &statement).await), code, "{statement}");
    }
    register(&world, &edited("aud", json!([ISSUER]))).await.unwrap();
    let body = json!({"software_statement": 1});
    assert_eq!(
        refused(registration::register(&world.engine, None, body.to_string().as_bytes(), at(1)).await),
        InvalidRequest
    );
}

#[tokio::test]
async fn without_a_statement_nobody_registers_where_one_is_required() {
    let signer = Signer::new();
    let body = json!({"redirect_uris": [CALLBACK]}).to_string();
    let plain = async |world: &World| registration::register(&world.engine, None, body.as_bytes(), at(1)).await;
    plain(&world(&signer, false).await).await.unwrap();
    assert_eq!(refused(plain(&world(&signer, true).await).await), InvalidClientMetadata);
}

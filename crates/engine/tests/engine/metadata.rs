//! What clients may register: nothing that would not be kept to.

use firman_engine::admin::AdminError;
use firman_engine::admin::clients::{self, NewClient};
use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::redirect_uri::RedirectUri;
use firman_store::record::ClientPolicy;
use serde_json::{Value, json};

use crate::support::{CALLBACK, World, at};

async fn register(world: &World, member: &str, value: Value) -> Result<(), String> {
    let mut metadata = ClientMetadata::new("app", AuthMethod::ClientSecretBasic);
    metadata.grant_types = vec![GrantType::AuthorizationCode];
    metadata.redirect_uris = vec![RedirectUri::parse(CALLBACK).unwrap()];
    let mut members = serde_json::to_value(&metadata).unwrap();
    members[member] = value;
    let metadata = serde_json::from_value(members).unwrap();
    let new = NewClient { client_id: None, metadata, policy: ClientPolicy::default(), owner: None, secret: None };
    match clients::create(&world.engine, new, at(0)).await {
        Ok(_) => Ok(()),
        Err(AdminError::Refused(denied)) => Err(denied.text.to_string()),
        Err(other) => panic!("{other}"),
    }
}

// RFC 7591 §3.2.2, OpenID Connect Registration §2, OpenID Connect RP-Initiated Logout §3.1, JARM §3.
#[tokio::test]
async fn what_would_not_be_kept_to_is_refused_by_its_name() {
    let world = World::new().await;
    for (member, value) in [
        ("subject_type", json!("private")),
        ("initiate_login_uri", json!("http://app.example/begin")),
        ("initiate_login_uri", json!("javascript:alert(1)")),
        // It has no keys.
        ("require_signed_request_object", json!(true)),
        ("request_uris", json!(["file:///etc/passwd"])),
        ("request_uris", json!([format!("https://app.example/{}", "x".repeat(512))])),
        ("request_object_signing_alg", json!("none")),
        ("request_object_signing_alg", json!("HS256")),
        ("request_object_encryption_alg", json!("RSA-OAEP-256")),
        ("request_object_encryption_enc", json!("A128GCM")),
        ("id_token_encrypted_response_alg", json!("ECDH-ES")),
        ("id_token_encrypted_response_enc", json!("A128GCM")),
        ("id_token_encrypted_response_alg", json!("RSA1_5")),
        ("userinfo_signed_response_alg", json!("none")),
        ("userinfo_encrypted_response_alg", json!("ECDH-ES")),
        ("authorization_encrypted_response_alg", json!("ECDH-ES")),
        ("authorization_signed_response_alg", json!("HS256")),
        ("introspection_signed_response_alg", json!("HS256")),
        ("introspection_encrypted_response_alg", json!("ECDH-ES")),
        ("response_types", json!(["code", "password"])),
        ("post_logout_redirect_uris", json!(["https://app.example/bye#now"])),
        ("post_logout_redirect_uris", json!(["javascript:alert(1)"])),
        ("post_logout_redirect_uris", json!(["http://app.example/bye"])),
        ("post_logout_redirect_uris", json!(vec!["https://app.example/bye"; 65])),
    ] {
        let refused = register(&world, member, value).await.unwrap_err();
        assert!(refused.starts_with(member), "{member}: {refused}");
    }
    for (member, value) in [
        ("subject_type", json!("public")),
        ("subject_type", json!("pairwise")),
        ("initiate_login_uri", json!("https://app.example/begin")),
        ("authorization_signed_response_alg", json!("ES256")),
        ("response_types", json!(["code", "none"])),
        ("request_uris", json!(["https://app.example/request"])),
        ("request_object_signing_alg", json!("ES256")),
        ("request_object_encryption_alg", json!("ECDH-ES")),
        ("userinfo_signed_response_alg", json!("ES256")),
        ("post_logout_redirect_uris", json!(["https://app.example/bye", "com.example.app:/bye"])),
        ("contacts", json!(["people@app.example"])),
    ] {
        register(&world, member, value).await.unwrap();
    }
}

//! The crate for clients against the running server: what it builds is taken, and what it reads is there.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use firman_client::flow::code::Wish;
use firman_client::flow::discovery::First;
use firman_client::flow::introspection::Hint;
use firman_client::flow::party::{AssertionFor, Authentication, Client};
use firman_client::flow::token::{Exchange, Presented, Target};
use firman_client::manager::{Manager, MemoryKeeper, Need, Settings, Who};
use firman_client::over_reqwest::OverReqwest;
use firman_client::wire::{Asked, Desk, Wire};
use firman_client::world::System;
use firman_proto::exchange::TokenType;
use firman_proto::form::Form;
use firman_proto::jose::jwe::DecryptionKey;
use firman_proto::jws::{Algorithm, HeldKey};
use firman_proto::scope::Scope;
use serde_json::{Value, json};
use url::Url;

use crate::support::browser::AuthorizationRequest;
use crate::support::cli::Cli;
use crate::support::server::Server;

const CALLBACK: &str = "https://app.example/callback";
const SECRET: &str = "a secret of this test, of 32 characters and more";

fn key() -> HeldKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    HeldKey::from_pkcs8(Algorithm::ES256, pair.as_ref()).unwrap()
}

/// What the client's registration has encrypted for it is opened with this.
fn opens() -> DecryptionKey {
    DecryptionKey::on_curve("P-256", &[7; 32]).unwrap()
}

fn wire() -> Arc<Wire> {
    let transport = OverReqwest::new(reqwest::Client::builder().no_proxy()).unwrap();
    Arc::new(Wire::new(Arc::new(transport), Arc::new(System), Arc::new(System)))
}

/// A server with these clients.
fn server(name: &str, clients: &Value) -> Server {
    let server = Server::start(name);
    server.folder().file("secret", SECRET);
    let file = server.folder().file("clients.json", &json!({"clients": clients}).to_string());
    Cli::on(server.folder()).json(&["client", "apply", file.to_str().unwrap()]);
    server
}

async fn desk(wire: &Wire, server: &Server, client: Client) -> Desk {
    Desk { server: wire.server(&server.ready.issuer, First::OpenId).await.unwrap(), client, dpop: None }
}

/// Somebody allows what is asked, at the server's pages: the code.
fn allowed(server: &Server, address: &str) -> Url {
    let url = Url::parse(address).unwrap();
    server.browser().authorize(&AuthorizationRequest { url, ..AuthorizationRequest::new(server) })
}

// RFC 9126 §2.1, RFC 7523 §2.2, OpenID Connect Core §5.3.2, §10.2, RFC 8693 §2.1, RFC 7662 §2.1, RFC 7009 §2.1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pushed_sign_in_brings_encrypted_claims_that_the_manager_reads() {
    let key = key();
    let app = json!({"client_id": "app", "client_name": "App", "redirect_uris": [CALLBACK],
        "scope": "openid email offline_access",
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.jwk(), opens().jwk().unwrap()]},
        "id_token_encrypted_response_alg": "ECDH-ES+A256KW", "id_token_encrypted_response_enc": "A256GCM",
        "userinfo_signed_response_alg": "ES256", "userinfo_encrypted_response_alg": "ECDH-ES",
        "userinfo_encrypted_response_enc": "A128CBC-HS256"});
    let (server, wire) = (server("flows-pushed", &json!([app])), wire());
    let authentication = Authentication::PrivateKeyJwt(Arc::new(key), AssertionFor::Issuer);
    let client = Client { decryption: Arc::new([opens()]), ..Client::new("app", authentication) };
    let desk = desk(&wire, &server, client).await;

    let target = Target { scope: Some(Scope::parse("openid email offline_access").unwrap()), resource: Vec::new() };
    let wish = Wish { target: target.clone(), redirect_uri: CALLBACK.to_owned(), push: true, ..Wish::default() };
    let (errand, address) = wire.begin(&desk, &wish).await.unwrap();
    assert!(address.contains("request_uri=") && !address.contains("offline_access"), "{address}");
    let callback = allowed(&server, &address);
    let code = errand.code(&Form::parse(callback.query().unwrap().as_bytes()).unwrap()).unwrap();
    let tokens = wire.tokens(&desk, &errand.presented(&code), &target).await.unwrap();
    let id_token = tokens.id_token.clone().unwrap();
    assert_eq!(id_token.reveal().matches('.').count(), 4, "it is encrypted");
    let claims = wire.verified(&desk, &tokens, Asked { nonce: errand.nonce.as_ref(), max_age: None }).await.unwrap();
    let subject = claims.unwrap().sub.unwrap();

    let manager = Manager::new(Arc::clone(&wire), Arc::new(MemoryKeeper::default()), Settings::default());
    manager.register(&desk, &tokens, &target, Some(&subject)).await.unwrap();
    let claims = manager.claims(&desk, &subject).await.unwrap();
    assert_eq!(claims["sub"], json!(subject));
    assert_eq!(manager.id_token(&desk, &subject).await.unwrap().unwrap().reveal().matches('.').count(), 2);
    let need = Need { not: Some(tokens.access_token.clone()), ..Need::of(Who::Subject(subject.clone())) };
    let next = manager.get(&desk, &need).await.unwrap();
    assert!(next.token != tokens.access_token && server.service().is_active(next.token.reveal()));
    let less = Target { scope: Some(Scope::parse("email").unwrap()), resource: Vec::new() };
    let given = (&next.token, TokenType::AccessToken);
    let exchange = Presented::Exchange(Exchange { subject: given, actor: None, requested: None, audience: None });
    let weaker = wire.tokens(&desk, &exchange, &less).await.unwrap();
    let facts = wire.introspect(&desk, &weaker.access_token, Hint::AccessToken).await.unwrap();
    assert_eq!((facts.active, facts.scope.as_deref()), (Some(true), Some("email")));
    manager.delete_all(&desk, &Who::Subject(subject)).await.unwrap();
    assert!(
        !server.service().is_active(next.token.reveal()) && !server.service().is_active(weaker.access_token.reveal())
    );
}

// RFC 7523 §3, OpenID Connect Core §9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_secret_signs_gets_its_token_and_who_has_another_none() {
    let service = json!({"client_id": "signer", "client_name": "Signer", "scope": "read", "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_jwt", "client_secret_file": "secret"});
    let (server, wire) = (server("flows-secret", &json!([service])), wire());
    let authentication = Authentication::SecretJwt(SECRET.into(), AssertionFor::Issuer);
    let desk = desk(&wire, &server, Client::new("signer", authentication)).await;
    let tokens = wire.tokens(&desk, &Presented::ClientCredentials, &Target::default()).await.unwrap();
    assert!(server.service().is_active(tokens.access_token.reveal()));
    let wrong = Authentication::SecretJwt("another secret, of 32 characters and more".into(), AssertionFor::Issuer);
    let stranger = Desk { client: Client::new("signer", wrong), ..desk };
    let refused = wire.tokens(&stranger, &Presented::ClientCredentials, &Target::default()).await.unwrap_err();
    assert_eq!(refused.code(), Some("invalid_client"), "{refused}");
}

//! What is encrypted for clients, and what they encrypt for us (OpenID Connect Core §10.2, RFC 9101 §6.1, RFC 9701 §6).

use std::sync::Arc;

use firman_engine::authorize::Next;
use firman_engine::userinfo::{self, Answer};
use firman_engine::{Failure, asker, discovery, introspect};
use firman_proto::error::ErrorCode;
use firman_proto::introspection::PresentedToken;
use firman_proto::jose::jwe::{ContentEncryption, DecryptionKey, Encryption, EncryptionKey, Fresh, Jwe, KeyManagement};
use firman_proto::jws;
use firman_proto::pkce::Challenge;
use serde_json::{Value, json};

use crate::support::{App, Ask, CALLBACK, ISSUER, Library, Signer, VERIFIER, Visitor, World, at, parameter, refused};

const KEYS: &str = "https://app.example/jwks";

/// The client's own key.
fn key() -> DecryptionKey {
    DecryptionKey::on_curve("P-384", &[5; 48]).unwrap()
}

fn jwks() -> Value {
    json!({"keys": [key().jwk().unwrap()]})
}

fn decrypted(text: &str) -> (String, bool) {
    let jwe = Jwe::parse(text, 65_536).unwrap_or_else(|why| panic!("{why}: {text}"));
    (String::from_utf8(jwe.decrypt(&key()).unwrap().to_vec()).unwrap(), jwe.is_nested())
}

async fn app(world: &World, members: Value) -> App {
    world
        .app_with("app", |new| {
            let mut all = serde_json::to_value(&new.metadata).unwrap();
            all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            new.metadata = serde_json::from_value(all).unwrap();
        })
        .await
}

fn verified(world: &World, signed: &str) -> Value {
    jws::verify(signed, world.engine.keys().current().published()).unwrap()
}

async fn answer(world: &World, token: &str) -> Result<Answer, Failure> {
    userinfo::answer(&world.engine, token, "GET", (None, None), at(1)).await
}

// OpenID Connect Core §2, §16.14, OpenID Connect Registration §2, RFC 7519 §5.2.
#[tokio::test]
async fn an_id_token_is_signed_and_then_encrypted_where_that_is_registered() {
    for enc in ContentEncryption::ALL {
        let world = World::with(|parts| parts.policy.front_channel_tokens = true).await;
        let app = app(
            &world,
            json!({"jwks": jwks(), "id_token_encrypted_response_alg": "ECDH-ES+A256KW",
                "id_token_encrypted_response_enc": enc.as_str(), "response_types": ["code", "id_token"]}),
        )
        .await;
        let first = world.tokens(&app, "openid offline_access", at(0)).await;
        let again = world.refresh(&app, first.refresh_token.as_ref().unwrap(), at(1)).await.unwrap();
        let implicit = Ask::new(&app, "openid").with("response_type", "id_token");
        let (_, url) = world.walk(&implicit, "somebody", at(0)).await;
        for text in [first.id_token.unwrap(), again.id_token.unwrap(), parameter(&url, "id_token").unwrap()] {
            let (signed, nested) = decrypted(&text);
            assert!(nested);
            assert_eq!(verified(&world, &signed)["aud"], "app");
            let jwe = Jwe::parse(&text, 65_536).unwrap();
            assert_eq!(jwe.encryption(), Encryption { alg: KeyManagement::EcdhEsA256Kw, enc: *enc });
            assert_eq!(jwe.kid(), jwks()["keys"][0]["kid"].as_str());
        }
    }
}

// OpenID Connect Core §5.3.2, OpenID Connect Registration §2.
#[tokio::test]
async fn userinfo_answers_as_the_client_has_registered() {
    let told = async |members: Value| {
        let world = World::new().await;
        let mut all = json!({"jwks": jwks()});
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let app = app(&world, all).await;
        let token = world.tokens(&app, "openid", at(0)).await.access_token;
        match answer(&world, &token).await.unwrap() {
            Answer::Plain(claims) => (world, Value::Object(claims), String::new()),
            Answer::Jwt(text) => (world, Value::Null, text),
        }
    };
    let (_, plain, _) = told(json!({})).await;
    assert!(plain["sub"].is_string() && plain["iss"].is_null());
    let (world, _, signed) = told(json!({"userinfo_signed_response_alg": "ES256"})).await;
    let claims = verified(&world, &signed);
    assert_eq!((&claims["iss"], &claims["aud"], &claims["sub"]), (&json!(ISSUER), &json!("app"), &plain["sub"]));
    // No ID token and nothing that could be taken for one.
    assert!(
        claims["exp"].is_null() && jws::verify_id_token(&signed, world.engine.keys().current().published()).is_err()
    );
    let (_, _, encrypted) = told(json!({"userinfo_encrypted_response_alg": "ECDH-ES"})).await;
    let jwe = Jwe::parse(&encrypted, 65_536).unwrap();
    assert_eq!(jwe.encryption().enc, ContentEncryption::A128CbcHs256, "the default");
    let (claims, nested) = decrypted(&encrypted);
    assert!(!nested);
    assert_eq!(serde_json::from_str::<Value>(&claims).unwrap(), plain);
    let both = json!({"userinfo_signed_response_alg": "ES256", "userinfo_encrypted_response_alg": "ECDH-ES"});
    let (world, _, both) = told(both).await;
    let (signed, nested) = decrypted(&both);
    assert!(nested);
    assert_eq!(verified(&world, &signed)["aud"], "app");
}

// JARM §3.
#[tokio::test]
async fn an_authorization_response_is_signed_and_then_encrypted_where_that_is_registered() {
    let world = World::new().await;
    let members = json!({"jwks": jwks(), "authorization_encrypted_response_alg": "ECDH-ES"});
    let app = app(&world, members).await;
    let ask = Ask::new(&app, "openid").with("response_mode", "jwt");
    let (_, url) = world.walk(&ask, "somebody", at(0)).await;
    let (signed, nested) = decrypted(&parameter(&url, "response").unwrap());
    assert!(nested);
    let code = verified(&world, &signed)["code"].as_str().unwrap().to_owned();
    world.redeem(&app, &code, at(0)).await.unwrap();
    // Errors, too; and what asks for no JWT gets none.
    let nobody = Visitor::new(&world);
    let Ok(Next::Client(url)) = world.authorize(&nobody, &ask.with("prompt", "none"), at(1)).await else { panic!() };
    let (signed, _) = decrypted(&parameter(&url, "response").unwrap());
    assert_eq!(verified(&world, &signed)["error"], "login_required");
    let (_, url) = world.walk(&Ask::new(&app, "openid"), "somebody", at(1)).await;
    assert!(parameter(&url, "code").is_some());
}

// RFC 9701 §6.
#[tokio::test]
async fn an_introspection_answer_is_encrypted_for_who_asked() {
    let world = World::new().await;
    let members = json!({"jwks": jwks(), "introspection_encrypted_response_alg": "ECDH-ES+A128KW",
        "introspection_encrypted_response_enc": "A256GCM"});
    let app = app(&world, members).await;
    let token = world.tokens(&app, "openid", at(0)).await.access_token;
    let asker = asker::known(&world.engine, &app.credentials, at(1)).await.unwrap();
    let told = introspect::introspect(&world.engine, &asker, &PresentedToken { token }, at(1)).await.unwrap();
    let text = introspect::signed(&world.engine, &asker, &told, at(1)).await.unwrap();
    let (signed, nested) = decrypted(&text);
    assert!(nested);
    assert_eq!(verified(&world, &signed)["token_introspection"]["active"], true);
}

// OpenID Connect Core §10.2.1.
#[tokio::test]
async fn a_key_that_is_published_later_is_found_and_without_one_nothing_is_issued() {
    let library = Arc::new(Library::default());
    let world = World::with(|parts| parts.fetch = Arc::clone(&library) as _).await;
    library.put(KEYS, "application/json", &Signer::new().jwks());
    let members = json!({"jwks_uri": KEYS, "id_token_encrypted_response_alg": "ECDH-ES"});
    let app = app(&world, members).await;
    let code = world.code(&app, "openid", at(0)).await;
    assert_eq!(refused(world.redeem(&app, &code, at(0)).await), ErrorCode::InvalidRequest);
    library.put(KEYS, "application/json", &jwks());
    // The code was not used up.
    let (signed, _) = decrypted(&world.redeem(&app, &code, at(1)).await.unwrap().id_token.unwrap());
    assert_eq!(verified(&world, &signed)["aud"], "app");
}

// RFC 9101 §6.1, OpenID Connect Core §3.1.2.1, RFC 7517 §4.2.
#[tokio::test]
async fn what_clients_encrypt_for_us_is_decrypted_and_must_be_signed() {
    let (world, signer) = (World::new().await, Signer::new());
    let app = app(&world, json!({"jwks": signer.jwks()})).await;
    let published = discovery::published_keys(&world.engine).document().clone();
    let ours =
        published["keys"].as_array().unwrap().iter().find(|key| key["use"] == "enc").expect("a key to encrypt with");
    assert!(ours["kid"].is_string() && ours["d"].is_null());
    let ours = EncryptionKey::from_jwk(ours.as_object().unwrap()).unwrap();
    let encrypted = |content: &str| {
        let how = Encryption { alg: KeyManagement::EcdhEs, enc: ContentEncryption::A128Gcm };
        how.encrypt(&ours, Some("JWT"), content.as_bytes(), &Fresh::new([3; 80])).unwrap()
    };
    let claims = json!({
        "iss": app.client_id, "aud": ISSUER, "client_id": app.client_id, "redirect_uri": CALLBACK, "nonce": "n",
        "response_type": "code", "scope": "openid", "state": "a hidden state",
        "code_challenge": Challenge::s256(VERIFIER), "code_challenge_method": "S256",
    });
    let signed = signer.sign(&claims);
    let come = |object: String| Ask::empty().with("client_id", &*app.client_id).with("request", object);
    let (visitor, url) = world.walk(&come(encrypted(&signed)), "somebody", at(0)).await;
    assert_eq!(parameter(&url, "state").as_deref(), Some("a hidden state"));
    let unsigned = "eyJhbGciOiJub25lIn0.e30.";
    let foreign = Signer::new().sign(&claims);
    let damaged = encrypted(&signed).replacen('.', ".A", 1);
    for object in [encrypted(unsigned), encrypted(&foreign), encrypted(&encrypted(&signed)), encrypted("x"), damaged] {
        let refused = refused(world.authorize(&Visitor::new(&world), &come(object), at(0)).await);
        assert_eq!(refused, ErrorCode::InvalidRequestObject);
    }
    let id_token = world.redeem(&app, &parameter(&url, "code").unwrap(), at(0)).await.unwrap().id_token.unwrap();
    let hint = Ask::new(&app, "openid").with("prompt", "none").with("id_token_hint", encrypted(&id_token));
    let Ok(Next::Client(url)) = world.authorize(&visitor, &hint, at(1)).await else { panic!("not sent back") };
    assert!(parameter(&url, "code").is_some(), "{url}");
}

#[tokio::test]
async fn keys_that_others_encrypt_with_are_announced_and_rotate_with_the_seal_keys() {
    let world = World::new().await;
    let kids = |world: &World| -> Vec<String> {
        let document = world.engine.keys().current().document().clone();
        let keys = document["keys"].as_array().unwrap().iter().filter(|key| key["use"] == "enc");
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let before = kids(&world);
    assert_eq!((before.len(), kids(&world.neighbour(at(1)).await)), (1, before.clone()));
    world.engine.make_keys().rotate_sealing(crate::support::seconds(60), at(2)).await.unwrap();
    let after = kids(&world.neighbour(at(3)).await);
    assert!(after.len() == 2 && after.contains(&before[0]));
    assert_ne!(kids(&World::elsewhere().await).len(), 0);
}

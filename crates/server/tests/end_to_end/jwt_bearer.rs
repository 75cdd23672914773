//! The JWT bearer grant, with a file of the issuers that are trusted.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use firman_proto::jws::{Algorithm, HeldKey};
use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::client::Client;
use crate::support::http::Answer;
use crate::support::server::{Folder, Server};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const IDP: &str = "https://idp.example";

fn key() -> HeldKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    HeldKey::from_pkcs8(Algorithm::ES256, pair.as_ref()).unwrap()
}

fn claims(server: &Server, jti: &str) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    json!({"iss": IDP, "sub": server.ready.username, "aud": server.ready.issuer, "iat": now, "exp": now + 60, "jti": jti})
}

fn ask(client: &Client<'_>, assertion: &str, scope: &str) -> Answer {
    client.post("/oauth2/token", &[("grant_type", GRANT_TYPE), ("assertion", assertion), ("scope", scope)])
}

// RFC 7523 §2.1, §3.
#[test]
fn an_assertion_of_an_issuer_in_the_file_gets_one_token_and_that_of_another_none() {
    let (idp, stranger) = (key(), key());
    let folder = Folder::with_settings("jwt-bearer", &[]);
    let issuers = json!({"issuers": [{"issuer": IDP, "jwks": {"keys": [idp.jwk()]}, "scope": "read"}]});
    let file = folder.file("issuers.json", &issuers.to_string());
    let server = folder.with_setting("FIRMAN__TOKENS__TRUSTED_ISSUERS", file.to_str().unwrap()).start_again();
    let metadata = server.http.get(&server.url("/.well-known/openid-configuration")).json();
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT_TYPE)), "{metadata}");
    let words = ["client", "create", "--name", "Wide", "--scope", "read write", "--grant-type", "jwt_bearer"];
    let made = Cli::on(server.folder()).json(&words);
    let client = Client::new(&server, made["client_id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());

    let assertion = idp.sign(&claims(&server, "1")).unwrap();
    assert_eq!(ask(&client, &assertion, "read write").refusal(), (400, "invalid_scope".into()));
    let tokens = ask(&client, &assertion, "read");
    assert_eq!((tokens.status, tokens.header("cache-control")), (200, "no-store"), "{tokens:?}");
    assert!(tokens.json().get("refresh_token").is_none(), "{tokens:?}");
    let access = tokens.text("access_token");
    let told = client.introspect(&access);
    assert_eq!((&told["active"], &told["scope"]), (&json!(true), &json!("read")));
    let (sub, id) = (told["sub"].as_str().unwrap(), made["client_id"].as_str().unwrap());
    assert!(!sub.is_empty() && sub != id, "a person's and not the client's: {told}");

    assert_eq!(ask(&client, &assertion, "read").refusal(), (400, "invalid_grant".into()), "a replay");
    let mut elsewhere = claims(&server, "2");
    elsewhere["iss"] = "https://other.example".into();
    let mut nobody = claims(&server, "3");
    nobody["sub"] = "nobody-of-this-name".into();
    for (wrong, assertion) in [
        ("another's key", stranger.sign(&claims(&server, "4"))),
        ("another issuer", idp.sign(&elsewhere)),
        ("no account", idp.sign(&nobody)),
    ] {
        assert_eq!(ask(&client, &assertion.unwrap(), "read").refusal(), (400, "invalid_grant".into()), "{wrong}");
    }
    let demo = ask(&server.demo(), &idp.sign(&claims(&server, "5")).unwrap(), "read");
    assert_eq!(demo.refusal(), (400, "unauthorized_client".into()), "a client without the grant type");

    // Once presented is presented, whoever remembers it.
    let id = made["client_id"].as_str().unwrap().to_owned();
    let secret = made["client_secret"].as_str().unwrap().to_owned();
    let server = server.stop().start_again();
    let client = Client::new(&server, &id, &secret);
    assert_eq!(ask(&client, &assertion, "read").refusal(), (400, "invalid_grant".into()), "a replay after a restart");
    assert!(client.is_active(&access));
}

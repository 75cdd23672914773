//! Who gets in.

use std::path::Path;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_engine::admin::operators;
use firman_engine::operator::{all_scopes, identifier, role_of_subject};
use firman_proto::digest::sha256;
use firman_proto::scope::Scope;
use firman_store::record::Subject;
use serde_json::{Value, json};

use super::{ADDRESS, Office, own, request};
use crate::signer::{Signer, jti};
use crate::world::{ISSUER, NOW};

/// Every operation of the document: method, path, and the scope that it needs.
fn operations() -> Vec<(String, String, Scope)> {
    let document = firman::admin::document::document();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, said) in operations.as_object().unwrap() {
            let scopes = said["security"][0]["operator"].as_array().unwrap();
            let scope: Vec<_> = scopes.iter().map(|scope| scope.as_str().unwrap()).collect();
            let path = path.strip_prefix("/admin/v1").unwrap().replace("{id}", "00000000-0000-7000-8000-000000000000");
            let path =
                path.replace("{client_id}", "nobody").replace("{identifier}", "urn%3Anobody").replace("{number}", "9");
            let path = path.replace("{kid}", "nobody");
            assert!(!path.contains('{'), "{path}");
            found.push((method.to_ascii_uppercase(), path, Scope::parse(&scope.join(" ")).unwrap()));
        }
    }
    found
}

// RFC 6750 §3.1.
#[tokio::test]
async fn every_operation_of_the_document_needs_the_scope_that_it_names() {
    let office = Office::new().await;
    let everything = office.token(all_scopes().as_str()).await;
    for (method, path, needed) in operations() {
        let told = office.send(request(&method, &path, None, None, None)).await;
        assert_eq!(told.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert!(told.headers[WWW_AUTHENTICATE].to_str().unwrap().contains("Bearer realm="), "{method} {path}");
        let told = office.ask(&method, &path, &everything, None).await;
        let let_in = told.status != StatusCode::UNAUTHORIZED && told.status != StatusCode::FORBIDDEN;
        assert!(let_in && !told.status.is_server_error(), "{method} {path}: {}", told.status);
        for scope in needed.iter() {
            let less = office.token(all_scopes().without(scope).as_str()).await;
            let told = office.ask(&method, &path, &less, None).await;
            assert_eq!(told.status, StatusCode::FORBIDDEN, "{method} {path} without {scope}");
            assert_eq!(told.body["code"], "insufficient_scope");
            assert!(told.headers[WWW_AUTHENTICATE].to_str().unwrap().contains(scope), "{method} {path}");
        }
    }
}

// RFC 9110 §9.3.2.
#[tokio::test]
async fn what_can_be_got_can_be_asked_for_without_its_content() {
    let office = Office::new().await;
    let told = office.ask("HEAD", "/clients", &office.token("firman.clients.read").await, None).await;
    assert_eq!((told.status, &told.body), (StatusCode::OK, &Value::Null));
    assert_eq!(office.ask("HEAD", "/clients", "x", None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_not_in_the_document_is_not_there() {
    let office = Office::new().await;
    let token = office.token(all_scopes().as_str()).await;
    for (method, path) in [("PATCH", "/clients"), ("DELETE", "/events"), ("TRACE", "/keys"), ("OPTIONS", "/me")] {
        let told = office.ask(method, path, &token, None).await;
        assert_eq!(told.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert!(told.headers.contains_key("allow"));
    }
    for path in ["/nothing", "", "/clients/"] {
        assert_eq!(office.ask("GET", path, &token, None).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let used: Vec<_> = operations().into_iter().map(|(_, _, scope)| scope).collect();
    for scope in all_scopes().iter() {
        assert!(used.iter().any(|needed| needed.contains(scope)), "{scope} opens nothing");
    }
}

#[tokio::test]
async fn the_document_in_docs_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/admin-api.json");
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap_or_default()).unwrap_or_default();
    let served = Office::new().await.send(request("GET", "/openapi.json", None, None, None)).await.body;
    assert_eq!(served["openapi"], "3.1.0");
    assert!(committed == served, "write it anew: firman admin openapi > docs/admin-api.json");
}

#[tokio::test]
async fn a_person_gets_in_while_they_are_an_operator_and_no_further_than_their_role() {
    let office = Office::new().await;
    let engine = &office.world.engine;
    let token = office.persons_token("firman.clients.read firman.clients.write").await;
    let status = async |method, path: &str| office.ask(method, path, &token, None).await.status;
    assert_eq!(status("GET", "/clients").await, StatusCode::FORBIDDEN);
    assert_eq!(status("GET", "/me").await, StatusCode::FORBIDDEN);

    let scope = Scope::parse("firman.clients.read firman.events.read").unwrap();
    let account = operators::grant(engine, &office.account().await, Some(&scope), NOW).await.unwrap();
    assert_eq!(status("GET", "/clients").await, StatusCode::OK);
    assert_eq!(status("GET", "/events").await, StatusCode::FORBIDDEN, "the token is not for that");
    assert_eq!(status("DELETE", &own()).await, StatusCode::FORBIDDEN, "the role is not for that");
    let me = office.ask("GET", "/me", &token, None).await.body;
    assert_eq!((me["scope"].as_str(), me["username"].as_str()), (Some("firman.clients.read"), Some("reader")));

    operators::withdraw(engine, &account, NOW).await.unwrap();
    assert_eq!(status("GET", "/clients").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn settings_can_name_operators_and_others_are_none() {
    let office = Office::of(vec!["somebody-of-elsewhere".to_owned()]).await;
    let role = async |subject: &str| {
        let subject = Subject::new(subject).unwrap();
        role_of_subject(&office.world.engine, &subject).await.unwrap()
    };
    assert_eq!(role("somebody-of-elsewhere").await, all_scopes());
    assert_eq!(role("somebody").await, Scope::default());
    assert_eq!(role(&office.account().await.id.to_string()).await, Scope::default());
}

// RFC 8707 §2: a token for somebody else opens nothing here.
#[tokio::test]
async fn a_token_for_another_audience_opens_nothing() {
    let office = Office::new().await;
    let form = [("grant_type", "client_credentials"), ("scope", "firman.clients.read")];
    let told = office.ask_token(&form, ISSUER, Vec::new()).await;
    let told = office.ask("GET", "/clients", told["access_token"].as_str().unwrap(), None).await;
    assert_eq!((told.status, told.body["code"].as_str()), (StatusCode::UNAUTHORIZED, Some("invalid_token")));
    for token in ["", "x", "fm_at_", "a.b.c"] {
        assert_eq!(office.ask("GET", "/clients", token, None).await.status, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test]
async fn a_client_that_is_not_told_so_gets_no_token_for_the_api_and_one_that_no_longer_is_opens_nothing() {
    let office = Office::new().await;
    let token = office.token(all_scopes().as_str()).await;
    let client = office.ask("GET", &own(), &token, None).await.body;
    let change = json!({"enabled": true, "metadata": client["metadata"], "policy": {}});
    let told = office.edit("PUT", &own(), &token, "\"0\"", Some(change)).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.body);
    assert_eq!(office.ask("GET", "/clients", &token, None).await.status, StatusCode::FORBIDDEN);
    let form = [("grant_type", "client_credentials"), ("scope", "firman.clients.read")];
    let told = office.ask_token(&form, &identifier(ISSUER), Vec::new()).await;
    assert_eq!(told["error"], "invalid_target");
}

fn proof(signer: &Signer, method: &str, uri: &str, token: Option<&str>) -> String {
    let mut claims = json!({"jti": jti(), "htm": method, "htu": uri, "iat": NOW.seconds()});
    if let Some(token) = token {
        claims["ath"] = URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())).into();
    }
    signer.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": signer.jwk()}), &claims)
}

// RFC 9449 §7.1, §11.1.
#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_good_with_a_new_proof_of_it_and_not_otherwise() {
    let office = Office::new().await;
    let signer = Signer::of("ES256");
    let form = [("grant_type", "client_credentials"), ("scope", "firman.clients.read")];
    let at_token = proof(&signer, "POST", &format!("{ISSUER}/oauth2/token"), None);
    let told = office.ask_token(&form, &identifier(ISSUER), vec![("dpop", at_token)]).await;
    let token = told["access_token"].as_str().unwrap();
    let with = async |scheme: &str, proof: Option<&str>| {
        let mut request = request("GET", "/clients", None, None, None);
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert("authorization", format!("{scheme} {token}").parse().unwrap());
        if let Some(proof) = proof {
            headers.insert("dpop", proof.parse().unwrap());
        }
        office.send(request).await.status
    };
    let uri = format!("{ADDRESS}/admin/v1/clients");
    let good = proof(&signer, "GET", &uri, Some(token));
    assert_eq!(with("DPoP", Some(&good)).await, StatusCode::OK);
    assert_eq!(with("DPoP", Some(&good)).await, StatusCode::UNAUTHORIZED, "a second time");
    assert_eq!(with("Bearer", None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(with("DPoP", None).await, StatusCode::UNAUTHORIZED);
    let at_issuer = proof(&signer, "GET", &format!("{ISSUER}/admin/v1/clients"), Some(token));
    assert_eq!(with("DPoP", Some(&at_issuer)).await, StatusCode::UNAUTHORIZED);
    let other = proof(&Signer::of("ES256"), "GET", &uri, Some(token));
    assert_eq!(with("DPoP", Some(&other)).await, StatusCode::UNAUTHORIZED);
}

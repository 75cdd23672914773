//! The JWT bearer grant (RFC 7523 §2.1) and identity assertions for this server (ID-JAG).

use std::sync::Arc;

use firman_engine::Failure;
use firman_engine::admin::clients;
use firman_engine::trust::TrustedIssuers;
use firman_proto::client::GrantType;
use firman_proto::credentials::AuthMethod;
use firman_proto::error::ErrorCode::{
    InvalidClient, InvalidGrant, InvalidScope, InvalidTarget, UnauthorizedClient, UnsupportedGrantType,
};
use firman_proto::form::{self, Form};
use firman_proto::time::Timestamp;
use firman_proto::token::{TokenRequest, TokenResponse};
use firman_store::record::GrantKind;
use serde_json::{Value, json};

use crate::support::{App, ISSUER, Library, Op, People, Signer, World, at, mac, new_client, refused, scope};

const IDP: &str = "https://idp.example";
const KEYS: &str = "https://idp.example/keys";

struct Trusting {
    world: World,
    app: App,
    idp: Signer,
}

async fn trusting(edit: impl FnOnce(&mut Value)) -> Trusting {
    let idp = Signer::new();
    let mut issuer = json!({"issuer": IDP, "jwks": idp.jwks(), "scope": "read write openid"});
    edit(&mut issuer);
    let issuers = TrustedIssuers::new(vec![serde_json::from_value(issuer).unwrap()]).unwrap();
    let world = World::with(|parts| parts.policy.trusted_issuers = issuers).await;
    let app = world.app_with("app", |new| new.metadata.grant_types.push(GrantType::JwtBearer)).await;
    Trusting { world, app, idp }
}

/// What a good assertion says.
fn claims(jti: &str) -> Value {
    json!({"iss": IDP, "sub": "somebody", "aud": ISSUER, "exp": at(300).seconds(), "iat": at(0).seconds(), "jti": jti})
}

fn with(jti: &str, name: &str, value: Value) -> Value {
    let mut claims = claims(jti);
    claims[name] = value;
    claims
}

async fn ask(
    world: &World,
    app: &App,
    assertion: &str,
    asked: Option<&str>,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let mut body = String::new();
    form::append(&mut body, "grant_type", GrantType::JwtBearer.as_str());
    form::append(&mut body, "assertion", assertion);
    if let Some(asked) = asked {
        form::append(&mut body, "scope", asked);
    }
    let form = Form::parse(body.as_bytes()).unwrap();
    world.token(app, TokenRequest::parse(&form).unwrap(), now).await
}

impl Trusting {
    async fn ask(&self, claims: &Value, now: Timestamp) -> Result<TokenResponse, Failure> {
        ask(&self.world, &self.app, &self.idp.sign(claims), None, now).await
    }
}

// RFC 7521 §4.1, RFC 7523 §2.1.
#[tokio::test]
async fn an_assertion_of_a_trusted_issuer_gets_a_token_of_its_person_and_nothing_that_lasts() {
    let it = trusting(|_| {}).await;
    let tokens = it.ask(&claims("1"), at(0)).await.unwrap();
    assert_eq!((tokens.scope, tokens.expires_in), (scope("read write"), 300));
    assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none());
    let shown = it.world.introspect(&it.app, &tokens.access_token, at(1)).await;
    assert_eq!(shown["sub"], People::subject("somebody").as_str());
    assert_eq!(it.world.grant(&it.app).await.record.kind, GrantKind::JwtBearer);
    // RFC 7523 §3 (3): the token endpoint may stand for us.
    let endpoint = with("2", "aud", json!([format!("{ISSUER}/oauth2/token")]));
    it.ask(&endpoint, at(1)).await.unwrap();
}

#[tokio::test]
async fn an_assertion_is_taken_once() {
    let it = trusting(|_| {}).await;
    let assertion = it.idp.sign(&claims("1"));
    ask(&it.world, &it.app, &assertion, None, at(0)).await.unwrap();
    assert_eq!(refused(ask(&it.world, &it.app, &assertion, None, at(1)).await), InvalidGrant);
    // The same jti in another assertion; and without a jti, what is signed counts.
    assert_eq!(refused(it.ask(&with("1", "iat", json!(at(1).seconds())), at(1)).await), InvalidGrant);
    let nameless = |iat: i64| with("", "iat", json!(iat));
    it.ask(&nameless(at(0).seconds()), at(2)).await.unwrap();
    assert_eq!(refused(it.ask(&nameless(at(0).seconds()), at(3)).await), InvalidGrant);
    it.ask(&nameless(at(1).seconds()), at(4)).await.unwrap();
}

#[tokio::test]
async fn an_assertion_costs_one_commit() {
    let it = trusting(|_| {}).await;
    it.world.store.forget_calls();
    it.ask(&claims("1"), at(0)).await.unwrap();
    assert_eq!(it.world.store.count(Op::Commit), 1);
}

#[tokio::test]
async fn what_is_wrong_with_an_assertion_is_invalid_grant() {
    let it = trusting(|_| {}).await;
    let other = Signer::new();
    for (number, (name, value)) in [
        ("iss", json!("https://other.example")),
        ("iss", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("aud", json!("https://other.example")),
        ("aud", json!([ISSUER, "https://other.example"])),
        ("aud", json!([])),
        ("exp", json!(at(-31).seconds())),
        ("exp", json!(at(7200).seconds())),
        ("exp", json!("soon")),
        ("nbf", json!(at(60).seconds())),
        ("iat", json!(at(3600).seconds())),
        // An ID token is for its client to read.
        ("nonce", json!("n")),
        ("at_hash", json!("h")),
        // For another client.
        ("client_id", json!("other")),
    ]
    .into_iter()
    .enumerate()
    {
        let claims = with(&number.to_string(), name, value.clone());
        assert_eq!(refused(it.ask(&claims, at(0)).await), InvalidGrant, "{name} {value}");
    }
    let good = claims("x");
    for assertion in [
        "a.b.c",
        &other.sign(&good),
        &mac("a secret of somebody that is long enough", &good),
        &it.idp.sign_as("at+jwt", &good),
        &it.idp.sign_as("dpop+jwt", &good),
        &format!("{}{}", it.idp.sign(&good), "A".repeat(17_000)),
    ] {
        let refusal = ask(&it.world, &it.app, assertion, None, at(0)).await;
        assert_eq!(refused(refusal), InvalidGrant, "{assertion:.60}");
    }
    it.world.people.leave("somebody");
    assert_eq!(refused(it.ask(&claims("y"), at(0)).await), InvalidGrant);
}

#[tokio::test]
async fn an_issuer_is_trusted_as_far_as_settings_say() {
    let it = trusting(|issuer| {
        issuer["subjects"] = json!(["svc-*"]);
        issuer["clients"] = json!(["app"]);
        issuer["scope"] = json!("read");
    })
    .await;
    assert_eq!(refused(it.ask(&claims("1"), at(0)).await), InvalidGrant);
    let service = |jti| with(jti, "sub", json!("svc-1"));
    assert_eq!(it.ask(&service("2"), at(0)).await.unwrap().scope, scope("read"));
    for (jti, asked) in [("3", "write"), ("4", "read write"), ("5", "openid")] {
        let assertion = it.idp.sign(&service(jti));
        assert_eq!(refused(ask(&it.world, &it.app, &assertion, Some(asked), at(0)).await), InvalidScope, "{asked}");
    }
    let other = it.world.app_with("other", |new| new.metadata.grant_types.push(GrantType::JwtBearer)).await;
    assert_eq!(refused(ask(&it.world, &other, &it.idp.sign(&service("6")), None, at(0)).await), InvalidGrant);
    let silent = it.world.app("silent").await;
    assert_eq!(refused(ask(&it.world, &silent, &it.idp.sign(&service("7")), None, at(0)).await), UnauthorizedClient);
}

// OpenID Connect Core §5.7.
#[tokio::test]
async fn a_claim_says_whose_account_is_meant() {
    let by_email = trusting(|issuer| issuer["claim"] = json!("email")).await;
    let unverified = with("1", "email", json!("somebody"));
    assert_eq!(refused(by_email.ask(&unverified, at(0)).await), InvalidGrant);
    let mut verified = with("2", "email", json!("another"));
    verified["email_verified"] = json!(true);
    let tokens = by_email.ask(&verified, at(0)).await.unwrap();
    let shown = by_email.world.introspect(&by_email.app, &tokens.access_token, at(1)).await;
    assert_eq!(shown["sub"], People::subject("another").as_str());
    let by_subject = trusting(|issuer| issuer["account"] = json!("subject")).await;
    let subject = People::subject("somebody");
    let tokens = by_subject.ask(&with("3", "sub", json!(subject.as_str())), at(0)).await.unwrap();
    let shown = by_subject.world.introspect(&by_subject.app, &tokens.access_token, at(1)).await;
    assert_eq!(shown["sub"], subject.as_str());
}

// Identity Assertion Authorization Grant §3.1.
#[tokio::test]
async fn a_token_by_an_id_jag_is_for_the_resources_that_it_names_at_most() {
    let it = trusting(|_| {}).await;
    let (a, b) = ("https://a.example", "https://b.example");
    it.world.resource(a, |said| said.scope = scope("read")).await;
    it.world.resource(b, |said| said.scope = scope("write")).await;
    let ask = async |jti: &str, said: Value, named: &[&str]| {
        let mut claims = with(jti, "client_id", json!("app"));
        claims["resource"] = said;
        let mut body = String::new();
        form::append(&mut body, "grant_type", GrantType::JwtBearer.as_str());
        form::append(&mut body, "assertion", &it.idp.sign_as("oauth-id-jag+jwt", &claims));
        for one in named {
            form::append(&mut body, "resource", one);
        }
        it.world.token(&it.app, TokenRequest::parse(&Form::parse(body.as_bytes()).unwrap()).unwrap(), at(0)).await
    };
    for (jti, said, named, audience) in [
        ("1", json!(a), &[][..], json!([a])),
        ("2", json!([a, "https://B.example/"]), &[], json!([a, b])),
        ("3", json!([a, b]), &[b][..], json!([b])),
        ("4", json!([a, "https://elsewhere.example"]), &[], json!([a])),
    ] {
        let token = ask(jti, said, named).await.unwrap().access_token;
        assert_eq!(it.world.introspect(&it.app, &token, at(1)).await["aud"], audience, "{jti}");
    }
    for (jti, said, named) in [
        ("5", json!(a), &[b][..]),
        ("6", json!("https://elsewhere.example"), &[]),
        ("7", json!(7), &[]),
        ("8", json!([]), &[]),
        ("9", json!(a), &[ISSUER]),
    ] {
        assert_eq!(refused(ask(jti, said, named).await), InvalidTarget, "{jti}");
    }
}

// Identity Assertion Authorization Grant §3.1, §4.4.1.
#[tokio::test]
async fn an_id_jag_is_for_the_client_that_it_names_and_allows_what_it_says() {
    let it = trusting(|_| {}).await;
    let jag = |jti: &str, edit: fn(&mut Value)| {
        let mut claims = with(jti, "client_id", json!("app"));
        claims["scope"] = json!("read openid");
        edit(&mut claims);
        it.idp.sign_as("oauth-id-jag+jwt", &claims)
    };
    let tokens = ask(&it.world, &it.app, &jag("1", |_| {}), None, at(0)).await.unwrap();
    assert_eq!(tokens.scope, scope("read"));
    let edits: [fn(&mut Value); 5] = [
        |claims| claims["client_id"] = json!("other"),
        |claims| drop(claims.as_object_mut().unwrap().remove("client_id")),
        |claims| drop(claims.as_object_mut().unwrap().remove("jti")),
        // Not the token endpoint: it is the issuer that such an assertion is for.
        |claims| claims["aud"] = json!(format!("{ISSUER}/oauth2/token")),
        |claims| claims["sub"] = json!(""),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let assertion = jag(&format!("w{number}"), edit);
        assert_eq!(refused(ask(&it.world, &it.app, &assertion, None, at(0)).await), InvalidGrant, "{number}");
    }
    assert_eq!(refused(ask(&it.world, &it.app, &jag("2", |_| {}), Some("write"), at(0)).await), InvalidScope);
    let public = it.world.app_with("app2", |new| {
        new.metadata.token_endpoint_auth_method = AuthMethod::None;
        new.metadata.grant_types = vec![GrantType::JwtBearer];
    });
    let public = public.await;
    let theirs = jag("3", |claims| claims["client_id"] = json!("app2"));
    assert_eq!(refused(ask(&it.world, &public, &theirs, None, at(0)).await), InvalidClient);
}

#[tokio::test]
async fn published_keys_are_fetched_again_for_a_key_that_is_new() {
    let (first, second, library) = (Signer::new(), Signer::new(), Arc::new(Library::default()));
    library.put(KEYS, "application/jwk-set+json", &first.jwks());
    let issuer = json!({"issuer": IDP, "jwks_uri": KEYS, "scope": "read"});
    let issuers = TrustedIssuers::new(vec![serde_json::from_value(issuer).unwrap()]).unwrap();
    let shelf = Arc::clone(&library);
    let world = World::with(|parts| {
        parts.policy.trusted_issuers = issuers;
        parts.fetch = shelf;
    })
    .await;
    let app = world.app_with("app", |new| new.metadata.grant_types.push(GrantType::JwtBearer)).await;
    ask(&world, &app, &first.sign(&claims("1")), None, at(0)).await.unwrap();
    ask(&world, &app, &first.sign(&claims("2")), None, at(1)).await.unwrap();
    assert_eq!(library.fetched(KEYS), 1);
    library.put(KEYS, "application/jwk-set+json", &second.jwks());
    ask(&world, &app, &second.sign(&claims("3")), None, at(2)).await.unwrap();
    assert_eq!(library.fetched(KEYS), 2);
}

#[tokio::test]
async fn where_nobody_is_trusted_the_grant_type_does_not_exist() {
    let world = World::new().await;
    let app = world.app("app").await;
    let assertion = Signer::new().sign(&claims("1"));
    assert_eq!(refused(ask(&world, &app, &assertion, None, at(0)).await), UnsupportedGrantType);
    let new = new_client("x", |new| new.metadata.grant_types.push(GrantType::JwtBearer));
    assert!(clients::create(&world.engine, new, at(0)).await.is_err());
    let metadata = firman_engine::discovery::metadata(&world.engine, at(0));
    assert!(!metadata.grant_types_supported.contains(&GrantType::JwtBearer.as_str()));
}

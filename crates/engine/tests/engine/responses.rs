//! Authorization responses: what they bring (response types) and how they travel (response modes).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_engine::authorize::Next;
use firman_proto::client::GrantType;
use firman_proto::form::Form;
use firman_proto::id_token::{IdToken, half_hash};
use firman_proto::jws::{self, Algorithm};
use serde_json::{Value, json};

use crate::support::{App, Ask, CALLBACK, ISSUER, Visitor, World, at, parameter, refused};

const EVERY_TYPE: [&str; 8] =
    ["code", "none", "id_token", "token", "id_token token", "code id_token", "code token", "code id_token token"];

/// A world that lets tokens through the browser, a client that is registered for everything, and somebody who has allowed it
/// everything.
async fn world() -> (World, App, Visitor) {
    let world = World::with(|parts| parts.policy.front_channel_tokens = true).await;
    let app = world
        .app_with("app", |new| {
            new.metadata.response_types = EVERY_TYPE.map(str::to_owned).to_vec();
        })
        .await;
    let (visitor, _) = world.walk(&Ask::new(&app, "openid read profile offline_access"), "somebody", at(0)).await;
    (world, app, visitor)
}

/// The members of the answer to a request that needs no page.
async fn answer(world: &World, visitor: &Visitor, ask: &Ask) -> Vec<(String, String)> {
    let next = world.authorize(visitor, ask, at(1)).await.unwrap();
    let Next::Client(url) = next else { panic!("not sent to the client: {next:?}") };
    let members = url.strip_prefix(CALLBACK).unwrap();
    let form = Form::parse(&members.as_bytes()[1..]).unwrap();
    form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn get<'a>(members: &'a [(String, String)], name: &str) -> Option<&'a str> {
    members.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn verified<T: serde::de::DeserializeOwned>(world: &World, jwt: &str) -> T {
    jws::verify(jwt, world.engine.keys().current().published()).unwrap()
}

// Multiple Response Types §3, §5, OpenID Connect Core §3.2, §3.3, RFC 6749 §4.2.2.
#[tokio::test]
async fn each_response_type_brings_what_it_names_and_nothing_else() {
    let (world, app, visitor) = world().await;
    for text in EVERY_TYPE {
        let ask = Ask::new(&app, "openid read").with("response_type", text);
        let members = answer(&world, &visitor, &ask).await;
        let words: Vec<_> = text.split(' ').collect();
        for (word, member) in [("code", "code"), ("token", "access_token"), ("id_token", "id_token")] {
            assert_eq!(get(&members, member).is_some(), words.contains(&word), "{text}: {members:?}");
        }
        assert_eq!((get(&members, "state"), get(&members, "iss")), (Some("a state"), Some(ISSUER)), "{text}");
        assert_eq!(get(&members, "refresh_token"), None, "{text}");
        if let Some(code) = get(&members, "code") {
            world.redeem(&app, code, at(2)).await.unwrap();
        }
        if let Some(token) = get(&members, "access_token") {
            assert_eq!((get(&members, "token_type"), get(&members, "expires_in")), (Some("Bearer"), Some("300")));
            assert!(world.is_active(&app, token, at(2)).await, "{text}");
            assert!(!world.is_active(&app, token, at(301)).await, "{text}");
        }
    }
}

// OpenID Connect Core §3.3.2.11.
#[tokio::test]
async fn an_id_token_through_the_browser_binds_what_comes_with_it() {
    let (world, app, visitor) = world().await;
    let ask = Ask::new(&app, "openid read").with("response_type", "code id_token token");
    let members = answer(&world, &visitor, &ask).await;
    let id_token: IdToken = verified(&world, get(&members, "id_token").unwrap());
    let hash = |name| Some(half_hash(get(&members, name).unwrap(), Algorithm::ES256));
    // OpenID Connect Core §3.3.2.11.
    assert_eq!((id_token.c_hash, id_token.at_hash), (hash("code"), hash("access_token")));
    assert_eq!((id_token.nonce.as_deref(), id_token.aud.as_str()), (Some("a nonce"), "app"));
    assert_eq!(id_token.claims.get("name"), None);
}

// OpenID Connect Core §5.4.
#[tokio::test]
async fn an_id_token_that_comes_alone_has_the_claims_of_the_scope() {
    let (world, app, visitor) = world().await;
    world.people.set_claims("somebody", json!({"name": "Some Body", "email": "some@body.example"}));
    let ask = Ask::new(&app, "openid profile").with("response_type", "id_token");
    let id_token: IdToken = verified(&world, get(&answer(&world, &visitor, &ask).await, "id_token").unwrap());
    assert_eq!(Value::Object(id_token.claims), json!({"name": "Some Body"}));
}

// RFC 6749 §4.2.2, OpenID Connect Core §11.
#[tokio::test]
async fn an_access_token_through_the_browser_dies_with_its_grant_and_is_never_refreshed() {
    let (world, app, visitor) = world().await;
    let ask = Ask::new(&app, "read offline_access").with("response_type", "token");
    let members = answer(&world, &visitor, &ask).await;
    // OpenID Connect Core §11: offline access comes with codes only.
    assert_eq!(get(&members, "scope"), Some("read"));
    let token = get(&members, "access_token").unwrap();
    world.revoke(&app, token, at(2)).await.unwrap();
    assert!(!world.is_active(&app, token, at(2)).await);
}

#[tokio::test]
async fn a_hybrid_code_that_is_replayed_is_refused() {
    let (world, app, visitor) = world().await;
    let ask = Ask::new(&app, "read").with("response_type", "code token");
    let members = answer(&world, &visitor, &ask).await;
    let code = get(&members, "code").unwrap();
    let first = world.redeem(&app, code, at(2)).await.unwrap();
    refused(world.redeem(&app, code, at(3)).await);
    assert!(!world.is_active(&app, &first.access_token, at(3)).await);
}

// RFC 9700 §2.1.2, RFC 7591 §2, RFC 6749 §4.1.2.1.
#[tokio::test]
async fn tokens_travel_through_no_browser_unless_server_and_client_say_so() {
    let world = World::new().await;
    let edit = |new: &mut firman_engine::admin::clients::NewClient| {
        new.metadata.response_types = EVERY_TYPE.map(str::to_owned).to_vec();
    };
    let registered = world.app_with("app", edit).await;
    let error = |url: Next| match url {
        Next::Client(url) => url
            .split_once(['#', '?'])
            .and_then(|(_, members)| Form::parse(members.as_bytes()).unwrap().get("error").map(str::to_owned)),
        other => panic!("{other:?}"),
    };
    let visitor = Visitor::new(&world);
    for text in EVERY_TYPE.into_iter().filter(|text| text.contains("token")) {
        let ask = Ask::new(&registered, "openid read").with("response_type", text);
        let next = world.authorize(&visitor, &ask, at(0)).await.unwrap();
        assert_eq!(error(next).as_deref(), Some("unsupported_response_type"), "{text}");
    }
    // Nor by the server's word alone.
    let world = World::with(|parts| parts.policy.front_channel_tokens = true).await;
    let plain = world.app("app").await;
    let visitor = Visitor::new(&world);
    for text in EVERY_TYPE.into_iter().filter(|text| *text != "code") {
        let ask = Ask::new(&plain, "openid read").with("response_type", text);
        let next = world.authorize(&visitor, &ask, at(0)).await.unwrap();
        assert_eq!(error(next).as_deref(), Some("unauthorized_client"), "{text}");
    }
}

// Form Post Response Mode §2.
#[tokio::test]
async fn a_response_can_be_posted() {
    let (world, app, visitor) = world().await;
    let ask = Ask::new(&app, "openid read").with("response_mode", "form_post");
    let next = world.authorize(&visitor, &ask, at(1)).await.unwrap();
    let Next::Post { action, members, .. } = next else { panic!("{next:?}") };
    assert_eq!(action, CALLBACK);
    let names: Vec<_> = members.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    world.redeem(&app, &members[0].1, at(2)).await.unwrap();
    // Errors travel the same way.
    let wrong = ask.with("scope", "everything");
    let Next::Post { members, .. } = world.authorize(&visitor, &wrong, at(1)).await.unwrap() else { panic!() };
    assert_eq!(members[0], ("error", "invalid_scope".to_owned()));
}

// JARM §2.1, §2.3.1.
#[tokio::test]
async fn a_response_can_be_one_signed_object() {
    let (world, app, visitor) = world().await;
    for (mode, mark) in [("jwt", '?'), ("query.jwt", '?'), ("fragment.jwt", '#')] {
        let ask = Ask::new(&app, "openid read").with("response_mode", mode);
        let Next::Client(url) = world.authorize(&visitor, &ask, at(1)).await.unwrap() else { panic!() };
        let (_, members) = url.split_once(mark).unwrap();
        let response = members.strip_prefix("response=").unwrap();
        let claims: Value = verified(&world, response);
        // JARM §2.1.
        assert_eq!(
            (&claims["iss"], &claims["aud"], &claims["state"]),
            (&json!(ISSUER), &json!("app"), &json!("a state"))
        );
        assert_eq!(claims["exp"].as_i64(), Some(at(1).seconds() + 600));
        world.redeem(&app, claims["code"].as_str().unwrap(), at(2)).await.unwrap();
        let wrong = ask.with("prompt", "none").with("scope", "openid read write").with("max_age", "0");
        let Next::Client(url) = world.authorize(&visitor, &wrong, at(9)).await.unwrap() else { panic!() };
        let claims: Value = verified(&world, url.split_once("response=").unwrap().1);
        assert_eq!(claims["error"], json!("login_required"));
        assert_eq!(parameter(&url, "error"), None);
    }
}

// JARM §3.
#[tokio::test]
async fn a_response_is_signed_as_its_client_registered() {
    let both = vec![Algorithm::ES256, Algorithm::EdDSA];
    let world = World::with(|parts| parts.key_policy.algorithms = both.clone()).await;
    for of in both {
        let app = world
            .app_with(of.as_str(), |new| {
                new.metadata.jose.authorization_signed_response_alg = Some(of.as_str().to_owned());
            })
            .await;
        let ask = Ask::new(&app, "openid").with("response_mode", "jwt").with("prompt", "none");
        let next = world.authorize(&Visitor::new(&world), &ask, at(1)).await.unwrap();
        let Next::Client(url) = next else { panic!("not sent to the client: {next:?}") };
        let response = url.split_once("response=").unwrap().1;
        let claims: Value = verified(&world, response);
        assert_eq!((&claims["aud"], &claims["error"]), (&json!(of.as_str()), &json!("login_required")));
        let header = URL_SAFE_NO_PAD.decode(response.split('.').next().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&header).unwrap()["alg"], of.as_str());
    }
}

// RFC 7591 §2.1.
#[tokio::test]
async fn what_comes_through_the_browser_is_for_clients_of_the_grant_type_implicit() {
    let (world, app, visitor) = world().await;
    world.edit_client(&app, |client| client.metadata.grant_types.retain(|one| *one != GrantType::Implicit)).await;
    for text in EVERY_TYPE {
        let ask = Ask::new(&app, "openid read").with("response_type", text);
        let members = answer(&world, &visitor, &ask).await;
        let refused = text.contains("token").then_some("unauthorized_client");
        assert_eq!(get(&members, "error"), refused, "{text}");
    }
}

// RFC 9449 §5.2, RFC 8705 §3.4.
#[tokio::test]
async fn who_asked_for_bound_tokens_gets_none_through_the_browser() {
    let (world, app, visitor) = world().await;
    world.edit_client(&app, |client| client.metadata.dpop_bound_access_tokens = true).await;
    for text in EVERY_TYPE.into_iter().filter(|text| text.split(' ').any(|word| word == "token")) {
        let ask = Ask::new(&app, "openid read").with("response_type", text);
        let members = answer(&world, &visitor, &ask).await;
        assert_eq!(get(&members, "error"), Some("unauthorized_client"), "{text}");
        assert_eq!(get(&members, "access_token"), None, "{text}");
    }
}

//! Tokens that the issuer is asked about.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_client::guard::{Guard, Requirement};
use firman_proto::error::ErrorCode;
use firman_proto::introspection::{ActiveToken, Introspection};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::{Introspect, IntrospectError};
use serde_json::{Value, json};

use crate::world::{ISSUER, RESOURCE, World, bearer, es256, merged, send, status};

const TYP: &str = "token-introspection+jwt";

fn active(world: &World, more: &Value) -> Value {
    merged(merged(world.claims(), &json!({"active": true, "token_type": "Bearer"})), more)
}

// RFC 7662 §2.1, RFC 6749 §2.3.1.
#[tokio::test]
async fn the_issuer_is_asked_with_the_resources_credentials() {
    let world = World::new();
    world.issuer.tells(&active(&world, &json!({})));
    let access = bearer(&world.asker(), "opaque").await.unwrap();
    assert_eq!(access.subject(), Some("alice"));
    let asked = world.issuer.asked.lock().unwrap();
    let request = asked.last().unwrap();
    assert_eq!(request.body, "token=opaque&token_type_hint=access_token");
    let basic = format!("Basic {}", STANDARD.encode("https%3A%2F%2Fapi.example:a%20secret"));
    assert_eq!(request.headers["authorization"].to_str().unwrap(), basic);
}

// RFC 6750 §2.1.
#[tokio::test]
async fn nobody_is_asked_about_what_is_no_token() {
    let world = World::new();
    world.issuer.tells(&active(&world, &json!({})));
    let guard = world.asker();
    for wrong in ["a b", "a,b", "a\"b", "a{b"] {
        assert_eq!(status(&guard, wrong).await, 400, "{wrong}");
    }
    assert_eq!(world.issuer.count("/introspect"), 0);
}

// RFC 7662 §2.2, §4.
#[tokio::test]
async fn what_is_not_active_or_for_another_is_refused_and_what_is_no_answer_is_no_verdict() {
    let world = World::new();
    for more in [
        json!({"active": false}),
        json!({"aud": "https://other.example"}),
        json!({"aud": null}),
        json!({"iss": "https://evil.example"}),
        json!({"exp": world.now().seconds() - 30}),
    ] {
        world.issuer.tells(&active(&world, &more));
        assert_eq!(status(&world.asker(), "opaque").await, 401, "{more}");
    }
    for more in [json!({"active": "yes"}), json!({"active": null}), json!({"token_type": "DPoP"}), json!({"cnf": {}})] {
        world.issuer.tells(&active(&world, &more));
        assert_eq!(status(&world.asker(), "opaque").await, 503, "{more}");
    }
    for (code, media_type, body) in [
        (200, "text/html", "<html>"),
        (302, "text/html", ""),
        (401, "application/json", "{}"),
        (200, "application/json", "[]"),
    ] {
        *world.issuer.told.lock().unwrap() = VecDeque::from([(code, media_type, body.to_owned())]);
        assert_eq!(status(&world.asker(), "opaque").await, 503, "{code} {media_type}");
    }
    world.issuer.tells(&active(&world, &json!({"aud": null})));
    let lenient = world.builder().asks(world.transport(), RESOURCE, "s").takes_unaddressed().build().unwrap();
    assert_eq!(status(&lenient, "opaque").await, 200);
}

// RFC 7662 §4.
#[tokio::test]
async fn an_answer_holds_for_ten_seconds_and_many_who_ask_at_once_ask_once() {
    let world = World::new();
    world.issuer.tells(&active(&world, &json!({})));
    let guard = world.asker();
    let all = futures_util::future::join_all((0..50).map(|_| status(&guard, "opaque"))).await;
    assert_eq!((all, world.issuer.count("/introspect")), (vec![200; 50], 1));
    world.issuer.tells(&json!({"active": false}));
    world.pass(Lifetime::from_millis(9_999));
    assert_eq!(status(&guard, "opaque").await, 200, "the stated bound");
    world.pass(Lifetime::from_millis(1));
    assert_eq!((status(&guard, "opaque").await, world.issuer.count("/introspect")), (401, 2));
    world.issuer.is_down(true);
    world.pass(Lifetime::from_seconds(5));
    assert_eq!(status(&guard, "opaque").await, 503, "an answer is not used beyond its bound");
}

#[tokio::test]
async fn what_holders_have_added_is_kept_at_the_guard() {
    let world = World::new();
    for (caveat, expected) in [
        ("path = /v1", 200),
        ("path = /v1/books", 200),
        ("path = /v2", 403),
        ("method = GET", 200),
        ("method = POST", 403),
    ] {
        world.issuer.tells(&active(&world, &json!({"caveats": [caveat]})));
        assert_eq!(status(&world.asker(), "opaque").await, expected, "{caveat}");
    }
    world.issuer.tells(&active(&world, &json!({"caveats": ["colour = blue"]})));
    assert_eq!(status(&world.asker(), "opaque").await, 503, "what is not understood lets nobody through");
}

// RFC 9470 §3.
#[tokio::test]
async fn a_sign_in_that_is_not_enough_is_told_with_what_would_be() {
    let world = World::new();
    let now = world.now().seconds();
    world.issuer.tells(&active(&world, &json!({"acr": "pwd", "auth_time": now - 600})));
    let guard = world.asker();
    let headers = [("authorization", "Bearer opaque".to_owned())];
    let needed = Requirement::any().acr(["mfa"]).max_age(Lifetime::from_seconds(300));
    let refusal = send(&guard, &headers, &needed).await.unwrap_err();
    assert_eq!((refusal.status(), refusal.code()), (401, Some(ErrorCode::InsufficientUserAuthentication)));
    let told = refusal.headers(guard.door())["www-authenticate"].to_str().unwrap().to_owned();
    assert!(told.contains(r#"acr_values="mfa", max_age="300""#), "{told}");
    world.issuer.tells(&active(&world, &json!({"acr": "mfa", "auth_time": now})));
    world.pass(Lifetime::from_seconds(10));
    send(&guard, &headers, &needed).await.unwrap();
}

// RFC 9701 §4, §5, §8.1.
#[tokio::test]
async fn a_signed_answer_is_of_the_issuer_for_us_and_of_now() {
    let world = World::new();
    let now = world.now().seconds();
    let guard =
        || -> Guard { world.builder().asks(world.transport(), RESOURCE, "s").signed_answers().build().unwrap() };
    let told = |key: &firman_proto::jws::HeldKey, typ: &str, more: &Value| {
        let claims = json!({
            "iss": ISSUER, "aud": RESOURCE, "iat": now, "token_introspection": active(&world, &json!({})),
        });
        let jwt = key.sign_as(typ, &merged(claims, more)).unwrap();
        *world.issuer.told.lock().unwrap() = VecDeque::from([(200, "application/token-introspection+jwt", jwt)]);
    };
    told(&world.key, TYP, &json!({}));
    assert_eq!(status(&guard(), "opaque").await, 200);
    let accept = world
        .issuer
        .asked
        .lock()
        .unwrap()
        .iter()
        .rev()
        .find(|it| it.url.ends_with("/introspect"))
        .unwrap()
        .headers["accept"]
        .clone();
    assert_eq!(accept, "application/token-introspection+jwt");
    for more in [
        json!({"iss": "https://evil.example"}),
        json!({"aud": "https://other.example"}),
        json!({"iat": now - 61}),
        json!({"iat": null}),
        json!({"exp": now + 60}),
        json!({"token_introspection": null}),
        json!({"token_introspection": {"active": "true"}}),
    ] {
        told(&world.key, TYP, &more);
        assert_eq!(status(&guard(), "opaque").await, 503, "{more}");
    }
    told(&world.key, "at+jwt", &json!({}));
    assert_eq!(status(&guard(), "opaque").await, 503);
    told(&es256(), TYP, &json!({}));
    assert_eq!(status(&guard(), "opaque").await, 503);
    world.issuer.tells(&active(&world, &json!({})));
    assert_eq!(status(&guard(), "opaque").await, 503, "an answer that is not signed");
}

/// A server in the same process that counts how often it is asked.
#[derive(Default)]
struct Inside(AtomicUsize);

#[async_trait]
impl Introspect for Inside {
    async fn introspect(&self, resource: &str, token: &str, now: Timestamp) -> Result<Introspection, IntrospectError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let active = ActiveToken {
            active: true,
            client_id: "app".to_owned(),
            iss: ISSUER.to_owned(),
            aud: vec![resource.to_owned()],
            iat: now.seconds(),
            caveats: vec!["path = /v1/books".to_owned()],
            ..ActiveToken::default()
        };
        match token {
            "good" => Ok(Introspection::Active(Box::new(active))),
            "bad" => Ok(Introspection::INACTIVE),
            _ => Err(IntrospectError::Unknown("the store is away".to_owned())),
        }
    }
}

#[tokio::test]
async fn a_server_in_the_same_process_is_asked_each_time() {
    let (world, inside) = (World::new(), Arc::new(Inside::default()));
    let guard = world.builder().asks_here(Arc::clone(&inside) as Arc<dyn Introspect>).build().unwrap();
    for asked in 1..=3 {
        assert_eq!(status(&guard, "good").await, 200);
        assert_eq!(inside.0.load(Ordering::Relaxed), asked);
    }
    assert_eq!((status(&guard, "bad").await, status(&guard, "any").await), (401, 503));
}

//! The example of the documentation.

#[path = "../../examples/guarded_api.rs"]
#[allow(unreachable_pub, reason = "an example is a program of its own")]
mod guarded_api;

use axum::body::Body;
use firman_client::guard::Guard;
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{ISSUER, World};

#[tokio::test]
async fn it_lets_readers_read_and_asks_writers_for_more_than_a_scope() {
    let world = World::new();
    let guard = Guard::of("http://127.0.0.1:3000", ISSUER).clock(world.clock.clone()).verifies(world.transport());
    let app = guarded_api::app(&guard.build().unwrap()).unwrap();
    let send = async |method: Method, more: Value| {
        let token = world.token(&crate::world::merged(json!({"aud": "http://127.0.0.1:3000"}), &more));
        let request =
            Request::builder().method(method).uri("/books").header("authorization", format!("Bearer {token}"));
        app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    let now = world.now().seconds();
    assert_eq!(send(Method::GET, json!({})).await, 200);
    assert_eq!(send(Method::POST, json!({})).await, 403);
    assert_eq!(send(Method::POST, json!({"scope": "books.write"})).await, 401);
    assert_eq!(send(Method::POST, json!({"scope": "books.write", "acr": "mfa", "auth_time": now})).await, 200);
    assert_eq!(send(Method::POST, json!({"scope": "books.write", "acr": "mfa", "auth_time": now - 400})).await, 401);
}

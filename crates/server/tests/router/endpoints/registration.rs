//! Clients that register themselves (RFC 7591), and what they do with their registration (RFC 7592).

use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::get;
use crate::world::{Ask, CALLBACK, ISSUER, World};

fn document(name: &str) -> Value {
    json!({"redirect_uris": [CALLBACK], "client_name": name, "scope": "openid", "token_endpoint_auth_method": "none"})
}

pub(super) async fn register(_: &World) -> Ask {
    Ask { method: Method::POST, json: Some(document("A").to_string()), ..get("/oauth2/register") }
}

/// A request about a client that has registered itself, and its id.
async fn about(world: &World, method: Method) -> (Ask, String) {
    let made: Value = serde_json::from_str(&world.send(&register(world).await).await.body).unwrap();
    let text = |name: &str| made[name].as_str().unwrap();
    let token = text("registration_access_token");
    world.keep_secret(token);
    let ask = get(text("registration_client_uri").strip_prefix(ISSUER).unwrap());
    let headers = vec![(AUTHORIZATION.as_str(), format!("Bearer {token}"))];
    (Ask { method, headers, ..ask }, text("client_id").to_owned())
}

pub(super) async fn read(world: &World) -> Ask {
    about(world, Method::GET).await.0
}

pub(super) async fn change(world: &World) -> Ask {
    let (ask, id) = about(world, Method::PUT).await;
    let mut document = document("B");
    document["client_id"] = id.into();
    Ask { json: Some(document.to_string()), ..ask }
}

pub(super) async fn end(world: &World) -> Ask {
    about(world, Method::DELETE).await.0
}

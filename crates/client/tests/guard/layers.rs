//! The guard around routes of axum.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use firman_client::guard::{Access, ClientCertificate, Guard, Requirement, Unfit};
use firman_proto::seal::Thumbprint;
use firman_proto::time::Lifetime;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{ISSUER, Prover, RESOURCE, World};

fn app(guard: &Guard) -> Router {
    let books = get(async |access: Access| access.subject().unwrap_or_default().to_owned());
    Router::new()
        .nest("/v1", Router::new().route("/books", books.layer(guard.require("books.read").unwrap())))
        .route("/bare", get(async |_: Access| "never"))
        .merge(guard.metadata_route())
}

async fn send(app: &Router, path: &str, headers: &[(&str, &str)]) -> (Response<()>, String) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, body) = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (Response::from_parts(head, ()), body)
}

// RFC 6750 §3, RFC 9110 §11.6.1, RFC 9728 §5.1.
#[tokio::test]
async fn a_guarded_route_lets_through_who_may_and_tells_the_others_how() {
    let world = World::new();
    let app = app(&world.verifier());
    let (refused, body) = send(&app, "/v1/books", &[]).await;
    assert_eq!((refused.status(), body.as_str()), (StatusCode::UNAUTHORIZED, ""));
    let told = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(told.starts_with(r#"Bearer scope="books.read", resource_metadata="#), "{told}");
    let bearer = format!("Bearer {}", world.token(&json!({})));
    let (response, body) = send(&app, "/v1/books", &[("authorization", &bearer)]).await;
    assert_eq!((response.status(), body.as_str()), (StatusCode::OK, "alice"));
    let bearer = format!("Bearer {}", world.token(&json!({"scope": "other"})));
    let (response, body) = send(&app, "/v1/books", &[("authorization", &bearer)]).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["error"], "insufficient_scope");
}

// RFC 9449 §4.3: the address of a proof is that of the whole route.
#[tokio::test]
async fn below_a_nested_router_the_whole_path_counts() {
    let (world, prover) = (World::new(), Prover::new());
    let app = app(&world.builder().verifies(world.transport()).nonces(vec![7; 32]).build().unwrap());
    let token = world.token(&json!({"cnf": {"jkt": prover.thumbprint().to_string()}}));
    let authorization = format!("DPoP {token}");
    let proof = prover.proof(&token, "1", world.now(), &json!({}));
    let (refused, _) = send(&app, "/v1/books?page=2", &[("authorization", &authorization), ("dpop", &proof)]).await;
    let nonce = refused.headers()["dpop-nonce"].to_str().unwrap();
    let proof = prover.proof(&token, "2", world.now(), &json!({ "nonce": nonce }));
    let (response, _) = send(&app, "/v1/books?page=2", &[("authorization", &authorization), ("dpop", &proof)]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["dpop-nonce"], nonce, "RFC 9449 §8.2");
}

// RFC 8705 §3.
#[tokio::test]
async fn a_token_of_a_certificate_is_good_on_its_connection_alone() {
    let world = World::new();
    let app = app(&world.verifier());
    let print = Thumbprint::from_bytes([7; 32]);
    let token = world.token(&json!({"cnf": {"x5t#S256": print.to_string()}}));
    for (shown, expected) in [(None, 401), (Some([8; 32]), 401), (Some([7; 32]), 200)] {
        let mut request =
            Request::get("/v1/books").header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        request.extensions_mut().extend(
            shown
                .map(|bytes| {
                    let mut extensions = http::Extensions::new();
                    extensions.insert(ClientCertificate(Thumbprint::from_bytes(bytes)));
                    extensions
                })
                .unwrap_or_default(),
        );
        assert_eq!(app.clone().oneshot(request).await.unwrap().status().as_u16(), expected, "{shown:?}");
    }
}

#[tokio::test]
async fn a_handler_that_nobody_guards_lets_nobody_through() {
    let app = app(&World::new().verifier());
    assert_eq!(send(&app, "/bare", &[]).await.0.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

// RFC 9728 §2, §3.
#[tokio::test]
async fn the_resource_says_who_issues_its_tokens() {
    let world = World::new();
    let guard = world.builder().verifies(world.transport()).scopes(["books.read"]).says("resource_name", "Books");
    let (response, body) = send(&app(&guard.build().unwrap()), "/.well-known/oauth-protected-resource", &[]).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&document["resource"], &document["authorization_servers"]), (&json!(RESOURCE), &json!([ISSUER])));
    assert_eq!((&document["scopes_supported"], &document["resource_name"]), (&json!(["books.read"]), &json!("Books")));
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
}

// RFC 9110 §13.1.2.
#[tokio::test]
async fn the_resource_says_nothing_new_to_who_knows_what_it_says() {
    let app = app(&World::new().verifier());
    let path = "/.well-known/oauth-protected-resource";
    let (first, body) = send(&app, path, &[]).await;
    let (again, nothing) = send(&app, path, &[("if-none-match", first.headers()["etag"].to_str().unwrap())]).await;
    assert_eq!((first.status(), again.status()), (StatusCode::OK, StatusCode::NOT_MODIFIED));
    assert!(!body.is_empty() && nothing.is_empty());
    for kept in ["etag", "cache-control", "access-control-allow-origin"] {
        assert_eq!(again.headers()[kept], first.headers()[kept]);
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let world = World::new();
    let of = |resource: &str, issuer: &str| Guard::of(resource, issuer).verifies(world.transport());
    assert!(matches!(of("api", ISSUER).build(), Err(Unfit::Resource(_))));
    assert!(matches!(of(RESOURCE, "http://as.example").build(), Err(Unfit::Issuer(_))));
    assert_eq!(of("urn:api", ISSUER).build().unwrap_err(), Unfit::Origin);
    assert!(of("urn:api", ISSUER).origin("https://api.example").build().is_ok());
    assert_eq!(of(RESOURCE, ISSUER).skew(Lifetime::from_seconds(301)).build().unwrap_err(), Unfit::Skew);
    assert_eq!(of(RESOURCE, ISSUER).nonces(vec![1; 31]).build().unwrap_err(), Unfit::Nonces);
    assert_eq!(Guard::of(RESOURCE, ISSUER).build().unwrap_err(), Unfit::Blind);
    assert!(Requirement::all_of("a  b").is_err());
}

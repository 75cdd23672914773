//! Issuers on a real network, over reqwest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use firman_client::exchange::{Request, Transport as _, Unreachable};
use firman_client::guard::Guard;
use firman_client::over_reqwest::OverReqwest;
use http::{HeaderMap, Method};
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::{RESOURCE, World, bearer};

/// Serves these routes on this machine.
fn serve(listener: TcpListener, routes: Router) {
    tokio::spawn(async move { axum::serve(listener, routes).await });
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn transport() -> Arc<OverReqwest> {
    Arc::new(OverReqwest::new(reqwest::Client::builder().no_proxy()).unwrap())
}

/// What a token gets whose issuer's keys are answered so: status, and why.
async fn refused(keys: fn() -> Response) -> (u16, String) {
    let (listener, issuer) = listen().await;
    let metadata = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")});
    let routes = Router::new()
        .route("/.well-known/oauth-authorization-server", get(move || async move { Json(metadata) }))
        .route("/jwks", get(move || async move { keys() }));
    serve(listener, routes);
    let world = World::new();
    let guard = Guard::of(RESOURCE, &issuer).verifies(transport()).build().unwrap();
    let refusal = bearer(&guard, &world.token(&json!({ "iss": issuer }))).await.unwrap_err();
    (refusal.status(), refusal.to_string())
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let endless = || {
        let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4096])));
        Body::from_stream(pieces).into_response()
    };
    let (status, why) = refused(endless).await;
    assert!(status == 503 && why.contains("1048576"), "{why}");
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn nobody_is_followed_to_another_address() {
    let (listener, other) = listen().await;
    serve(listener, Router::new().fallback(async || ASKED.fetch_add(1, Ordering::Relaxed).to_string()));
    for redirect in [Redirect::temporary, Redirect::permanent, Redirect::to] {
        let (listener, from) = listen().await;
        let answer = redirect(&format!("{other}/jwks")).into_response();
        let status = answer.status();
        let location = answer.headers()["location"].clone();
        serve(listener, Router::new().fallback(async move || (status, [("location", location)])));
        let request = Request { method: Method::GET, url: from, headers: HeaderMap::new(), body: Bytes::new() };
        assert_eq!(transport().send(request).await.unwrap().status, status);
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 0);
    let (status, why) = refused(|| Redirect::to("http://127.0.0.1:1/jwks").into_response()).await;
    assert_eq!(status, 503, "{why}");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_waited_for_no_longer_than_is_said() {
    let (listener, url) = listen().await;
    serve(listener, Router::new().fallback(std::future::pending::<Response>));
    let begun = tokio::time::Instant::now();
    let request = Request { method: Method::GET, url: url.clone(), headers: HeaderMap::new(), body: Bytes::new() };
    let failed = transport().send(request).await;
    assert!(matches!(failed, Err(Unreachable::Slow { millis: 10_000, .. })), "{failed:?}");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

//! An API behind the guard: `cargo run -p firman-client --features guard,reqwest --example guarded_api ISSUER SECRET`.
//! Register it first: `firman resource add http://127.0.0.1:3000 --scope "books.read books.write"` prints SECRET.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use firman_client::guard::{Access, Guard, Requirement};
use firman_client::over_reqwest::OverReqwest;
use firman_proto::time::Lifetime;

const API: &str = "http://127.0.0.1:3000";

async fn books(access: Access) -> String {
    format!("the books of {}\n", access.subject().unwrap_or("nobody"))
}

/// Books for who may read them, and for who may write them.
pub fn app(guard: &Guard) -> Result<Router, Box<dyn std::error::Error>> {
    // Reading needs a scope; writing also a sign-in by two factors in the last five minutes.
    let write = Requirement::all_of("books.write")?.acr(["mfa"]).max_age(Lifetime::from_seconds(300));
    Ok(Router::new()
        .route("/books", get(books).layer(guard.require("books.read")?))
        .route("/books", post(books).layer(guard.requires(write)))
        .merge(guard.metadata_route()))
}

#[allow(dead_code, reason = "its tests call what it serves")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (issuer, secret) = words.next().zip(words.next()).ok_or("say ISSUER and SECRET")?;
    let transport = Arc::new(OverReqwest::new(reqwest::Client::builder())?);
    let guard = Guard::of(API, issuer).verifies(transport.clone()).asks(transport, API, secret).build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(&guard)?).await?)
}

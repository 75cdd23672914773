//! What a passer-by sees.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::{App, account, answer, page};
use crate::demo::CALLBACK;
use crate::pages::look;
use crate::pages::{Home, Message, assets};

/// What this server is.
pub async fn page(State(app): State<App>) -> Response {
    let issuer = app.engine.issuer();
    let account = issuer.endpoint(account::PATH);
    page::page(&app, StatusCode::OK, Home { issuer: issuer.as_str(), account: &account }.render())
}

/// A file that pages refer to.
pub async fn asset(State(app): State<App>, request: Request) -> Response {
    let Some(asset) = assets::find(request.uri().path()) else { return not_found(State(app)).await };
    let headers = [
        (CONTENT_TYPE, asset.content_type),
        (CACHE_CONTROL, assets::CACHE_CONTROL),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.body).into_response()
}

/// A file of the operator's that pages refer to.
pub async fn brand(State(app): State<App>, request: Request) -> Response {
    let Some(file) = app.brand.find(request.uri().path()) else { return not_found(State(app)).await };
    let headers = [
        (CONTENT_TYPE, file.content_type),
        (CACHE_CONTROL, assets::CACHE_CONTROL),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A picture may be a document with scripts in it (SVG), and somebody may open it as one.
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ];
    (headers, file.body.clone()).into_response()
}

/// Where the demo's application would be: it says that the browser is back.
pub fn demo_callback() -> Router<App> {
    Router::new().route(CALLBACK, get(came_back))
}

async fn came_back(State(app): State<App>) -> Response {
    let html = Message { title: look::texts().home.demo_title, text: look::texts().home.demo_text }.render();
    page::page(&app, StatusCode::OK, html)
}

/// There is nothing at this address.
pub async fn not_found(State(app): State<App>) -> Response {
    if !app.engine.policy().pages {
        return answer::not_found();
    }
    let html =
        Message { title: look::texts().error.not_found_title, text: look::texts().error.not_found_text }.render();
    page::page(&app, StatusCode::NOT_FOUND, html)
}

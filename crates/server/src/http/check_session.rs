//! The frame in which clients ask whether somebody has signed in or out (OpenID Connect Session Management §3.3).

use axum::extract::State;
use axum::response::Response;

use super::{App, cookies, page};
use crate::pages::CheckSession;

/// The page: its script reads the cookie of the browser's state and answers messages; nothing comes back here.
pub async fn frame(State(app): State<App>) -> Response {
    page::framed(&app, CheckSession { cookie: cookies::state_name(&app) }.render())
}

//! The ceiling: the HTTP stack of the server and nothing behind it. The same accept loop, the same shape of router, the
//! form read with the same limits; what answers is a constant.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use firman_proto::metadata::path;
use tokio::net::TcpListener;

use super::BenchError;
use super::client::Answer;
use super::load::Work;
use crate::http::read;
use crate::listen::{Limits, serve};
use crate::router::cors;

/// As long as an answer with an access token and a refresh token.
const BODY: &[u8] = b"{\"access_token\":\"fm_at_AgEAAlwBAAAAAZCD8pWw2l3hXo0Jk4o7xvQm5u9cTg1bRzYkqHsLfWnEaPdIyVtMiOeUrBxKjN2QvG3hS6w8ZfLc0AAABiD\",\
    \"token_type\":\"Bearer\",\"expires_in\":300,\
    \"refresh_token\":\"fm_rt_AgEAAlwBAAAAAZCD8pWw2l3hXo0Jk4o7xvQm5u9cTg1bRzYkqHsLfWnEaPdIyVtMiOeUrBxKjN2QvG3hS6w8ZfLc0AAABiD\",\
    \"scope\":\"profile\"}";

/// Serves the constant until `stop`.
pub(crate) async fn run(listener: TcpListener, max_body: usize, limits: Limits, stop: impl Future<Output = ()>) {
    serve(listener, None, router(max_body), limits, stop).await;
}

/// The server's router with the constant in the place of its handlers.
fn router(max_body: usize) -> Router {
    let api = [path::TOKEN, path::INTROSPECT, path::REVOKE, path::USERINFO]
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, post(answer)))
        .route(path::JWKS, get(nothing))
        .layer(cors());
    let pages = [path::AUTHORIZE, crate::http::login::PATH, crate::http::consent::PATH, "/"]
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, get(nothing).post(nothing)));
    let health = Router::new().route("/health/live", get(nothing)).route("/health/ready", get(nothing));
    Router::new().merge(api).merge(pages).merge(health).fallback(nothing).with_state(max_body)
}

async fn answer(State(max_body): State<usize>, request: Request) -> Response {
    let Ok((_, body)) = read::form_within(max_body, request).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    drop(body);
    let mut response = Response::new(Body::from(Bytes::from_static(BODY)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn nothing() -> StatusCode {
    StatusCode::OK
}

/// The request of a scenario, over and over.
pub(super) struct Again(Vec<u8>);

impl Again {
    /// Takes one request out of a scenario.
    pub(super) fn of(work: &mut dyn Work) -> Result<Self, BenchError> {
        let mut request = Vec::new();
        if work.ask(0, &mut request) {
            return Ok(Self(request));
        }
        Err(BenchError::Answer("a scenario has nothing to ask".to_owned()))
    }
}

impl Work for Again {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.0);
        true
    }

    fn answered(&mut self, _: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)
    }
}

//! Who asks for a page is spoken to in their language.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::middleware::Next;
use axum::response::Response;
use firman_engine::acting::reading;
use firman_proto::form::Form;

use super::App;
use crate::pages::texts::SPOKEN;
use crate::pages::{language, look};

/// Answers in the language that this request is for, under the operator's name.
pub async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let form = Form::parse_redirectable(query.as_bytes()).ok();
    let asked = form.as_ref().and_then(|form| form.get("ui_locales")).unwrap_or_default();
    let asked = asked.to_owned();
    let texts = language::preferred(SPOKEN, accepted(request.headers()));
    let answer = async {
        look::prefer(asked.split(' '));
        reading(look::texts().lang, next.run(request)).await
    };
    look::within(texts, Arc::clone(&app.brand), answer).await
}

fn accepted(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

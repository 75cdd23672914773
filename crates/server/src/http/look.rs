//! Who asks for a page is spoken to in their language.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::middleware::Next;
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::{Browser, Interaction};
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
        next.run(request).await
    };
    look::within(texts, Arc::clone(&app.brand), answer).await
}

/// The sealed request that a form or an address is about; from here on pages speak the language that it asks for.
pub(super) async fn request<'f>(app: &App, browser: &Browser, form: &'f Form<'_>) -> Result<&'f str, Failure> {
    let request = form.required("request")?;
    speak(app, browser, request).await?;
    Ok(request)
}

/// From here on pages speak the language that this sealed request asks for.
pub(super) async fn speak(app: &App, browser: &Browser, request: &str) -> Result<(), Failure> {
    let hints = Interaction::hints(&app.engine, browser, request, app.now()).await?;
    look::prefer(hints.ui_locales.iter().map(String::as_str));
    Ok(())
}

fn accepted(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

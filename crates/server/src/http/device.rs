//! `/oauth2/device_authorization` and the pages on which somebody types the code (RFC 8628).

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::Browser;
use firman_engine::device::{self, Entered};
use firman_engine::{Failure, Fault};
use firman_proto::device::DeviceResponse;
use firman_proto::form::Form;
use firman_proto::metadata::path;

use super::{App, answer, cookies, page, read};
use crate::pages::look;
use crate::pages::{self, Message};
use crate::qr;

/// Where somebody is who said yes, below the issuer.
pub const ALLOWED: &str = "/device/allowed";
/// Where somebody is who said no.
pub const DENIED: &str = "/device/denied";

/// Begins a flow for a device.
pub async fn authorize(State(app): State<App>, request: Request) -> Response {
    answer::taken(&app, request, async |head, body| Ok(answer::json(&begin(&app, head, body).await?))).await
}

async fn begin(app: &App, head: &read::Head, body: &[u8]) -> Result<DeviceResponse, Failure> {
    let now = app.now();
    let form = Form::parse(body)?;
    let client = authenticate(&app.engine, &read::credentials(head, &form)?, now).await?;
    device::authorize(&app.engine, &client, &form, now).await
}

/// Asks for the code; it may stand in the address (RFC 8628 §3.3.1), but is never taken without a press of the button.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()))
}

fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let (browser, is_new) = page::with_browser(app, headers)?;
    let mut response = render(app, &browser, form.get("user_code").unwrap_or_default(), None)?;
    if is_new {
        cookies::keep_browser(app, &mut response, &browser);
    }
    Ok(response)
}

/// Takes the code.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| enter(&app, head, body).await).await
}

async fn enter(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, path::DEVICE, form.get("csrf"))?;
    let typed = form.get("user_code").unwrap_or_default();
    match device::enter(&app.engine, &browser, head.address(app), typed, app.now()).await? {
        Entered::Next(next) => Ok(page::go(app, &next)),
        Entered::Unknown => Ok(render(app, &browser, typed, Some(look::texts().device.unknown))?),
    }
}

fn render(app: &App, browser: &Browser, typed: &str, problem: Option<&str>) -> Result<Response, Fault> {
    let action = app.engine.issuer().endpoint(path::DEVICE);
    let qr = qr::image(&action).ok_or_else(|| Fault::lasting("draw a QR code", "the issuer is too long"))?;
    let csrf = browser.csrf(&app.engine, path::DEVICE);
    let html = pages::Device { user_code: typed, problem, qr: &qr, csrf: &csrf, action: &action }.render();
    // A refused form is not a page like any other: monitors and brute-force defences look at the status.
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page::page(app, status, html))
}

/// After a yes.
pub async fn allowed(State(app): State<App>) -> Response {
    let message = Message { title: look::texts().device.allowed_title, text: look::texts().device.allowed_text };
    page::page(&app, StatusCode::OK, message.render())
}

/// After a no.
pub async fn denied(State(app): State<App>) -> Response {
    let message = Message { title: look::texts().device.denied_title, text: look::texts().device.denied_text };
    page::page(&app, StatusCode::OK, message.render())
}

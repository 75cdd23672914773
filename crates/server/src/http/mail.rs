//! Passwords that were forgotten, and e-mail addresses that are proved: the pages that ask, and those that links lead to.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::Browser;
use firman_engine::mail::{self, Asked, Looked, Reset, Verified, Written};
use firman_proto::form::Form;
use firman_proto::time::Lifetime;

use super::security::{away, back, changed, fresh};
use super::{App, cookies, page, read, security};
use crate::pages::{Field, FormPage, Message, RenderError, look};

/// Who forgot a password asks here, below the issuer.
pub const FORGOT: &str = "/login/forgot";
/// The link for a new one leads here.
pub const RESET: &str = "/login/reset";
/// Another address for one's own account.
pub const ADDRESS: &str = "/account/security/email";
/// The link that proves it leads here.
pub const CONFIRM: &str = "/account/email";

/// The address of the page for who forgot a password; `None` where no mail is sent, or nobody has a password.
pub(super) fn forgot_address(app: &App) -> Option<String> {
    let policy = app.engine.policy();
    (policy.mail && policy.upstream.local).then(|| app.engine.issuer().endpoint(FORGOT))
}

/// How a mail is written whose link leads to this page.
pub(super) fn written(page: &'static str) -> Written {
    Written { page, language: look::texts().lang }
}

/// Asks whose password was forgotten.
pub async fn forgot(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, with_page(&app, &headers, |browser| forgot_page(&app, browser, "", None)))
}

/// Sends a link, if there is whom to send it to: the answer is the same.
pub async fn submit_forgot(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_forgotten(&app, head, body)).await
}

fn take_forgotten(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, FORGOT, form.get("csrf"))?;
    let typed = form.get("username").unwrap_or_default();
    match mail::forgot(&app.engine, head.address(app), typed, written(RESET), app.now())? {
        Asked::Sent => Ok(said(app, StatusCode::OK, look::texts().mail.forgot_title, look::texts().mail.forgot_sent)),
        Asked::Wait(time) => {
            Ok(page::page_later(app, time, forgot_page(app, &browser, typed, Some(look::texts().mail.wait))))
        }
    }
}

fn forgot_page(app: &App, browser: &Browser, typed: &str, problem: Option<&str>) -> Result<String, RenderError> {
    let texts = look::texts();
    FormPage {
        id: "forgot",
        title: texts.mail.forgot_title,
        lead: texts.mail.forgot_lead,
        problem,
        fields: &[Field::text("username", texts.mail.forgot_name, "username", typed).first()],
        submit: texts.mail.send,
        csrf: &browser.csrf(&app.engine, FORGOT),
        action: &app.engine.issuer().endpoint(FORGOT),
        ..FormPage::default()
    }
    .render()
}

/// Asks for a new password, where the link is good.
pub async fn reset(State(app): State<App>, RawQuery(query): RawQuery, request: Request) -> Response {
    let head = read::Head::of(&request);
    page::answered(&app, show_reset(&app, &head, query.unwrap_or_default().as_bytes()).await)
}

async fn show_reset(app: &App, head: &read::Head, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let token = form.required("token")?;
    match mail::may_reset(&app.engine, head.address(app), token, app.now()).await? {
        Looked::Good(username) => with_page(app, head, |browser| reset_page(app, browser, (token, &username), None)),
        Looked::Expired => Ok(expired(app)),
        Looked::Wait(time) => Ok(later(app, time)),
    }
}

/// Takes a new password.
pub async fn submit_reset(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_reset(&app, head, body).await).await
}

async fn take_reset(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, RESET, form.get("csrf"))?;
    let token = form.required("token")?;
    let text = |name| form.get(name).unwrap_or_default();
    let username = match mail::may_reset(&app.engine, head.address(app), token, app.now()).await? {
        Looked::Good(username) => username,
        Looked::Expired => return Ok(expired(app)),
        Looked::Wait(time) => return Ok(later(app, time)),
    };
    let again = |problem: &str| {
        let html = reset_page(app, &browser, (token, &username), Some(problem));
        Ok(page::page(app, StatusCode::UNPROCESSABLE_ENTITY, html))
    };
    if text("new") != text("again") {
        return again(look::texts().security.password_differ);
    }
    match mail::reset(&app.engine, token, text("new"), app.now()).await? {
        // They sign in now, with their second step if they have one: the link stands for the password alone.
        Reset::Done => Ok(page::go_to(app, security::PATH)),
        Reset::Refused(denied) => again(&denied.text),
        Reset::Expired => Ok(expired(app)),
    }
}

fn reset_page(
    app: &App,
    browser: &Browser,
    (token, username): (&str, &str),
    problem: Option<&str>,
) -> Result<String, RenderError> {
    let texts = look::texts();
    let new = Field::password("new", texts.security.password_new, "new-password");
    let again = Field::password("again", texts.security.password_again, "new-password");
    let who = [username.to_owned()];
    FormPage {
        id: "reset",
        title: texts.mail.reset_title,
        lead: texts.mail.reset_lead,
        problem,
        shown: Some((texts.login.username, &who)),
        hidden: &[("token", token)],
        fields: &[new.first(), again],
        submit: texts.security.password_set,
        csrf: &browser.csrf(&app.engine, RESET),
        action: &app.engine.issuer().endpoint(RESET),
        ..FormPage::default()
    }
    .render()
}

/// Asks for another address.
pub async fn address(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, show_address(&app, &headers).await)
}

async fn show_address(app: &App, headers: &HeaderMap) -> Result<Response, Failure> {
    let (browser, _) = page::with_browser(app, headers)?;
    if fresh(app, &browser).await?.is_none() {
        return away(app, &browser).await;
    }
    Ok(page::page(app, StatusCode::OK, address_page(app, &browser, "", None)))
}

/// Sends a link to it.
pub async fn submit_address(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_address(&app, head, body).await).await
}

async fn take_address(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, ADDRESS, form.get("csrf"))?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    let typed = form.get("email").unwrap_or_default();
    match mail::ask_to_verify(&app.engine, (head.address(app), &fresh), typed, written(CONFIRM), app.now()).await {
        Ok(()) => changed(app, &browser, look::texts().mail.address_sent).await,
        Err(Failure::Denied(denied)) => {
            let html = address_page(app, &browser, typed, Some(&denied.text));
            Ok(page::page(app, StatusCode::UNPROCESSABLE_ENTITY, html))
        }
        Err(fault) => Err(fault),
    }
}

fn address_page(app: &App, browser: &Browser, typed: &str, problem: Option<&str>) -> Result<String, RenderError> {
    let texts = look::texts();
    FormPage {
        id: "email",
        title: texts.mail.address,
        lead: texts.mail.address_lead,
        problem,
        fields: &[email_field(typed)],
        submit: texts.mail.send,
        csrf: &browser.csrf(&app.engine, ADDRESS),
        action: &app.engine.issuer().endpoint(ADDRESS),
        links: &[back(&app.engine.issuer().endpoint(security::PATH))],
        ..FormPage::default()
    }
    .render()
}

/// Where an address is typed.
pub(super) fn email_field(typed: &str) -> Field<'_> {
    Field { kind: "email", ..Field::text("email", look::texts().mail.address, "email", typed).first() }
}

/// Shows whose address a link proves. Nothing is proved by opening it: mail servers open links, too.
pub async fn confirm(State(app): State<App>, RawQuery(query): RawQuery, request: Request) -> Response {
    let head = read::Head::of(&request);
    page::answered(&app, show_claim(&app, &head, query.unwrap_or_default().as_bytes()).await)
}

async fn show_claim(app: &App, head: &read::Head, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let token = form.required("token")?;
    let claim = match mail::whose(&app.engine, head.address(app), token, app.now()).await? {
        Looked::Good((address, username)) => [address, username],
        Looked::Expired => return Ok(expired(app)),
        Looked::Wait(time) => return Ok(later(app, time)),
    };
    let texts = look::texts();
    with_page(app, head, |browser| {
        FormPage {
            id: "confirm",
            title: texts.mail.confirm_title,
            lead: texts.mail.confirm_lead,
            shown: Some((texts.mail.confirm_what, &claim)),
            hidden: &[("token", token)],
            submit: texts.mail.confirm_submit,
            csrf: &browser.csrf(&app.engine, CONFIRM),
            action: &app.engine.issuer().endpoint(CONFIRM),
            ..FormPage::default()
        }
        .render()
    })
}

/// Takes the address for proved.
pub async fn submit_confirm(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_claim(&app, head, body).await).await
}

async fn take_claim(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    page::sender(app, head, CONFIRM, form.get("csrf"))?;
    let texts = look::texts();
    let said = |status, text| said(app, status, texts.mail.confirm_title, text);
    Ok(match mail::confirm(&app.engine, head.address(app), form.required("token")?, app.now()).await? {
        Looked::Good(Verified::Done) => said(StatusCode::OK, texts.mail.confirm_done),
        Looked::Good(Verified::Taken) => said(StatusCode::CONFLICT, texts.mail.confirm_taken),
        Looked::Good(Verified::Expired) | Looked::Expired => expired(app),
        Looked::Wait(time) => later(app, time),
    })
}

/// A page for a browser, which keeps its id if it is new.
fn with_page(
    app: &App,
    headers: &HeaderMap,
    html: impl FnOnce(&Browser) -> Result<String, RenderError>,
) -> Result<Response, Failure> {
    let (browser, is_new) = page::with_browser(app, headers)?;
    let mut response = page::page(app, StatusCode::OK, html(&browser));
    if is_new {
        cookies::keep_browser(app, &mut response, &browser);
    }
    Ok(response)
}

fn said(app: &App, status: StatusCode, title: &str, text: &str) -> Response {
    page::page(app, status, Message { title, text }.render())
}

fn expired(app: &App) -> Response {
    said(app, StatusCode::GONE, look::texts().mail.link_title, look::texts().mail.link_expired)
}

fn later(app: &App, time: Lifetime) -> Response {
    let texts = look::texts();
    page::page_later(app, time, Message { title: texts.mail.link_title, text: texts.mail.link_wait }.render())
}

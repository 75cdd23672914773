//! Passwords that were forgotten, and e-mail addresses that are proved: the pages that ask, and those that links lead to.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::{Browser, Next};
use firman_engine::mail::{self, Asked, Begun, Looked, Reset, Verified, Written};
use firman_proto::form::Form;
use firman_proto::time::Lifetime;

use super::security::{away, back, changed, fresh};
use super::{App, asked, cookies, login, page, read, security};
use crate::pages::{Field, FormPage, Link, Message, RenderError, look};

/// Who forgot a password asks here, below the issuer.
pub const FORGOT: &str = "/login/forgot";
/// The link for a new one leads here.
pub const RESET: &str = "/login/reset";
/// Another address for one's own account.
pub const ADDRESS: &str = "/account/security/email";
/// The link that proves it leads here.
pub const CONFIRM: &str = "/account/email";

/// The address of the page for who forgot a password while signing in for this request; `None` where no mail is sent, or nobody has a
/// password.
pub(super) fn forgot_address(app: &App, request: &str) -> Option<String> {
    let policy = app.engine.policy();
    (policy.mail && policy.upstream.local).then(|| page::address(app, FORGOT, request))
}

/// How a mail is written whose link leads to this page.
pub(super) fn written(page: &'static str) -> Written {
    Written { page, language: look::texts().lang }
}

/// Asks whose password was forgotten.
pub async fn forgot(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show_forgot(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show_forgot(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let begun = match cookies::browser(app, headers) {
        Some(browser) => begun(app, &browser, form.get("request")).await?,
        None => None,
    };
    with_page(app, headers, |browser| forgot_page(app, browser, (begun, ""), None))
}

/// The sealed request for which somebody was signing in, if this browser may go on with it; its language is spoken from here on.
async fn begun<'r>(app: &App, browser: &Browser, request: Option<&'r str>) -> Result<Option<&'r str>, Failure> {
    let Some(request) = request else { return Ok(None) };
    match asked::speak(app, browser, request).await {
        Ok(()) => Ok(Some(request)),
        Err(Failure::Denied(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Sends a link, if there is whom to send it to: the answer is the same.
pub async fn submit_forgot(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_forgotten(&app, head, body).await).await
}

async fn take_forgotten(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, FORGOT, form.get("csrf"))?;
    let request = begun(app, &browser, form.get("request")).await?;
    let typed = form.get("username").unwrap_or_default();
    let begun = request.map(Begun::of);
    match mail::forgot(&app.engine, head.address(app), (typed, begun), written(RESET), app.now())? {
        Asked::Sent => Ok(sent(app, head, request)),
        Asked::Wait(time) => {
            let html = forgot_page(app, &browser, (request, typed), Some(look::texts().mail.wait));
            Ok(page::page_later(app, time, html))
        }
    }
}

/// Says that a link is on its way, and lets the browser keep what it goes on with when the link has done its work.
fn sent(app: &App, head: &HeaderMap, request: Option<&str>) -> Response {
    let texts = look::texts();
    let Some(request) = request else {
        return said(app, StatusCode::OK, texts.mail.forgot_title, texts.mail.forgot_sent);
    };
    let back = page::address(app, login::PATH, request);
    let links = [Link { id: "forgot-back", href: &back, text: texts.mail.forgot_back }];
    let message = Message { title: texts.mail.forgot_title, text: texts.mail.forgot_sent };
    let mut response = page::page(app, StatusCode::OK, message.leading_to(&links));
    let begun = Begun::of(request).to_string();
    let kept = cookies::keep_errand(app, head, &mut response, (&begun, request), app.engine.policy().interaction);
    if let Err(denied) = kept {
        tracing::info!(%denied, "a browser does not keep what it was signing in for");
    }
    response
}

fn forgot_page(
    app: &App,
    browser: &Browser,
    (request, typed): (Option<&str>, &str),
    problem: Option<&str>,
) -> Result<String, RenderError> {
    let texts = look::texts();
    let hidden: Vec<_> = request.map(|request| ("request", request)).into_iter().collect();
    FormPage {
        id: "forgot",
        title: texts.mail.forgot_title,
        lead: texts.mail.forgot_lead,
        problem,
        hidden: &hidden,
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
        Reset::Done(begun) => go_on(app, head, &browser, begun).await,
        Reset::Refused(denied) => again(&denied.text),
        Reset::Expired => Ok(expired(app)),
    }
}

/// They sign in now, with their second step if they have one: the link stands for the password alone. Who was signing in for a request
/// goes on with it where it began.
async fn go_on(app: &App, head: &HeaderMap, browser: &Browser, of: Option<Begun>) -> Result<Response, Failure> {
    let Some(of) = of else { return Ok(page::go_to(app, security::PATH)) };
    let handle = of.to_string();
    let kept = cookies::errand(app, head, &handle).filter(|request| Begun::of(request) == of);
    let mut response = match begun(app, browser, kept.as_deref()).await? {
        Some(request) => page::go(app, &Next::Login(request.to_owned())),
        None => said(app, StatusCode::OK, look::texts().mail.reset_title, look::texts().mail.reset_back),
    };
    cookies::forget_errand(app, head, &mut response, &handle);
    Ok(response)
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

//! `/account/security`: how people sign in, and the forms that change it.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::Browser;
pub use firman_engine::security::PATH;
use firman_engine::security::{self, Changed, Enrolled, Enrolment, Fresh, Owner};
use firman_proto::form::Form;
use firman_store::record::{Account, UpstreamLink};

use super::{App, account, cookies, page, passkeys, read};
use crate::pages::account::Here;
use crate::pages::look;
use crate::pages::when::When;
use crate::pages::{Field, FormPage, Link, Message, RenderError, Security, UpstreamLine};
use crate::qr;

/// A new password.
pub const PASSWORD: &str = "/account/security/password";
/// An authenticator app.
pub const APP: &str = "/account/security/app";
/// No authenticator app.
pub const REMOVE_APP: &str = "/account/security/app/remove";
/// New recovery codes.
pub const RECOVERY: &str = "/account/security/recovery";

/// Not at another provider any more.
pub const UNLINK: &str = "/account/security/upstream/unlink";

/// Shows what there is.
pub async fn overview(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers).await)
}

async fn show(app: &App, headers: &HeaderMap) -> Result<Response, Failure> {
    let (browser, _) = page::with_browser(app, headers)?;
    let Some(owner) = security::owner(&app.engine, &browser, app.now()).await? else {
        return away(app, &browser).await;
    };
    Ok(page::page(app, StatusCode::OK, overview_page(app, &browser, &owner, None)))
}

fn overview_page(app: &App, browser: &Browser, owner: &Owner, news: Option<&str>) -> Result<String, RenderError> {
    let account = owner.account();
    let passkeys: Vec<_> = account.factors.passkeys.iter().map(passkeys::line).collect();
    let upstreams: Vec<_> = account.upstreams.links.iter().map(|link| upstream_line(app, account, link)).collect();
    Security {
        menu: &account::menu(app, &owner.account().username, Here::Security),
        news,
        has_password: account.password.is_some(),
        app_since: account.factors.totp.as_ref().map(|app| When(app.added_at)),
        codes_left: account.factors.recovery_codes.len(),
        email: app.engine.policy().mail.then(|| firman_engine::mail::of(account)),
        passkeys: app.engine.has_passkeys().then_some(&*passkeys),
        upstreams: &upstreams,
        csrf: &browser.csrf(&app.engine, PATH),
        action: &app.engine.issuer().endpoint(PATH),
    }
    .render()
}

/// Where else they sign in.
fn upstream_line<'a>(app: &'a App, account: &'a Account, link: &'a UpstreamLink) -> UpstreamLine<'a> {
    let provider = app.engine.policy().upstream.providers.iter().find(|provider| provider.issuer == link.issuer);
    let text = |name: &str| link.claims.get(name).and_then(serde_json::Value::as_str);
    UpstreamLine {
        issuer: &link.issuer,
        label: provider.map_or(&*link.provider, |provider| provider.label()),
        person: text("email").or_else(|| text("preferred_username")).unwrap_or(&link.subject),
        since: When(link.since),
        may_go: security::may_be_unlinked(account, link),
    }
}

/// Takes a link to another provider away.
pub async fn unlink(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_link_away(&app, head, body).await).await
}

async fn take_link_away(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, PATH, form.get("csrf"))?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    security::unlink(&app.engine, &fresh, form.required("issuer")?, app.now()).await?;
    changed(app, &browser, look::texts().upstream.unlinked).await
}

/// The overview after a change, read anew.
pub(super) async fn changed(app: &App, browser: &Browser, news: &str) -> Result<Response, Failure> {
    let Some(owner) = security::owner(&app.engine, browser, app.now()).await? else { return away(app, browser).await };
    Ok(page::page(app, StatusCode::OK, overview_page(app, browser, &owner, Some(news))))
}

/// Asks for a new password.
pub async fn password(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, show_password(&app, &headers).await)
}

async fn show_password(app: &App, headers: &HeaderMap) -> Result<Response, Failure> {
    let (browser, _) = page::with_browser(app, headers)?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    Ok(page::page(app, StatusCode::OK, password_page(app, &browser, &fresh, None)))
}

/// Takes a new password.
pub async fn submit_password(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_password(&app, head, body).await).await
}

async fn take_password(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, PASSWORD, form.get("csrf"))?.at(head.address(app));
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    let text = |name| form.get(name).unwrap_or_default();
    let again = |problem: &str| password_page(app, &browser, &fresh, Some(problem));
    let refused = |html| Ok(page::page(app, StatusCode::UNPROCESSABLE_ENTITY, html));
    if text("new") != text("again") {
        return refused(again(look::texts().security.password_differ));
    }
    let typed = (text("current"), text("new"));
    match security::change_password(&app.engine, &browser, &fresh, typed, app.now()).await? {
        Changed::Done(cookie) => {
            let browser = browser.with_session(&cookie);
            let mut response = changed(app, &browser, look::texts().security.password_changed).await?;
            cookies::keep_session(app, &mut response, &cookie);
            Ok(response)
        }
        Changed::Wrong => refused(again(look::texts().security.password_wrong)),
        Changed::Refused(denied) => refused(again(&denied.text)),
        Changed::Wait(time) => Ok(page::page_later(app, time, again(look::texts().login.wait))),
    }
}

fn password_page(app: &App, browser: &Browser, fresh: &Fresh, problem: Option<&str>) -> Result<String, RenderError> {
    let current = Field::password("current", look::texts().security.password_current, "current-password");
    let new = Field::password("new", look::texts().security.password_new, "new-password");
    let again = Field::password("again", look::texts().security.password_again, "new-password");
    let (with, without) = ([current.first(), new, again], [new.first(), again]);
    let has_one = fresh.owner().account().password.is_some();
    FormPage {
        id: "password",
        title: if has_one { look::texts().security.password_change } else { look::texts().security.password_set },
        lead: look::texts().security.password_lead,
        problem,
        fields: if has_one { &with } else { &without },
        submit: if has_one { look::texts().security.password_change } else { look::texts().security.password_set },
        csrf: &browser.csrf(&app.engine, PASSWORD),
        action: &app.engine.issuer().endpoint(PASSWORD),
        links: &[back(&app.engine.issuer().endpoint(PATH))],
        ..FormPage::default()
    }
    .render()
}

/// Shows the secret of a new app.
pub async fn app(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, show_app(&app, &headers).await)
}

async fn show_app(app: &App, headers: &HeaderMap) -> Result<Response, Failure> {
    let (browser, _) = page::with_browser(app, headers)?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    let enrolment = security::begin_app(&app.engine, &browser, &fresh, app.now())?;
    Ok(page::page(app, StatusCode::OK, app_page(app, &browser, &enrolment, None)))
}

/// Takes the first code of a new app.
pub async fn submit_app(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_app(&app, head, body).await).await
}

async fn take_app(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, APP, form.get("csrf"))?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    let shown = (form.required("enrolment")?, form.get("code").unwrap_or_default());
    match security::confirm_app(&app.engine, &browser, &fresh, shown, app.now()).await? {
        Enrolled::Done(codes) => Ok(page::page(app, StatusCode::OK, codes_page(app, &browser, &codes))),
        Enrolled::Wrong(enrolment) => {
            let html = app_page(app, &browser, &enrolment, Some(look::texts().app.wrong));
            Ok(page::page(app, StatusCode::UNPROCESSABLE_ENTITY, html))
        }
    }
}

fn app_page(app: &App, browser: &Browser, of: &Enrolment, problem: Option<&str>) -> Result<String, RenderError> {
    let picture = qr::image(&of.address);
    FormPage {
        id: "app",
        title: look::texts().app.title,
        lead: look::texts().app.lead,
        problem,
        picture: picture.as_deref().map(|picture| (picture, look::texts().app.qr)),
        shown: Some((look::texts().app.secret, &[of.secret.to_string()])),
        hidden: &[("enrolment", &of.sealed)],
        fields: &[Field { longest: 16, ..Field::text("code", look::texts().app.code, "one-time-code", "").first() }],
        submit: look::texts().app.submit,
        csrf: &browser.csrf(&app.engine, APP),
        action: &app.engine.issuer().endpoint(APP),
        links: &[back(&app.engine.issuer().endpoint(PATH))],
        ..FormPage::default()
    }
    .render()
}

/// Takes the app away.
pub async fn remove_app(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_app_away(&app, head, body).await).await
}

async fn take_app_away(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let browser = page::sender(app, head, PATH, Form::parse(body)?.get("csrf"))?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    security::remove_app(&app.engine, &fresh, app.now()).await?;
    changed(app, &browser, look::texts().app.removed).await
}

/// Makes new recovery codes.
pub async fn new_codes(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| make_codes(&app, head, body).await).await
}

async fn make_codes(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let browser = page::sender(app, head, PATH, Form::parse(body)?.get("csrf"))?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    let codes = security::new_recovery_codes(&app.engine, &fresh, app.now()).await?;
    Ok(page::page(app, StatusCode::OK, codes_page(app, &browser, &codes)))
}

fn codes_page(app: &App, browser: &Browser, codes: &[String]) -> Result<String, RenderError> {
    FormPage {
        id: "recovery",
        title: look::texts().app.recovery_title,
        lead: look::texts().app.recovery_lead,
        shown: Some((look::texts().app.recovery_title, codes)),
        csrf: &browser.csrf(&app.engine, PATH),
        action: &app.engine.issuer().endpoint(PATH),
        links: &[back(&app.engine.issuer().endpoint(PATH))],
        ..FormPage::default()
    }
    .render()
}

/// Somebody who has signed in lately; `None` if they have to, first.
pub(super) async fn fresh(app: &App, browser: &Browser) -> Result<Option<Fresh>, Failure> {
    let owner = security::owner(&app.engine, browser, app.now()).await?;
    Ok(owner.and_then(|owner| owner.fresh(&app.engine, app.now())))
}

/// To sign in, and back here; again, if that was too long ago.
pub(super) async fn away(app: &App, browser: &Browser) -> Result<Response, Failure> {
    let is_known = firman_engine::account::person(&app.engine, browser, app.now()).await?.is_some();
    if is_known && security::owner(&app.engine, browser, app.now()).await?.is_none() {
        // Signing in again would change nothing.
        let t = look::texts();
        let html = Message { title: t.security.title, text: t.security.elsewhere }.render();
        return Ok(page::page(app, StatusCode::OK, html));
    }
    let mut response = account::sign_in(app, browser, PATH, is_known).await?;
    cookies::keep_browser(app, &mut response, browser);
    Ok(response)
}

/// Back to the overview.
pub(super) fn back(href: &str) -> Link<'_> {
    Link { id: "security-back", href, text: look::texts().security.back }
}

//! `/account/security/passkeys`: the passkeys of one's own account.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::Browser;
use firman_engine::security::{self, Added, Fresh};
use firman_proto::error::invalid_request;
use firman_proto::form::Form;
use firman_store::record::Passkey;

use super::security::{away, back, changed, fresh};
use super::{App, page, read};
use crate::pages::look;
use crate::pages::when::When;
use crate::pages::{FormPage, PasskeyForm, PasskeyLine, RenderError};

/// A new one, below the issuer.
pub const PATH: &str = "/account/security/passkeys";
/// Another name for one.
pub const RENAME: &str = "/account/security/passkeys/rename";
/// One less.
pub const REMOVE: &str = "/account/security/passkeys/remove";

/// Asks for a new passkey.
pub async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers).await)
}

async fn show(app: &App, headers: &HeaderMap) -> Result<Response, Failure> {
    let (browser, _) = page::with_browser(app, headers)?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    Ok(page::page_with_script(app, StatusCode::OK, new_page(app, &browser, &fresh, None)?))
}

/// Takes a new passkey.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take(&app, head, body).await).await
}

async fn take(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, PATH, form.get("csrf"))?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    let text = |name| form.get(name).unwrap_or_default();
    let typed = (form.required("question")?, text("answer"), text("name"));
    match security::add_passkey(&app.engine, &browser, &fresh, typed, app.now()).await? {
        Added::Done => changed(app, &browser, look::texts().passkey.added).await,
        Added::Refused => {
            let html = new_page(app, &browser, &fresh, Some(look::texts().passkey.not_added))?;
            Ok(page::page_with_script(app, StatusCode::UNPROCESSABLE_ENTITY, html))
        }
    }
}

fn new_page(
    app: &App,
    browser: &Browser,
    fresh: &Fresh,
    problem: Option<&str>,
) -> Result<Result<String, RenderError>, Failure> {
    let question = security::begin_passkey(&app.engine, browser, fresh, app.now())?;
    let question =
        question.ok_or_else(|| invalid_request("passkeys belong to names, and this server has only an address"))?;
    let (csrf, action) = (browser.csrf(&app.engine, PATH), app.engine.issuer().endpoint(PATH));
    Ok(FormPage {
        id: "passkeys",
        title: look::texts().passkey.title,
        lead: look::texts().passkey.lead,
        problem,
        csrf: &csrf,
        action: &action,
        passkey: Some(PasskeyForm {
            kind: "create",
            options: &question.options,
            question: &question.sealed,
            hidden: &[],
            csrf: &csrf,
            action: &action,
        }),
        links: &[back(&app.engine.issuer().endpoint(super::security::PATH))],
        ..FormPage::default()
    }
    .render())
}

/// Calls a passkey something else.
pub async fn rename(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_name(&app, head, body).await).await
}

async fn take_name(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, super::security::PATH, form.get("csrf"))?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    let typed = (form.required("id")?, form.get("name").unwrap_or_default());
    security::rename_passkey(&app.engine, &fresh, typed, app.now()).await?;
    changed(app, &browser, look::texts().passkey.renamed).await
}

/// Takes a passkey away.
pub async fn remove(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_away(&app, head, body).await).await
}

async fn take_away(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, super::security::PATH, form.get("csrf"))?;
    let Some(fresh) = fresh(app, &browser).await? else { return away(app, &browser).await };
    security::remove_passkey(&app.engine, &fresh, form.required("id")?, app.now()).await?;
    changed(app, &browser, look::texts().passkey.removed).await
}

/// A passkey as the overview lists it.
pub(super) fn line(passkey: &Passkey) -> PasskeyLine {
    PasskeyLine {
        id: passkey.id.clone(),
        name: passkey.name.clone(),
        since: When(passkey.added_at),
        used: passkey.last_used_at.map(When),
    }
}

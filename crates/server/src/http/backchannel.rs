//! `/oauth2/bc-authorize`, and the page on which people answer (OpenID Connect CIBA Core §7).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authenticate;
use firman_engine::authorize::{Browser, Decision};
use firman_engine::backchannel::{self, Answered, Pending, Shown};
use firman_proto::backchannel::BackchannelResponse;
use firman_proto::error::invalid_request;
use firman_proto::form::Form;
use firman_proto::id::RecordId;
use firman_proto::metadata::path;

use super::{App, account, answer, cookies, page, read};
use crate::pages::account::Here;
use crate::pages::look;
use crate::pages::{Requests, ScopeLine, Waiting};

/// Has somebody asked.
pub async fn authenticate(State(app): State<App>, request: Request) -> Response {
    answer::taken(&app, request, async |head, body| Ok(answer::json(&begin(&app, head, body).await?))).await
}

async fn begin(app: &App, head: &read::Head, body: &[u8]) -> Result<BackchannelResponse, Failure> {
    let now = app.now();
    let form = Form::parse(body)?;
    let client = authenticate::authenticate(&app.engine, &read::credentials(head, &form)?, now).await?;
    backchannel::authenticate(&app.engine, &client, &form, now).await
}

/// Shows what waits for whoever is signed in, or has them sign in.
pub async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers).await)
}

async fn show(app: &App, headers: &HeaderMap) -> Result<Response, Failure> {
    let (browser, is_new) = page::with_browser(app, headers)?;
    let mut response = render(app, &browser, None).await?;
    if is_new {
        cookies::keep_browser(app, &mut response, &browser);
    }
    Ok(response)
}

async fn render(app: &App, browser: &Browser, news: Option<&str>) -> Result<Response, Failure> {
    let csrf = browser.csrf(&app.engine, path::REQUESTS);
    let action = app.engine.issuer().endpoint(path::REQUESTS);
    let (username, pending) = match backchannel::pending(&app.engine, browser, app.now()).await? {
        Shown::SignIn => return account::sign_in(app, browser, path::REQUESTS, false).await,
        Shown::Pending { username, requests } => (username, requests),
    };
    let requests: Vec<_> = pending.iter().map(waiting).collect();
    let menu = account::menu(app, &username, Here::Requests);
    let html = Requests { menu: &menu, requests: &requests, news, csrf: &csrf, action: &action }.render();
    Ok(page::page(app, StatusCode::OK, html))
}

fn waiting(of: &Pending) -> Waiting<'_> {
    Waiting {
        id: of.id.to_string(),
        client_name: &of.client_name,
        scopes: of.scope.iter().map(ScopeLine::of).collect(),
        details: &of.details,
        resources: &of.resources,
        binding_message: of.binding_message.as_deref(),
    }
}

/// Takes an answer.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take(&app, head, body).await).await
}

async fn take(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, path::REQUESTS, form.get("csrf"))?;
    let decision = match form.required("decision")? {
        "allow" => Decision::Allow,
        "deny" => Decision::Deny,
        _ => return Err(invalid_request("decision: allow or deny").into()),
    };
    let id = RecordId::parse(form.required("request")?);
    let id = id.ok_or_else(|| invalid_request("request: not one that waits"))?;
    let news = match backchannel::answer(&app.engine, &browser, id, decision, app.now()).await? {
        Answered::Done(Decision::Allow) => Some(look::texts().requests.allowed),
        Answered::Done(Decision::Deny) => Some(look::texts().requests.denied),
        Answered::SignIn => None,
    };
    render(app, &browser, news).await
}

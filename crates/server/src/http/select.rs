//! `/login/select`: with which account to go on.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::{self, Account};
use firman_engine::login_app::Kind;
use firman_proto::error::invalid_request;
use firman_proto::form::Form;

use super::page::Away;
use super::{App, asked, login, page};
use crate::pages;

/// Below the issuer.
pub const PATH: &str = "/login/select";

/// Asks with which account to go on.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let asked::Asked { browser, request, view, username } = asked::of(app, headers, query, Kind::Login).await?;
    let html = pages::Select {
        client: login::client_of(&view.client),
        username: &username,
        request: &request,
        csrf: &browser.csrf(&app.engine, PATH),
        action: &app.engine.issuer().endpoint(PATH),
    }
    .render();
    Ok(page::page(app, StatusCode::OK, html))
}

/// Takes the answer.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| choose(&app, head, body).await).await
}

async fn choose(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, headers, PATH, form.get("csrf"))?;
    let account = match form.required("account")? {
        "same" => Account::Same,
        "another" => Account::Another,
        "neither" => Account::Neither,
        _ => return Err(invalid_request("account: same, another or neither").into()),
    };
    let request = asked::request(app, &browser, &form).await?;
    let next = authorize::select(&app.engine, &browser, request, account, app.now()).await?;
    Ok(page::go(app, &next))
}

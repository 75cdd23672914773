//! `/consent`: the page and its form.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::{self, Decision, Waiting};
use firman_engine::details::described;
use firman_engine::login_app::Kind;
use firman_proto::claims_parameter::ClaimsParameter;
use firman_proto::error::invalid_request;
use firman_proto::form::Form;

use super::account::lines;
use super::page::Away;
use super::{App, asked, login, page};
use crate::pages;

/// Below the issuer.
pub const PATH: &str = "/consent";

/// Asks whether a client may have what it asks for.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let asked::Asked { browser, request, view, username } = asked::of(app, headers, query, Kind::Consent).await?;
    let asked = &view.interaction.request;
    // What everybody asks for comes first, in an order that reads well; then what only this client knows.
    let claims = ClaimsParameter::kept(asked.claims.as_ref());
    let (known, scopes): (Vec<_>, Vec<_>) =
        lines(&asked.scope).into_iter().partition(|line| view.known.contains(line.name));
    // Where nothing is new, it is asked for again as a whole.
    let (known, mut scopes) = if scopes.is_empty() { (scopes, known) } else { (known, scopes) };
    scopes.extend(pages::claim_lines(&asked.scope, &claims.names()));
    let details = described(&app.engine, asked.authorization_details.as_ref())?;
    let html = pages::Consent {
        client: login::client_of(&view.client),
        user_code: view.interaction.waiting.as_ref().and_then(Waiting::user_code),
        redirect_host: &asked.redirect_uri.host(),
        username: &username,
        scopes,
        known,
        details,
        resources: view.resources.clone(),
        request: &request,
        csrf: &browser.csrf(&app.engine, PATH),
        action: &app.engine.issuer().endpoint(PATH),
    }
    .render();
    Ok(page::page(app, StatusCode::OK, html))
}

/// Takes the answer.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| decide(&app, head, body).await).await
}

async fn decide(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, headers, PATH, form.get("csrf"))?;
    let decision = match form.required("decision")? {
        "allow" => Decision::Allow,
        "deny" => Decision::Deny,
        _ => return Err(invalid_request("decision: allow or deny").into()),
    };
    let request = asked::request(app, &browser, &form).await?;
    let next = authorize::consent(&app.engine, &browser, request, decision, app.now()).await?;
    Ok(page::go(app, &next))
}

//! `/account`: what somebody allowed.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::account::{Listed, allowed};
use firman_proto::form::Form;
use firman_proto::third_party::initiate_login;
use firman_store::record::GrantKind;

use super::super::page::Away;
use super::super::{App, login, page, read};
use super::{PATH, Visit, after, back, enter, id, lines, news, next, post};
use crate::pages::account::{self as pages, Allowed, AllowedApp, AllowedApps, Here, RememberedAt};
use crate::pages::look;
use crate::pages::when::When;

/// Shows it.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(query)?;
    let visit = enter(app, headers, PATH).await?;
    let listed = allowed::apps(&app.engine, &visit.person, after(&form)?, app.now()).await?;
    let t = look::texts();
    let news = news(&form, &[("withdrawn", t.apps.withdrawn), ("all", t.apps.withdrawn_all)]);
    Ok(render(app, &visit, &listed, news))
}

fn render(app: &App, visit: &Visit, listed: &Listed<allowed::App>, news: Option<&str>) -> Response {
    let csrf = visit.csrf(app, PATH);
    let action = app.engine.issuer().endpoint(PATH);
    let html = AllowedApps {
        menu: visit.menu(app, Here::Apps),
        apps: listed.items.iter().map(|of| shown(app, of)).collect(),
        next: next(app, PATH, listed.next),
        news,
        form: pages::Form { action: &action, csrf: &csrf },
    }
    .render();
    page::page(app, StatusCode::OK, html)
}

fn shown<'a>(app: &App, of: &'a allowed::App) -> AllowedApp<'a> {
    let grants = of.grants.iter().map(|grant| Allowed {
        kind: kind(grant.kind),
        scopes: lines(&grant.scope),
        details: &grant.details,
        resources: &grant.resources,
        since: When(grant.since),
        last_used: grant.last_used.map(When),
        until: When(grant.until),
    });
    let known = of.remembered.iter().flat_map(|known| {
        let at = When(known.at);
        let here = (!known.scope.is_empty()).then(|| RememberedAt { resource: None, scopes: lines(&known.scope), at });
        let there = known.resources.iter().map(move |(name, scope)| RememberedAt {
            resource: Some(name.as_str()),
            scopes: lines(scope),
            at,
        });
        here.into_iter().chain(there)
    });
    let begin = of.client.metadata.about.initiate_login_uri.as_deref();
    AllowedApp {
        id: of.client.id.to_string(),
        client: login::client_of(&of.client),
        open: begin.and_then(|uri| initiate_login(uri, app.engine.issuer(), None, None)),
        grants: grants.collect(),
        remembered: known.collect(),
    }
}

fn kind(of: GrantKind) -> &'static str {
    let t = look::texts();
    match of {
        GrantKind::DeviceCode => t.apps.kind_device,
        GrantKind::TokenExchange | GrantKind::JwtBearer => t.apps.kind_agent,
        GrantKind::AuthorizationCode
        | GrantKind::Backchannel
        | GrantKind::Password
        | GrantKind::ClientCredentials
        | GrantKind::ApiKey => t.apps.kind_app,
    }
}

/// Withdraws one application's access, or that of all.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| withdraw(&app, head, body).await).await
}

async fn withdraw(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(body)?;
    let visit = post(app, head, &form, PATH).await?;
    if form.get("withdraw") == Some("all") {
        allowed::withdraw_all(&app.engine, &visit.person, app.now()).await?;
        return Ok(back(app, PATH, "all"));
    }
    allowed::withdraw(&app.engine, &visit.person, id(&form, "withdraw")?, app.now()).await?;
    Ok(back(app, PATH, "withdrawn"))
}

//! `/account/keys`: somebody's API keys.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::account::Listed;
use firman_engine::account::api_keys::{self, Made, NewApiKey};
use firman_proto::error::{Denied, invalid_request};
use firman_proto::form::Form;
use firman_proto::id::RecordId;
use firman_proto::time::Lifetime;

use super::super::page::Away;
use super::super::{App, page, read};
use super::{Visit, after, back, chosen_scope, enter, id, lines, news, next, post, problem, status, ticked};
use crate::pages::account::{self as pages, ApiKeyEntry, ApiKeys, Choice, Here};
use crate::pages::look;
use crate::pages::when::When;

/// Below the issuer.
pub const PATH: &str = "/account/keys";
/// Where one is made.
pub const NEW: &str = "/account/keys/new";

/// Shows them.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(query)?;
    let visit = enter(app, headers, PATH).await?;
    let news = news(&form, &[("revoked", look::texts().api_keys.revoked)]);
    list(app, &visit, after(&form)?, news, None).await
}

async fn list(
    app: &App,
    visit: &Visit,
    after: Option<RecordId>,
    news: Option<&str>,
    made: Option<&Made>,
) -> Result<Response, Away> {
    let listed: Listed<_> = api_keys::list(&app.engine, &visit.person, after, app.now()).await?;
    let issuer = app.engine.issuer();
    let (csrf, action, new) = (visit.csrf(app, PATH), issuer.endpoint(PATH), issuer.endpoint(NEW));
    let html = ApiKeys {
        menu: visit.menu(app, Here::ApiKeys),
        keys: listed.items.iter().map(shown).collect(),
        made: made.map(|made| (made.key.name.as_str(), made.sealed.reveal())),
        new: &new,
        next: next(app, PATH, listed.next),
        news,
        form: pages::Form { action: &action, csrf: &csrf },
    }
    .render();
    Ok(page::page(app, StatusCode::OK, html))
}

fn shown(of: &api_keys::ApiKey) -> ApiKeyEntry<'_> {
    ApiKeyEntry {
        id: of.id.to_string(),
        name: &of.name,
        scopes: lines(&of.scope),
        resources: &of.resources,
        since: When(of.since),
        last_used: of.last_used.map(When),
        until: When(of.until),
    }
}

/// Revokes one.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| revoke(&app, head, body).await).await
}

async fn revoke(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(body)?;
    let visit = post(app, head, &form, PATH).await?;
    api_keys::revoke(&app.engine, &visit.person, id(&form, "revoke")?, app.now()).await?;
    Ok(back(app, PATH, "revoked"))
}

/// Asks what a new one is to be.
pub async fn new_page(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, ask(&app, &headers).await)
}

async fn ask(app: &App, headers: &HeaderMap) -> Result<Response, Away> {
    let visit = enter(app, headers, NEW).await?;
    visit.fresh(app, NEW).await?;
    asked(app, &visit, &Form::parse(b"")?, None).await
}

/// The form, with what was filled in before.
async fn asked(app: &App, visit: &Visit, form: &Form<'_>, problem: Option<&str>) -> Result<Response, Away> {
    let policy = &app.engine.policy().account;
    let known = api_keys::resources(&app.engine).await?;
    let resources = known.iter().map(|(identifier, name)| Choice {
        value: identifier,
        text: (name != identifier).then_some(name.as_str()),
        chosen: ticked(form, "resource").any(|chosen| chosen == identifier),
    });
    let scopes = lines(&policy.api_key_scope).into_iter().map(|line| Choice {
        value: line.name,
        text: line.text,
        chosen: ticked(form, "scope").any(|chosen| chosen == line.name),
    });
    let usual = (policy.api_key.min(policy.api_key_most).seconds() / 86_400).to_string();
    let (csrf, action) = (visit.csrf(app, NEW), app.engine.issuer().endpoint(NEW));
    let html = pages::NewApiKey {
        menu: visit.menu(app, Here::ApiKeys),
        name: form.get("name").unwrap_or_default(),
        days: form.get("days").unwrap_or(&usual),
        most_days: policy.api_key_most.seconds() / 86_400,
        scopes: scopes.collect(),
        resources: resources.collect(),
        problem,
        form: pages::Form { action: &action, csrf: &csrf },
    }
    .render();
    Ok(page::page(app, status(problem.is_some()), html))
}

/// Makes one, and shows it this once.
pub async fn create(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| made(&app, head, body).await).await
}

async fn made(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(body)?;
    let visit = post(app, head, &form, NEW).await?;
    let person = visit.fresh(app, NEW).await?;
    let made = match wanted(&form) {
        Ok(new) => api_keys::create(&app.engine, person, new, app.now()).await,
        Err(denied) => Err(denied.into()),
    };
    match made {
        Ok(made) => list(app, &visit, None, None, Some(&made)).await,
        Err(failure) => asked(app, &visit, &form, Some(&problem(failure)?)).await,
    }
}

fn wanted(form: &Form<'_>) -> Result<NewApiKey, Denied> {
    let days = form.get("days").map(str::trim).filter(|days| !days.is_empty());
    let read = |days: &str| days.parse::<u16>().map_err(|_| invalid_request("days: a whole number"));
    Ok(NewApiKey {
        name: form.get("name").unwrap_or_default().to_owned(),
        scope: chosen_scope(form)?,
        resources: ticked(form, "resource").map(str::to_owned).collect(),
        life: days.map(read).transpose()?.map(|days| Lifetime::from_days(i64::from(days))),
    })
}

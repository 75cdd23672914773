//! `/login`: the page and its form.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::{self, Browser, Interaction, LoggedIn, SignIn, Waiting};
use firman_engine::login_app::Kind;
use firman_proto::form::Form;

use super::page::Away;
use super::passkey::Asked;
use super::{App, asked, cookies, login_app, mail, page, read, sign_in, sign_up, upstream};
use crate::pages::look::texts;
use crate::pages::{self, RenderError};

/// Below the issuer.
pub const PATH: &str = "/login";

/// Asks for user name and password.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(query)?;
    let (browser, _) = page::with_browser(app, headers)?;
    let request = asked::request(app, &browser, &form).await?;
    login_app::hand_off(app, &browser, Kind::Login, request).await?;
    if let Some(name) = upstream::way(app, &browser, &form, request).await? {
        return Ok(upstream::send(app, headers, &browser, (request, name)).await?);
    }
    let html = render(app, &browser, request, None, None).await?;
    Ok(page::page_with_script(app, StatusCode::OK, html))
}

/// Takes user name and password.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take(&app, head, body).await).await
}

async fn take(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, PATH, form.get("csrf"))?.at(head.address(app));
    let request = asked::request(app, &browser, &form).await?;
    let username = form.get("username").unwrap_or_default();
    let policy = &app.engine.policy().upstream;
    let cancelled = form.get("cancel").is_some();
    if let Some(provider) = policy.providers.by_domain(username).filter(|_| !cancelled) {
        return upstream::send(app, head, &browser, (request, &provider.name)).await;
    }
    if !policy.local && !cancelled {
        let html = render(app, &browser, request, Some(username), Some(texts().upstream.only)).await?;
        return Ok(page::page(app, StatusCode::UNPROCESSABLE_ENTITY, html));
    }
    let typed = SignIn { request, username, password: form.get("password").unwrap_or_default(), cancelled };
    match authorize::login(&app.engine, &browser, typed, app.now()).await? {
        LoggedIn::Welcome { cookie, next } => {
            let mut response = page::go(app, &next);
            cookies::keep_session(app, &mut response, &cookie);
            cookies::keep_device(app, &mut response, &browser, username)?;
            Ok(response)
        }
        LoggedIn::Cancelled(next) => Ok(page::go(app, &next)),
        LoggedIn::Second(half) => Ok(page::see_other(app, &sign_in::second_address(app, &half))),
        LoggedIn::Wrong => {
            let html = render(app, &browser, request, Some(username), Some(texts().login.wrong)).await?;
            // A refused form is not a page like any other: monitors and brute-force defences look at the status.
            Ok(page::page_with_script(app, StatusCode::UNPROCESSABLE_ENTITY, html))
        }
        LoggedIn::Wait(time) => {
            let html = render(app, &browser, request, Some(username), Some(texts().login.wait)).await?;
            Ok(page::page_later(app, time, html))
        }
    }
}

/// The page, perhaps with what was typed and what is wrong with it.
pub(super) async fn render(
    app: &App,
    browser: &Browser,
    request: &str,
    typed: Option<&str>,
    problem: Option<&str>,
) -> Result<Result<String, RenderError>, Failure> {
    let view = Interaction::view(&app.engine, browser, request, app.now()).await?;
    let passkey = Asked::new(app, browser)?;
    let hidden = [("request", request)];
    let own = matches!(view.interaction.waiting, Some(Waiting::Page(_)));
    let policy = &app.engine.policy().upstream;
    let forgot = mail::forgot_address(app, request);
    let sign_up = sign_up::address(app, request).filter(|_| !own);
    let html = pages::Login {
        client: (!own).then(|| client_of(&view.client)),
        again: view.username.is_some(),
        login_hint: typed.or(view.interaction.request.login_hint.as_deref()),
        problem,
        request,
        csrf: &browser.csrf(&app.engine, PATH),
        action: &app.engine.issuer().endpoint(PATH),
        upstreams: &upstream::offered(app),
        upstream_action: &app.engine.issuer().endpoint(upstream::PATH),
        upstream_csrf: &browser.csrf(&app.engine, upstream::PATH),
        by_name: policy.local || policy.providers.iter().any(|provider| !provider.domains.is_empty()),
        password: policy.local,
        password_needed: policy.providers.iter().all(|provider| provider.domains.is_empty()),
        forgot: forgot.as_deref(),
        sign_up: sign_up.as_deref(),
        passkey: passkey.as_ref().map(|asked| asked.form(&hidden)),
    }
    .render();
    Ok(html)
}

/// What the pages show of a client.
pub(super) fn client_of(client: &firman_store::record::Client) -> pages::Client<'_> {
    let metadata = &client.metadata;
    pages::Client {
        name: if metadata.client_name.is_empty() { &client.client_id } else { &metadata.client_name },
        logo: metadata.logo_uri.as_deref(),
        uri: metadata.client_uri.as_deref(),
        policy_uri: metadata.policy_uri.as_deref(),
        tos_uri: metadata.tos_uri.as_deref(),
        verified: client.policy.verified,
    }
}

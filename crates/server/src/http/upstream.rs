//! `/login/upstream`: off to another identity provider, and back.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::{Browser, Interaction, LoggedIn};
use firman_engine::upstream::{self, CALLBACK, Departure, Returned, Trouble, Went, What};
use firman_proto::error::invalid_request;
use firman_proto::form::{self, Form};

use super::{App, asked, cookies, login, page, sign_in};
use crate::pages;
use crate::pages::look::texts;

/// Where the buttons of the login page lead, below the issuer.
pub const PATH: &str = "/login/upstream";
/// Where somebody goes who gives up.
pub const LEAVE: &str = "/login/upstream/leave";

/// Takes the choice of a provider.
pub async fn go(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| chosen(&app, head, body).await).await
}

async fn chosen(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, headers, PATH, form.get("csrf"))?;
    send(app, headers, &browser, (asked::request(app, &browser, &form).await?, form.required("upstream")?)).await
}

/// Sends a browser to a provider, with its errand in a cookie.
pub(super) async fn send(
    app: &App,
    headers: &HeaderMap,
    browser: &Browser,
    (request, name): (&str, &str),
) -> Result<Response, Failure> {
    match upstream::go(&app.engine, browser, request, name, app.now()).await? {
        Went::Off(Departure { to, state, errand, lifetime }) => {
            let mut response = page::see_other(app, &to);
            cookies::keep_errand(app, headers, &mut response, (&state, &errand), lifetime)?;
            Ok(response)
        }
        Went::Trouble(trouble) => Ok(trouble_page(app, browser, &trouble)),
    }
}

/// Takes an answer that came in a form: from another site, so without our cookies. The browser comes again by itself, with them.
pub async fn posted_back(State(app): State<App>, Path(name): Path<String>, request: Request) -> Response {
    page::taken(&app, request, async |_, body| again(&app, &name, body)).await
}

fn again(app: &App, name: &str, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let provider = app.engine.policy().upstream.providers.find(name);
    let provider = provider.ok_or_else(|| invalid_request("upstream: no such identity provider"))?;
    let mut to = format!("{}/{}?", app.engine.issuer().endpoint(CALLBACK), provider.name);
    for name in ["state", "code", "iss", "error"] {
        if let Some(value) = form.get(name) {
            form::append(&mut to, name, value);
        }
    }
    Ok(page::see_other(app, &to))
}

/// Takes an answer that came in the address.
pub async fn back(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    page::answered(&app, returned(&app, &headers, &name, query.unwrap_or_default().as_bytes()).await)
}

async fn returned(app: &App, headers: &HeaderMap, name: &str, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let (browser, _) = page::with_browser(app, headers)?;
    let state = form.required("state")?;
    let errand = cookies::errand(app, headers, state);
    let came = upstream::back(&app.engine, &browser, (name, &form, errand.as_deref()), app.now()).await;
    let mut response = match came {
        Ok(Returned::Welcome(LoggedIn::Welcome { cookie, next }, username)) => {
            sign_in::welcome(app, page::go(app, &next), &browser, &cookie, &username).await?
        }
        Ok(Returned::Welcome(LoggedIn::Cancelled(next), _)) => page::go(app, &next),
        Ok(Returned::Welcome(LoggedIn::Second(half), _)) => page::see_other(app, &sign_in::second_address(app, &half)),
        Ok(Returned::Welcome(LoggedIn::Wrong | LoggedIn::Wait(_), _)) => {
            page::error_page(app, invalid_request("nobody was signed in"))
        }
        Ok(Returned::Trouble(trouble)) => {
            asked::speak(app, &browser, &trouble.request).await?;
            trouble_page(app, &browser, &trouble)
        }
        Err(failure) => page::error_page(app, failure),
    };
    cookies::forget_errand(app, headers, &mut response, state);
    Ok(response)
}

/// Takes the decision to go on without signing in.
pub async fn leave(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| left(&app, head, body).await).await
}

async fn left(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, headers, PATH, form.get("csrf"))?;
    let (request, code) = (asked::request(app, &browser, &form).await?, form.get("error").unwrap_or_default());
    Ok(page::go(app, &upstream::leave(&app.engine, &browser, request, code, app.now()).await?))
}

/// Something went wrong there: what it was, and what can be done.
fn trouble_page(app: &App, browser: &Browser, trouble: &Trouble) -> Response {
    let (status, text) = match trouble.what {
        What::Unreachable => (StatusCode::BAD_GATEWAY, texts().upstream.unreachable),
        What::Refused => (StatusCode::FORBIDDEN, texts().upstream.refused),
        What::Unproved => (StatusCode::UNAUTHORIZED, texts().upstream.unproved),
        What::NotAdmitted => (StatusCode::FORBIDDEN, texts().upstream.not_admitted),
    };
    let policy = &app.engine.policy().upstream;
    let others = policy.local || policy.providers.iter().nth(1).is_some();
    let mut choose = format!("{}?", app.engine.issuer().endpoint(login::PATH));
    form::append(&mut choose, "request", &trouble.request);
    form::append(&mut choose, "choose", "1");
    let html = pages::UpstreamTrouble {
        provider: &trouble.provider,
        name: &trouble.name,
        text,
        code: trouble.code.as_str(),
        request: &trouble.request,
        csrf: &browser.csrf(&app.engine, PATH),
        again: &app.engine.issuer().endpoint(PATH),
        leave: &app.engine.issuer().endpoint(LEAVE),
        choose: others.then_some(choose.as_str()),
    }
    .render();
    page::page(app, status, html)
}

/// What the login page offers.
pub(super) fn offered(app: &App) -> Vec<pages::Upstream<'_>> {
    let providers = app.engine.policy().upstream.providers.iter();
    let offers = providers.map(|provider| pages::Upstream {
        name: &provider.name,
        label: provider.label(),
        logo: provider.logo.as_deref(),
    });
    offers.collect()
}

/// Where somebody goes at once who comes to the login page, unless they want to choose.
pub(super) async fn way<'a>(
    app: &'a App,
    browser: &Browser,
    form: &Form<'_>,
    request: &str,
) -> Result<Option<&'a str>, Failure> {
    if app.engine.policy().upstream.providers.is_empty() || form.get("choose").is_some() {
        return Ok(None);
    }
    let view = Interaction::view(&app.engine, browser, request, app.now()).await?;
    Ok(upstream::at_once(&app.engine, &view).map(|provider| provider.name.as_str()))
}

//! `/oauth2/logout` (OpenID Connect RP-Initiated Logout §2) and the pages behind it.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::login_app::Kind;
use firman_engine::logout::{self, Arrived, Asked, Left};
use firman_engine::upstream::{self, Departure, There};
use firman_proto::error::Denied;
use firman_proto::form::Form;
use firman_proto::logout::LogoutRequest;
use firman_proto::redirect_uri::RedirectUri;

use super::page::Away;
use super::{App, cookies, login, login_app, page};
use crate::pages::look;
use crate::pages::{self, Message, SignedOut};

/// Where somebody is asked, below the issuer.
pub const PATH: &str = "/logout";
/// Where somebody is who is signed out.
pub const DONE: &str = "/logout/done";
/// Where somebody is who would rather not.
pub const STAYED: &str = "/logout/stayed";

/// The request in the query.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    page::answered(&app, begin(&app, query.unwrap_or_default().as_bytes()).await)
}

/// The request in the form: with one of another site no cookie comes, and here none is needed.
pub async fn post(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |_, body| begin(&app, body).await).await
}

async fn begin(app: &App, parameters: &[u8]) -> Result<Response, Failure> {
    let asked = LogoutRequest::parse(&Form::parse(parameters)?)?;
    let sealed = logout::request(&app.engine, &asked, app.now()).await?;
    Ok(page::see_other(app, &page::address(app, PATH, &sealed)))
}

/// Signs out who is meant, and asks everybody else.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(query)?;
    // Whoever has typed the address wants to sign out.
    let Some(request) = form.get("request") else {
        let sealed = logout::request(&app.engine, &LogoutRequest::default(), app.now()).await?;
        return Ok(page::see_other(app, &page::address(app, PATH, &sealed)));
    };
    let (browser, is_new) = page::with_browser(app, headers)?;
    speak(app, request).await?;
    let mut response = match logout::arrive(&app.engine, &browser, request, app.now()).await? {
        Arrived::Left(left) => gone(app, headers, &left)?,
        Arrived::Ask(asked) => {
            login_app::hand_off(app, &browser, Kind::Logout, request).await?;
            let csrf = browser.csrf(&app.engine, PATH);
            ask(app, &asked, request, &csrf)
        }
    };
    if is_new {
        cookies::keep_browser(app, &mut response, &browser);
    }
    Ok(response)
}

/// From here on pages speak the language that this request asks for (OpenID Connect RP-Initiated Logout §2 `ui_locales`).
async fn speak(app: &App, request: &str) -> Result<(), Failure> {
    let locales = logout::locales(&app.engine, request, app.now()).await?;
    look::prefer(locales.iter().map(String::as_str));
    Ok(())
}

fn ask(app: &App, asked: &Asked, request: &str, csrf: &str) -> Response {
    let html = pages::Logout {
        client: asked.client.as_deref().map(login::client_of),
        username: &asked.username,
        means_another: asked.means_another,
        problem: asked.problem.as_deref(),
        request,
        csrf,
        action: &app.engine.issuer().endpoint(PATH),
    }
    .render();
    page::page(app, StatusCode::OK, html)
}

/// Takes the answer.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| answer(&app, head, body).await).await
}

async fn answer(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, headers, PATH, form.get("csrf"))?;
    let request = form.required("request")?;
    speak(app, request).await?;
    if form.get("cancel").is_some() {
        return Ok(page::go_to(app, STAYED));
    }
    Ok(gone(app, headers, &logout::confirm(&app.engine, &browser, request, app.now()).await?)?)
}

/// The browser forgets its session and goes on: by way of the provider at which its person is signed in, if they sign out there, too.
pub(super) fn gone(app: &App, headers: &HeaderMap, left: &Left) -> Result<Response, Denied> {
    let (to, stays) = match &left.there {
        There::Nothing => (left.to.as_deref(), None),
        There::Off(departure) => (Some(&*departure.to), None),
        There::Stays(provider) => (left.to.as_deref(), Some(&**provider)),
    };
    let mut response = match to {
        _ if !left.frames.is_empty() || stays.is_some() => telling(app, left, to, stays),
        Some(to) => page::see_other(app, to),
        None => page::go_to(app, DONE),
    };
    cookies::forget_session(app, &mut response);
    if let There::Off(Departure { state, errand, lifetime, .. }) = &left.there {
        cookies::keep_errand(app, headers, &mut response, (state, errand), *lifetime)?;
    }
    Ok(response)
}

/// OpenID Connect Front-Channel Logout §3: the browser tells the clients, and then goes on.
fn telling(app: &App, left: &Left, to: Option<&str>, stays: Option<&str>) -> Response {
    let (frames, origins): (Vec<_>, Vec<_>) =
        left.frames.iter().map(|frame| (frame.url.as_str(), frame.origin.as_str())).unzip();
    let host = to.and_then(|to| RedirectUri::parse(to).ok()).map(|to| to.host());
    let to = to.map(|to| (to, host.as_deref().unwrap_or(to)));
    let html = SignedOut { problem: left.problem.as_deref(), frames: &frames, to, stays }.render();
    page::framing(app, html, &origins)
}

/// Takes a browser back that was at a provider to sign out there; it goes on to where the client wants it.
pub async fn back(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, go_on(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn go_on(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let (browser, _) = page::with_browser(app, headers)?;
    // OpenID Connect RP-Initiated Logout §3: the state goes back unchanged.
    let state = form.get("state").unwrap_or_default();
    let errand = cookies::errand(app, headers, state);
    let to = upstream::signed_out(&app.engine, &browser, (state, errand.as_deref()), app.now()).await?;
    let mut response = to.map_or_else(|| page::go_to(app, DONE), |to| page::see_other(app, &to));
    cookies::forget_errand(app, headers, &mut response, state);
    Ok(response)
}

/// Says that nobody is signed in any more.
pub async fn done(State(app): State<App>) -> Response {
    page::page(&app, StatusCode::OK, SignedOut::default().render())
}

/// Says that nothing has changed.
pub async fn stayed(State(app): State<App>) -> Response {
    let message = Message { title: look::texts().logout.stayed_title, text: look::texts().logout.stayed_text };
    page::page(&app, StatusCode::OK, message.render())
}

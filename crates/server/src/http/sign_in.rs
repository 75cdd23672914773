//! `/login/code`, the second step of a sign-in.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::{Browser, SessionCookie};
use firman_engine::sign_in::{self, SecondStep};
use firman_proto::form::{self, Form};

use super::passkey::Asked;
use super::{App, asked, cookies, page, read};
use crate::pages::look;
use crate::pages::{Field, FormPage, RenderError};

/// The second step, below the issuer.
pub const SECOND: &str = "/login/code";

/// Where the second step of this half is.
pub fn second_address(app: &App, half: &str) -> String {
    let mut address = format!("{}?", app.engine.issuer().endpoint(SECOND));
    form::append(&mut address, "half", half);
    address
}

/// Asks for the code of the second step.
pub async fn second(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show_second(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show_second(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let (browser, _) = page::with_browser(app, headers)?;
    let half = form.required("half")?;
    speak(app, &browser, half).await?;
    let html = second_page(app, &browser, half, None).await?;
    Ok(page::page_with_script(app, StatusCode::OK, html))
}

/// Takes the code of the second step.
pub async fn submit_second(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take_second(&app, head, body).await).await
}

async fn take_second(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, SECOND, form.get("csrf"))?.at(head.address(app));
    let (half, code) = (form.required("half")?, form.get("code").unwrap_or_default());
    speak(app, &browser, half).await?;
    let again = |problem| second_page(app, &browser, half, Some(problem));
    let step = sign_in::second_step(&app.engine, &browser, half, code, app.now()).await?;
    match step {
        // A refused form is not a page like any other: monitors and brute-force defences look at the status.
        SecondStep::Wrong => {
            let html = again(look::texts().second.wrong).await?;
            Ok(page::page_with_script(app, StatusCode::UNPROCESSABLE_ENTITY, html))
        }
        SecondStep::Wait(time) => Ok(page::page_later(app, time, again(look::texts().second.wait).await?)),
        SecondStep::Welcome { cookie, username, next } => {
            welcome(app, page::go(app, &next), &browser, &cookie, &username).await
        }
    }
}

/// From here on pages speak the language that the request of this half asks for.
pub(super) async fn speak(app: &App, browser: &Browser, half: &str) -> Result<(), Failure> {
    let request = sign_in::request_of(&app.engine, browser, half, app.now()).await?;
    asked::speak(app, browser, &request).await
}

/// Lets a browser keep who has just signed in with it.
pub async fn welcome(
    app: &App,
    mut response: Response,
    browser: &Browser,
    cookie: &SessionCookie,
    username: &str,
) -> Result<Response, Failure> {
    cookies::keep_session(app, &mut response, cookie);
    if sign_in::goes_by(&app.engine, cookie, username, app.now()).await? {
        cookies::keep_device(app, &mut response, browser, username)?;
    }
    Ok(response)
}

/// The page of the second step, with the ways that there are.
pub async fn second_page(
    app: &App,
    browser: &Browser,
    half: &str,
    problem: Option<&str>,
) -> Result<Result<String, RenderError>, Failure> {
    let ways = sign_in::second_step_of(&app.engine, browser, half, app.now()).await?;
    let passkey = if ways.passkey { Asked::new(app, browser)? } else { None };
    let hidden = [("half", half)];
    let code = [Field { longest: 64, ..Field::text("code", look::texts().second.code, "one-time-code", "").first() }];
    Ok(FormPage {
        id: "second",
        title: look::texts().second.title,
        lead: if ways.code { look::texts().second.lead } else { look::texts().second.lead_passkey },
        problem,
        hidden: &hidden,
        fields: if ways.code { &code } else { &[] },
        submit: if ways.code { look::texts().second.submit } else { "" },
        passkey: passkey.as_ref().map(|asked| asked.form(&hidden)),
        csrf: &browser.csrf(&app.engine, SECOND),
        action: &app.engine.issuer().endpoint(SECOND),
        ..FormPage::default()
    }
    .render())
}

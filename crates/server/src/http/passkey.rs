//! `/login/passkey`: a passkey that is shown to sign in, wherever it was asked for.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::Browser;
use firman_engine::passkeys::{self, Question};
use firman_engine::sign_in::{self, SecondStep};
use firman_proto::form::Form;

use super::{App, asked, login, page, read};
use crate::pages::PasskeyForm;
use crate::pages::look::texts;

/// Below the issuer.
pub const PATH: &str = "/login/passkey";

/// A question for a page that asks who is there.
pub(super) struct Asked {
    question: Question,
    csrf: String,
    action: String,
}

impl Asked {
    /// `None` where there are no passkeys.
    pub(super) fn new(app: &App, browser: &Browser) -> Result<Option<Self>, Failure> {
        let question = passkeys::question(&app.engine, browser, app.now())?;
        let (csrf, action) = (browser.csrf(&app.engine, PATH), app.engine.issuer().endpoint(PATH));
        Ok(question.map(|question| Self { question, csrf, action }))
    }

    /// The form; what is hidden in it says where to go on.
    pub(super) fn form<'a>(&'a self, hidden: &'a [(&'a str, &'a str)]) -> PasskeyForm<'a> {
        PasskeyForm {
            kind: "get",
            options: &self.question.options,
            question: &self.question.sealed,
            hidden,
            csrf: &self.csrf,
            action: &self.action,
        }
    }
}

/// Takes what an authenticator answered.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take(&app, head, body).await).await
}

async fn take(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, PATH, form.get("csrf"))?.at(head.address(app));
    let shown = (form.required("question")?, form.get("answer").unwrap_or_default());
    let (engine, now) = (&app.engine, app.now());
    let half = form.get("half");
    let step = if let Some(half) = half {
        super::sign_in::speak(app, &browser, half).await?;
        sign_in::second_step_by_passkey(engine, &browser, half, shown, now).await?
    } else {
        let request = asked::request(app, &browser, &form).await?;
        sign_in::by_passkey(engine, &browser, request, shown, now).await?
    };
    match step {
        SecondStep::Welcome { cookie, username, next } => {
            super::sign_in::welcome(app, page::go(app, &next), &browser, &cookie, &username).await
        }
        // The same page again, with another question.
        SecondStep::Wrong | SecondStep::Wait(_) => {
            let problem = Some(texts().passkey.refused);
            let html = match half {
                Some(half) => super::sign_in::second_page(app, &browser, half, problem).await?,
                None => login::render(app, &browser, form.required("request")?, None, problem).await?,
            };
            // A refused form is not a page like any other: monitors and brute-force defences look at the status.
            Ok(page::page_with_script(app, StatusCode::UNPROCESSABLE_ENTITY, html))
        }
    }
}

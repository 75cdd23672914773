//! `/login/sign-up`: people make an account, and go on with the request of the client that sent them.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::authorize::{Browser, Interaction};
use firman_engine::sign_up::{self, Asked, SignUp, SignedUp};
use firman_proto::form::Form;

use super::mail::{FORGOT, email_field, written};
use super::{App, asked, login, page, read, sign_in};
use crate::pages::look::texts;
use crate::pages::{Field, FormPage, Link, RenderError};

/// Below the issuer.
pub const PATH: &str = "/login/sign-up";

/// The address of the page for whoever has this request before them; `None` where nobody makes an account.
pub(super) fn address(app: &App, request: &str) -> Option<String> {
    app.engine.policy().sign_up.then(|| page::address(app, PATH, request))
}

/// Asks for an address where mail is sent, or else for a user name and a password.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let (browser, _) = page::with_browser(app, headers)?;
    let request = asked::request(app, &browser, &form).await?;
    let view = Interaction::view(&app.engine, &browser, request, app.now()).await?;
    let hint = view.interaction.request.login_hint.as_deref().unwrap_or_default();
    let first = First { typed: hint, problem: None };
    Ok(page::page(app, StatusCode::OK, first.render(app, &browser, request)))
}

/// Takes what was typed.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| take(&app, head, body).await).await
}

async fn take(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(body)?;
    let browser = page::sender(app, head, PATH, form.get("csrf"))?.at(head.address(app));
    let (request, asked) = (asked::request(app, &browser, &form).await?, form.get("asked"));
    if app.engine.policy().mail && asked.is_none() {
        return take_address(app, &browser, request, form.get("email").unwrap_or_default()).await;
    }
    let text = |name| form.get(name).unwrap_or_default();
    let typed = SignUp {
        request,
        asked: asked.unwrap_or_default(),
        code: text("code"),
        username: text("username"),
        password: text("new"),
    };
    let again = async |problem: &str| second(app, &browser, &typed, Some(problem)).await;
    let refused = |html| Ok(page::page(app, StatusCode::UNPROCESSABLE_ENTITY, html));
    if text("new") != text("again") {
        return refused(again(texts().security.password_differ).await?);
    }
    let texts = texts();
    match sign_up::sign_up(&app.engine, &browser, &typed, app.now()).await? {
        SignedUp::Welcome { cookie, username, next } => {
            sign_in::welcome(app, page::go(app, &next), &browser, &cookie, &username).await
        }
        SignedUp::Refused(denied) => refused(again(&denied.text).await?),
        SignedUp::WrongCode => refused(again(texts.sign_up.wrong).await?),
        SignedUp::Expired => {
            refused(First { typed: "", problem: Some(texts.sign_up.expired) }.render(app, &browser, request))
        }
        SignedUp::Wait(time) => Ok(page::page_later(app, time, again(texts.sign_up.wait).await?)),
    }
}

/// Has a code sent, and asks for it. The page is the same for an address that has an account.
async fn take_address(app: &App, browser: &Browser, request: &str, typed: &str) -> Result<Response, Failure> {
    let first = |problem: &str| First { typed, problem: Some(problem) }.render(app, browser, request);
    match sign_up::ask(&app.engine, browser, (request, typed), written(FORGOT), app.now()).await? {
        Asked::Sent(asked) => {
            let typed = SignUp { request, asked: &asked, code: "", username: "", password: "" };
            Ok(page::page(app, StatusCode::OK, second(app, browser, &typed, None).await?))
        }
        Asked::Refused(denied) => Ok(page::page(app, StatusCode::UNPROCESSABLE_ENTITY, first(&denied.text))),
        Asked::Wait(time) => Ok(page::page_later(app, time, first(texts().sign_up.wait))),
    }
}

/// What is asked first.
struct First<'a> {
    typed: &'a str,
    problem: Option<&'a str>,
}

impl First<'_> {
    fn render(&self, app: &App, browser: &Browser, request: &str) -> Result<String, RenderError> {
        let texts = texts();
        let with_mail = app.engine.policy().mail;
        let (address, chosen) = ([email_field(self.typed)], chosen(self.typed, true));
        let around = Around::new(app, browser, request);
        FormPage {
            lead: if with_mail { texts.sign_up.address_lead } else { texts.sign_up.lead },
            problem: self.problem,
            hidden: &[("request", request)],
            fields: if with_mail { &address } else { &chosen },
            submit: if with_mail { texts.mail.send } else { texts.sign_up.submit },
            links: &[around.link()],
            ..around.page()
        }
        .render()
    }
}

/// What is asked then: the code, with what was typed before beside it; where no mail is sent, the first page again.
async fn second(
    app: &App,
    browser: &Browser,
    typed: &SignUp<'_>,
    problem: Option<&str>,
) -> Result<Result<String, RenderError>, Failure> {
    let texts = texts();
    if !app.engine.policy().mail {
        return Ok(First { typed: typed.username, problem }.render(app, browser, typed.request));
    }
    let Some(address) = sign_up::address_of(&app.engine, browser, typed.asked, app.now()).await? else {
        let first = First { typed: "", problem: Some(texts.sign_up.expired) };
        return Ok(first.render(app, browser, typed.request));
    };
    let code = Field { longest: 32, ..Field::text("code", texts.sign_up.code, "one-time-code", typed.code).first() };
    let [username, new, again] = chosen(typed.username, false);
    let (shown, fields) = ([address], [code, username, new, again]);
    let around = Around::new(app, browser, typed.request);
    Ok(FormPage {
        lead: texts.sign_up.code_lead,
        problem,
        shown: Some((texts.mail.address, &shown)),
        hidden: &[("request", typed.request), ("asked", typed.asked)],
        fields: &fields,
        submit: texts.sign_up.submit,
        links: &[around.link()],
        ..around.page()
    }
    .render())
}

/// How somebody will sign in.
fn chosen(username: &str, first: bool) -> [Field<'_>; 3] {
    let texts = texts();
    let name = Field::text("username", texts.login.username, "username", username);
    [
        if first { name.first() } else { name },
        Field::password("new", texts.login.password, "new-password"),
        Field::password("again", texts.security.password_again, "new-password"),
    ]
}

/// What the pages have in common.
struct Around {
    csrf: String,
    action: String,
    login: String,
}

impl Around {
    fn new(app: &App, browser: &Browser, request: &str) -> Self {
        Self {
            csrf: browser.csrf(&app.engine, PATH),
            action: app.engine.issuer().endpoint(PATH),
            login: page::address(app, login::PATH, request),
        }
    }

    fn page(&self) -> FormPage<'_> {
        FormPage {
            id: "sign-up",
            title: texts().sign_up.title,
            csrf: &self.csrf,
            action: &self.action,
            ..FormPage::default()
        }
    }

    /// For whoever has an account.
    fn link(&self) -> Link<'_> {
        Link { id: "has-account", href: &self.login, text: texts().sign_up.has_account }
    }
}

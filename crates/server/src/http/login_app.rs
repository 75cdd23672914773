//! `/login-app`: how a login app of the operator's own reads what is asked, answers, and gives browsers back.

use std::sync::LazyLock;

use axum::extract::{RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use firman_engine::Failure;
use firman_engine::asker::{self, Asker};
use firman_engine::authorize::Browser;
use firman_engine::bearer::Bearer;
use firman_engine::login_app::{self, Accept, Kind, Reject, Resumed, SCOPE};
use firman_proto::credentials::bearer;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::form::{self, Form};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::asker::Refused;
use super::page::Away;
use super::{App, answer, cookies, logout, page, read};

/// What is asked, for the app.
pub const REQUEST: &str = "/login-app/request";
/// Its yes.
pub const ACCEPT: &str = "/login-app/accept";
/// Its no.
pub const REJECT: &str = "/login-app/reject";
/// Where browsers come back.
pub const RETURN: &str = "/login-app/return";

static NEEDED: LazyLock<Scope> = LazyLock::new(|| Scope::parse(SCOPE).unwrap_or_default());

/// Sends the browser to the app, if that is who does this.
pub(super) async fn hand_off(app: &App, browser: &Browser, kind: Kind, request: &str) -> Result<(), Away> {
    if app.engine.policy().login_app.takes(kind).is_none() {
        return Ok(());
    }
    let to = login_app::hand_off(&app.engine, browser, kind, request, app.now()).await?;
    Err(Away::Elsewhere(Box::new(page::see_other(app, &to))))
}

/// Shows the app what a reference stands for.
pub async fn request(State(app): State<App>, RawQuery(query): RawQuery, request: Request) -> Response {
    let (head, now) = (read::Head::of(&request), app.now());
    let asker = match of(&app, &head, ("GET", REQUEST), now).await {
        Ok(asker) => asker,
        Err(refused) => return super::asker::refused(&app, refused, &NEEDED),
    };
    let query = query.unwrap_or_default();
    let read = async {
        let form = Form::parse(query.as_bytes())?;
        login_app::read(&app.engine, &asker, form.required("request")?, now).await
    };
    read.await.map_or_else(|failure| answer::client_error(&app, failure), |told| answer::json(&told))
}

/// Takes a yes.
pub async fn accept(State(app): State<App>, request: Request) -> Response {
    take(&app, request, ACCEPT, async |asker, body, now| {
        let (request, verdict) = parsed::<Accept>(body)?;
        login_app::accept(&app.engine, asker, &request, verdict, now).await
    })
    .await
}

/// Takes a no.
pub async fn reject(State(app): State<App>, request: Request) -> Response {
    take(&app, request, REJECT, async |asker, body, now| {
        let (request, verdict) = parsed::<Reject>(body)?;
        login_app::reject(&app.engine, asker, &request, verdict, now).await
    })
    .await
}

/// The reference, and what is said to it.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<(String, T), Denied> {
    let wrong = |error: serde_json::Error| {
        let text: String = error.to_string().chars().filter(|c| c.is_ascii() && !matches!(c, '"' | '\\')).collect();
        invalid_request(format!("body: {text}"))
    };
    let mut members: Map<String, Value> = serde_json::from_slice(body).map_err(wrong)?;
    let Some(Value::String(request)) = members.remove("request") else {
        return Err(invalid_request("request: missing, or no text"));
    };
    Ok((request, serde_json::from_value(Value::Object(members)).map_err(wrong)?))
}

async fn take(
    app: &App,
    request: Request,
    path: &'static str,
    decide: impl AsyncFnOnce(&Asker, &[u8], Timestamp) -> Result<String, Failure>,
) -> Response {
    let now = app.now();
    let (head, body) = match read::json_body(app, request).await {
        Ok(read) => read,
        Err(unreadable) => return answer::unreadable(app, unreadable),
    };
    let asker = match of(app, &head, ("POST", path), now).await {
        Ok(asker) => asker,
        Err(refused) => return super::asker::refused(app, refused, &NEEDED),
    };
    match decide(&asker, &body, now).await {
        Ok(text) => {
            let mut to = format!("{}?", app.engine.issuer().endpoint(RETURN));
            form::append(&mut to, "answer", &text);
            answer::json(&json!({"redirect_to": to}))
        }
        Err(failure) => answer::client_error(app, failure),
    }
}

/// Who asks: the client that settings name, or whoever has a token with the scope.
async fn of(
    app: &App,
    head: &read::Head,
    (method, path): (&'static str, &'static str),
    now: Timestamp,
) -> Result<Asker, Refused> {
    let refused = |denied: Denied| Refused::Credentials(denied.into());
    let header = read::authorization(head).map_err(refused)?;
    if let Some(token) = header.and_then(bearer) {
        let shown = Bearer { token, proof: None, certificate: head.certificate.as_deref(), method, path };
        return asker::by_token(&app.engine, &shown, &NEEDED, now).await.map_err(Refused::Token);
    }
    let nothing = Form::parse(b"").map_err(refused)?;
    let credentials = read::credentials(head, &nothing).map_err(refused)?;
    asker::known(&app.engine, &credentials, now).await.map_err(Refused::Credentials)
}

/// Takes a browser back.
pub async fn back(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, resume(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn resume(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Failure> {
    let form = Form::parse(query)?;
    let browser = cookies::browser(app, headers)
        .ok_or_else(|| invalid_request("cookies: your browser did not send ours; allow cookies and start again"))?;
    match login_app::resume(&app.engine, &browser, form.required("answer")?, app.now()).await? {
        Resumed::SignedIn { cookie, remember, next } => {
            let mut response = page::go(app, &next);
            if remember {
                cookies::keep_session(app, &mut response, &cookie);
            } else {
                cookies::keep_session_while_open(app, &mut response, &cookie);
            }
            Ok(response)
        }
        Resumed::Next(next) => Ok(page::go(app, &next)),
        Resumed::Left(left) => Ok(logout::gone(app, headers, &left)?),
        Resumed::Stayed => Ok(page::go_to(app, logout::STAYED)),
    }
}

//! Answers for people: pages, redirects, and the headers that keep them safe.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use firman_engine::authorize::{Browser, DeviceEnd, Next};
use firman_engine::{Failure, Fault};
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::form;
use firman_proto::metadata::path;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::time::Lifetime;

use super::read::{self, Unreadable};
use super::{App, answer, consent, cookies, device, login, select, sign_in, sign_up};
use crate::pages::look;
use crate::pages::{ErrorPage, Post, RenderError};

/// There is no `form-action`: browsers apply it to the redirect that follows a form too, and ours end at the client,
/// whose own redirects nobody knows. With no script and every text escaped there is nothing for it to stop.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data: https:; frame-ancestors 'none'; base-uri 'none'",
);

/// For pages that go on by themselves, and those that ask for a passkey: the script is ours and no other runs.
const POLICY_WITH_SCRIPT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; frame-ancestors 'none'; \
     base-uri 'none'",
);

/// A rendered page.
pub fn page(app: &App, status: StatusCode, html: Result<String, RenderError>) -> Response {
    match html {
        Ok(html) => protected(app, (status, Html(html)).into_response()),
        Err(error) => error_page(app, Fault::lasting("render a page", error.to_string())),
    }
}

/// A rendered page whose script is ours.
pub fn page_with_script(app: &App, status: StatusCode, html: Result<String, RenderError>) -> Response {
    let rendered = html.is_ok();
    let mut response = page(app, status, html);
    if rendered {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY_WITH_SCRIPT);
    }
    response
}

/// An error that ends with us: the person sees it, the client is not told.
pub fn error_page(app: &App, failure: impl Into<Failure>) -> Response {
    let failure = failure.into();
    let mend = matches!(&failure, Failure::Fault(fault) if fault.temporary);
    let (status, code, text, incident) = match failure {
        Failure::Denied(denied) => {
            tracing::info!(code = %denied.code, why = %denied.why, "refused with a page");
            (answer::status_of(denied.code), denied.code, denied.text, None)
        }
        Failure::Fault(fault) => {
            let (status, code) = if fault.temporary {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TemporarilyUnavailable)
            } else {
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::ServerError)
            };
            (status, code, look::texts().error.internal.into(), Some(answer::incident(&fault)))
        }
    };
    let html = ErrorPage { code: code.as_str(), text: &text, incident: incident.as_deref() }.render();
    let mut response = (status, Html(html.unwrap_or_else(|_| code.to_string()))).into_response();
    if mend {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    protected(app, response)
}

/// A form that could not be read.
pub fn unreadable(app: &App, unreadable: Unreadable) -> Response {
    match unreadable {
        Unreadable::TooLarge => {
            let mut response = error_page(app, invalid_request("the form is too large"));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
        Unreadable::Denied(denied) => error_page(app, denied),
    }
}

/// Why a page does not come.
pub enum Away {
    /// Something comes first, somewhere else: the browser goes there.
    Elsewhere(Box<Response>),
    /// It cannot come.
    Failed(Failure),
}

impl From<Failure> for Away {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Denied> for Away {
    fn from(denied: Denied) -> Self {
        Self::Failed(denied.into())
    }
}

impl From<Fault> for Away {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.into())
    }
}

/// The answer, or what comes in its place.
pub fn answered<E>(app: &App, answer: Result<Response, E>) -> Response
where
    Away: From<E>,
{
    match answer.map_err(Away::from) {
        Ok(response) => response,
        Err(Away::Elsewhere(response)) => *response,
        Err(Away::Failed(failure)) => error_page(app, failure),
    }
}

/// Reads a form and answers it.
pub async fn taken<E>(
    app: &App,
    request: Request,
    take: impl AsyncFnOnce(&read::Head, &[u8]) -> Result<Response, E>,
) -> Response
where
    Away: From<E>,
{
    match read::form_body(app, request).await {
        Ok((head, body)) => answered(app, take(&head, &body).await),
        Err(why) => unreadable(app, why),
    }
}

/// Sends the browser on. RFC 9700 §4.12: 303, so that no form is posted again elsewhere.
pub fn go(app: &App, next: &Next) -> Response {
    let location = match next {
        Next::Client(url) => url.clone(),
        Next::Post { action, members, ui_locales } => {
            look::prefer(ui_locales.iter().map(String::as_str));
            return posted(app, action, members);
        }
        Next::Login(request) => address(app, login::PATH, request),
        Next::Select(request) => address(app, select::PATH, request),
        Next::SignUp(request) => address(app, sign_up::PATH, request),
        Next::Second(half) => sign_in::second_address(app, half),
        Next::Consent(request) => address(app, consent::PATH, request),
        Next::Device(end) => app.engine.issuer().endpoint(match end {
            DeviceEnd::Allowed => device::ALLOWED,
            DeviceEnd::Denied => device::DENIED,
            DeviceEnd::Left => path::DEVICE,
        }),
        Next::Page(page) => app.engine.issuer().endpoint(page),
    };
    see_other(app, &location)
}

/// Sends the browser to a page of ours, below the issuer, which speaks the language that an application asked for.
pub fn go_to(app: &App, page: &str) -> Response {
    let mut address = app.engine.issuer().endpoint(page);
    if let Some(asked) = look::asked() {
        address.push('?');
        form::append(&mut address, "ui_locales", asked);
    }
    see_other(app, &address)
}

/// Sends the browser to an address.
pub fn see_other(app: &App, location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return error_page(app, Fault::lasting("redirect", "the address is no header value"));
    };
    protected(app, (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

/// A page with a form that has to wait, for so long.
pub fn page_later(app: &App, wait: Lifetime, html: Result<String, RenderError>) -> Response {
    let mut response = page_with_script(app, StatusCode::TOO_MANY_REQUESTS, html);
    let seconds = (wait.millis() + 999) / 1000;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// Form Post Response Mode §2: the page whose form brings the response to the client.
fn posted(app: &App, action: &str, members: &[(&'static str, String)]) -> Response {
    let host = RedirectUri::parse(action).map(|uri| uri.host()).unwrap_or_default();
    let html = Post { action, host: &host, members }.render();
    page_with_script(app, StatusCode::OK, html)
}

/// The page of somebody who is signed out: it may load frames of these origins, which repeat, and of no others.
pub fn framing(app: &App, html: Result<String, RenderError>, origins: &[&str]) -> Response {
    let mut origins = origins.to_vec();
    origins.sort_unstable();
    origins.dedup();
    let policy = POLICY_WITH_SCRIPT.to_str().ok().map(|policy| format!("{policy}; frame-src {}", origins.join(" ")));
    let Some(policy) = policy.and_then(|policy| HeaderValue::try_from(policy).ok()) else {
        return error_page(app, Fault::lasting("show frames", "their origins are no header value"));
    };
    let mut response = page(app, StatusCode::OK, html);
    if response.status() == StatusCode::OK {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A page without anything to see, for frames of everybody, whose script is ours.
pub fn framed(app: &App, html: Result<String, RenderError>) -> Response {
    const ANYWHERE: HeaderValue =
        HeaderValue::from_static("default-src 'none'; script-src 'self'; frame-ancestors *; base-uri 'none'");
    let mut response = page(app, StatusCode::OK, html);
    if response.status() == StatusCode::OK {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, ANYWHERE);
        response.headers_mut().remove(X_FRAME_OPTIONS);
    }
    response
}

/// A page of ours with the sealed request that it is for.
pub fn address(app: &App, path: &str, request: &str) -> String {
    let mut address = format!("{}?", app.engine.issuer().endpoint(path));
    form::append(&mut address, "request", request);
    address
}

/// The browser of a request; a new one gets an id, which `answer` then carries.
pub fn with_browser(app: &App, headers: &HeaderMap) -> Result<(Browser, bool), Fault> {
    match cookies::browser(app, headers) {
        Some(browser) => Ok((browser, false)),
        None => Browser::first_seen(&app.engine).map(|browser| (browser, true)),
    }
}

/// The browser of a form, which must have been here before and must have got the form from us.
pub fn sender(app: &App, headers: &HeaderMap, page: &str, csrf: Option<&str>) -> Result<Browser, Denied> {
    // Fetch Metadata: a browser that says so is believed that the form is another site's.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Err(invalid_request("this form was sent by another site"));
    }
    let browser = cookies::browser(app, headers).ok_or_else(|| {
        invalid_request("cookies: your browser did not send ours; allow cookies for this site and start again")
    })?;
    browser.must_have_sent(&app.engine, page, csrf)?;
    Ok(browser)
}

fn protected(app: &App, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if app.secure_cookies {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

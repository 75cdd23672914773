//! `/account` and what lies below it: people see and change what is theirs.

pub mod allowed;
pub mod api_keys;
pub mod clients;
pub mod sessions;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::account::{self, Fresh, Person};
use firman_engine::authorize::{Browser, own};
use firman_engine::{Failure, Fault};
use firman_proto::error::{Denied, invalid_request};
use firman_proto::form::{self, Form};
use firman_proto::id::RecordId;
use firman_proto::metadata::path;
use firman_proto::scope::Scope;

use super::page::Away;
use super::read::Head;
use super::{App, cookies, page};
use crate::pages::account::{Here, Menu};
use crate::pages::{ScopeLine, look};

/// Where it begins, below the issuer.
pub const PATH: &str = "/account";

/// Somebody who is signed in, and their browser.
pub(super) struct Visit {
    pub(super) browser: Browser,
    pub(super) person: Person,
}

/// Lets somebody in to a page, or has them sign in first.
pub(super) async fn enter(app: &App, headers: &HeaderMap, page: &'static str) -> Result<Visit, Away> {
    let (browser, is_new) = page::with_browser(app, headers)?;
    if let Some(person) = account::person(&app.engine, &browser, app.now()).await? {
        return Ok(Visit { browser, person });
    }
    let mut response = sign_in(app, &browser, page, false).await?;
    if is_new {
        cookies::keep_browser(app, &mut response, &browser);
    }
    Err(Away::Elsewhere(Box::new(response)))
}

/// The same for a form, which must have come from our page.
pub(super) async fn post(app: &App, head: &Head, form: &Form<'_>, page: &'static str) -> Result<Visit, Away> {
    let browser = page::sender(app, head, page, form.get("csrf"))?;
    match account::person(&app.engine, &browser, app.now()).await? {
        Some(person) => Ok(Visit { browser, person }),
        None => Err(Away::Elsewhere(Box::new(sign_in(app, &browser, page, false).await?))),
    }
}

/// Sends somebody to sign in, and back to this page.
pub(super) async fn sign_in(
    app: &App,
    browser: &Browser,
    page: &'static str,
    again: bool,
) -> Result<Response, Failure> {
    let next = own::sign_in(&app.engine, browser, page, again, app.now()).await?;
    Ok(page::go(app, &next))
}

impl Visit {
    /// What stands above a page.
    pub(super) fn menu(&self, app: &App, here: Here) -> Menu {
        menu(app, self.person.username(), here)
    }

    /// Whoever has just signed in; others do so first, and come back to this page.
    pub(super) async fn fresh(&self, app: &App, page: &'static str) -> Result<Fresh<'_>, Away> {
        match self.person.fresh(&app.engine, app.now()) {
            Some(fresh) => Ok(fresh),
            None => Err(Away::Elsewhere(Box::new(sign_in(app, &self.browser, page, true).await?))),
        }
    }

    /// What a form for this page carries.
    pub(super) fn csrf(&self, app: &App, page: &str) -> String {
        self.browser.csrf(&app.engine, page)
    }
}

/// What stands above a page of somebody's account: every page of it that there is.
pub(super) fn menu(app: &App, username: &str, here: Here) -> Menu {
    let (issuer, policy) = (app.engine.issuer(), app.engine.policy());
    let mut pages = vec![(Here::Apps, PATH), (Here::Sessions, sessions::PATH), (Here::Security, super::security::PATH)];
    if policy.backchannel.enabled {
        pages.push((Here::Requests, path::REQUESTS));
    }
    if account::api_keys::are_on(&app.engine) {
        pages.push((Here::ApiKeys, api_keys::PATH));
    }
    if policy.account.client_owners.include(username) {
        pages.push((Here::Clients, clients::PATH));
    }
    let pages = pages.into_iter().map(|(page, path)| (page, issuer.endpoint(path))).collect();
    Menu { username: username.to_owned(), here, pages, sign_out: issuer.endpoint(super::logout::PATH) }
}

/// Brings the browser back to a page of ours with news: posting the form again by reloading is thus not possible.
pub(super) fn back(app: &App, path: &str, news: &'static str) -> Response {
    let mut address = format!("{}?", app.engine.issuer().endpoint(path));
    form::append(&mut address, "news", news);
    page::see_other(app, &address)
}

/// What an address says of the last press: one of these words, or nothing.
pub(super) fn news(form: &Form<'_>, words: &[(&str, &'static str)]) -> Option<&'static str> {
    let said = form.get("news")?;
    words.iter().find(|(word, _)| *word == said).map(|(_, text)| *text)
}

/// Where a list goes on, as an address says.
pub(super) fn after(form: &Form<'_>) -> Result<Option<RecordId>, Denied> {
    let wrong = || invalid_request("after: not the id of a record");
    form.get("after").map(|text| RecordId::parse(text).ok_or_else(wrong)).transpose()
}

/// The address at which a list goes on.
pub(super) fn next(app: &App, path: &str, next: Option<RecordId>) -> Option<String> {
    next.map(|id| format!("{}?after={id}", app.engine.issuer().endpoint(path)))
}

/// An id in a form.
pub(super) fn id(form: &Form<'_>, name: &'static str) -> Result<RecordId, Denied> {
    RecordId::parse(form.required(name)?).ok_or_else(|| invalid_request(format!("{name}: not the id of a record")))
}

/// What a scope means, one line each; what everybody knows comes first.
pub(super) fn lines(scope: &Scope) -> Vec<ScopeLine<'_>> {
    let mut lines: Vec<_> = scope.iter().map(ScopeLine::of).collect();
    let known = look::texts().permission.scopes;
    lines.sort_by_key(|line| known.iter().position(|(name, _)| *name == line.name).unwrap_or(usize::MAX));
    lines
}

/// What is ticked in a form: each box has a name of its own, because nothing may come twice.
pub(super) fn ticked<'f>(form: &'f Form<'_>, of: &'static str) -> impl Iterator<Item = &'f str> {
    form.iter().filter_map(move |(name, _)| name.strip_prefix(of)?.strip_prefix('.'))
}

/// The scopes that are ticked in a form.
pub(super) fn chosen_scope(form: &Form<'_>) -> Result<Scope, Denied> {
    let words: Vec<&str> = ticked(form, "scope").collect();
    Scope::parse(&words.join(" ")).map_err(|error| invalid_request(format!("scope: {error}")))
}

/// A form that was refused is shown again with what was wrong; a fault is a fault.
pub(super) fn problem(failure: Failure) -> Result<String, Fault> {
    match failure {
        Failure::Denied(denied) => {
            tracing::info!(code = %denied.code, why = %denied.why, "refused a form of the account");
            Ok(denied.text.into_owned())
        }
        Failure::Fault(fault) => Err(fault),
    }
}

/// The status of a page on which something was wrong: monitors look at it.
pub(super) const fn status(problem: bool) -> StatusCode {
    if problem { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
}

//! The sealed request that pages are about: what it asks of somebody, and in which language.

use axum::http::HeaderMap;
use firman_engine::Failure;
use firman_engine::authorize::{Browser, ClientView, Interaction, Next};
use firman_engine::login_app::Kind;
use firman_proto::form::Form;

use super::page::Away;
use super::{App, login_app, page};
use crate::pages::look;

/// What is asked of whoever is signed in.
pub(super) struct Asked {
    pub(super) browser: Browser,
    /// The sealed request.
    pub(super) request: String,
    pub(super) view: ClientView,
    /// Who is signed in.
    pub(super) username: String,
}

/// What a page shows that is for whoever is signed in; a login app may take its place.
pub(super) async fn of(app: &App, headers: &HeaderMap, query: &[u8], kind: Kind) -> Result<Asked, Away> {
    let form = Form::parse(query)?;
    let (browser, _) = page::with_browser(app, headers)?;
    let request = request(app, &browser, &form).await?.to_owned();
    login_app::hand_off(app, &browser, kind, &request).await?;
    let mut view = Interaction::view(&app.engine, &browser, &request, app.now()).await?;
    match view.username.take() {
        Some(username) => Ok(Asked { browser, request, view, username }),
        // The session ended while the page was on its way.
        None => Err(Away::Elsewhere(Box::new(page::go(app, &Next::Login(request))))),
    }
}

/// The request of a form or an address; from here on pages speak the language that it asks for.
pub(super) async fn request<'f>(app: &App, browser: &Browser, form: &'f Form<'_>) -> Result<&'f str, Failure> {
    let request = form.required("request")?;
    speak(app, browser, request).await?;
    Ok(request)
}

/// From here on pages speak the language that this request asks for (OpenID Connect Core §3.1.2.1 `ui_locales`).
pub(super) async fn speak(app: &App, browser: &Browser, request: &str) -> Result<(), Failure> {
    let hints = Interaction::hints(&app.engine, browser, request, app.now()).await?;
    look::prefer(hints.ui_locales.iter().map(String::as_str));
    Ok(())
}

//! `/oauth2/authorize` (RFC 6749 §3.1).

use axum::extract::{RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use firman_engine::{Failure, authorize};
use firman_proto::form::Form;

use super::{App, cookies, page, read};

/// The request in the query.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    answer(&app, &headers, query.unwrap_or_default().as_bytes()).await
}

/// The request in the form (OpenID Connect Core §3.1.2.1).
pub async fn post(State(app): State<App>, request: Request) -> Response {
    match read::form_body(&app, request).await {
        Ok((headers, body)) => answer(&app, &headers, &body).await,
        Err(unreadable) => page::unreadable(&app, unreadable),
    }
}

async fn answer(app: &App, headers: &HeaderMap, parameters: &[u8]) -> Response {
    let (browser, is_new) = match page::with_browser(app, headers) {
        Ok(browser) => browser,
        Err(fault) => return page::error_page(app, fault),
    };
    // What is repeated can be told to the client, if it is not what says who the client is.
    let form = match Form::parse_redirectable(parameters) {
        Ok(form) => form,
        Err(denied) => return page::error_page(app, denied),
    };
    let mut response = match authorize::authorize(&app.engine, &browser, &form, app.now()).await {
        Ok(next) => page::go(app, &next),
        Err(failure @ (Failure::Denied(_) | Failure::Fault(_))) => page::error_page(app, failure),
    };
    match authorize::browser_state(&app.engine, &browser, app.now()).await {
        Ok(Some(state)) => cookies::mend_state(app, headers, &mut response, &state),
        Ok(None) => {}
        Err(failure) => return page::error_page(app, failure),
    }
    if is_new {
        cookies::keep_browser(app, &mut response, &browser);
    }
    response
}

//! `/oauth2/revoke` (RFC 7009).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use firman_engine::authenticate::authenticate;
use firman_engine::{Failure, revoke};
use firman_proto::form::Form;
use firman_proto::introspection::PresentedToken;

use super::{App, answer, read};

/// Makes a token of the client's own dead. RFC 7009 §2.2: 200, also for what was dead or never lived.
pub async fn revoke(State(app): State<App>, request: Request) -> Response {
    match read::form_body(&app, request).await {
        Ok((head, body)) => match answer_to(&app, &head, &body).await {
            Ok(()) => StatusCode::OK.into_response(),
            Err(failure) => answer::client_error(&app, failure),
        },
        Err(unreadable) => answer::unreadable(&app, unreadable),
    }
}

async fn answer_to(app: &App, head: &read::Head, body: &[u8]) -> Result<(), Failure> {
    let now = app.now();
    let form = Form::parse(body)?;
    let client = authenticate(&app.engine, &read::credentials(head, &form)?, now).await?;
    revoke::revoke(&app.engine, &client, &PresentedToken::parse(&form)?, now).await
}

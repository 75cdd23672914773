//! `/oauth2/revoke` (RFC 7009).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use firman_engine::asker::Asker;
use firman_engine::{Failure, revoke};
use firman_proto::form::Form;
use firman_proto::introspection::PresentedToken;
use firman_proto::metadata::path;
use firman_proto::time::Timestamp;

use super::{App, answer, asker, read};

/// Makes a token of the client's own dead. RFC 7009 §2.2: 200, also for what was dead or never lived.
pub async fn revoke(State(app): State<App>, request: Request) -> Response {
    let (head, body) = match read::form_body(&app, request).await {
        Ok(read) => read,
        Err(unreadable) => return answer::unreadable(&app, unreadable),
    };
    let (scope, now) = (&app.engine.policy().revoke_scope, app.now());
    let asker = match asker::of(&app, &head, &body, ("POST", path::REVOKE, scope), now).await {
        Ok(asker) => asker,
        Err(refused) => return asker::refused(&app, refused, scope),
    };
    match answer_to(&app, &asker, &body, now).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(failure) => answer::client_error(&app, failure),
    }
}

async fn answer_to(app: &App, asker: &Asker, body: &[u8], now: Timestamp) -> Result<(), Failure> {
    let form = Form::parse(body)?;
    revoke::revoke(&app.engine, asker, &PresentedToken::parse(&form)?, now).await
}

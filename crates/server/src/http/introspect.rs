//! `/oauth2/introspect` (RFC 7662).

use axum::extract::{Request, State};
use axum::response::Response;
use firman_engine::authenticate::authenticate;
use firman_engine::{Failure, introspect};
use firman_proto::form::Form;
use firman_proto::introspection::{Introspection, PresentedToken};

use super::{App, answer, read};

/// Tells a client or a resource server whether a token is live.
pub async fn introspect(State(app): State<App>, request: Request) -> Response {
    match read::form_body(&app, request).await {
        Ok((head, body)) => match answer_to(&app, &head, &body).await {
            Ok(introspection) => answer::json(&introspection),
            Err(failure) => answer::client_error(&app, failure),
        },
        Err(unreadable) => answer::unreadable(&app, unreadable),
    }
}

async fn answer_to(app: &App, head: &read::Head, body: &[u8]) -> Result<Introspection, Failure> {
    let now = app.now();
    let form = Form::parse(body)?;
    let asker = authenticate(&app.engine, &read::credentials(head, &form)?, now).await?;
    introspect::introspect(&app.engine, &asker, &PresentedToken::parse(&form)?, now).await
}

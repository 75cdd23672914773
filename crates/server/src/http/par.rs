//! `/oauth2/par` (RFC 9126).

use axum::extract::{Request, State};
use axum::response::Response;
use firman_engine::authenticate::authenticate;
use firman_engine::{Failure, par};
use firman_proto::form::Form;
use firman_proto::metadata::path;
use firman_proto::par::PushedResponse;

use super::{App, answer, read};

/// Keeps an authorization request, and answers with what the browser is to come with.
pub async fn push(State(app): State<App>, request: Request) -> Response {
    // RFC 9126 §2.2: 201.
    answer::taken(&app, request, async |head, body| Ok(answer::created(&answer_to(&app, head, body).await?))).await
}

async fn answer_to(app: &App, head: &read::Head, body: &[u8]) -> Result<PushedResponse, Failure> {
    let now = app.now();
    let form = Form::parse(body)?;
    let credentials = read::credentials(head, &form)?.with_dpop(read::dpop(head)?, path::PAR);
    let client = authenticate(&app.engine, &credentials, now).await?;
    par::push(&app.engine, &client, &form, now).await
}

//! `/oauth2/token` (RFC 6749 §3.2).

use axum::extract::{Request, State};
use axum::response::Response;
use firman_engine::{Failure, token};
use firman_proto::form::Form;
use firman_proto::metadata::path;
use firman_proto::token::TokenResponse;

use super::{App, answer, read};

/// Always answers JSON.
pub async fn token(State(app): State<App>, request: Request) -> Response {
    answer::taken(&app, request, async |head, body| Ok(answer::json(&answer_to(&app, head, body).await?))).await
}

async fn answer_to(app: &App, head: &read::Head, body: &[u8]) -> Result<TokenResponse, Failure> {
    let now = app.now();
    let form = Form::parse(body)?;
    let credentials = read::credentials(head, &form)?.with_dpop(read::dpop(head)?, path::TOKEN);
    let request = token::read(&app.engine, &form)?;
    token::token(&app.engine, &credentials, request, now).await
}

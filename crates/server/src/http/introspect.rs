//! `/oauth2/introspect` (RFC 7662, RFC 9701).

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::Response;
use firman_engine::asker::Asker;
use firman_engine::{Failure, introspect};
use firman_proto::form::Form;
use firman_proto::introspection::{Introspection, PresentedToken, SIGNED};
use firman_proto::metadata::path;
use firman_proto::time::Timestamp;

use super::{App, answer, asker, read};

/// Tells a client or a resource server whether a token is live.
pub async fn introspect(State(app): State<App>, request: Request) -> Response {
    let (head, body) = match read::form_body(&app, request).await {
        Ok(read) => read,
        Err(unreadable) => return answer::unreadable(&app, unreadable),
    };
    let (scope, now) = (&app.engine.policy().introspect_scope, app.now());
    let answered = match asker::of(&app, &head, &body, ("POST", path::INTROSPECT, scope), now).await {
        Ok(asker) => answer_to(&app, &asker, &body, now).await.map(|answer| (asker, answer)),
        Err(refused) => return asker::refused(&app, refused, scope),
    };
    match answered {
        Ok((asker, answer)) if wants_signed(&head) => match introspect::signed(&app.engine, &asker, &answer, now).await
        {
            // RFC 9701 §5.
            Ok(text) => answer::signed(SIGNED, text),
            Err(fault) => answer::client_error(&app, fault),
        },
        Ok((_, answer)) => answer::json(&answer),
        Err(failure) => answer::client_error(&app, failure),
    }
}

async fn answer_to(app: &App, asker: &Asker, body: &[u8], now: Timestamp) -> Result<Introspection, Failure> {
    let form = Form::parse(body)?;
    introspect::introspect(&app.engine, asker, &PresentedToken::parse(&form)?, now).await
}

/// RFC 9701 §4: whoever wants a signed answer says so; a range means what it always meant, plain JSON.
fn wants_signed(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(',')).map(|one| one.split(';').next().unwrap_or_default());
    types.any(|one| {
        one.trim()
            .split_once('/')
            .is_some_and(|(kind, name)| kind.eq_ignore_ascii_case("application") && name.eq_ignore_ascii_case(SIGNED))
    })
}

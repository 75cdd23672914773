//! Who asks about a token, or wants one dead: by credentials, or by an access token.

use axum::response::Response;
use firman_engine::Failure;
use firman_engine::asker::{self, Asker};
use firman_engine::bearer::Bearer;
use firman_proto::credentials::{bearer, dpop_bound};
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::form::Form;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;

use super::{App, answer, read};

/// Why nobody asks, told as the way of asking has it.
pub enum Refused {
    /// RFC 6749 §5.2.
    Credentials(Failure),
    /// RFC 6750 §3.
    Token(Failure),
}

/// Whoever sent this request with this method to this endpoint. `scope` is what an access token needs there.
pub async fn of(
    app: &App,
    head: &read::Head,
    body: &[u8],
    (method, path, scope): (&'static str, &'static str, &Scope),
    now: Timestamp,
) -> Result<Asker, Refused> {
    let credentials = |denied: Denied| Refused::Credentials(denied.into());
    let form = Form::parse(body).map_err(credentials)?;
    let header = read::authorization(head).map_err(credentials)?;
    let bound = header.and_then(dpop_bound);
    // Where no scope is set for it, an access token is a scheme like any other that is not taken.
    let Some(token) = bound.or(header.and_then(bearer)).filter(|_| !scope.is_empty()) else {
        let found = read::credentials(head, &form).map_err(credentials)?;
        return asker::known(&app.engine, &found, now).await.map_err(Refused::Credentials);
    };
    let proof = match bound {
        None => None,
        // RFC 9449 §7.1: the proof is beside it.
        Some(_) => match read::dpop(head) {
            Ok(Some(proof)) => Some(proof),
            Ok(None) => {
                let denied = Denied::new(ErrorCode::InvalidDpopProof, "no DPoP header beside the token");
                return Err(Refused::Token(denied.into()));
            }
            Err(denied) => return Err(Refused::Token(denied.into())),
        },
    };
    let shown = Bearer { token, proof, certificate: head.certificate.as_deref(), method, path };
    asker::by_token(&app.engine, &shown, scope, now).await.map_err(Refused::Token)
}

/// Tells why.
pub fn refused(app: &App, refused: Refused, scope: &Scope) -> Response {
    match refused {
        Refused::Credentials(failure) => answer::client_error(app, failure),
        Refused::Token(failure) => answer::bearer_error_for(app, failure, scope.as_str()),
    }
}

//! Who may: each operation needs the scope that its document says, and there is no other way in.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use firman_engine::acting::acting;
use firman_engine::bearer::Bearer;
use firman_engine::operator::{self, Operator};
use firman_engine::{Failure, dpop};
use firman_proto::credentials::{bearer, dpop_bound};
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::jose::Alg;
use firman_proto::scope::Scope;
use serde_json::Value;

use super::Shared;
use super::problem::Problem;
use crate::http::read;

/// The name of the security scheme in the document.
pub(super) const SCHEME: &str = "operator";

/// What each operation needs.
pub(super) struct Gate {
    admin: Shared,
    /// By path, by method.
    needs: BTreeMap<String, BTreeMap<String, Scope>>,
}

impl Gate {
    /// What a document says that its operations need. One of which it says nothing is not let through.
    pub(super) fn new(document: &Value, admin: Shared) -> Self {
        Self { admin, needs: needs(document) }
    }
}

/// The scope of every operation, by path and method.
pub(super) fn needs(document: &Value) -> BTreeMap<String, BTreeMap<String, Scope>> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let of_path = |operations: &Value| {
        let operations = operations.as_object().into_iter().flatten();
        operations.filter_map(|(method, said)| Some((method.to_ascii_uppercase(), scope_of(said)?))).collect()
    };
    paths.map(|(path, operations)| (path.clone(), of_path(operations))).collect()
}

fn scope_of(operation: &Value) -> Option<Scope> {
    let scopes = operation.pointer(&format!("/security/0/{SCHEME}"))?.as_array()?;
    let words: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
    Scope::parse(&words.join(" ")).ok()
}

/// Lets in whoever may do what they ask for, and has what they do say who did it.
pub(super) async fn admit(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let Some(methods) = path.and_then(|path| gate.needs.get(&path)) else {
        return Problem::not_found("there is nothing at this address").into_response();
    };
    // RFC 9110 §9.3.2: what can be got can be asked for without its content.
    let asked = if request.method() == Method::HEAD { "GET" } else { request.method().as_str() };
    let Some(needed) = methods.get(asked) else { return not_allowed(methods) };
    let head = read::Head::of(&request);
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    match operator_of(&gate.admin, &head, (&method, &path), needed).await {
        Ok(operator) => {
            let actor = operator.actor();
            request.extensions_mut().insert(operator);
            acting(actor, next.run(request)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn operator_of(
    admin: &Shared,
    head: &read::Head,
    (method, path): (&str, &str),
    needed: &Scope,
) -> Result<Operator, Problem> {
    let header = read::authorization(head).map_err(|denied| refused(admin, denied, needed))?;
    let certificate = head.certificate.as_deref();
    let with = |token, proof| Bearer { token, proof, certificate, method, path };
    let presented = match header {
        // RFC 6750 §3.1: a request without any authentication learns the schemes and no error code.
        None => return Err(unknown().challenging(challenge(admin, None, needed), None)),
        // RFC 9449 §7.1.
        Some(header) => match (dpop_bound(header), bearer(header)) {
            (Some(token), _) => {
                let missing = || Denied::new(ErrorCode::InvalidDpopProof, "no DPoP header beside the token");
                let proof = read::dpop(head).and_then(|proof| proof.ok_or_else(missing));
                with(token, Some(proof.map_err(|denied| refused(admin, denied, needed))?))
            }
            (None, Some(token)) => with(token, None),
            (None, None) => {
                let denied = Denied::new(ErrorCode::InvalidToken, "the Authorization header has no access token");
                return Err(refused(admin, denied, needed));
            }
        },
    };
    operator::admit(&admin.engine, &presented, needed, admin.now()).await.map_err(|failure| match failure {
        Failure::Denied(denied) => refused(admin, denied, needed),
        Failure::Fault(fault) => fault.into(),
    })
}

fn unknown() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "an access token for the admin API is needed here")
}

/// RFC 6750 §3: with the challenge that says what a repeated request needs.
fn refused(admin: &Shared, denied: Denied, needed: &Scope) -> Problem {
    // A header that cannot be read authenticates nobody.
    let denied = if denied.code == invalid_request("").code {
        Denied::new(ErrorCode::InvalidToken, denied.text)
    } else {
        denied
    };
    let (code, wants_nonce) = (denied.code, denied.code == ErrorCode::UseDpopNonce);
    let said = challenge(admin, Some((code, &denied.text)), needed);
    let nonce = wants_nonce.then(|| dpop::nonce(&admin.engine, admin.now()));
    let problem = match code {
        ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce => {
            Problem::new(StatusCode::UNAUTHORIZED, code.as_str(), denied.text.clone())
        }
        _ => denied.into(),
    };
    problem.challenging(said, nonce)
}

fn challenge(admin: &Shared, error: Option<(ErrorCode, &str)>, needed: &Scope) -> String {
    let realm = format!("realm=\"{}\", scope=\"{needed}\"", operator::identifier(admin.engine.issuer().as_str()));
    let error =
        error.map(|(code, text)| format!(", error=\"{code}\", error_description=\"{text}\"")).unwrap_or_default();
    let algs: Vec<_> = Alg::PUBLIC.iter().map(|alg| alg.as_str()).collect();
    format!("Bearer {realm}{error}, DPoP algs=\"{}\"", algs.join(" "))
}

fn not_allowed(methods: &BTreeMap<String, Scope>) -> Response {
    let text = "this method is not allowed here; see the Allow header";
    let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text).into_response();
    let allowed: Vec<_> = methods.keys().map(String::as_str).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

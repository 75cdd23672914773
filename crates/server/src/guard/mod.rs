//! `firman guard`: the guard of a service that is not written in Rust, before it or beside the proxy that is there.

mod answer;
mod beside;
mod proxy;
pub mod rules;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::any;
use firman_client::guard::Guard;
use firman_proto::certificate::Certificate;
use firman_proto::seal::Thumbprint;

pub use beside::Behind;
pub use proxy::To;
use rules::Rules;

/// Where requests go that are let through.
#[derive(Clone, Debug)]
pub enum Place {
    /// To this service: the guard is a reverse proxy.
    Before(To),
    /// Wherever this proxy sends them: it asks the guard first.
    Beside(Behind),
}

#[derive(Clone)]
struct Post {
    guard: Guard,
    rules: Arc<Rules>,
    place: Place,
}

/// Everything that is answered: the resource's metadata, and all other addresses.
pub fn router(guard: &Guard, rules: Rules, place: Place) -> Router {
    let post = Post { guard: guard.clone(), rules: Arc::new(rules), place };
    let others = match post.place {
        Place::Before(_) => Router::new().fallback(any(before)),
        Place::Beside(_) => Router::new().route("/auth", any(beside)),
    };
    others.with_state(post).merge(guard.metadata_route())
}

async fn before(State(post): State<Post>, request: Request) -> Response {
    let Place::Before(to) = &post.place else { return answer::nothing_here() };
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().to_owned();
    match post.rules.check(&post.guard, (&method, &path), shown(&request)).await {
        Ok(access) => to.forward(request, access.as_ref()).await,
        Err(refusal) => refusal.answer(&post.guard),
    }
}

async fn beside(State(post): State<Post>, request: Request) -> Response {
    let Place::Beside(behind) = post.place else { return answer::nothing_here() };
    let Some((method, path)) = behind.original(request.headers()) else { return answer::not_told(behind) };
    match post.rules.check(&post.guard, (&method, &path), shown(&request)).await {
        Ok(access) => answer::allowed(access.as_ref()),
        Err(refusal) => refusal.answer(&post.guard),
    }
}

/// The headers of a request, and the certificate that its client was seen to hold.
fn shown(request: &Request) -> (&HeaderMap, Option<Thumbprint>) {
    let certificate = request.extensions().get::<Arc<Certificate>>();
    (request.headers(), certificate.map(|certificate| certificate.thumbprint()))
}

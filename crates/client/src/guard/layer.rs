//! The guard as a layer around routes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::OriginalUri;
use bytes::Bytes;
use firman_proto::seal::Thumbprint;
use http::{HeaderValue, Request, Response};
use tower::{Layer, Service};

use super::Guard;
use super::access::Access;
use super::refusal::{NONCE, Refusal};
use super::requirement::Requirement;
use super::shown::Shown;

/// The thumbprint of the certificate of the connection (RFC 8705 §3.1): whoever ends TLS puts it into the request's extensions once it
/// has seen that the client holds its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCertificate(pub Thumbprint);

/// Lets requests through that meet a requirement; [`Access`] is then among their extensions.
#[derive(Clone, Debug)]
pub struct Require {
    guard: Guard,
    needed: Arc<Requirement>,
}

impl Require {
    pub(super) fn new(guard: Guard, needed: Requirement) -> Self {
        Self { guard, needed: Arc::new(needed) }
    }

    async fn check<B>(&self, request: &Request<B>) -> Result<Access, Refusal>
    where
        B: Sync,
    {
        let shown = Facets::of(&self.guard, request);
        let shown = Shown {
            method: request.method().as_str(),
            uri: &shown.uri,
            path: shown.path,
            headers: request.headers(),
            certificate: request.extensions().get::<ClientCertificate>().map(|it| it.0),
        };
        self.guard.check(&shown, &self.needed).await
    }
}

/// What of a request is put together for the guard.
struct Facets<'r> {
    uri: String,
    path: &'r str,
}

impl<'r> Facets<'r> {
    fn of<B>(guard: &Guard, request: &'r Request<B>) -> Self {
        // Below a nested router, the path is what is left of it; the original is what clients and proofs mean.
        let original = request.extensions().get::<OriginalUri>().map(|it| &it.0);
        let path = original.unwrap_or(request.uri()).path();
        Self { uri: format!("{}{path}", guard.origin()), path }
    }
}

impl<S> Layer<S> for Require {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { require: self.clone(), inner }
    }
}

/// A service behind a guard.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    require: Require,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was ready is the one to call; its clone waits for the next.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let require = self.require.clone();
        Box::pin(async move {
            // The body need not be `Sync`: only the head is looked at.
            let (head, body) = request.into_parts();
            let head = Request::from_parts(head, ());
            let checked = require.check(&head).await;
            let (mut head, ()) = head.into_parts();
            match checked {
                Err(refusal) => Ok(require.guard.answer(&refusal)),
                Ok(access) => {
                    head.extensions.insert(access);
                    let mut response = inner.call(Request::from_parts(head, body)).await?;
                    // RFC 9449 §8.2: the next nonce comes before the last has ended.
                    let nonce = require.guard.nonce().and_then(|nonce| HeaderValue::from_str(&nonce).ok());
                    response.headers_mut().extend(nonce.map(|nonce| (NONCE, nonce)));
                    Ok(response)
                }
            }
        })
    }
}

//! The guard as a layer around routes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::OriginalUri;
use bytes::Bytes;
use firman_proto::seal::Thumbprint;
use futures_util::future::Either;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, Uri};
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
pub struct Require(Arc<Needed>);

#[derive(Debug)]
struct Needed {
    guard: Guard,
    requirement: Requirement,
}

impl Require {
    pub(super) fn new(guard: Guard, requirement: Requirement) -> Self {
        Self(Arc::new(Needed { guard, requirement }))
    }

    /// At once where that can be; `None` where somebody must be asked.
    fn check_known<B>(&self, request: &Request<B>) -> Option<Result<Access, Refusal>> {
        let head = (request.method(), request.uri(), request.headers(), request.extensions());
        self.0.guard.check_known(&shown(head), &self.0.requirement)
    }

    async fn check(&self, head: &Parts) -> Result<Access, Refusal> {
        let head = (&head.method, &head.uri, &head.headers, &head.extensions);
        self.0.guard.check(&shown(head), &self.0.requirement).await
    }
}

/// A request, as far as the guard looks at it.
fn shown<'r>((method, uri, headers, extensions): (&'r Method, &'r Uri, &'r HeaderMap, &'r Extensions)) -> Shown<'r> {
    // Below a nested router, the path is what is left of it; the original is what clients and proofs mean.
    let original = extensions.get::<OriginalUri>().map(|it| &it.0);
    let certificate = extensions.get::<ClientCertificate>().map(|it| it.0);
    Shown { method: method.as_str(), path: original.unwrap_or(uri).path(), headers, certificate }
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
    type Future = Either<S::Future, Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let known = self.require.check_known(&request);
        // Most requests are of tokens that were seen before, and nothing is left to do but to let them through.
        if let (Some(Ok(access)), None) = (&known, &self.require.0.guard.0.nonces) {
            request.extensions_mut().insert(access.clone());
            return Either::Left(self.inner.call(request));
        }
        // The one that was ready is the one to call; its clone waits for the next.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let require = self.require.clone();
        Either::Right(Box::pin(async move {
            // The body need not be `Sync`: only the head is looked at.
            let (mut head, body) = request.into_parts();
            let guard = &require.0.guard;
            let checked = match known {
                Some(decided) => decided,
                None => require.check(&head).await,
            };
            match checked {
                Err(refusal) => Ok(guard.answer(&refusal)),
                Ok(access) => {
                    head.extensions.insert(access);
                    let mut response = inner.call(Request::from_parts(head, body)).await?;
                    // RFC 9449 §8.2: the next nonce comes before the last has ended.
                    let nonce = guard.nonce().and_then(|nonce| HeaderValue::from_str(&nonce).ok());
                    response.headers_mut().extend(nonce.map(|nonce| (NONCE, nonce)));
                    Ok(response)
                }
            }
        }))
    }
}

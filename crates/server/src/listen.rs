//! Accepting connections: limits in number and time, TLS where it is configured, and an end that finishes what has begun.

mod lent;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderValue, Request, Response, StatusCode, Version};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::client_certificate::Peer;

/// How much time and room a connection gets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the head of a request, and between two requests.
    pub header: Duration,
    /// For a whole request.
    pub request: Duration,
    /// For requests to finish when the server stops.
    pub shutdown: Duration,
    /// Connections at once.
    pub connections: usize,
}

/// Serves until `stop` completes, then lets what has begun finish, for as long as the limits allow.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let open = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        // A connection beyond the limit waits in the kernel's queue.
        let accepted = async {
            let permit = Arc::clone(&open).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        match (permit, accepted) {
            (Ok(permit), Ok((stream, peer))) => {
                let connection =
                    Connection { router: router.clone(), limits, watcher: graceful.watcher(), _permit: permit };
                tokio::spawn(connection.run(stream, peer, tls.clone()));
            }
            (_, Err(error)) => pause_after(&error).await,
            (Err(_), _) => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

/// Out of file descriptors: accepting again at once would only spin.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

struct Connection {
    router: Router,
    limits: Limits,
    watcher: Watcher,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>) {
        // Answers are small and whole: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else { return self.speak(stream, Peer { address: peer, chain: Vec::new() }).await };
        match tokio::time::timeout(self.limits.header, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let chain = shown.iter().map(|certificate| certificate.clone().into_owned()).collect();
                self.speak(stream, Peer { address: peer, chain }).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS handshake"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.header);
        http.http2().timer(TokioTimer::new()).max_concurrent_streams(100).max_header_list_size(64 * 1024);
        let (router, limit) = (self.router, self.limits.request);
        let service = service_fn(move |mut request| {
            request.extensions_mut().insert(peer.clone());
            answer(router.clone(), limit, request)
        });
        let connection = http.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(error, "a connection broke off");
        }
    }
}

async fn answer(
    router: Router,
    limit: Duration,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let (head, body) = request.into_parts();
    let (body, unread) = lent::lend(body);
    let version = head.version;
    let answered = tokio::time::timeout(limit, router.oneshot(Request::from_parts(head, body))).await;
    let Ok(Ok(mut response)) = answered else {
        let late = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], "the request took too long\n");
        return Ok(late.into_response());
    };
    let can_go_on = tokio::time::timeout(limit, unread.read()).await.unwrap_or(false);
    // RFC 9112 §9.6: whoever ends a connection says so. HTTP/2 ends the stream alone.
    if !can_go_on && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

//! A body that is lent to whoever answers. What was not read comes back and is read to its end: a connection on which half a body waits
//! cannot be used again, and whoever sends their next request on it would lose it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

/// So many bytes are read for nothing; whoever sends more needs another connection.
const MOST: usize = 64 * 1024;

/// A body in the hands of who answers.
struct Lent {
    /// Until it is dropped.
    body: Option<Incoming>,
    back: Arc<Mutex<Option<Incoming>>>,
}

/// Where a body comes back to; nothing is there of one that had no bytes, and as long as somebody has it.
pub(super) struct Returned(Option<Arc<Mutex<Option<Incoming>>>>);

/// Lends a body.
pub(super) fn lend(body: Incoming) -> (axum::body::Body, Returned) {
    if body.is_end_stream() {
        return (axum::body::Body::empty(), Returned(None));
    }
    let back = Arc::default();
    let lent = Lent { body: Some(body), back: Arc::clone(&back) };
    (axum::body::Body::new(lent), Returned(Some(back)))
}

impl Returned {
    /// Reads what is left. Whether the connection can be used again.
    pub(super) async fn read(self) -> bool {
        let body = self.0.and_then(|back| back.lock().unwrap_or_else(PoisonError::into_inner).take());
        match body {
            Some(body) if body.size_hint().lower() > MOST as u64 => false,
            Some(body) => Limited::new(body, MOST).collect().await.is_ok(),
            None => true,
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let body = self.body.take().filter(|body| !body.is_end_stream());
        *self.back.lock().unwrap_or_else(PoisonError::into_inner) = body;
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Notify;

    use crate::listen::{Limits, serve};

    /// A server that looks at no body, a connection to it, and how it tells that it has answered.
    async fn refusing() -> (TcpStream, Arc<Notify>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let answered = Arc::new(Notify::new());
        let tells = Arc::clone(&answered);
        let refuse = async move || {
            tells.notify_one();
            StatusCode::UNAUTHORIZED
        };
        let minute = Duration::from_mins(1);
        let limits = Limits { header: minute, request: minute, shutdown: minute, connections: 8 };
        tokio::spawn(serve(listener, None, Router::new().route("/", post(refuse)), limits, std::future::pending()));
        (stream, answered)
    }

    fn head(length: usize) -> String {
        format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n")
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            text.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_good_for_the_next_request_after_a_body_that_nobody_looked_at() {
        let (mut stream, answered) = refusing().await;
        for _ in 0..3 {
            stream.write_all(head(5).as_bytes()).await.unwrap();
            answered.notified().await;
            stream.write_all(b"a=b&c").await.unwrap();
            assert!(answer(&mut stream).await.starts_with("HTTP/1.1 401"));
        }
    }

    // RFC 9112 §9.6.
    #[tokio::test]
    async fn whoever_sends_too_much_is_told_that_the_connection_ends() {
        let (mut stream, _) = refusing().await;
        stream.write_all(head(1_000_000).as_bytes()).await.unwrap();
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close\r\n"), "{answer}");
        assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0);
    }
}

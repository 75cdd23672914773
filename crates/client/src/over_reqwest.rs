//! Requests sent by reqwest.

use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;

use crate::exchange::{Request, Response, Transport, Unreachable};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 1024 * 1024;
/// How long a whole exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A transport over reqwest: TLS by rustls, no redirects, no cookies, at most 1 MiB in at most 10 s.
#[derive(Debug, Clone)]
pub struct OverReqwest {
    client: reqwest::Client,
    patience: Duration,
}

impl OverReqwest {
    /// What `builder` says about TLS and proxies; redirects are never followed.
    ///
    /// # Errors
    ///
    /// The library cannot be set up, e.g. with the certificates given.
    pub fn new(builder: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        choose_cryptography();
        Self::with_patience(builder, PATIENCE)
    }

    fn with_patience(builder: reqwest::ClientBuilder, patience: Duration) -> reqwest::Result<Self> {
        // RFC 9110 §15.4: nobody need follow; secrets go where they were meant to.
        let client = builder.redirect(reqwest::redirect::Policy::none()).timeout(patience).build()?;
        Ok(Self { client, patience })
    }
}

#[async_trait]
impl Transport for OverReqwest {
    async fn send(&self, request: Request) -> Result<Response, Unreachable> {
        let url = request.url;
        let failed = |error: &reqwest::Error| unreachable(&url, error, self.patience);
        let mut answer = self
            .client
            .request(request.method, &url)
            .headers(request.headers)
            .body(request.body)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > LONGEST {
                return Err(Unreachable::Huge { url, limit: LONGEST });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status: answer.status(), headers: std::mem::take(answer.headers_mut()), body: body.freeze() })
    }
}

/// Where TLS is not set up by a builder, the library wants its cryptography chosen for the process. Who comes second finds the first's.
pub(crate) fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

pub(crate) fn unreachable(url: &str, error: &reqwest::Error, patience: Duration) -> Unreachable {
    if error.is_timeout() {
        let millis = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        return Unreachable::Slow { url: url.to_owned(), millis };
    }
    // The cause says what happened; the outermost error says only that sending failed.
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Unreachable::Connection { url: url.to_owned(), why: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::flow::ask;

    /// A server that answers everything with a head and so many pieces, and then says nothing; and how often it was asked.
    fn server(head: String, pieces: usize) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (url, asked) = (format!("http://{}/", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(head.as_bytes());
                let _ = (0..pieces).try_for_each(|_| stream.write_all(&[b' '; 4096]));
                open.push(stream);
            }
        });
        (url, asked)
    }

    async fn get(url: &str, patience: Duration) -> Result<Response, Unreachable> {
        choose_cryptography();
        let transport = OverReqwest::with_patience(reqwest::Client::builder().no_proxy(), patience).unwrap();
        transport.send(ask::get(url, ask::JSON)).await
    }

    #[tokio::test]
    async fn an_answer_without_end_is_read_to_its_bound() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        let huge = get(&server(head.to_owned(), 1024).0, PATIENCE).await.unwrap_err();
        assert!(matches!(huge, Unreachable::Huge { limit: LONGEST, .. }), "{huge}");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_or_not_to_its_end_is_not_waited_for() {
        for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
            let slow = get(&server(head.to_owned(), 0).0, Duration::from_millis(200)).await.unwrap_err();
            assert!(matches!(slow, Unreachable::Slow { millis: 200, .. }), "{slow}");
        }
    }

    // RFC 9110 §15.4.
    #[tokio::test]
    async fn nobody_follows_a_redirect() {
        let (other, asked) = server(String::new(), 0);
        let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {other}\r\ncontent-length: 0\r\n\r\n");
        let answer = get(&server(head, 0).0, PATIENCE).await.unwrap();
        assert_eq!((answer.status.as_u16(), asked.load(Ordering::Relaxed)), (307, 0));
    }
}

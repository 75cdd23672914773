//! Servers on loopback that lie, stall and pour.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use firman_engine::{Document, Fetch as _, FetchError, Wanted};
use firman_proto::time::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{Network, Networks, Options, Resolve, Web};

const JSON: &[&str] = &["application/json", "application/jwk-set+json"];

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

/// Names of this world.
#[derive(Default)]
struct Names(HashMap<&'static str, Vec<IpAddr>>);

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

pub(super) fn options() -> Options {
    Options {
        timeout: Duration::from_secs(10),
        max_bytes: 4096,
        allowed: Networks(vec![Network::parse("127.0.0.0/8").unwrap()]),
        plain_http: true,
        roots: None,
    }
}

pub(super) fn web_of(options: Options, names: &[(&'static str, &[&str])]) -> Web {
    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let names = names.iter().map(|(name, texts)| (*name, addresses(texts))).collect();
    Web::new(options, Arc::new(Names(names))).unwrap()
}

pub(super) fn web() -> Web {
    web_of(options(), &[("keys.example", &["127.0.0.1"])])
}

/// A server whose answers are written by hand.
pub(super) struct Liar {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    pub(super) requests: Arc<Mutex<Vec<String>>>,
}

impl Liar {
    /// Answers each connection with these bytes, then closes it.
    pub(super) async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::answering(move |_| answer.clone()).await
    }

    /// Answers each connection with what the request deserves.
    pub(super) async fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let liar = Self { address: listener.local_addr().unwrap(), asked: Arc::default(), requests: Arc::default() };
        let (asked, requests, answer) = (Arc::clone(&liar.asked), Arc::clone(&liar.requests), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::SeqCst);
                let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !is_whole(&request) && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let bytes = answer(&request);
                    requests.lock().unwrap().push(request);
                    // Nothing to say: hold the line until the other side hangs up.
                    if bytes.is_empty() {
                        let _ = stream.read_u8().await;
                    }
                    let _ = stream.write_all(&bytes).await;
                });
            }
        });
        liar
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn url(&self) -> String {
        format!("http://keys.example:{}/jwks?a=b", self.address.port())
    }

    async fn get(&self, web: &Web, now: Timestamp) -> Result<Arc<Document>, FetchError> {
        web.get(&Wanted { url: &self.url(), types: JSON, fetched_since: None }, now).await
    }

    /// Why nothing comes of asking.
    async fn failure(&self) -> String {
        self.get(&web(), at(0)).await.unwrap_err().to_string()
    }
}

/// Whether head and body of a request are there.
fn is_whole(request: &[u8]) -> bool {
    let request = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    body.len() >= length
}

pub(super) fn ok(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

// RFC 9111 §4.2, RFC 9110 §7.2.
#[tokio::test]
async fn a_document_is_kept_for_as_long_as_its_headers_say() {
    let (liar, web) = (Liar::saying(ok("cache-control: max-age=600\r\n", "{}")).await, web());
    let document = liar.get(&web, at(0)).await.unwrap();
    assert_eq!((document.body.as_slice(), document.media_type.as_str()), (&b"{}"[..], "application/json"));
    assert_eq!(document.fresh_until, at(600));
    liar.get(&web, at(599)).await.unwrap();
    assert_eq!(liar.asked(), 1);
    assert_eq!(liar.get(&web, at(600)).await.unwrap().fetched_at, at(600));
    assert_eq!(liar.asked(), 2);
    let request = liar.requests.lock().unwrap()[0].to_ascii_lowercase();
    assert!(request.starts_with("get /jwks?a=b http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: keys.example:{}\r\n", liar.address.port())), "{request}");
    assert!(request.contains("\r\naccept: application/json, application/jwk-set+json\r\n"), "{request}");
}

// RFC 9110 §8.8, §15.4.5.
#[tokio::test]
async fn what_is_stale_is_asked_for_by_its_etag() {
    let liar = Liar::answering(|request| {
        if request.to_ascii_lowercase().contains("if-none-match: \"one\"") {
            b"HTTP/1.1 304 Not Modified\r\ncache-control: max-age=120\r\n\r\n".to_vec()
        } else {
            ok("etag: \"one\"\r\n", r#"{"keys":[]}"#).into_bytes()
        }
    });
    let (liar, web) = (liar.await, web());
    let first = liar.get(&web, at(0)).await.unwrap();
    let second = liar.get(&web, at(300)).await.unwrap();
    assert_eq!((liar.asked(), &second.body), (2, &first.body));
    assert_eq!((second.fetched_at, second.fresh_until), (at(300), at(420)));
    liar.get(&web, at(419)).await.unwrap();
    assert_eq!(liar.asked(), 2);
}

#[tokio::test]
async fn nothing_has_changed_says_nothing_to_who_has_nothing() {
    let liar = Liar::saying("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    assert!(liar.failure().await.contains("who has nothing"));
}

#[tokio::test]
async fn something_newer_is_asked_for_once_a_minute_at_most() {
    let (liar, web) = (Liar::saying(ok("cache-control: max-age=600\r\n", "{}")).await, web());
    let url = liar.url();
    let newer = |since| Wanted { url: &url, types: JSON, fetched_since: Some(since) };
    liar.get(&web, at(0)).await.unwrap();
    for second in 1..60 {
        web.get(&newer(at(second)), at(second)).await.unwrap();
    }
    assert_eq!(liar.asked(), 1);
    web.get(&newer(at(60)), at(60)).await.unwrap();
    assert_eq!(liar.asked(), 2);
    web.get(&newer(at(60)), at(300)).await.unwrap();
    assert_eq!(liar.asked(), 2, "what is held was fetched since");
}

#[tokio::test]
async fn who_asks_for_something_newer_learns_that_nobody_is_there_and_others_have_what_is_held() {
    let up = Arc::new(AtomicBool::new(true));
    let is_up = Arc::clone(&up);
    let liar = Liar::answering(move |_| {
        let up = is_up.load(Ordering::SeqCst);
        if up { ok("cache-control: max-age=600\r\n", "{}") } else { "HTTP/1.1 500 Oh\r\n\r\n".to_owned() }.into_bytes()
    });
    let (liar, web) = (liar.await, web());
    let (url, now) = (liar.url(), at(60));
    liar.get(&web, at(0)).await.unwrap();
    up.store(false, Ordering::SeqCst);
    let newer = Wanted { url: &url, types: JSON, fetched_since: Some(now) };
    assert!(web.get(&newer, now).await.unwrap_err().to_string().contains("500"));
    liar.get(&web, now).await.unwrap();
    up.store(true, Ordering::SeqCst);
    web.get(&newer, now).await.unwrap_err();
    assert_eq!(web.get(&newer, at(62)).await.unwrap().fetched_at, at(62));
}

#[tokio::test]
async fn a_failure_is_remembered_for_longer_each_time() {
    let (liar, web) = (Liar::saying("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n").await, web());
    let mut asked_at = Vec::new();
    for second in 0..=90 {
        let before = liar.asked();
        assert!(liar.get(&web, at(second)).await.unwrap_err().to_string().contains("500"));
        asked_at.extend((liar.asked() > before).then_some(second));
    }
    assert_eq!(asked_at, [0, 2, 6, 14, 30, 60, 90]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_cause_one_request() {
    let (liar, web) = (Liar::saying(ok("", "{}")).await, Arc::new(web()));
    let askers = (0..50).map(|_| {
        let (web, url) = (Arc::clone(&web), liar.url());
        tokio::spawn(async move {
            let wanted = Wanted { url: &url, types: JSON, fetched_since: None };
            web.get(&wanted, at(0)).await.map(|document| document.body.clone())
        })
    });
    for asker in askers.collect::<Vec<_>>() {
        assert_eq!(asker.await.unwrap().unwrap(), b"{}");
    }
    assert_eq!(liar.asked(), 1);
}

#[tokio::test]
async fn more_than_the_largest_document_is_not_read() {
    let said = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000000000\r\n\r\n";
    assert!(Liar::saying(said).await.failure().await.contains("too large"));
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(64);
    let poured =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunk}");
    assert!(Liar::saying(poured).await.failure().await.contains("too large"));
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    assert!(Liar::saying(head).await.failure().await.contains("no HTTP answer"));
}

#[tokio::test]
async fn who_stalls_is_given_up() {
    let stalling = Options { timeout: Duration::from_millis(200), ..options() };
    let web = web_of(stalling, &[("keys.example", &["127.0.0.1"])]);
    let silent = Liar::saying("").await;
    assert!(silent.get(&web, at(0)).await.unwrap_err().to_string().contains("too long"));
}

#[tokio::test]
async fn what_breaks_off_is_no_document() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{}";
    assert!(Liar::saying(cut).await.failure().await.contains("broke off"));
    assert!(Liar::saying("SSH-2.0-OpenSSH\r\n").await.failure().await.contains("no HTTP answer"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let away = format!(
            "HTTP/1.1 {status}\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n"
        );
        let liar = Liar::saying(away).await;
        assert!(liar.failure().await.contains("the answer is 30"));
        assert_eq!(liar.asked(), 1);
    }
}

// RFC 9110 §8.3.1.
#[tokio::test]
async fn another_type_or_something_compressed_is_not_taken() {
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\n{}";
    assert!(Liar::saying(html).await.failure().await.contains("content-type"));
    let dressed = "HTTP/1.1 200 OK\r\ncontent-type: Application/JSON; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(Liar::saying(dressed).await.get(&web(), at(0)).await.unwrap().media_type, "application/json");
    let untyped = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    assert!(Liar::saying(untyped).await.failure().await.contains("content-type"));
    assert!(Liar::saying(ok("content-encoding: gzip\r\n", "{}")).await.failure().await.contains("compressed"));

    let (liar, web) = (Liar::saying(ok("", "{}")).await, web());
    liar.get(&web, at(0)).await.unwrap();
    let other = Wanted { url: &liar.url(), types: &["application/oauth-authz-req+jwt"], fetched_since: None };
    assert!(web.get(&other, at(1)).await.unwrap_err().to_string().contains("content-type"), "nor from memory");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_anything_is_sent() {
    let liar = Liar::saying(ok("", "{}")).await;
    let port = liar.address.port();
    let strict = || Options { allowed: Networks::default(), ..options() };
    let names: &[(&'static str, &[&str])] = &[
        ("loopback.example", &["127.0.0.1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
        ("two.example", &["1.1.1.1", "127.0.0.1"]),
        ("six.example", &["::1"]),
    ];
    let web = web_of(strict(), names);
    let hosts = names.iter().map(|(name, _)| *name).chain([
        "127.0.0.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0",
    ]);
    for host in hosts {
        let url = format!("https://{host}:{port}/");
        let refused = web.get(&Wanted { url: &url, types: JSON, fetched_since: None }, at(0)).await.unwrap_err();
        assert!(matches!(refused, FetchError::Refused(_)), "{host}: {refused}");
    }
    // An allowed network lets in what lies in it, and does not let in its neighbour.
    let mixed = web_of(options(), &[("two.example", &["127.0.0.1", "10.0.0.1"])]);
    let url = format!("http://two.example:{port}/");
    let refused = mixed.get(&Wanted { url: &url, types: JSON, fetched_since: None }, at(0)).await.unwrap_err();
    assert!(matches!(refused, FetchError::Refused(_)), "{refused}");
    assert_eq!(liar.asked(), 0);
}

#[tokio::test]
async fn only_https_leads_outside_and_only_plain_addresses() {
    let web = web_of(options(), &[("far.example", &["1.1.1.1"])]);
    let tls_only = web_of(Options { plain_http: false, ..options() }, &[("keys.example", &["127.0.0.1"])]);
    let long = format!("https://far.example/{}", "a".repeat(2048));
    for (web, url) in [
        (&web, "http://far.example/"),
        (&tls_only, "http://keys.example/"),
        (&web, "ftp://far.example/"),
        (&web, "file:///etc/passwd"),
        (&web, "data:application/json,{}"),
        (&web, "https://user@far.example/"),
        (&web, "https://user:secret@far.example/"),
        (&web, "https://far.example/#fragment"),
        (&web, "far.example"),
        (&web, "https://"),
        (&web, long.as_str()),
    ] {
        let refused = web.get(&Wanted { url, types: JSON, fetched_since: None }, at(0)).await.unwrap_err();
        assert!(matches!(refused, FetchError::Refused(_)), "{url}: {refused}");
    }
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_for_the_name_that_was_asked() {
    let made = rcgen::generate_simple_self_signed(["keys.example".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let port = tls_server(&chain, &key).await;

    let names: &[(&'static str, &[&str])] = &[("keys.example", &["127.0.0.1"]), ("evil.example", &["127.0.0.1"])];
    let trusting = web_of(Options { roots: Some(chain), ..options() }, names);
    let (right, wrong) = (format!("https://keys.example:{port}/"), format!("https://evil.example:{port}/"));
    let wanted = |url| Wanted { url, types: JSON, fetched_since: None };
    assert_eq!(trusting.get(&wanted(&right), at(0)).await.unwrap().body, b"{}");
    assert!(trusting.get(&wanted(&wrong), at(0)).await.unwrap_err().to_string().contains("no TLS"));
    let strict = web_of(options(), names);
    assert!(strict.get(&wanted(&right), at(0)).await.unwrap_err().to_string().contains("no TLS"));
}

async fn tls_server(chain: &Path, key: &Path) -> u16 {
    let acceptor = crate::tls::acceptor(chain, key, false).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
            let _ = stream.write_all(ok("", "{}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

//! One request that says something.

use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use axum::http::{HeaderValue, Method, Request};
use firman_engine::{Call, FetchError, Reply};
use http_body_util::Full;
use hyper::body::Bytes;

use super::Web;
use super::connect::{body, exchange, failed, media_type};
use super::target::Target;

pub(super) async fn attempt(web: &Web, target: &Target, call: &Call<'_>) -> Result<Reply, FetchError> {
    let (answer, _driver) = exchange(web, target, request(target, call)?).await?;
    let (status, media_type) = (answer.status().as_u16(), media_type(answer.headers()));
    if !call.wants_body {
        return Ok(Reply { status, media_type, body: Vec::new() });
    }
    // Nothing was asked to be compressed; unpacked, it could be of any size.
    if answer.headers().contains_key(CONTENT_ENCODING) {
        return Err(failed("it is compressed"));
    }
    let body = body(answer, web.options.max_bytes).await?;
    Ok(Reply { status, media_type, body })
}

fn request(target: &Target, call: &Call<'_>) -> Result<Request<Full<Bytes>>, FetchError> {
    let mut request = Request::builder()
        .method(if call.body.is_some() { Method::POST } else { Method::GET })
        .uri(&target.path)
        .header(HOST, target.authority())
        .header(ACCEPT, "application/json, */*;q=0.1")
        .header(USER_AGENT, concat!("firman/", env!("CARGO_PKG_VERSION")));
    for (name, value) in call.headers {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| FetchError::Refused("a header field has what no header field has".into()))?;
        value.set_sensitive(true);
        request = request.header(*name, value);
    }
    let (media_type, bytes) = call.body.unwrap_or_default();
    if call.body.is_some() {
        request = request.header(CONTENT_TYPE, media_type);
    }
    let body = Full::new(Bytes::copy_from_slice(bytes));
    request.body(body).map_err(|_| FetchError::Refused("the address cannot be asked for".into()))
}

#[cfg(test)]
mod tests {
    use firman_engine::{Call, Fetch as _, FetchError, Reply};

    use crate::fetch::tests::{Liar, ok, options, web, web_of};
    use crate::fetch::{Networks, Options};

    fn post<'a>(url: &'a str, headers: &'a [(&'a str, &'a str)], wants_body: bool) -> Call<'a> {
        Call { url, headers, body: Some(("application/x-www-form-urlencoded", b"code=x&a=b")), wants_body }
    }

    #[tokio::test]
    async fn what_is_sent_arrives_and_every_status_is_an_answer() {
        let refused = "HTTP/1.1 401 No\r\ncontent-type: Application/JSON;charset=utf-8\r\ncontent-length: 2\r\n\r\n{}";
        let (liar, web) = (Liar::saying(refused).await, web());
        let (url, headers) = (liar.url(), [("authorization", "Basic hush")]);
        let call = post(&url, &headers, true);
        assert_eq!(format!("{call:?}"), format!("POST {}", url.split('?').next().unwrap()));
        for _ in 0..2 {
            let reply = web.send(&call).await.unwrap();
            let body = b"{}".to_vec();
            assert_eq!(reply, Reply { status: 401, media_type: "application/json".to_owned(), body });
        }
        assert_eq!(liar.asked(), 2, "nothing is kept");
        let request = liar.requests.lock().unwrap()[0].clone();
        assert!(request.starts_with("POST /jwks?a=b HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\ncode=x&a=b") && request.contains("\r\nauthorization: Basic hush\r\n"));
        assert!(request.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"), "{request}");

        let question = Call { body: None, ..call };
        web.send(&question).await.unwrap();
        let request = liar.requests.lock().unwrap()[2].clone();
        assert!(request.starts_with("GET ") && !request.contains("content-"), "{request}");
    }

    #[tokio::test]
    async fn a_body_is_bounded_and_one_that_nobody_wants_is_not_read() {
        let liar = Liar::saying(ok("content-encoding: gzip\r\n", &"x".repeat(5000))).await;
        let (url, web) = (liar.url(), web());
        assert!(web.send(&post(&url, &[], true)).await.unwrap_err().to_string().contains("compressed"));
        assert_eq!(web.send(&post(&url, &[], false)).await.unwrap().body, b"");
        let url = Liar::saying(ok("", &"x".repeat(5000))).await.url();
        assert!(web.send(&post(&url, &[], true)).await.unwrap_err().to_string().contains("too large"));
    }

    #[tokio::test]
    async fn the_rules_about_addresses_are_those_of_documents() {
        let liar =
            Liar::saying("HTTP/1.1 307 Away\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
        let url = liar.url();
        assert_eq!(web().send(&post(&url, &[], true)).await.unwrap().status, 307, "told, and not followed");
        let strict = web_of(Options { allowed: Networks::default(), ..options() }, &[("keys.example", &["127.0.0.1"])]);
        let tls_only = web_of(Options { plain_http: false, ..options() }, &[("keys.example", &["127.0.0.1"])]);
        for web in [strict, tls_only] {
            assert!(matches!(web.send(&post(&url, &[], true)).await, Err(FetchError::Refused(_))));
        }
        let call = post(&url, &[("x", "a\r\nb: c")], true);
        assert!(matches!(web().send(&call).await, Err(FetchError::Refused(_))));
        assert_eq!(liar.asked(), 1);
    }
}

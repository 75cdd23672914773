//! What is published, as a client's library sees it that keeps it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use firman_client::exchange::{self, Transport, Unreachable};
use firman_client::flow::discovery::First;
use firman_client::wire::Wire;
use firman_client::world::{Clock, System};
use firman_proto::metadata::path;
use firman_proto::time::Timestamp;

use crate::world::{ISSUER, World};

/// Carries requests to a server in this process, and notes how they were answered.
struct Near(World, Mutex<Vec<StatusCode>>);

#[async_trait]
impl Transport for Near {
    async fn send(&self, asked: exchange::Request) -> Result<exchange::Response, Unreachable> {
        let mut request = Request::builder().method(asked.method).uri(asked.url.strip_prefix(ISSUER).unwrap());
        request.headers_mut().unwrap().extend(asked.headers);
        let reply = self.0.give(request.body(Body::from(asked.body)).unwrap()).await;
        self.1.lock().unwrap().push(reply.status);
        Ok(exchange::Response { status: reply.status, headers: reply.headers, body: reply.body.into() })
    }
}

/// The server's clock.
struct Same(Arc<Near>);

impl Clock for Same {
    fn now(&self) -> Timestamp {
        self.0.0.now()
    }
}

// RFC 9110 §13.1.2, RFC 9111 §4.3.4.
#[tokio::test]
async fn who_has_the_metadata_and_the_keys_is_told_that_they_are_as_they_were() {
    let near = Arc::new(Near(World::new().await, Mutex::default()));
    let wire = Wire::new(Arc::clone(&near) as _, Arc::new(Same(Arc::clone(&near))), Arc::new(System));
    let look = async || {
        let metadata = wire.server(ISSUER, First::OpenId).await.unwrap();
        let keys = wire.keys(&metadata, None).await.unwrap();
        (metadata, keys, std::mem::take(&mut *near.1.lock().unwrap()))
    };
    let (metadata, keys, answers) = look().await;
    assert_eq!(answers, [StatusCode::OK; 2]);
    near.0.wait(299);
    assert!(look().await.2.is_empty(), "they are fresh");
    near.0.wait(2);
    let (same_metadata, same_keys, answers) = look().await;
    assert_eq!(answers, [StatusCode::NOT_MODIFIED; 2]);
    assert!(Arc::ptr_eq(&metadata, &same_metadata) && Arc::ptr_eq(&keys, &same_keys), "what it had is kept");
    near.0.wait(299);
    assert!(look().await.2.is_empty(), "they are fresh again");
}

// RFC 9110 §13.1.2, §15.4.5.
#[tokio::test]
async fn every_document_has_a_version_by_which_it_is_asked_for_again() {
    let world = World::new().await;
    let webfinger = format!("/.well-known/webfinger?resource=acct:reader@{}", ISSUER.strip_prefix("https://").unwrap());
    for path in [path::OPENID_CONFIGURATION, path::OAUTH_SERVER, path::JWKS, &webfinger] {
        let get = async |known: &str| {
            world.give(Request::get(path).header("if-none-match", known).body(Body::empty()).unwrap()).await
        };
        let first = get("\"another\"").await;
        assert_eq!(first.status, StatusCode::OK);
        let tag = first.headers["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("\"another\", W/{tag}"), "*".to_owned()] {
            let again = get(&known).await;
            assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path} {known}");
            for kept in ["etag", "cache-control", "access-control-allow-origin", "vary"] {
                assert_eq!(again.headers.get(kept), first.headers.get(kept), "{path} {kept}");
            }
        }
    }
}

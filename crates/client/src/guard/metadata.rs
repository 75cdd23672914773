//! What the resource says of itself (RFC 9728).

use axum::Router;
use axum::routing::get;
use firman_proto::jose::Alg;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use serde_json::{Map, Value, json};
use url::Url;

use super::Guard;
use crate::published::unless_known;

/// Where the metadata of a resource is (RFC 9728 §3.1): the well-known part stands before the resource's path. `None` for an
/// identifier that is no web address: nothing can be there.
pub fn path(resource: &str) -> Option<String> {
    let url = Url::parse(resource).ok().filter(Url::has_host)?;
    Some(format!("/.well-known/oauth-protected-resource{}", url.path().trim_end_matches('/')))
}

/// The algorithms of proofs that are taken, as they are listed.
pub(super) fn proof_algorithms() -> Vec<&'static str> {
    Alg::PUBLIC.iter().map(|alg| alg.as_str()).collect()
}

/// RFC 9728 §2.
pub(super) fn document(resource: &str, issuer: &str, scopes: &[String], said: Map<String, Value>) -> Value {
    let mut document = json!({
        "resource": resource,
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": proof_algorithms(),
    });
    if let Some(members) = document.as_object_mut() {
        if !scopes.is_empty() {
            members.insert("scopes_supported".to_owned(), json!(scopes));
        }
        members.extend(said);
    }
    document
}

impl Guard {
    /// The route of the resource's metadata (RFC 9728 §3). It belongs to the root of what serves the resource's host.
    pub fn metadata_route<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let Some(path) = path(&self.0.rules.resource) else { return Router::new() };
        let document = self.0.metadata.to_string();
        let answer = move |asked: HeaderMap| async move {
            let mut answer = Response::new(document);
            answer.headers_mut().extend([
                (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
                // Clients in pages read it too, and there is no secret in it.
                (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
            ]);
            unless_known(&asked, answer)
        };
        Router::new().route(&path, get(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9728 §3.1.
    #[test]
    fn the_well_known_part_stands_before_the_path() {
        let of = |resource| path(resource).unwrap();
        assert_eq!(of("https://api.example"), "/.well-known/oauth-protected-resource");
        assert_eq!(of("https://api.example/"), "/.well-known/oauth-protected-resource");
        assert_eq!(of("https://api.example/v1/mcp"), "/.well-known/oauth-protected-resource/v1/mcp");
        assert_eq!(path("urn:example:api"), None);
    }
}

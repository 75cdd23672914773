//! Which request a proxy asks about.

use axum::http::{HeaderMap, HeaderName, Uri};
use serde::Deserialize;

/// The proxy that asks. Each says in headers of its own which request it asks about; those of another could come from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Behind {
    /// nginx with auth_request: X-Original-Method, X-Original-URI, set in its configuration.
    Nginx,
    /// Traefik with forwardAuth: X-Forwarded-Method, X-Forwarded-Uri.
    Traefik,
    /// Caddy with forward_auth: as Traefik.
    Caddy,
}

impl Behind {
    /// The names of the headers that say method and address.
    pub(super) const fn headers(self) -> (&'static str, &'static str) {
        match self {
            Self::Nginx => ("x-original-method", "x-original-uri"),
            Self::Traefik | Self::Caddy => ("x-forwarded-method", "x-forwarded-uri"),
        }
    }

    /// Method and path of the request; `None` if the proxy does not say, or says it twice.
    pub(super) fn original(self, headers: &HeaderMap) -> Option<(String, String)> {
        let (method, address) = self.headers();
        let address: Uri = one(headers, address)?.parse().ok()?;
        Some((one(headers, method)?.to_owned(), address.path().to_owned()))
    }
}

fn one<'h>(headers: &'h HeaderMap, name: &'static str) -> Option<&'h str> {
    let mut values = headers.get_all(HeaderName::from_static(name)).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_headers_of_the_proxy_that_is_there_are_looked_at() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-original-method", "GET"),
            ("x-original-uri", "/v1/books?page=2"),
            ("x-forwarded-method", "POST"),
            ("x-forwarded-uri", "/other"),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let of = |behind: Behind, headers: &HeaderMap| behind.original(headers);
        assert_eq!(of(Behind::Nginx, &headers), Some(("GET".to_owned(), "/v1/books".to_owned())));
        assert_eq!(of(Behind::Traefik, &headers), Some(("POST".to_owned(), "/other".to_owned())));
        headers.append(HeaderName::from_static("x-original-uri"), "/public".parse().unwrap());
        assert_eq!(of(Behind::Nginx, &headers), None, "said twice");
        assert_eq!(of(Behind::Caddy, &HeaderMap::new()), None);
    }
}

//! The service behind the guard.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use firman_client::guard::Access;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer;

/// RFC 9440 §2: nobody behind the guard is to believe these.
const CERTIFICATE: [&str; 2] = ["client-cert", "client-cert-chain"];

/// How long a connection to the service may take. Its answers may take longer: it may have its reasons.
const PATIENCE: Duration = Duration::from_secs(5);

/// The service behind the guard: plain HTTP, on this machine or in this network.
#[derive(Clone, Debug)]
pub struct To {
    authority: Authority,
    /// Whether it gets the token too.
    pass_token: bool,
}

impl To {
    /// Reads an address such as `http://127.0.0.1:3000`.
    ///
    /// # Errors
    ///
    /// It is not one: the text says what it must be.
    pub fn parse(text: &str, pass_token: bool) -> Result<Self, String> {
        let wrong = || format!("--to {text}: write http://HOST:PORT, without a path");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let bare = uri.path_and_query().is_none_or(|path| path == "/");
        let authority = uri.authority().filter(|_| bare && uri.scheme_str() == Some("http"));
        let authority = authority.filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        Ok(Self { authority: authority.clone(), pass_token })
    }

    /// Hands a request on, and its answer back.
    pub(super) async fn forward(&self, mut request: Request, access: Option<&Access>) -> Response {
        let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        *request.version_mut() = axum::http::Version::HTTP_11;
        self.dress(request.headers_mut(), access);
        match self.send(request).await {
            Ok(mut response) => {
                leave_to_the_connection(response.headers_mut());
                response
            }
            Err(error) => {
                tracing::warn!(error, to = %self.authority, "the service does not answer");
                answer::unreachable()
            }
        }
    }

    fn dress(&self, headers: &mut HeaderMap, access: Option<&Access>) {
        leave_to_the_connection(headers);
        for name in said_for_us(headers) {
            headers.remove(name);
        }
        if !self.pass_token {
            headers.remove(AUTHORIZATION);
            headers.remove("dpop");
        }
        if !headers.contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(self.authority.as_str())
        {
            headers.insert(HOST, host);
        }
        headers.extend(access.map(answer::told).unwrap_or_default());
    }

    /// Over a connection of its own: what one client sends never meets what another does.
    async fn send(&self, request: Request) -> Result<Response, String> {
        let port = self.authority.port_u16().unwrap_or(80);
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream = timeout(PATIENCE, TcpStream::connect((host, port))).await;
        let stream = stream.map_err(|_| "it takes no connection".to_owned())?.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) =
            http1::handshake::<_, Body>(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        Ok(response.map(Body::new))
    }
}

/// What only the guard may say, also as services read it that take an underscore for a hyphen (RFC 3875 §4.1.18).
fn said_for_us(headers: &HeaderMap) -> Vec<HeaderName> {
    let is_ours = |name: &&HeaderName| {
        let name = name.as_str().replace('_', "-");
        answer::TOLD.contains(&name.as_str()) || CERTIFICATE.contains(&name.as_str())
    };
    headers.keys().filter(is_ours).cloned().collect()
}

/// RFC 9110 §7.6.1: what is between two neighbours only.
fn leave_to_the_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_named_by_host_and_port() {
        for right in ["http://127.0.0.1:3000", "http://[::1]:3000/", "http://app"] {
            assert!(To::parse(right, false).is_ok(), "{right}");
        }
        for wrong in ["127.0.0.1:3000", "https://app", "http://app/v1", "http://a@app", "unix:/x", ""] {
            assert!(To::parse(wrong, false).is_err(), "{wrong}");
        }
    }

    // RFC 9110 §7.6.1, RFC 9440 §2, RFC 3875 §4.1.18.
    #[test]
    fn what_is_between_neighbours_and_what_nobody_may_say_goes_no_further() {
        let to = To::parse("http://127.0.0.1:3000", false).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("authorization", "Bearer secret"),
            ("dpop", "proof"),
            ("client-cert", ":AA==:"),
            ("client-cert-chain", ":AA==:"),
            ("x-firman-subject", "root"),
            ("x-firman-issuer", "me"),
            ("x_firman-subject", "root"),
            ("x_firman_scope", "all"),
            ("accept", "text/plain"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        to.dress(&mut headers, None);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["accept", "host"]);
    }
}

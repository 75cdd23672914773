//! A blocking HTTP client that follows nothing, keeps nothing and calls no status an error.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Method, Request};
use serde_json::Value;
use url::form_urlencoded::Serializer;

#[derive(Clone)]
pub(crate) struct Http(ureq::Agent);

impl Http {
    pub(crate) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(128)
            .max_idle_connections_per_host(128)
            .proxy(None)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self(config.into())
    }

    pub(crate) fn get(&self, url: &str) -> Answer {
        self.send(Request::get(url).body(Vec::new()).unwrap())
    }

    pub(crate) fn post(&self, url: &str, form: &[(&str, &str)]) -> Answer {
        self.send(form_request(url, form))
    }

    pub(crate) fn method(&self, method: &str, url: &str) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.send(Request::builder().method(method).uri(url).body(Vec::new()).unwrap())
    }

    /// An answer, or the end of the test.
    pub(crate) fn send(&self, request: Request<Vec<u8>>) -> Answer {
        let line = format!("{} {}", request.method(), request.uri());
        self.try_send(request).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// An answer, or why there was none: for tests that end the server while it works.
    pub(crate) fn try_send(&self, request: Request<Vec<u8>>) -> Result<Answer, ureq::Error> {
        let (parts, body) = request.into_parts();
        let response = if body.is_empty() && parts.method != Method::POST {
            self.0.run(Request::from_parts(parts, ()))?
        } else {
            self.0.run(Request::from_parts(parts, body))?
        };
        let (parts, mut body) = response.into_parts();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.read_to_string()? })
    }
}

pub(crate) fn form_request(url: &str, form: &[(&str, &str)]) -> Request<Vec<u8>> {
    let body = encode(form);
    Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.into_bytes()).unwrap()
}

pub(crate) fn encode(form: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(form).finish()
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A string member of the JSON body; empty if it is not there.
    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_default().to_owned()
    }

    /// A header, empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and error code: what a client acts on.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.text("error"))
    }
}

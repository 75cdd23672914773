//! HTTP as a stranger speaks it: no cookies, no redirects, little patience.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Method, Request};
use rustls::ClientConfig;
use serde_json::Value;

use crate::fetch;

/// How long one answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The most that is read of an answer, in bytes.
const LONGEST: u64 = 1 << 20;
/// Where a script would come from that asks across origins.
pub(super) const ORIGIN: &str = "https://app.example";

/// What asks.
pub(crate) struct Wire {
    agent: ureq::Agent,
    /// Whom it trusts.
    pub(super) tls: Arc<ClientConfig>,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Wire {
    /// Trusts the authorities of the system, and those of a file.
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .tls_config(fetch::trust_of_commands(ca_file)?)
            .user_agent(concat!("firman-doctor/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: agent.into(), tls: Arc::new(fetch::trust(ca_file)?) })
    }

    pub(super) fn get(&self, url: &str) -> Result<Answer, String> {
        self.send(Method::GET, url, &[], None)
    }

    /// An empty form.
    pub(super) fn post(&self, url: &str) -> Result<Answer, String> {
        self.send(Method::POST, url, &[("content-type", "application/x-www-form-urlencoded")], Some(""))
    }

    /// Asks; the error is why there is no answer.
    pub(super) fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(url).header("origin", ORIGIN);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match body {
            Some(body) => self.agent.run(request.body(body.to_owned()).map_err(|error| error.to_string())?),
            None => self.agent.run(request.body(()).map_err(|error| error.to_string())?),
        };
        let (head, mut body) = answer.map_err(|error| error.to_string())?.into_parts();
        let body = body.with_config().limit(LONGEST).lossy_utf8(true).read_to_string();
        let body = body.map_err(|error| error.to_string())?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

impl Answer {
    /// A header, empty if it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }

    /// Whether nobody on the way may keep it.
    pub(super) fn is_kept_by_nobody(&self) -> bool {
        self.header("cache-control").split(',').any(|word| word.trim().eq_ignore_ascii_case("no-store"))
    }
}

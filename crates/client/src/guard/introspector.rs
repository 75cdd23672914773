//! Asking the issuer about a token (RFC 7662), by HTTP or in the same process.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use firman_proto::form;
use firman_proto::introspection::{Introspection, SIGNED};
use firman_proto::jose::{Alg, Compact, Jwt, object};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Introspect;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::endpoints::Endpoints;
use super::facts::Facts;
use super::keys::{Keys, missing};
use super::opaque::Told;
use super::trouble::Patience;
use crate::error::{Breach, Error};
use crate::exchange::{Request, Response};
use crate::flow::answer;

/// Whoever can tell what a token is.
#[async_trait]
pub(super) trait Ask: Send + Sync + 'static {
    /// What the token says, or that it is not active here; why that cannot be known.
    async fn ask(&self, token: &str, now: Timestamp) -> Result<Told, String>;
}

/// The issuer's introspection endpoint.
pub(super) struct Remote {
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) keys: Arc<Keys>,
    /// Who asks: the identifier and secret of the resource server, or of a client that may.
    pub(super) id: String,
    pub(super) secret: Zeroizing<String>,
    /// RFC 9701: take signed answers alone.
    pub(super) signed: bool,
    pub(super) algorithms: Vec<Alg>,
    pub(super) skew: Lifetime,
    pub(super) patience: Patience,
}

/// A server in this process.
pub(super) struct Here {
    pub(super) server: Arc<dyn Introspect>,
    pub(super) resource: String,
}

#[async_trait]
impl Ask for Here {
    async fn ask(&self, token: &str, now: Timestamp) -> Result<Told, String> {
        let told = self.server.introspect(&self.resource, token, now).await.map_err(|error| error.to_string())?;
        match told {
            Introspection::Inactive(_) => Ok(None),
            Introspection::Active(active) => {
                Facts::of_active(*active).map(|facts| Some(Arc::new(facts))).map_err(|why| why.to_string())
            }
        }
    }
}

#[async_trait]
impl Ask for Remote {
    async fn ask(&self, token: &str, now: Timestamp) -> Result<Told, String> {
        self.told(token, now).await.map_err(|error| error.to_string())
    }
}

impl Remote {
    async fn told(&self, token: &str, now: Timestamp) -> Result<Told, Error> {
        let metadata = self.endpoints.now(now).await?;
        let url = metadata.introspection_endpoint.as_deref();
        let url = url.ok_or_else(|| missing(&self.endpoints, "introspection_endpoint"))?;
        let request = self.request(url, token);
        let response = self.patience.ask(self.endpoints.transport(), request, now).await?;
        let members =
            if self.signed { self.verified(url, &response, now).await? } else { answer::members(url, &response, now)? };
        facts_of(url, members)
    }

    /// RFC 7662 §2.1, RFC 9701 §4.
    fn request(&self, url: &str, token: &str) -> Request {
        let mut headers = HeaderMap::new();
        headers.extend(basic(&self.id, &self.secret).map(|value| (AUTHORIZATION, value)));
        let accept = if self.signed { "application/token-introspection+jwt" } else { "application/json" };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let mut body = String::new();
        form::append(&mut body, "token", token);
        form::append(&mut body, "token_type_hint", "access_token");
        Request { method: Method::POST, url: url.to_owned(), headers, body: Bytes::from(body) }
    }

    /// The answer in a JWT of the issuer for us (RFC 9701 §5).
    async fn verified(&self, url: &str, response: &Response, now: Timestamp) -> Result<Map<String, Value>, Error> {
        let breach = |refused| Error::breach(url, Breach::Signed(refused));
        let malformed = |why: &str| answer::malformed(url, why);
        let text = std::str::from_utf8(&response.body).map_err(|_| malformed("it is no JWT"))?.trim();
        let jwt = Compact::parse(text, Jwt::LONGEST).map_err(breach)?;
        if !jwt.header().is_typ(SIGNED) {
            return Err(malformed("it is not a signed introspection answer"));
        }
        let keys = self.keys.of(jwt.header(), now).await.map_err(|why| malformed(&why))?;
        let mut members = object(jwt.verify(&keys, &self.algorithms).map_err(breach)?).map_err(breach)?;
        // RFC 9701 §5, §8.1: of the issuer, for us, of now, and without what would make it an access token.
        let told = members.remove("token_introspection");
        if members.contains_key("sub") || members.contains_key("exp") {
            return Err(malformed("a signed introspection answer has neither sub nor exp"));
        }
        let said = Facts::read(members).map_err(breach)?;
        if said.issuer != self.endpoints.issuer() || !said.audience.contains(&self.id) {
            return Err(malformed("it is of another issuer, or for somebody else"));
        }
        let window = self.skew.millis().max(Lifetime::from_seconds(60).millis());
        let made = said.not_before.ok_or_else(|| malformed("it has no iat"))?;
        if (now.millis() - made.millis()).abs() > window {
            return Err(malformed("it was not made now"));
        }
        match told {
            Some(Value::Object(told)) => Ok(told),
            _ => Err(malformed("it has no token_introspection")),
        }
    }
}

/// RFC 7662 §2.2: `active` is required, and all else counts only where it is true.
fn facts_of(url: &str, mut members: Map<String, Value>) -> Result<Told, Error> {
    match members.remove("active") {
        Some(Value::Bool(false)) => return Ok(None),
        Some(Value::Bool(true)) => {}
        _ => return Err(answer::malformed(url, "active is neither true nor false")),
    }
    // RFC 9449 §6.2: a token of this type is bound to a key, or nobody may use it.
    let typed = members.get("token_type").and_then(Value::as_str).is_some_and(|typ| typ.eq_ignore_ascii_case("DPoP"));
    let facts = Facts::read(members).map_err(|refused| Error::breach(url, Breach::Signed(refused)))?;
    if typed && facts.jkt.is_none() {
        return Err(answer::malformed(url, "a DPoP token without the thumbprint of its key"));
    }
    Ok(Some(Arc::new(facts)))
}

/// RFC 6749 §2.3.1: id and secret, each encoded as in a form.
pub(super) fn basic(id: &str, secret: &str) -> Option<HeaderValue> {
    let mut credentials = Zeroizing::new(String::new());
    form::encode(&mut credentials, id);
    credentials.push(':');
    form::encode(&mut credentials, secret);
    let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(credentials.as_bytes())));
    let mut value = HeaderValue::from_str(&basic).ok()?;
    value.set_sensitive(true);
    Some(value)
}

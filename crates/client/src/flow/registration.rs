//! Becoming a client: by asking the server (RFC 7591, RFC 7592), or by a document of one's own (OAuth Client ID Metadata
//! Document).

use std::fmt;

use firman_proto::client_document::{self, ClientUrl};
use firman_proto::time::Timestamp;
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value};

use super::metadata::ServerMetadata;
use super::party::{Authentication, Client};
use super::{address, answer, ask};
use crate::error::Error;
use crate::exchange::{Request, Response};
use crate::secret::Secret;

/// A registration.
#[derive(Clone)]
pub struct Registered {
    /// The client's id.
    pub client_id: String,
    /// Its secret, if it got one.
    pub client_secret: Option<Secret>,
    /// When the secret ends; `None`: never.
    pub secret_expires_at: Option<Timestamp>,
    /// Where the registration is edited, and with which token (RFC 7592 §3).
    pub management: Option<(String, Secret)>,
    /// Everything that was registered, without what is secret.
    pub metadata: Map<String, Value>,
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registered({})", self.client_id)
    }
}

impl Registered {
    /// The client, as it authenticates: as it is registered to, or as the server lets who has a secret.
    pub fn client(&self, server: &ServerMetadata) -> Client {
        let Some(secret) = self.client_secret.clone() else { return Client::public(&self.client_id) };
        // RFC 7591 §3.2.1: the server may have registered another method than was asked for.
        match self.metadata.get("token_endpoint_auth_method").and_then(Value::as_str) {
            Some(method) => Client::new(&self.client_id, Authentication::by_secret(method, secret)),
            None => Client::with_secret(&self.client_id, secret, server),
        }
    }
}

/// Asks for a registration. `initial` is the token that servers want which do not register everybody (RFC 7591 §3).
///
/// # Errors
///
/// The server registers nobody, or the token has characters that no header can have.
pub fn request(server: &ServerMetadata, metadata: &Value, initial: Option<&Secret>) -> Result<Request, Error> {
    let url = server.endpoint("registration_endpoint", false)?;
    let mut request = ask::post(url, ask::JSON, &metadata.to_string());
    if let Some(token) = initial {
        request.headers.insert(AUTHORIZATION, ask::bearer(token)?);
    }
    Ok(request)
}

/// Reads a registration: the answer to [`request`], [`look`] or [`edit`].
///
/// # Errors
///
/// The server refused, or its answer is none.
pub fn read(server: &ServerMetadata, response: &Response, now: Timestamp) -> Result<Registered, Error> {
    let url = server.endpoint("registration_endpoint", false)?;
    let mut metadata = answer::members(url, response, now)?;
    let mut text = |name: &str| match metadata.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(answer::malformed(url, &format!("{name} is no text"))),
    };
    // RFC 7591 §3.2.1: client_id is required.
    let client_id = text("client_id")?.ok_or_else(|| answer::malformed(url, "it has no client_id"))?;
    let client_secret = text("client_secret")?.map(Secret::from);
    let (at, token) = (text("registration_client_uri")?, text("registration_access_token")?);
    let base = address::issuer(&server.issuer)?;
    if at.as_ref().is_some_and(|at| !address::may_name(&base, at)) {
        return Err(answer::malformed(url, "registration_client_uri is not an address that may stand there"));
    }
    // RFC 7591 §3.2.1: 0 is never.
    let ends = metadata.get("client_secret_expires_at").and_then(Value::as_i64).filter(|at| *at != 0);
    Ok(Registered {
        client_id,
        client_secret,
        secret_expires_at: ends.map(Timestamp::from_seconds),
        management: at.zip(token.map(Secret::from)),
        metadata,
    })
}

/// Reads the registration again (RFC 7592 §2.1).
///
/// # Errors
///
/// The token has characters that no header can have.
pub fn look(management: &(String, Secret)) -> Result<Request, Error> {
    managed(management, ask::get(&management.0, ask::JSON))
}

/// Replaces what is registered (RFC 7592 §2.2): `metadata` is all of it.
///
/// # Errors
///
/// The token has characters that no header can have.
pub fn edit(
    management: &(String, Secret),
    client_id: &str,
    mut metadata: Map<String, Value>,
) -> Result<Request, Error> {
    for ours in
        ["client_id_issued_at", "client_secret_expires_at", "registration_client_uri", "registration_access_token"]
    {
        // RFC 7592 §2.2: what only the server says is left out.
        metadata.remove(ours);
    }
    metadata.insert("client_id".to_owned(), client_id.into());
    let request = ask::post(&management.0, ask::JSON, &Value::Object(metadata).to_string());
    managed(management, Request { method: Method::PUT, ..request })
}

/// Ends the registration (RFC 7592 §2.3).
///
/// # Errors
///
/// The token has characters that no header can have.
pub fn end(management: &(String, Secret)) -> Result<Request, Error> {
    managed(management, Request { method: Method::DELETE, ..ask::get(&management.0, ask::JSON) })
}

/// Whether the registration has ended.
///
/// # Errors
///
/// The server refused.
pub fn ended(management: &(String, Secret), response: &Response, now: Timestamp) -> Result<(), Error> {
    answer::success(&management.0, response, now)
}

fn managed((_, token): &(String, Secret), mut request: Request) -> Result<Request, Error> {
    request.headers.insert(AUTHORIZATION, ask::bearer(token)?);
    Ok(request)
}

/// The document to be served at `url`, which then is the client's id: `metadata` with its id in it, checked as servers check it.
///
/// # Errors
///
/// The address cannot be an id, or the metadata not be such a document.
pub fn document(url: &str, mut metadata: Map<String, Value>) -> Result<Value, Error> {
    // Client ID Metadata Document §3.
    let id = ClientUrl::parse(url).ok_or_else(|| {
        Error::Local(format!(
            "{url}: an address that is a client's id is https, with a path, and written in the plainest way"
        ))
    })?;
    metadata.insert("client_id".to_owned(), url.into());
    metadata.entry("token_endpoint_auth_method").or_insert_with(|| "none".into());
    let document = Value::Object(metadata);
    // Client ID Metadata Document §4, §4.1.
    client_document::parse(document.to_string().as_bytes(), &id)
        .map_err(|denied| Error::Local(denied.text.into_owned()))?;
    Ok(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::answer::tests::{NOW, answer, json as answered};
    use super::super::party::tests::server;
    use super::*;

    fn members(of: Value) -> Map<String, Value> {
        let Value::Object(members) = of else { unreachable!() };
        members
    }

    // RFC 7591 §3, §3.2.1.
    #[test]
    fn who_registers_learns_its_id_and_how_to_prove_itself() {
        let server = server();
        let asked = request(&server, &json!({"client_name": "App"}), Some(&"hush".into())).unwrap();
        assert_eq!(
            (asked.headers[AUTHORIZATION].to_str().unwrap(), &*asked.body),
            ("Bearer hush", &br#"{"client_name":"App"}"#[..])
        );
        let body = json!({"client_id": "c", "client_secret": "s", "client_secret_expires_at": 0, "client_name": "App",
            "registration_client_uri": "https://as.example/register/c", "registration_access_token": "t"});
        let registered = read(&server, &answered(201, &body), NOW).unwrap();
        assert!(matches!(registered.client(&server).authentication, Authentication::SecretBasic(_)));
        let mut in_form = body.clone();
        in_form["token_endpoint_auth_method"] = json!("client_secret_post");
        let registered_so = read(&server, &answered(201, &in_form), NOW).unwrap();
        assert!(matches!(registered_so.client(&server).authentication, Authentication::SecretPost(_)));
        assert!(registered.secret_expires_at.is_none() && registered.metadata.contains_key("client_name"));
        assert!(
            !registered.metadata.contains_key("registration_access_token")
                && !format!("{registered:?}").contains('t'.to_string().repeat(2).as_str())
        );
        for (name, value) in [("client_id", Value::Null), ("registration_client_uri", json!("http://127.0.0.1/"))] {
            let mut wrong = body.clone();
            wrong[name] = value;
            assert!(read(&server, &answered(201, &wrong), NOW).is_err(), "{name}");
        }
        let refused = answered(400, &json!({"error": "invalid_redirect_uri"}));
        assert_eq!(read(&server, &refused, NOW).unwrap_err().code(), Some("invalid_redirect_uri"));
    }

    // RFC 7592 §2.1, §2.2, §2.3, §3.
    #[test]
    fn a_registration_is_looked_at_edited_and_ended_with_its_own_token() {
        let management = ("https://as.example/register/c".to_owned(), Secret::from("t"));
        let edited = edit(&management, "c", members(json!({"client_name": "New", "client_id_issued_at": 1}))).unwrap();
        assert_eq!((edited.method.as_str(), &*edited.body), ("PUT", &br#"{"client_id":"c","client_name":"New"}"#[..]));
        for (request, method) in
            [(look(&management).unwrap(), "GET"), (end(&management).unwrap(), "DELETE"), (edited, "PUT")]
        {
            assert_eq!(
                (request.method.as_str(), request.headers[AUTHORIZATION].to_str().unwrap()),
                (method, "Bearer t")
            );
        }
        ended(&management, &answer(204, &[], ""), NOW).unwrap();
        assert!(ended(&management, &answer(401, &[], ""), NOW).is_err());
    }

    // Client ID Metadata Document §3, §4, §4.1.
    #[test]
    fn a_document_of_ones_own_is_one_that_servers_take() {
        let url = "https://app.example/client.json";
        let metadata = json!({"client_name": "App", "redirect_uris": ["http://127.0.0.1/callback"]});
        let document = document(url, members(metadata.clone())).unwrap();
        assert_eq!((&document["client_id"], &document["token_endpoint_auth_method"]), (&json!(url), &json!("none")));
        assert!(super::document("https://app.example", members(metadata)).is_err());
        assert!(super::document(url, members(json!({"client_secret": "s"}))).is_err());
    }
}

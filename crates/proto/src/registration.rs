//! What a client sends to register itself (RFC 7591) and to edit its registration (RFC 7592).

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::client::{ClientMetadata, GrantType};
use crate::error::{Denied, ErrorCode, invalid_request};
use crate::jose::{self, Claims, Refused};
use crate::redirect_uri::RedirectUri;
use crate::time::{Lifetime, Timestamp};

/// The longest text of a refusal that repeats what the reader of the metadata said, in characters.
const LONGEST_TEXT: usize = 200;

/// RFC 7591 §2.3.
const STATEMENT: &str = "software_statement";

/// What only the server says of a registration (RFC 7591 §3.2.1, RFC 7592 §3).
const OURS: [&str; 4] =
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];

/// How far the clock of who made a statement may be from ours.
const SKEW: Lifetime = Lifetime::from_seconds(30);

/// What a client asks to be registered.
pub struct Requested {
    /// Its metadata: only members that mean something here.
    pub metadata: ClientMetadata,
    /// Its id, in an edit.
    pub client_id: Option<String>,
    /// Its secret, in an edit.
    pub client_secret: Option<Zeroizing<String>>,
}

/// The body of a registration request, before it is known what a software statement says.
pub struct Body {
    members: Map<String, Value>,
    statement: Option<String>,
}

impl Body {
    /// Reads it.
    pub fn parse(body: &[u8]) -> Result<Self, Denied> {
        let mut members = jose::object(body)
            .map_err(|_| invalid_request("the request body must be one JSON object whose members are there once"))?;
        // RFC 7592 §2.2: null is absent.
        members.retain(|_, value| !value.is_null());
        // RFC 7592 §2.2: what only the server may say.
        if let Some(name) = OURS.iter().find(|name| members.contains_key(**name)) {
            return Err(invalid_request(format!("{name}: is not the client's to give")));
        }
        // RFC 7591 §3.1.1: what is stated is looked at before what is said.
        let statement = text(members.remove(STATEMENT), STATEMENT)?;
        Ok(Self { members, statement })
    }

    /// The software statement that is in it (RFC 7591 §2.3).
    pub fn statement(&self) -> Option<&str> {
        self.statement.as_deref()
    }

    /// RFC 7591 §2.3: what somebody who is trusted states goes before what the client says.
    #[must_use]
    pub fn stated(mut self, stated: Map<String, Value>) -> Self {
        let own =
            |name: &str| name != STATEMENT && name != "client_id" && name != "client_secret" && !OURS.contains(&name);
        self.members.extend(stated.into_iter().filter(|(name, value)| own(name) && !value.is_null()));
        self
    }

    /// The metadata. A statement is kept as it came (RFC 7591 §3.2.1).
    pub fn requested(self) -> Result<Requested, Denied> {
        let Self { mut members, statement } = self;
        let client_id = text(members.remove("client_id"), "client_id")?;
        let client_secret = text(members.remove("client_secret"), "client_secret")?.map(Zeroizing::new);
        redirect_uris(&members)?;
        with_defaults(&mut members);
        let mut metadata: ClientMetadata =
            serde_json::from_value(Value::Object(members)).map_err(|error| unreadable(&error))?;
        // RFC 7591 §2: metadata that is not understood is ignored.
        metadata.rest.clear();
        metadata.rest.extend(statement.map(|text| (STATEMENT.to_owned(), text.into())));
        Ok(Requested { metadata, client_id, client_secret })
    }
}

impl Requested {
    /// Reads the body of a registration request of somebody who has nobody to vouch for them.
    pub fn parse(body: &[u8]) -> Result<Self, Denied> {
        let body = Body::parse(body)?;
        if body.statement().is_some() {
            return Err(unapproved());
        }
        body.requested()
    }
}

/// RFC 7591 §3.2.2: a statement of somebody who is not trusted.
pub fn unapproved() -> Denied {
    Denied::new(ErrorCode::UnapprovedSoftwareStatement, "software_statement: its issuer is not trusted here")
}

/// RFC 7591 §3.2.2: a statement that nobody can have made, or not for us, or not for now.
pub fn invalid_statement(why: impl std::fmt::Display) -> Denied {
    Denied::new(ErrorCode::InvalidSoftwareStatement, format!("software_statement: {why}"))
}

/// What a software statement states, once its signature was verified with the keys of its issuer.
pub fn statement_of(claims: Claims, issuer: &str, now: Timestamp) -> Result<Map<String, Value>, Denied> {
    // RFC 7519 §4.1.3: most are for everybody; one that says for whom it is must be for us.
    if !claims.aud.is_empty() && !claims.aud.iter().any(|aud| aud == issuer) {
        return Err(invalid_statement(Refused::Audience));
    }
    // RFC 7519 §4.1.4, §4.1.5, §4.1.6.
    if claims.exp.is_some_and(|exp| now >= exp.plus(SKEW)) {
        return Err(invalid_statement(Refused::Expired));
    }
    if [claims.nbf, claims.iat].into_iter().flatten().any(|from| from > now.plus(SKEW)) {
        return Err(invalid_statement(Refused::NotYet));
    }
    Ok(claims.rest)
}

/// RFC 7591 §2, §3.2.2: told apart from other metadata.
fn redirect_uris(members: &Map<String, Value>) -> Result<(), Denied> {
    let wrong = |text: String| Denied::new(ErrorCode::InvalidRedirectUri, text);
    let uris = match members.get("redirect_uris") {
        None => return Ok(()),
        Some(Value::Array(uris)) => uris,
        Some(_) => return Err(wrong("redirect_uris: must be a list".to_owned())),
    };
    for uri in uris {
        let uri = uri.as_str().ok_or_else(|| wrong("redirect_uris: must be a list of texts".to_owned()))?;
        RedirectUri::parse(uri).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(())
}

/// RFC 7591 §2: what an absent member means; and grant types that are not here are replaced by those that are.
fn with_defaults(members: &mut Map<String, Value>) {
    members.entry("token_endpoint_auth_method").or_insert_with(|| "client_secret_basic".into());
    let grant_types = members.entry("grant_types").or_insert_with(|| json!(["authorization_code"]));
    if let Value::Array(names) = grant_types {
        names.retain(|name| name.as_str().is_none_or(|name| GrantType::parse(name).is_some()));
    }
}

fn text(value: Option<Value>, name: &str) -> Result<Option<String>, Denied> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid_request(format!("{name}: must be a text"))),
    }
}

fn unreadable(error: &serde_json::Error) -> Denied {
    let text: String = error.to_string().chars().take(LONGEST_TEXT).collect();
    Denied::new(ErrorCode::InvalidClientMetadata, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> &'static str {
        Requested::parse(body.as_bytes()).map_or_else(|denied| denied.code.as_str(), |_| "taken")
    }

    // RFC 7591 §2, RFC 7592 §2.2.
    #[test]
    fn absent_members_have_the_defaults_of_the_rfc_and_unknown_ones_are_ignored() {
        let body =
            br#"{"redirect_uris":["https://a.example/cb"],"client_name#de":"x","from_the_future":[1],"logo_uri":null}"#;
        let metadata = Requested::parse(body).unwrap().metadata;
        assert_eq!(metadata.token_endpoint_auth_method.as_str(), "client_secret_basic");
        assert_eq!(metadata.grant_types, [GrantType::AuthorizationCode]);
        assert!(metadata.rest.is_empty() && metadata.logo_uri.is_none());
        let known = Requested::parse(br#"{"grant_types":["refresh_token","urn:of:tomorrow"]}"#).unwrap().metadata;
        assert_eq!(known.grant_types, [GrantType::RefreshToken]);
    }

    // RFC 7591 §2.3, §3.2.1.
    #[test]
    fn what_is_stated_goes_before_what_is_said_and_the_statement_is_kept() {
        let body = br#"{"client_name":"me","scope":"a","software_statement":"a.b.c"}"#;
        let stated = json!({"client_name": "They", "client_id": "x", "software_id": "7", "client_id_issued_at": 1});
        let Value::Object(stated) = stated else { panic!() };
        let requested = Body::parse(body).unwrap().stated(stated).requested().unwrap();
        let metadata = requested.metadata;
        assert_eq!((metadata.client_name.as_str(), metadata.scope.as_str()), ("They", "a"));
        assert_eq!((metadata.about.software_id.as_deref(), requested.client_id), (Some("7"), None));
        assert_eq!(metadata.rest.get("software_statement"), Some(&json!("a.b.c")));
    }

    // RFC 7519 §4.1.
    #[test]
    fn a_statement_for_somebody_else_or_another_time_is_refused() {
        let now = Timestamp::from_seconds(1_795_000_000);
        let time = |seconds| Some(Timestamp::from_seconds(now.seconds() + seconds));
        let aud = vec!["https://as.example".to_owned()];
        let code =
            |claims| statement_of(claims, "https://as.example", now).map_or_else(|no| no.code.as_str(), |_| "taken");
        for (claims, expected) in [
            (Claims::default(), "taken"),
            (Claims { aud: aud.clone(), exp: time(1), nbf: time(-1), iat: time(-1), ..Claims::default() }, "taken"),
            (
                Claims { aud: vec!["https://other.example".to_owned()], ..Claims::default() },
                "invalid_software_statement",
            ),
            (Claims { exp: time(-30), ..Claims::default() }, "invalid_software_statement"),
            (Claims { nbf: time(31), ..Claims::default() }, "invalid_software_statement"),
            (Claims { iat: time(31), ..Claims::default() }, "invalid_software_statement"),
        ] {
            assert_eq!(code(claims), expected);
        }
    }

    // RFC 7591 §3.1.1, §3.2.2, RFC 7592 §2.2.
    #[test]
    fn each_refusal_has_the_code_of_the_rfc() {
        for (body, expected) in [
            ("", "invalid_request"),
            ("[]", "invalid_request"),
            (r#"{"client_name":"a","client_name":"b"}"#, "invalid_request"),
            (r#"{"client_id":1}"#, "invalid_request"),
            (r#"{"registration_access_token":"x"}"#, "invalid_request"),
            (r#"{"client_name":1}"#, "invalid_client_metadata"),
            (r#"{"token_endpoint_auth_method":"magic"}"#, "invalid_client_metadata"),
            (r#"{"grant_types":"authorization_code"}"#, "invalid_client_metadata"),
            (r#"{"scope":["a"]}"#, "invalid_client_metadata"),
            (r#"{"redirect_uris":"https://a.example"}"#, "invalid_redirect_uri"),
            (r#"{"redirect_uris":[1]}"#, "invalid_redirect_uri"),
            (r#"{"redirect_uris":["javascript:alert(1)"]}"#, "invalid_redirect_uri"),
            (r#"{"redirect_uris":["https://a.example/#x"]}"#, "invalid_redirect_uri"),
            (r#"{"software_statement":"a.b.c"}"#, "unapproved_software_statement"),
            ("{}", "taken"),
        ] {
            assert_eq!(code(body), expected, "{body}");
        }
    }
}

//! What a client sends to register itself (RFC 7591) and to edit its registration (RFC 7592).

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::client::{ClientMetadata, GrantType};
use crate::error::{Denied, ErrorCode, invalid_request};
use crate::jose;
use crate::redirect_uri::RedirectUri;

/// The longest text of a refusal that repeats what the reader of the metadata said, in characters.
const LONGEST_TEXT: usize = 200;

/// What a client asks to be registered.
pub struct Requested {
    /// Its metadata: only members that mean something here.
    pub metadata: ClientMetadata,
    /// Its id, in an edit.
    pub client_id: Option<String>,
    /// Its secret, in an edit.
    pub client_secret: Option<Zeroizing<String>>,
}

impl Requested {
    /// Reads the body of a registration request.
    pub fn parse(body: &[u8]) -> Result<Self, Denied> {
        let mut members = jose::object(body)
            .map_err(|_| invalid_request("the request body must be one JSON object whose members are there once"))?;
        // RFC 7592 §2.2: null is absent.
        members.retain(|_, value| !value.is_null());
        // RFC 7591 §3.1.1: we know nobody whose statements we would take.
        if members.contains_key("software_statement") {
            let text = "software_statement: its issuer is not known here";
            return Err(Denied::new(ErrorCode::UnapprovedSoftwareStatement, text));
        }
        // RFC 7592 §2.2: what only the server may say.
        let ours =
            ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];
        if let Some(name) = ours.iter().find(|name| members.contains_key(**name)) {
            return Err(invalid_request(format!("{name}: is not the client's to give")));
        }
        let client_id = text(members.remove("client_id"), "client_id")?;
        let client_secret = text(members.remove("client_secret"), "client_secret")?.map(Zeroizing::new);
        redirect_uris(&members)?;
        with_defaults(&mut members);
        let mut metadata: ClientMetadata =
            serde_json::from_value(Value::Object(members)).map_err(|error| unreadable(&error))?;
        // RFC 7591 §2: metadata that is not understood is ignored.
        metadata.rest.clear();
        Ok(Self { metadata, client_id, client_secret })
    }
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

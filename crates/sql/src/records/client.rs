//! Clients.

use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, ClientSecret, Origin, Rest};
use firman_store::{CommitId, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{body, from_spaced, spaced};
use crate::row::Columns;
use crate::value::{Value, hex, values};

/// The members of the metadata that are columns of their own.
const COLUMNS: [&str; 9] = [
    "client_name",
    "redirect_uris",
    "token_endpoint_auth_method",
    "grant_types",
    "scope",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
];

/// The members that have had a column since version 2 of the schema, in its order; lists and objects are JSON text. Until its
/// column is filled a member is read from the body.
const LATER: [(&str, As); 40] = [
    ("description", As::Text),
    ("response_types", As::Json),
    ("response_modes", As::Json),
    ("jwks", As::Json),
    ("jwks_uri", As::Text),
    ("contacts", As::Json),
    ("software_id", As::Text),
    ("software_version", As::Text),
    ("application_type", As::Text),
    ("sector_identifier_uri", As::Text),
    ("subject_type", As::Text),
    ("initiate_login_uri", As::Text),
    ("token_endpoint_auth_signing_alg", As::Text),
    ("id_token_signed_response_alg", As::Both),
    ("id_token_encrypted_response_alg", As::Text),
    ("id_token_encrypted_response_enc", As::Text),
    ("userinfo_signed_response_alg", As::Text),
    ("userinfo_encrypted_response_alg", As::Text),
    ("userinfo_encrypted_response_enc", As::Text),
    ("request_object_signing_alg", As::Text),
    ("request_object_encryption_alg", As::Text),
    ("request_object_encryption_enc", As::Text),
    ("request_uris", As::Json),
    ("require_signed_request_object", As::Flag),
    ("authorization_signed_response_alg", As::Text),
    ("authorization_encrypted_response_alg", As::Text),
    ("authorization_encrypted_response_enc", As::Text),
    ("require_pushed_authorization_requests", As::Flag),
    ("dpop_bound_access_tokens", As::Flag),
    ("tls_client_auth_subject_dn", As::Text),
    ("tls_client_auth_san_dns", As::Text),
    ("tls_client_auth_san_uri", As::Text),
    ("tls_client_auth_san_ip", As::Text),
    ("tls_client_auth_san_email", As::Text),
    ("tls_client_certificate_bound_access_tokens", As::Flag),
    ("post_logout_redirect_uris", As::Json),
    ("frontchannel_logout_uri", As::Text),
    ("frontchannel_logout_session_required", As::Flag),
    ("backchannel_logout_uri", As::Text),
    ("backchannel_logout_session_required", As::Flag),
];

/// How a member stands in its column.
#[derive(Clone, Copy, Debug, PartialEq)]
enum As {
    Text,
    Flag,
    Json,
    /// Written to its column and to the body, and read from the body, as the program of version 1 does. The next version of the
    /// schema may read the column.
    Both,
}

/// A whole row.
pub(crate) fn row(client: &Client, by: CommitId) -> Vec<Value> {
    let key = Client::key(client.issuer, &client.client_id);
    let mut row = values![client.id, client.issuer, key, client.client_id.as_str()];
    row.extend(editable(client, 0, by));
    row
}

/// What an edit writes, with the revision it makes.
pub(crate) fn editable(client: &Client, revision: u64, by: CommitId) -> Vec<Value> {
    let metadata = &client.metadata;
    let mut members = body::members(metadata);
    let later = LATER.map(|(name, kind)| column(&mut members, name, kind));
    let mut row = values![
        client.enabled,
        client.owner.as_deref(),
        secrets_text(&client.secrets),
        metadata.client_name.as_str(),
        spaced(metadata.redirect_uris.iter().map(RedirectUri::as_str)),
        metadata.token_endpoint_auth_method.as_str(),
        spaced(metadata.grant_types.iter().map(|grant_type| grant_type.as_str())),
        metadata.scope.as_str(),
        metadata.client_uri.as_deref(),
        metadata.logo_uri.as_deref(),
        metadata.policy_uri.as_deref(),
        metadata.tos_uri.as_deref(),
        origin_number(client.origin),
        client.created_at,
        client.updated_at,
        revision,
        by,
        body_text(client, members),
    ];
    row.extend(later);
    row
}

/// Takes a member out of the metadata as the value of its column.
fn column(members: &mut Rest, name: &str, kind: As) -> Value {
    let member = if kind == As::Both { members.get(name).cloned() } else { members.remove(name) };
    match member {
        None => Value::Null,
        Some(Json::String(text)) => text.into(),
        Some(Json::Bool(flag)) => flag.into(),
        Some(other) => other.to_string().into(),
    }
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Client, StoreError> {
    let (id, issuer) = (columns.id()?, columns.issuer()?);
    columns.skip(1);
    let client_id = columns.string()?;
    let (enabled, owner) = (columns.flag()?, columns.maybe_string()?);
    let secrets = columns.parsed("list of secrets", read_secrets)?;
    let mut metadata = ClientMetadata::new(columns.text()?, AuthMethod::None);
    metadata.redirect_uris =
        columns.parsed("redirect URIs", |text| from_spaced(text, |uri| RedirectUri::parse(uri).ok()))?;
    metadata.token_endpoint_auth_method = columns.parsed("authentication method", AuthMethod::parse)?;
    metadata.grant_types = columns.parsed("grant types", |text| from_spaced(text, GrantType::parse))?;
    metadata.scope = columns.scope()?;
    metadata.client_uri = columns.maybe_string()?;
    metadata.logo_uri = columns.maybe_string()?;
    metadata.policy_uri = columns.maybe_string()?;
    metadata.tos_uri = columns.maybe_string()?;
    let origin = columns.numbered(origin_of)?;
    let (created_at, updated_at) = (columns.time()?, columns.time()?);
    let revision = columns.unsigned()?;
    columns.skip(1);
    let mut members = body::read(columns)?;
    let mut rest = body::take(&mut members, "metadata", columns)?;
    for (name, kind) in LATER {
        if let Some(member) = read_member(columns, kind)? {
            rest.insert(name.to_owned(), member);
        }
    }
    let policy = body::made_of(body::take(&mut members, "policy", columns)?, columns)?;
    let registration = match members.remove("registration") {
        None => None,
        Some(stored) => Some(serde_json::from_value(stored).map_err(|_| columns.wrong("registration"))?),
    };
    let metadata = with_rest(metadata, rest, columns)?;
    Ok(Client {
        id,
        issuer,
        client_id,
        enabled,
        owner,
        secrets,
        metadata,
        origin,
        policy,
        registration,
        created_at,
        updated_at,
        revision,
    })
}

/// The member in the next column; `None` where it is empty, or is read from the body.
fn read_member(columns: &mut Columns<'_>, kind: As) -> Result<Option<Json>, StoreError> {
    if kind == As::Both {
        columns.skip(1);
        return Ok(None);
    }
    if kind == As::Flag {
        return Ok(columns.maybe_int()?.map(|flag| Json::Bool(flag != 0)));
    }
    let Some(text) = columns.maybe_text()? else { return Ok(None) };
    if kind == As::Text {
        return Ok(Some(text.into()));
    }
    serde_json::from_str(text).map(Some).map_err(|_| columns.wrong("JSON"))
}

/// `metadata`: the members that have no column.
fn body_text(client: &Client, mut metadata: Rest) -> String {
    metadata.retain(|name, _| !COLUMNS.contains(&name.as_str()));
    let policy = body::members(&client.policy);
    let mut members =
        Rest::from_iter([("metadata".to_owned(), Json::Object(metadata)), ("policy".to_owned(), Json::Object(policy))]);
    if let Some(registration) = &client.registration {
        members.insert("registration".to_owned(), Json::Object(body::members(registration)));
    }
    body::write(members)
}

/// Adds the members that are in the body to those that are columns.
fn with_rest(metadata: ClientMetadata, rest: Rest, columns: &Columns<'_>) -> Result<ClientMetadata, StoreError> {
    if rest.is_empty() {
        return Ok(metadata);
    }
    let mut members = body::members(&metadata);
    members.extend(rest);
    body::made_of(members, columns)
}

/// How a secret's digest stands in the database: in hexadecimal, for people who look.
#[derive(Serialize, Deserialize)]
struct StoredSecret {
    sha256: String,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

pub(super) fn secrets_text(secrets: &[ClientSecret]) -> String {
    let stored = |secret: &ClientSecret| StoredSecret {
        sha256: hex(&secret.digest),
        created_at: secret.created_at,
        expires_at: secret.expires_at,
        sealed: secret.sealed.clone(),
    };
    let stored: Vec<_> = secrets.iter().map(stored).collect();
    serde_json::to_value(stored).unwrap_or_default().to_string()
}

pub(super) fn read_secrets(text: &str) -> Option<Vec<ClientSecret>> {
    let stored: Vec<StoredSecret> = serde_json::from_str(text).ok()?;
    let secret = |stored: StoredSecret| {
        let digest = bytes_of(&stored.sha256)?;
        let StoredSecret { created_at, expires_at, sealed, .. } = stored;
        Some(ClientSecret { digest, created_at, expires_at, sealed })
    };
    stored.into_iter().map(secret).collect()
}

fn bytes_of(hex: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    bytes?.try_into().ok()
}

fn origin_number(origin: Origin) -> u8 {
    match origin {
        Origin::Registered => 1,
        Origin::Configured => 2,
        Origin::MetadataDocument => 3,
    }
}

fn origin_of(number: u8) -> Option<Origin> {
    [Origin::Registered, Origin::Configured, Origin::MetadataDocument]
        .into_iter()
        .find(|origin| origin_number(*origin) == number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firman_store::conformance::fixtures;

    #[test]
    fn every_member_with_a_column_is_one_of_the_metadata() {
        let mut metadata = fixtures::client().metadata;
        for uri in [&mut metadata.client_uri, &mut metadata.logo_uri, &mut metadata.policy_uri, &mut metadata.tos_uri] {
            *uri = Some("https://app.example/".to_owned());
        }
        let members = body::members(&metadata);
        assert!(COLUMNS.iter().all(|name| members.contains_key(*name)));
    }

    #[test]
    fn secrets_read_back() {
        let secrets = fixtures::client().secrets;
        assert_eq!(read_secrets(&secrets_text(&secrets)), Some(secrets));
        assert_eq!(read_secrets(&secrets_text(&[])), Some(vec![]));
        assert_eq!(read_secrets(r#"[{"sha256":"00","created_at":0}]"#), None);
    }
}

//! The members of a client's metadata and policy: one list for what is taken and for what the document says.

use firman_engine::operator::{OPERATORS, Operator};
use firman_proto::client::ClientMetadata;
use firman_proto::registration::Requested;
use firman_proto::scope::Scope;
use firman_store::record::ClientPolicy;
use serde_json::{Map, Value};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Object, RefOr};

use super::problem::Problem;

/// What a member holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    Whole,
    Texts,
    Object,
}
use Kind::{Flag, Object as Json, Text, Texts, Whole};

/// RFC 7591 §2, OpenID Connect Registration §2, and what later specifications add.
const METADATA: &[(&str, Kind)] = &[
    ("application_type", Text),
    ("authorization_details_types", Texts),
    ("authorization_encrypted_response_alg", Text),
    ("authorization_encrypted_response_enc", Text),
    ("authorization_signed_response_alg", Text),
    ("backchannel_authentication_request_signing_alg", Text),
    ("backchannel_client_notification_endpoint", Text),
    ("backchannel_logout_session_required", Flag),
    ("backchannel_logout_uri", Text),
    ("backchannel_token_delivery_mode", Text),
    ("backchannel_user_code_parameter", Flag),
    ("client_name", Text),
    ("client_uri", Text),
    ("contacts", Texts),
    ("default_acr_values", Texts),
    ("default_max_age", Whole),
    ("description", Text),
    ("dpop_bound_access_tokens", Flag),
    ("frontchannel_logout_session_required", Flag),
    ("frontchannel_logout_uri", Text),
    ("grant_types", Texts),
    ("id_token_encrypted_response_alg", Text),
    ("id_token_encrypted_response_enc", Text),
    ("id_token_signed_response_alg", Text),
    ("initiate_login_uri", Text),
    ("introspection_encrypted_response_alg", Text),
    ("introspection_signed_response_alg", Text),
    ("jwks", Json),
    ("jwks_uri", Text),
    ("logo_uri", Text),
    ("policy_uri", Text),
    ("post_logout_redirect_uris", Texts),
    ("redirect_uris", Texts),
    ("request_object_encryption_alg", Text),
    ("request_object_encryption_enc", Text),
    ("request_object_signing_alg", Text),
    ("request_uris", Texts),
    ("require_auth_time", Flag),
    ("require_pushed_authorization_requests", Flag),
    ("require_signed_request_object", Flag),
    ("response_modes", Texts),
    ("response_types", Texts),
    ("scope", Text),
    ("sector_identifier_uri", Text),
    ("software_id", Text),
    ("software_version", Text),
    ("subject_type", Text),
    ("tls_client_auth_san_dns", Text),
    ("tls_client_auth_san_email", Text),
    ("tls_client_auth_san_ip", Text),
    ("tls_client_auth_san_uri", Text),
    ("tls_client_auth_subject_dn", Text),
    ("tls_client_certificate_bound_access_tokens", Flag),
    ("token_endpoint_auth_method", Text),
    ("token_endpoint_auth_signing_alg", Text),
    ("tos_uri", Text),
    ("userinfo_encrypted_response_alg", Text),
    ("userinfo_encrypted_response_enc", Text),
    ("userinfo_signed_response_alg", Text),
];

/// Where a client differs from the server's policy.
const POLICY: &[(&str, Kind)] = &[
    ("access_token_format", Text),
    ("access_token_seconds", Whole),
    ("allow_plain_pkce", Flag),
    ("endpoint_audience", Flag),
    ("exchange", Json),
    ("introspect_any", Flag),
    ("on_refresh_reuse", Text),
    ("one_grant", Flag),
    ("refresh", Text),
    ("refresh_idle_seconds", Whole),
    ("refresh_token_seconds", Whole),
    ("require_pkce", Flag),
    ("resources", Texts),
    ("retry_window_seconds", Whole),
    ("reuse_access_token", Flag),
    ("skip_consent", Flag),
    ("verified", Flag),
    ("wider_scope", Text),
];

/// The schema of metadata.
pub(super) fn metadata_schema() -> Object {
    object(METADATA, "RFC 7591 client metadata.")
}

/// The schema of a policy.
pub(super) fn policy_schema() -> Object {
    object(POLICY, "Where the client differs from the server's policy; null or absent is the server's.")
}

fn object(members: &[(&str, Kind)], about: &str) -> Object {
    let object = ObjectBuilder::new().description(Some(about));
    let object = members.iter().fold(object, |object, (name, kind)| object.property(*name, schema(*kind)));
    object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false))).build()
}

fn schema(kind: Kind) -> RefOr<Schema> {
    let of = |of: Type| ObjectBuilder::new().schema_type(SchemaType::Array(vec![of, Type::Null]));
    RefOr::T(Schema::Object(match kind {
        Text => of(Type::String).build(),
        Flag => of(Type::Boolean).build(),
        Whole => of(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).build(),
        Json => of(Type::Object).build(),
        Texts => {
            let texts = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String));
            return RefOr::T(Schema::Array(
                texts.schema_type(SchemaType::Array(vec![Type::Array, Type::Null])).build(),
            ));
        }
    }))
}

/// Reads metadata; a member that is not known is refused, and so is a grant type.
pub(super) fn metadata(members: Map<String, Value>) -> Result<ClientMetadata, Problem> {
    refuse_unknown(&members, METADATA, "metadata")?;
    let asked = members.get("grant_types").and_then(Value::as_array).map(Vec::len);
    let requested = Requested::parse(Value::Object(members).to_string().as_bytes())?;
    if asked.is_some_and(|asked| asked != requested.metadata.grant_types.len()) {
        return Err(Problem::invalid("metadata.grant_types: one of them is not known here"));
    }
    Ok(requested.metadata)
}

/// Reads a policy.
pub(super) fn policy(mut members: Map<String, Value>) -> Result<ClientPolicy, Problem> {
    refuse_unknown(&members, POLICY, "policy")?;
    members.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(members)).map_err(|error| Problem::invalid(format!("policy: {error}")))
}

fn refuse_unknown(members: &Map<String, Value>, known: &[(&str, Kind)], of: &str) -> Result<(), Problem> {
    let unknown = members.keys().find(|name| !known.iter().any(|(known, _)| known == *name));
    unknown.map_or(Ok(()), |name| Err(Problem::invalid(format!("{of}.{}: is not known", shortened(name)))))
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

/// The members of a value, without those that are not said.
pub(super) fn said(value: &impl serde::Serialize) -> Map<String, Value> {
    let mut members = match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    members.retain(|_, value| !value.is_null());
    members
}

/// The members of a policy in which it differs from the server's.
pub(super) fn differing(policy: &ClientPolicy) -> Map<String, Value> {
    let usual = said(&ClientPolicy::default());
    said(policy).into_iter().filter(|(name, value)| usual.get(name) != Some(value)).collect()
}

/// Only who makes operators, and could do as much, may touch what could act as one.
pub(super) fn must_cover(operator: &Operator, power: &Scope) -> Result<(), Problem> {
    if power.is_empty() || (operator.scope.contains(OPERATORS) && power.is_within(&operator.scope)) {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "scope: this is an operator's, or would be: {OPERATORS} and what it may do are needed"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample(name: &str, kind: Kind) -> Value {
        match (name, kind) {
            ("token_endpoint_auth_method", _) => json!("none"),
            ("grant_types", _) => json!(["refresh_token"]),
            ("redirect_uris", _) => json!(["https://a.example/"]),
            ("id_token_signed_response_alg", _) => json!("ES256"),
            ("access_token_format", _) => json!("jwt"),
            ("refresh", _) => json!("reuse"),
            ("on_refresh_reuse", _) => json!("subject"),
            ("wider_scope", _) => json!("intersect"),
            ("exchange", _) => json!({"tokens_of": ["*"], "impersonate": false, "id_jag_for": []}),
            (_, Text) => json!("a"),
            (_, Flag) => json!(true),
            (_, Whole) => json!(60),
            (_, Texts) => json!(["a"]),
            (_, Json) => json!({"keys": []}),
        }
    }

    #[test]
    fn every_member_of_the_list_is_one_of_the_record_and_none_is_missing() {
        let of = |list: &[(&str, Kind)]| -> Map<String, Value> {
            list.iter().map(|(name, kind)| ((*name).to_owned(), sample(name, *kind))).collect()
        };
        let read = metadata(of(METADATA)).map_err(|problem| format!("{problem:?}")).unwrap();
        assert!(read.rest.is_empty());
        assert_eq!(Value::Object(said(&read)), Value::Object(of(METADATA)));
        let read = policy(of(POLICY)).map_err(|problem| format!("{problem:?}")).unwrap();
        assert!(read.rest.is_empty());
        assert_eq!(Value::Object(said(&read)), Value::Object(of(POLICY)));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for members in [json!({"redirect_uri": "x"}), json!({"client_secret": "x"}), json!({"grant_types": ["magic"]})]
        {
            let Value::Object(members) = members else { panic!() };
            assert!(metadata(members.clone()).is_err(), "{members:?}");
        }
        assert!(policy(Map::from_iter([("skip".to_owned(), json!(true))])).is_err());
        assert!(policy(Map::from_iter([("skip_consent".to_owned(), json!("yes"))])).is_err());
    }

    #[test]
    fn a_policy_says_where_it_differs_and_no_more() {
        let of = |members: Value| {
            let Value::Object(members) = members else { unreachable!() };
            let read = policy(members).map_err(|problem| format!("{problem:?}")).unwrap();
            Value::Object(differing(&read))
        };
        assert_eq!(of(json!({"allow_plain_pkce": false, "require_pkce": null})), json!({}));
        let differs = json!({"skip_consent": true, "one_grant": false, "require_pkce": false});
        assert_eq!(of(differs.clone()), differs);
    }
}

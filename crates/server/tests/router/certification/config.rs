//! Config: what the server says about itself.

use serde_json::Value;

use super::suite::Suite;
use crate::world::ISSUER;

fn words<'v>(document: &'v Value, name: &str) -> Vec<&'v str> {
    let list = document[name].as_array().unwrap_or_else(|| panic!("{name} is missing"));
    list.iter().map(|word| word.as_str().unwrap()).collect()
}

/// Members of the registries of OAuth and OpenID metadata that this server has something to say of.
const KNOWN: &[&str] = &[
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "pushed_authorization_request_endpoint",
    "device_authorization_endpoint",
    "backchannel_authentication_endpoint",
    "end_session_endpoint",
    "check_session_iframe",
    "frontchannel_logout_supported",
    "frontchannel_logout_session_supported",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "acr_values_supported",
    "subject_types_supported",
    "claims_supported",
    "claim_types_supported",
    "claims_locales_supported",
    "ui_locales_supported",
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "require_signed_request_object",
    "require_pushed_authorization_requests",
    "prompt_values_supported",
    "display_values_supported",
    "code_challenge_methods_supported",
    "authorization_response_iss_parameter_supported",
    "authorization_details_types_supported",
    "client_id_metadata_document_supported",
    "tls_client_certificate_bound_access_tokens",
    "mtls_endpoint_aliases",
    "dpop_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "id_token_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported",
    "id_token_encryption_enc_values_supported",
    "userinfo_signing_alg_values_supported",
    "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported",
    "request_object_signing_alg_values_supported",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported",
    "authorization_signing_alg_values_supported",
    "authorization_encryption_alg_values_supported",
    "authorization_encryption_enc_values_supported",
    "introspection_signing_alg_values_supported",
    "introspection_encryption_alg_values_supported",
    "introspection_encryption_enc_values_supported",
    "service_documentation",
    "op_policy_uri",
    "op_tos_uri",
    // Our own: where resource servers are told of what is withdrawn.
    "revocation_feed_endpoint",
];

#[tokio::test]
async fn the_document_has_every_member_of_its_type_and_no_unknown_one() {
    let suite = Suite::new().await;
    let document = suite.discovery().await;
    assert_eq!(document["issuer"], ISSUER);
    for (name, value) in document.as_object().unwrap() {
        assert!(KNOWN.contains(&name.as_str()), "{name} is in no registry");
        let right = match name.as_str() {
            of if of.ends_with("_endpoint") || of.ends_with("_uri") => {
                value.as_str().is_some_and(|at| at.starts_with("https://"))
            }
            of if of.ends_with("_supported") => value.is_array() || value.is_boolean(),
            _ => value.is_string() || value.is_boolean(),
        };
        assert!(right, "{name}: {value}");
        if let Some(list) = value.as_array() {
            assert!(!list.is_empty() && list.iter().all(Value::is_string), "{name}: {value}");
        }
    }
    for required in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        assert!(document[required].is_string(), "{required}");
    }
    let scopes = words(&document, "scopes_supported");
    assert!(scopes.contains(&"openid") && scopes.iter().all(|scope| scope.bytes().all(|b| b.is_ascii_graphic())));
    for (list, needed) in [
        ("response_types_supported", "code"),
        ("response_types_supported", "id_token"),
        ("response_types_supported", "id_token token"),
        ("grant_types_supported", "authorization_code"),
        ("grant_types_supported", "implicit"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("userinfo_signing_alg_values_supported", "RS256"),
        ("request_object_signing_alg_values_supported", "RS256"),
        ("subject_types_supported", "pairwise"),
        ("code_challenge_methods_supported", "S256"),
        ("claims_supported", "sub"),
        ("ui_locales_supported", "en"),
    ] {
        assert!(words(&document, list).contains(&needed), "{list} has no {needed}");
    }
    for listed in ["id_token", "userinfo", "request_object"] {
        let algorithms = words(&document, &format!("{listed}_signing_alg_values_supported"));
        assert!(!algorithms.contains(&"none"), "{listed}");
    }
}

#[tokio::test]
async fn the_keys_have_names_of_their_own_and_no_private_part() {
    let suite = Suite::new().await;
    let keys = suite.document("/oauth2/jwks").await["keys"].as_array().unwrap().clone();
    let mut names: Vec<_> = keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), keys.len());
    for key in &keys {
        assert!(["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|private| key[*private].is_null()), "{key}");
        assert!(key["use"] == "sig" || key["use"] == "enc", "{key}");
    }
    assert!(keys.iter().any(|key| key["alg"] == "RS256") && keys.iter().any(|key| key["use"] == "enc"));
}

// OpenID Connect Discovery §2, RFC 7033 §4.2, §10.2.
#[tokio::test]
async fn who_has_an_address_here_finds_this_issuer() {
    let suite = Suite::new().await;
    let ask = async |query: &str| {
        let request = axum::http::Request::get(format!("/.well-known/webfinger?{query}"));
        suite.world.give(request.body(axum::body::Body::empty()).unwrap()).await
    };
    let rel = "rel=http%3A%2F%2Fopenid.net%2Fspecs%2Fconnect%2F1.0%2Fissuer";
    let told = ask(&format!("resource=acct%3Ajoe%40login.example&{rel}")).await;
    assert_eq!((told.status.as_u16(), &told.headers["content-type"].to_str().unwrap()), (200, &"application/jrd+json"));
    assert_eq!(serde_json::from_str::<Value>(&told.body).unwrap()["links"][0]["href"], ISSUER);
    assert_eq!(told.headers["access-control-allow-origin"], "*");
    assert_eq!(ask("resource=acct%3Ajoe%40other.example").await.status.as_u16(), 404);
    assert_eq!(ask(rel).await.status.as_u16(), 400);
}

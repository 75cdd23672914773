//! What clients say of themselves: their addresses, their documents, their registrations, their certificates.

use firman_proto::client::ClientMetadata;
use firman_proto::client_document::{self, ClientUrl};
use firman_proto::credentials::AuthMethod;
use firman_proto::issuer::Issuer;
use firman_proto::registration::Requested;

use crate::mutator::{each, shown};

const ID: &str = "https://app.example/oauth/client.json";

const DOCUMENTS: &[&str] = &[
    r#"{"client_id":"https://app.example/oauth/client.json","client_name":"App","redirect_uris":["https://app.example/cb"],
        "token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"scope":"openid a b"}"#,
    r#"{"client_id":"https://app.example/oauth/client.json","redirect_uris":["com.example.app:/cb"],"contacts":["a@app.example"],
        "token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]},
        "default_max_age":60,"response_types":["code"],"require_pushed_authorization_requests":true,"logo_uri":null}"#,
];

#[test]
fn an_address_that_is_a_client_has_one_text() {
    for_addresses("client_url", |text, input| {
        let Some(url) = ClientUrl::parse(text) else { return };
        assert_eq!(url.as_str(), text);
        assert!(text.starts_with("https://") && !url.host().is_empty(), "{}", shown(input));
        let authority = text["https://".len()..].split('/').next().unwrap();
        let address = text.split('?').next().unwrap();
        assert!(!text.contains(['#', ' ', '\n']) && !authority.contains(['@', '\\']), "{}", shown(input));
        assert!(!address.contains("/../") && !address.contains("/./"), "{}", shown(input));
    });
}

#[test]
fn an_issuer_has_one_text() {
    for_addresses("issuer", |text, input| {
        let Ok(issuer) = Issuer::parse(text) else { return };
        assert_eq!(issuer.as_str(), text);
        assert!(!text.contains(['#', '?', '@', ' ', '\n']) && !text.ends_with('/'), "{}", shown(input));
        assert_eq!(format!("{}{}", issuer.origin(), issuer.path()), text, "{}", shown(input));
    });
}

fn for_addresses(name: &str, mut read: impl FnMut(&str, &[u8])) {
    let corpus = [ID, "https://login.example/tenant", "https://login.example:8443/a/b?v=1", "http://127.0.0.1:8080"];
    each(name, &corpus, |input| {
        if let Ok(text) = std::str::from_utf8(input) {
            read(text, input);
        }
    });
}

#[test]
fn a_document_is_of_its_address_and_has_no_secret() {
    let url = ClientUrl::parse(ID).unwrap();
    each("client_document", DOCUMENTS, |input| {
        let Ok(said) = client_document::parse(input, &url) else { return };
        assert!(input.len() <= 10 * 1024 && said.client_id.as_deref() == Some(ID), "{}", shown(input));
        let method = said.metadata.token_endpoint_auth_method;
        let open = [AuthMethod::None, AuthMethod::PrivateKeyJwt, AuthMethod::SelfSignedTlsClientAuth];
        assert!(open.contains(&method) && said.client_secret.is_none(), "{}", shown(input));
    });
}

#[test]
fn what_is_registered_is_what_is_kept() {
    each("registration", DOCUMENTS, |input| {
        let Ok(asked) = Requested::parse(input) else { return };
        assert!(asked.metadata.rest.is_empty(), "{}", shown(input));
        let kept = serde_json::to_string(&asked.metadata).unwrap();
        let again: ClientMetadata = serde_json::from_str(&kept).unwrap();
        assert_eq!(again, asked.metadata, "{}", shown(input));
    });
}

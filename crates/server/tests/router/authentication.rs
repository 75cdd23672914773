//! How clients authenticate, against what the discovery document says: at each endpoint by the methods and under the algorithms that
//! it names.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_engine::admin::clients;
use firman_proto::certificate::Certificate;
use firman_proto::credentials::{AuthMethod, JWT_BEARER};
use firman_proto::metadata::path;
use serde_json::json;

use crate::metadata::{error, list, post, servers, told};
use crate::signer::{Signer, jti};
use crate::world::{ISSUER, NOW, World, client};

/// A client of one method, and how it proves itself.
struct Way {
    client_id: String,
    proof: Proof,
}

enum Proof {
    Nothing,
    Basic(String),
    Post(String),
    Signed(Signer, String),
    Shown(Arc<Certificate>),
}

pub(crate) fn certificate() -> Arc<Certificate> {
    let made = rcgen::generate_simple_self_signed(["client.example".to_owned()]).unwrap();
    Arc::new(Certificate::new(made.cert.der(), true).unwrap())
}

impl Way {
    /// A client that authenticates by this method, with this algorithm if it signs; `None` if the server registers none.
    async fn new(world: &World, method: AuthMethod, alg: &str) -> Option<Self> {
        let (shown, mut new) = (certificate(), client());
        let metadata = &mut new.metadata;
        metadata.token_endpoint_auth_method = method;
        if method == AuthMethod::None {
            metadata.grant_types.retain(|grant| grant.as_str() != "client_credentials");
        }
        let mut signer = None;
        match method {
            AuthMethod::PrivateKeyJwt => {
                let key = Signer::of(alg);
                metadata.jwks = Some(json!({"keys": [key.jwk()]}));
                signer = Some(key);
            }
            AuthMethod::SelfSignedTlsClientAuth => {
                let mut jwk = Signer::of("ES256").jwk();
                jwk["x5c"] = json!([STANDARD.encode(shown.der())]);
                metadata.jwks = Some(json!({"keys": [jwk]}));
            }
            AuthMethod::TlsClientAuth => metadata.tls.tls_client_auth_san_dns = Some("client.example".to_owned()),
            _ => {}
        }
        new.client_id = Some(format!("client {}", jti()));
        let client_id = new.client_id.clone().unwrap();
        let secret = clients::create(&world.engine, new, NOW).await.ok()?.1.map(|secret| secret.to_string());
        let proof = match method {
            AuthMethod::None => Proof::Nothing,
            AuthMethod::ClientSecretBasic => Proof::Basic(secret.unwrap()),
            AuthMethod::ClientSecretPost => Proof::Post(secret.unwrap()),
            AuthMethod::ClientSecretJwt => Proof::Signed(Signer::Secret(secret.unwrap()), alg.to_owned()),
            AuthMethod::PrivateKeyJwt => Proof::Signed(signer.unwrap(), alg.to_owned()),
            AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth => Proof::Shown(shown),
        };
        Some(Self { client_id, proof })
    }

    /// Whether an endpoint knows the client by its proof.
    async fn is_known(&self, world: &World, endpoint: &str) -> bool {
        let assertion = match &self.proof {
            Proof::Signed(signer, alg) => {
                let claims = json!({"iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "jti": jti(),
                    "exp": NOW.seconds() + 60, "iat": NOW.seconds()});
                signer.sign(&json!({"alg": alg}), &claims)
            }
            _ => String::new(),
        };
        let mut form = vec![("token", "x"), ("grant_type", "refresh_token"), ("refresh_token", "x")];
        match &self.proof {
            Proof::Basic(_) => {}
            Proof::Signed(..) => {
                form.extend([("client_assertion", &*assertion), ("client_assertion_type", JWT_BEARER)]);
            }
            Proof::Post(secret) => form.extend([("client_id", &*self.client_id), ("client_secret", secret)]),
            Proof::Nothing | Proof::Shown(_) => form.push(("client_id", &self.client_id)),
        }
        let mut request = post(endpoint, &form);
        if let Proof::Basic(secret) = &self.proof {
            let pair = format!("{}:{secret}", self.client_id.replace(' ', "+"));
            request.headers_mut().insert(AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)).parse().unwrap());
        }
        if let Proof::Shown(certificate) = &self.proof {
            request.extensions_mut().insert(Arc::clone(certificate));
        }
        error(&world.give(request).await) != "invalid_client"
    }
}

// RFC 8414 §2.
#[tokio::test]
async fn a_client_authenticates_by_the_methods_that_are_named_and_no_other_is_registered() {
    for world in servers().await {
        let told = told(&world).await;
        for method in AuthMethod::ALL {
            let alg = if *method == AuthMethod::ClientSecretJwt { "HS256" } else { "ES256" };
            let client = Way::new(&world, *method, alg).await;
            for (endpoint, name) in [
                (path::TOKEN, "token_endpoint_auth_methods_supported"),
                (path::INTROSPECT, "introspection_endpoint_auth_methods_supported"),
                (path::REVOKE, "revocation_endpoint_auth_methods_supported"),
            ] {
                let works = match &client {
                    Some(client) => client.is_known(&world, endpoint).await,
                    None => false,
                };
                assert_eq!(works, list(&told, name).contains(&method.as_str()), "{} {name}", method.as_str());
            }
        }
    }
}

// RFC 8414 §2, OpenID Connect Discovery §3.
#[tokio::test]
async fn an_assertion_is_taken_under_the_algorithms_that_are_named() {
    let world = World::new().await;
    let told = told(&world).await;
    for (endpoint, name) in [
        (path::TOKEN, "token_endpoint_auth_signing_alg_values_supported"),
        (path::INTROSPECT, "introspection_endpoint_auth_signing_alg_values_supported"),
        (path::REVOKE, "revocation_endpoint_auth_signing_alg_values_supported"),
    ] {
        let named = list(&told, name);
        for alg in &named {
            let method = if alg.starts_with("HS") { AuthMethod::ClientSecretJwt } else { AuthMethod::PrivateKeyJwt };
            let client = Way::new(&world, method, alg).await.unwrap();
            assert!(client.is_known(&world, endpoint).await, "{alg} at {endpoint}");
        }
        for alg in ["HS256", "HS384", "HS512", "none"].into_iter().filter(|alg| !named.contains(alg)) {
            let mut client = Way::new(&world, AuthMethod::ClientSecretJwt, "HS256").await.unwrap();
            if let Proof::Signed(_, own) = &mut client.proof {
                alg.clone_into(own);
            }
            assert!(!client.is_known(&world, endpoint).await, "{alg} at {endpoint}");
        }
    }
}

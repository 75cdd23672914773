//! Tokens bound to a key (DPoP), over HTTP.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64URL, Engine as _};
use http::Request;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::support::client::{redemption, refreshment};
use crate::support::http::Answer;
use crate::support::server::Server;

const TOKEN: &str = "/oauth2/token";
const USERINFO: &str = "/oauth2/userinfo";

/// Somebody with a key.
struct Holder(EcdsaKeyPair);

impl Holder {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// A proof for a method and an address, made now.
    fn proof(&self, method: &str, url: &str, more: &Value) -> String {
        let point = self.0.public_key().as_ref();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": BASE64URL.encode(&point[1..33]), "y": BASE64URL.encode(&point[33..])});
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let mut random = [0; 16];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        let mut claims = json!({"jti": BASE64URL.encode(random), "htm": method, "htu": url, "iat": now});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let part = |value: &Value| BASE64URL.encode(value.to_string());
        let input = format!("{}.{}", part(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk})), part(&claims));
        let signature = self.0.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", BASE64URL.encode(signature.as_ref()))
    }

    fn ath(token: &str) -> Value {
        json!({"ath": BASE64URL.encode(digest(&SHA256, token.as_bytes()))})
    }
}

/// A form of the demo client with these proofs beside it.
fn post(server: &Server, form: &[(&str, &str)], proofs: &[&str]) -> Answer {
    let mut request = server.demo().request(TOKEN, form);
    for proof in proofs {
        request.headers_mut().append("dpop", proof.parse().unwrap());
    }
    server.http.send(request)
}

fn userinfo(server: &Server, scheme: &str, token: &str, proofs: &[&str]) -> Answer {
    let mut request = Request::get(server.url(USERINFO)).header(AUTHORIZATION, format!("{scheme} {token}"));
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    server.http.send(request.body(Vec::new()).unwrap())
}

// RFC 9449 §4.1, §4.3, §5, §7.1, §7.2.
#[test]
fn a_bound_token_comes_with_a_proof_and_in_its_own_scheme() {
    let server = Server::start("bound");
    let (holder, thief) = (Holder::new(), Holder::new());
    let (at_token, at_userinfo) = (server.url(TOKEN), server.url(USERINFO));
    let code = server.browser().sign_in();
    let form = redemption(&code);
    let proof = || holder.proof("POST", &at_token, &json!({}));
    // Two at once, and what is none: the code outlives it.
    for proofs in [[proof(), proof()].to_vec(), vec!["x".to_owned()]] {
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        assert_eq!(post(&server, &form, &proofs).refusal(), (400, "invalid_dpop_proof".into()));
    }
    let tokens = post(&server, &form, &[&proof()]);
    assert_eq!((tokens.status, tokens.text("token_type").as_str()), (200, "DPoP"), "{tokens:?}");
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    assert!(server.service().introspect(&access)["cnf"]["jkt"].is_string());

    let beside = |holder: &Holder| holder.proof("GET", &at_userinfo, &Holder::ath(&access));
    let first = beside(&holder);
    assert_eq!(userinfo(&server, "DPoP", &access, &[&first]).status, 200);
    assert_eq!(userinfo(&server, "dpop", &access, &[&beside(&holder)]).status, 200);
    for (scheme, proofs, error) in [
        ("Bearer", vec![], "invalid_token"),
        ("Bearer", vec![beside(&holder)], "invalid_token"),
        ("DPoP", vec![], "invalid_dpop_proof"),
        ("DPoP", vec![first], "invalid_dpop_proof"),
        ("DPoP", vec![beside(&holder), beside(&holder)], "invalid_dpop_proof"),
        ("DPoP", vec![beside(&thief)], "invalid_token"),
        ("DPoP", vec![holder.proof("GET", &at_userinfo, &json!({}))], "invalid_dpop_proof"),
        ("DPoP", vec![holder.proof("POST", &at_userinfo, &Holder::ath(&access))], "invalid_dpop_proof"),
    ] {
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        let answer = userinfo(&server, scheme, &access, &proofs);
        assert_eq!(answer.refusal(), (401, error.into()), "{answer:?}");
        let challenge = answer.header("www-authenticate");
        let about_proof = error == "invalid_dpop_proof";
        assert!(challenge.starts_with(if about_proof { "DPoP " } else { "Bearer " }), "{challenge}");
        assert_eq!(challenge.contains("algs=\"ES256 "), about_proof, "{challenge}");
    }
    let again = post(&server, &refreshment(&refresh), &[&proof()]);
    assert_eq!((again.status, again.text("token_type").as_str()), (200, "DPoP"), "{again:?}");
}

// RFC 9449 §8, §9.
#[test]
fn whoever_must_repeat_a_nonce_is_given_one() {
    let server = Server::start_with("nonces", &[("FIRMAN__TOKENS__REQUIRE_DPOP_NONCE", "true")]);
    let holder = Holder::new();
    let code = server.browser().sign_in();
    let form = redemption(&code);
    let url = server.url(TOKEN);
    let refused = post(&server, &form, &[&holder.proof("POST", &url, &json!({}))]);
    assert_eq!(refused.refusal(), (400, "use_dpop_nonce".into()));
    let nonce = refused.header("dpop-nonce").to_owned();
    assert!(!nonce.is_empty());
    let tokens = post(&server, &form, &[&holder.proof("POST", &url, &json!({"nonce": nonce}))]);
    assert_eq!(tokens.status, 200, "{tokens:?}");

    let access = tokens.text("access_token");
    let (url, mut more) = (server.url(USERINFO), Holder::ath(&access));
    let refused = userinfo(&server, "DPoP", &access, &[&holder.proof("GET", &url, &more)]);
    assert_eq!(refused.refusal(), (401, "use_dpop_nonce".into()));
    assert!(refused.header("www-authenticate").starts_with("DPoP "), "{refused:?}");
    more["nonce"] = refused.header("dpop-nonce").into();
    assert_eq!(userinfo(&server, "DPoP", &access, &[&holder.proof("GET", &url, &more)]).status, 200);
}

//! Tokens that are bound to a key.

use firman_client::guard::{Guard, Requirement};
use firman_proto::error::ErrorCode;
use firman_proto::time::Lifetime;
use serde_json::json;

use crate::world::{Prover, World, send};

async fn code(guard: &Guard, token: &str, proof: &str) -> Option<ErrorCode> {
    let headers = [("authorization", format!("DPoP {token}")), ("dpop", proof.to_owned())];
    send(guard, &headers, &Requirement::any()).await.err().map(|refusal| refusal.code().unwrap())
}

// RFC 9449 §4.3, §7.1, §11.1.
#[tokio::test]
async fn a_proof_is_of_the_tokens_key_for_this_request_and_good_once() {
    let (world, prover) = (World::new(), Prover::new());
    let guard = world.verifier();
    let token = world.token(&json!({"cnf": {"jkt": prover.thumbprint().to_string()}}));
    let now = world.now();
    let proof = prover.proof(&token, "1", now, &json!({}));
    assert_eq!(code(&guard, &token, &proof).await, None);
    assert_eq!(code(&guard, &token, &proof).await, Some(ErrorCode::InvalidDpopProof), "used before");
    for (more, why) in [
        (json!({"htm": "POST"}), "another method"),
        (json!({"htu": "https://api.example/v1/other"}), "another address"),
        (json!({"ath": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}), "another token"),
        (json!({"iat": now.seconds() - 90}), "too old"),
        (json!({"iat": now.seconds() + 31}), "of the future"),
    ] {
        let proof = prover.proof(&token, why, now, &more);
        assert_eq!(code(&guard, &token, &proof).await, Some(ErrorCode::InvalidDpopProof), "{why}");
    }
    let stranger = Prover::new().proof(&token, "2", now, &json!({}));
    assert_eq!(code(&guard, &token, &stranger).await, Some(ErrorCode::InvalidToken));
    let unbound = world.token(&json!({}));
    let proof = prover.proof(&unbound, "3", now, &json!({}));
    assert_eq!(code(&guard, &unbound, &proof).await, Some(ErrorCode::InvalidToken));
    let as_bearer =
        send(&guard, &[("authorization", format!("Bearer {token}"))], &Requirement::any()).await.unwrap_err();
    assert_eq!(as_bearer.code(), Some(ErrorCode::InvalidToken), "RFC 9449 §7.2");
}

// RFC 9449 §9.
#[tokio::test]
async fn where_nonces_are_asked_for_a_proof_repeats_one() {
    let (world, prover) = (World::new(), Prover::new());
    let guard = world.builder().verifies(world.transport()).nonces(vec![7; 32]).build().unwrap();
    let token = world.token(&json!({"cnf": {"jkt": prover.thumbprint().to_string()}}));
    let headers = |proof: String| [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    let without = headers(prover.proof(&token, "1", world.now(), &json!({})));
    let refusal = send(&guard, &without, &Requirement::any()).await.unwrap_err();
    assert_eq!((refusal.status(), refusal.code()), (401, Some(ErrorCode::UseDpopNonce)));
    let nonce = refusal.headers(guard.door())["dpop-nonce"].to_str().unwrap().to_owned();
    let with = headers(prover.proof(&token, "2", world.now(), &json!({ "nonce": nonce })));
    send(&guard, &with, &Requirement::any()).await.unwrap();
    world.pass(Lifetime::from_seconds(120));
    let late = headers(prover.proof(&token, "3", world.now(), &json!({ "nonce": nonce })));
    let refusal = send(&guard, &late, &Requirement::any()).await.unwrap_err();
    assert_eq!(refusal.code(), Some(ErrorCode::UseDpopNonce));
}

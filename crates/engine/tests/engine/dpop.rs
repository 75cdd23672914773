//! Tokens bound to a key that is proved anew with each request (RFC 9449).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_engine::admin::clients::NewClient;
use firman_engine::userinfo::{userinfo, userinfo_with_proof};
use firman_engine::{Failure, authenticate::authenticate, par};
use firman_proto::digest::sha256;
use firman_proto::error::ErrorCode::{InvalidDpopProof, InvalidGrant, InvalidRequest, InvalidToken, UseDpopNonce};
use firman_proto::form::Form;
use firman_proto::jws::verify;
use firman_proto::metadata::path;
use firman_proto::seal::{Caveat, attenuate};
use firman_proto::time::Timestamp;
use firman_proto::token::{TokenRequest, TokenResponse};
use firman_store::record::{RefreshPolicy, TokenFormat};
use serde_json::{Value, json};

use crate::support::{App, Ask, ISSUER, Op, World, at, parameter, redemption, refreshment, refused};

/// Somebody with a key.
struct Holder {
    pair: EcdsaKeyPair,
    jwk: Value,
}

impl Holder {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let jwk = json!({"crv": "P-256", "kty": "EC", "x": x, "y": y});
        Self { pair, jwk }
    }

    /// RFC 7638 §3.
    fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(self.jwk.to_string().as_bytes()))
    }

    fn sign(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk});
        let input = format!("{}.{}", part(&header), part(claims));
        #[allow(clippy::disallowed_methods, reason = "a client's randomness, not the server's")]
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn proof(&self, path: &str, jti: &str, now: Timestamp) -> String {
        let htu = format!("{ISSUER}{path}");
        self.sign(&json!({"jti": jti, "htm": "POST", "htu": htu, "iat": now.seconds()}))
    }

    fn beside(&self, token: &str, jti: &str, now: Timestamp) -> String {
        let ath = URL_SAFE_NO_PAD.encode(sha256(token.as_bytes()));
        let htu = format!("{ISSUER}{}", path::USERINFO);
        self.sign(&json!({"jti": jti, "htm": "GET", "htu": htu, "iat": now.seconds(), "ath": ath}))
    }
}

/// The same client, with this proof beside its requests.
fn proving(app: &App, proof: &str) -> App {
    let credentials = app.credentials.clone().with_dpop(Some(proof), path::TOKEN);
    App { id: app.id, client_id: app.client_id.clone(), credentials }
}

async fn redeem(world: &World, app: &App, code: &str, proof: &str, now: Timestamp) -> Result<TokenResponse, Failure> {
    world.token(&proving(app, proof), redemption(code), now).await
}

// RFC 9449 §5, §6.1, §6.2, §7.1, §11.1.
#[tokio::test]
async fn a_token_is_bound_to_the_key_that_was_proved() {
    let (world, holder, thief) = (World::new().await, Holder::new(), Holder::new());
    let app = world.public_app("app").await;
    let code = world.code(&app, "openid offline_access", at(0)).await;
    let proof = holder.proof(path::TOKEN, "1", at(1));
    let tokens = redeem(&world, &app, &code, &proof, at(1)).await.unwrap();
    assert_eq!(tokens.token_type, "DPoP");
    let confidential = world.app_with("api", |new| new.policy.introspect_any = true).await;
    let shown = world.introspect(&confidential, &tokens.access_token, at(2)).await;
    assert_eq!((&shown["token_type"], &shown["cnf"]["jkt"]), (&json!("DPoP"), &json!(holder.thumbprint())));

    let access = &tokens.access_token;
    let ask = async |proof: &str, now| userinfo_with_proof(&world.engine, access, "GET", (None, proof), now).await;
    ask(&holder.beside(access, "2", at(2)), at(2)).await.unwrap();
    // Seen before, by another key, for another token, for the token endpoint, too old, and none at all.
    assert_eq!(refused(ask(&holder.beside(access, "2", at(2)), at(3)).await), InvalidDpopProof);
    assert_eq!(refused(ask(&thief.beside(access, "3", at(3)), at(3)).await), InvalidToken);
    assert_eq!(refused(ask(&holder.beside("another", "4", at(3)), at(3)).await), InvalidDpopProof);
    assert_eq!(refused(ask(&holder.proof(path::TOKEN, "5", at(3)), at(3)).await), InvalidDpopProof);
    assert_eq!(refused(ask(&holder.beside(access, "6", at(3)), at(63)).await), InvalidDpopProof);
    assert_eq!(refused(userinfo(&world.engine, access, "GET", None, at(3)).await), InvalidToken);
}

// RFC 9449 §7.2.
#[tokio::test]
async fn a_token_that_is_bound_to_no_key_is_a_bearer_token() {
    let (world, holder) = (World::new().await, Holder::new());
    let app = world.app("app").await;
    let access = world.tokens(&app, "openid", at(0)).await.access_token;
    let proof = holder.beside(&access, "1", at(1));
    let answer = userinfo_with_proof(&world.engine, &access, "GET", (None, &proof), at(1)).await;
    assert_eq!(refused(answer), InvalidToken);
    userinfo(&world.engine, &access, "GET", None, at(1)).await.unwrap();
}

// RFC 9449 §11.1.
#[tokio::test]
async fn a_jwt_access_token_is_bound_to_the_key_too_and_says_so() {
    let (world, holder) = (World::new().await, Holder::new());
    let jwt = |new: &mut NewClient| new.policy.access_token_format = Some(TokenFormat::Jwt);
    let app = world.app_with("app", jwt).await;
    let code = world.code(&app, "openid", at(0)).await;
    let tokens = redeem(&world, &app, &code, &holder.proof(path::TOKEN, "1", at(1)), at(1)).await.unwrap();
    let access = &tokens.access_token;
    let claims: Value = verify(access, world.engine.keys().current().published()).unwrap();
    assert_eq!((&claims["cnf"], tokens.token_type), (&json!({"jkt": holder.thumbprint()}), "DPoP"));
    let shown = world.introspect(&app, access, at(2)).await;
    assert_eq!((&shown["token_type"], &shown["cnf"]), (&json!("DPoP"), &claims["cnf"]));
    let ask = async |proof: &str| userinfo_with_proof(&world.engine, access, "GET", (None, proof), at(2)).await;
    ask(&holder.beside(access, "2", at(2))).await.unwrap();
    assert_eq!(refused(ask(&Holder::new().beside(access, "3", at(2))).await), InvalidToken);
    assert_eq!(refused(userinfo(&world.engine, access, "GET", None, at(2)).await), InvalidToken);
}

#[tokio::test]
async fn a_proof_is_taken_once_and_its_replay_leaves_the_code() {
    let (world, holder) = (World::new().await, Holder::new());
    let app = world.public_app("app").await;
    let (one, two) = (world.code(&app, "openid", at(0)).await, world.code(&app, "openid", at(0)).await);
    let proof = holder.proof(path::TOKEN, "1", at(1));
    world.store.forget_calls();
    redeem(&world, &app, &one, &proof, at(1)).await.unwrap();
    assert_eq!((world.store.count(Op::Flow), world.store.count(Op::Commit)), (1, 1), "one read and one commit");
    assert_eq!(refused(redeem(&world, &app, &two, &proof, at(2)).await), InvalidDpopProof);
    redeem(&world, &app, &two, &holder.proof(path::TOKEN, "2", at(3)), at(3)).await.unwrap();
}

// RFC 9449 §5, §11.1.
#[tokio::test]
async fn a_public_clients_refresh_is_bound_and_a_confidential_ones_is_not() {
    let (world, holder, other) = (World::new().await, Holder::new(), Holder::new());
    let (public, confidential) = (world.public_app("public").await, world.app("confidential").await);
    for (app, bound) in [(&public, true), (&confidential, false)] {
        let code = world.code(app, "read", at(0)).await;
        let jti = |text: &str| format!("{} {text}", app.client_id);
        let first = holder.proof(path::TOKEN, &jti("1"), at(1));
        let tokens = redeem(&world, app, &code, &first, at(1)).await.unwrap();
        let refresh = async |holder: &Holder, text: &str, token: &str, now| {
            let app = proving(app, &holder.proof(path::TOKEN, &jti(text), now));
            world.token(&app, refreshment(token, None), now).await
        };
        let token = tokens.refresh_token.unwrap();
        if bound {
            assert_eq!(refused(refresh(&other, "2", &token, at(2)).await), InvalidGrant);
            assert_eq!(refused(world.refresh(app, &token, at(2)).await), InvalidGrant);
        }
        let next = refresh(if bound { &holder } else { &other }, "3", &token, at(3)).await.unwrap();
        assert_eq!(next.token_type, "DPoP");
        // A retry needs a proof of its own, and gets the same.
        let again = refresh(if bound { &holder } else { &other }, "4", &token, at(4)).await.unwrap();
        assert_eq!((again.refresh_token, again.access_token), (next.refresh_token, next.access_token));
        let replayed = refresh(if bound { &holder } else { &other }, "4", &token, at(4)).await;
        assert_eq!(refused(replayed), InvalidDpopProof);
    }
}

// RFC 9449 §10.
#[tokio::test]
async fn a_code_is_bound_to_the_key_that_was_named_for_it() {
    let (world, holder, thief) = (World::new().await, Holder::new(), Holder::new());
    let app = world.app("app").await;
    let ask = Ask::new(&app, "openid").with("dpop_jkt", holder.thumbprint());
    let code = world.code_for(&ask, at(0)).await;
    assert_eq!(refused(world.redeem(&app, &code, at(1)).await), InvalidGrant);
    assert_eq!(refused(redeem(&world, &app, &code, &thief.proof(path::TOKEN, "1", at(1)), at(1)).await), InvalidGrant);
    redeem(&world, &app, &code, &holder.proof(path::TOKEN, "2", at(2)), at(2)).await.unwrap();
}

// RFC 9449 §10.1.
#[tokio::test]
async fn a_proof_beside_a_pushed_request_binds_its_code() {
    let (world, holder, other) = (World::new().await, Holder::new(), Holder::new());
    let app = world.app("app").await;
    let push = async |ask: &Ask, proof: &str, now| {
        let query = ask.query();
        let credentials = app.credentials.clone().with_dpop(Some(proof), path::PAR);
        let client = authenticate(&world.engine, &credentials, now).await?;
        par::push(&world.engine, &client, &Form::parse(query.as_bytes()).unwrap(), now).await
    };
    let ask = Ask::new(&app, "openid");
    let proof = holder.proof(path::PAR, "1", at(0));
    let pushed = push(&ask, &proof, at(0)).await.unwrap();
    assert_eq!(refused(push(&ask, &proof, at(0)).await), InvalidDpopProof);
    let named = ask.with("dpop_jkt", other.thumbprint());
    assert_eq!(refused(push(&named, &holder.proof(path::PAR, "2", at(0)), at(0)).await), InvalidDpopProof);
    let come = Ask::empty().with("client_id", app.client_id.clone()).with("request_uri", pushed.request_uri);
    let (_, url) = world.walk(&come, "somebody", at(1)).await;
    let code = parameter(&url, "code").unwrap();
    assert_eq!(refused(redeem(&world, &app, &code, &other.proof(path::TOKEN, "3", at(2)), at(2)).await), InvalidGrant);
    redeem(&world, &app, &code, &holder.proof(path::TOKEN, "4", at(2)), at(2)).await.unwrap();
}

// RFC 9449 §5.2.
#[tokio::test]
async fn a_client_that_asked_for_bound_tokens_gets_no_others() {
    let (world, holder) = (World::new().await, Holder::new());
    let app = world.app_with("app", |new| new.metadata.dpop_bound_access_tokens = true).await;
    assert_eq!(refused(world.client_credentials(&app, None, at(0)).await), InvalidDpopProof);
    let proof = holder.proof(path::TOKEN, "1", at(0));
    let tokens = world.client_credentials(&proving(&app, &proof), None, at(0)).await.unwrap();
    assert_eq!(tokens.token_type, "DPoP");
    assert_eq!(refused(world.client_credentials(&proving(&app, &proof), None, at(1)).await), InvalidDpopProof);
}

// RFC 9449 §4.3, §8.
#[tokio::test]
async fn where_nonces_are_asked_for_a_proof_repeats_one_of_ours() {
    let world = World::with(|parts| parts.policy.dpop.require_nonce = true).await;
    let (app, holder) = (world.app("app").await, Holder::new());
    let ask = async |nonce: Option<String>, jti: &str, now: Timestamp| {
        let htu = format!("{ISSUER}{}", path::TOKEN);
        let mut claims = json!({"jti": jti, "htm": "POST", "htu": htu, "iat": now.seconds()});
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        world.client_credentials(&proving(&app, &holder.sign(&claims)), None, now).await
    };
    let nonce = |now| Some(firman_engine::dpop::nonce(&world.engine, now));
    assert_eq!(refused(ask(None, "1", at(0)).await), UseDpopNonce);
    assert_eq!(refused(ask(Some("x".to_owned()), "2", at(0)).await), UseDpopNonce);
    ask(nonce(at(0)), "3", at(0)).await.unwrap();
    ask(nonce(at(0)), "4", at(60)).await.unwrap();
    assert_eq!(refused(ask(nonce(at(0)), "5", at(120)).await), UseDpopNonce);
    // Every node gives and knows the same.
    let neighbour = world.neighbour(at(0)).await;
    assert_eq!(Some(firman_engine::dpop::nonce(&neighbour.engine, at(0))), nonce(at(0)));
}

#[tokio::test]
async fn a_proof_is_taken_once_where_refresh_tokens_stay_too() {
    let (world, holder) = (World::with(|parts| parts.policy.refresh = RefreshPolicy::Reuse).await, Holder::new());
    let app = world.public_app("app").await;
    let code = world.code(&app, "read", at(0)).await;
    let token = redeem(&world, &app, &code, &holder.proof(path::TOKEN, "1", at(1)), at(1)).await.unwrap();
    let token = token.refresh_token.unwrap();
    let proving = proving(&app, &holder.proof(path::TOKEN, "2", at(2)));
    world.token(&proving, refreshment(&token, None), at(2)).await.unwrap();
    assert_eq!(refused(world.token(&proving, refreshment(&token, None), at(3)).await), InvalidDpopProof);
}

#[tokio::test]
async fn caveats_that_leave_no_room_for_the_key_of_an_exchanged_token_are_the_clients_mistake() {
    let world = World::new().await;
    let app = world.app("app").await;
    let holder = Holder::new();
    let mut token = world.tokens(&app, "read", at(0)).await.access_token;
    let exchange = async |token: &str, jti: &str| {
        let body = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={token}\
             &subject_token_type=urn:ietf:params:oauth:token-type:access_token"
        );
        let request = TokenRequest::parse(&Form::parse(body.as_bytes()).unwrap()).unwrap();
        world.token(&proving(&app, &holder.proof(path::TOKEN, jti, at(1))), request, at(1)).await
    };
    for _ in 0..15 {
        token = attenuate(&token, &Caveat::parse("path = /v1").unwrap()).unwrap();
    }
    assert_eq!(exchange(&token, "1").await.unwrap().token_type, "DPoP");
    token = attenuate(&token, &Caveat::parse("path = /v1").unwrap()).unwrap();
    assert_eq!(refused(exchange(&token, "2").await), InvalidRequest);
}

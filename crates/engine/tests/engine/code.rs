//! The authorization code grant.

use std::sync::Arc;

use firman_engine::admin::grants::sign_out_everywhere;
use firman_proto::error::ErrorCode::{InvalidClient, InvalidGrant, UnauthorizedClient};
use firman_proto::id_token::{IdToken, half_hash};
use firman_proto::jws::{self, Algorithm};
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::seal::{Caveat, Code, Reference, Salt, SidKey, attenuate};
use firman_proto::token::TokenResponse;
use firman_store::record::{EpochKey, EventKind, FlowState, RevokeReason};
use tokio::task::JoinSet;

use crate::support::{
    Ask, CALLBACK, ISSUER, Op, People, VERIFIER, When, World, at, master, parameter, redemption_with, refresh_token,
    refused, scope, with_secret,
};

fn id_token(world: &World, response: &TokenResponse) -> IdToken {
    let keys = world.engine.keys().current();
    jws::verify(response.id_token.as_deref().expect("an ID token"), keys.published()).unwrap()
}

// RFC 6749 §3.2, §4.1.3.
#[tokio::test]
async fn a_code_gets_tokens() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid read offline_access", at(10)).await;
    let response = world.redeem(&app, &code, at(12)).await.unwrap();
    assert_eq!((response.token_type, response.expires_in), ("Bearer", 300));
    assert_eq!(response.scope, scope("openid read offline_access"));
    assert!(world.is_active(&app, &response.access_token, at(12)).await);
    assert!(world.is_active(&app, &refresh_token(&response), at(12)).await);
    let grant = world.grant(&app).await.record;
    assert_eq!((grant.subject, grant.expires_at), (Some(People::subject("somebody")), at(12 + 30 * 86400)));
}

// OpenID Connect Core §2, §3.1.3.6.
#[tokio::test]
async fn an_id_token_tells_who_when_and_for_whom() {
    let world = World::new().await;
    let app = world.app("app").await;
    let (visitor, url) = world.walk(&Ask::new(&app, "openid"), "somebody", at(10)).await;
    let code = parameter(&url, "code").unwrap();
    let response = world.redeem(&app, &code, at(12)).await.unwrap();
    let session = world.grant(&app).await.record.session.unwrap();
    assert!(visitor.session.is_some());
    assert_eq!(
        id_token(&world, &response),
        IdToken {
            iss: ISSUER.to_owned(),
            sub: People::subject("somebody").to_string(),
            aud: "app".to_owned(),
            iat: at(12).seconds(),
            exp: at(312).seconds(),
            auth_time: Some(at(10).seconds()),
            nonce: Some("a nonce".to_owned()),
            at_hash: Some(half_hash(&response.access_token, Algorithm::ES256)),
            acr: None,
            amr: vec!["pwd".to_owned()],
            c_hash: None,
            sid: Some(SidKey::derive(&master(7)).unwrap().seal(session, app.id).unwrap()),
            claims: serde_json::Map::new(),
        }
    );
}

// OpenID Connect Core §11, RFC 6749 §1.5.
#[tokio::test]
async fn without_openid_there_is_no_id_token_and_a_refresh_token_without_asking() {
    let world = World::new().await;
    let app = world.app("app").await;
    let plain = world.tokens(&app, "read", at(10)).await;
    assert!(plain.id_token.is_none() && plain.refresh_token.is_some());
    let other = world.app("other").await;
    let openid = world.tokens(&other, "openid read", at(10)).await;
    assert!(openid.id_token.is_some() && openid.refresh_token.is_none());
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_ends_with_its_access_token() {
    let world = World::new().await;
    let app = world.app("app").await;
    let response = world.tokens(&app, "openid", at(10)).await;
    assert_eq!(world.grant(&app).await.record.expires_at, at(310));
    assert!(world.is_active(&app, &response.access_token, at(309)).await);
    assert!(!world.is_active(&app, &response.access_token, at(310)).await);
}

// RFC 6749 §4.1.2.
#[tokio::test]
async fn a_replayed_code_revokes_its_grant_and_it_stays_revoked() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid offline_access", at(10)).await;
    let first = world.redeem(&app, &code, at(11)).await.unwrap();
    assert_eq!(refused(world.redeem(&app, &code, at(12)).await), InvalidGrant);
    for _ in 0..2 {
        let grant = world.grant(&app).await.record;
        assert_eq!((grant.revoked_at, grant.reason), (Some(at(12)), Some(RevokeReason::CodeReplayed)));
        assert!(!world.is_active(&app, &first.access_token, at(12)).await);
        assert_eq!(refused(world.refresh(&app, &refresh_token(&first), at(12)).await), InvalidGrant);
        assert_eq!(refused(world.redeem(&app, &code, at(13)).await), InvalidGrant);
    }
    assert_eq!(world.events(EventKind::GrantRevoked).await.len(), 1);
}

#[tokio::test]
async fn a_code_replayed_after_it_expired_revokes_too() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    world.redeem(&app, &code, at(11)).await.unwrap();
    assert_eq!(refused(world.redeem(&app, &code, at(200)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.revoked_at, Some(at(200)));
}

// RFC 6749 §4.1.2, §4.1.3.
#[tokio::test]
async fn a_replay_without_possession_revokes_nothing() {
    let world = World::new().await;
    let (app, other) = (world.app("app").await, world.app("other").await);
    let code = world.code(&app, "openid", at(10)).await;
    let first = world.redeem(&app, &code, at(11)).await.unwrap();
    let wrong_verifier = redemption_with(&code, Some(CALLBACK), Some(&VERIFIER.replace('d', "e")));
    assert_eq!(refused(world.token(&app, wrong_verifier, at(12)).await), InvalidGrant);
    assert_eq!(refused(world.redeem(&other, &code, at(12)).await), InvalidGrant);
    assert_eq!(refused(world.redeem(&with_secret(&app, "guess"), &code, at(12)).await), InvalidClient);
    assert!(world.is_active(&app, &first.access_token, at(12)).await);
}

// RFC 6749 §4.1.2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_concurrent_redemptions_one_succeeds_and_its_grant_is_dead_afterwards() {
    let world = Arc::new(World::new().await);
    let app = world.app("app").await;
    let code = world.code(&app, "openid offline_access", at(10)).await;
    world.store.give_way();
    let mut rivals = JoinSet::new();
    for _ in 0..64 {
        let (world, app, code) = (Arc::clone(&world), app.clone(), code.clone());
        rivals.spawn(async move { world.redeem(&app, &code, at(11)).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = rivals.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 63));
    assert!(lost.into_iter().all(|lost| refused(lost) == InvalidGrant));
    let won = won.into_iter().next().unwrap().unwrap();
    assert!(!world.is_active(&app, &won.access_token, at(11)).await);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&won), at(11)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.reason, Some(RevokeReason::CodeReplayed));
}

#[tokio::test]
async fn a_code_that_somebody_else_redeems_first_is_replayed() {
    let world = Arc::new(World::new().await);
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    let (rival, rivals_app, rivals_code) = (Arc::clone(&world), app.clone(), code.clone());
    world.store.interrupt(When::Before, Op::Commit, || async move {
        rival.redeem(&rivals_app, &rivals_code, at(11)).await.unwrap();
    });
    assert_eq!(refused(world.redeem(&app, &code, at(11)).await), InvalidGrant);
    assert_eq!(world.grant(&app).await.record.reason, Some(RevokeReason::CodeReplayed));
}

// RFC 6749 §4.1.3.
#[tokio::test]
async fn redirect_uri_is_needed_if_the_request_had_one() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code_for(&Ask::new(&app, "read").without("redirect_uri"), at(10)).await;
    let elsewhere = redemption_with(&code, Some("https://app.example/"), Some(VERIFIER));
    assert_eq!(refused(world.token(&app, elsewhere, at(11)).await), InvalidGrant);
    world.token(&app, redemption_with(&code, None, Some(VERIFIER)), at(12)).await.unwrap();

    let other = world.app("other").await;
    let code = world.code_for(&Ask::new(&other, "read").without("redirect_uri"), at(10)).await;
    world.redeem(&other, &code, at(12)).await.expect("the same one does no harm");
}

// RFC 8252 §7.3, RFC 6749 §4.1.3.
#[tokio::test]
async fn a_loopback_redirect_uri_may_have_any_port_and_the_token_request_names_the_same() {
    let world = World::new().await;
    let registered = RedirectUri::parse("http://127.0.0.1/callback").unwrap();
    let app = world.app_with("app", |new| new.metadata.redirect_uris = vec![registered]).await;
    let here = "http://127.0.0.1:51004/callback";
    let code = world.code_for(&Ask::new(&app, "openid").with("redirect_uri", here), at(10)).await;
    for elsewhere in ["http://127.0.0.1/callback", "http://127.0.0.1:51005/callback"] {
        let request = redemption_with(&code, Some(elsewhere), Some(VERIFIER));
        assert_eq!(refused(world.token(&app, request, at(11)).await), InvalidGrant, "{elsewhere}");
    }
    world.token(&app, redemption_with(&code, Some(here), Some(VERIFIER)), at(12)).await.unwrap();
}

// RFC 6749 §4.1.2.
#[tokio::test]
async fn an_expired_code_is_refused_and_not_counted() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    assert_eq!(refused(world.redeem(&app, &code, at(70)).await), InvalidGrant);
    assert_eq!(refused(world.token(&app, redemption_with(&code, None, None), at(70)).await), InvalidGrant);
    assert_eq!((world.flow().await.misses, world.flow().await.state), (0, FlowState::Ready));
    world.redeem(&app, &code, at(69)).await.expect("valid while now < expires_at");
}

#[tokio::test]
async fn a_code_dies_with_every_epoch_it_was_approved_under() {
    for which in 0..3 {
        let world = World::new().await;
        let app = world.app("app").await;
        let code = world.code(&app, "openid", at(10)).await;
        let subject = EpochKey::subject(world.engine.number(), &People::subject("somebody"));
        let epoch = [EpochKey::Everything, EpochKey::Client(app.id), subject][which];
        sign_out_everywhere(&world.engine, epoch, at(11)).await.unwrap();
        assert_eq!(refused(world.redeem(&app, &code, at(12)).await), InvalidGrant, "{epoch:?}");
        assert!(world.events(EventKind::CodeRedeemed).await.is_empty());
    }
}

#[tokio::test]
async fn an_epoch_that_moves_while_a_code_is_redeemed_kills_its_tokens() {
    let world = Arc::new(World::new().await);
    let app = world.app("app").await;
    let code = world.code(&app, "openid offline_access", at(10)).await;
    let engine = Arc::clone(&world.engine);
    world.store.interrupt(When::Before, Op::Commit, || async move {
        sign_out_everywhere(&engine, EpochKey::Everything, at(11)).await.unwrap();
    });
    let response = world.redeem(&app, &code, at(11)).await.unwrap();
    assert!(!world.is_active(&app, &response.access_token, at(11)).await);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&response), at(11)).await), InvalidGrant);
}

#[tokio::test]
async fn a_code_of_another_deployment_is_refused_before_the_store_is_asked() {
    let (here, there) = (World::new().await, World::elsewhere().await);
    let (app, same_app) = (here.app("app").await, there.app("app").await);
    let code = there.code(&same_app, "openid", at(10)).await;
    here.store.forget_calls();
    assert_eq!(refused(here.redeem(&app, &code, at(11)).await), InvalidGrant);
    assert_eq!((here.store.count(Op::Client), here.store.calls()), (1, 1));
}

#[tokio::test]
async fn a_weakened_code_is_refused_without_consequence() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    let caveat = Caveat::parse("scope = openid").unwrap();
    // Dressed up as an access token, so that it can be weakened at all.
    let dressed = code.replacen("fm_ac_", "fm_at_", 1);
    let weakened = attenuate(&dressed, &caveat).unwrap().replacen("fm_at_", "fm_ac_", 1);
    for stranger in [&weakened, &dressed, &format!("{code}A"), "fm_ac_", "", "x"] {
        assert_eq!(refused(world.redeem(&app, stranger, at(11)).await), InvalidGrant, "{stranger}");
    }
    assert_eq!(world.flow().await.misses, 0);
    world.redeem(&app, &code, at(12)).await.unwrap();
}

#[tokio::test]
async fn a_seal_key_without_the_flows_salt_makes_no_code() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    let (flow, salt) = (world.flow().await, Salt::from_bytes([1; 16]));
    let reference =
        Reference { record: flow.id, serial: 0, issued_at: at(10), expires_at: Some(flow.expires_at), salt: &salt };
    let forged = world.engine.keys().current().keyring.seal::<Code>(&reference);
    assert_eq!(refused(world.redeem(&app, forged.reveal(), at(11)).await), InvalidGrant);
    assert_eq!(refused(world.redeem(&with_secret(&app, "guess"), forged.reveal(), at(11)).await), InvalidClient);
    assert_eq!(world.flow().await.misses, 0);
    world.redeem(&app, &code, at(12)).await.unwrap();
}

// RFC 6749 §5.2.
#[tokio::test]
async fn a_client_that_is_not_registered_for_codes_may_not_redeem_one() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    world.edit_client(&app, |client| client.metadata.grant_types.clear()).await;
    assert_eq!(refused(world.redeem(&app, &code, at(11)).await), UnauthorizedClient);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_found_out_and_the_code_redeemed_once() {
    let world = World::new().await;
    let app = world.app("app").await;
    let code = world.code(&app, "openid", at(10)).await;
    world.store.lose_acknowledgements(1);
    let response = world.redeem(&app, &code, at(11)).await.unwrap();
    assert!(world.is_active(&app, &response.access_token, at(11)).await);
}

#[tokio::test]
async fn a_client_may_have_lifetimes_of_its_own() {
    let world = World::new().await;
    let app = world
        .app_with("app", |new| {
            new.policy.access_token_seconds = Some(70);
            new.policy.refresh_token_seconds = Some(60);
        })
        .await;
    let response = world.tokens(&app, "read", at(10)).await;
    assert_eq!(world.grant(&app).await.record.expires_at, at(70));
    assert_eq!(response.expires_in, 60, "an access token never outlives its grant");
}

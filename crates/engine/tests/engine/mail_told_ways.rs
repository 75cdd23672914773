//! People are told when they sign in otherwise than before, whoever changed it.

use firman_engine::accounts::Passwords;
use firman_engine::admin::account_factors as operator;
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::mail::About;
use firman_engine::passkeys::question;
use firman_engine::security::{self, Added, Enrolled, Fresh};
use firman_engine::sign_in::{SecondStep, by_passkey};
use firman_proto::time::Timestamp;
use serde_json::{Value, json};

use crate::mail::posted;
use crate::mail_told::{account, only, person, told};
use crate::second_step::shown;
use crate::support::authenticator::Authenticator;
use crate::support::{Ask, Dice, IDP, ISSUER, Idp, Local, PASSWORD, Visitor, World, at, world_with};

async fn fresh(world: &World, visitor: &Visitor, now: Timestamp) -> Fresh {
    let owner = security::owner(&world.engine, &visitor.browser(), now).await.unwrap().unwrap();
    owner.fresh(&world.engine, now).unwrap()
}

/// Their owner, signed in without a second step.
async fn here(local: &Local) -> (Visitor, Fresh) {
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, "somebody", at(2)).await;
    let fresh = fresh(&local.world, &visitor, at(2)).await;
    (visitor, fresh)
}

async fn adds_app(local: &Local) -> Fresh {
    let (engine, (visitor, proof)) = (&local.world.engine, here(local).await);
    let enrolment = security::begin_app(engine, &visitor.browser(), &proof, at(2)).unwrap();
    let typed = (&*enrolment.sealed, &*shown(&enrolment.secret, at(2)));
    let done = security::confirm_app(engine, &visitor.browser(), &proof, typed, at(2)).await.unwrap();
    assert!(matches!(done, Enrolled::Done(_)));
    proof
}

async fn adds_passkey(local: &Local, name: &str) -> Fresh {
    let (engine, (visitor, proof)) = (&local.world.engine, here(local).await);
    let asked = security::begin_passkey(engine, &visitor.browser(), &proof, at(2)).unwrap().unwrap();
    let answer = Authenticator::new(ISSUER, name).create(&asked.options);
    let typed = (&*asked.sealed, &*answer, "My key");
    let added = security::add_passkey(engine, &visitor.browser(), &proof, typed, at(2)).await.unwrap();
    assert!(matches!(added, Added::Done));
    proof
}

#[tokio::test]
async fn whoever_has_an_app_or_none_or_other_codes_is_told_whoever_made_it_so() {
    let local = person().await;
    let engine = &local.world.engine;
    let proof = adds_app(&local).await;
    assert_eq!(told(&local).await, only(About::AppAdded), "its codes came with it");
    security::new_recovery_codes(engine, &proof, at(3)).await.unwrap();
    assert_eq!(told(&local).await, only(About::RecoveryCodesMade));
    operator::new_recovery_codes(engine, &account(&local).await, at(3)).await.unwrap();
    assert_eq!(told(&local).await, only(About::RecoveryCodesMade));
    let seen = account(&local).await;
    local.edit(&seen, |account| drop(account.factors.recovery_codes.pop())).await;
    security::remove_app(engine, &proof, at(4)).await.unwrap();
    assert_eq!(told(&local).await, only(About::AppRemoved), "its codes went with it");
    security::remove_app(engine, &proof, at(4)).await.unwrap();
    assert_eq!(told(&local).await, [], "there was none");
    adds_app(&local).await;
    told(&local).await;
    operator::remove_app(engine, &account(&local).await, at(5)).await.unwrap();
    assert_eq!(told(&local).await, only(About::AppRemoved));
}

#[tokio::test]
async fn whoever_has_another_passkey_or_one_less_is_told_whoever_made_it_so() {
    let local = person().await;
    let engine = &local.world.engine;
    adds_passkey(&local, "one").await;
    assert_eq!(told(&local).await, only(About::PasskeyAdded));
    let proof = adds_passkey(&local, "two").await;
    assert_eq!(told(&local).await, only(About::PasskeyAdded));
    let ids: Vec<_> = account(&local).await.factors.passkeys.into_iter().map(|passkey| passkey.id).collect();
    security::rename_passkey(engine, &proof, (&ids[0], "Another name"), at(3)).await.unwrap();
    assert_eq!(told(&local).await, [], "it is the same");
    security::remove_passkey(engine, &proof, &ids[0], at(3)).await.unwrap();
    assert_eq!(told(&local).await, only(About::PasskeyRemoved));
    operator::remove_passkey(engine, &account(&local).await, &ids[1], at(3)).await.unwrap();
    assert_eq!(told(&local).await, only(About::PasskeyRemoved));
}

#[tokio::test]
async fn whoever_uses_what_they_have_is_told_nothing() {
    let local = person().await;
    let mut key = Authenticator::new(ISSUER, "one");
    let (engine, (visitor, proof)) = (&local.world.engine, here(&local).await);
    let asked = security::begin_passkey(engine, &visitor.browser(), &proof, at(2)).unwrap().unwrap();
    let answer = key.create(&asked.options);
    security::add_passkey(engine, &visitor.browser(), &proof, (&asked.sealed, &answer, ""), at(2)).await.unwrap();
    adds_app(&local).await;
    assert_eq!(told(&local).await.len(), 2);
    let browser = Visitor::new(&local.world).browser();
    let asked = question(engine, &browser, at(40)).unwrap().unwrap();
    let request = local.world.begin(&browser, "/account", at(40)).await;
    let typed = (&*asked.sealed, &*key.get(&asked.options));
    let end = by_passkey(engine, &browser, &request, typed, at(40)).await.unwrap();
    assert!(matches!(end, SecondStep::Welcome { .. }));
    let seen = account(&local).await;
    assert_eq!(seen.factors.passkeys[0].last_used_at, Some(at(40)));
    assert_eq!(told(&local).await, []);
}

#[tokio::test]
async fn whoever_signs_in_at_another_place_or_no_more_is_told() {
    let idp = Idp::new();
    let settings = json!({"trust_email_verified": true, "link_by_email": true});
    let world = world_with(&idp, &settings, |parts| parts.policy.mail = true).await;
    let Value::Object(claims) = json!({"email": "alice@mail.example", "email_verified": true}) else { unreachable!() };
    let new = NewAccount { username: "al".to_owned(), password: PASSWORD.to_owned(), claims: claims.clone() };
    accounts::create(&world.engine, &Passwords::new(1, Dice::new(7)), new, at(0)).await.unwrap();
    let app = world.app("app").await;
    let comes = async |now| {
        let mut away = world.off(&Ask::new(&app, "openid"), now).await;
        let mut said = Idp::claims("alice", &away.nonce(), now);
        said.as_object_mut().unwrap().extend(claims.clone());
        idp.vouch(&said);
        world.welcomed(&mut away, now).await;
        away
    };
    let mails = async || {
        let mails = posted(&world, at(9)).await;
        mails.into_iter().map(|mail| (mail.to, mail.username, mail.about)).collect::<Vec<_>>()
    };
    let only = |about| vec![("alice@mail.example".to_owned(), "al".to_owned(), about)];
    comes(at(1)).await;
    assert_eq!(mails().await, only(About::UpstreamLinked));
    let away = comes(at(2)).await;
    assert_eq!(mails().await, [], "they had done so before");
    security::unlink(&world.engine, &fresh(&world, &away.visitor, at(3)).await, IDP, at(3)).await.unwrap();
    assert_eq!(mails().await, only(About::UpstreamUnlinked));
}

//! Where else the owner of an account signs in, and who was refused there.

use std::sync::Arc;

use firman_engine::Failure;
use firman_engine::account::{self, Owners};
use firman_engine::accounts::Passwords;
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::authorize::{self, LoggedIn, SignIn};
use firman_engine::security::{self, Changed, Fresh};
use firman_proto::error::ErrorCode::InvalidRequest;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, EventKind, Rest};
use firman_store::{Change, Editable, Page};
use serde_json::{Value, json};

use crate::support::{Ask, Away, Dice, IDP, Idp, PASSWORD, Visitor, World, at, refused, world_of, world_with};

/// Somebody who has just come back from the provider.
async fn guest(idp: &Arc<Idp>, settings: &Value) -> (World, Away) {
    guest_called(idp, settings, "alice").await
}

async fn guest_called(idp: &Arc<Idp>, settings: &Value, name: &str) -> (World, Away) {
    let world = world_of(idp, settings).await;
    let app = world.app("app").await;
    let mut away = world.off(&Ask::new(&app, "openid"), at(0)).await;
    let mut claims = Idp::claims("alice", &away.nonce(), at(0));
    claims["preferred_username"] = name.into();
    idp.vouch(&claims);
    world.welcomed(&mut away, at(0)).await;
    (world, away)
}

async fn fresh(world: &World, away: &Away, now: Timestamp) -> Fresh {
    let owner = security::owner(&world.engine, &away.visitor.browser(), now).await.unwrap();
    owner.expect("an account").fresh(&world.engine, now).expect("lately")
}

async fn unlink(world: &World, away: &Away) -> Result<(), Failure> {
    security::unlink(&world.engine, &fresh(world, away, at(1)).await, IDP, at(1)).await
}

async fn all(world: &World) -> Vec<Account> {
    world.engine.store().accounts(world.engine.number(), Page::first(9)).await.unwrap()
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays_and_another_may_go() {
    let idp = Idp::new();
    let (world, away) = guest(&idp, &json!({})).await;
    assert_eq!(refused(unlink(&world, &away).await), InvalidRequest);
    let mut account = all(&world).await.remove(0);
    let revision = account.revision;
    account.password = Some("$argon2id$any".to_owned());
    let record = Editable::Account(Box::new(account));
    world.commit(Change::Replace { record, if_revision: revision }).await;
    unlink(&world, &away).await.unwrap();
    assert!(all(&world).await[0].upstreams.links.is_empty());
    assert_eq!(world.events(EventKind::UpstreamUnlinked).await.len(), 1);
    assert_eq!(refused(unlink(&world, &away).await), InvalidRequest, "it is gone");
    // Whoever comes from there is somebody else from now on.
    let app = world.app("other").await;
    world.code_of_guest(&idp, &Ask::new(&app, "openid"), &json!({}), at(2)).await;
    assert_eq!(all(&world).await.len(), 2);
}

// UTS 39 §4.
#[tokio::test]
async fn with_the_first_password_a_name_becomes_theirs_unless_it_is_somebodys() {
    for (name, local, is_theirs) in [
        ("alice", "bob", true),
        ("alice", "Alice", false),
        ("alicel", "alice1", false),
        ("Alice of the lab", "bob", false),
    ] {
        let idp = Idp::new();
        let (world, away) = guest_called(&idp, &json!({}), name).await;
        let passwords = Passwords::new(1, Dice::new(7));
        let new = NewAccount { username: local.to_owned(), password: PASSWORD.to_owned(), claims: Rest::new() };
        accounts::create(&world.engine, &passwords, new, at(1)).await.unwrap();
        let change = async |visitor: &Visitor, old: &str, new: &str| {
            let owner = security::owner(&world.engine, &visitor.browser(), at(2)).await.unwrap().unwrap();
            let fresh = owner.fresh(&world.engine, at(2)).unwrap();
            security::change_password(&world.engine, &visitor.browser(), &fresh, (old, new), at(2)).await.unwrap()
        };
        let done = change(&away.visitor, "", "a first password").await;
        let signs_in = async |password: &str| {
            let mut visitor = Visitor::new(&world);
            let request = world.begin(&visitor.browser(), "/account", at(3)).await;
            let form = SignIn { request: &request, username: name, password, cancelled: false };
            match authorize::login(&world.engine, &visitor.browser(), form, at(3)).await.unwrap() {
                LoggedIn::Welcome { cookie, .. } => visitor.session = Some(cookie.value.reveal().to_owned()),
                _ => return None,
            }
            Some(visitor)
        };
        assert_eq!(matches!(done, Changed::Done(_)), is_theirs, "{name} {local}: {done:?}");
        let visitor = signs_in("a first password").await;
        assert_eq!(visitor.is_some(), is_theirs, "{name} {local}");
        // And the next time they have it.
        let Some(visitor) = visitor else { continue };
        assert!(matches!(change(&visitor, "a first password", "a second password").await, Changed::Done(_)));
        assert!(signs_in("a second password").await.is_some());
    }
}

#[tokio::test]
async fn what_a_provider_calls_somebody_gives_them_nothing_that_is_for_a_name() {
    let idp = Idp::new();
    let owners = Owners::Named(vec!["alice".to_owned(), "bob".to_owned()]);
    let world = world_with(&idp, &json!({}), |parts| parts.policy.account.client_owners = owners).await;
    let new = NewAccount { username: "bob".to_owned(), password: PASSWORD.to_owned(), claims: Rest::new() };
    accounts::create(&world.engine, &Passwords::new(1, Dice::new(7)), new, at(0)).await.unwrap();
    let app = world.app("app").await;
    for name in ["alice", "bob"] {
        let mut away = world.off(&Ask::new(&app, "openid"), at(1)).await;
        let mut claims = Idp::claims(&format!("{name} there"), &away.nonce(), at(1));
        claims["preferred_username"] = name.into();
        idp.vouch(&claims);
        world.welcomed(&mut away, at(1)).await;
        let person = account::person(&world.engine, &away.visitor.browser(), at(1)).await.unwrap().unwrap();
        assert_eq!((person.username(), person.may_own()), (name, false));
    }
    let mut visitor = Visitor::new(&world);
    world.enter(&mut visitor, "bob", at(2)).await;
    assert!(account::person(&world.engine, &visitor.browser(), at(2)).await.unwrap().unwrap().may_own());
}

#[tokio::test]
async fn an_account_whose_subject_is_that_of_a_provider_stays_there() {
    let (world, away) = guest(&Idp::new(), &json!({"subject": "upstream"})).await;
    let account = all(&world).await.remove(0);
    assert!(!security::may_be_unlinked(&account, &account.upstreams.links[0]));
    assert_eq!(refused(unlink(&world, &away).await), InvalidRequest);
}

#[tokio::test]
async fn who_was_refused_is_in_the_audit_trail_and_who_was_kept_waiting_is_not() {
    let idp = Idp::new();
    let (world, _) = guest(&idp, &json!({})).await;
    let app = world.app("other").await;
    let away = world.off(&Ask::new(&app, "openid"), at(1)).await;
    let error = |error: &str| vec![("error", error.to_owned()), ("state", away.departure.state.clone())];
    world.troubled(&away, &error("temporarily_unavailable"), at(1)).await;
    assert!(world.events(EventKind::UpstreamRefused).await.is_empty());
    world.troubled(&away, &error("access_denied"), at(1)).await;
    idp.vouch(&Idp::claims("alice", "another nonce", at(1)));
    world.troubled(&away, &away.answer(), at(1)).await;
    let events = world.events(EventKind::UpstreamRefused).await;
    let why: Vec<_> = events.iter().map(|event| (&event.details["upstream"], event.details["why"].as_str())).collect();
    assert_eq!(why.len(), 2, "{why:?}");
    assert!(events.iter().all(|event| event.details["upstream"] == json!("uni")));
    assert!(why.iter().any(|(_, why)| why.is_some_and(|why| why.contains("nonce"))), "{why:?}");
}

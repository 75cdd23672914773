//! Whose account here is that of somebody of a provider, by an address that both have proved (OpenID Connect Core §5.7).

use std::sync::Arc;

use firman_engine::accounts::Passwords;
use firman_engine::admin::account_edits::{self, Edit};
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::upstream::What;
use firman_store::Page;
use firman_store::record::{Account, EventKind};
use serde_json::{Value, json};

use crate::support::{Ask, Dice, Idp, PASSWORD, World, at, world_of};

/// A provider whose word is good for addresses.
async fn trusting(idp: &Arc<Idp>) -> World {
    world_of(idp, &json!({"trust_email_verified": true, "link_by_email": true})).await
}

/// An account of this server.
async fn account(world: &World, username: &str, claims: Value) -> Account {
    let Value::Object(claims) = claims else { unreachable!() };
    let new = NewAccount { username: username.to_owned(), password: PASSWORD.to_owned(), claims };
    accounts::create(&world.engine, &Passwords::new(1, Dice::new(7)), new, at(0)).await.unwrap()
}

fn proved(address: &str) -> Value {
    json!({"email": address, "email_verified": true})
}

/// Somebody of the provider comes with these claims: the account they get.
async fn comes(world: &World, idp: &Idp, claims: &Value) -> Account {
    let app = world.app("app").await;
    world.code_of_guest(idp, &Ask::new(&app, "openid"), claims, at(10)).await;
    let all = world.engine.store().accounts(world.engine.number(), Page::first(9)).await.unwrap();
    let linked: Vec<_> = all.into_iter().filter(|account| !account.upstreams.links.is_empty()).collect();
    let [linked] = &linked[..] else { panic!("{linked:?}") };
    linked.clone()
}

#[tokio::test]
async fn who_has_proved_the_same_address_here_is_taken_for_its_owner() {
    // The case of letters makes no other mailbox.
    for theirs in ["alice@uni.example", "Alice@UNI.example"] {
        let idp = Idp::new();
        let world = trusting(&idp).await;
        let owner = account(&world, "al", proved("alice@uni.example")).await;
        let _other = account(&world, "other", json!({"email": "alice@uni.example"})).await;
        assert_eq!(comes(&world, &idp, &proved(theirs)).await.id, owner.id, "{theirs}");
        let events = world.events(EventKind::UpstreamLinked).await;
        let told: Vec<_> = events.iter().map(|event| (event.about, event.details.clone().into())).collect();
        assert_eq!(told, [(owner.id, json!({"upstream": "uni", "by": "email"}))]);
    }
}

#[tokio::test]
async fn nothing_less_links_anybody() {
    let trusted = json!({"trust_email_verified": true, "link_by_email": true});
    for (settings, name, here, there) in [
        // The operator has not set it for this provider, or does not believe it.
        (json!({"trust_email_verified": true}), "al", proved("alice@uni.example"), proved("alice@uni.example")),
        (json!({}), "al", proved("alice@uni.example"), proved("alice@uni.example")),
        // The provider has not verified it, or does not say so.
        (
            trusted.clone(),
            "al",
            proved("alice@uni.example"),
            json!({"email": "alice@uni.example", "email_verified": false}),
        ),
        (trusted.clone(), "al", proved("alice@uni.example"), json!({"email": "alice@uni.example"})),
        // Nobody has proved it here: it is only said, or only a user name.
        (trusted.clone(), "al", json!({"email": "alice@uni.example"}), proved("alice@uni.example")),
        (trusted.clone(), "alice@uni.example", json!({}), proved("alice@uni.example")),
        (trusted.clone(), "alice@uni.example", proved("al@mail.example"), proved("alice@uni.example")),
        // Another mailbox, whose name has the same lower case (the Kelvin sign), or another composition.
        (trusted.clone(), "al", proved("kim@uni.example"), proved("\u{212a}im@uni.example")),
        (trusted.clone(), "al", proved("j\u{fc}rgen@uni.example"), proved("ju\u{308}rgen@uni.example")),
        (trusted, "al", proved("alice@uni.example"), proved("alice@sub.uni.example")),
    ] {
        let idp = Idp::new();
        let world = world_of(&idp, &settings).await;
        let owner = account(&world, name, here.clone()).await;
        assert_ne!(comes(&world, &idp, &there).await.id, owner.id, "{settings} {name} {here} {there}");
        assert!(world.events(EventKind::UpstreamLinked).await.is_empty());
    }
}

#[tokio::test]
async fn an_account_that_is_somebody_elses_there_or_disabled_is_given_to_nobody() {
    let idp = Idp::new();
    let world = trusting(&idp).await;
    account(&world, "al", proved("alice@uni.example")).await;
    let first = comes(&world, &idp, &proved("alice@uni.example")).await;
    // A second person of the provider has that address by now.
    let app = world.app("other").await;
    let refused = async |sub: &str| {
        let away = world.off(&Ask::new(&app, "openid"), at(20)).await;
        let mut claims = Idp::claims(sub, &away.nonce(), at(20));
        claims.as_object_mut().unwrap().extend(proved("alice@uni.example").as_object().unwrap().clone());
        idp.vouch(&claims);
        assert_eq!(world.troubled(&away, &away.answer(), at(20)).await.what, What::NotAdmitted, "{sub}");
    };
    refused("mallory").await;
    let disabled = Edit { username: "al".to_owned(), enabled: false, claims: first.claims.clone() };
    account_edits::edit(&world.engine, &first, disabled, at(21)).await.unwrap();
    refused("mallory").await;
    refused("alice").await;
    let now = world.engine.store().account(first.id).await.unwrap().unwrap();
    assert_eq!(now.upstreams, first.upstreams);
}

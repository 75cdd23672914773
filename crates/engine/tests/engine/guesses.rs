//! Guesses at people's passwords: whoever is wrong too often waits, and nobody is locked out.

use std::net::IpAddr;

use firman_engine::authorize::{self, Browser, LoggedIn, Next, SignIn};
use firman_engine::sign_in::known_to;
use firman_proto::time::{Lifetime, Timestamp};

use crate::support::{Ask, PASSWORD, Visitor, World, at, seconds};

fn from(world: &World, address: &str) -> Browser {
    Browser::first_seen(&world.engine).unwrap().at(Some(address.parse::<IpAddr>().unwrap()))
}

/// What comes of a sign-in.
#[derive(Debug, PartialEq)]
enum End {
    Welcome,
    Wrong,
    Wait(Lifetime),
}

async fn try_in(world: &World, browser: &Browser, username: &str, password: &str, now: Timestamp) -> End {
    let request = world.begin(browser, "/requests", now).await;
    let typed = SignIn { request: &request, username, password, cancelled: false };
    match authorize::login(&world.engine, browser, typed, now).await.unwrap() {
        LoggedIn::Welcome { .. } => End::Welcome,
        LoggedIn::Wrong => End::Wrong,
        LoggedIn::Wait(time) => End::Wait(time),
        LoggedIn::Second(_) | LoggedIn::Cancelled(_) => panic!("nobody here has a second step, or gave up"),
    }
}

// RFC 6749 §4.3.2.
#[tokio::test]
async fn so_many_passwords_are_wrong_at_one_account_and_then_one_a_minute() {
    let world = World::new().await;
    world.people.leave("nobody");
    for name in ["somebody", "nobody"] {
        // From wherever they come.
        for number in 0..10 {
            let browser = from(&world, &format!("192.0.2.{number}"));
            assert_eq!(try_in(&world, &browser, name, "guess", at(0)).await, End::Wrong, "{name}");
        }
        let late = from(&world, "198.51.100.1");
        assert_eq!(try_in(&world, &late, name, PASSWORD, at(0)).await, End::Wait(seconds(60)), "{name}");
        assert_eq!(try_in(&world, &late, &name.to_uppercase(), "guess", at(59)).await, End::Wait(seconds(1)));
        assert_eq!(try_in(&world, &late, name, "guess", at(60)).await, End::Wrong);
        assert_eq!(try_in(&world, &late, name, "guess", at(61)).await, End::Wait(seconds(59)));
    }
    // Nobody else waits, and the owner only for a minute.
    assert_eq!(try_in(&world, &from(&world, "192.0.2.1"), "another", PASSWORD, at(61)).await, End::Welcome);
    assert_eq!(try_in(&world, &from(&world, "192.0.2.1"), "somebody", PASSWORD, at(121)).await, End::Welcome);
}

#[tokio::test]
async fn strangers_who_guess_do_not_keep_an_owner_from_a_browser_that_is_known() {
    let world = World::new().await;
    let home = from(&world, "192.0.2.1");
    assert_eq!(try_in(&world, &home, "somebody", PASSWORD, at(0)).await, End::Welcome);
    let cookie = known_to(&world.engine, &home, "Somebody").unwrap().expect("a cookie");
    let home = home.on_device(Some(&cookie));
    assert_eq!(known_to(&world.engine, &home, "somebody").unwrap(), None, "it has it");
    let stranger = from(&world, "192.0.2.1");
    while try_in(&world, &stranger, "somebody", "guess", at(1)).await == End::Wrong {}
    assert!(matches!(try_in(&world, &stranger, "somebody", PASSWORD, at(1)).await, End::Wait(_)));
    assert_eq!(try_in(&world, &home, "somebody", PASSWORD, at(1)).await, End::Welcome);
    // It has a count of its own, and is known for no other account.
    for _ in 0..10 {
        assert_eq!(try_in(&world, &home, "somebody", "guess", at(2)).await, End::Wrong);
    }
    assert!(matches!(try_in(&world, &home, "somebody", PASSWORD, at(2)).await, End::Wait(_)));
    while try_in(&world, &stranger, "other", "guess", at(3)).await == End::Wrong {}
    assert!(matches!(try_in(&world, &home, "other", PASSWORD, at(3)).await, End::Wait(_)));
    // A cookie that was made up is none.
    for odd in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA", &cookie.replace('.', ".A")] {
        let browser = from(&world, "203.0.113.1").on_device(Some(odd));
        assert!(matches!(try_in(&world, &browser, "somebody", PASSWORD, at(4)).await, End::Wait(_)), "{odd}");
    }
}

#[tokio::test]
async fn a_browser_is_known_to_eight_accounts_and_to_another_deployment_it_is_not() {
    let world = World::new().await;
    let mut browser = from(&world, "192.0.2.1");
    for number in 0..9 {
        let cookie = known_to(&world.engine, &browser, &format!("person{number}")).unwrap().unwrap();
        assert!(!cookie.contains("person") && cookie.len() < 256, "{cookie}");
        browser = browser.on_device(Some(&cookie));
    }
    assert!(known_to(&world.engine, &browser, "person8").unwrap().is_none());
    assert!(known_to(&world.engine, &browser, "person0").unwrap().is_some(), "the first is forgotten");
    let elsewhere = World::with(|parts| parts.master = crate::support::master(8)).await;
    assert!(known_to(&elsewhere.engine, &browser, "person8").unwrap().is_some());
}

#[tokio::test]
async fn one_address_waits_and_so_does_its_network() {
    let world = World::new().await;
    for (address, neighbour, other) in
        [("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2:3", "2001:db8:0:1::1")]
    {
        let browser = from(&world, address);
        for number in 0..30 {
            assert_eq!(try_in(&world, &browser, &format!("{address}{number}"), "guess", at(0)).await, End::Wrong);
        }
        assert_eq!(try_in(&world, &from(&world, neighbour), "x", PASSWORD, at(0)).await, End::Wait(seconds(10)));
        assert_eq!(try_in(&world, &from(&world, other), "x", PASSWORD, at(0)).await, End::Welcome);
        assert_eq!(try_in(&world, &browser, "x", PASSWORD, at(10)).await, End::Welcome);
    }
}

#[tokio::test]
async fn the_login_page_counts_with_the_other_pages() {
    let world = World::new().await;
    let app = world.app("app").await;
    let visitor = Visitor::new(&world);
    let next = world.authorize(&visitor, &Ask::new(&app, "read"), at(0)).await.unwrap();
    let Next::Login(request) = next else { panic!("{next:?}") };
    for _ in 0..5 {
        let form = SignIn { request: &request, username: "somebody", password: "guess", cancelled: false };
        let end = authorize::login(&world.engine, &visitor.browser(), form, at(1)).await.unwrap();
        assert!(matches!(end, LoggedIn::Wrong));
        assert_eq!(try_in(&world, &visitor.browser(), "somebody", "guess", at(1)).await, End::Wrong);
    }
    let form = SignIn { request: &request, username: "somebody", password: PASSWORD, cancelled: false };
    let end = authorize::login(&world.engine, &visitor.browser(), form, at(1)).await.unwrap();
    assert!(matches!(end, LoggedIn::Wait(_)));
}

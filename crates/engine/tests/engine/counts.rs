//! What all nodes count together: mails to people, wrong codes of those mails, and accounts that people make.

use std::net::IpAddr;
use std::sync::Arc;

use firman_engine::admin::account_factors::set_email;
use firman_engine::admin::accounts::find;
use firman_engine::mail::{self, About, Asked as Mailed, Written};
use firman_engine::security;
use firman_engine::sign_up::{self, Asked, SignUp, SignedUp};
use firman_engine::{Accounts, Pace};
use firman_proto::time::{Lifetime, Timestamp};

use crate::mail::letters;
use crate::sign_up::sent;
use crate::support::{Local, PASSWORD, Visitor, World, at, refused};

const RESET: Written = Written { page: "/login/reset", language: "en" };
const ADDRESS: &str = "some.body@mail.example";
/// Few, from one place.
const PLACE: Pace = Pace { burst: 2, every: Lifetime::from_seconds(10) };

/// Two nodes on one store, where people may make accounts.
async fn two_nodes(mail: bool) -> (Arc<Local>, World) {
    let edit = |parts: &mut firman_engine::Parts| {
        (parts.policy.sign_up, parts.policy.mail) = (true, mail);
        parts.policy.sign_in.address = PLACE;
    };
    let local = Local::with(edit).await;
    let accounts = Arc::clone(&local.accounts) as Arc<dyn Accounts>;
    let with = |parts: &mut firman_engine::Parts| {
        edit(parts);
        parts.accounts = accounts;
    };
    let other = local.world.neighbour_with(at(0), with).await.unwrap();
    (local, other)
}

/// What came of asking a node for the mail with which one makes an account: how long to wait, if it is not sent.
async fn asks(node: &World, (visitor, request): &(Visitor, String), address: &str, from: Option<IpAddr>) -> Lifetime {
    let browser = visitor.browser().at(from);
    match sign_up::ask(&node.engine, &browser, (request, address), RESET, at(1)).await.unwrap() {
        Asked::Sent(_) => Lifetime::ZERO,
        Asked::Wait(time) => time,
        Asked::Refused(denied) => panic!("{denied}"),
    }
}

async fn resets(local: &Local, now: Timestamp) -> usize {
    letters(local, now).await.iter().filter(|mail| mail.about == About::Reset).count()
}

#[tokio::test]
async fn mails_to_one_account_are_few_whichever_node_is_asked() {
    let (local, other) = two_nodes(true).await;
    local.create("somebody", PASSWORD).await.unwrap();
    let account = find(&local.world.engine, "somebody", at(0)).await.unwrap();
    set_email(&local.world.engine, &account, Some(ADDRESS), true, at(0)).await.unwrap();
    for (now, mails) in [(at(2), 3), (at(602), 1), (at(1802), 2)] {
        for node in [&local.world, &other] {
            for _ in 0..3 {
                // Nobody is told whether one was sent.
                let typed = (ADDRESS, None);
                assert!(mail::forgot(&node.engine, None, typed, RESET, now).unwrap() == Mailed::Sent || now > at(2));
            }
        }
        assert_eq!(resets(&local, now).await, mails, "{now:?}");
    }
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, "somebody", at(1802)).await;
    let owner = security::owner(&other.engine, &visitor.browser(), at(1802)).await.unwrap().unwrap();
    let fresh = owner.fresh(&other.engine, at(1802)).unwrap();
    refused(mail::ask_to_verify(&other.engine, (None, &fresh), "new@mail.example", RESET, at(1802)).await);
    mail::ask_to_verify(&other.engine, (None, &fresh), "new@mail.example", RESET, at(2402)).await.unwrap();
}

#[tokio::test]
async fn so_are_those_to_one_address_and_from_one_place() {
    let (local, other) = two_nodes(true).await;
    let somebody = sent(&local, at(0)).await;
    for _ in 0..3 {
        assert_eq!(asks(&local.world, &somebody, "new@mail.example", None).await, Lifetime::ZERO);
    }
    assert_eq!(asks(&other, &somebody, "New@mail.example", None).await, Lifetime::from_seconds(600));
    let (here, there) = ("192.0.2.7".parse().ok(), "192.0.2.8".parse().ok());
    for address in ["a@mail.example", "b@mail.example"] {
        assert_eq!(asks(&local.world, &somebody, address, here).await, Lifetime::ZERO);
    }
    assert_eq!(asks(&other, &somebody, "c@mail.example", here).await, PLACE.every);
    assert_eq!(asks(&other, &somebody, "c@mail.example", there).await, Lifetime::ZERO);
    assert_eq!(letters(&local, at(1)).await.len(), 6, "who waits gets none");
}

#[tokio::test]
async fn accounts_that_are_made_from_one_place_are_few() {
    let (local, other) = two_nodes(false).await;
    let somebody = sent(&local, at(0)).await;
    let makes = async |node: &World, username: &str| {
        let form = SignUp { request: &somebody.1, asked: "", code: "", username, password: PASSWORD };
        let browser = somebody.0.browser().at("192.0.2.7".parse().ok());
        sign_up::sign_up(&node.engine, &browser, &form, at(1)).await.unwrap()
    };
    assert!(matches!(makes(&local.world, "one").await, SignedUp::Welcome { .. }));
    assert!(matches!(makes(&local.world, "one").await, SignedUp::Refused(_)), "which counts, too");
    assert!(matches!(makes(&other, "another").await, SignedUp::Wait(time) if time == PLACE.every));
}

#[tokio::test]
async fn wrong_codes_of_one_mail_are_few_and_a_right_one_is_none_of_them() {
    let (local, other) = two_nodes(true).await;
    let (visitor, request) = sent(&local, at(0)).await;
    let asked = sign_up::ask(&local.world.engine, &visitor.browser(), (&request, ADDRESS), RESET, at(1)).await.unwrap();
    let Asked::Sent(asked) = asked else { panic!("{ADDRESS}") };
    let right = letters(&local, at(1)).await.remove(0).link;
    let types = async |node: &World, code: &str, username: &str, now| {
        let form = SignUp { request: &request, asked: &asked, code, username, password: PASSWORD };
        sign_up::sign_up(&node.engine, &visitor.browser(), &form, now).await.unwrap()
    };
    let nodes = [&local.world, &other];
    for round in 0..8 {
        let end = types(nodes[round % 2], &right, "two words", at(2)).await;
        assert!(matches!(end, SignedUp::Refused(_)), "a name that will not do, and a right code");
    }
    for round in 0..5 {
        assert!(matches!(types(nodes[round % 2], "AAAA-AAAA", "newcomer", at(2)).await, SignedUp::WrongCode));
    }
    for node in nodes {
        let end = types(node, &right, "newcomer", at(2)).await;
        assert!(matches!(end, SignedUp::Wait(time) if time == Lifetime::from_seconds(120)), "the sixth");
    }
    assert!(matches!(types(&other, "AAAA-AAAA", "newcomer", at(122)).await, SignedUp::WrongCode));
    assert!(matches!(types(&local.world, &right, "newcomer", at(122)).await, SignedUp::Wait(_)));
    assert!(matches!(types(&local.world, &right, "newcomer", at(242)).await, SignedUp::Welcome { .. }));
}

#[tokio::test]
async fn of_rivals_no_more_are_served_than_there_is_room_for() {
    let (local, other) = two_nodes(true).await;
    let somebody = sent(&local, at(0)).await;
    local.store().give_way();
    let ask = |node| asks(node, &somebody, "new@mail.example", None);
    let (one, two) = (&local.world, &other);
    let waits = tokio::join!(ask(one), ask(two), ask(one), ask(two), ask(one), ask(two));
    let waits = [waits.0, waits.1, waits.2, waits.3, waits.4, waits.5];
    assert_eq!(waits.iter().filter(|wait| **wait == Lifetime::ZERO).count(), 3, "{waits:?}");
}

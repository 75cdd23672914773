//! Failed sign-ins to an account, counted by all nodes together.

use std::sync::Arc;

use firman_engine::Accounts;
use firman_engine::authorize::{self, Browser, LoggedIn, SignIn};
use firman_engine::sign_in::known_to;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, EventKind};

use crate::support::{Local, PASSWORD, Visitor, World, at};

/// One attempt at a node: whether it got in; waiting is neither.
async fn tries(node: &World, browser: &Browser, (username, password): (&str, &str), now: Timestamp) -> Option<bool> {
    let request = node.begin(browser, "/account", now).await;
    let typed = SignIn { request: &request, username, password, cancelled: false };
    match authorize::login(&node.engine, browser, typed, now).await.unwrap() {
        LoggedIn::Welcome { .. } => Some(true),
        LoggedIn::Wrong => Some(false),
        LoggedIn::Wait(_) => None,
        _ => panic!("there is no second step"),
    }
}

/// The account, when so many failures are written: they are off the answer's path.
async fn counted(local: &Local, account: &Account, count: u32) -> Account {
    for _ in 0..1000 {
        let now = local.world.engine.store().account(account.id).await.unwrap().unwrap();
        if now.attempts.count == count {
            return now;
        }
        tokio::task::yield_now().await;
    }
    panic!("{count} are never counted");
}

async fn two_nodes() -> (Arc<Local>, World, Account) {
    let local = Local::new().await;
    let account = local.create("somebody", PASSWORD).await.unwrap();
    let accounts = Arc::clone(&local.accounts) as Arc<dyn Accounts>;
    let other = local.world.neighbour_with(at(0), |parts| parts.accounts = accounts).await.unwrap();
    (local, other, account)
}

#[tokio::test]
async fn guesses_at_one_node_count_at_the_others_and_look_like_wrong_passwords() {
    let (local, other, account) = two_nodes().await;
    let browser = Visitor::new(&local.world).browser();
    for count in 1..=10 {
        assert_eq!(tries(&local.world, &browser, ("somebody", "a guess"), at(0)).await, Some(false));
        counted(&local, &account, count).await;
    }
    assert_eq!(tries(&local.world, &browser, ("somebody", PASSWORD), at(1)).await, None, "this node says to wait");
    assert_eq!(tries(&other, &browser, ("somebody", PASSWORD), at(1)).await, Some(false), "whatever is typed");
    assert_eq!(tries(&other, &browser, ("nobody", PASSWORD), at(1)).await, Some(false), "as for nobody");
    let known = counted(&local, &account, 10).await;
    assert_eq!(known.revision, account.revision, "no edit of the account is lost");
    assert_eq!(local.world.events(EventKind::AccountLocked).await.len(), 1);
    assert_eq!(tries(&other, &browser, ("somebody", PASSWORD), at(60)).await, Some(true));
    assert!(counted(&local, &account, 0).await.attempts.locked_until.is_none());
}

#[tokio::test]
async fn the_owners_own_browser_is_not_kept_away() {
    let (local, other, account) = two_nodes().await;
    let stranger = Visitor::new(&local.world).browser();
    for count in 1..=10 {
        tries(&local.world, &stranger, ("somebody", "a guess"), at(0)).await;
        counted(&local, &account, count).await;
    }
    let owner = Visitor::new(&local.world);
    let cookie = known_to(&local.world.engine, &owner.browser(), "somebody").unwrap().unwrap();
    for node in [&local.world, &other] {
        let browser = owner.browser().on_device(Some(&cookie));
        assert_eq!(tries(node, &browser, ("somebody", PASSWORD), at(1)).await, Some(true));
    }
    counted(&local, &account, 10).await;
}

//! What an operator does for a person who cannot sign in.

use std::sync::Arc;

use firman_engine::admin::account_factors::{new_recovery_codes, remove_app, remove_passkey, set_email, unlock};
use firman_engine::admin::accounts::find;
use firman_engine::security;
use firman_store::record::{Account, Attempts, EventKind, Passkey, Totp};

use crate::support::{Local, PASSWORD, Visitor, at};

async fn account(local: &Local, name: &str) -> Account {
    find(&local.world.engine, name, at(0)).await.unwrap()
}

/// Somebody who is signed in, with an app and a passkey.
async fn person() -> (Arc<Local>, Visitor) {
    let local = Local::new().await;
    local.create("somebody", PASSWORD).await.unwrap();
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, "somebody", at(0)).await;
    let seen = account(&local, "somebody").await;
    let passkey = Passkey {
        id: "a-key".to_owned(),
        key: String::new(),
        counter: 0,
        backup_eligible: false,
        transports: Vec::new(),
        name: "Telephone".to_owned(),
        added_at: at(0),
        last_used_at: None,
    };
    local
        .edit(&seen, |account| {
            account.factors.totp = Some(Totp { wrapped: "sealed".to_owned(), last_step: 1, added_at: at(0) });
            account.factors.passkeys = vec![passkey];
            account.factors.misses = Attempts { count: 5, locked_until: Some(at(300)) };
        })
        .await;
    (local, visitor)
}

async fn is_signed_in(local: &Local, visitor: &Visitor) -> bool {
    security::owner(&local.world.engine, &visitor.browser(), at(3)).await.unwrap().is_some()
}

#[tokio::test]
async fn what_was_lost_is_taken_away_and_signs_out_everywhere() {
    let (local, visitor) = person().await;
    let engine = &local.world.engine;
    let codes = new_recovery_codes(engine, &account(&local, "somebody").await, at(1)).await.unwrap();
    assert_eq!(codes.len(), 10);
    assert!(is_signed_in(&local, &visitor).await);
    let removed = remove_app(engine, &account(&local, "somebody").await, at(1)).await.unwrap();
    assert!(removed.factors.totp.is_none() && removed.factors.recovery_codes.is_empty());
    assert!(!is_signed_in(&local, &visitor).await);
    assert!(remove_app(engine, &removed, at(2)).await.is_err(), "there is none");
    assert!(new_recovery_codes(engine, &removed, at(2)).await.is_err(), "they stand in for an app");
    assert!(remove_passkey(engine, &removed, "another", at(2)).await.is_err());
    assert!(remove_passkey(engine, &removed, "a-key", at(2)).await.unwrap().factors.passkeys.is_empty());
    let what: Vec<_> = local.world.events(EventKind::FactorRemoved).await;
    let what: Vec<_> = what.iter().map(|event| event.details["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["totp_removed", "passkey_removed"]);
}

#[tokio::test]
async fn an_unlocked_account_has_no_failures_at_either_step() {
    let (local, _) = person().await;
    let engine = &local.world.engine;
    unlock(engine, &account(&local, "somebody").await, at(1)).await.unwrap();
    let unlocked = account(&local, "somebody").await;
    assert!(unlocked.factors.misses.is_none() && unlocked.attempts.is_none());
    assert_eq!(local.world.events(EventKind::AccountUnlocked).await.len(), 2, "both steps");
    unlock(engine, &unlocked, at(2)).await.unwrap();
}

#[tokio::test]
async fn an_address_that_an_operator_vouches_for_is_one_accounts() {
    let (local, _) = person().await;
    local.create("another", PASSWORD).await.unwrap();
    let engine = &local.world.engine;
    let (one, other) = (account(&local, "somebody").await, account(&local, "another").await);
    let address = Some("A@mail.example");
    let one = set_email(engine, &one, address, true, at(1)).await.unwrap();
    assert_eq!(one.claims["email"], "A@mail.example");
    let refused = set_email(engine, &other, Some("a@MAIL.example"), true, at(1)).await.unwrap_err();
    assert!(refused.to_string().contains("another account"), "{refused}");
    let other = set_email(engine, &other, address, false, at(1)).await.expect("it is only said, not proved");
    let one = set_email(engine, &one, None, false, at(2)).await.unwrap();
    assert!(!one.claims.contains_key("email") && !one.claims.contains_key("email_verified"));
    set_email(engine, &other, address, true, at(3)).await.expect("free again");
    assert!(set_email(engine, &one, Some("not an address"), true, at(3)).await.is_err());
}

//! Local accounts.

use std::sync::Arc;

use firman_engine::Accounts;
use firman_engine::accounts::{HashCost, LONGEST_PASSWORD, LocalAccounts, Passwords, Verdict};
use firman_engine::admin::accounts;
use firman_engine::authorize::{self, LoggedIn, Next, SignIn};
use firman_proto::error::ErrorCode::{InvalidGrant, InvalidRequest};
use firman_proto::id::IssuerNumber;
use firman_store::record::{EventKind, Rest, Subject};
use firman_store::{Page, Store};
use serde_json::json;

use crate::support::{Ask, Dice, Local, Op, PASSWORD, Visitor, When, at, refresh_token, refused};

#[tokio::test]
async fn who_knows_the_password_is_who_they_say() {
    let local = Local::new().await;
    let account = local.create(" Some.Body ", PASSWORD).await.unwrap();
    assert_eq!(account.username, "Some.Body");
    for username in ["Some.Body", "some.body", " SOME.BODY\t"] {
        let user = local.authenticate(username, PASSWORD).await.expect(username);
        assert_eq!((Some(user.subject), user.amr), (account.subject(), vec!["pwd".to_owned()]));
        assert_eq!(user.username, "Some.Body");
    }
    assert_eq!(local.world.events(EventKind::AccountCreated).await.len(), 1);
}

#[tokio::test]
async fn whatever_is_wrong_with_credentials_they_are_just_wrong() {
    let local = Local::new().await;
    let account = local.create("somebody", PASSWORD).await.unwrap();
    let endless = "x".repeat(LONGEST_PASSWORD + 1);
    let wrong = [
        ("somebody", "guess"),
        ("somebody", ""),
        ("somebody", &endless),
        ("somebody", "correct horse battery stapl"),
        ("nobody", PASSWORD),
        ("", PASSWORD),
    ];
    for (username, password) in wrong {
        assert_eq!(local.authenticate(username, password).await, None, "{username}");
    }
    local.edit(&account, |account| account.enabled = false).await;
    assert_eq!(local.authenticate("somebody", PASSWORD).await, None, "disabled");
    let without = local.create("without", PASSWORD).await.unwrap();
    local.edit(&without, |account| account.password = None).await;
    assert_eq!(local.authenticate("without", PASSWORD).await, None, "no password");
    let damaged = local.create("damaged", PASSWORD).await.unwrap();
    local.edit(&damaged, |account| account.password = Some(PASSWORD.to_owned())).await;
    assert_eq!(local.authenticate("damaged", PASSWORD).await, None, "a password is not its own hash");
}

#[tokio::test]
async fn somebody_who_is_not_there_costs_the_store_as_much_as_somebody_who_is() {
    let local = Local::new().await;
    local.create("somebody", PASSWORD).await.unwrap();
    let mut calls = Vec::new();
    for username in ["somebody", "nobody"] {
        local.store().forget_calls();
        local.authenticate(username, "guess").await;
        calls.push((local.store().count(Op::Account), local.store().calls()));
    }
    assert_eq!(calls[0], calls[1]);
}

#[tokio::test]
async fn a_user_name_is_taken_whatever_its_case() {
    let local = Local::new().await;
    local.create("somebody", PASSWORD).await.unwrap();
    for taken in ["somebody", "SomeBody", " somebody "] {
        assert_eq!(refused(local.create(taken, PASSWORD).await), InvalidRequest, "{taken}");
    }
    assert_eq!(accounts::list(&local.world.engine, Page::first(9)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_rivals_for_a_user_name_one_wins() {
    let local = Local::new().await;
    local.store().give_way();
    let (one, other) = tokio::join!(local.create("somebody", PASSWORD), local.create("Somebody", PASSWORD));
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|won| **won).count(), 1);
    assert_eq!(accounts::list(&local.world.engine, Page::first(9)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn bad_names_and_passwords_are_refused_by_name() {
    let local = Local::new().await;
    let (long, endless) = ("x".repeat(256), "x".repeat(LONGEST_PASSWORD + 1));
    for username in ["", "  ", "a\nb", &long] {
        assert_eq!(refused(local.create(username, PASSWORD).await), InvalidRequest, "{username:?}");
    }
    for password in ["", "seven77", &endless] {
        assert_eq!(refused(local.create("somebody", password).await), InvalidRequest);
    }
    local.create("somebody", "ümläute8").await.expect("characters count, not bytes");
    assert_eq!(refused(local.set_password("somebody", "seven77").await), InvalidRequest);
    assert_eq!(refused(local.set_password("nobody", PASSWORD).await), InvalidRequest);
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_signs_out_everywhere() {
    let local = Local::new().await;
    local.create("somebody", PASSWORD).await.unwrap();
    let world = &local.world;
    let app = world.app("app").await;
    let ask = Ask::new(&app, "read");
    let (visitor, url) = world.walk(&ask, "somebody", at(1)).await;
    let code = crate::support::parameter(&url, "code").unwrap();
    let tokens = world.redeem(&app, &code, at(2)).await.unwrap();

    let changed = local.set_password("Somebody", "another password").await.unwrap();
    assert_eq!(local.store().account(changed.id).await.unwrap(), Some(changed));
    assert_eq!(local.authenticate("somebody", PASSWORD).await, None);
    assert!(local.authenticate("somebody", "another password").await.is_some());
    assert!(!world.is_active(&app, &tokens.access_token, at(6)).await);
    assert_eq!(refused(world.refresh(&app, &refresh_token(&tokens), at(6)).await), InvalidGrant);
    assert!(matches!(world.authorize(&visitor, &ask, at(6)).await.unwrap(), Next::Login(_)));
}

#[tokio::test]
async fn a_sign_in_with_the_old_password_does_not_outlive_a_new_one() {
    for moment in 0..4 {
        let local = Local::new().await;
        local.create("somebody", PASSWORD).await.unwrap();
        let app = local.world.app("app").await;
        let (ask, mut visitor) = (Ask::new(&app, "read"), Visitor::new(&local.world));
        let next = local.world.authorize(&visitor, &ask, at(1)).await.unwrap();
        let Next::Login(request) = next else { panic!("no login page: {next:?}") };
        let rival = Arc::clone(&local);
        let change = || async move {
            rival.set_password("somebody", "another password").await.unwrap();
        };
        let store = Arc::clone(&local.world.store);
        match moment {
            0 => store.interrupt(When::After, Op::Account, change),
            1 => store.interrupt(When::After, Op::Epochs, change),
            // When the password has been read.
            2 => Arc::clone(&store).interrupt(When::After, Op::Epochs, || async move {
                store.interrupt(When::After, Op::Account, change);
            }),
            _ => store.interrupt(When::Before, Op::Commit, change),
        }
        // Either the old password is wrong by now, or what it opens is dead.
        let form = SignIn { request: &request, username: "somebody", password: PASSWORD, cancelled: false };
        let answer = authorize::login(&local.world.engine, &visitor.browser(), form, at(2)).await;
        if let LoggedIn::Welcome { cookie, next } = answer.unwrap() {
            assert!(matches!(next, Next::Login(_)), "moment {moment}");
            visitor.session = Some(cookie.value.reveal().to_owned());
        }
        let next = local.world.authorize(&visitor, &ask, at(6)).await.unwrap();
        assert!(matches!(next, Next::Login(_)), "moment {moment}");
        assert_eq!(local.authenticate("somebody", PASSWORD).await, None, "it was changed");
    }
}

// OpenID Connect Core §5.1.
#[tokio::test]
async fn an_account_has_its_claims_and_two_more() {
    let local = Local::new().await;
    let account = local.create("somebody", PASSWORD).await.unwrap();
    let subject = account.subject().unwrap();
    let claims = local.accounts.claims(&subject).await.unwrap();
    let expected = json!({"name": "N", "preferred_username": "somebody", "updated_at": at(0).seconds()});
    assert_eq!(claims.map(serde_json::Value::Object), Some(expected));
    local
        .edit(&account, |account| {
            account.claims = Rest::from_iter([("preferred_username".to_owned(), "else".into())]);
        })
        .await;
    let claims = local.accounts.claims(&subject).await.unwrap().unwrap();
    assert_eq!(claims["preferred_username"], "else", "what was set goes first");
}

#[tokio::test]
async fn who_is_gone_disabled_or_elsewhere_has_no_claims() {
    let local = Local::new().await;
    let account = local.create("somebody", PASSWORD).await.unwrap();
    let store = Arc::clone(local.world.engine.store());
    let elsewhere = LocalAccounts::new(store, IssuerNumber(1), Arc::clone(&local.passwords));
    assert_eq!(elsewhere.claims(&account.subject().unwrap()).await.unwrap(), None);
    assert_eq!(elsewhere.authenticate("somebody", PASSWORD, at(1)).await.unwrap(), None);
    for stranger in ["nobody", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        assert_eq!(local.accounts.claims(&Subject::new(stranger).unwrap()).await.unwrap(), None);
    }
    local.edit(&account, |account| account.enabled = false).await;
    assert_eq!(local.accounts.claims(&account.subject().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn one_password_has_many_hashes_and_no_hash_has_no_password() {
    let passwords = Passwords::new(1, Dice::new(1));
    let one = passwords.hash(PASSWORD.to_owned()).await.unwrap();
    let other = passwords.hash(PASSWORD.to_owned()).await.unwrap();
    assert!(one != other && one.starts_with("$argon2id$v=19$"), "{one}");
    for (hash, right) in [(Some(&*one), true), (Some(&*other), true), (None, false)] {
        let verdict = passwords.verify(PASSWORD, hash).await.unwrap();
        assert_eq!(verdict, Verdict { right, outdated: false });
    }
}

// RFC 9106 §3.1.
#[tokio::test]
async fn a_hash_of_another_cost_is_made_anew_when_its_person_signs_in() {
    let local = Local::new().await;
    let account = local.create("somebody", PASSWORD).await.unwrap();
    let cost = HashCost { memory_kib: 64, passes: 1, lanes: 1 };
    let cheap = Passwords::new(1, Dice::new(7)).at(cost).unwrap();
    let old = cheap.hash(PASSWORD.to_owned()).await.unwrap();
    assert!(old.contains("m=64,t=1,p=1"), "{old}");
    local.edit(&account, |account| account.password = Some(old.clone())).await;
    assert_eq!(local.authenticate("somebody", "guess").await, None);
    let hash_of = || async { local.store().account(account.id).await.unwrap().unwrap().password.unwrap() };
    assert_eq!(hash_of().await, old, "a wrong password changes nothing");
    assert!(local.authenticate("somebody", PASSWORD).await.is_some());
    let new = hash_of().await;
    assert!(new.contains("m=19456,t=2,p=1"), "{new}");
    assert!(local.authenticate("somebody", PASSWORD).await.is_some());
    assert_eq!(hash_of().await, new, "made once");
    assert!(Passwords::new(1, Dice::new(7)).at(HashCost { memory_kib: 1, passes: 1, lanes: 1 }).is_none());
}

// RFC 8265 §3.3, §4.2.
#[tokio::test]
async fn names_and_passwords_are_the_same_however_they_were_composed() {
    let local = Local::new().await;
    local.create("J\u{fc}rgen", "\u{fc}ber alle berge").await.unwrap();
    let user = local.authenticate("ju\u{308}rgen", "u\u{308}ber alle\u{a0}berge").await.expect("composed otherwise");
    assert_eq!(user.username, "J\u{fc}rgen");
    assert_eq!(refused(local.create("JU\u{308}RGEN", PASSWORD).await), InvalidRequest);
    for odd in ["two words", "zero\u{200b}width", "right\u{202e}left", "\u{1f600}", &"x".repeat(1 << 20)] {
        assert_eq!(refused(local.create(odd, PASSWORD).await), InvalidRequest, "{odd:.40}");
        assert_eq!(local.authenticate(odd, PASSWORD).await, None, "{odd:.40}");
    }
}

// UTS 39 §4.
#[tokio::test]
async fn a_name_that_looks_like_another_is_noted() {
    let local = Local::new().await;
    let first = local.create("paypal", PASSWORD).await.unwrap();
    let second = local.create("p\u{430}ypal", PASSWORD).await.unwrap();
    let engine = &local.world.engine;
    assert_eq!(accounts::looks_like(engine, "paypa1").await.unwrap(), Some(first.id));
    assert_eq!(accounts::looks_like(engine, "somebody").await.unwrap(), None);
    let noted = json!({"looks_like": first.id.to_string(), "mixes_scripts": true});
    for (account, details) in [(first, json!({})), (second, noted)] {
        let events = local.store().events(Some(account.id), Page::first(9)).await.unwrap();
        assert_eq!(events.iter().map(|event| json!(event.details)).collect::<Vec<_>>(), [details]);
    }
}

#[tokio::test]
async fn a_password_that_everybody_tries_first_is_refused() {
    let local = Local::new().await;
    for bad in ["password123", "Somebody2026", "12345678"] {
        assert_eq!(refused(local.create("somebody", bad).await), InvalidRequest, "{bad}");
    }
    local.create("somebody", PASSWORD).await.unwrap();
    assert_eq!(refused(local.set_password("somebody", "qwertzuiop").await), InvalidRequest);
}

//! Local accounts.

use std::sync::Arc;

use firman_engine::accounts::{LONGEST_PASSWORD, LocalAccounts, Passwords};
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::authorize::{self, LoggedIn, Next, SignIn};
use firman_engine::{Accounts, Failure, User};
use firman_proto::error::ErrorCode::{InvalidGrant, InvalidRequest};
use firman_proto::id::IssuerNumber;
use firman_store::record::{Account, EventKind, Rest, Subject};
use firman_store::{Change, Editable, Page, Store};
use serde_json::json;

use crate::support::{Ask, Dice, Op, PASSWORD, Visitor, Watched, When, World, at, refresh_token, refused};

/// A world whose people are local accounts.
struct Local {
    world: World,
    accounts: Arc<LocalAccounts>,
    passwords: Arc<Passwords>,
}

impl Local {
    async fn new() -> Arc<Self> {
        let passwords = Arc::new(Passwords::new(2, Dice::new(42)));
        let mut accounts = None;
        let world = World::with(|parts| {
            let store = Arc::clone(&parts.store);
            let local = Arc::new(LocalAccounts::new(store, parts.number, Arc::clone(&passwords)));
            parts.accounts = Arc::clone(&local) as Arc<dyn Accounts>;
            accounts = Some(local);
        })
        .await;
        Arc::new(Self { world, accounts: accounts.unwrap(), passwords })
    }

    async fn create(&self, username: &str, password: &str) -> Result<Account, Failure> {
        let serde_json::Value::Object(claims) = json!({"name": "N"}) else { panic!() };
        let new = NewAccount { username: username.to_owned(), password: password.to_owned(), claims };
        accounts::create(&self.world.engine, &self.passwords, new, at(0)).await.map_err(Failure::from)
    }

    async fn set_password(&self, username: &str, password: &str) -> Result<Account, Failure> {
        let (engine, password) = (&self.world.engine, password.to_owned());
        accounts::set_password(engine, &self.passwords, username, password, at(5)).await.map_err(Failure::from)
    }

    async fn authenticate(&self, username: &str, password: &str) -> Option<User> {
        self.accounts.authenticate(username, password, at(1)).await.unwrap()
    }

    async fn edit(&self, account: &Account, edit: impl FnOnce(&mut Account)) {
        let mut edited = account.clone();
        edit(&mut edited);
        let record = Editable::Account(Box::new(edited));
        self.world.commit(Change::Replace { record, if_revision: account.revision }).await;
    }

    fn store(&self) -> &Watched {
        &self.world.store
    }
}

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
    assert!(passwords.verify(PASSWORD, Some(&one)).await.unwrap());
    assert!(passwords.verify(PASSWORD, Some(&other)).await.unwrap());
    assert!(!passwords.verify(PASSWORD, None).await.unwrap());
}

//! Addresses that are proved by a link, and passwords that were forgotten.

use std::sync::Arc;

use firman_engine::Engine;
use firman_engine::admin::accounts::find;
use firman_engine::mail::{self, About, Asked, Looked, Mail, Reset, Verified, Written};
use firman_engine::outbox::{self, Taken};
use firman_engine::security::{self, Fresh};
use firman_proto::form::Form;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, EventKind, Totp};

use crate::support::{Ask, Local, PASSWORD, Visitor, World, at, refresh_token, refused};

const RESET: Written = Written { page: "/login/reset", language: "en" };
const CONFIRM: Written = Written { page: "/account/email", language: "en" };

/// What lies in the outbox, taken out of it.
pub(crate) async fn letters(local: &Local, now: Timestamp) -> Vec<Mail> {
    posted(&local.world, now).await
}

/// The same, where accounts may be kept elsewhere.
pub(crate) async fn posted(world: &World, now: Timestamp) -> Vec<Mail> {
    let engine = &world.engine;
    // What is written off the answer's path is written by now.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    let mut mails = Vec::new();
    for delivery in outbox::due(engine, 100, now).await.unwrap() {
        let Taken::Letter(letter) = outbox::take(engine, &delivery, now).await.unwrap() else { panic!("not taken") };
        assert_eq!(outbox::to(&delivery), "mail.example", "operators see the host, not whose it is");
        mails.push(serde_json::from_slice(&letter.body).unwrap());
        outbox::conclude(engine, &letter, &outbox::Outcome::Done, now).await.unwrap();
    }
    mails
}

fn token(mail: &Mail, page: &str) -> String {
    let (address, query) = mail.link.split_once('?').unwrap();
    assert_eq!(address, format!("{}{page}", crate::support::ISSUER));
    Form::parse(query.as_bytes()).unwrap().get("token").unwrap().to_owned()
}

async fn account(local: &Local, name: &str) -> Account {
    find(&local.world.engine, name, at(0)).await.unwrap()
}

/// The owner of an account, who has just signed in.
async fn owner(local: &Local, name: &str, now: Timestamp) -> Fresh {
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, name, now).await;
    let owner = security::owner(&local.world.engine, &visitor.browser(), now).await.unwrap().expect("an owner");
    owner.fresh(&local.world.engine, now).expect("signed in lately")
}

/// A link for an address of this account.
async fn asks(local: &Local, name: &str, address: &str, now: Timestamp) -> String {
    let owner = owner(local, name, now).await;
    mail::ask_to_verify(&local.world.engine, (None, &owner), address, CONFIRM, now).await.unwrap();
    let mails = letters(local, now).await;
    let [mail] = &*mails else { panic!("{mails:?}") };
    assert_eq!((&*mail.to, mail.about, &*mail.username), (address, About::Verify, name));
    token(mail, "/account/email")
}

async fn confirm(engine: &Engine, token: &str, now: Timestamp) -> Verified {
    match mail::confirm(engine, None, token, now).await.unwrap() {
        Looked::Good(verified) => verified,
        Looked::Expired => Verified::Expired,
        Looked::Wait(_) => panic!("nobody has tried before"),
    }
}

async fn resets(engine: &Engine, token: &str, new: &str, now: Timestamp) -> Reset {
    mail::reset(engine, token, new, now).await.unwrap()
}

/// Somebody whose address is proved.
async fn person() -> Arc<Local> {
    let local = Local::new().await;
    local.create("somebody", PASSWORD).await.unwrap();
    let token = asks(&local, "somebody", "some.body@mail.example", at(0)).await;
    assert_eq!(confirm(&local.world.engine, &token, at(1)).await, Verified::Done);
    local
}

async fn forgets(local: &Local, typed: &str, now: Timestamp) -> Vec<Mail> {
    assert_eq!(mail::forgot(&local.world.engine, None, (typed, None), RESET, now).unwrap(), Asked::Sent);
    letters(local, now).await
}

#[tokio::test]
async fn an_address_is_proved_by_its_link_once_and_in_time() {
    let local = person().await;
    let claims = account(&local, "somebody").await.claims;
    assert_eq!((&claims["email"], &claims["email_verified"]), (&"some.body@mail.example".into(), &true.into()));
    assert_eq!(local.world.events(EventKind::EmailVerified).await.len(), 1);
    let engine = &local.world.engine;
    let (early, later) = (
        asks(&local, "somebody", "a@mail.example", at(2)).await,
        asks(&local, "somebody", "b@mail.example", at(3)).await,
    );
    let shown = mail::whose(engine, None, &early, at(4)).await.unwrap();
    assert_eq!(shown, Looked::Good(("a@mail.example".to_owned(), "somebody".to_owned())));
    assert_eq!(confirm(engine, &later, at(3 + 86_400)).await, Verified::Expired, "too late");
    assert_eq!(confirm(engine, &later, at(5)).await, Verified::Done);
    for used in [&early, &later] {
        assert_eq!(confirm(engine, used, at(6)).await, Verified::Expired);
        assert_eq!(mail::whose(engine, None, used, at(6)).await.unwrap(), Looked::Expired);
    }
    assert_eq!(confirm(engine, &early[1..], at(6)).await, Verified::Expired);
    assert_eq!(account(&local, "somebody").await.claims["email"], "b@mail.example");
}

#[tokio::test]
async fn an_address_is_one_accounts_and_free_again_when_that_has_another() {
    let local = person().await;
    local.create("another", PASSWORD).await.unwrap();
    let engine = &local.world.engine;
    let token = asks(&local, "another", "Some.Body@mail.example", at(2)).await;
    assert_eq!(confirm(engine, &token, at(3)).await, Verified::Taken);
    let own = asks(&local, "somebody", "new@mail.example", at(4)).await;
    assert_eq!(confirm(engine, &own, at(5)).await, Verified::Done);
    assert_eq!(confirm(engine, &token, at(6)).await, Verified::Done);
    assert_eq!(forgets(&local, "some.body@mail.example", at(7)).await[0].username, "another");
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_once() {
    let local = person().await;
    let engine = &local.world.engine;
    for typed in ["Somebody", " SOME.body@mail.example"] {
        let mails = forgets(&local, typed, at(10)).await;
        let [mail] = &*mails else { panic!("{typed}: {mails:?}") };
        assert_eq!((&*mail.to, mail.about), ("some.body@mail.example", About::Reset));
    }
    let mail = forgets(&local, "somebody", at(1211)).await.remove(0);
    let token = token(&mail, "/login/reset");
    let shown = mail::may_reset(engine, None, &token, at(1212)).await.unwrap();
    assert_eq!(shown, Looked::Good("somebody".to_owned()));
    assert!(matches!(resets(engine, &token, "short", at(1212)).await, Reset::Refused(_)));
    let late = resets(engine, &token, "another password", at(1211 + 1800)).await;
    assert!(matches!(late, Reset::Expired));
    assert!(matches!(resets(engine, &token, "another password", at(1212)).await, Reset::Done(_)));
    assert!(matches!(resets(engine, &token, "a third password", at(1213)).await, Reset::Expired));
    assert_eq!(mail::may_reset(engine, None, &token, at(1213)).await.unwrap(), Looked::Expired);
    assert!(local.authenticate("somebody", PASSWORD).await.is_none());
    assert!(local.authenticate("somebody", "another password").await.is_some());
    assert_eq!(local.world.events(EventKind::PasswordChanged).await.len(), 1);
}

#[tokio::test]
async fn nobody_gets_a_mail_who_has_no_proved_address() {
    let local = person().await;
    local.create("another", PASSWORD).await.unwrap();
    let claimed = account(&local, "another").await;
    local.edit(&claimed, |account| drop(account.claims.insert("email".to_owned(), "x@mail.example".into()))).await;
    for typed in ["another", "nobody", "x@mail.example", "", "nobody@mail.example"] {
        assert_eq!(forgets(&local, typed, at(2)).await, [], "{typed}");
    }
    let disabled = account(&local, "somebody").await;
    local.edit(&disabled, |account| account.enabled = false).await;
    for typed in ["somebody", "some.body@mail.example"] {
        assert_eq!(forgets(&local, typed, at(2)).await, [], "{typed}");
    }
}

#[tokio::test]
async fn a_link_for_one_thing_is_no_link_for_another() {
    let local = person().await;
    let engine = &local.world.engine;
    let verify = asks(&local, "somebody", "a@mail.example", at(2)).await;
    let reset = token(&forgets(&local, "somebody", at(3)).await[0], "/login/reset");
    assert!(matches!(resets(engine, &verify, "another password", at(4)).await, Reset::Expired));
    assert_eq!(confirm(engine, &reset, at(4)).await, Verified::Expired);
}

#[tokio::test]
async fn mails_are_few_whoever_asks() {
    let local = person().await;
    let engine = &local.world.engine;
    let forgot = |typed, now| mail::forgot(engine, None, (typed, None), RESET, now).unwrap();
    for typed in ["somebody", "nobody"] {
        for _ in 0..3 {
            assert_eq!(forgot(typed, at(2)), Asked::Sent);
        }
        assert!(matches!(forgot(typed, at(2)), Asked::Wait(_)), "{typed}");
        assert_eq!(forgot(typed, at(602)), Asked::Sent, "{typed}");
    }
    // Under another name of the same account, too, though nobody is told: of three at once, one went when the address was proved.
    assert_eq!(forgot("some.body@mail.example", at(2)), Asked::Sent);
    assert_eq!(letters(&local, at(602)).await.len(), 3);
    let owner = owner(&local, "somebody", at(4000)).await;
    let asks = |address| mail::ask_to_verify(engine, (None, &owner), address, CONFIRM, at(4000));
    for _ in 0..3 {
        asks("a@mail.example").await.unwrap();
    }
    refused(asks("a@mail.example").await);
    refused(asks("a@b.example\r\nBcc: c@d.example").await);
}

#[tokio::test]
async fn whoever_tries_links_waits_like_whoever_tries_passwords() {
    let local = person().await;
    let engine = &local.world.engine;
    let from = "192.0.2.7".parse().ok();
    for number in 0..30 {
        let link = format!("a guess {number}");
        assert_eq!(mail::may_reset(engine, from, &link, at(2)).await.unwrap(), Looked::Expired);
    }
    let token = token(&forgets(&local, "somebody", at(2)).await[0], "/login/reset");
    for looked in [
        mail::may_reset(engine, from, &token, at(2)).await.unwrap(),
        mail::may_reset(engine, from, "a guess", at(2)).await.unwrap(),
    ] {
        assert!(matches!(looked, Looked::Wait(_)), "{looked:?}");
    }
    assert!(matches!(mail::confirm(engine, from, "a guess", at(2)).await.unwrap(), Looked::Wait(_)));
    for _ in 0..100 {
        let elsewhere = mail::may_reset(engine, "192.0.2.8".parse().ok(), &token, at(2)).await.unwrap();
        assert!(matches!(elsewhere, Looked::Good(_)), "a good link does not count");
    }
}

#[tokio::test]
async fn of_rivals_with_one_link_one_wins_and_what_was_allowed_before_is_dead() {
    let local = person().await;
    let engine = &local.world.engine;
    let app = local.world.app("app").await;
    let ask = Ask::new(&app, "openid offline_access").with("prompt", "consent");
    let code = local.world.code_for(&ask, at(2)).await;
    let tokens = local.world.redeem(&app, &code, at(2)).await.unwrap();
    let token = token(&forgets(&local, "somebody", at(3)).await[0], "/login/reset");
    local.store().give_way();
    let ends = tokio::join!(
        mail::reset(engine, &token, "another password", at(4)),
        mail::reset(engine, &token, "a third password", at(4))
    );
    let won = [ends.0.unwrap(), ends.1.unwrap()].iter().filter(|end| matches!(end, Reset::Done(_))).count();
    assert_eq!(won, 1);
    refused(local.world.refresh(&app, &refresh_token(&tokens), at(5)).await);
}

#[tokio::test]
async fn a_link_of_an_operator_is_good_for_whoever_has_no_address() {
    let local = Local::new().await;
    local.create("somebody", PASSWORD).await.unwrap();
    let engine = &local.world.engine;
    let account = account(&local, "somebody").await;
    let made = mail::reset_link(engine, &account, "/login/reset", at(1)).await.unwrap();
    assert_eq!(made.expires_at, at(1 + 1800));
    assert!(!format!("{made:?}").contains("token"));
    let (_, token) = made.link.split_once("token=").unwrap();
    assert!(matches!(resets(engine, token, "another password", at(2)).await, Reset::Done(_)));
    assert!(local.authenticate("somebody", "another password").await.is_some());
    let made = local.world.events(EventKind::LinkMade).await;
    assert_eq!(made[0].details["what"], "password");
}

#[tokio::test]
async fn what_proves_a_person_beside_the_password_stays() {
    let local = person().await;
    let seen = account(&local, "somebody").await;
    let app = Totp { wrapped: "sealed".to_owned(), last_step: 1, added_at: at(1) };
    local.edit(&seen, |account| account.factors.totp = Some(app.clone())).await;
    let token = token(&forgets(&local, "somebody", at(3)).await[0], "/login/reset");
    assert!(matches!(resets(&local.world.engine, &token, "another password", at(4)).await, Reset::Done(_)));
    assert_eq!(account(&local, "somebody").await.factors.totp, Some(app));
}

#[tokio::test]
async fn whoever_has_no_password_has_none_to_forget() {
    let local = person().await;
    let without = account(&local, "somebody").await;
    local.edit(&without, |account| account.password = None).await;
    assert_eq!(forgets(&local, "somebody", at(2)).await, []);
}

//! People are told when their password or their address is changed, whoever changed it.

use std::sync::Arc;

use firman_engine::acting::reading;
use firman_engine::admin::account_edits::{self, Edit};
use firman_engine::admin::account_factors::set_email;
use firman_engine::admin::accounts::find;
use firman_engine::mail::{self, About, Looked, Mail, Reset, Verified, Written};
use firman_engine::security::{self, Changed};
use firman_proto::form::Form;
use firman_store::record::Account;

use crate::mail::letters;
use crate::support::{ISSUER, Local, PASSWORD, Visitor, at};

const ADDRESS: &str = "some.body@mail.example";
const CONFIRM: Written = Written { page: "/account/email", language: "en" };

/// Somebody whose address is proved, where mail is sent.
pub(crate) async fn person() -> Arc<Local> {
    let local = Local::with(|parts| parts.policy.mail = true).await;
    local.create("somebody", PASSWORD).await.unwrap();
    becomes(&local, Some(ADDRESS), true).await;
    assert_eq!(letters(&local, at(0)).await, [], "there was none to tell it at");
    local
}

pub(crate) async fn account(local: &Local) -> Account {
    find(&local.world.engine, "somebody", at(0)).await.unwrap()
}

/// An operator says what the address is.
async fn becomes(local: &Local, address: Option<&str>, proved: bool) {
    set_email(&local.world.engine, &account(local).await, address, proved, at(1)).await.unwrap();
}

/// To whom mail went, and what about.
pub(crate) async fn told(local: &Local) -> Vec<(String, About)> {
    letters(local, at(9)).await.into_iter().map(|mail| (mail.to, mail.about)).collect()
}

pub(crate) fn only(about: About) -> Vec<(String, About)> {
    vec![(ADDRESS.to_owned(), about)]
}

fn token(link: &str) -> String {
    let (_, query) = link.split_once('?').unwrap();
    Form::parse(query.as_bytes()).unwrap().get("token").unwrap().to_owned()
}

/// The token of an operator's link.
async fn link(local: &Local) -> String {
    let made = mail::reset_link(&local.world.engine, &account(local).await, "/login/reset", at(3)).await.unwrap();
    token(&made.link)
}

#[tokio::test]
async fn whoever_has_another_password_is_told_whoever_chose_it() {
    let local = person().await;
    let engine = &local.world.engine;
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, "somebody", at(2)).await;
    let owner = security::owner(engine, &visitor.browser(), at(2)).await.unwrap().unwrap();
    let (fresh, browser) = (owner.fresh(engine, at(2)).unwrap(), visitor.browser());
    let wrong = ("a guess", "another password");
    let refused = security::change_password(engine, &browser, &fresh, wrong, at(2)).await.unwrap();
    assert!(matches!(refused, Changed::Wrong));
    assert_eq!(told(&local).await, []);
    let right = (PASSWORD, "another password");
    let done = security::change_password(engine, &browser, &fresh, right, at(2)).await.unwrap();
    assert!(matches!(done, Changed::Done(_)));
    assert_eq!(told(&local).await, only(About::PasswordChanged));

    let reset = mail::reset(engine, &link(&local).await, "a third password", at(4)).await.unwrap();
    assert!(matches!(reset, Reset::Done(_)));
    assert_eq!(told(&local).await, only(About::PasswordChanged));

    local.set_password("somebody", "a fourth password").await.unwrap();
    assert_eq!(told(&local).await, only(About::PasswordChanged));
}

#[tokio::test]
async fn whoever_has_another_address_is_told_at_the_old_one() {
    let local = person().await;
    let engine = &local.world.engine;
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, "somebody", at(2)).await;
    let owner = security::owner(engine, &visitor.browser(), at(2)).await.unwrap().unwrap();
    let fresh = owner.fresh(engine, at(2)).unwrap();
    mail::ask_to_verify(engine, (None, &fresh), "new@mail.example", CONFIRM, at(2)).await.unwrap();
    let asked = letters(&local, at(2)).await;
    assert_eq!(asked.iter().map(|mail| mail.about).collect::<Vec<_>>(), [About::Verify], "nothing has changed yet");
    let confirmed = mail::confirm(engine, None, &token(&asked[0].link), at(3)).await.unwrap();
    assert_eq!(confirmed, Looked::Good(Verified::Done));
    assert_eq!(told(&local).await, only(About::AddressChanged));

    for (before, after, proved) in [
        (Some(ADDRESS), Some("another@mail.example"), true),
        (Some(ADDRESS), Some("another@mail.example"), false),
        (Some(ADDRESS), None, false),
    ] {
        becomes(&local, before, true).await;
        letters(&local, at(9)).await;
        becomes(&local, after, proved).await;
        assert_eq!(told(&local).await, only(About::AddressChanged), "{after:?}");
    }
}

#[tokio::test]
async fn nobody_is_told_of_what_did_not_change_or_was_not_theirs() {
    let local = person().await;
    let engine = &local.world.engine;
    // The same mailbox, in other letters.
    becomes(&local, Some("Some.Body@mail.example"), true).await;
    becomes(&local, Some(ADDRESS), true).await;
    let seen = account(&local).await;
    let mut claims = seen.claims.clone();
    claims.insert("name".to_owned(), "Another".into());
    let edit = Edit { username: "somebody".to_owned(), enabled: true, claims };
    account_edits::edit(engine, &seen, edit, at(2)).await.unwrap();
    assert_eq!(told(&local).await, []);
    // An address that they only say is theirs.
    becomes(&local, Some("claimed@mail.example"), false).await;
    letters(&local, at(9)).await;
    local.set_password("somebody", "another password").await.unwrap();
    becomes(&local, Some(ADDRESS), true).await;
    assert_eq!(told(&local).await, []);

    let silent = Local::new().await;
    silent.create("somebody", PASSWORD).await.unwrap();
    becomes(&silent, Some(ADDRESS), true).await;
    silent.set_password("somebody", "another password").await.unwrap();
    assert_eq!(told(&silent).await, [], "no mail is sent");
}

#[tokio::test]
async fn of_rivals_the_one_that_changes_it_tells_of_it() {
    let local = person().await;
    let engine = &local.world.engine;
    let token = link(&local).await;
    local.store().give_way();
    let ends = tokio::join!(
        mail::reset(engine, &token, "another password", at(4)),
        mail::reset(engine, &token, "a third password", at(4))
    );
    assert_eq!([ends.0.unwrap(), ends.1.unwrap()].iter().filter(|end| matches!(end, Reset::Done(_))).count(), 1);
    assert_eq!(told(&local).await, only(About::PasswordChanged), "what was not changed is not told of");
}

// OpenID Connect Core §5.1.
#[tokio::test]
async fn they_are_told_in_their_language_and_where_to_go() {
    let local = person().await;
    let changed = async || {
        local.set_password("somebody", "another password").await.unwrap();
        letters(&local, at(9)).await.remove(0)
    };
    let mail: Mail = changed().await;
    assert_eq!((&*mail.username, &*mail.link), ("somebody", &*format!("{ISSUER}/account/security")));
    assert_eq!(mail.language, "", "nobody knows which");
    assert_eq!(reading("de", changed()).await.language, "de");
    let seen = account(&local).await;
    local.edit(&seen, |account| drop(account.claims.insert("locale".to_owned(), "de_CH".into()))).await;
    assert_eq!(reading("en", changed()).await.language, "de-CH", "they have said so");
}

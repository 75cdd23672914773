//! People who make an account by themselves.

use std::sync::Arc;

use firman_engine::authorize::Next;
use firman_engine::mail::{About, Written};
use firman_engine::sign_up::{self, Asked, SignUp, SignedUp, address_of};
use firman_proto::time::Timestamp;
use firman_store::record::{Account, EventKind};

use crate::mail::letters;
use crate::support::{Ask, Local, PASSWORD, Visitor, at, parameter, refused};

const WRITTEN: Written = Written { page: "/login/forgot", language: "en" };
const ADDRESS: &str = "new@mail.example";

/// A server on which people may make accounts.
async fn open(mail: bool) -> Arc<Local> {
    Local::with(|parts| (parts.policy.sign_up, parts.policy.mail) = (true, mail)).await
}

/// Somebody whom a client sent to make an account.
pub(crate) async fn sent(local: &Local, now: Timestamp) -> (Visitor, String) {
    let app = local.world.app("app").await;
    let visitor = Visitor::new(&local.world);
    let ask = Ask::new(&app, "openid email").with("prompt", "create");
    let Ok(Next::SignUp(request)) = local.world.authorize(&visitor, &ask, now).await else { panic!("not sent") };
    (visitor, request)
}

async fn asks(local: &Local, visitor: &Visitor, request: &str, address: &str, now: Timestamp) -> String {
    let (engine, browser) = (&local.world.engine, visitor.browser());
    match sign_up::ask(engine, &browser, (request, address), WRITTEN, now).await.unwrap() {
        Asked::Sent(sealed) => sealed,
        Asked::Refused(denied) => panic!("{denied}"),
        Asked::Wait(_) => panic!("too many"),
    }
}

async fn signs_up(
    local: &Local,
    visitor: &Visitor,
    request: &str,
    (asked, code, username): (&str, &str, &str),
    now: Timestamp,
) -> SignedUp {
    let form = SignUp { request, asked, code, username, password: PASSWORD };
    sign_up::sign_up(&local.world.engine, &visitor.browser(), &form, now).await.unwrap()
}

async fn account(local: &Local, name: &str) -> Account {
    firman_engine::admin::accounts::find(&local.world.engine, name, at(0)).await.unwrap()
}

// Initiating User Registration §4.1.1.
#[tokio::test]
async fn whoever_has_the_code_of_the_mail_gets_an_account_and_goes_on_to_the_client() {
    let local = open(true).await;
    let (mut visitor, request) = sent(&local, at(0)).await;
    let asked = asks(&local, &visitor, &request, ADDRESS, at(1)).await;
    let mails = letters(&local, at(1)).await;
    let [mail] = &*mails else { panic!("{mails:?}") };
    assert_eq!((&*mail.to, mail.about, &*mail.username), (ADDRESS, About::SignUp, ""));
    assert!(!asked.contains(&mail.link));
    let engine = &local.world.engine;
    assert_eq!(address_of(engine, &visitor.browser(), &asked, at(2)).await.unwrap().as_deref(), Some(ADDRESS));
    let wrong = signs_up(&local, &visitor, &request, (&asked, "AAAA-AAAA", "newcomer"), at(2)).await;
    assert!(matches!(wrong, SignedUp::WrongCode));
    let code = mail.link.to_lowercase().replace('-', " ");
    let end = signs_up(&local, &visitor, &request, (&asked, &code, "Newcomer"), at(2)).await;
    let SignedUp::Welcome { cookie, username, next: Next::Consent(request) } = end else { panic!("not let in") };
    assert_eq!(username, "Newcomer");
    visitor.session = Some(cookie.value.reveal().to_owned());
    let Next::Client(url) = local.world.allow(&visitor, &request, at(3)).await.unwrap() else { panic!("not back") };
    assert!(parameter(&url, "code").is_some(), "{url}");
    let account = account(&local, "newcomer").await;
    assert_eq!((&account.claims["email"], &account.claims["email_verified"]), (&ADDRESS.into(), &true.into()));
    let made = local.world.events(EventKind::AccountCreated).await;
    assert_eq!(made[0].details["by"], "sign_up");
    assert!(local.authenticate("newcomer", PASSWORD).await.is_some());
}

#[tokio::test]
async fn a_code_is_of_its_mail_its_browser_and_its_time() {
    let local = open(true).await;
    let (visitor, request) = sent(&local, at(0)).await;
    let first = asks(&local, &visitor, &request, ADDRESS, at(1)).await;
    let second = asks(&local, &visitor, &request, "other@mail.example", at(1)).await;
    let mut mails = letters(&local, at(1)).await;
    mails.sort_by_key(|mail| mail.to.clone());
    let code = &*mails[0].link;
    let other = Visitor::new(&local.world);
    assert_eq!(address_of(&local.world.engine, &other.browser(), &first, at(2)).await.unwrap(), None);
    for (asked, code, now) in
        [(&*second, code, at(2)), (&*first, code, at(601)), ("x", code, at(2)), (&*first, "", at(2))]
    {
        let end = signs_up(&local, &visitor, &request, (asked, code, "newcomer"), now).await;
        let is_refused = if now == at(601) || asked == "x" {
            matches!(end, SignedUp::Expired)
        } else {
            matches!(end, SignedUp::WrongCode)
        };
        assert!(is_refused, "{now:?}");
    }
    // Only few guesses at one code.
    for _ in 0..4 {
        signs_up(&local, &visitor, &request, (&first, "guess", "newcomer"), at(3)).await;
    }
    let right = signs_up(&local, &visitor, &request, (&first, code, "newcomer"), at(3)).await;
    assert!(matches!(right, SignedUp::Wait(_)));
}

#[tokio::test]
async fn an_address_that_has_an_account_gets_another_mail_and_the_page_is_the_same() {
    let local = open(true).await;
    let (visitor, request) = sent(&local, at(0)).await;
    let asked = asks(&local, &visitor, &request, ADDRESS, at(1)).await;
    let code = letters(&local, at(1)).await.remove(0).link;
    let late = asks(&local, &visitor, &request, ADDRESS, at(1)).await;
    let late_code = letters(&local, at(1)).await.remove(0).link;
    let end = signs_up(&local, &visitor, &request, (&asked, &code, "newcomer"), at(2)).await;
    assert!(matches!(end, SignedUp::Welcome { .. }));
    let again = signs_up(&local, &visitor, &request, (&asked, &code, "another"), at(3)).await;
    assert!(matches!(again, SignedUp::Expired), "the code was used");
    let again = signs_up(&local, &visitor, &request, (&late, &late_code, "another"), at(3)).await;
    assert!(matches!(again, SignedUp::Expired), "the address has an account by now");
    let asked = asks(&local, &visitor, &request, "NEW@mail.example", at(4)).await;
    let mail = letters(&local, at(4)).await.remove(0);
    assert_eq!((mail.about, &*mail.username), (About::HasAccount, "newcomer"));
    assert_eq!(mail.link, format!("{}/login/forgot", crate::support::ISSUER));
    assert!(!asked.is_empty());
}

#[tokio::test]
async fn rules_for_names_and_passwords_hold_and_nobody_looks_like_another() {
    let local = open(false).await;
    local.create("paypal", PASSWORD).await.unwrap();
    let (visitor, request) = sent(&local, at(0)).await;
    for name in ["", "two words", "paypal", "PAYPAL", "p\u{430}ypal", "right\u{202e}left"] {
        let end = signs_up(&local, &visitor, &request, ("", "", name), at(1)).await;
        assert!(matches!(end, SignedUp::Refused(_)), "{name:?}");
    }
    let weak = SignUp { request: &request, asked: "", code: "", username: "newcomer", password: "password1" };
    let end = sign_up::sign_up(&local.world.engine, &visitor.browser(), &weak, at(90)).await.unwrap();
    assert!(matches!(end, SignedUp::Refused(_)));
    let end = signs_up(&local, &visitor, &request, ("", "", "newcomer"), at(90)).await;
    assert!(matches!(end, SignedUp::Welcome { .. }));
    assert!(!account(&local, "newcomer").await.claims.contains_key("email"), "nothing was proved");
}

#[tokio::test]
async fn accounts_are_made_slowly_and_only_where_they_may_be() {
    let local = open(false).await;
    let (visitor, request) = sent(&local, at(0)).await;
    for number in 0..10 {
        let end = signs_up(&local, &visitor, &request, ("", "", &format!("newcomer{number}")), at(1)).await;
        assert!(matches!(end, SignedUp::Welcome { .. }), "{number}");
    }
    let end = signs_up(&local, &visitor, &request, ("", "", "eleventh"), at(1)).await;
    assert!(matches!(end, SignedUp::Wait(_)));
    let closed = Local::new().await;
    let form = SignUp { request: &request, asked: "", code: "", username: "newcomer", password: PASSWORD };
    refused(sign_up::sign_up(&closed.world.engine, &visitor.browser(), &form, at(1)).await);
    let ask = sign_up::ask(&closed.world.engine, &visitor.browser(), (&request, ADDRESS), WRITTEN, at(1)).await;
    refused(ask);
}

#[tokio::test]
async fn mails_to_one_address_are_few_and_none_goes_without_a_request() {
    let local = open(true).await;
    let (visitor, request) = sent(&local, at(0)).await;
    for _ in 0..3 {
        asks(&local, &visitor, &request, ADDRESS, at(1)).await;
    }
    let (engine, browser) = (&local.world.engine, visitor.browser());
    let ask = |request, address| sign_up::ask(engine, &browser, (request, address), WRITTEN, at(1));
    assert!(matches!(ask(&*request, "New@MAIL.example").await.unwrap(), Asked::Wait(_)));
    assert!(matches!(ask(&*request, "no address").await.unwrap(), Asked::Refused(_)));
    refused(ask("x", "a@b.example").await);
}

//! Authenticator apps and recovery codes (RFC 6238, RFC 4226), and what a sign-in with them is told as (RFC 8176, RFC 9470).

use std::sync::Arc;

use firman_engine::authorize::{self, LoggedIn, Next, SignIn};
use firman_engine::security::{self, Enrolled, Fresh};
use firman_engine::sign_in::{self, SecondStep, second_step};
use firman_proto::acr::{Class, Classes};
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::{InvalidGrant, InvalidRequest};
use firman_proto::form::Form;
use firman_proto::time::Timestamp;
use firman_proto::token::TokenRequest;
use firman_store::Store as _;
use firman_store::record::EventKind;

use crate::support::{Ask, Local, PASSWORD, Visitor, at, parameter, refused};

/// What an app shows: HMAC-SHA-1 over the step, by another road than the engine's own.
pub(crate) fn shown(secret: &str, now: Timestamp) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = secret.chars().map(|letter| alphabet.find(letter).unwrap());
    let bits: Vec<usize> = letters.flat_map(|five| (0..5).rev().map(move |bit| five >> bit & 1)).collect();
    let byte = |bits: &[usize]| u8::try_from(bits.iter().fold(0, |byte, bit| byte << 1 | bit)).unwrap();
    let key: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
    let step = u64::try_from(now.seconds() / 30).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let mac = aws_lc_rs::hmac::sign(&key, &step.to_be_bytes());
    let offset = usize::from(mac.as_ref()[19] & 15);
    let word = u32::from_be_bytes(mac.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// Somebody with an app.
struct Person {
    local: Arc<Local>,
    secret: String,
    codes: Vec<String>,
}

async fn fresh(local: &Local, visitor: &Visitor, now: Timestamp) -> Fresh {
    let owner = security::owner(&local.world.engine, &visitor.browser(), now).await.unwrap().expect("an owner");
    owner.fresh(&local.world.engine, now).expect("signed in lately")
}

async fn person(local: Arc<Local>) -> Person {
    local.create("somebody", PASSWORD).await.unwrap();
    let engine = &local.world.engine;
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, "somebody", at(0)).await;
    let proof = fresh(&local, &visitor, at(0)).await;
    let enrolment = security::begin_app(engine, &visitor.browser(), &proof, at(0)).unwrap();
    let secret = enrolment.secret.to_string();
    assert!(enrolment.address.contains(&secret) && !enrolment.sealed.contains(&secret));
    let typed = (&*enrolment.sealed, &*shown(&secret, at(0)));
    let done = security::confirm_app(engine, &visitor.browser(), &proof, typed, at(0)).await.unwrap();
    let Enrolled::Done(codes) = done else { panic!("{done:?}") };
    let codes = codes.to_vec();
    Person { local, secret, codes }
}

impl Person {
    async fn new() -> Self {
        person(Local::new().await).await
    }

    /// The password is right, and half a sign-in is there.
    async fn half(&self, visitor: &Visitor, now: Timestamp) -> String {
        let world = &self.local.world;
        let request = world.begin(&visitor.browser(), "/account", now).await;
        let typed = SignIn { request: &request, username: "somebody", password: PASSWORD, cancelled: false };
        let entered = authorize::login(&world.engine, &visitor.browser(), typed, now).await;
        let LoggedIn::Second(half) = entered.unwrap() else { panic!("no second step") };
        half
    }

    async fn second(&self, visitor: &Visitor, half: &str, code: &str, now: Timestamp) -> SecondStep {
        second_step(&self.local.world.engine, &visitor.browser(), half, code, now).await.unwrap()
    }

    /// Whether a code is good at the second step.
    async fn takes(&self, code: &str, now: Timestamp) -> bool {
        let visitor = Visitor::new(&self.local.world);
        let half = self.half(&visitor, now).await;
        match self.second(&visitor, &half, code, now).await {
            SecondStep::Welcome { next, .. } => next == Next::Page("/account".to_owned()),
            SecondStep::Wrong => false,
            SecondStep::Wait(_) => panic!("neither right nor wrong"),
        }
    }
}

// RFC 6238 §5.2.
#[tokio::test]
async fn a_code_of_the_app_is_taken_once() {
    let person = Person::new().await;
    let code = shown(&person.secret, at(60));
    assert!(!person.takes("000000", at(60)).await);
    assert!(person.takes(&format!(" {} {} ", &code[..3], &code[3..]), at(60)).await);
    assert!(!person.takes(&code, at(61)).await, "a second time");
    assert!(!person.takes(&shown(&person.secret, at(30)), at(62)).await, "one from before");
    assert!(person.takes(&shown(&person.secret, at(90)), at(63)).await, "the clock of the app runs fast");
    let mut used = person.local.world.events(EventKind::FactorAdded).await;
    used.extend(person.local.world.events(EventKind::AccountUpdated).await);
    let what: Vec<_> = used.iter().map(|event| event.details["what"].as_str().unwrap().to_owned()).collect();
    assert_eq!(what, ["totp_added", "totp_used", "totp_used"]);
}

// RFC 6238 §5.2.
#[tokio::test]
async fn of_rivals_with_one_code_one_gets_in() {
    let person = Person::new().await;
    let (one, other) = (Visitor::new(&person.local.world), Visitor::new(&person.local.world));
    let (half, others) = (person.half(&one, at(60)).await, person.half(&other, at(60)).await);
    let code = shown(&person.secret, at(60));
    person.local.store().give_way();
    let ends = tokio::join!(person.second(&one, &half, &code, at(60)), person.second(&other, &others, &code, at(60)));
    let won = [ends.0, ends.1].iter().filter(|end| matches!(end, SecondStep::Welcome { .. })).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_however_it_is_typed() {
    let person = Person::new().await;
    assert_eq!(person.codes.len(), 10);
    assert!(person.takes(&person.codes[3].to_lowercase().replace('-', " "), at(1)).await);
    assert!(!person.takes(&person.codes[3], at(2)).await);
    assert!(person.takes(&person.codes[4], at(3)).await);
    let account = firman_engine::admin::accounts::find(&person.local.world.engine, "somebody", at(4)).await.unwrap();
    assert_eq!(account.factors.recovery_codes.len(), 8);
    for (code, kept) in person.codes.iter().zip(&account.factors.recovery_codes) {
        assert!(!kept.contains(&**code) && !format!("{account:?}").contains(&**kept));
    }
}

#[tokio::test]
async fn half_a_sign_in_is_no_sign_in_and_belongs_to_its_browser_and_time() {
    let person = Person::new().await;
    let engine = &person.local.world.engine;
    let (visitor, other) = (Visitor::new(&person.local.world), Visitor::new(&person.local.world));
    let half = person.half(&visitor, at(60)).await;
    assert!(security::owner(engine, &visitor.browser(), at(60)).await.unwrap().is_none());
    let code = shown(&person.secret, at(60));
    assert_eq!(refused(second_step(engine, &other.browser(), &half, &code, at(60)).await), InvalidRequest);
    assert_eq!(refused(second_step(engine, &visitor.browser(), &half, &code, at(660)).await), InvalidRequest);
    assert_eq!(refused(second_step(engine, &visitor.browser(), "x", &code, at(60)).await), InvalidRequest);
    assert!(matches!(person.second(&visitor, &half, &code, at(60)).await, SecondStep::Welcome { .. }));
}

#[tokio::test]
async fn only_few_codes_are_tried() {
    let person = Person::new().await;
    let visitor = Visitor::new(&person.local.world);
    let half = person.half(&visitor, at(60)).await;
    for number in 0..5 {
        let end = person.second(&visitor, &half, &format!("00000{number}"), at(60)).await;
        assert!(matches!(end, SecondStep::Wrong));
    }
    let code = shown(&person.secret, at(60));
    assert!(matches!(person.second(&visitor, &half, &code, at(60)).await, SecondStep::Wait(_)));
    let other = Visitor::new(&person.local.world);
    let half = person.half(&other, at(61)).await;
    assert!(matches!(person.second(&other, &half, &person.codes[0], at(61)).await, SecondStep::Wait(_)));
    // The owner's own browser has a count of its own.
    let home = other.browser();
    let cookie = sign_in::known_to(&person.local.world.engine, &home, "somebody").unwrap();
    let home = home.on_device(cookie.as_deref());
    let end = second_step(&person.local.world.engine, &home, &half, &code, at(61)).await.unwrap();
    assert!(matches!(end, SecondStep::Welcome { .. }));
}

// RFC 6238 §5.2.
#[tokio::test]
async fn codes_are_counted_by_all_nodes_together() {
    let person = Person::new().await;
    let accounts = Arc::clone(&person.local.accounts) as Arc<dyn firman_engine::Accounts>;
    let other = person.local.world.neighbour_with(at(0), |parts| parts.accounts = accounts).await.unwrap();
    let (here, visitor) = (&person.local.world, Visitor::new(&person.local.world));
    let half = person.half(&visitor, at(60)).await;
    let tries = |node: Arc<firman_engine::Engine>, code: String, now| {
        let (browser, half) = (visitor.browser(), half.clone());
        async move { second_step(&node, &browser, &half, &code, now).await.unwrap() }
    };
    // As many at once as each node would let through: of all together five are looked at.
    let mut guesses = tokio::task::JoinSet::new();
    for number in 0..10 {
        let node = if number % 2 == 0 { &here.engine } else { &other.engine };
        guesses.spawn(tries(Arc::clone(node), format!("00000{number}"), at(60)));
    }
    let ends = guesses.join_all().await;
    let wrong = ends.iter().filter(|end| matches!(end, SecondStep::Wrong)).count();
    let waits = ends.iter().filter(|end| matches!(end, SecondStep::Wait(_))).count();
    assert_eq!((wrong, waits), (5, 5));
    let third = here.neighbour_with(at(0), |parts| parts.accounts = Arc::clone(&person.local.accounts) as _);
    let third = third.await.unwrap();
    let code = shown(&person.secret, at(61));
    let held = tries(Arc::clone(&third.engine), code, at(61)).await;
    assert!(matches!(held, SecondStep::Wait(wait) if wait.seconds() == 299), "a node that has seen nothing knows it");
    assert_eq!(here.events(EventKind::AccountLocked).await.len(), 1);
    // The password still signs in to the second step, and time opens it again.
    let half = person.half(&visitor, at(360)).await;
    let code = shown(&person.secret, at(360));
    let end = second_step(&third.engine, &visitor.browser(), &half, &code, at(360)).await.unwrap();
    assert!(matches!(end, SecondStep::Welcome { .. }));
    let account = firman_engine::admin::accounts::find(&here.engine, "somebody", at(361)).await.unwrap();
    assert!(account.factors.misses.is_none(), "forgotten");
}

// RFC 8176 §2, OpenID Connect Core §2.
#[tokio::test]
async fn a_sign_in_with_both_is_told_as_both() {
    let classes = ["urn:x:pwd = pwd", "urn:x:mfa = pwd otp mfa"].map(|text| Class::parse(text).unwrap());
    let local = Local::with(|parts| parts.policy.acr = Classes::new(classes.to_vec()).unwrap()).await;
    let person = person(local).await;
    let world = &person.local.world;
    let app = world.app("app").await;
    let mut visitor = Visitor::new(world);
    let next = world.authorize(&visitor, &Ask::new(&app, "openid"), at(60)).await.unwrap();
    let Next::Login(request) = next else { panic!("{next:?}") };
    let form = SignIn { request: &request, username: "somebody", password: PASSWORD, cancelled: false };
    let end = authorize::login(&world.engine, &visitor.browser(), form, at(60)).await.unwrap();
    let LoggedIn::Second(half) = end else { panic!("no second step") };
    let code = shown(&person.secret, at(60));
    let end = person.second(&visitor, &half, &code, at(60)).await;
    let SecondStep::Welcome { cookie, next: Next::Consent(request), .. } = end else { panic!("not asked") };
    visitor.session = Some(cookie.value.reveal().to_owned());
    let Next::Client(url) = world.allow(&visitor, &request, at(61)).await.unwrap() else { panic!() };
    world.redeem(&app, &parameter(&url, "code").unwrap(), at(61)).await.unwrap();
    let auth = world.grant(&app).await.record.auth;
    assert_eq!(auth.amr, ["pwd", "otp", "mfa"]);
    assert_eq!(auth.acr.as_deref(), Some("urn:x:mfa"));
}

// RFC 9470 §4.
#[tokio::test]
async fn who_is_signed_in_by_password_alone_is_asked_for_the_second_factor_only() {
    let classes = ["urn:x:pwd = pwd", "urn:x:mfa = pwd otp mfa"].map(|text| Class::parse(text).unwrap());
    let local = Local::with(|parts| parts.policy.acr = Classes::new(classes.to_vec()).unwrap()).await;
    local.create("somebody", PASSWORD).await.unwrap();
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, "somebody", at(0)).await;
    let app = local.world.app("app").await;
    let ask = Ask::new(&app, "openid").with("acr_values", "urn:x:mfa");
    let next = local.world.authorize(&visitor, &ask, at(1)).await.unwrap();
    assert!(matches!(next, Next::Login(_)), "there is no second factor: {next:?}");
    // The app comes, the session stays.
    let proof = fresh(&local, &visitor, at(2)).await;
    let enrolment = security::begin_app(&local.world.engine, &visitor.browser(), &proof, at(2)).unwrap();
    let typed = (&*enrolment.sealed, &*shown(&enrolment.secret, at(2)));
    security::confirm_app(&local.world.engine, &visitor.browser(), &proof, typed, at(2)).await.unwrap();
    let next = local.world.authorize(&visitor, &ask, at(60)).await.unwrap();
    let Next::Second(half) = next else { panic!("not the second step alone: {next:?}") };
    let code = shown(&enrolment.secret, at(60));
    let end = second_step(&local.world.engine, &visitor.browser(), &half, &code, at(60)).await.unwrap();
    let SecondStep::Welcome { cookie, next, .. } = end else { panic!("wrong") };
    assert!(matches!(next, Next::Consent(_)), "{next:?}");
    visitor.session = Some(cookie.value.reveal().to_owned());
    let silent = ask.with("prompt", "none").with("acr_values", "urn:x:mfa");
    let Next::Client(url) = local.world.authorize(&visitor, &silent, at(61)).await.unwrap() else { panic!() };
    assert_eq!(parameter(&url, "error").as_deref(), Some("consent_required"));
    let again = Ask::new(&app, "openid").with("acr_values", "urn:x:mfa").with("prompt", "login");
    let next = local.world.authorize(&visitor, &again, at(62)).await.unwrap();
    assert!(matches!(next, Next::Login(_)), "prompt=login asks for all of it: {next:?}");
}

// RFC 6749 §4.3.
#[tokio::test]
async fn a_client_that_sends_passwords_does_not_get_round_the_second_step() {
    let local = Local::with(|parts| parts.policy.password_grant = true).await;
    let app = local.world.app_with("old", |new| new.metadata.grant_types.push(GrantType::Password)).await;
    let person = person(local).await;
    let body = format!("grant_type=password&username=somebody&password={}", PASSWORD.replace(' ', "+"));
    let form = Form::parse(body.as_bytes()).unwrap();
    let request = TokenRequest::parse(&form).unwrap();
    assert_eq!(refused(person.local.world.token(&app, request, at(1)).await), InvalidGrant);
}

#[tokio::test]
async fn an_app_is_set_up_with_its_code_by_its_owner_and_once() {
    let local = Local::new().await;
    let engine = &local.world.engine;
    for name in ["somebody", "other"] {
        local.create(name, PASSWORD).await.unwrap();
    }
    let (mut visitor, mut other) = (Visitor::new(&local.world), Visitor::new(&local.world));
    local.world.enter(&mut visitor, "somebody", at(0)).await;
    local.world.enter(&mut other, "other", at(0)).await;
    let owner = security::owner(engine, &visitor.browser(), at(601)).await.unwrap().unwrap();
    assert!(owner.fresh(engine, at(601)).is_none(), "signed in too long ago");
    let (proof, others) = (fresh(&local, &visitor, at(1)).await, fresh(&local, &other, at(1)).await);
    let enrolment = security::begin_app(engine, &visitor.browser(), &proof, at(1)).unwrap();
    let code = shown(&enrolment.secret, at(1));
    let confirm = |browser, proof, sealed: String, code: String, now| async move {
        security::confirm_app(engine, &browser, proof, (&sealed, &code), now).await
    };
    let sealed = || enrolment.sealed.clone();
    let wrong = confirm(visitor.browser(), &proof, sealed(), "000000".to_owned(), at(1)).await.unwrap();
    let Enrolled::Wrong(again) = wrong else { panic!("{wrong:?}") };
    assert_eq!(again.secret, enrolment.secret, "the same key again");
    let foreign = confirm(other.browser(), &others, sealed(), code.clone(), at(1)).await;
    assert_eq!(refused(foreign), InvalidRequest, "another browser's");
    let foreign = confirm(visitor.browser(), &others, sealed(), code.clone(), at(1)).await;
    assert_eq!(refused(foreign), InvalidRequest, "another account's");
    let late = confirm(visitor.browser(), &proof, sealed(), shown(&enrolment.secret, at(901)), at(901)).await;
    assert_eq!(refused(late), InvalidRequest, "too late");
    confirm(visitor.browser(), &proof, sealed(), code, at(1)).await.unwrap();
    let proof = fresh(&local, &visitor, at(40)).await;
    assert_eq!(refused(security::begin_app(engine, &visitor.browser(), &proof, at(40))), InvalidRequest);
    let twice = confirm(visitor.browser(), &proof, sealed(), shown(&enrolment.secret, at(40)), at(40)).await;
    assert_eq!(refused(twice), InvalidRequest);
    // New codes take the place of the old ones; without the app there are none.
    let before = proof.owner().account().factors.recovery_codes.clone();
    security::new_recovery_codes(engine, &proof, at(41)).await.unwrap();
    let after = fresh(&local, &visitor, at(41)).await.owner().account().factors.recovery_codes.clone();
    assert!(after.len() == 10 && before.iter().all(|code| !after.contains(code)));
    security::remove_app(engine, &proof, at(42)).await.unwrap();
    let account = local.store().account(proof.owner().account().id).await.unwrap().unwrap();
    assert!(account.factors.is_empty());
    assert_eq!(refused(security::new_recovery_codes(engine, &proof, at(43)).await), InvalidRequest);
    local.world.enter(&mut visitor, "somebody", at(44)).await;
}

#[tokio::test]
async fn who_changes_their_password_is_out_everywhere_but_here() {
    let local = Local::new().await;
    let engine = &local.world.engine;
    local.create("somebody", PASSWORD).await.unwrap();
    let (mut here, mut there) = (Visitor::new(&local.world), Visitor::new(&local.world));
    local.world.enter(&mut here, "somebody", at(0)).await;
    local.world.enter(&mut there, "somebody", at(0)).await;
    let proof = fresh(&local, &here, at(1)).await;
    let change = |current: &'static str, new: &'static str| {
        let (browser, proof) = (here.browser(), &proof);
        async move { security::change_password(engine, &browser, proof, (current, new), at(1)).await.unwrap() }
    };
    assert!(matches!(change("guess", "another password").await, security::Changed::Wrong));
    assert!(matches!(change(PASSWORD, "short").await, security::Changed::Refused(_)));
    assert!(matches!(change(PASSWORD, "somebody12345").await, security::Changed::Refused(_)));
    let done = change(PASSWORD, "another password").await;
    let security::Changed::Done(cookie) = done else { panic!("{done:?}") };
    for visitor in [&here, &there] {
        assert!(security::owner(engine, &visitor.browser(), at(2)).await.unwrap().is_none(), "an old cookie");
    }
    let browser = here.browser().with_session(&cookie);
    assert!(security::owner(engine, &browser, at(2)).await.unwrap().is_some());
    assert!(local.authenticate("somebody", PASSWORD).await.is_none());
    assert!(local.authenticate("somebody", "another password").await.is_some());
    let events = local.world.events(EventKind::PasswordChanged).await;
    assert_eq!(events.last().unwrap().details["what"], "password");
}

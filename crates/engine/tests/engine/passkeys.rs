//! Passkeys (Web Authentication, Level 3), and what a sign-in with one is told as (RFC 8176).

use std::sync::Arc;

use firman_engine::authorize::{self, Next};
use firman_engine::passkeys::question;
use firman_engine::security::{self, Added, Fresh};
use firman_engine::sign_in::{self, SecondStep, Ways};
use firman_proto::acr::{Class, Classes};
use firman_proto::error::ErrorCode::InvalidRequest;
use firman_proto::form::Form;
use firman_proto::issuer::Issuer;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, EventKind};

use crate::support::authenticator::Authenticator;
use crate::support::{Ask, ISSUER, Local, PASSWORD, Visitor, at, refused};

/// Somebody with a passkey.
struct Person {
    local: Arc<Local>,
    name: &'static str,
    key: Authenticator,
}

async fn fresh(local: &Local, visitor: &Visitor, now: Timestamp) -> Fresh {
    let owner = security::owner(&local.world.engine, &visitor.browser(), now).await.unwrap().expect("an owner");
    owner.fresh(&local.world.engine, now).expect("signed in lately")
}

/// Adds a passkey with what the authenticator says; the visitor is signed in.
async fn add(local: &Local, visitor: &Visitor, key: &mut Authenticator) -> Added {
    let engine = &local.world.engine;
    let proof = fresh(local, visitor, at(0)).await;
    let asked = security::begin_passkey(engine, &visitor.browser(), &proof, at(0)).unwrap().unwrap();
    let answer = key.create(&asked.options);
    let typed = (&*asked.sealed, &*answer, " My key ");
    security::add_passkey(engine, &visitor.browser(), &proof, typed, at(0)).await.unwrap()
}

impl Person {
    async fn of(local: Arc<Local>, name: &'static str, mut key: Authenticator) -> Self {
        local.create(name, PASSWORD).await.unwrap();
        let mut visitor = Visitor::new(&local.world);
        local.world.enter(&mut visitor, name, at(0)).await;
        assert!(matches!(add(&local, &visitor, &mut key).await, Added::Done));
        Self { local, name, key }
    }

    async fn new() -> Self {
        Self::of(Local::new().await, "somebody", Authenticator::new(ISSUER, "one")).await
    }

    async fn account(&self) -> Account {
        firman_engine::admin::accounts::find(&self.local.world.engine, self.name, at(4)).await.unwrap()
    }

    /// Shows the passkey to a page of ours.
    async fn shows(&mut self, visitor: &mut Visitor, now: Timestamp) -> bool {
        let engine = &self.local.world.engine;
        let asked = question(engine, &visitor.browser(), now).unwrap().unwrap();
        let answer = self.key.get(&asked.options);
        self.answers(visitor, (&asked.sealed, &answer), now).await
    }

    async fn answers(&self, visitor: &mut Visitor, shown: (&str, &str), now: Timestamp) -> bool {
        let request = self.local.world.begin(&visitor.browser(), "/account", now).await;
        match sign_in::by_passkey(&self.local.world.engine, &visitor.browser(), &request, shown, now).await.unwrap() {
            SecondStep::Welcome { cookie, username, next } => {
                assert_eq!((&*username, next), (self.name, Next::Page("/account".to_owned())));
                visitor.session = Some(cookie.value.reveal().to_owned());
                true
            }
            SecondStep::Wrong => false,
            SecondStep::Wait(_) => panic!("neither right nor wrong"),
        }
    }

    async fn amr_of(&self, visitor: &Visitor) -> Vec<String> {
        let owner = security::owner(&self.local.world.engine, &visitor.browser(), at(50)).await.unwrap().unwrap();
        owner.session().details.amr.clone()
    }
}

// RFC 8176 §2.
// Web Authentication §5.1.2, Web Authentication §7.2, Web Authentication §14.6.1.
#[tokio::test]
async fn a_passkey_signs_in_without_name_and_password_and_is_told_as_two_factors() {
    for (copied, amr) in [(false, ["hwk", "user", "mfa"]), (true, ["swk", "user", "mfa"])] {
        let mut key = Authenticator::new(ISSUER, "one");
        key.copied = copied;
        let mut person = Person::of(Local::new().await, "somebody", key).await;
        let mut visitor = Visitor::new(&person.local.world);
        assert!(person.shows(&mut visitor, at(9)).await);
        assert_eq!(person.amr_of(&visitor).await, amr);
        let passkey = person.account().await.factors.passkeys.remove(0);
        assert_eq!((&*passkey.name, passkey.counter, passkey.last_used_at), ("My key", 1, Some(at(9))));
        assert_eq!((passkey.backup_eligible, &*passkey.transports), (copied, &["internal".to_owned()][..]));
    }
}

// Web Authentication §13.4.3.
#[tokio::test]
async fn an_answer_is_taken_once_in_its_browser_and_time() {
    let mut person = Person::new().await;
    let engine = Arc::clone(&person.local.world.engine);
    let (mut one, mut other) = (Visitor::new(&person.local.world), Visitor::new(&person.local.world));
    let asked = question(&engine, &one.browser(), at(1)).unwrap().unwrap();
    // It does not count, so that nothing but the challenge can tell.
    person.key.counts = false;
    let answer = person.key.get(&asked.options);
    let shown = (&*asked.sealed, &*answer);
    assert!(!person.answers(&mut other, shown, at(2)).await, "in another browser");
    assert!(!person.answers(&mut one, shown, at(1 + 900)).await, "too late");
    assert!(!person.answers(&mut one, (&asked.sealed[1..], &answer), at(2)).await, "with another seal");
    assert!(person.answers(&mut one, shown, at(2)).await);
    assert!(!person.answers(&mut one, shown, at(3)).await, "a second time");
    let again = question(&engine, &one.browser(), at(3)).unwrap().unwrap();
    assert!(!person.answers(&mut one, (&again.sealed, &answer), at(3)).await, "to another question");
}

#[tokio::test]
async fn of_rivals_with_one_answer_one_gets_in() {
    let mut person = Person::new().await;
    let engine = Arc::clone(&person.local.world.engine);
    let visitor = Visitor::new(&person.local.world);
    let asked = question(&engine, &visitor.browser(), at(1)).unwrap().unwrap();
    person.key.counts = false;
    let answer = person.key.get(&asked.options);
    person.local.store().give_way();
    let (mut one, mut other) = (visitor.clone(), visitor);
    let shown = (&*asked.sealed, &*answer);
    let ends = tokio::join!(person.answers(&mut one, shown, at(2)), person.answers(&mut other, shown, at(2)));
    assert!(ends.0 != ends.1, "{ends:?}");
}

// Web Authentication §7.1, Web Authentication §7.2, Web Authentication §9.
#[tokio::test]
async fn whatever_is_not_said_to_us_by_the_key_is_refused() {
    type Damage = (&'static str, fn(&mut Authenticator));
    let damage: [Damage; 4] = [
        ("of another origin", |key| key.origin = "https://evil.example".to_owned()),
        ("for another site", |key| key.relying_party = Some("evil.example".to_owned())),
        ("of a user who was not verified", |key| key.verified = false),
        ("to another challenge", |key| key.challenge = Some("AAAAAAAAAAAAAAAAAAAAAA".to_owned())),
    ];
    let mut person = Person::new().await;
    for (what, damage) in damage {
        let mut visitor = Visitor::new(&person.local.world);
        damage(&mut person.key);
        assert!(!person.shows(&mut visitor, at(9)).await, "{what}");
        // A new passkey of the same kind is not taken, either.
        person.local.world.enter(&mut visitor, "somebody", at(0)).await;
        let mut new = Authenticator::new(ISSUER, what);
        damage(&mut new);
        assert!(matches!(add(&person.local, &visitor, &mut new).await, Added::Refused), "{what}");
        let good = Authenticator::new(ISSUER, "one");
        (person.key.origin, person.key.relying_party) = (good.origin, good.relying_party);
        (person.key.verified, person.key.challenge) = (good.verified, good.challenge);
    }
    let mut visitor = Visitor::new(&person.local.world);
    let engine = Arc::clone(&person.local.world.engine);
    let asked = question(&engine, &visitor.browser(), at(9)).unwrap().unwrap();
    let answer = person.key.get(&asked.options);
    let value: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let mut forged = Authenticator::new(ISSUER, "one");
    forged.create(&begun(&person).await);
    let other = forged.get(&asked.options);
    assert_eq!(forged.id(), person.key.id());
    assert!(!person.answers(&mut visitor, (&asked.sealed, &other), at(9)).await, "by another key");
    for nonsense in ["", "{}", "[]", "null", &value["response"].to_string(), &answer[..answer.len() - 1]] {
        assert!(!person.answers(&mut visitor, (&asked.sealed, nonsense), at(9)).await, "{nonsense}");
    }
    assert!(person.answers(&mut visitor, (&asked.sealed, &answer), at(9)).await);
}

/// What a page asks for whose visitor is this person.
async fn begun(person: &Person) -> String {
    let mut visitor = Visitor::new(&person.local.world);
    person.local.world.enter(&mut visitor, person.name, at(0)).await;
    let proof = fresh(&person.local, &visitor, at(0)).await;
    let begun = security::begin_passkey(&person.local.world.engine, &visitor.browser(), &proof, at(0));
    begun.unwrap().unwrap().options
}

// Web Authentication §6.1.1.
#[tokio::test]
async fn a_copy_of_a_key_shows_by_its_counter_and_is_refused_with_an_event() {
    let mut person = Person::new().await;
    let mut visitor = Visitor::new(&person.local.world);
    person.key.counter = 7;
    assert!(person.shows(&mut visitor, at(9)).await);
    for behind in [6, 7, 0] {
        person.key.counter = behind;
        let counts = behind == 6;
        person.key.counts = counts;
        assert!(!person.shows(&mut visitor, at(10)).await, "{behind}");
    }
    let noted = person.local.world.events(EventKind::SignInFailed).await;
    assert_eq!(noted.len(), 3);
    assert!(noted.iter().all(|event| event.details["what"] == "passkey_cloned" && event.subject.is_some()));
    (person.key.counter, person.key.counts) = (8, true);
    assert!(person.shows(&mut visitor, at(11)).await, "the one that is ahead goes on");
    assert_eq!(person.local.world.events(EventKind::SignInFailed).await.len(), 3);
}

#[tokio::test]
async fn a_passkey_is_one_accounts_and_shown_by_its_owner_alone() {
    let person = Person::new().await;
    let local = Arc::clone(&person.local);
    local.create("another", PASSWORD).await.unwrap();
    let mut visitor = Visitor::new(&local.world);
    local.world.enter(&mut visitor, "another", at(0)).await;
    let mut same = Authenticator::new(ISSUER, "one");
    assert!(matches!(add(&local, &visitor, &mut same).await, Added::Refused), "taken");
    // Whoever says that the key of one is another's.
    let mut swapped = person;
    swapped.key.create(&begun(&Person { name: "another", ..Person::with(&local, "x") }).await);
    assert!(!swapped.shows(&mut visitor, at(9)).await);
}

impl Person {
    fn with(local: &Arc<Local>, key: &str) -> Self {
        Self { local: Arc::clone(local), name: "somebody", key: Authenticator::new(ISSUER, key) }
    }
}

#[tokio::test]
async fn a_passkey_is_renamed_and_removed_by_its_owner() {
    let mut person = Person::new().await;
    let local = Arc::clone(&person.local);
    let engine = &local.world.engine;
    let mut visitor = Visitor::new(&local.world);
    assert!(person.shows(&mut visitor, at(1)).await);
    let proof = fresh(&local, &visitor, at(1)).await;
    let id = person.key.id();
    security::rename_passkey(engine, &proof, (&id, "  \u{7}Telephone "), at(2)).await.unwrap();
    assert_eq!(person.account().await.factors.passkeys[0].name, "Telephone");
    let unknown = security::rename_passkey(engine, &proof, ("AAAA", "x"), at(2)).await;
    assert_eq!(refused(unknown), InvalidRequest);
    // The last way to sign in stays.
    let account = person.account().await;
    local.edit(&account, |account| account.password = None).await;
    assert_eq!(refused(security::remove_passkey(engine, &proof, &id, at(3)).await), InvalidRequest);
    local.set_password("somebody", PASSWORD).await.unwrap();
    security::remove_passkey(engine, &proof, &id, at(6)).await.unwrap();
    assert!(person.account().await.factors.passkeys.is_empty());
    assert!(!person.shows(&mut visitor, at(7)).await);
    let refused = person.local.world.events(EventKind::SignInFailed).await;
    assert_eq!((refused.len(), &refused[0].details["step"]), (1, &"passkey".into()));
    let mut events = Vec::new();
    for kind in [EventKind::FactorAdded, EventKind::FactorRemoved] {
        events.extend(local.world.events(kind).await.into_iter().map(|event| event.details["what"].clone()));
    }
    assert_eq!(events, ["passkey_added", "passkey_removed"]);
    // What is free may be added again.
    local.world.enter(&mut visitor, "somebody", at(8)).await;
    let owner = security::owner(engine, &visitor.browser(), at(8)).await.unwrap().unwrap();
    let proof = owner.fresh(engine, at(8)).unwrap();
    let asked = security::begin_passkey(engine, &visitor.browser(), &proof, at(8)).unwrap().unwrap();
    let answer = person.key.create(&asked.options);
    let typed = (&*asked.sealed, &*answer, "");
    let added = security::add_passkey(engine, &visitor.browser(), &proof, typed, at(8)).await.unwrap();
    assert!(matches!(added, Added::Done));
}

#[tokio::test]
async fn a_disabled_account_is_not_signed_in_to() {
    let mut person = Person::new().await;
    let account = person.account().await;
    person.local.edit(&account, |account| account.enabled = false).await;
    let mut visitor = Visitor::new(&person.local.world);
    assert!(!person.shows(&mut visitor, at(1)).await);
}

// RFC 9470 §4, RFC 8176 §2.
#[tokio::test]
async fn who_needs_a_second_factor_is_asked_for_the_passkey_alone() {
    let strong = Class::parse("strong = mfa").unwrap();
    let local = Local::with(|parts| parts.policy.acr = Classes::new(vec![strong]).unwrap()).await;
    let mut person = Person::of(local, "somebody", Authenticator::new(ISSUER, "one")).await;
    let another = Person::of(Arc::clone(&person.local), "another", Authenticator::new(ISSUER, "two")).await;
    let (world, engine) = (&person.local.world, &person.local.world.engine);
    let app = world.app("app").await;
    let mut visitor = Visitor::new(world);
    // A passkey alone asks nobody for a second step.
    world.enter(&mut visitor, "somebody", at(1)).await;
    let query = Ask::new(&app, "openid").with("acr_values", "strong").query();
    let form = Form::parse(query.as_bytes()).unwrap();
    let next = authorize::authorize(engine, &visitor.browser(), &form, at(2)).await.unwrap();
    let Next::Second(half) = next else { panic!("not asked for the second factor: {next:?}") };
    let ways = sign_in::second_step_of(engine, &visitor.browser(), &half, at(2)).await.unwrap();
    assert_eq!(ways, Ways { code: false, passkey: true });
    for (key, mine) in [(another.key, false), (person.key, true)] {
        let mut key = key;
        let asked = question(engine, &visitor.browser(), at(3)).unwrap().unwrap();
        let answer = key.get(&asked.options);
        let shown = (&*asked.sealed, &*answer);
        match sign_in::second_step_by_passkey(engine, &visitor.browser(), &half, shown, at(3)).await.unwrap() {
            SecondStep::Welcome { cookie, next: Next::Consent(_), .. } if mine => {
                visitor.session = Some(cookie.value.reveal().to_owned());
            }
            SecondStep::Wrong if !mine => {}
            _ => panic!("{mine}"),
        }
    }
    person.key = Authenticator::new(ISSUER, "none");
    assert_eq!(person.amr_of(&visitor).await, ["pwd", "hwk", "user", "mfa"]);
}

#[tokio::test]
async fn where_the_issuer_has_no_name_or_accounts_are_elsewhere_nobody_is_asked_for_a_passkey() {
    for issuer in ["http://127.0.0.1:8080", "http://[::1]:8080"] {
        let local = Local::with(|parts| parts.issuer = Issuer::parse(issuer).unwrap()).await;
        let browser = Visitor::new(&local.world).browser();
        assert!(question(&local.world.engine, &browser, at(0)).unwrap().is_none(), "{issuer}");
        assert!(!local.world.engine.has_passkeys());
    }
    let world = crate::support::World::new().await;
    let browser = Visitor::new(&world).browser();
    assert!(question(&world.engine, &browser, at(0)).unwrap().is_none());
}

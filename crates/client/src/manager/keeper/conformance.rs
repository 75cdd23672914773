//! The suite that every keeper runs: each case is a test with its own name.
//!
//! ```ignore
//! async fn make() -> std::sync::Arc<dyn firman_client::manager::Keeper> { /* a fresh, empty keeper */ }
//! firman_client::manager::conformance!(make);
//! ```
//!
//! Cases panic where a promise of [`Keeper`] is broken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]
#![allow(clippy::missing_panics_doc, reason = "a case panics if and only if the keeper is wrong")]
#![allow(missing_docs, reason = "a case's name is the sentence it proves")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};
use serde_json::{Map, Value, json};

use super::{Held, Keeper, Kind, Whose};
use crate::flow::introspection::TokenFacts;
use crate::flow::token::TokenType;
use crate::world::{Clock as _, System};

type Shared = Arc<dyn Keeper>;

/// Makes one `#[tokio::test]` of every case. The argument names an async function that makes a fresh, empty keeper; after
/// `where_there` it makes that and what must live as long as the test (a folder, a server), or `None` where its engine is
/// missing, which it has said.
#[macro_export]
macro_rules! keeper_conformance {
    ($make:path) => {
        async fn make_there() -> Option<(std::sync::Arc<dyn $crate::manager::Keeper>, ())> {
            Some(($make().await, ()))
        }
        $crate::keeper_conformance!(where_there make_there);
    };
    (where_there $make:path) => {
        $crate::keeper_conformance! { @each $make;
            a_token_reads_back, what_is_absent_is_none, a_token_is_put_in_the_place_of_itself, a_token_is_deleted_as_often_as_one_likes,
            an_access_token_that_has_ended_is_not_given_out, a_token_that_is_not_active_is_not_given_out,
            a_refresh_token_that_has_ended_is_found_and_not_listed, tokens_are_listed_by_whose_they_are_the_newest_first,
            a_subject_that_is_the_client_is_no_person, a_spent_token_and_what_it_brought_change_together,
            claims_and_id_token_do_not_touch_each_other, an_id_token_that_has_expired_is_found, a_person_is_forgotten,
            awkward_text_reads_back, of_64_puts_none_is_lost, of_64_one_has_the_lease, a_lease_is_free_when_it_is_given_back
        }
    };
    (@each $make:path; $($case:ident),*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some((keeper, _place)) = $make().await else { return };
                $crate::manager::keeper::conformance::$case(keeper).await;
            }
        )*
    };
}

const ISSUER: &str = "https://as.example/tenant";

/// Keepers that clean up go by the clock of the machine, as these cases do.
fn now() -> Timestamp {
    Timestamp::from_seconds(System.now().seconds())
}

fn later(seconds: i64) -> Timestamp {
    now().plus(Lifetime::from_seconds(seconds))
}

fn held(kind: Kind, token: &str) -> Held {
    let facts = TokenFacts {
        scope: Some("a b".to_owned()),
        client_id: Some("app".to_owned()),
        sub: Some("alice".to_owned()),
        exp: Some(later(300).seconds()),
        ..TokenFacts::default()
    };
    Held {
        kind,
        token: token.into(),
        token_type: TokenType::Bearer,
        issuer: ISSUER.to_owned(),
        facts,
        updated_at: now(),
    }
}

fn with(held: Held, edit: impl FnOnce(&mut Held)) -> Held {
    let mut held = held;
    edit(&mut held);
    held
}

async fn put(keeper: &Shared, held: &Held) {
    keeper.put_token(held.clone()).await.unwrap();
}

async fn get(keeper: &Shared, kind: Kind, token: &str) -> Option<Held> {
    keeper.token(kind, &token.into(), now()).await.unwrap()
}

async fn list(keeper: &Shared, kind: Kind, whose: Whose<'_>) -> Vec<String> {
    let listed = keeper.tokens(kind, ISSUER, whose, now()).await.unwrap();
    listed.into_iter().map(|held| held.token.reveal().to_owned()).collect()
}

fn members(of: Value) -> Map<String, Value> {
    let Value::Object(members) = of else { panic!("no object") };
    members
}

pub async fn a_token_reads_back(keeper: Shared) {
    for kind in [Kind::Access, Kind::Refresh] {
        let whole = with(held(kind, "whole"), |held| {
            held.token_type = TokenType::Dpop;
            held.facts.active = Some(true);
            held.facts.aud = Some(json!(["a", "b"]));
            held.facts.rest = members(json!({"cnf": {"jkt": "x"}, "of_tomorrow": [1, null]}));
        });
        let bare = with(held(kind, "bare"), |held| {
            held.facts = TokenFacts { client_id: Some("app".to_owned()), ..TokenFacts::default() };
        });
        for one in [whole, bare] {
            put(&keeper, &one).await;
            assert_eq!(get(&keeper, kind, one.token.reveal()).await, Some(one));
        }
    }
}

pub async fn what_is_absent_is_none(keeper: Shared) {
    put(&keeper, &held(Kind::Access, "t")).await;
    assert_eq!(get(&keeper, Kind::Refresh, "t").await, None, "a kind is not the other");
    assert_eq!(get(&keeper, Kind::Access, "another").await, None);
    assert!(list(&keeper, Kind::Access, Whose::Subject("bob")).await.is_empty());
    assert!(keeper.claims(ISSUER, "alice").await.unwrap().is_none());
    assert!(keeper.id_token(ISSUER, "alice").await.unwrap().is_none());
}

pub async fn a_token_is_put_in_the_place_of_itself(keeper: Shared) {
    put(&keeper, &held(Kind::Access, "t")).await;
    let second = with(held(Kind::Access, "t"), |held| {
        held.facts.scope = Some("c".to_owned());
        held.facts.sub = Some("bob".to_owned());
    });
    put(&keeper, &second).await;
    assert_eq!(get(&keeper, Kind::Access, "t").await, Some(second));
    assert!(list(&keeper, Kind::Access, Whose::Subject("alice")).await.is_empty());
    assert_eq!(list(&keeper, Kind::Access, Whose::Subject("bob")).await, ["t"]);
}

pub async fn a_token_is_deleted_as_often_as_one_likes(keeper: Shared) {
    put(&keeper, &held(Kind::Access, "t")).await;
    put(&keeper, &held(Kind::Refresh, "t")).await;
    for _ in 0..2 {
        keeper.delete_token(Kind::Access, &"t".into()).await.unwrap();
        assert_eq!(get(&keeper, Kind::Access, "t").await, None);
    }
    assert!(get(&keeper, Kind::Refresh, "t").await.is_some());
}

pub async fn an_access_token_that_has_ended_is_not_given_out(keeper: Shared) {
    let ended = with(held(Kind::Access, "ended"), |held| held.facts.exp = Some(now().seconds()));
    let early = with(held(Kind::Access, "early"), |held| held.facts.nbf = Some(later(60).seconds()));
    let endless = with(held(Kind::Access, "endless"), |held| held.facts.exp = None);
    for one in [&ended, &early, &endless] {
        put(&keeper, one).await;
    }
    assert_eq!(get(&keeper, Kind::Access, "ended").await, None);
    assert_eq!(get(&keeper, Kind::Access, "early").await, None);
    assert_eq!(list(&keeper, Kind::Access, Whose::Subject("alice")).await, ["endless"]);
}

// RFC 7662 §2.2.
pub async fn a_token_that_is_not_active_is_not_given_out(keeper: Shared) {
    for kind in [Kind::Access, Kind::Refresh] {
        put(&keeper, &with(held(kind, "dead"), |held| held.facts.active = Some(false))).await;
        assert!(list(&keeper, kind, Whose::Subject("alice")).await.is_empty());
    }
    assert_eq!(get(&keeper, Kind::Access, "dead").await, None);
}

pub async fn a_refresh_token_that_has_ended_is_found_and_not_listed(keeper: Shared) {
    put(&keeper, &with(held(Kind::Refresh, "ended"), |held| held.facts.exp = Some(now().seconds() - 5))).await;
    assert!(get(&keeper, Kind::Refresh, "ended").await.is_some());
    assert!(list(&keeper, Kind::Refresh, Whose::Subject("alice")).await.is_empty());
}

pub async fn tokens_are_listed_by_whose_they_are_the_newest_first(keeper: Shared) {
    for (token, age) in [("old", 20), ("new", 0), ("middle", 10)] {
        let updated_at = now().minus(Lifetime::from_seconds(age));
        put(&keeper, &with(held(Kind::Access, token), |held| held.updated_at = updated_at)).await;
    }
    put(&keeper, &held(Kind::Refresh, "other kind")).await;
    put(&keeper, &with(held(Kind::Access, "elsewhere"), |held| held.issuer = "https://other.example".into())).await;
    put(&keeper, &with(held(Kind::Access, "own"), |held| held.facts.sub = None)).await;
    let named = with(held(Kind::Access, "named"), |held| {
        (held.facts.sub, held.facts.client_id) = (None, Some("alice".to_owned()));
    });
    put(&keeper, &named).await;
    assert_eq!(list(&keeper, Kind::Access, Whose::Subject("alice")).await, ["new", "middle", "old"]);
    assert_eq!(list(&keeper, Kind::Access, Whose::Client("app")).await, ["own"]);
    assert_eq!(list(&keeper, Kind::Access, Whose::Client("alice")).await, ["named"]);
    assert_eq!(list(&keeper, Kind::Refresh, Whose::Subject("alice")).await, ["other kind"]);
}

// RFC 9068 §2.2.
pub async fn a_subject_that_is_the_client_is_no_person(keeper: Shared) {
    put(&keeper, &with(held(Kind::Access, "own"), |held| held.facts.sub = Some("app".to_owned()))).await;
    assert_eq!(list(&keeper, Kind::Access, Whose::Client("app")).await, ["own"]);
    assert!(list(&keeper, Kind::Access, Whose::Subject("app")).await.is_empty());
}

pub async fn a_spent_token_and_what_it_brought_change_together(keeper: Shared) {
    let alice = Whose::Subject("alice");
    put(&keeper, &held(Kind::Refresh, "first")).await;
    let gained = vec![held(Kind::Access, "a"), held(Kind::Refresh, "second")];
    keeper.exchange(Some(&"first".into()), gained).await.unwrap();
    assert_eq!(list(&keeper, Kind::Refresh, alice).await, ["second"]);
    assert_eq!(list(&keeper, Kind::Access, alice).await, ["a"]);
    // A server that does not rotate gives the same again; one that is gone already takes nothing with it.
    keeper.exchange(Some(&"second".into()), vec![held(Kind::Refresh, "second")]).await.unwrap();
    keeper.exchange(Some(&"first".into()), vec![held(Kind::Access, "b")]).await.unwrap();
    assert_eq!(list(&keeper, Kind::Refresh, alice).await, ["second"]);
    assert_eq!(list(&keeper, Kind::Access, alice).await.len(), 2);
    // Whoever reads meanwhile sees the one or the other, and never both or neither.
    let reader = {
        let keeper = Arc::clone(&keeper);
        tokio::spawn(async move {
            for _ in 0..200 {
                let seen = list(&keeper, Kind::Refresh, Whose::Subject("alice")).await;
                assert_eq!(seen.len(), 1, "{seen:?}");
            }
        })
    };
    let mut spent = "second".to_owned();
    for number in 0..20 {
        let next = format!("n{number}");
        keeper.exchange(Some(&spent.as_str().into()), vec![held(Kind::Refresh, &next)]).await.unwrap();
        spent = next;
    }
    reader.await.unwrap();
}

pub async fn claims_and_id_token_do_not_touch_each_other(keeper: Shared) {
    let (first, second) = (now(), later(5));
    keeper.put_claims(ISSUER, "alice", members(json!({"email": "a@b.example"})), first).await.unwrap();
    keeper.put_id_token(ISSUER, "alice", &"a.b.c".into(), second).await.unwrap();
    let (claims, at) = keeper.claims(ISSUER, "alice").await.unwrap().unwrap();
    assert_eq!((claims.len(), at), (1, first));
    keeper.put_claims(ISSUER, "alice", Map::new(), second).await.unwrap();
    assert_eq!(keeper.claims(ISSUER, "alice").await.unwrap(), Some((Map::new(), second)));
    assert_eq!(keeper.id_token(ISSUER, "alice").await.unwrap(), Some("a.b.c".into()));
    keeper.put_id_token(ISSUER, "alice", &"d.e.f".into(), second).await.unwrap();
    assert_eq!(keeper.id_token(ISSUER, "alice").await.unwrap(), Some("d.e.f".into()));
    assert!(keeper.id_token("https://other.example", "alice").await.unwrap().is_none());
    assert!(keeper.id_token(ISSUER, "bob").await.unwrap().is_none());
}

pub async fn an_id_token_that_has_expired_is_found(keeper: Shared) {
    let long_ago = Timestamp::from_seconds(1);
    keeper.put_id_token(ISSUER, "alice", &"old".into(), long_ago).await.unwrap();
    put(&keeper, &held(Kind::Access, "t")).await;
    assert_eq!(keeper.id_token(ISSUER, "alice").await.unwrap(), Some("old".into()));
}

pub async fn a_person_is_forgotten(keeper: Shared) {
    for who in ["alice", "bob"] {
        keeper.put_claims(ISSUER, who, Map::new(), now()).await.unwrap();
        keeper.put_id_token(ISSUER, who, &"a.b.c".into(), now()).await.unwrap();
    }
    put(&keeper, &held(Kind::Access, "t")).await;
    for _ in 0..2 {
        keeper.delete_person(ISSUER, "alice").await.unwrap();
        assert!(keeper.claims(ISSUER, "alice").await.unwrap().is_none());
        assert!(keeper.id_token(ISSUER, "alice").await.unwrap().is_none());
    }
    assert!(keeper.claims(ISSUER, "bob").await.unwrap().is_some());
    assert!(get(&keeper, Kind::Access, "t").await.is_some());
}

pub async fn awkward_text_reads_back(keeper: Shared) {
    let text = "\u{e4}\u{1f511}'\"\\%_;--\n\u{202e}";
    let odd = with(held(Kind::Access, &"x'\"\\%".repeat(1000)), |held| {
        held.facts.sub = Some(text.to_owned());
        held.facts.rest = members(json!({text: text}));
    });
    put(&keeper, &odd).await;
    assert_eq!(
        keeper.tokens(Kind::Access, ISSUER, Whose::Subject(text), now()).await.unwrap(),
        std::slice::from_ref(&odd)
    );
    keeper.put_claims(ISSUER, text, odd.facts.rest.clone(), now()).await.unwrap();
    assert_eq!(keeper.claims(ISSUER, text).await.unwrap().unwrap().0, odd.facts.rest);
}

pub async fn of_64_puts_none_is_lost(keeper: Shared) {
    let puts = (0..64).map(|number| {
        let keeper = Arc::clone(&keeper);
        tokio::spawn(async move {
            let kind = if number % 2 == 0 { Kind::Access } else { Kind::Refresh };
            put(&keeper, &held(kind, &format!("t{number}"))).await;
        })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap();
    }
    for kind in [Kind::Access, Kind::Refresh] {
        assert_eq!(list(&keeper, kind, Whose::Subject("alice")).await.len(), 32);
    }
}

pub async fn of_64_one_has_the_lease(keeper: Shared) {
    let (inside, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let what = Digest16::of(&[b"all"]);
    let rivals = (0..64).map(|_| {
        let (keeper, inside, done) = (Arc::clone(&keeper), Arc::clone(&inside), Arc::clone(&done));
        tokio::spawn(async move {
            let lease = keeper.lease(what, Lifetime::from_seconds(60)).await.unwrap().expect("the lease");
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            done.fetch_add(1, Ordering::SeqCst);
            lease.release().await;
        })
    });
    for rival in rivals.collect::<Vec<_>>() {
        rival.await.unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), 64);
}

pub async fn a_lease_is_free_when_it_is_given_back(keeper: Shared) {
    let what = |name: &[u8]| Digest16::of(&[name]);
    let first = keeper.lease(what(b"a"), Lifetime::ZERO).await.unwrap().expect("free");
    assert!(keeper.lease(what(b"a"), Lifetime::ZERO).await.unwrap().is_none());
    let other = keeper.lease(what(b"b"), Lifetime::ZERO).await.unwrap();
    assert!(other.is_some(), "another thing is another's");
    first.release().await;
    let second = keeper.lease(what(b"a"), Lifetime::from_seconds(5)).await.unwrap().expect("free again");
    second.release().await;
}

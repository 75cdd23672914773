//! A name belongs to one record at a time.

use firman_proto::time::Timestamp;

use super::fixtures::*;
use crate::record::{Name, Namespace};
use crate::{Change, Commit};

fn name(text: &str, expires_at: Timestamp) -> Name {
    let namespace = Namespace::Username;
    Name { namespace, digest: Name::digest(ISSUER, namespace, text), id: id(), expires_at }
}

fn take(name: Name, now: Timestamp) -> Change {
    Change::TakeName { name, now }
}

pub async fn a_taken_name_is_refused(store: Shared) {
    done(&store, vec![take(name("a", Timestamp::NEVER), NOW)]).await;
    conflict(&store, take(name("a", Timestamp::NEVER), later(1_000_000))).await;
    done(&store, vec![take(name("b", Timestamp::NEVER), NOW)]).await;
}

pub async fn an_expired_name_is_taken_over(store: Shared) {
    done(&store, vec![take(name("a", later(10)), NOW)]).await;
    conflict(&store, take(name("a", later(100)), later(9))).await;
    done(&store, vec![take(name("a", later(100)), later(10))]).await;
    conflict(&store, take(name("a", later(100)), later(10))).await;
}

pub async fn a_name_may_be_taken_again_by_its_holder(store: Shared) {
    let held = name("a", later(10));
    done(&store, vec![take(held, NOW)]).await;
    done(&store, vec![take(Name { expires_at: later(20), ..held }, later(1))]).await;
    conflict(&store, take(name("a", later(100)), later(15))).await;
}

pub async fn a_released_name_is_free(store: Shared) {
    let held = name("a", Timestamp::NEVER);
    done(&store, vec![take(held, NOW)]).await;
    done(&store, vec![Change::ReleaseName { namespace: held.namespace, digest: held.digest, id: held.id }]).await;
    done(&store, vec![take(name("a", Timestamp::NEVER), NOW)]).await;
}

pub async fn a_name_goes_over_in_one_commit_from_whom_it_was_seen_with(store: Shared) {
    let seen = name("a", later(10));
    done(&store, vec![take(seen, NOW)]).await;
    let goes_over = || {
        let next = name("a", later(20));
        let release = Change::ReleaseName { namespace: seen.namespace, digest: seen.digest, id: seen.id };
        (next, vec![release, take(next, NOW)])
    };
    let (next, changes) = goes_over();
    done(&store, changes).await;
    assert_eq!(store.name(next.namespace, next.digest).await.unwrap(), Some(next));
    let (_, late) = goes_over();
    assert_eq!(commit(&store, late).await, Commit::Conflict(1), "another has gone first");
    assert_eq!(store.name(next.namespace, next.digest).await.unwrap(), Some(next));
}

pub async fn another_holder_cannot_release_a_name(store: Shared) {
    let held = name("a", Timestamp::NEVER);
    done(&store, vec![take(held, NOW)]).await;
    done(&store, vec![Change::ReleaseName { namespace: held.namespace, digest: held.digest, id: id() }]).await;
    conflict(&store, take(name("a", Timestamp::NEVER), NOW)).await;
}

pub async fn an_account_is_found_by_its_name(store: Shared) {
    let account = account();
    let held = Name { id: account.id, ..name("someone", later(10)) };
    done(&store, vec![take(held, NOW), insert_account(&account)]).await;
    let found = |digest, now| store.account_by_name(Namespace::Username, digest, now);
    assert_eq!(found(held.digest, NOW).await.unwrap(), Some(account));
    assert_eq!(found(held.digest, later(10)).await.unwrap(), None);
    assert_eq!(found(name("other", NOW).digest, NOW).await.unwrap(), None);
}

pub async fn a_name_shows_its_holder(store: Shared) {
    let held = Name { namespace: Namespace::UserCode, ..name("BCDF", later(10)) };
    done(&store, vec![take(held, NOW)]).await;
    assert_eq!(store.name(held.namespace, held.digest).await.unwrap(), Some(held));
    assert_eq!(store.name(Namespace::LiveGrant, held.digest).await.unwrap(), None);
}

//! What has ended leaves, and nothing else does.

use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};

use super::fixtures::*;
use super::held::{held_claims, held_token, insert_held_token};
use crate::record::{
    Delivery, Event, Flow, Grant, HeldToken, Name, Namespace, Once, RevokedToken, Schedule, SealKey, Session,
    SigningKey,
};
use crate::{Change, Cutoffs, Editable, EditableKey, GrantsOf, Page, Swept};

/// One record of every kind that leaves by itself, made at a time and ended an hour later.
fn all_made_at(at: Timestamp, number: u32) -> Vec<Change> {
    let ends = at.plus(Lifetime::from_seconds(3600));
    let schedule = Schedule { made_at: at, current_from: at, retired_from: at, ends_at: ends };
    let grant = Grant { id: id_made_at(at), expires_at: ends, ..grant() };
    let name = Name {
        namespace: Namespace::Username,
        digest: Name::digest(ISSUER, Namespace::Username, &at.to_string()),
        id: id(),
        expires_at: ends,
    };
    let token = RevokedToken { day: ends.day(), grant: grant.id, digest: Digest16([1; 16]), expires_at: ends };
    vec![
        insert_flow(&Flow { id: id_made_at(at), expires_at: ends, ..flow() }),
        insert_grant(&grant),
        Change::InsertSession(Box::new(Session { id: id_made_at(at), expires_at: ends, ..session() })),
        Change::TakeName { name, now: at },
        Change::RevokeToken(token),
        Change::InsertOnce(Once { expires_at: ends, ..once() }),
        Change::Append(Box::new(Event { id: id_made_at(at), at, ..event(grant.id) })),
        insert_delivery(&Delivery { id: id_made_at(at), expires_at: ends, ..delivery_due(at) }),
        Change::JoinSession { session: id(), client: id(), expires_at: ends },
        insert_held_token(&HeldToken { expires_at: ends, ..held_token() }),
        Change::Insert(Editable::SigningKey(Box::new(SigningKey { schedule, ..signing_key() }))),
        Change::Insert(Editable::SealKey(Box::new(SealKey { schedule, ..seal_key(number) }))),
    ]
}

fn days(days: i64) -> Timestamp {
    NOW.plus(Lifetime::from_days(days))
}

const ONE_OF_EACH: Swept = Swept {
    flows: 1,
    grants: 1,
    revoked_tokens: 1,
    once: 1,
    sessions: 1,
    names: 1,
    events: 1,
    deliveries: 1,
    session_clients: 1,
    held_tokens: 1,
    keys: 2,
};

pub async fn only_what_has_ended_is_swept(store: Shared) {
    done(&store, all_made_at(NOW, 1)).await;
    done(&store, all_made_at(days(5), 2)).await;
    assert_eq!(store.sweep(Cutoffs::all(NOW), 1000).await.unwrap().total(), 0);
    let kept_events = Cutoffs { events: NOW, ..Cutoffs::all(days(3)) };
    assert_eq!(store.sweep(kept_events, 1000).await.unwrap(), Swept { events: 0, ..ONE_OF_EACH });
    assert_eq!(store.sweep(Cutoffs::all(days(3)), 1000).await.unwrap(), Swept { events: 1, ..Swept::default() });
    assert_eq!(store.sweep(Cutoffs::all(days(9)), 1000).await.unwrap(), ONE_OF_EACH);
}

pub async fn a_sweep_is_bounded_and_goes_on(store: Shared) {
    for number in 0..3 {
        done(&store, all_made_at(days(i64::from(number)), number)).await;
    }
    let mut swept = 0;
    for _ in 0..100 {
        let step = store.sweep(Cutoffs::all(days(9)), 5).await.unwrap().total();
        assert!(step <= 5);
        swept += step;
    }
    assert_eq!(swept, 3 * ONE_OF_EACH.total());
}

pub async fn nothing_live_is_swept(store: Shared) {
    let client = client();
    let standing = standing_grant(client.id);
    let (flow, session) = (flow(), session());
    let (token, claims) = (HeldToken { expires_at: Timestamp::NEVER, ..held_token() }, held_claims());
    let held = Change::Insert(Editable::HeldClaims(Box::new(claims.clone())));
    done(&store, vec![insert_held_token(&token), held]).await;
    done(&store, vec![insert_client(&client), insert_grant(&standing), insert_account(&account())]).await;
    done(&store, vec![insert_flow(&flow), Change::InsertSession(Box::new(session.clone()))]).await;
    assert_eq!(store.sweep(Cutoffs::all(NOW), 1000).await.unwrap().total(), 0);
    store.sweep(Cutoffs::all(days(100_000)), 1000).await.unwrap();
    assert_eq!(store.grants(GrantsOf::Everybody, Page::first(9)).await.unwrap(), vec![standing]);
    assert!(store.client_by_id(client.id).await.unwrap().is_some());
    assert_eq!(store.held_token(token.key).await.unwrap(), Some(token));
    assert_eq!(store.held_claims(claims.key()).await.unwrap(), Some(claims));
    assert_eq!(store.flow(flow.id).await.unwrap(), None);
    assert_eq!(store.session(session.id, None).await.unwrap(), None);
}

pub async fn a_grant_whose_expiry_moved_leaves_after_the_later_one(store: Shared) {
    let (kept, gone) = (Grant { expires_at: days(1), ..grant() }, Grant { expires_at: days(1), ..grant() });
    done(&store, vec![insert_grant(&kept), insert_grant(&gone)]).await;
    done(&store, vec![Change::MoveExpiry { id: kept.id, from: days(1), to: days(9), now: NOW }]).await;
    for _ in 0..2 {
        store.sweep(Cutoffs::all(days(5)), 1000).await.unwrap();
        let left: Vec<_> = store.grants(GrantsOf::Everybody, Page::first(9)).await.unwrap();
        assert_eq!(left.iter().map(|grant| grant.id).collect::<Vec<_>>(), [kept.id]);
    }
    assert_eq!(store.overdue(Cutoffs::all(days(8)), 9).await.unwrap().grants, 0);
    assert_eq!(store.sweep(Cutoffs::all(days(11)), 1000).await.unwrap().grants, 1);
}

pub async fn a_grant_that_never_ends_leaves_after_its_client(store: Shared) {
    let (stays, goes) = (client(), client());
    done(&store, vec![insert_client(&stays), insert_client(&goes)]).await;
    let of_resource = Grant { id: id(), ..standing_grant(goes.id) };
    let standing = standing_grant(stays.id);
    let grants = [&standing, &standing_grant(goes.id), &of_resource].map(insert_grant);
    done(&store, grants.into()).await;
    assert_eq!(store.sweep(Cutoffs::all(NOW), 1000).await.unwrap().total(), 0);
    let gone = Change::Remove { key: EditableKey::Client(goes.id), if_revision: 0 };
    done(&store, vec![gone]).await;
    assert_eq!(store.sweep(Cutoffs::all(days(32)), 1).await.unwrap().grants, 1, "a sweep is bounded");
    assert_eq!(store.sweep(Cutoffs::all(days(32)), 1000).await.unwrap().grants, 1);
    assert_eq!(store.grants(GrantsOf::Everybody, Page::first(9)).await.unwrap(), vec![standing]);
}

pub async fn each_kind_has_a_cutoff_of_its_own(store: Shared) {
    done(&store, all_made_at(NOW, 1)).await;
    let (none, late) = (Cutoffs::all(NOW), days(3));
    let only = Swept::default();
    for (cutoffs, swept) in [
        (Cutoffs { flows: late, ..none }, Swept { flows: 1, ..only }),
        (Cutoffs { grants: late, ..none }, Swept { grants: 1, ..only }),
        (Cutoffs { revoked_tokens: late, ..none }, Swept { revoked_tokens: 1, ..only }),
        (Cutoffs { once: late, ..none }, Swept { once: 1, ..only }),
        (Cutoffs { sessions: late, ..none }, Swept { sessions: 1, session_clients: 1, ..only }),
        (Cutoffs { names: late, ..none }, Swept { names: 1, ..only }),
        (Cutoffs { keys: late, ..none }, Swept { keys: 2, ..only }),
        (Cutoffs { deliveries: late, ..none }, Swept { deliveries: 1, ..only }),
        (Cutoffs { held_tokens: late, ..none }, Swept { held_tokens: 1, ..only }),
        (Cutoffs { events: late, ..none }, Swept { events: 1, ..only }),
    ] {
        assert_eq!(store.overdue(cutoffs, 1000).await.unwrap(), swept, "{cutoffs:?}");
        assert_eq!(store.sweep(cutoffs, 1000).await.unwrap(), swept, "{cutoffs:?}");
    }
}

pub async fn what_is_overdue_is_what_a_sweep_deletes(store: Shared) {
    for number in 0..3 {
        done(&store, all_made_at(days(i64::from(number)), number)).await;
    }
    assert_eq!(store.overdue(Cutoffs::all(NOW), 1000).await.unwrap(), Swept::default());
    for (at, limit) in [(days(9), 2), (days(2), 1000), (days(9), 1000)] {
        let counted = store.overdue(Cutoffs::all(at), limit).await.unwrap();
        assert!(counted.flows <= u64::from(limit) && counted.keys <= 2 * u64::from(limit), "counting ends");
        if limit == 1000 {
            assert_eq!(store.sweep(Cutoffs::all(at), 1000).await.unwrap(), counted);
            assert_eq!(store.overdue(Cutoffs::all(at), 1000).await.unwrap(), Swept::default());
        } else {
            assert_eq!(counted.total(), 12 * u64::from(limit));
        }
    }
}

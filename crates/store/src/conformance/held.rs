//! What programs hold of other servers: found by token and by whose it is, replaced once, renewed by one at a time.

use firman_proto::digest::Digest16;
use firman_proto::time::Timestamp;

use super::fixtures::*;
use crate::record::{HeldClaims, HeldKind, HeldToken, Holder, Name, Namespace, Rest};
use crate::{Change, Editable, EditableKey, HeldPage};

/// Another server.
const ELSEWHERE: &str = "https://elsewhere.example";

pub fn held_token() -> HeldToken {
    let serde_json::Value::Object(metadata) = serde_json::json!({"active": true, "scope": "a b", "v": 7}) else {
        unreachable!()
    };
    HeldToken {
        key: Digest16(distinct()),
        kind: HeldKind::Access,
        issuer: ELSEWHERE.to_owned(),
        subject: Some(format!("ü {}", id())),
        client_id: "a client".to_owned(),
        token_type: Some("DPoP".to_owned()),
        sealed: vec![0, 1, 255],
        expires_at: later(3600),
        updated_at: NOW,
        metadata,
        revision: 0,
        rest: rest(),
    }
}

pub fn held_claims() -> HeldClaims {
    HeldClaims {
        issuer: ELSEWHERE.to_owned(),
        subject: id().to_string(),
        id_token: Some(vec![255, 0]),
        id_token_at: Some(NOW),
        claims: Some(rest()),
        claims_at: Some(later(1)),
        revision: 0,
        rest: rest(),
    }
}

pub fn insert_held_token(token: &HeldToken) -> Change {
    Change::Insert(Editable::HeldToken(Box::new(token.clone())))
}

fn remove(token: &HeldToken, if_revision: u64) -> Change {
    Change::Remove { key: EditableKey::HeldToken(token.key), if_revision }
}

fn replace(token: &HeldToken, if_revision: u64) -> Change {
    Change::Replace { record: Editable::HeldToken(Box::new(token.clone())), if_revision }
}

async fn tokens_of(store: &Shared, holder: Holder<'_>, kind: HeldKind, page: HeldPage) -> Vec<HeldToken> {
    store.held_tokens(holder.key(ELSEWHERE), kind, page).await.unwrap()
}

pub async fn a_held_token_reads_back(store: Shared) {
    for kind in HeldKind::ALL {
        let whole = HeldToken { kind: *kind, ..held_token() };
        let bare = HeldToken {
            kind: *kind,
            subject: None,
            token_type: None,
            expires_at: Timestamp::NEVER,
            metadata: Rest::new(),
            rest: Rest::new(),
            ..held_token()
        };
        done(&store, vec![insert_held_token(&whole), insert_held_token(&bare)]).await;
        assert_eq!(store.held_token(whole.key).await.unwrap(), Some(whole));
        assert_eq!(store.held_token(bare.key).await.unwrap(), Some(bare));
    }
    assert_eq!(store.held_token(Digest16(distinct())).await.unwrap(), None);
}

pub async fn held_claims_read_back(store: Shared) {
    let whole = held_claims();
    let bare = HeldClaims {
        id_token: None,
        id_token_at: None,
        claims: None,
        claims_at: None,
        rest: Rest::new(),
        ..held_claims()
    };
    let empty = HeldClaims { claims: Some(Rest::new()), id_token: Some(vec![]), ..held_claims() };
    for claims in [whole, bare, empty] {
        done(&store, vec![Change::Insert(Editable::HeldClaims(Box::new(claims.clone())))]).await;
        assert_eq!(store.held_claims(claims.key()).await.unwrap(), Some(claims));
    }
    assert_eq!(store.held_claims(Digest16(distinct())).await.unwrap(), None);
}

pub async fn held_tokens_are_listed_by_whose_they_are(store: Shared) {
    let person = subject().to_string();
    let of_person = || HeldToken { subject: Some(person.clone()), ..held_token() };
    let mut own: Vec<_> = (0..3).map(|_| of_person()).collect();
    own.sort_by_key(|token| token.key);
    let refresh = HeldToken { kind: HeldKind::Refresh, ..of_person() };
    let elsewhere = HeldToken { issuer: "https://another.example".to_owned(), ..of_person() };
    // A client that has the name of the person is not the person.
    let of_client = HeldToken { subject: None, client_id: person.clone(), ..held_token() };
    let others = [&refresh, &elsewhere, &of_client, &held_token()].map(insert_held_token);
    done(&store, own.iter().map(insert_held_token).chain(others).collect()).await;

    let (who, access) = (Holder::Subject(&person), HeldKind::Access);
    assert_eq!(tokens_of(&store, who, access, HeldPage::first(2)).await, own[..2]);
    assert_eq!(tokens_of(&store, who, access, HeldPage { after: Some(own[1].key), limit: 9 }).await, own[2..]);
    assert_eq!(tokens_of(&store, who, HeldKind::Refresh, HeldPage::first(9)).await, [refresh]);
    assert_eq!(tokens_of(&store, Holder::Client(&person), access, HeldPage::first(9)).await, [of_client]);
    assert_eq!(tokens_of(&store, Holder::Client("nobody"), access, HeldPage::first(9)).await, []);
}

pub async fn a_held_token_may_turn_out_to_be_about_a_person(store: Shared) {
    let token = HeldToken { subject: None, ..held_token() };
    done(&store, vec![insert_held_token(&token)]).await;
    let known = HeldToken { subject: Some("somebody".to_owned()), updated_at: later(5), ..token.clone() };
    done(&store, vec![replace(&known, 0)]).await;
    conflict(&store, replace(&token, 0)).await;
    let known = HeldToken { revision: 1, ..known };
    let (access, page) = (HeldKind::Access, HeldPage::first(9));
    assert_eq!(tokens_of(&store, Holder::Subject("somebody"), access, page).await, [known]);
    assert_eq!(tokens_of(&store, Holder::Client(&token.client_id), access, page).await, []);
}

pub async fn a_refresh_token_is_replaced_whole_or_not_at_all(store: Shared) {
    let old = HeldToken { kind: HeldKind::Refresh, ..held_token() };
    let [one, other] = [(); 2].map(|()| HeldToken { key: Digest16(distinct()), ..old.clone() });
    done(&store, vec![insert_held_token(&old)]).await;
    // The new one comes first: after a lost acknowledgement it tells who won.
    done(&store, vec![insert_held_token(&one), remove(&old, 0)]).await;
    assert_eq!(commit(&store, vec![insert_held_token(&other), remove(&old, 0)]).await, crate::Commit::Conflict(1));
    assert_eq!(store.held_token(old.key).await.unwrap(), None);
    assert_eq!(store.held_token(other.key).await.unwrap(), None, "what lost leaves nothing behind");
    assert_eq!(store.held_token(one.key).await.unwrap(), Some(one));
}

pub async fn what_is_held_is_replaced_and_removed_at_the_revision_seen(store: Shared) {
    let claims = held_claims();
    let record = |claims: &HeldClaims| Editable::HeldClaims(Box::new(claims.clone()));
    done(&store, vec![Change::Insert(record(&claims))]).await;
    conflict(&store, Change::Insert(record(&claims))).await;
    let newer = HeldClaims { claims: None, id_token_at: Some(later(7)), ..claims.clone() };
    conflict(&store, Change::Replace { record: record(&newer), if_revision: 1 }).await;
    done(&store, vec![Change::Replace { record: record(&newer), if_revision: 0 }]).await;
    assert_eq!(store.held_claims(claims.key()).await.unwrap(), Some(HeldClaims { revision: 1, ..newer }));
    let key = EditableKey::HeldClaims(claims.key());
    conflict(&store, Change::Remove { key, if_revision: 0 }).await;
    done(&store, vec![Change::Remove { key, if_revision: 1 }]).await;
    assert_eq!(store.held_claims(claims.key()).await.unwrap(), None);

    let token = held_token();
    done(&store, vec![insert_held_token(&token)]).await;
    conflict(&store, insert_held_token(&token)).await;
    conflict(&store, remove(&token, 1)).await;
    done(&store, vec![remove(&token, 0)]).await;
    conflict(&store, remove(&token, 0)).await;
}

pub async fn who_renews_is_one_at_a_time_and_another_takes_over_from_the_dead(store: Shared) {
    let [first, second] = [(); 2].map(|()| id());
    let digest = Digest16(distinct());
    let lease = |id, now: i64| {
        let expires_at = later(now + 30);
        Change::TakeName { name: Name { namespace: Namespace::Renewal, digest, id, expires_at }, now: later(now) }
    };
    done(&store, vec![lease(first, 0)]).await;
    conflict(&store, lease(second, 29)).await;
    // Who is alive goes on; who is not says nothing, and its time ends.
    done(&store, vec![lease(first, 20)]).await;
    conflict(&store, lease(second, 49)).await;
    done(&store, vec![lease(second, 50)]).await;
    conflict(&store, lease(first, 51)).await;
    // The first, awake again, gives back what is no more its own.
    done(&store, vec![Change::ReleaseName { namespace: Namespace::Renewal, digest, id: first }]).await;
    conflict(&store, lease(first, 52)).await;
    done(&store, vec![Change::ReleaseName { namespace: Namespace::Renewal, digest, id: second }]).await;
    done(&store, vec![lease(first, 53)]).await;
}

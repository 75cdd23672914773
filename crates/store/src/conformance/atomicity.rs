//! All or nothing.

use super::fixtures::*;
use crate::record::{EpochKey, Epochs, FlowState, Name, Namespace, RevokeReason};
use crate::{Change, Commit, Editable, EditableKey};
use firman_proto::time::Timestamp;

pub async fn a_conflict_undoes_what_came_before_it(store: Shared) {
    let (client, account, session, flow, grant) = (client(), account(), session(), flow(), grant());
    let name = Name {
        namespace: Namespace::Username,
        digest: Name::digest(ISSUER, Namespace::Username, "x"),
        id: account.id,
        expires_at: Timestamp::NEVER,
    };
    let event = event(grant.id);
    done(&store, vec![insert_grant(&grant), insert_flow(&flow), Change::InsertSession(Box::new(session.clone()))])
        .await;
    let other_client = super::fixtures::client();
    let outcome = commit(
        &store,
        vec![
            insert_client(&client),
            insert_account(&account),
            Change::TakeName { name, now: NOW },
            claim(&flow, NOW),
            Change::Rotate(Box::new(rotation(&grant, 0, NOW))),
            Change::RevokeGrant { id: grant.id, reason: RevokeReason::Operator, now: NOW },
            Change::EndSession { id: session.id, now: NOW },
            Change::AdvanceEpoch(EpochKey::Everything),
            Change::Append(Box::new(event.clone())),
            insert_client(&other_client),
            Change::Remove { key: EditableKey::Client(client.id), if_revision: 0 },
            Change::Replace { record: Editable::Account(Box::new(account.clone())), if_revision: 7 },
        ],
    )
    .await;
    assert_eq!(outcome, Commit::Conflict(11));
    assert_eq!(store.client_by_id(client.id).await.unwrap(), None);
    assert_eq!(store.client_by_id(other_client.id).await.unwrap(), None);
    assert_eq!(store.account(account.id).await.unwrap(), None);
    assert_eq!(store.account_by_name(Namespace::Username, name.digest, NOW).await.unwrap(), None);
    assert_eq!(store.flow(flow.id).await.unwrap().unwrap().record.state, FlowState::Ready);
    assert_eq!(store.grant(grant.id, None).await.unwrap().unwrap().record, grant);
    assert_eq!(store.session(session.id, None).await.unwrap().unwrap().session, session);
    assert_eq!(store.epochs(None, None).await.unwrap(), Epochs::default());
    assert_eq!(store.events(Some(grant.id), crate::Page::first(1)).await.unwrap(), vec![]);
    done(&store, vec![Change::TakeName { name: Name { id: id(), ..name }, now: NOW }]).await;
}

pub async fn a_conflict_names_its_place(store: Shared) {
    let flow = flow();
    done(&store, vec![insert_flow(&flow)]).await;
    let claim = claim(&flow, flow.expires_at);
    for place in 0..3 {
        let mut changes: Vec<_> = (0..3).map(|_| insert_grant(&grant())).collect();
        changes.insert(place, claim.clone());
        assert_eq!(commit(&store, changes).await, Commit::Conflict(place));
    }
}

pub async fn a_transaction_sees_its_own_changes(store: Shared) {
    let (flow, grant) = (flow(), grant());
    done(
        &store,
        vec![
            insert_flow(&flow),
            claim(&flow, NOW),
            insert_grant(&grant),
            Change::Rotate(Box::new(rotation(&grant, 0, NOW))),
            Change::Rotate(Box::new(rotation(&grant, 1, NOW))),
        ],
    )
    .await;
    assert_eq!(store.grant(grant.id, None).await.unwrap().unwrap().record.refresh.unwrap().generation, 2);
    let twice = vec![insert_grant(&super::fixtures::grant()), insert_flow(&flow)];
    assert_eq!(commit(&store, twice).await, Commit::Conflict(1));
}

pub async fn an_empty_transaction_is_done(store: Shared) {
    done(&store, vec![]).await;
}

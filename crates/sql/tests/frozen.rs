//! Every schema that was ever released is opened on every engine, brought up to date, and has every record in it; and what its
//! program writes, while a later one serves too, is found.
//!
//! `examples/freeze.rs` makes the fixtures. A version is added when the next migration is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod engines;

use std::sync::Arc;

use engines::thaw;
use firman_proto::digest::Digest16;
use firman_sql::{Options, SqlStore};
use firman_store::conformance::fixtures::*;
use firman_store::record::{
    Account, Delivery, DeliveryState, EpochKey, Flow, FlowState, Grant, Namespace, Resource, TokenTrace,
};
use firman_store::{Change, Commit, Editable, Page, Store};

/// Every frozen version: the database, and what was written to it.
const FROZEN: &[(i64, &str, &str)] = &[
    (1, include_str!("fixtures/1.sql"), include_str!("fixtures/1.json")),
    (2, include_str!("fixtures/2.sql"), include_str!("fixtures/2.json")),
    (3, include_str!("fixtures/3.sql"), include_str!("fixtures/3.json")),
];

#[tokio::test]
async fn every_frozen_schema_is_brought_up_to_date_and_has_every_record_as_it_was() {
    for (version, sql, json) in FROZEN {
        for place in thaw::as_it_was(*version, sql).await {
            let options = &place.options;
            let before = SqlStore::migrations(options).await.unwrap();
            assert_eq!(before.applied.last().unwrap().version, *version, "{options:?}");
            let after = SqlStore::migrate(options).await.unwrap();
            assert_eq!((after.applied.last().unwrap().version, after.pending.len()), (after.known, 0));
            assert_eq!(after.applied[..before.applied.len()], before.applied[..]);
            must_have_everything(options, *version, json).await;
        }
    }
}

/// Two programs of versions that follow each other serve one database.
#[tokio::test]
async fn what_a_program_of_an_earlier_version_writes_into_todays_schema_is_found() {
    for (version, sql, json) in FROZEN {
        for place in thaw::beside_what_is_new(sql).await {
            must_have_everything(&place.options, *version, json).await;
        }
    }
}

async fn must_have_everything(options: &Options, version: i64, json: &str) {
    let store = SqlStore::open(options.clone()).await.unwrap();
    let changes: Vec<Change> = serde_json::from_str(json).unwrap();
    for change in &changes {
        must_show(&store, change, &changes).await;
    }
    let stats = store.stats().await.unwrap();
    let tables = [
        stats.clients,
        stats.flows,
        stats.grants,
        stats.epochs,
        stats.revoked_tokens,
        stats.names,
        stats.sessions,
        stats.consents,
        stats.accounts,
        stats.signing_keys,
        stats.seal_keys,
        stats.deployment,
        stats.events,
    ];
    assert!(tables.iter().all(|rows| *rows > 0), "a row in every table: {stats:?}");
    assert!(version < 2 || (stats.once > 0 && stats.resources > 0), "a row in every table: {stats:?}");
    let third = [stats.deliveries, stats.session_clients, stats.held_tokens, stats.held_claims];
    assert!(version < 3 || third.iter().all(|rows| *rows > 0), "a row in every table: {stats:?}");
    must_go_on(store, &changes).await;
}

/// What a change left behind is there.
async fn must_show(store: &SqlStore, change: &Change, all: &[Change]) {
    match change {
        Change::Insert(record) => must_show_editable(store, record, all).await,
        Change::TakeName { name, now } => {
            assert_eq!(store.name(name.namespace, name.digest).await.unwrap(), Some(*name));
            if name.namespace == Namespace::Username {
                let found = store.account_by_name(name.namespace, name.digest, *now).await.unwrap().unwrap();
                assert_eq!(found.id, name.id);
            }
        }
        Change::InsertFlow(flow) => {
            let mut found = store.flow(flow.id).await.unwrap().unwrap().record;
            if claimed(all, flow.id) {
                assert_eq!(found.state, FlowState::Done { at: NOW });
                found.state = FlowState::Ready;
            }
            assert_eq!(found, answered(flow, all));
        }
        Change::InsertOnce(_) => {
            let again = vec![change.clone()];
            assert_eq!(store.commit(transaction(again)).await.unwrap(), Commit::Conflict(0));
        }
        Change::InsertGrant(grant) => {
            let found = store.grant(grant.id, None).await.unwrap().unwrap().record;
            assert_eq!(found, after(grant, all));
        }
        Change::RevokeToken(token) => {
            let trace = TokenTrace { day: token.day, digests: vec![Digest16([1; 16]), token.digest] };
            assert!(store.grant(token.grant, Some(trace)).await.unwrap().unwrap().token_revoked);
        }
        Change::InsertSession(session) => {
            assert_eq!(store.session(session.id, None).await.unwrap().unwrap().session, **session);
        }
        Change::Append(event) => {
            assert_eq!(store.events(Some(event.about), Page::first(9)).await.unwrap(), vec![(**event).clone()]);
        }
        Change::AdvanceEpoch(key) => {
            let count = all.iter().filter(|other| matches!(other, Change::AdvanceEpoch(same) if same == key)).count();
            let client = if let EpochKey::Client(id) = key { Some(*id) } else { None };
            let epochs = store.epochs(client, None).await.unwrap();
            assert_eq!(if client.is_some() { epochs.client } else { epochs.everything }, count as u64);
        }
        Change::JoinSession { session, client, expires_at } => {
            assert_eq!(store.session_clients(*session, *expires_at).await.unwrap(), [*client]);
        }
        Change::InsertDelivery(delivery) => {
            let found = store.delivery(delivery.id).await.unwrap().unwrap();
            assert_eq!(found, tried(delivery, all));
        }
        Change::ClaimFlow { .. }
        | Change::ApproveFlow(_)
        | Change::CountAttempt { .. }
        | Change::TouchGrant { .. }
        | Change::TakeDelivery { .. }
        | Change::FinishDelivery(_)
        | Change::DenyFlow { .. }
        | Change::RevokeFlow { .. }
        | Change::Rotate(_)
        | Change::RevokeGrant { .. } => {}
        other => panic!("say what {other:?} leaves behind"),
    }
}

async fn must_show_editable(store: &SqlStore, record: &Editable, all: &[Change]) {
    let keys = store.keys().await.unwrap();
    match record {
        Editable::Client(client) => assert_eq!(*store.client_by_id(client.id).await.unwrap().unwrap(), **client),
        Editable::Account(account) => {
            let attempts = all.iter().find_map(|change| match change {
                Change::CountAttempt { id, to, .. } if *id == account.id => Some(*to),
                _ => None,
            });
            let expected = Account { attempts: attempts.unwrap_or(account.attempts), ..Account::clone(account) };
            assert_eq!(store.account(account.id).await.unwrap().unwrap(), expected);
        }
        Editable::Consent(consent) => {
            let session = all.iter().find_map(|change| match change {
                Change::InsertSession(session) => Some(session.id),
                _ => None,
            });
            let signed_in = store.session(session.unwrap(), Some(consent.client)).await.unwrap().unwrap();
            assert_eq!(signed_in.consent.as_ref(), Some(&**consent));
        }
        Editable::Resource(resource) => {
            let found = store.resource(Resource::key(resource.issuer, &resource.identifier)).await.unwrap();
            assert_eq!(*found.unwrap(), **resource);
        }
        Editable::HeldToken(token) => {
            assert_eq!(store.held_token(token.key).await.unwrap().as_ref(), Some(&**token));
        }
        Editable::HeldClaims(claims) => {
            assert_eq!(store.held_claims(claims.key()).await.unwrap().as_ref(), Some(&**claims));
        }
        Editable::SigningKey(key) => assert_eq!(keys.signing, vec![(**key).clone()]),
        Editable::SealKey(key) => assert_eq!(keys.seal, vec![(**key).clone()]),
        Editable::Deployment(deployment) => assert_eq!(keys.deployment, Some(*deployment)),
    }
}

fn claimed(all: &[Change], id: firman_proto::id::RecordId) -> bool {
    all.iter().any(|change| matches!(change, Change::ClaimFlow { id: flow, .. } if *flow == id))
}

/// A flow after somebody answered it, if somebody did.
fn answered(flow: &Flow, all: &[Change]) -> Flow {
    let mut flow = flow.clone();
    for change in all {
        match change {
            Change::ApproveFlow(approved) if approved.id == flow.id => {
                (flow.state, flow.approval) = (FlowState::Ready, Some(approved.approval.clone()));
                flow.expires_at = approved.expires_at;
                flow.upstream = approved.upstream.clone().or(flow.upstream);
            }
            Change::DenyFlow { id, failure, .. } if *id == flow.id => {
                flow.state = failure.map_or(FlowState::Denied, FlowState::Failed);
            }
            Change::RevokeFlow { id } if *id == flow.id => flow.state = FlowState::Revoked,
            _ => {}
        }
    }
    flow
}

/// A grant after everything that was done to it.
fn after(grant: &Grant, all: &[Change]) -> Grant {
    let mut grant = grant.clone();
    for change in all {
        match change {
            Change::Rotate(rotation) if rotation.id == grant.id => {
                let refresh = grant.refresh.as_mut().unwrap();
                let before = std::mem::replace(&mut refresh.current, rotation.to.clone());
                refresh.earlier = refresh.before.replace(before);
                refresh.generation += 1;
                (refresh.seal_key, refresh.last_access) = (rotation.seal_key, rotation.last_access);
            }
            Change::TouchGrant { id, now } if *id == grant.id => grant.last_used_at = Some(*now),
            Change::RevokeGrant { id, reason, now } if *id == grant.id => {
                (grant.reason, grant.revoked_at) = (Some(*reason), Some(*now));
            }
            _ => {}
        }
    }
    grant
}

/// A delivery after everything that became of it.
fn tried(delivery: &Delivery, all: &[Change]) -> Delivery {
    let mut delivery = delivery.clone();
    for change in all {
        match change {
            Change::TakeDelivery { id, until, .. } if *id == delivery.id => {
                delivery.attempts += 1;
                delivery.state = DeliveryState::Due { at: *until };
            }
            Change::FinishDelivery(fate) if fate.id == delivery.id => {
                (delivery.state, delivery.error) = (fate.state, fate.error.clone());
                delivery.sealed.clear();
            }
            _ => {}
        }
    }
    delivery
}

/// What was begun under the old schema goes on.
async fn must_go_on(store: Arc<SqlStore>, changes: &[Change]) {
    let shared: Shared = store;
    let rotated = changes.iter().find_map(|change| match change {
        Change::Rotate(rotation) => Some(rotation.id),
        _ => None,
    });
    let grant = shared.grant(rotated.unwrap(), None).await.unwrap().unwrap().record;
    let generation = grant.refresh.as_ref().unwrap().generation;
    done(&shared, vec![Change::Rotate(Box::new(rotation(&grant, generation, later(9))))]).await;
    let ready = changes.iter().find_map(|change| match change {
        Change::InsertFlow(flow) if flow.state == FlowState::Ready && !claimed(changes, flow.id) => Some(flow.id),
        _ => None,
    });
    done(&shared, vec![Change::ClaimFlow { id: ready.unwrap(), session: None, now: NOW }, insert_client(&client())])
        .await;
}

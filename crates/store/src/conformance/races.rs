//! Of any number of rivals exactly one wins, and the losers know it.

use std::sync::Arc;

use firman_proto::digest::Digest16;
use tokio::task::JoinSet;

use super::fixtures::*;
use super::held::{held_token, insert_held_token};
use crate::record::{EpochKey, FlowRequest, FlowState, Grant, HeldToken, Name, Namespace, RevokeReason};
use crate::{Change, Commit, Cutoffs, EditableKey, HeldPage};

const RIVALS: usize = 64;

/// Commits these at once, each on its own, and counts the winners.
async fn race(store: &Shared, rivals: impl IntoIterator<Item = Vec<Change>>) -> usize {
    let mut tasks = JoinSet::new();
    for changes in rivals {
        let store = Arc::clone(store);
        tasks.spawn(async move { commit(&store, changes).await });
    }
    tasks.join_all().await.into_iter().filter(|outcome| *outcome == Commit::Done).count()
}

pub async fn of_64_claims_one_wins(store: Shared) {
    for _ in 0..4 {
        let flow = flow();
        done(&store, vec![insert_flow(&flow)]).await;
        // As the engine does it: the claim decides, the grant of the same id and the event follow.
        let rivals = (0..RIVALS).map(|_| {
            let grant = Grant { id: flow.id, ..grant() };
            let event = Change::Append(Box::new(event(flow.id)));
            vec![claim(&flow, NOW), insert_grant(&grant), event]
        });
        assert_eq!(race(&store, rivals).await, 1);
        assert!(store.grant(flow.id, None).await.unwrap().is_some());
        assert_eq!(store.events(Some(flow.id), crate::Page::first(100)).await.unwrap().len(), 1);
    }
}

pub async fn of_64_claims_those_of_an_ended_session_lose(store: Shared) {
    let sessions = [session(), session()];
    done(&store, sessions.iter().map(|session| Change::InsertSession(Box::new(session.clone()))).collect()).await;
    done(&store, vec![Change::EndSession { id: sessions[0].id, now: NOW }]).await;
    let ways = [Some(sessions[0].id), Some(sessions[1].id), None, Some(sessions[0].id)];
    let flows: Vec<_> = ways.into_iter().cycle().take(RIVALS).map(|session| (flow(), session)).collect();
    done(&store, flows.iter().map(|(flow, _)| insert_flow(flow)).collect()).await;
    let claims = flows.iter().map(|(flow, session)| {
        let claim = Change::ClaimFlow { id: flow.id, session: *session, now: NOW };
        vec![claim, insert_grant(&Grant { id: flow.id, ..grant() })]
    });
    assert_eq!(race(&store, claims).await, RIVALS / 2);
    for (flow, session) in flows {
        let made = store.grant(flow.id, None).await.unwrap().is_some();
        assert_eq!(made, session != Some(sessions[0].id));
    }
}

pub async fn of_64_rotations_one_wins(store: Shared) {
    let grant = grant();
    done(&store, vec![insert_grant(&grant)]).await;
    for generation in 0..4 {
        let rivals = (0..RIVALS).map(|_| vec![Change::Rotate(Box::new(rotation(&grant, generation, NOW)))]);
        assert_eq!(race(&store, rivals).await, 1);
        let now = store.grant(grant.id, None).await.unwrap().unwrap().record.refresh.unwrap();
        assert_eq!(now.generation, generation + 1);
    }
}

pub async fn of_64_inserts_one_wins(store: Shared) {
    let grant = grant();
    assert_eq!(race(&store, (0..RIVALS).map(|_| vec![insert_grant(&grant)])).await, 1);
    let client = client();
    let rivals = (0..RIVALS).map(|_| {
        let rival = crate::record::Client { client_id: client.client_id.clone(), ..super::fixtures::client() };
        vec![insert_client(&rival)]
    });
    assert_eq!(race(&store, rivals).await, 1);
}

pub async fn of_64_takers_of_a_name_one_wins(store: Shared) {
    let name = |expires_at| Name {
        namespace: Namespace::Username,
        digest: Name::digest(ISSUER, Namespace::Username, "wanted"),
        id: id(),
        expires_at,
    };
    let rivals = (0..RIVALS).map(|_| vec![Change::TakeName { name: name(later(10)), now: NOW }]);
    assert_eq!(race(&store, rivals).await, 1);
    let rivals = (0..RIVALS).map(|_| vec![Change::TakeName { name: name(later(20)), now: later(10) }]);
    assert_eq!(race(&store, rivals).await, 1);
}

pub async fn of_64_answers_one_wins(store: Shared) {
    for _ in 0..4 {
        let flow = pending(FlowRequest::Device(polled()));
        done(&store, vec![insert_flow(&flow)]).await;
        let rivals = (0..RIVALS).map(|rival| {
            let no = Change::DenyFlow { id: flow.id, failure: None, now: NOW };
            vec![if rival % 2 == 0 { approve(&flow, &approval(), NOW) } else { no }]
        });
        assert_eq!(race(&store, rivals).await, 1);
        let state = store.flow(flow.id).await.unwrap().unwrap().record.state;
        assert!(matches!(state, FlowState::Ready | FlowState::Denied));
    }
}

pub async fn of_64_polls_one_wins(store: Shared) {
    let flow = pending(FlowRequest::Device(polled()));
    done(&store, vec![insert_flow(&flow)]).await;
    let mut seen = None;
    for step in 1..5 {
        let interval = firman_proto::time::Lifetime::from_seconds(5);
        let poll = |_| vec![Change::PollFlow { id: flow.id, seen, interval, now: later(step) }];
        assert_eq!(race(&store, (0..RIVALS).map(poll)).await, 1);
        seen = Some(later(step));
    }
}

pub async fn of_64_presentations_one_wins(store: Shared) {
    for _ in 0..4 {
        let seen = once();
        assert_eq!(race(&store, (0..RIVALS).map(|_| vec![Change::InsertOnce(seen)])).await, 1);
        // With something that decides before it.
        let seen = once();
        assert_eq!(race(&store, (0..RIVALS).map(|_| vec![insert_grant(&grant()), Change::InsertOnce(seen)])).await, 1);
    }
}

pub async fn of_64_workers_one_takes_a_delivery(store: Shared) {
    let delivery = delivery_due(NOW);
    done(&store, vec![insert_delivery(&delivery)]).await;
    for seen in 0..4 {
        let take = |_| vec![Change::TakeDelivery { id: delivery.id, seen, until: later(9) }];
        assert_eq!(race(&store, (0..RIVALS).map(take)).await, 1);
    }
}

pub async fn of_64_renewals_of_a_held_token_one_wins(store: Shared) {
    let old = held_token();
    done(&store, vec![insert_held_token(&old)]).await;
    let renewed: Vec<_> = (0..RIVALS).map(|_| HeldToken { key: Digest16(distinct()), ..old.clone() }).collect();
    let remove = Change::Remove { key: EditableKey::HeldToken(old.key), if_revision: 0 };
    let rivals = renewed.iter().map(|token| vec![insert_held_token(token), remove.clone()]);
    assert_eq!(race(&store, rivals).await, 1);
    let left = store.held_tokens(old.holder(), old.kind, HeldPage::first(99)).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(renewed.contains(&left[0]));
}

pub async fn epochs_advanced_at_once_all_count(store: Shared) {
    let rivals = (0..RIVALS).map(|_| vec![Change::AdvanceEpoch(EpochKey::Everything)]);
    assert_eq!(race(&store, rivals).await, RIVALS);
    assert_eq!(store.epochs(None, None).await.unwrap().everything, RIVALS as u64);
}

pub async fn revoking_beats_rotating_or_comes_after_it(store: Shared) {
    for _ in 0..16 {
        let grant = grant();
        done(&store, vec![insert_grant(&grant)]).await;
        let rotate = |from| vec![Change::Rotate(Box::new(rotation(&grant, from, NOW)))];
        let revoke = vec![Change::RevokeGrant { id: grant.id, reason: RevokeReason::Client, now: NOW }];
        let rivals = (0..8).map(|_| rotate(0)).chain([revoke]).chain((0..8).map(|_| rotate(0)));
        let won = race(&store, rivals).await;
        let left = store.grant(grant.id, None).await.unwrap().unwrap().record;
        assert_eq!(left.reason, Some(RevokeReason::Client));
        assert_eq!(left.refresh.unwrap().generation, won as u64 - 1);
        assert_eq!(commit(&store, rotate(1)).await, Commit::Conflict(0));
    }
}

pub async fn sweeping_never_takes_a_live_code(store: Shared) {
    let flows: Vec<_> = (0..RIVALS).map(|_| flow()).collect();
    done(&store, flows.iter().map(insert_flow).collect()).await;
    let sweeper = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..16 {
                store.sweep(Cutoffs::all(NOW), 1000).await.unwrap();
            }
        })
    };
    let claims = flows.iter().map(|flow| vec![claim(flow, NOW)]);
    assert_eq!(race(&store, claims).await, RIVALS);
    sweeper.await.unwrap();
    for flow in flows {
        assert_eq!(store.flow(flow.id).await.unwrap().unwrap().record.state, FlowState::Done { at: NOW });
    }
}

pub async fn many_commits_at_once_each_win_or_lose_on_their_own(store: Shared) {
    let grants: Vec<_> = (0..200).map(|_| grant()).collect();
    let taken: Vec<_> = grants.iter().step_by(2).collect();
    done(&store, taken.iter().map(|grant| insert_grant(grant)).collect()).await;
    // Every second commit must lose at its second change, after its first was made.
    let mut tasks = JoinSet::new();
    for (position, grant) in grants.iter().enumerate() {
        let (store, own, shared) = (Arc::clone(&store), super::fixtures::grant(), grant.clone());
        tasks.spawn(async move {
            let outcome = commit(&store, vec![insert_grant(&own), insert_grant(&shared)]).await;
            let expected = if position % 2 == 0 { Commit::Conflict(1) } else { Commit::Done };
            assert_eq!(outcome, expected);
            assert_eq!(store.grant(own.id, None).await.unwrap().is_some(), outcome == Commit::Done);
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    for grant in &grants {
        assert!(store.grant(grant.id, None).await.unwrap().is_some());
    }
}

pub async fn a_reader_sees_all_of_a_commit_or_nothing(store: Shared) {
    for _ in 0..50 {
        let (client, subject) = (id(), subject());
        let pair: Vec<_> = (0..2).map(|_| insert_grant(&grant_of(client, &subject))).collect();
        let reader = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..20 {
                    let seen =
                        store.grants(crate::GrantsOf::Client(client), crate::Page::first(9)).await.unwrap().len();
                    assert!(seen == 0 || seen == 2, "saw {seen} of 2");
                }
            })
        };
        done(&store, pair).await;
        // What was acknowledged before a read began is in it.
        assert_eq!(store.grants(crate::GrantsOf::Client(client), crate::Page::first(9)).await.unwrap().len(), 2);
        reader.await.unwrap();
    }
}

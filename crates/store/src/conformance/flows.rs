//! A code is redeemed once.

use super::fixtures::*;
use crate::record::{Flow, FlowFailure, FlowRequest, FlowState, PolledRequest, Session};
use crate::{Change, Store};
use firman_proto::time::{Lifetime, Timestamp};

async fn read(store: &dyn Store, flow: &Flow) -> Flow {
    store.flow(flow.id).await.unwrap().unwrap().record
}

fn miss(flow: &Flow, seen: u32) -> Change {
    Change::CountMiss { id: flow.id, seen, limit: 3 }
}

pub async fn a_code_is_claimed_once(store: Shared) {
    let flow = flow();
    conflict(&store, claim(&flow, NOW)).await;
    done(&store, vec![insert_flow(&flow)]).await;
    done(&store, vec![claim(&flow, later(1))]).await;
    conflict(&store, claim(&flow, later(2))).await;
    assert_eq!(read(&*store, &flow).await.state, FlowState::Done { at: later(1) });
}

pub async fn an_expired_code_is_not_claimed(store: Shared) {
    let flow = flow();
    done(&store, vec![insert_flow(&flow)]).await;
    conflict(&store, claim(&flow, flow.expires_at)).await;
    assert_eq!(read(&*store, &flow).await.state, FlowState::Ready);
}

pub async fn a_code_of_an_ended_session_is_not_claimed(store: Shared) {
    let (ended, lives, absent) = (session(), session(), id());
    let insert = |session: &Session| Change::InsertSession(Box::new(session.clone()));
    done(&store, vec![insert(&ended), insert(&lives)]).await;
    done(&store, vec![Change::EndSession { id: ended.id, now: later(1) }]).await;
    for session in [Some(ended.id), Some(lives.id), Some(absent), None] {
        let flow = flow();
        let claim = Change::ClaimFlow { id: flow.id, session, now: later(1) };
        done(&store, vec![insert_flow(&flow)]).await;
        if session == Some(ended.id) {
            conflict(&store, claim).await;
            assert_eq!(read(&*store, &flow).await.state, FlowState::Ready);
        } else {
            done(&store, vec![claim]).await;
        }
    }
}

pub async fn misses_are_counted_and_burn_the_code(store: Shared) {
    let flow = flow();
    done(&store, vec![insert_flow(&flow)]).await;
    for seen in 0..3 {
        assert_eq!(read(&*store, &flow).await.state, FlowState::Ready);
        done(&store, vec![miss(&flow, seen)]).await;
    }
    let burnt = read(&*store, &flow).await;
    assert_eq!((burnt.state, burnt.misses), (FlowState::Failed(FlowFailure::Misses), 3));
    conflict(&store, claim(&flow, NOW)).await;
    conflict(&store, miss(&flow, 3)).await;
}

pub async fn a_miss_nobody_saw_is_not_counted(store: Shared) {
    let flow = flow();
    done(&store, vec![insert_flow(&flow)]).await;
    conflict(&store, miss(&flow, 1)).await;
    done(&store, vec![miss(&flow, 0)]).await;
    conflict(&store, miss(&flow, 0)).await;
    assert_eq!(read(&*store, &flow).await.misses, 1);
}

pub async fn a_claimed_code_has_no_misses(store: Shared) {
    let flow = flow();
    done(&store, vec![insert_flow(&flow), claim(&flow, NOW)]).await;
    conflict(&store, miss(&flow, 0)).await;
}

/// Every kind of flow that waits for an answer.
fn waiting() -> [Flow; 3] {
    [FlowRequest::Pushed(request()), FlowRequest::Device(polled()), FlowRequest::Backchannel(polled())].map(pending)
}

pub async fn an_approved_flow_is_claimed_once(store: Shared) {
    for flow in waiting() {
        let approval = approval();
        done(&store, vec![insert_flow(&flow)]).await;
        conflict(&store, claim(&flow, NOW)).await;
        done(&store, vec![approve(&flow, &approval, later(1))]).await;
        let expected =
            Flow { approval: Some(approval), state: FlowState::Ready, expires_at: later(61), ..flow.clone() };
        assert_eq!(read(&*store, &flow).await, expected);
        done(&store, vec![claim(&flow, later(60))]).await;
        conflict(&store, claim(&flow, later(60))).await;
    }
}

pub async fn a_flow_is_answered_once(store: Shared) {
    let no = |flow: &Flow, failure| Change::DenyFlow { id: flow.id, failure, now: NOW };
    for (answer, state) in
        [(None, FlowState::Denied), (Some(FlowFailure::Unanswered), FlowState::Failed(FlowFailure::Unanswered))]
    {
        for flow in waiting() {
            done(&store, vec![insert_flow(&flow), no(&flow, answer)]).await;
            let expected = Flow { state, ..flow.clone() };
            assert_eq!(read(&*store, &flow).await, expected);
            conflict(&store, approve(&flow, &approval(), NOW)).await;
            conflict(&store, no(&flow, answer)).await;
            conflict(&store, claim(&flow, NOW)).await;
            assert_eq!(read(&*store, &flow).await, expected);
        }
    }
    for flow in waiting() {
        let approval = approval();
        done(&store, vec![insert_flow(&flow), approve(&flow, &approval, NOW)]).await;
        conflict(&store, no(&flow, None)).await;
        conflict(&store, approve(&flow, &super::fixtures::approval(), NOW)).await;
        assert_eq!(read(&*store, &flow).await.approval, Some(approval));
    }
}

pub async fn an_expired_flow_is_not_answered(store: Shared) {
    for flow in waiting() {
        done(&store, vec![insert_flow(&flow)]).await;
        conflict(&store, approve(&flow, &approval(), flow.expires_at)).await;
        conflict(&store, Change::DenyFlow { id: flow.id, failure: None, now: flow.expires_at }).await;
        assert_eq!(read(&*store, &flow).await, flow);
    }
}

fn poll(flow: &Flow, seen: Option<Timestamp>, now: Timestamp) -> Change {
    Change::PollFlow { id: flow.id, seen, interval: Lifetime::from_seconds(10), now }
}

pub async fn a_poll_counts_from_the_one_seen(store: Shared) {
    let flow = pending(FlowRequest::Device(polled()));
    conflict(&store, poll(&flow, None, NOW)).await;
    done(&store, vec![insert_flow(&flow)]).await;
    conflict(&store, poll(&flow, Some(NOW), NOW)).await;
    done(&store, vec![poll(&flow, None, later(1))]).await;
    conflict(&store, poll(&flow, None, later(2))).await;
    conflict(&store, poll(&flow, Some(NOW), later(2))).await;
    let request = PolledRequest { polled_at: Some(later(1)), interval: Lifetime::from_seconds(10), ..polled() };
    assert_eq!(read(&*store, &flow).await.request, FlowRequest::Device(request));
    done(&store, vec![poll(&flow, Some(later(1)), later(2))]).await;
}

pub async fn only_a_pending_flow_is_polled(store: Shared) {
    let (code, pushed) = (flow(), pending(FlowRequest::Pushed(request())));
    let [approved, denied] = [(); 2].map(|()| pending(FlowRequest::Device(polled())));
    let yes = approve(&approved, &approval(), NOW);
    let no = Change::DenyFlow { id: denied.id, failure: None, now: NOW };
    done(&store, [&code, &pushed, &approved, &denied].map(insert_flow).into()).await;
    done(&store, vec![yes, no]).await;
    for flow in [code, pushed, approved, denied] {
        conflict(&store, poll(&flow, None, NOW)).await;
    }
}

pub async fn a_withdrawn_flow_is_not_claimed(store: Shared) {
    let (ready, used, absent) = (flow(), flow(), flow());
    let [pending, denied] = [(); 2].map(|()| pending(FlowRequest::Device(polled())));
    done(&store, [&ready, &used, &pending, &denied].map(insert_flow).into()).await;
    done(&store, vec![claim(&used, NOW)]).await;
    done(&store, vec![Change::DenyFlow { id: denied.id, failure: None, now: NOW }]).await;
    done(&store, [&ready, &used, &pending, &denied, &absent].map(|flow| Change::RevokeFlow { id: flow.id }).into())
        .await;
    assert_eq!(read(&*store, &ready).await.state, FlowState::Revoked);
    assert_eq!(read(&*store, &pending).await.state, FlowState::Revoked);
    assert_eq!(read(&*store, &used).await.state, FlowState::Done { at: NOW });
    assert_eq!(read(&*store, &denied).await.state, FlowState::Denied);
    conflict(&store, claim(&ready, NOW)).await;
    conflict(&store, approve(&pending, &approval(), NOW)).await;
    assert_eq!(store.flow(absent.id).await.unwrap(), None);
}

pub async fn what_is_taken_once_is_refused_twice(store: Shared) {
    let seen = once();
    done(&store, vec![Change::InsertOnce(seen)]).await;
    conflict(&store, Change::InsertOnce(seen)).await;
    let other_namespace = crate::record::Once { namespace: crate::record::OnceNamespace::ClientAssertion, ..seen };
    done(&store, vec![Change::InsertOnce(other_namespace), Change::InsertOnce(once())]).await;
    // A replay takes back what would have come with it.
    let flow = flow();
    let outcome = commit(&store, vec![insert_flow(&flow), Change::InsertOnce(seen)]).await;
    assert_eq!(outcome, crate::Commit::Conflict(1));
    assert_eq!(store.flow(flow.id).await.unwrap(), None);
}

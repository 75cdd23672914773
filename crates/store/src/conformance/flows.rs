//! A code is redeemed once.

use super::fixtures::*;
use crate::record::{Flow, FlowState};
use crate::{Change, Store};

async fn read(store: &dyn Store, flow: &Flow) -> Flow {
    store.flow(flow.id).await.unwrap().unwrap().record
}

fn miss(flow: &Flow, seen: u32) -> Change {
    Change::CountMiss { id: flow.id, seen, limit: 3 }
}

pub async fn a_code_is_claimed_once(store: Shared) {
    let flow = flow();
    conflict(&store, Change::ClaimFlow { id: flow.id, now: NOW }).await;
    done(&store, vec![insert_flow(&flow)]).await;
    done(&store, vec![Change::ClaimFlow { id: flow.id, now: later(1) }]).await;
    conflict(&store, Change::ClaimFlow { id: flow.id, now: later(2) }).await;
    assert_eq!(read(&*store, &flow).await.state, FlowState::Done { at: later(1) });
}

pub async fn an_expired_code_is_not_claimed(store: Shared) {
    let flow = flow();
    done(&store, vec![insert_flow(&flow)]).await;
    conflict(&store, Change::ClaimFlow { id: flow.id, now: flow.expires_at }).await;
    assert_eq!(read(&*store, &flow).await.state, FlowState::Ready);
}

pub async fn misses_are_counted_and_burn_the_code(store: Shared) {
    let flow = flow();
    done(&store, vec![insert_flow(&flow)]).await;
    for seen in 0..3 {
        assert_eq!(read(&*store, &flow).await.state, FlowState::Ready);
        done(&store, vec![miss(&flow, seen)]).await;
    }
    let burnt = read(&*store, &flow).await;
    assert_eq!((burnt.state, burnt.misses), (FlowState::Failed, 3));
    conflict(&store, Change::ClaimFlow { id: flow.id, now: NOW }).await;
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
    done(&store, vec![insert_flow(&flow), Change::ClaimFlow { id: flow.id, now: NOW }]).await;
    conflict(&store, miss(&flow, 0)).await;
}

//! Who writes which commits, on which connection.
//!
//! A few at once go each on a connection of its own, written by whoever asks: nothing is won by waiting for others. When there
//! are more, they wait, and go together over a few connections, so that their batches are large. The first connections are
//! preferred: their server processes are warm. Those that could not connect come last.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firman_store::{CommitError, StoreError};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, timeout};

use super::begun::Begun;
use super::driver::Limits;
use super::member::{Member, next_batch, too_many};
use super::merge::Merger;
use super::wire::Connector;
use crate::driver::Written;
use crate::plan::Plan;

/// The most commits that wait; whoever comes then waits for a place, and not for long.
const LONGEST_QUEUE: usize = 1024;

/// So many commits at once are few.
const FEW: usize = 8;

/// Commits that wait, and connections that have nothing to do.
pub(super) struct Desk<C: Connector> {
    state: Mutex<State<C>>,
    places: Semaphore,
    all_done: Notify,
    connector: Arc<C>,
    limits: Limits,
}

struct State<C: Connector> {
    waiting: VecDeque<Member>,
    /// By whether their last attempt to connect failed, and number; those below [`Limits::writers`] write batches, too.
    idle: BTreeMap<(bool, usize), Merger<C>>,
    under_way: usize,
    closed: bool,
}

/// A connection that writes, for as long as it does.
struct Seat<C: Connector> {
    desk: Arc<Desk<C>>,
    number: usize,
    merger: Option<Merger<C>>,
    /// How many commits it writes. If it is dropped meanwhile, nobody knows what the connection is in the middle of.
    writes: usize,
    /// A runtime that ends drops what it is given without running it.
    has_run: bool,
}

impl<C: Connector> Desk<C> {
    pub(super) fn new(connector: &Arc<C>, limits: Limits) -> Self {
        let merger = |number| ((false, number), Merger::new(Arc::clone(connector), limits.answer, limits.turn));
        let idle = (0..limits.writers.max(FEW)).map(merger).collect();
        Self {
            state: Mutex::new(State { waiting: VecDeque::new(), idle, under_way: 0, closed: false }),
            places: Semaphore::new(LONGEST_QUEUE),
            all_done: Notify::new(),
            connector: Arc::clone(connector),
            limits,
        }
    }

    /// Writes a plan. Once begun it is finished, whether or not somebody waits for it.
    pub(super) async fn write(self: &Arc<Self>, plan: Plan) -> Result<Written, CommitError> {
        if let Some(seat) = self.seat_for_one() {
            return Begun::new(seat.write_one(plan)).await;
        }
        let answered = self.hand_in(plan).await.map_err(CommitError::NotApplied)?;
        answered.await.unwrap_or_else(|_| Err(CommitError::Unknown(gone())))
    }

    /// Takes nothing more, and waits until all is done.
    pub(super) async fn close(&self) {
        self.state().closed = true;
        self.places.close();
        loop {
            let done = self.all_done.notified();
            {
                let mut state = self.state();
                if state.under_way == 0 && state.waiting.is_empty() {
                    return state.idle.clear();
                }
            }
            done.await;
        }
    }

    fn seat_for_one(self: &Arc<Self>) -> Option<Seat<C>> {
        let mut state = self.state();
        if state.closed || !state.waiting.is_empty() || state.under_way >= FEW {
            return None;
        }
        let ((_, number), merger) = state.idle.pop_first()?;
        state.under_way += 1;
        Some(Seat { desk: Arc::clone(self), number, merger: Some(merger), writes: 1, has_run: false })
    }

    async fn hand_in(
        self: &Arc<Self>,
        plan: Plan,
    ) -> Result<oneshot::Receiver<Result<Written, CommitError>>, StoreError> {
        let since = Instant::now();
        let place = timeout(self.limits.turn, self.places.acquire()).await.map_err(|_| too_many())?;
        place.map_err(|_| closed())?.forget();
        let (answer, answered) = oneshot::channel();
        let mut state = self.state();
        if state.closed {
            return Err(closed());
        }
        state.waiting.push_back(Member { plan, answer, since });
        let seat = self.seat_for_batches(&mut state);
        drop(state);
        start(seat);
        Ok(answered)
    }

    /// A connection for batches that has nothing to do.
    fn seat_for_batches(self: &Arc<Self>, state: &mut State<C>) -> Option<Seat<C>> {
        let free = state.idle.keys().find(|(_, number)| *number < self.limits.writers).copied();
        let ((_, number), merger) = state.idle.remove_entry(&free?)?;
        Some(Seat { desk: Arc::clone(self), number, merger: Some(merger), writes: 0, has_run: false })
    }

    fn next_batch(&self) -> Vec<Member> {
        let mut state = self.state();
        let before = state.waiting.len();
        let batch = next_batch(&mut state.waiting, self.limits.batch, self.limits.turn);
        self.places.add_permits(before - state.waiting.len());
        state.under_way += batch.len();
        batch
    }

    fn done(&self, commits: usize) {
        let mut state = self.state();
        state.under_way -= commits.min(state.under_way);
        if state.under_way == 0 && state.closed {
            self.all_done.notify_waiters();
        }
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> Seat<C> {
    async fn write_one(mut self, plan: Plan) -> Result<Written, CommitError> {
        self.has_run = true;
        let Some(merger) = &mut self.merger else { return Err(CommitError::NotApplied(closed())) };
        let outcome = merger.run_one(&plan, Instant::now()).await;
        self.desk.done(std::mem::take(&mut self.writes));
        outcome
    }

    async fn write_batches(mut self) {
        self.has_run = true;
        let desk = Arc::clone(&self.desk);
        let Some(merger) = &mut self.merger else { return };
        loop {
            let batch = desk.next_batch();
            if batch.is_empty() {
                return;
            }
            self.writes = batch.len();
            merger.run(batch).await;
            desk.done(std::mem::take(&mut self.writes));
        }
    }
}

/// Gives the connection back, and sees to what has come meanwhile.
impl<C: Connector> Drop for Seat<C> {
    fn drop(&mut self) {
        let desk = &self.desk;
        let spoilt = self.writes > 0;
        desk.done(self.writes);
        let fresh = || Merger::new(Arc::clone(&desk.connector), desk.limits.answer, desk.limits.turn);
        let merger = self.merger.take().filter(|_| !spoilt).unwrap_or_else(fresh);
        let mut state = desk.state();
        if state.closed && state.waiting.is_empty() {
            return;
        }
        state.idle.insert((merger.has_failed(), self.number), merger);
        let seat = if state.waiting.is_empty() || !self.has_run { None } else { desk.seat_for_batches(&mut state) };
        drop(state);
        start(seat);
    }
}

/// Has what waits written. Never called with the desk locked: a runtime that ends drops the seat here and now.
fn start<C: Connector>(seat: Option<Seat<C>>) {
    if let (Some(seat), Ok(runtime)) = (seat, tokio::runtime::Handle::try_current()) {
        runtime.spawn(seat.write_batches());
    }
}

fn closed() -> StoreError {
    StoreError { what: "commit", cause: "the store is closed".to_owned(), temporary: false }
}

/// A writer has ended without an answer: it panicked, and may have done so after the commit.
fn gone() -> StoreError {
    let cause = "the task that writes has failed; the log says why".to_owned();
    StoreError { what: "commit", cause, temporary: true }
}

//! Commits that wait together travel together: one transaction of at most two round trips, each still winning or losing on
//! its own.
//!
//! The first round trip has the deciding step of each, the second the other steps of those that won, and COMMIT. Whatever goes
//! wrong: ROLLBACK, then each alone.

use std::sync::Arc;
use std::time::Duration;

use firman_store::{CommitError, StoreError};
use tokio::time::{Instant, timeout};

use super::link::Link;
use super::member::{Member, too_many};
use super::retry::{REPLAYS, before_replay};
use super::wire::{Connector, Wire, WireError};
use crate::driver::Written;
use crate::plan::{Plan, Step};
use crate::value::Write;

/// Writes batches on a connection of its own.
pub(super) struct Merger<C: Connector> {
    link: Link<C>,
    patience: Duration,
    turn: Duration,
}

/// One round trip.
#[derive(Clone, Copy)]
struct Trip {
    begins: bool,
    commits: bool,
    /// No two of its statements touch the same row, but within one commit.
    apart: bool,
}

/// Why something did not get through.
enum Broken {
    /// Nothing of it stays; others are the reason.
    Again,
    /// Nothing of it stays.
    Failed(StoreError),
    /// It may have happened.
    Doubt(StoreError),
}

impl From<Broken> for CommitError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Again => Self::NotApplied(contended()),
            Broken::Failed(fault) => Self::NotApplied(fault),
            Broken::Doubt(fault) => Self::Unknown(fault),
        }
    }
}

impl<C: Connector> Merger<C> {
    /// `patience`: how long the database may take for one answer. `turn`: how long a commit waits until it is begun.
    pub(super) fn new(connector: Arc<C>, patience: Duration, turn: Duration) -> Self {
        Self { link: Link::new(connector, patience), patience, turn }
    }

    /// Whether it has no connection because the last attempt to make one failed.
    pub(super) fn has_failed(&self) -> bool {
        self.link.has_failed()
    }

    /// Writes every member and answers it.
    pub(super) async fn run(&mut self, members: Vec<Member>) {
        if members.len() < 2 {
            return self.each_alone(members).await;
        }
        match self.together(&members).await {
            Ok(outcomes) => members.into_iter().zip(outcomes).for_each(|(member, done)| member.answer(Ok(done))),
            Err(Broken::Again) => self.each_alone(members).await,
            Err(Broken::Failed(fault)) if self.link.made().is_some() => {
                tracing::warn!(%fault, "a batch of commits failed; trying each alone");
                self.each_alone(members).await;
            }
            // Without a connection there is no use in trying each.
            Err(Broken::Failed(fault)) => answer_all(members, &CommitError::NotApplied(fault)),
            Err(Broken::Doubt(fault)) => answer_all(members, &CommitError::Unknown(fault)),
        }
    }

    /// The outcome of each member, all in one transaction.
    async fn together(&mut self, members: &[Member]) -> Result<Vec<Written>, Broken> {
        let firsts: Vec<&Step> = members.iter().filter_map(|member| member.plan.steps.first()).collect();
        let writes: Vec<&Write> = firsts.iter().flat_map(|step| step.writes()).collect();
        let single = members.iter().all(|member| member.plan.steps.len() == 1);
        let mut rows = self.send(&writes, Trip { begins: true, commits: single, apart: true }).await?.into_iter();
        let mut outcomes: Vec<Written> = firsts.iter().map(|step| step.outcome(0, &mut rows)).collect();
        if single {
            return Ok(outcomes);
        }
        let winners = members.iter().zip(&outcomes).filter(|(_, outcome)| matches!(outcome, Written::Done(_)));
        let rest: Vec<(Vec<Write>, &Step)> = winners
            .flat_map(|(member, _)| member.plan.steps.iter().skip(1))
            .map(|step| (step.writes().map(Write::or_fail).collect(), step))
            .collect();
        let writes: Vec<&Write> = rest.iter().flat_map(|(writes, _)| writes).collect();
        let mut rows = self.send(&writes, Trip { begins: false, commits: true, apart: true }).await?.into_iter();
        for (member, outcome) in members.iter().zip(&mut outcomes) {
            if let Written::Done(done) = outcome {
                let later = member.plan.steps.iter().skip(1).map(Step::statements).sum();
                *done += rows.by_ref().take(later).sum::<u64>();
            }
        }
        Ok(outcomes)
    }

    /// Each member in a transaction of its own.
    async fn each_alone(&mut self, members: Vec<Member>) {
        for member in members {
            // Where one waits for a lock in vain, the others do not wait for it one after the other.
            let outcome = if member.since.elapsed() > self.turn {
                Err(CommitError::NotApplied(too_many()))
            } else {
                self.run_one(&member.plan, member.since).await
            };
            member.answer(outcome);
        }
    }

    /// Writes a plan in a transaction of its own, replayed while others make it fail. `since`: when its turn began.
    pub(super) async fn run_one(&mut self, plan: &Plan, since: Instant) -> Result<Written, CommitError> {
        let mut attempt = 0;
        loop {
            match self.alone(plan).await {
                Err(Broken::Again) if attempt < REPLAYS && since.elapsed() < self.turn => {
                    before_replay(attempt).await;
                }
                other => return other.map_err(CommitError::from),
            }
            attempt += 1;
        }
    }

    /// One plan. A single statement commits by itself; one that cannot lose after its first change is one round trip too.
    async fn alone(&mut self, plan: &Plan) -> Result<Written, Broken> {
        let writes: Vec<&Write> = plan.steps.iter().flat_map(Step::writes).collect();
        let steps = plan.steps.len();
        if writes.len() == 1 {
            let rows = self.send(&writes, Trip { begins: false, commits: false, apart: false }).await?;
            return outcome(plan, rows).ok_or(Broken::Again);
        }
        let checked = steps > 1 && plan.steps.iter().any(|step| step.guarded);
        let rows = self.send(&writes, Trip { begins: true, commits: !checked, apart: false }).await?;
        let Some(outcome) = outcome(plan, rows) else {
            self.roll_back().await;
            return Err(Broken::Again);
        };
        match (checked, outcome) {
            (false, _) => {}
            (true, Written::Done(_)) => {
                self.send(&[], Trip { begins: false, commits: true, apart: false }).await?;
            }
            (true, Written::Conflict(_)) => self.roll_back().await,
        }
        Ok(outcome)
    }

    /// One round trip, after which either all is well or nothing is open.
    async fn send(&mut self, writes: &[&Write], trip: Trip) -> Result<Vec<u64>, Broken> {
        let Trip { begins, commits, apart } = trip;
        // A transaction that has begun on a connection that is gone does not go on with another one.
        if !begins && commits && self.link.made().is_none() {
            return Err(Broken::Failed(lost()));
        }
        let wire = self.link.wire().await.map_err(|error| Broken::Failed(error.fault("commit")))?;
        let sending =
            if apart { wire.write_apart(writes, begins, commits) } else { wire.write(writes, begins, commits) };
        let sent = timeout(self.patience, sending).await;
        let sent = sent.unwrap_or_else(|_| Err(WireError::Lost("the database does not answer in time".to_owned())));
        let error = match sent {
            Ok(rows) if rows.len() == writes.len() => return Ok(rows),
            Ok(_) => WireError::Lost("the database answered other statements than were sent".to_owned()),
            Err(error) => error,
        };
        match error {
            WireError::Lost(_) => {
                self.link.drop_wire();
                let fault = error.fault("commit");
                // A statement on its own has committed by itself.
                Err(if commits || !begins { Broken::Doubt(fault) } else { Broken::Failed(fault) })
            }
            WireError::Again(_) => {
                tracing::debug!(%error, "a commit is replayed");
                self.roll_back().await;
                Err(Broken::Again)
            }
            WireError::Refused { .. } | WireError::Denied(_) | WireError::Names(_) => {
                self.roll_back().await;
                Err(Broken::Failed(error.fault("commit")))
            }
        }
    }

    /// Takes back what is open; a connection that cannot do that is closed, which does it too.
    async fn roll_back(&mut self) {
        let Ok(wire) = self.link.wire().await else { return };
        if !matches!(timeout(self.patience, wire.roll_back()).await, Ok(Ok(()))) {
            self.link.drop_wire();
        }
    }
}

impl Step {
    /// Its statements: what is tried otherwise only inserts what is not there, so that it does nothing after a first that did.
    fn writes(&self) -> impl Iterator<Item = &Write> {
        std::iter::once(&self.write).chain(&self.otherwise)
    }

    /// Whether changing nothing means that somebody else came between its two statements: the first did not find the row yet, the
    /// second found it there.
    pub(super) fn must_change(&self) -> bool {
        self.otherwise.is_some() && !self.guarded
    }

    fn statements(&self) -> usize {
        self.writes().count()
    }

    fn outcome(&self, place: usize, rows: &mut impl Iterator<Item = u64>) -> Written {
        match rows.take(self.statements()).sum() {
            0 if self.guarded => Written::Conflict(place),
            changed => Written::Done(changed),
        }
    }
}

/// How a plan ended whose statements changed so many rows each; `None` if it must be tried again.
fn outcome(plan: &Plan, rows: Vec<u64>) -> Option<Written> {
    let (mut rows, mut sum) = (rows.into_iter(), 0);
    for (place, step) in plan.steps.iter().enumerate() {
        match step.outcome(place, &mut rows) {
            Written::Done(0) if step.must_change() => return None,
            Written::Done(changed) => sum += changed,
            lost @ Written::Conflict(_) => return Some(lost),
        }
    }
    Some(Written::Done(sum))
}

fn answer_all(members: Vec<Member>, failure: &CommitError) {
    for member in members {
        member.answer(Err(failure.clone()));
    }
}

fn contended() -> StoreError {
    let cause = "others kept changing the same rows".to_owned();
    StoreError { what: "commit", cause, temporary: true }
}

fn lost() -> StoreError {
    let cause = "the connection went away before the commit".to_owned();
    StoreError { what: "commit", cause, temporary: true }
}

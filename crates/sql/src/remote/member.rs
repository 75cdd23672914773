//! Commits that wait, and which of them travel together.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use firman_store::{CommitError, StoreError};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::driver::Written;
use crate::plan::{Plan, Step};

/// The most statements of a commit that travels with others: nobody waits for more than that.
const MOST_STEPS: usize = 16;

/// A plan and who waits for it.
pub(super) struct Member {
    pub(super) plan: Plan,
    pub(super) answer: oneshot::Sender<Result<Written, CommitError>>,
    pub(super) since: Instant,
}

impl Member {
    /// Whoever waited may have gone away; the commit counts all the same.
    pub(super) fn answer(self, outcome: Result<Written, CommitError>) {
        self.answer.send(outcome).ok();
    }

    /// Whether its outcome is known once its first step has run, so that it can travel with others.
    fn is_mergeable(&self) -> bool {
        let plan = &self.plan;
        let again = plan.steps.iter().any(Step::must_change);
        !plan.may_fail_late && !again && !plan.records.is_empty() && plan.steps.len() <= MOST_STEPS
    }
}

/// Takes the commits that make the next batch out of those that wait: one alone if it must be, else as many as may be, no two
/// of which touch the same record. Those that must wait keep their order.
pub(super) fn next_batch(waiting: &mut VecDeque<Member>, most: usize, patience: Duration) -> Vec<Member> {
    let mut batch: Vec<Member> = Vec::new();
    let mut touched: HashSet<[u8; 16]> = HashSet::new();
    let mut later = VecDeque::new();
    while batch.len() < most.max(1)
        && let Some(member) = waiting.pop_front()
    {
        if member.since.elapsed() > patience {
            member.answer(Err(CommitError::NotApplied(too_many())));
            continue;
        }
        let free = member.plan.records.iter().all(|record| !touched.contains(record));
        // What waits keeps its records, so that nobody who came later overtakes it.
        touched.extend(&member.plan.records);
        if batch.is_empty() && !member.is_mergeable() {
            batch.push(member);
            break;
        }
        if free && member.is_mergeable() {
            batch.push(member);
        } else {
            later.push_back(member);
        }
    }
    later.append(waiting);
    *waiting = later;
    // All batches, of all nodes, lock their rows in one order, so that they wait for each other and not in a circle.
    batch.sort_by(|one, other| one.plan.records.first().cmp(&other.plan.records.first()));
    batch
}

/// The answer to a commit whose turn does not come.
pub(super) fn too_many() -> StoreError {
    let cause = "too many commits wait for the database".to_owned();
    StoreError { what: "commit", cause, temporary: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statements::Statement;
    use crate::value::Write;

    fn member(records: &[u8], steps: usize) -> Member {
        let write = || Write { statement: Statement::RevokeGrant, values: Vec::new() };
        let step = |_| Step { write: write(), otherwise: None, guarded: false };
        let records = records.iter().map(|record| [*record; 16]).collect();
        let plan = Plan { steps: (0..steps).map(step).collect(), may_fail_late: false, records };
        Member { plan, answer: oneshot::channel().0, since: Instant::now() }
    }

    fn records(members: impl IntoIterator<Item = Member>) -> Vec<u8> {
        members.into_iter().map(|member| member.plan.records.first().map_or(0, |record| record[0])).collect()
    }

    #[test]
    fn no_two_of_a_batch_touch_one_record() {
        let patience = Duration::from_mins(1);
        let mut waiting =
            VecDeque::from([member(&[3], 1), member(&[1, 9], 2), member(&[3], 1), member(&[9], 1), member(&[2], 1)]);
        assert_eq!(records(next_batch(&mut waiting, 128, patience)), [1, 2, 3]);
        assert_eq!(records(next_batch(&mut waiting, 128, patience)), [3, 9]);
        assert!(next_batch(&mut waiting, 128, patience).is_empty());
    }

    #[test]
    fn a_long_commit_travels_alone() {
        let patience = Duration::from_mins(1);
        let mut waiting = VecDeque::from([member(&[1], 1), member(&[2], 99), member(&[3], 1)]);
        assert_eq!(records(next_batch(&mut waiting, 128, patience)), [1, 3]);
        assert_eq!(records(next_batch(&mut waiting, 128, patience)), [2]);
    }

    #[test]
    fn whoever_waited_too_long_is_told_so() {
        let mut waiting = VecDeque::from([member(&[1], 1)]);
        let (answer, mut answered) = oneshot::channel();
        waiting[0].answer = answer;
        std::thread::sleep(Duration::from_millis(2));
        assert!(next_batch(&mut waiting, 128, Duration::ZERO).is_empty());
        assert!(matches!(answered.try_recv(), Ok(Err(CommitError::NotApplied(StoreError { temporary: true, .. })))));
    }
}

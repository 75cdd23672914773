//! Commits that wait together travel together: one transaction, one sync, each still winning or losing on its own.

use firman_store::CommitError;
use rusqlite::{Connection, Error, Statement as Prepared};
use tokio::sync::oneshot;

use super::error::{fault, is_surely_undone};
use super::session::bind;
use crate::dialect::SQLITE;
use crate::driver::Written;
use crate::plan::Plan;
use crate::texts::Texts;
use crate::value::Write;

/// A plan and who waits for it.
pub(super) struct Member {
    pub(super) plan: Plan,
    pub(super) answer: oneshot::Sender<Result<Written, CommitError>>,
}

/// Runs batches on the connection that writes.
pub(super) struct Batch<'c> {
    conn: &'c Connection,
    texts: &'c Texts,
    /// Statements that were prepared, each at the place of its number.
    prepared: Vec<Option<Prepared<'c>>>,
}

/// Why a batch cannot go on; all of it is taken back and each member tried alone.
enum Broken {
    /// What SQLite says.
    Failed(Error),
    /// A member lost after it had changed something that cannot be taken back alone.
    LostLate,
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<'c> Batch<'c> {
    pub(super) fn new(conn: &'c Connection, texts: &'c Texts) -> Self {
        Self { conn, texts, prepared: Vec::new() }
    }

    /// Writes every member and answers it.
    pub(super) fn run(&mut self, members: &mut Vec<Member>) {
        if members.len() < 2 {
            return self.each_alone(members, false);
        }
        if let Err(error) = self.simple(SQLITE.begin) {
            return answer_all(members, &CommitError::NotApplied(fault("commit", &error)));
        }
        match self.together(members) {
            Ok(outcomes) => match self.simple("COMMIT") {
                Ok(()) => members.drain(..).zip(outcomes).for_each(|(member, done)| answer(member, Ok(done))),
                Err(error) => {
                    tracing::warn!(%error, "a batch of commits failed; trying each alone");
                    self.roll_back();
                    self.each_alone(members, !is_surely_undone(&error));
                }
            },
            Err(broken) => {
                if let Broken::Failed(error) = broken {
                    tracing::warn!(%error, "a batch of commits failed; trying each alone");
                }
                self.roll_back();
                self.each_alone(members, false);
            }
        }
    }

    /// The outcome of each member, before COMMIT.
    fn together(&mut self, members: &[Member]) -> Result<Vec<Written>, Broken> {
        let mut outcomes = Vec::with_capacity(members.len());
        for member in members {
            let plan = &member.plan;
            if plan.may_fail_late {
                self.simple("SAVEPOINT one")?;
            }
            let outcome = self.attempt(plan)?;
            match (outcome, plan.may_fail_late) {
                (Written::Conflict(1..), true) => self.simple("ROLLBACK TO one")?,
                (Written::Conflict(1..), false) => return Err(Broken::LostLate),
                _ => {}
            }
            if plan.may_fail_late {
                self.simple("RELEASE one")?;
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// Each member in a transaction of its own. `doubt`: they may already be in the log, where a crash would find them.
    fn each_alone(&mut self, members: &mut Vec<Member>, doubt: bool) {
        let failed = |error: &Error, doubt: bool| {
            let fault = fault("commit", error);
            if doubt { CommitError::Unknown(fault) } else { CommitError::NotApplied(fault) }
        };
        let mut rest = std::mem::take(members).into_iter();
        while let Some(member) = rest.next() {
            if let Err(error) = self.simple(SQLITE.begin) {
                // Locked or unreadable: it would be so for the others, too, and each would wait as long.
                *members = std::iter::once(member).chain(rest).collect();
                return answer_all(members, &failed(&error, doubt));
            }
            let outcome = self.finish(&member.plan, |error, in_commit| {
                failed(error, doubt || (in_commit && !is_surely_undone(error)))
            });
            if outcome.is_err() {
                self.roll_back();
            }
            answer(member, outcome);
        }
    }

    /// Runs a plan in the transaction that has begun, and ends that.
    fn finish(&mut self, plan: &Plan, failed: impl Fn(&Error, bool) -> CommitError) -> Result<Written, CommitError> {
        let outcome = self.attempt(plan).map_err(|error| failed(&error, false))?;
        let end = if matches!(outcome, Written::Conflict(_)) { "ROLLBACK" } else { "COMMIT" };
        self.simple(end).map_err(|error| failed(&error, true))?;
        Ok(outcome)
    }

    /// Runs the steps of a plan until one loses.
    fn attempt(&mut self, plan: &Plan) -> Result<Written, Error> {
        let mut rows = 0;
        for (place, step) in plan.steps.iter().enumerate() {
            let mut changed = self.execute(&step.write)?;
            if let (0, Some(otherwise)) = (changed, &step.otherwise) {
                changed = self.execute(otherwise)?;
            }
            if changed == 0 && step.guarded {
                return Ok(Written::Conflict(place));
            }
            rows += changed as u64;
        }
        Ok(Written::Done(rows))
    }

    /// Runs one statement; gives the number of rows it changed.
    fn execute(&mut self, write: &Write) -> Result<usize, Error> {
        let place = write.statement as usize;
        if self.prepared.len() <= place {
            self.prepared.resize_with(place + 1, || None);
        }
        let Some(slot) = self.prepared.get_mut(place) else { return Ok(0) };
        let prepared = match slot {
            Some(prepared) => prepared,
            None => slot.insert(self.conn.prepare(self.texts.of(write.statement))?),
        };
        bind(prepared, &write.values)?;
        prepared.raw_execute()
    }

    fn simple(&self, text: &str) -> Result<(), Error> {
        self.conn.prepare_cached(text)?.raw_execute().map(|_| ())
    }

    /// Takes back whatever is open. SQLite has done so by itself after some errors.
    fn roll_back(&self) {
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(error) = self.simple("ROLLBACK") {
            tracing::error!(%error, "a transaction cannot be rolled back");
        }
    }
}

fn answer_all(members: &mut Vec<Member>, failure: &CommitError) {
    members.drain(..).for_each(|member| answer(member, Err(failure.clone())));
}

/// Whoever waited may have gone away; the commit counts all the same.
fn answer(member: Member, outcome: Result<Written, CommitError>) {
    member.answer.send(outcome).ok();
}

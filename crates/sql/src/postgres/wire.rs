//! One connection: statements prepared once, and sent together without waiting for each other's answers.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use firman_store::StoreError;
use futures_util::future::poll_fn;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, SimpleQueryMessage, Statement as Prepared};

use super::arrays::{Arrays, Form};
use super::error::{spoils, wire_error};
use super::value::Param;
use crate::driver::Each;
use crate::remote::{Admin, ReadFailure, Wire, WireError, grouped};
use crate::row::{Cell, Row};
use crate::statements::Statement;
use crate::texts::Texts;
use crate::value::{Query, Value, Write};

/// A connection that runs the statements of the store.
pub(super) struct PgWire {
    client: Client,
    plain: Arc<Plain>,
    /// Each at the place of its number, first those for one row, then those for many.
    prepared: Mutex<Vec<Option<Prepared>>>,
    words: Words,
    /// The server at the other end takes no writes any more.
    spoilt: AtomicBool,
}

/// What all connections run.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) texts: Texts,
    pub(super) arrays: Arrays,
}

/// One statement that is sent, and for whom.
struct Run<'a> {
    prepared: Prepared,
    members: Vec<&'a Write>,
    form: Option<&'a Form>,
}

/// What begins and ends transactions.
struct Words {
    begin: Prepared,
    begin_snapshot: Prepared,
    commit: Prepared,
    roll_back: Prepared,
}

impl PgWire {
    /// A wire over a connection whose session is set up.
    pub(super) async fn new(client: Client, plain: Arc<Plain>) -> Result<Self, Error> {
        let (begin, begin_snapshot, commit, roll_back) = futures_util::future::try_join4(
            client.prepare("BEGIN"),
            client.prepare("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
            client.prepare("COMMIT"),
            client.prepare("ROLLBACK"),
        )
        .await?;
        let words = Words { begin, begin_snapshot, commit, roll_back };
        let prepared = Mutex::new(vec![None; 2 * Statement::ALL.len()]);
        Ok(Self { client, plain, prepared, words, spoilt: AtomicBool::new(false) })
    }

    /// The statement, for one row or for many, prepared on this connection: a round trip or two more the first time.
    async fn prepared(&self, statement: Statement, form: Option<&Form>) -> Result<Prepared, Error> {
        let place = statement as usize + if form.is_some() { Statement::ALL.len() } else { 0 };
        let known = |prepared: &Vec<Option<Prepared>>| prepared.get(place).cloned().flatten();
        if let Some(known) = known(&self.prepared.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(known);
        }
        let single = self.plain.texts.of(statement);
        let made = match form {
            None => self.client.prepare(single).await?,
            Some(form) => {
                let types = self.client.prepare(single).await?;
                // The guard of an insert for many rows is the key itself, and needs no parameter.
                let types = types.params().get(..form.parameters(single, types.params().len())).unwrap_or_default();
                self.client.prepare(&super::arrays::text(single, types, form)).await?
            }
        };
        if let Some(slot) = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get_mut(place) {
            *slot = Some(made.clone());
        }
        Ok(made)
    }

    fn failed(&self, error: &Error) -> WireError {
        if spoils(error) {
            self.spoilt.store(true, Ordering::Relaxed);
        }
        wire_error(error)
    }

    /// Runs groups of statements, all sent before the first answer is awaited; gives the rows of each statement.
    async fn send(
        &self,
        writes: &[&Write],
        groups: Vec<Vec<usize>>,
        begins: bool,
        commits: bool,
    ) -> Result<Vec<u64>, Error> {
        // One statement is a transaction by itself, and half the work without BEGIN and COMMIT.
        let (begins, commits) = if groups.len() == 1 && begins && commits { (false, false) } else { (begins, commits) };
        let mut runs = Vec::with_capacity(groups.len() + 2);
        runs.extend(begins.then(|| Run { prepared: self.words.begin.clone(), members: Vec::new(), form: None }));
        for group in &groups {
            let members: Vec<&Write> = group.iter().filter_map(|place| writes.get(*place).copied()).collect();
            let Some(statement) = members.first().map(|write| write.statement) else { continue };
            let form = self.plain.arrays.form(statement).filter(|form| members.len() > 1 || form.for_one());
            let prepared = self.prepared(statement, form).await?;
            runs.push(Run { prepared, members, form });
        }
        runs.extend(commits.then(|| Run { prepared: self.words.commit.clone(), members: Vec::new(), form: None }));
        let answers = in_order(runs.iter().map(|run| self.run(run)).collect()).await?;
        let mut rows = vec![0; writes.len()];
        let answers = answers.into_iter().skip(usize::from(begins));
        for (group, answer) in groups.iter().zip(answers) {
            for (place, count) in group.iter().zip(answer) {
                if let Some(slot) = rows.get_mut(*place) {
                    *slot = count;
                }
            }
        }
        Ok(rows)
    }

    /// The rows of each member. Sent when first polled.
    async fn run(&self, run: &Run<'_>) -> Result<Vec<u64>, Error> {
        let Some(form) = run.form else {
            let values = run.members.first().map_or([].as_slice(), |write| write.values.as_slice());
            return Ok(vec![self.client.execute(&run.prepared, &borrowed(&params(values))).await?]);
        };
        let column =
            |place| run.members.iter().map(|write| Param(write.values.get(place).unwrap_or(&Value::Null))).collect();
        let columns: Vec<Vec<Param<'_>>> = (0..run.prepared.params().len()).map(column).collect();
        let columns: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
        let rows = self.client.query(&run.prepared, &columns).await?;
        let mut counts = vec![u64::from(*form == Form::InsertAll); run.members.len()];
        for row in &rows {
            let place = match row.try_get(0)? {
                Cell::Int(ordinal) => usize::try_from(ordinal - 1).ok(),
                Cell::Bytes(id) => run.members.iter().position(|write| write.ends_with(id)),
                Cell::Null | Cell::Text(_) => None,
            };
            if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                *count += 1;
            }
        }
        Ok(counts)
    }

    /// Sent when first polled.
    async fn rows(&self, prepared: &Prepared, values: &[Value]) -> Result<Vec<tokio_postgres::Row>, Error> {
        self.client.query(prepared, &borrowed(&params(values))).await
    }
}

#[async_trait]
impl Wire for PgWire {
    async fn write(&mut self, writes: &[&Write], begins: bool, commits: bool) -> Result<Vec<u64>, WireError> {
        let groups = (0..writes.len()).map(|place| vec![place]).collect();
        self.send(writes, groups, begins, commits).await.map_err(|error| self.failed(&error))
    }

    async fn write_apart(&mut self, writes: &[&Write], begins: bool, commits: bool) -> Result<Vec<u64>, WireError> {
        let groups = grouped(writes, |statement| self.plain.arrays.form(statement).is_some());
        self.send(writes, groups, begins, commits).await.map_err(|error| self.failed(&error))
    }

    async fn roll_back(&mut self) -> Result<(), WireError> {
        let done = self.client.execute(&self.words.roll_back, &[]).await;
        done.map(drop).map_err(|error| self.failed(&error))
    }

    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), ReadFailure> {
        let failed = |error: Error| self.failed(&error);
        let mut prepared = Vec::with_capacity(queries.len());
        for query in queries {
            prepared.push(self.prepared(query.statement, None).await.map_err(failed)?);
        }
        let reads = prepared.iter().zip(queries.iter().map(|query| query.values));
        let answers = if queries.len() == 1 {
            in_order(reads.map(|(prepared, values)| self.rows(prepared, values)).collect()).await.map_err(failed)?
        } else {
            let (begin, commit) = (&self.words.begin_snapshot, &self.words.commit);
            let all = std::iter::once((begin, [].as_slice())).chain(reads).chain([(commit, [].as_slice())]);
            let mut answers =
                in_order(all.map(|(prepared, values)| self.rows(prepared, values)).collect()).await.map_err(failed)?;
            answers.pop();
            answers.into_iter().skip(1).collect()
        };
        for (place, rows) in answers.iter().enumerate() {
            for row in rows {
                each(place, row).map_err(ReadFailure::Row)?;
            }
        }
        Ok(())
    }

    async fn begin_view(&mut self) -> Result<(), WireError> {
        // The moment is that of the first read.
        let words =
            "SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT 1";
        self.client.batch_execute(words).await.map_err(|error| self.failed(&error))
    }

    fn is_lost(&self) -> bool {
        self.client.is_closed() || self.spoilt.load(Ordering::Relaxed)
    }
}

impl Row for tokio_postgres::Row {
    fn column(&self, index: usize) -> Result<Cell<'_>, StoreError> {
        let wrong = |error: Error| StoreError { what: "read a record", cause: error.to_string(), temporary: false };
        self.try_get(index).map_err(wrong)
    }
}

/// Starts all before the first is awaited, each in its turn, and gives their values; or the first error, which is the one
/// that made those after it fail.
async fn in_order<F: Future<Output = Result<T, Error>>, T>(runs: Vec<F>) -> Result<Vec<T>, Error> {
    let mut runs: Vec<Pin<Box<F>>> = runs.into_iter().map(Box::pin).collect();
    let mut early: Vec<Option<Result<T, Error>>> = Vec::with_capacity(runs.len());
    poll_fn(|cx| {
        for run in runs.iter_mut().skip(early.len()) {
            early.push(match run.as_mut().poll(cx) {
                Poll::Ready(value) => Some(value),
                Poll::Pending => None,
            });
        }
        Poll::Ready(())
    })
    .await;
    let (mut values, mut failure) = (Vec::with_capacity(runs.len()), None);
    for (run, early) in runs.into_iter().zip(early) {
        let outcome = match early {
            Some(outcome) => outcome,
            None => run.await,
        };
        match outcome {
            Ok(value) => values.push(value),
            Err(error) => drop(failure.get_or_insert(error)),
        }
    }
    failure.map_or(Ok(values), Err)
}

pub(crate) fn params(values: &[Value]) -> Vec<Param<'_>> {
    values.iter().map(Param).collect()
}

pub(crate) fn borrowed<'a>(values: &'a [Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// A connection for the schema.
pub(super) struct PgAdmin(pub(super) Client);

#[async_trait]
impl Admin for PgAdmin {
    async fn execute(&mut self, statement: &str) -> Result<(), WireError> {
        self.0.batch_execute(statement).await.map_err(|error| wire_error(&error))
    }

    async fn rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, WireError> {
        let answers = self.0.simple_query(query).await.map_err(|error| wire_error(&error))?;
        let row = |answer| match answer {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|place| row.get(place).map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(answers.into_iter().filter_map(row).collect())
    }

    async fn hurry(&mut self) -> Result<(), WireError> {
        self.execute("SET lock_timeout = 200").await
    }

    async fn check(&mut self, statement: &str) -> Result<(), WireError> {
        self.0.prepare(statement).await.map(drop).map_err(|error| wire_error(&error))
    }
}

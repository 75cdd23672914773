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

use super::error::{spoils, wire_error};
use super::value::Param;
use crate::driver::Each;
use crate::remote::{Admin, ReadFailure, Wire, WireError};
use crate::row::{Cell, Row};
use crate::statements::Statement;
use crate::texts::Texts;
use crate::value::{Query, Value, Write};

/// A connection that runs the statements of the store.
pub(super) struct PgWire {
    client: Client,
    texts: Arc<Texts>,
    /// Each at the place of its number.
    prepared: Mutex<Vec<Option<Prepared>>>,
    words: Words,
    /// The server at the other end takes no writes any more.
    spoilt: AtomicBool,
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
    pub(super) async fn new(client: Client, texts: Arc<Texts>) -> Result<Self, Error> {
        let (begin, begin_snapshot, commit, roll_back) = futures_util::future::try_join4(
            client.prepare("BEGIN"),
            client.prepare("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
            client.prepare("COMMIT"),
            client.prepare("ROLLBACK"),
        )
        .await?;
        let words = Words { begin, begin_snapshot, commit, roll_back };
        let prepared = Mutex::new(vec![None; Statement::ALL.len()]);
        Ok(Self { client, texts, prepared, words, spoilt: AtomicBool::new(false) })
    }

    /// The statement, prepared on this connection: one round trip more the first time.
    async fn prepared(&self, statement: Statement) -> Result<Prepared, Error> {
        let place = statement as usize;
        let known = |prepared: &Vec<Option<Prepared>>| prepared.get(place).cloned().flatten();
        if let Some(known) = known(&self.prepared.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(known);
        }
        let made = self.client.prepare(self.texts.of(statement)).await?;
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

    /// Runs statements whose answers count rows, all sent before the first answer is awaited.
    async fn pipelined(&self, statements: &[(&Prepared, &[Value])]) -> Result<Vec<u64>, Error> {
        in_order(statements.iter().map(|(prepared, values)| self.count(prepared, values)).collect()).await
    }

    /// Sent when first polled.
    async fn count(&self, prepared: &Prepared, values: &[Value]) -> Result<u64, Error> {
        self.client.execute(prepared, &borrowed(&params(values))).await
    }

    /// Sent when first polled.
    async fn rows(&self, prepared: &Prepared, values: &[Value]) -> Result<Vec<tokio_postgres::Row>, Error> {
        self.client.query(prepared, &borrowed(&params(values))).await
    }
}

#[async_trait]
impl Wire for PgWire {
    async fn write(&mut self, writes: &[&Write], begins: bool, commits: bool) -> Result<Vec<u64>, WireError> {
        let failed = |error: Error| self.failed(&error);
        let mut prepared = Vec::with_capacity(writes.len());
        for write in writes {
            prepared.push(self.prepared(write.statement).await.map_err(failed)?);
        }
        let mut statements: Vec<(&Prepared, &[Value])> = Vec::with_capacity(writes.len() + 2);
        statements.extend(begins.then_some((&self.words.begin, [].as_slice())));
        statements.extend(prepared.iter().zip(writes.iter().map(|write| write.values.as_slice())));
        statements.extend(commits.then_some((&self.words.commit, [].as_slice())));
        let rows = self.pipelined(&statements).await.map_err(failed)?;
        Ok(rows.into_iter().skip(usize::from(begins)).take(writes.len()).collect())
    }

    async fn roll_back(&mut self) -> Result<(), WireError> {
        let words = [(&self.words.roll_back, [].as_slice())];
        self.pipelined(&words).await.map(drop).map_err(|error| self.failed(&error))
    }

    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), ReadFailure> {
        let failed = |error: Error| self.failed(&error);
        let mut prepared = Vec::with_capacity(queries.len());
        for query in queries {
            prepared.push(self.prepared(query.statement).await.map_err(failed)?);
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

    async fn check(&mut self, statement: &str) -> Result<(), WireError> {
        self.0.prepare(statement).await.map(drop).map_err(|error| wire_error(&error))
    }
}

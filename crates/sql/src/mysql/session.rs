//! One connection: reads by prepared statements, writes as one text each round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use firman_store::StoreError;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Params};
use tokio::sync::Mutex;

use super::connector::Turn;
use super::fault::{When, meaning};
use super::literal;
use super::many::{self, Form};
use super::row::Shown;
use crate::driver::Each;
use crate::remote::{ReadFailure, Wire, WireError, grouped};
use crate::texts::Texts;
use crate::value::{Query, Value, Write};

/// Every read of one round trip sees the same moment; with causality settings, that moment is after what was acknowledged.
const SNAPSHOT: &str =
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// Statements of [`SNAPSHOT`].
const BEFORE_QUERIES: usize = 2;

/// Begins a transaction in a cluster.
const MARKED: [&str; 3] = ["SET autocommit = 0", "START TRANSACTION", "SAVEPOINT firman"];

/// Statements of one kind that are worth being one: fewer do not pay for the look at what they did before COMMIT.
const WORTH_IT: usize = 4;

/// A connection whose session is set up.
pub(super) struct Session {
    conn: Mutex<Conn>,
    texts: Arc<Texts>,
    /// The server is a node of a cluster.
    clustered: bool,
    turn: Turn,
    /// A transaction has begun and not ended.
    open: AtomicBool,
    /// Of no more use.
    lost: AtomicBool,
    /// A query is under way, or was given up half-way: then what the server sends next belongs to nobody.
    busy: AtomicBool,
}

impl Session {
    pub(super) fn new(conn: Conn, texts: Arc<Texts>, clustered: bool, turn: Turn) -> Self {
        let [open, lost, busy] = [const { AtomicBool::new(false) }; 3];
        Self { conn: Mutex::new(conn), texts, clustered, turn, open, lost, busy }
    }

    /// Runs statements in one round trip; gives the rows matched by each.
    async fn run(&mut self, statements: &Text, alone: bool) -> Result<Vec<u64>, WireError> {
        self.busy.store(true, Ordering::Relaxed);
        let mut rows = Vec::with_capacity(statements.count);
        let outcome = matched(self.conn.get_mut(), &statements.sql, &mut rows).await;
        self.busy.store(false, Ordering::Relaxed);
        outcome.map(|()| rows.clone()).map_err(|error| {
            let in_commit = statements.commits && rows.len() + 1 == statements.count;
            let when = match (alone, in_commit) {
                (true, _) => When::Alone,
                (_, true) => When::InCommit,
                _ => When::Before,
            };
            self.learn(&error, when)
        })
    }

    /// The same in a cluster, where a text of several statements hides that others have made its transaction fail between two of
    /// them: the rest then runs in a new one, and is acknowledged. So nothing commits by itself, the transaction is marked, and
    /// COMMIT is sent when the mark was found at the end; alone, it is told the truth.
    async fn run_marked(&mut self, writes: &[&Write], begins: bool, commits: bool) -> Result<Vec<u64>, WireError> {
        let (mut statements, before) = (Text::default(), if begins { MARKED.len() } else { 0 });
        MARKED.iter().take(before).for_each(|text| statements.add(text));
        for write in writes {
            statements.write(&self.texts, write);
        }
        if commits {
            statements.add("RELEASE SAVEPOINT firman");
        }
        let rows = self.run(&statements, false).await?;
        if commits {
            self.run(&Text::of("COMMIT"), false).await?;
        }
        Ok(rows.into_iter().skip(before).take(writes.len()).collect())
    }

    /// One statement that commits by itself, prepared once for the connection.
    async fn run_alone(&mut self, write: &Write) -> Result<Vec<u64>, WireError> {
        self.busy.store(true, Ordering::Relaxed);
        let params = Params::Positional(write.values.iter().map(parameter).collect());
        let rows = matched_alone(self.conn.get_mut(), self.texts.of(write.statement), params).await;
        self.busy.store(false, Ordering::Relaxed);
        rows.map(|rows| vec![rows]).map_err(|error| self.learn(&error, When::Alone))
    }

    /// Runs each group as one statement. `None` if a row that was to be changed was not there to be changed: then a transaction
    /// is open, in which nobody knows who lost.
    async fn run_grouped(
        &mut self,
        groups: &[Vec<&Write>],
        begins: bool,
        commits: bool,
    ) -> Result<Option<Vec<u64>>, WireError> {
        let mut statements = Text::default();
        match (begins, self.clustered) {
            (true, true) => MARKED.iter().for_each(|text| statements.add(text)),
            (true, false) => statements.add("START TRANSACTION"),
            (false, _) => {}
        }
        let before = statements.count;
        for group in groups {
            statements.write_all(&self.texts, group);
        }
        // Where somebody may lose, it must be known who before COMMIT is sent.
        let at_once = commits && !begins && !self.clustered;
        if commits && self.clustered {
            statements.add("RELEASE SAVEPOINT firman");
        } else if at_once {
            statements.add("COMMIT");
        }
        let matched = self.run(&statements, false).await?;
        let matched = || groups.iter().zip(matched.iter().skip(before).copied());
        if matched().any(|(group, rows)| group.len() > 1 && rows != group.len() as u64) {
            return Ok(None);
        }
        if commits && !at_once {
            self.run(&Text::of("COMMIT"), false).await?;
        }
        Ok(Some(matched().map(|(group, rows)| if group.len() > 1 { 1 } else { rows }).collect()))
    }

    fn learn(&self, error: &Error, when: When) -> WireError {
        let (meaning, useless) = meaning(error, when);
        self.lost.fetch_or(useless, Ordering::Relaxed);
        // Others may be as useless, and would find out by a commit that is in doubt.
        if useless {
            self.turn.end();
        }
        meaning
    }

    /// One query, prepared once for the connection.
    async fn read_one(&self, query: &Query<'_>, each: Each<'_>) -> Result<Result<(), StoreError>, Error> {
        let mut conn = self.conn.lock().await;
        let values: Vec<_> = query.values.iter().map(parameter).collect();
        let params = if values.is_empty() { Params::Empty } else { Params::Positional(values) };
        let mut result = conn.exec_iter(self.texts.of(query.statement), params).await?;
        let mut seen = Ok(());
        while let Some(row) = result.next().await? {
            seen = seen.and_then(|()| each(0, &Shown(&row)));
        }
        result.drop_result().await?;
        Ok(seen)
    }

    /// Several queries as of one moment.
    async fn read_many(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<Result<(), StoreError>, Error> {
        let mut text = SNAPSHOT.to_owned();
        for query in queries {
            text.push(';');
            literal::render(&mut text, self.texts.of(query.statement), query.values);
        }
        text.push_str(";COMMIT");
        let mut conn = self.conn.lock().await;
        let mut result = conn.query_iter(text).await?;
        let mut seen = Ok(());
        // At the end of the rows of one statement stands the answer to the next.
        for set in 0..=BEFORE_QUERIES + queries.len() {
            while let Some(row) = result.next().await? {
                seen = seen.and_then(|()| each(set.saturating_sub(BEFORE_QUERIES), &Shown(&row)));
            }
        }
        result.drop_result().await?;
        Ok(seen)
    }
}

#[async_trait]
impl Wire for Session {
    async fn write(&mut self, writes: &[&Write], begins: bool, commits: bool) -> Result<Vec<u64>, WireError> {
        *self.open.get_mut() = begins && !commits;
        if let ([write], false, false, false) = (writes, begins, commits, self.clustered) {
            return self.run_alone(write).await;
        }
        if self.clustered && (begins || commits) {
            return self.run_marked(writes, begins, commits).await;
        }
        let mut statements = Text::default();
        if begins {
            statements.add("START TRANSACTION");
        } else if self.clustered {
            statements.add("SET autocommit = 1");
        }
        let before = statements.count;
        for write in writes {
            statements.write(&self.texts, write);
        }
        if commits {
            statements.add("COMMIT");
        }
        let rows = self.run(&statements, !begins && !commits).await?;
        Ok(rows.into_iter().skip(before).take(writes.len()).collect())
    }

    async fn write_apart(&mut self, writes: &[&Write], begins: bool, commits: bool) -> Result<Vec<u64>, WireError> {
        // A change that may lose must be the first of its transaction, which is then begun anew without groups.
        let may_be = |statement| many::form(statement).is_some_and(|form| begins || form == Form::Insert);
        let places: Vec<Vec<usize>> = grouped(writes, may_be)
            .into_iter()
            .flat_map(|group| {
                if group.len() < WORTH_IT { group.into_iter().map(|place| vec![place]).collect() } else { vec![group] }
            })
            .collect();
        if places.iter().all(|group| group.len() == 1) {
            return self.write(writes, begins, commits).await;
        }
        let members = |group: &Vec<usize>| group.iter().filter_map(|place| writes.get(*place).copied()).collect();
        let groups: Vec<Vec<&Write>> = places.iter().map(members).collect();
        *self.open.get_mut() = true;
        let done = self.run_grouped(&groups, begins, commits).await?;
        let Some(done) = done else {
            self.roll_back().await?;
            return self.write(writes, begins, commits).await;
        };
        *self.open.get_mut() = !commits;
        let mut rows = vec![0; writes.len()];
        for (group, done) in places.iter().zip(done) {
            for place in group {
                if let Some(slot) = rows.get_mut(*place) {
                    *slot = done;
                }
            }
        }
        Ok(rows)
    }

    async fn roll_back(&mut self) -> Result<(), WireError> {
        // Closing the connection does it too.
        if self.is_lost() {
            return Ok(());
        }
        *self.open.get_mut() = false;
        self.run(&Text::of("ROLLBACK"), false).await.map(drop)
    }

    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), ReadFailure> {
        self.busy.store(true, Ordering::Relaxed);
        let outcome = match queries {
            [query] => self.read_one(query, each).await,
            _ => self.read_many(queries, each).await,
        };
        self.busy.store(false, Ordering::Relaxed);
        match outcome {
            Ok(seen) => seen.map_err(ReadFailure::Row),
            Err(error) => {
                // An error in the middle leaves a transaction open, which the end of the connection ends.
                self.lost.fetch_or(queries.len() > 1, Ordering::Relaxed);
                Err(self.learn(&error, When::Before).into())
            }
        }
    }

    async fn begin_view(&mut self) -> Result<(), WireError> {
        *self.open.get_mut() = true;
        let patience = "SET SESSION wait_timeout = 31536000 /*M!, idle_transaction_timeout = 0, \
                        idle_readonly_transaction_timeout = 0 */";
        self.run(&Text::of(&format!("{patience};{SNAPSHOT}")), false).await.map(drop)
    }

    fn is_lost(&self) -> bool {
        let idle = !self.open.load(Ordering::Relaxed);
        self.lost.load(Ordering::Relaxed) || self.busy.load(Ordering::Relaxed) || (idle && self.turn.is_over())
    }
}

/// Statements that travel together.
#[derive(Debug, Default)]
struct Text {
    sql: String,
    count: usize,
    /// The last is COMMIT.
    commits: bool,
}

impl Text {
    fn of(statement: &str) -> Self {
        let mut made = Self::default();
        made.add(statement);
        made
    }

    fn add(&mut self, statement: &str) {
        self.next();
        self.sql.push_str(statement);
        self.commits = statement == "COMMIT";
    }

    fn write(&mut self, texts: &Texts, write: &Write) {
        self.next();
        literal::render(&mut self.sql, texts.of(write.statement), &write.values);
    }

    /// Several of one kind are one statement.
    fn write_all(&mut self, texts: &Texts, members: &[&Write]) {
        match members {
            [] => {}
            [only] => self.write(texts, only),
            [first, ..] => {
                let Some(form) = many::form(first.statement) else { return };
                let rows: Vec<&[Value]> = members.iter().map(|write| write.values.as_slice()).collect();
                self.next();
                many::render(&mut self.sql, form, texts.of(first.statement), &rows);
            }
        }
    }

    fn next(&mut self) {
        self.sql.push_str(if self.count == 0 { "" } else { ";" });
        self.count += 1;
    }
}

/// Runs the statements of a text and notes the rows matched by each, up to the first that fails.
async fn matched(conn: &mut Conn, text: &str, rows: &mut Vec<u64>) -> Result<(), Error> {
    let mut result = conn.query_iter(text).await?;
    // The error of a statement after the first waits to be fetched; in its place there is no answer, not even one without
    // columns.
    while result.columns().is_some() {
        rows.push(result.affected_rows());
        result.next().await?;
    }
    result.drop_result().await
}

/// Runs one prepared statement; the rows that it matched.
async fn matched_alone(conn: &mut Conn, text: &str, params: Params) -> Result<u64, Error> {
    let result = conn.exec_iter(text, params).await?;
    let rows = result.affected_rows();
    result.drop_result().await?;
    Ok(rows)
}

/// A parameter of a prepared statement.
pub(crate) fn parameter(value: &Value) -> mysql_async::Value {
    match value {
        Value::Null => mysql_async::Value::NULL,
        Value::Int(number) => mysql_async::Value::Int(*number),
        Value::Key(key) => mysql_async::Value::Bytes(key.to_vec()),
        Value::Bytes(bytes) => mysql_async::Value::Bytes(bytes.clone()),
        Value::Text(text) => mysql_async::Value::Bytes(text.as_bytes().to_vec()),
    }
}

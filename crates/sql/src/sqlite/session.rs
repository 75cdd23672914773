//! Running statements on one connection.

use firman_store::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement as Prepared, ToSql};

use super::error::fault;
use crate::driver::Each;
use crate::row::{Cell, Row};
use crate::texts::Texts;
use crate::value::{Query, Value};

/// Runs queries as of one moment and shows their rows.
pub(super) fn read(conn: &Connection, texts: &Texts, queries: &[Query<'_>], each: Each<'_>) -> Result<(), StoreError> {
    let [_, _, ..] = queries else {
        return queries.iter().try_for_each(|query| run(conn, texts, 0, *query, each));
    };
    simple(conn, "BEGIN")?;
    let outcome = queries.iter().enumerate().try_for_each(|(place, query)| run(conn, texts, place, *query, each));
    simple(conn, "COMMIT")?;
    outcome
}

fn simple(conn: &Connection, text: &str) -> Result<(), StoreError> {
    conn.prepare_cached(text).and_then(|mut prepared| prepared.raw_execute()).map_err(|e| fault("read", &e))?;
    Ok(())
}

pub(super) fn run(
    conn: &Connection,
    texts: &Texts,
    place: usize,
    query: Query<'_>,
    each: &mut (dyn FnMut(usize, &dyn Row) -> Result<(), StoreError> + Send),
) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| fault("read", &error);
    let mut prepared = conn.prepare_cached(texts.of(query.statement)).map_err(failed)?;
    bind(&mut prepared, query.values).map_err(failed)?;
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        each(place, &SqliteRow(row))?;
    }
    Ok(())
}

/// Sets every parameter.
pub(crate) fn bind(prepared: &mut Prepared<'_>, values: &[Value]) -> rusqlite::Result<()> {
    values.iter().zip(1..).try_for_each(|(value, place): (_, usize)| prepared.raw_bind_parameter(place, value))
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Key(key) => ValueRef::Blob(key),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

struct SqliteRow<'a>(&'a rusqlite::Row<'a>);

impl Row for SqliteRow<'_> {
    fn column(&self, index: usize) -> Result<Cell<'_>, StoreError> {
        let wrong = |cause: &str| StoreError { what: "read", cause: cause.to_owned(), temporary: false };
        match self.0.get_ref(index).map_err(|error| fault("read", &error))? {
            ValueRef::Null => Ok(Cell::Null),
            ValueRef::Integer(number) => Ok(Cell::Int(number)),
            ValueRef::Blob(bytes) => Ok(Cell::Bytes(bytes)),
            ValueRef::Text(text) => std::str::from_utf8(text).map(Cell::Text).map_err(|_| wrong("text is not UTF-8")),
            ValueRef::Real(_) => Err(wrong("a column holds a fraction")),
        }
    }
}

//! Every row of a store as of one moment, out of one database and into another of any kind.
//!
//! ```no_run
//! # async fn copy(from: &firman_sql::SqlStore, to: &firman_sql::SqlStore) -> Result<(), firman_store::StoreError> {
//! let mut snapshot = from.snapshot().await?;
//! while let Some(rows) = snapshot.next().await? {
//!     to.load(&rows).await?;
//! }
//! # Ok(())
//! # }
//! ```

mod rows;
mod tables;

use std::collections::BTreeMap;

use firman_proto::digest::sha256;
use firman_store::{CommitError, StoreError};

use crate::driver::{View, Written};
use crate::plan::Plan;
use crate::row::{Cell, Row};
use crate::store::SqlStore;
use crate::value::{Query, Value, Write, hex};
pub use rows::Rows;
use tables::{TABLES, Table, page_values};

/// The most rows that are held at once.
const PAGE: u32 = 500;

/// Everything as of one moment, read page by page. Nobody waits for it; a database may hold back what was overwritten since.
pub struct Snapshot {
    view: Box<dyn View>,
    table: usize,
    /// The key of the last row that was read.
    after: Vec<Value>,
}

impl Snapshot {
    /// The next rows, of one table, in the order of its key; `None` at the end. The table of the deployment comes last.
    pub async fn next(&mut self) -> Result<Option<Rows>, StoreError> {
        while let Some(table) = TABLES.get(self.table) {
            if self.after.is_empty() {
                self.after = table.beginning();
            }
            let rows = page(&mut *self.view, table, &self.after).await?;
            if let Some(last) = rows.last() {
                self.after = table.key_of(last);
                return Ok(Some(Rows { table: table.name, columns: table.columns().to_vec(), list: rows }));
            }
            self.table += 1;
            self.after.clear();
        }
        Ok(None)
    }

    /// Reads to the end, and counts.
    pub async fn tally(mut self) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        while let Some(rows) = self.next().await? {
            tally.add(&rows);
        }
        Ok(tally)
    }
}

async fn page(view: &mut dyn View, table: &Table, after: &[Value]) -> Result<Vec<Vec<Value>>, StoreError> {
    let mut values = page_values(after);
    values.push(PAGE.into());
    let width = table.columns().len();
    let mut rows = Vec::new();
    let mut each = |_, row: &dyn Row| {
        rows.push((0..width).map(|column| value(row, column)).collect::<Result<_, _>>()?);
        Ok(())
    };
    view.read(Query { statement: table.page, values: &values }, &mut each).await?;
    Ok(rows)
}

fn value(row: &dyn Row, column: usize) -> Result<Value, StoreError> {
    Ok(match row.column(column)? {
        Cell::Null => Value::Null,
        Cell::Int(number) => Value::Int(number),
        Cell::Text(text) => Value::Text(text.to_owned()),
        Cell::Bytes(bytes) => bytes.try_into().map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::Key),
    })
}

impl SqlStore {
    /// Everything in the store as of now.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot { view: self.driver.snapshot().await?, table: 0, after: Vec::new() })
    }

    /// Whether there is not one row in any table.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.snapshot().await?.next().await?.is_none())
    }

    /// Writes rows as they are. A row whose key is there already stays as it is: loading twice does no harm.
    pub async fn load(&self, rows: &Rows) -> Result<(), StoreError> {
        let wrong = |cause: &str| StoreError { what: "load rows", cause: cause.to_owned(), temporary: false };
        let table = TABLES.iter().find(|table| table.name == rows.table).ok_or_else(|| wrong("of an unknown table"))?;
        let writes = rows.list.iter().map(|row| Write { statement: table.insert, values: table.insert_values(row) });
        match self.driver.write(Plan::unguarded(writes)).await {
            Ok(Written::Done(_)) => Ok(()),
            Ok(Written::Conflict(_)) => Err(wrong("a statement without a guard lost")),
            Err(CommitError::NotApplied(fault) | CommitError::Unknown(fault)) => Err(fault),
        }
    }
}

/// How many rows each table has, and a digest over all of them in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<&'static str, Copied>);

/// What was counted of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Rows.
    pub rows: u64,
    /// SHA-256 over the digest so far and the digest of each row.
    pub digest: [u8; 32],
}

impl Copied {
    /// The digest in hexadecimal.
    pub fn sha256(&self) -> String {
        hex(&self.digest)
    }
}

impl Tally {
    /// Counts rows that come next in their table.
    pub fn add(&mut self, rows: &Rows) {
        let table = self.0.entry(rows.table).or_default();
        for row in &rows.list {
            table.rows += 1;
            table.digest = sha256(&[table.digest, sha256(&rows::encoded(row))].concat());
        }
    }

    /// Table by table, by their default names; those without rows are not there.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, Copied)> {
        self.0.iter().map(|(name, copied)| (*name, *copied))
    }

    /// The same without one table.
    #[must_use]
    pub fn without(mut self, table: &str) -> Self {
        self.0.remove(table);
        self
    }

    /// Rows in all.
    pub fn total(&self) -> u64 {
        self.0.values().map(|copied| copied.rows).sum()
    }
}

#[cfg(test)]
mod tests;

//! Rows as bytes: what is in a backup. `docs/decisions/backup.md` has the format.

use firman_store::StoreError;

use super::tables::TABLES;
use crate::value::Value;

/// Rows of one table, in the order of its key.
#[derive(Clone, PartialEq)]
pub struct Rows {
    pub(super) table: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) list: Vec<Vec<Value>>,
}

/// Without what is in them.
impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows({} of {})", self.list.len(), self.table)
    }
}

impl Rows {
    /// The table, by its default name.
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The table, its columns, and the rows, as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(&mut out, self.table);
        put_length(&mut out, self.columns.len());
        self.columns.iter().for_each(|column| put_text(&mut out, column));
        put_length(&mut out, self.list.len());
        self.list.iter().for_each(|row| out.extend(encoded(row)));
        out
    }

    /// Reads what [`Rows::to_bytes`] gave, in this version of the program or an earlier one: a column that was not there then
    /// is NULL. A table or a column that is not known here is an error, because what it says would be lost.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut bytes = Bytes(bytes);
        let name = bytes.text()?;
        let table =
            TABLES.iter().find(|table| table.name == name).ok_or_else(|| wrong("a table of a later version"))?;
        let columns = table.columns();
        let width = bytes.length()?;
        let mut places = Vec::new();
        for _ in 0..width {
            let column = bytes.text()?;
            let place = columns.iter().position(|known| *known == column);
            places.push(place.ok_or_else(|| wrong("a column of a later version"))?);
        }
        let count = bytes.length()?;
        let mut rows = Vec::new();
        for _ in 0..count {
            let mut row = vec![Value::Null; columns.len()];
            for place in &places {
                let value = bytes.value()?;
                if let Some(column) = row.get_mut(*place) {
                    *column = value;
                }
            }
            rows.push(row);
        }
        if !bytes.0.is_empty() {
            return Err(wrong("bytes after the last row"));
        }
        Ok(Self { table: table.name, columns: columns.to_vec(), list: rows })
    }
}

/// A row, value by value: a kind, and what it needs.
pub(super) fn encoded(row: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in row {
        match value {
            Value::Null => out.push(0),
            Value::Int(number) => {
                out.push(1);
                out.extend(number.to_be_bytes());
            }
            Value::Key(key) => put_bytes(&mut out, 2, key),
            Value::Bytes(bytes) => put_bytes(&mut out, 2, bytes),
            Value::Text(text) => put_bytes(&mut out, 3, text.as_bytes()),
        }
    }
    out
}

fn put_bytes(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    put_length(out, bytes.len());
    out.extend(bytes);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend(text.as_bytes());
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // A column holds far less than 4 GiB in every database.
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        let (taken, left) = self.0.split_at_checked(length).ok_or_else(|| wrong("rows that break off"))?;
        self.0 = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.take(N)?.try_into().map_err(|_| wrong("rows that break off"))
    }

    fn length(&mut self) -> Result<usize, StoreError> {
        Ok(u32::from_be_bytes(self.array()?) as usize)
    }

    fn text(&mut self) -> Result<&'a str, StoreError> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| wrong("text that is not UTF-8"))
    }

    fn value(&mut self) -> Result<Value, StoreError> {
        let [kind] = self.array()?;
        Ok(match kind {
            0 => Value::Null,
            1 => Value::Int(i64::from_be_bytes(self.array()?)),
            2 => {
                let length = self.length()?;
                let bytes = self.take(length)?;
                bytes.try_into().map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::Key)
            }
            3 => Value::Text(self.text()?.to_owned()),
            _ => return Err(wrong("a value of a later version")),
        })
    }
}

fn wrong(cause: &str) -> StoreError {
    StoreError { what: "read rows of a copy", cause: cause.to_owned(), temporary: false }
}

//! Reading a row: one column after the other, in the order of the schema.

use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::scope::Scope;
use firman_proto::seal::Salt;
use firman_proto::time::Timestamp;
use firman_store::StoreError;
use firman_store::record::{Epochs, Subject};

/// A row that a driver shows.
pub(crate) trait Row {
    /// What is in a column.
    fn column(&self, index: usize) -> Result<Cell<'_>, StoreError>;
}

/// What is in a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
}

/// The columns of a row, from left to right.
pub(crate) struct Columns<'a> {
    row: &'a dyn Row,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(row: &'a dyn Row) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    /// The next column.
    pub(crate) fn cell(&mut self) -> Result<Cell<'a>, StoreError> {
        let index = self.next;
        self.next += 1;
        self.row.column(index)
    }

    /// A fault: the column just read holds something else than it should.
    pub(crate) fn wrong(&self, expected: &str) -> StoreError {
        let cause = format!("column {} holds no {expected}; the database was changed by hand or is damaged", self.next);
        StoreError { what: "read a record", cause, temporary: false }
    }

    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        self.maybe_int()?.ok_or_else(|| self.wrong("integer"))
    }

    pub(crate) fn maybe_int(&mut self) -> Result<Option<i64>, StoreError> {
        match self.cell()? {
            Cell::Int(number) => Ok(Some(number)),
            Cell::Null => Ok(None),
            _ => Err(self.wrong("integer")),
        }
    }

    /// An unsigned number, stored bit by bit.
    pub(crate) fn unsigned(&mut self) -> Result<u64, StoreError> {
        self.int().map(i64::cast_unsigned)
    }

    pub(crate) fn small(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.int()?).map_err(|_| self.wrong("number below 2^32"))
    }

    pub(crate) fn maybe_small(&mut self) -> Result<Option<u32>, StoreError> {
        let Some(number) = self.maybe_int()? else { return Ok(None) };
        u32::try_from(number).map(Some).map_err(|_| self.wrong("number below 2^32"))
    }

    /// A number that stands for something, by a table that may not know it.
    pub(crate) fn numbered<T>(&mut self, known: impl Fn(u8) -> Option<T>) -> Result<T, StoreError> {
        let number = u8::try_from(self.int()?).ok();
        number.and_then(known).ok_or_else(|| self.wrong("known number"))
    }

    /// The same; NULL is nothing.
    pub(crate) fn maybe_numbered<T>(&mut self, known: impl Fn(u8) -> Option<T>) -> Result<Option<T>, StoreError> {
        let Some(number) = self.maybe_int()? else { return Ok(None) };
        u8::try_from(number).ok().and_then(known).map(Some).ok_or_else(|| self.wrong("known number"))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.int().map(Timestamp::from_millis)
    }

    pub(crate) fn maybe_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_int()?.map(Timestamp::from_millis))
    }

    pub(crate) fn issuer(&mut self) -> Result<IssuerNumber, StoreError> {
        self.small().map(IssuerNumber)
    }

    pub(crate) fn maybe_bytes(&mut self) -> Result<Option<&'a [u8]>, StoreError> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(self.wrong("bytes")),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        self.maybe_bytes()?.ok_or_else(|| self.wrong("bytes"))
    }

    pub(crate) fn maybe_key(&mut self) -> Result<Option<[u8; 16]>, StoreError> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Bytes(bytes) => bytes.try_into().map(Some).map_err(|_| self.wrong("key of 16 bytes")),
            _ => Err(self.wrong("key of 16 bytes")),
        }
    }

    pub(crate) fn key(&mut self) -> Result<[u8; 16], StoreError> {
        self.maybe_key()?.ok_or_else(|| self.wrong("key of 16 bytes"))
    }

    pub(crate) fn id(&mut self) -> Result<RecordId, StoreError> {
        self.key().map(RecordId::from_bytes)
    }

    pub(crate) fn maybe_id(&mut self) -> Result<Option<RecordId>, StoreError> {
        Ok(self.maybe_key()?.map(RecordId::from_bytes))
    }

    pub(crate) fn salt(&mut self) -> Result<Salt, StoreError> {
        self.key().map(Salt::from_bytes)
    }

    pub(crate) fn maybe_salt(&mut self) -> Result<Option<Salt>, StoreError> {
        Ok(self.maybe_key()?.map(Salt::from_bytes))
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<&'a str>, StoreError> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            _ => Err(self.wrong("text")),
        }
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, StoreError> {
        self.maybe_text()?.ok_or_else(|| self.wrong("text"))
    }

    pub(crate) fn maybe_string(&mut self) -> Result<Option<String>, StoreError> {
        Ok(self.maybe_text()?.map(str::to_owned))
    }

    pub(crate) fn string(&mut self) -> Result<String, StoreError> {
        self.text().map(str::to_owned)
    }

    pub(crate) fn scope(&mut self) -> Result<Scope, StoreError> {
        Scope::parse(self.text()?).map_err(|_| self.wrong("scope"))
    }

    pub(crate) fn maybe_scope(&mut self) -> Result<Option<Scope>, StoreError> {
        self.maybe_text()?.map(|text| Scope::parse(text).map_err(|_| self.wrong("scope"))).transpose()
    }

    pub(crate) fn subject(&mut self) -> Result<Subject, StoreError> {
        Subject::new(self.text()?).ok_or_else(|| self.wrong("subject"))
    }

    pub(crate) fn maybe_subject(&mut self) -> Result<Option<Subject>, StoreError> {
        self.maybe_text()?.map(|text| Subject::new(text).ok_or_else(|| self.wrong("subject"))).transpose()
    }

    /// A text that something else reads.
    pub(crate) fn parsed<T>(&mut self, what: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        read(self.text()?).ok_or_else(|| self.wrong(what))
    }

    /// Three epochs side by side; one that was never advanced is 0.
    pub(crate) fn epochs(&mut self) -> Result<Epochs, StoreError> {
        let mut counter = || self.maybe_int().map(|count| count.unwrap_or(0).cast_unsigned());
        Ok(Epochs { everything: counter()?, client: counter()?, subject: counter()? })
    }

    /// A list of texts as JSON; NULL is the empty one.
    pub(crate) fn list(&mut self) -> Result<Vec<String>, StoreError> {
        match self.maybe_text()? {
            None => Ok(Vec::new()),
            Some(text) => serde_json::from_str(text).map_err(|_| self.wrong("JSON list of texts")),
        }
    }
}

/// A list of texts as JSON, if there is one in it.
pub(crate) fn list_text(list: &[String]) -> Option<String> {
    let quoted = || serde_json::Value::from(list).to_string();
    (!list.is_empty()).then(quoted)
}

//! A row as both protocols show it: prepared statements give integers, texts give their digits.

use firman_store::StoreError;
use mysql_async::Value;
use mysql_async::consts::ColumnType;

use crate::row::{Cell, Row};

/// The character set of what is not text.
const BINARY: u16 = 63;

/// A row of this driver.
pub(super) struct Shown<'a>(pub(super) &'a mysql_async::Row);

impl Row for Shown<'_> {
    fn column(&self, index: usize) -> Result<Cell<'_>, StoreError> {
        let columns = self.0.columns_ref();
        let (Some(value), Some(column)) = (self.0.as_ref(index), columns.get(index)) else {
            return Err(fault(format!("there is no column {index}")));
        };
        match value {
            Value::NULL => Ok(Cell::Null),
            Value::Int(number) => Ok(Cell::Int(*number)),
            Value::UInt(number) => {
                i64::try_from(*number).map(Cell::Int).map_err(|_| fault("a number is too large".to_owned()))
            }
            Value::Bytes(bytes) if is_integer(column.column_type()) => {
                let digits = std::str::from_utf8(bytes).ok().and_then(|digits| digits.parse().ok());
                digits.map(Cell::Int).ok_or_else(|| fault(format!("column {index} holds no integer")))
            }
            Value::Bytes(bytes) if column.character_set() == BINARY => Ok(Cell::Bytes(bytes)),
            Value::Bytes(bytes) => std::str::from_utf8(bytes)
                .map(Cell::Text)
                .map_err(|_| fault(format!("column {index} holds text that is not UTF-8"))),
            _ => Err(fault(format!("column {index} is of a type that is not ours"))),
        }
    }
}

fn is_integer(kind: ColumnType) -> bool {
    use ColumnType::{MYSQL_TYPE_INT24, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_SHORT, MYSQL_TYPE_TINY};
    matches!(kind, MYSQL_TYPE_LONGLONG | MYSQL_TYPE_LONG | MYSQL_TYPE_INT24 | MYSQL_TYPE_SHORT | MYSQL_TYPE_TINY)
}

fn fault(cause: String) -> StoreError {
    StoreError { what: "read a record", cause, temporary: false }
}

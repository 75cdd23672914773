//! What stands for a placeholder, and what a statement needs to run.

use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::seal::Salt;
use firman_proto::time::{Day, Timestamp};
use firman_store::CommitId;

use crate::statements::Statement;

/// A parameter: integers, text and bytes are all there is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    /// 16 bytes, without a place on the heap.
    Key([u8; 16]),
    Bytes(Vec<u8>),
    Text(String),
}

/// A statement that writes, with its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) statement: Statement,
    pub(crate) values: Vec<Value>,
}

impl Write {
    /// Whether this is its last parameter.
    pub(crate) fn ends_with(&self, bytes: &[u8]) -> bool {
        matches!(self.values.last(), Some(Value::Key(key)) if key == bytes)
    }

    /// The same, where it must not be taken for done without having been: an insert that finds the row there fails.
    pub(crate) fn or_fail(&self) -> Self {
        match (self.statement, self.values.split_last()) {
            (Statement::InsertGrant, Some((_key_again, row))) => {
                Self { statement: Statement::InsertClaimedGrant, values: row.to_vec() }
            }
            _ => self.clone(),
        }
    }
}

/// A statement that reads, with its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    pub(crate) statement: Statement,
    pub(crate) values: &'a [Value],
}

/// `values![a, b, …]`: a vector of [`Value`]s.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

/// `params![a, b, …]`: an array of [`Value`]s.
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::value::Value::from($value)),*] };
}
pub(crate) use params;

/// Bytes in hexadecimal, for people who look into the database.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
}

macro_rules! from {
    ($($type:ty, $value:ident => $made:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

from! {
    i64, number => Self::Int(number);
    u32, number => Self::Int(number.into());
    u8, number => Self::Int(number.into());
    bool, flag => Self::Int(flag.into());
    // Bit by bit: a serial may have its highest bit set.
    u64, number => Self::Int(number.cast_signed());
    Timestamp, time => Self::Int(time.millis());
    Day, day => Self::Int(day.number().into());
    IssuerNumber, issuer => Self::Int(issuer.0.into());
    [u8; 16], key => Self::Key(key);
    RecordId, id => Self::Key(*id.as_bytes());
    Digest16, digest => Self::Key(digest.0);
    CommitId, id => Self::Key(id.0);
    &Salt, salt => Self::Key(*salt.expose());
    String, text => Self::Text(text);
    &str, text => Self::Text(text.to_owned());
    &[u8], bytes => Self::Bytes(bytes.to_vec());
}

impl<T> From<Option<T>> for Value
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

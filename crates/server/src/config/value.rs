//! How a written value gets its type, and back.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::raw::Raw;
use super::schema::Kind;

/// The type of a setting.
pub(super) trait Value: Sized {
    /// How it is written.
    const KIND: Kind;

    /// From what was written, which is of the right kind and in range. `Err`: what may be given, to complete "give …".
    fn from_raw(raw: &Raw) -> Result<Self, String>;

    /// As it would be written; of a secret, only whether it is set.
    fn to_raw(&self) -> Raw;
}

/// A type that is written as a text.
pub(super) trait Textual: Sized {
    /// What may be given, to complete "give …".
    const EXPECTED: &str;

    fn parse(text: &str) -> Option<Self>;

    fn text(&self) -> String;
}

impl<T: Textual> Value for T {
    const KIND: Kind = Kind::Text;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let Raw::Text(text) = raw else { return Err(T::EXPECTED.to_owned()) };
        T::parse(text).ok_or_else(|| T::EXPECTED.to_owned())
    }

    fn to_raw(&self) -> Raw {
        Raw::from(self.text().as_str())
    }
}

/// An empty text is none.
impl<T: Textual> Value for Option<T> {
    const KIND: Kind = Kind::Text;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text.is_empty() => Ok(None),
            other => T::from_raw(other).map(Some),
        }
    }

    fn to_raw(&self) -> Raw {
        self.as_ref().map_or_else(|| Raw::from(""), Value::to_raw)
    }
}

impl Value for u32 {
    const KIND: Kind = Kind::Whole;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let Raw::Whole(whole) = raw else { return Err("a whole number".to_owned()) };
        Self::try_from(*whole).map_err(|_| format!("a whole number from 0 to {}", Self::MAX))
    }

    fn to_raw(&self) -> Raw {
        Raw::Whole(i64::from(*self))
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Flag;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let Raw::Flag(flag) = raw else { return Err("true or false".to_owned()) };
        Ok(*flag)
    }

    fn to_raw(&self) -> Raw {
        Raw::Flag(*self)
    }
}

impl Textual for SocketAddr {
    const EXPECTED: &str = "an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Textual for PathBuf {
    const EXPECTED: &str = "the path of a file";

    fn parse(text: &str) -> Option<Self> {
        Some(Self::from(text))
    }

    fn text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

//! How each record becomes a row and a row a record. The order of columns is that of the schema.

pub(crate) mod account;
mod body;
pub(crate) mod client;
pub(crate) mod consent;
pub(crate) mod event;
pub(crate) mod flow;
pub(crate) mod grant;
pub(crate) mod key;
pub(crate) mod session;

/// Texts joined by a space, as RFC 6749 writes lists.
fn spaced<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}

/// Each text of such a list, read; `None` if one cannot be.
fn from_spaced<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(' ').filter(|part| !part.is_empty()).map(read).collect()
}
